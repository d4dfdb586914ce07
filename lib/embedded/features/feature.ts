import type { Condition } from '../../xmpp/stanza-error.js';
import type { Element } from '../../xml/index.js';
import type { Services } from '../services.js';
import type { Steps } from '../routing/scheduler.js';
import type { Session } from '../routing/connected-resource.js';

/** An iq get or set that a client has sent to the server or to an account. */
export interface Query {
  readonly type: 'get' | 'set';
  /** The one element inside. */
  readonly payload: Element;
  /** Whom the client asks: us, or an account (its own where it names nobody). */
  readonly target: 'server' | 'account';
  /** Bare address of the account that is asked; the server's name where the server is. */
  readonly address: string;
  /** Does the client ask its own account? */
  readonly own: boolean;
  /** Did the client name nobody? The oldest ones mean the server by that. */
  readonly unaddressed: boolean;
  readonly session: Session;
  /** Has something done after the answer is on its way. */
  readonly after: (action: () => void) => void;
}

/** What goes into the result (nothing, or one element), or what is wrong with the query. */
export type Answer = Element | undefined | Condition;

/** One thing that the session manager can do, in a file of its own under `features/`. */
export interface Feature {
  /** What disco#info announces, of the server and of every account. [XEP-0030 3] */
  readonly announces?: readonly string[];
  /** Answers to queries, by the namespace of what they hold. */
  readonly answers?: Readonly<Record<string, (query: Query) => Answer>>;
  /** The session takes messages from now on: it was not there, or had a negative priority. */
  readonly ready?: (session: Session) => Steps;
  /** Takes a message that must not overtake those that are being given out to that account. False where there are none. */
  readonly follows?: (message: Element, account: string) => boolean;
  /** Nobody is there for a message to that account. Answers true where it was kept, or what to tell the sender. */
  readonly undelivered?: (message: Element, account: string) => true | Refusal;
}

/** What to tell the sender of a stanza. */
export interface Refusal {
  readonly condition: Condition;
  readonly text?: string;
}

/** What a file under `features/` exports as its default. Called once for each session manager. */
export type FeatureFactory = (services: Services) => Feature;
