import type { Log } from '../observe/log.js';
import type { Condition } from '../xmpp/stanza-error.js';
import type { Element } from '../xml/index.js';
import type { Dialect } from './dialects/dialect.js';
import type { Feature } from './features/feature.js';
import type { Chores } from './store/deferred-tasks.js';
import type { Journal } from './store/journal.js';
import type { LastSeenTimes } from './store/last-activity.js';
import type { EmbeddedLimits } from './limits.js';
import type { Messages } from './routing/messages.js';
import type { Presence } from './routing/presence.js';
import type { Roster } from './routing/roster.js';
import type { Schedule } from './routing/scheduler.js';
import type { Session, SessionEnd } from './routing/connected-resource.js';
import type { SessionTable } from './routing/connected-resources.js';
import type { Store } from './store/store.js';
import type { Subscriptions } from './routing/subscriptions.js';

/** What the parts of the session manager know of each other. */
export interface Services {
  /** The names we go by, folded. */
  readonly domains: ReadonlySet<string>;
  /** May accounts be made before login? */
  readonly registration: boolean;
  readonly dialect: Dialect;
  readonly limits: EmbeddedLimits;
  readonly log: Log;
  readonly store: Store;
  readonly journal: Journal;
  readonly chores: Chores;
  readonly lastSeen: LastSeenTimes;
  readonly sessions: SessionTable;
  readonly features: readonly Feature[];
  readonly messages: Messages;
  readonly presence: Presence;
  readonly roster: Roster;
  readonly schedule: Schedule;
  readonly subscriptions: Subscriptions;
  /** When we started, in milliseconds since 1970. */
  readonly started: number;
  /** Ends a session, once. */
  readonly end: (session: Session, reason: SessionEnd) => void;
  /** Tells the sender of a stanza, by its `from`, what is wrong with it; nothing where it may not be told. */
  refuse(stanza: Element, condition: Condition, text?: string): void;
}
