import { mkdirSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import type { Back, Behind } from './backs.js';
import { workshop } from './clients.js';
import { EchoPeer, type Account } from './echo-peer.js';
import { Front, type Entry } from './front.js';
import type { Running } from './running.js';
import { served } from './user.js';

/** bin/sm-component in front of a session manager, both running as a user runs them. */
export class Deployment {
  private socketManager!: Front;
  private readonly behind: Behind;
  private readonly directory = mkdtempSync(path.join(workshop, 'deployment-'));

  /** @param options more of them for the socket manager */
  constructor(
    readonly back: Back,
    private readonly options: readonly string[] = [],
  ) {
    this.behind = back.make(this.directory);
  }

  /** Where clients connect; the same over all restarts. */
  get port(): number {
    return this.socketManager.port;
  }

  /** The socket manager, as it runs now. */
  get front(): Running {
    return this.socketManager.running;
  }

  async start(): Promise<void> {
    await this.behind.start();
    this.socketManager = new Front([...this.behind.options, ...this.options]);
    await this.startFront();
  }

  /** Starts the socket manager, again on the port that it had, and waits until it takes clients. */
  async startFront(): Promise<void> {
    await this.socketManager.start();
    await this.isServed();
  }

  /**
   * Kills the session manager, and waits until the socket manager knows.
   *
   * @param peer somebody who is logged in
   */
  async killBack(peer: EchoPeer): Promise<void> {
    const before = this.front.lines.length;
    await this.behind.kill();
    if (this.back.linked) {
      await this.logged('the loss', ({ message }) => message.startsWith('lost link'), before);
    } else {
      await peer.over;
    }
  }

  /** Starts the session manager again where it was, and waits until the socket manager knows. */
  async reviveBack(): Promise<void> {
    const before = this.front.lines.length;
    await this.behind.start();
    if (this.back.linked) {
      await this.logged('linked again', ({ message }) => message.startsWith('linked to'), before);
    }
    await this.isServed();
  }

  /** Stops both; ours ends in good order. */
  async stop(): Promise<void> {
    try {
      await this.socketManager?.stop();
    } finally {
      await this.behind.stop();
    }
  }

  /** A line of the log of the socket manager, there already or still to come. */
  logged(what: string, is: (entry: Entry) => boolean, from = 0): Promise<Entry> {
    return this.socketManager.logged(what, is, from);
  }

  /** What the socket manager has warned of since the last call, except for what the spec itself brought about. */
  complaints(expected?: RegExp): string[] {
    return this.socketManager.complaints(expected);
  }

  account(username: string): Account {
    return { username, password: `${username}'s <secret> & "more"`, domain: this.back.domain };
  }

  register(username: string): Promise<void> {
    return EchoPeer.register(this.port, this.account(username));
  }

  login(username: string, resource?: string): Promise<EchoPeer> {
    return EchoPeer.login(this.port, this.account(username), resource);
  }

  /** A directory of its own for somebody called `name`. */
  directoryFor(name: string): string {
    mkdirSync(path.join(this.directory, 'guests'), { recursive: true });
    return mkdtempSync(path.join(this.directory, 'guests', `${name}-`));
  }

  /** With a router in between, there may be a link and no session manager yet. */
  private async isServed(): Promise<void> {
    if (!this.back.linked) await served(this.port, this.back.domain);
  }
}
