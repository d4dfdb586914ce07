/** One direction of a subscription. */
export type Side = 'none' | 'asked' | 'granted';

/**
 * How an account and a contact stand to each other. The nine pairs are the nine states of [RFC6121 A.1]: "None +
 * Pending Out" is mine asked, "From" is theirs granted, and so on.
 */
export interface Subscription {
  /** Does the account see the contact's presence? */
  readonly mine: Side;
  /** Does the contact see the account's presence? */
  readonly theirs: Side;
}

/** The presence types that change a subscription. */
export type SubscriptionType = 'subscribe' | 'subscribed' | 'unsubscribe' | 'unsubscribed';

/** What becomes of a side; where a side is missing, nothing changes and the stanza goes no further. */
interface Rule {
  readonly side: keyof Subscription;
  readonly next: Readonly<Partial<Record<Side, Side>>>;
}

/** What the user's own stanzas do, and whether they are passed on. [RFC6121 A.2] */
const OUTBOUND: Readonly<Record<SubscriptionType, Rule>> = {
  subscribe: { side: 'mine', next: { none: 'asked', asked: 'asked', granted: 'granted' } },
  unsubscribe: { side: 'mine', next: { none: 'none', asked: 'none', granted: 'none' } },
  subscribed: { side: 'theirs', next: { asked: 'granted' } },
  unsubscribed: { side: 'theirs', next: { asked: 'none', granted: 'none' } },
};

/** What the contact's stanzas do, and whether the user is told. [RFC6121 A.3] */
const INBOUND: Readonly<Record<SubscriptionType, Rule>> = {
  subscribe: { side: 'theirs', next: { none: 'asked' } },
  unsubscribe: { side: 'theirs', next: { asked: 'none', granted: 'none' } },
  subscribed: { side: 'mine', next: { asked: 'granted' } },
  unsubscribed: { side: 'mine', next: { asked: 'none', granted: 'none' } },
};

/** Two who do not know each other. */
export const STRANGERS: Subscription = { mine: 'none', theirs: 'none' };

export function isSubscriptionType(type: string | undefined): type is SubscriptionType {
  return type !== undefined && Object.hasOwn(INBOUND, type);
}

/** Where a stanza of the user's leads; undefined where it must not be passed on. */
export function outbound(state: Subscription, type: SubscriptionType): Subscription | undefined {
  return follow(OUTBOUND[type], state);
}

/** Where a stanza of the contact's leads; undefined where the user must not be told. */
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
