import type { ComponentDialect } from '../config/config.js';
import { withULabels } from '../config/domain.js';
import type { Log } from '../observe/log.js';
import type { ServerDialect } from './dialects/dialect.js';
import { serverRoute } from './dialects/route.js';
import { serverStoSfrom } from './dialects/sto-sfrom.js';
import type { Feature } from './features/feature.js';
import { DEFAULT_LIMITS, type EmbeddedLimits } from './limits.js';
import { ConnectedResources } from './routing/connected-resources.js';
import { Scheduler } from './routing/scheduler.js';
import { DeferredTasks } from './store/deferred-tasks.js';
import { Journal } from './store/journal.js';
import { LastActivityTracker } from './store/last-activity.js';
import type { Store } from './store/store.js';

export interface SessionManagerOptions {
  /** The names it serves. */
  readonly domains: readonly string[];
  /** The component name of its peers: the host of their socket addresses. */
  readonly name: string;
  /** Secret shared with the peers. */
  readonly secret: string;
  /** Where accounts and the rest are kept. Stays open when the session manager stops. */
  readonly store: Store;
  /** May accounts be made before login? */
  readonly registration: boolean;
  readonly log: Log;
  /** How sessions are addressed on the links; default `sto-sfrom`. */
  readonly dialect?: ComponentDialect;
  readonly limits?: Partial<EmbeddedLimits>;
  /** A clock in milliseconds, by which users take turns. */
  readonly now?: () => number;
}

/** The state of one session manager, for everything that routes or answers stanzas. */
export interface EmbeddedContext {
  /** The served domains, folded. */
  readonly domains: ReadonlySet<string>;
  /** May accounts be made before login? */
  readonly registration: boolean;
  readonly dialect: ServerDialect;
  readonly limits: EmbeddedLimits;
  readonly log: Log;
  readonly store: Store;
  readonly journal: Journal;
  readonly deferred: DeferredTasks;
  readonly lastActivity: LastActivityTracker;
  readonly resources: ConnectedResources;
  readonly scheduler: Scheduler;
  readonly features: readonly Feature[];
  /** When the session manager started, in milliseconds since 1970. */
  readonly started: number;
}

const DIALECTS: Readonly<Record<ComponentDialect, ServerDialect>> = {
  'sto-sfrom': serverStoSfrom,
  route: serverRoute,
};

/** @param createFeatures makes the features, which find everything else in the context */
export function createContext(
  options: SessionManagerOptions,
  createFeatures: (context: EmbeddedContext) => Feature[],
): EmbeddedContext {
  const { domains, registration, dialect = 'sto-sfrom', limits, log, store, now } = options;
  const journal = new Journal(store, log);
  const deferred = new DeferredTasks(journal, log);
  const failed = (error: unknown): void => log.error('a task for a user failed', { error: String(error) });
  const features: Feature[] = [];
  const context: EmbeddedContext = {
    domains: new Set(domains.map((domain) => withULabels(domain))),
    registration,
    dialect: DIALECTS[dialect],
    limits: { ...DEFAULT_LIMITS, ...limits },
    log,
    store,
    journal,
    deferred,
    lastActivity: new LastActivityTracker(store, deferred),
    resources: new ConnectedResources(),
    scheduler: new Scheduler(failed, now),
    features,
    started: Date.now(),
  };
  features.push(...createFeatures(context));
  return context;
}
