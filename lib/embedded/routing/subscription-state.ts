import type { Side, Subscription } from '../store/rosters.js';

/** The presence types that change a subscription. */
export type SubscriptionType = 'subscribe' | 'subscribed' | 'unsubscribe' | 'unsubscribed';

/** What becomes of one side. Where a state of it is missing, nothing changes and the stanza goes no further. */
interface Rule {
  readonly side: keyof Subscription;
  readonly next: Readonly<Partial<Record<Side, Side>>>;
}

/** What the user's own stanzas change, and whether they are passed on. [RFC6121 A.2] */
const OUTBOUND: Readonly<Record<SubscriptionType, Rule>> = {
  subscribe: { side: 'mine', next: { none: 'asked', asked: 'asked', granted: 'granted' } },
  unsubscribe: { side: 'mine', next: { none: 'none', asked: 'none', granted: 'none' } },
  subscribed: { side: 'theirs', next: { asked: 'granted' } },
  unsubscribed: { side: 'theirs', next: { asked: 'none', granted: 'none' } },
};

/** What the contact's stanzas change, and whether the user is told. [RFC6121 A.3] */
const INBOUND: Readonly<Record<SubscriptionType, Rule>> = {
  subscribe: { side: 'theirs', next: { none: 'asked' } },
  unsubscribe: { side: 'theirs', next: { asked: 'none', granted: 'none' } },
  subscribed: { side: 'mine', next: { asked: 'granted' } },
  unsubscribed: { side: 'mine', next: { asked: 'none', granted: 'none' } },
};

/** The state of two accounts that do not know each other. */
export const STRANGERS: Subscription = { mine: 'none', theirs: 'none' };

export function isSubscriptionType(type: string | undefined): type is SubscriptionType {
  return type !== undefined && Object.hasOwn(INBOUND, type);
}

/** The state after a stanza of the user; undefined where it must not be passed on. */
export function outbound(state: Subscription, type: SubscriptionType): Subscription | undefined {
  return follow(OUTBOUND[type], state);
}

/** The state after a stanza of the contact; undefined where the user must not be told. */
export function inbound(state: Subscription, type: SubscriptionType): Subscription | undefined {
  return follow(INBOUND[type], state);
}

function follow({ side, next }: Rule, state: Subscription): Subscription | undefined {
  const value = next[state[side]];
  return value && { mine: state.mine, theirs: state.theirs, [side]: value };
}

/** The state as a roster item spells it. [RFC6121 2.1.2.5] */
export function subscriptionName({ mine, theirs }: Subscription): 'none' | 'to' | 'from' | 'both' {
  if (mine === 'granted') return theirs === 'granted' ? 'both' : 'to';
  return theirs === 'granted' ? 'from' : 'none';
}
