import type { Duplex } from 'node:stream';
import type { Log } from '../observe/log.js';
import type { SessionEvents, Upstream } from '../session/upstream.js';
import type { Finding } from './component/detection.js';

/** What an upstream tells of its link. */
export interface LinkObserver {
  /** The link is there: clients may come. Called at every connect. */
  onUp(): void;
  /** The link was lost; it comes back by itself. */
  onDown(): void;
  /** There is no link, and why, after each connect that failed and each loss; `final` when it is not tried again. */
  onFailed(reason: string, final: boolean): void;
}

/** Whom an upstream tells what happens. */
export interface UpstreamEvents {
  readonly sessions: SessionEvents;
  readonly link: LinkObserver;
}

/** A session manager with its link. */
export interface LinkedUpstream extends Upstream {
  /** With the dialect `auto`, once the link is up: which one was found out, and what shows it. */
  readonly finding?: Finding;
  /** Connects; a lost link is connected again. */
  start(events: UpstreamEvents): void;
  /** Sends what waits and closes the link. */
  stop(): Promise<void>;
}

/** What an upstream needs besides its configuration. */
export interface UpstreamServices {
  readonly log: Log;
  /** The session manager in this process, for a configuration that names no other one. */
  readonly embedded: { accept(stream: Duplex): void } | undefined;
  /** Has somebody of that name an account, where accounts are kept here? */
  readonly hasCredentials: (user: string, domain: string) => Promise<boolean>;
}
