import type { Duplex } from 'node:stream';
import type { Log } from '../observe/log.js';
import type { SessionEvents, Upstream } from '../session/upstream.js';
import type { Finding } from './component/detection.js';

/** The state of the link, for the server. */
export interface LinkObserver {
  /** The link is up. Called at every connect. */
  onUp(): void;
  /** The link was lost; it comes back by itself. */
  onDown(): void;
  /** A connect failed, or the link was lost; it is tried again, unless that is `final`. */
  onFailed(reason: string, final: boolean): void;
}

/** The listeners of an upstream. */
export interface UpstreamEvents {
  readonly sessions: SessionEvents;
  readonly link: LinkObserver;
}

/** A session manager with its link. */
export interface LinkedUpstream extends Upstream {
  /** With the dialect `auto`, once the link is up: the dialect that was found out, and the evidence. */
  readonly finding?: Finding;
  /** Connects, and connects again when the link is lost. */
  start(events: UpstreamEvents): void;
  /** Closes the link, after the packets that wait. */
  stop(): Promise<void>;
}

/** What an upstream needs besides its configuration. */
export interface UpstreamServices {
  readonly log: Log;
  /** The session manager in this process, for a configuration that names no other one. */
  readonly embedded: { accept(stream: Duplex): void } | undefined;
  /** Has a user an account, where accounts are kept here? */
  readonly hasCredentials: (user: string, domain: string) => Promise<boolean>;
}
