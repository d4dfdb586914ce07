/** jabber:iq:roster: get, set, remove. [RFC6121 2] */
import type { Element } from '../../xml/index.js';
import type { Answer, Feature, Query } from './feature.js';
import { Jid } from '../../xmpp/jid.js';
import type { Condition } from '../../xmpp/stanza-error.js';
import { ROSTER } from '../routing/roster.js';
import type { Services } from '../services.js';

export default function roster(services: Services): Feature {
  function get({ session, payload }: Query): Answer {
    session.interested = true;
    const current = String(session.roster.version());
    // An empty result says that the client's copy is the current one. [RFC6121 2.6.3]
    return payload.attribute('ver') === current ? undefined : services.roster.query(session.bareJid);
  }

  function set(query: Query): Answer {
    const [item, ...others] = query.payload.elements;
    if (!isItem(item) || others.length > 0) return 'bad-request';
    const jid = Jid.parse(item.attribute('jid'));
    if (!jid) return 'jid-malformed';
    if (jid.bare === query.session.bareJid) return 'not-allowed';
    return item.attribute('subscription') === 'remove'
      ? remove(query, jid.full)
      : update(query, jid.full, item);
  }

  /** Name and groups are the user's to set, the subscription is not. [RFC6121 2.3.2] */
  function update({ session, after }: Query, jid: string, item: Element): Answer {
    const account = session.bareJid;
    const known = session.roster.get(jid);
    if (!known && !services.roster.hasRoom(account)) return 'resource-constraint';
    const groups = groupsOf(item);
    const name = item.attribute('name') || undefined;
    const wrong = wrongWith(groups) ?? tooMuch([...groups, name ?? '']);
    if (wrong) return wrong;
    const grown = jid.length + (name ?? '').length + groups.join().length;
    if (services.store.rosters.characters(account) + grown > services.limits.rosterCharacters) {
      return 'resource-constraint';
    }
    const contact = { ...(known ?? services.roster.stranger(jid)), name, groups, listed: true };
    services.store.rosters.save(account, contact);
    after(() => services.roster.push(account, contact));
    return undefined;
  }

  /** The groups with the name behind them. [RFC6121 2.3.3] */
  function tooMuch(texts: readonly string[]): Condition | undefined {
    const { groups, nameCharacters } = services.limits;
    const isTooMuch = texts.length > groups + 1 || texts.some((text) => text.length > nameCharacters);
    return isTooMuch ? 'not-acceptable' : undefined;
  }

  /** [RFC6121 2.5] */
  function remove({ session, after }: Query, jid: string): Answer {
    const account = session.bareJid;
    const known = session.roster.get(jid);
    if (!known?.listed) return 'item-not-found';
    services.store.rosters.change(() => {
      const unlisted = { ...known, listed: false };
      services.store.rosters.save(account, unlisted);
      services.subscriptions.cancel(account, unlisted);
    });
    after(() => services.roster.pushRemoval(account, jid));
    return undefined;
  }

  return {
    answers: {
      [ROSTER]: (query) => {
        if (!query.own) return query.target === 'account' ? 'forbidden' : 'service-unavailable';
        return query.type === 'get' ? get(query) : set(query);
      },
    },
  };
}

function isItem(element: Element | undefined): element is Element {
  return element?.localName === 'item' && element.namespace === ROSTER && element.attributes.has('jid');
}

function groupsOf(item: Element): string[] {
  return item.elements.filter((child) => child.localName === 'group').map((group) => group.text);
}

/** Who wants a contact in no group names none. [RFC6121 2.3.3] */
function wrongWith(groups: readonly string[]): Condition | undefined {
  if (groups.includes('')) return 'not-acceptable';
  return new Set(groups).size < groups.length ? 'bad-request' : undefined;
}
