import { expect } from 'chai';
import { inbound, outbound, subscriptionName } from '../../../lib/embedded/routing/subscription-state.js';
import type { Subscription } from '../../../lib/embedded/store/rosters.js';

/** The nine states by the names of RFC 6121 A.1. */
const STATES: Record<string, Subscription> = {
  None: { mine: 'none', theirs: 'none' },
  'None+PO': { mine: 'asked', theirs: 'none' },
  'None+PI': { mine: 'none', theirs: 'asked' },
  'None+POI': { mine: 'asked', theirs: 'asked' },
  To: { mine: 'granted', theirs: 'none' },
  'To+PI': { mine: 'granted', theirs: 'asked' },
  From: { mine: 'none', theirs: 'granted' },
  'From+PO': { mine: 'asked', theirs: 'granted' },
  Both: { mine: 'granted', theirs: 'granted' },
};

/** What the tables of the appendix say: "-" is MUST NOT route (or deliver), otherwise the new state. */
const OUTBOUND = {
  subscribe: 'None+PO None+PO None+POI None+POI To To+PI From+PO From+PO Both',
  unsubscribe: 'None None None+PI None+PI None None+PI From From From',
  subscribed: '- - From From+PO - Both - - -',
  unsubscribed: '- - None None+PO - To None None+PO To',
};
const INBOUND = {
  subscribe: 'None+PI None+POI - - To+PI - - - -',
  unsubscribe: '- - None None+PO - To None None+PO To',
  subscribed: '- To - To+PI - - - Both -',
  unsubscribed: '- None - None+PI None None+PI - From From',
};

const TABLES = [
  { name: 'outbound [RFC6121 A.2]', table: OUTBOUND, follow: outbound },
  { name: 'inbound [RFC6121 A.3]', table: INBOUND, follow: inbound },
];

describe('embedded: subscription states', () => {
  for (const { name, table, follow } of TABLES) {
    for (const [type, row] of Object.entries(table)) {
      it(`${name} ${type}`, () => {
        const expected = row.split(' ').map((state) => (state === '-' ? undefined : STATES[state]));
        const found = Object.values(STATES).map((state) => follow(state, type as keyof typeof table));
        expect(found).to.deep.equal(expected);
      });
    }
  }

  it('are spelled in the roster by what is granted', () => {
    expect(Object.values(STATES).map(subscriptionName).join(' ')).to.equal(
      'none none none none to to from from both',
    );
  });
});
