import { withULabels } from '../config/domain.js';
import type { Log } from '../observe/log.js';
import type { Condition } from '../xmpp/stanza-error.js';
import { element, type Element } from '../xml/index.js';
import { Chores } from './store/deferred-tasks.js';
import type { Dialect } from './dialects/dialect.js';
import { DIALECTS } from './dialects/index.js';
import type { Feature } from './features/feature.js';
import { createFeatures } from './features/index.js';
import { Journal } from './store/journal.js';
import { LastSeenTimes } from './store/last-activity.js';
import { DEFAULT_LIMITS, type EmbeddedLimits } from './limits.js';
import { Messages } from './routing/messages.js';
import { Presence } from './routing/presence.js';
import { mayBeRefused, refused } from './routing/refusal.js';
import { Roster } from './routing/roster.js';
import { Schedule } from './routing/scheduler.js';
import type { Services } from './services.js';
import type { SessionManagerOptions } from './session-manager.js';
import { SessionTable } from './routing/connected-resources.js';
import type { Store } from './store/store.js';
import { Subscriptions } from './routing/subscriptions.js';

/** The parts of one session manager, each of which finds the others here. */
export class Parts implements Services {
  readonly domains: ReadonlySet<string>;
  readonly registration: boolean;
  readonly dialect: Dialect;
  readonly limits: EmbeddedLimits;
  readonly log: Log;
  readonly store: Store;
  readonly journal: Journal;
  readonly chores: Chores;
  readonly lastSeen: LastSeenTimes;
  readonly started = Date.now();
  readonly sessions = new SessionTable();
  readonly schedule: Schedule;
  readonly messages: Messages = new Messages(this);
  readonly presence: Presence = new Presence(this);
  readonly roster: Roster = new Roster(this);
  readonly subscriptions: Subscriptions = new Subscriptions(this);
  readonly features: readonly Feature[];

  constructor(
    options: SessionManagerOptions,
    readonly end: Services['end'],
  ) {
    this.domains = new Set(options.domains.map((domain) => withULabels(domain)));
    this.registration = options.registration;
    this.dialect = DIALECTS[options.dialect ?? 'sto-sfrom'];
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.log = options.log;
    this.store = options.store;
    this.journal = new Journal(options.store, options.log);
    this.chores = new Chores(this.journal, options.log);
    this.lastSeen = new LastSeenTimes(options.store, this.chores);
    const failed = (error: unknown): void =>
      this.log.error('work for a user could not be done', { error: String(error) });
    this.schedule = new Schedule(failed, options.now);
    this.features = createFeatures(this);
  }

  /** The sender is one of our sessions, or gone. */
  refuse(stanza: Element, condition: Condition, text?: string): void {
    if (!mayBeRefused(stanza)) return;
    const sender = this.sessions.get(stanza.attribute('from') ?? '');
    const error = refused(stanza, condition, text);
    if (!sender || sender.send(error)) return;
    // What it held was too long, or what else stood in its opening tag.
    const { id, from, to } = Object.fromEntries(error.attributes);
    sender.send(element(error.name, { type: 'error', id, from, to }, error.children.at(-1)!));
  }
}
