import type { Element } from '../../xml/index.js';
import type { Condition } from '../../xmpp/stanza-error.js';
import type { ConnectedResource } from '../routing/connected-resources.js';
import type { Steps } from '../routing/scheduler.js';

/** An iq get or set of a client to the server or to an account. */
export interface Query {
  readonly type: 'get' | 'set';
  /** The one element inside. */
  readonly payload: Element;
  /** Is the server asked, or an account (the client's own where the iq has no `to`)? */
  readonly target: 'server' | 'account';
  /** Bare address of the account that is asked; the domain where the server is asked. */
  readonly address: string;
  /** Does the client ask its own account? */
  readonly own: boolean;
  /** Has the iq no `to`? The oldest clients mean the server by that. */
  readonly unaddressed: boolean;
  /** The resource that asks. */
  readonly resource: ConnectedResource;
  /** Has something done after the answer was sent. */
  readonly after: (action: () => void) => void;
}

/** The content of the result (one element, or none), or the condition of the error. */
export type QueryAnswer = Element | undefined | Condition;

/** One thing that the session manager can do, in a file of its own in this folder. */
export interface Feature {
  /** What disco#info announces, of the server and of every account. [XEP-0030 3] */
  readonly announces?: readonly string[];
  /** Answers to queries, by the namespace of their payload. */
  readonly answers?: Readonly<Record<string, (query: Query) => QueryAnswer>>;
  /** Called when a resource begins to take messages: it was not available, or had a negative priority. */
  readonly ready?: (resource: ConnectedResource) => Steps;
  /** Keeps a message that must not overtake stored ones on their way to that account; false where there are none. */
  readonly follows?: (message: Element, account: string) => boolean;
  /** Takes a message to an account without a resource for it. Answers true where it was kept, or how to refuse it. */
  readonly undelivered?: (message: Element, account: string) => true | Refusal;
}

/** The error that the sender of a stanza gets. */
export interface Refusal {
  readonly condition: Condition;
  readonly text?: string;
}

/** Answers a get that only the server answers; the oldest clients send it without `to`. */
export function askedOfServer({ type, target, unaddressed }: Query, answer: () => QueryAnswer): QueryAnswer {
  if (target === 'account' && !unaddressed) return 'service-unavailable';
  return type === 'get' ? answer() : 'not-allowed';
}
