import type { Duplex } from 'node:stream';
import type { ComponentDialect } from '../config/config.js';
import type { Log } from '../observe/log.js';
import { ACCOUNT_REMOVED } from '../session/close-reason.js';
import { Jid } from '../xmpp/jid.js';
import type { Element, Stanza } from '../xml/index.js';
import { ComponentStream, type StreamEnd } from './component-stream.js';
import type { EmbeddedLimits } from './limits.js';
import { LostLinks } from './routing/link-recovery.js';
import { Packets } from './routing/packets.js';
import { Parts } from './parts.js';
import { removeAccount } from './removal.js';
import { safely } from './safely.js';
import type { Services } from './services.js';
import type { Session, SessionEnd } from './routing/connected-resource.js';
import type { Store } from './store/store.js';
import { Turn } from './turn.js';

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
  /** How sessions are addressed on the links; `sto-sfrom` where nothing is said. */
  readonly dialect?: ComponentDialect;
  readonly limits?: Partial<EmbeddedLimits>;
  /** A clock in milliseconds, by which users take turns. */
  readonly now?: () => number;
}

/** What the others are told of a session that has ended; for a client that has left, the words of jabberd 1.1.2. */
const STATUS: Readonly<Record<SessionEnd, string>> = {
  disconnected: 'Disconnected',
  replaced: 'Replaced by new connection',
  undeliverable: 'Disconnected',
  'account removed': 'Account removed',
  'link lost': 'Disconnected',
  stopped: 'Server stopped',
};

/** The ends that the socket manager does not know of yet. For any other it might take the new session for ended. */
const TOLD: ReadonlySet<SessionEnd> = new Set(['replaced', 'account removed', 'stopped']);

/**
 * A session manager of our own, the "jsm" of the old servers: accounts, rosters, presence, messages, for socket
 * managers that come over any stream, in one of the dialects. [README.SM] [jabberd 1.1.2] [jabberd 1.4.3]
 */
export class SessionManager {
  private readonly services: Services;
  private readonly packets: Packets;
  private readonly lost: LostLinks;
  private readonly turn: Turn;
  private readonly links = new Set<ComponentStream>();
  private stopping = false;

  constructor(private readonly options: SessionManagerOptions) {
    const { name } = options;
    this.services = new Parts(options, (session, reason) => this.end(session, reason));
    this.turn = new Turn(() => this.services.journal.settle());
    this.packets = new Packets(this.services, name.toLowerCase());
    this.lost = new LostLinks(this.services, (link) => this.giveBack(link));
  }

  /** The sessions there are. */
  get sessions(): Iterable<Session> {
    return this.services.sessions;
  }

  /** Serves the stream of one component, which ends with it. */
  accept(stream: Duplex): void {
    const { name, secret, log } = this.options;
    const { limits, dialect, journal, schedule } = this.services;
    const options = { name, secret, log, limits, dialect, journal, schedule, turn: this.turn };
    const link = new ComponentStream(stream, options, {
      opened: (opened) => journal.once('taking a link back', () => this.opened(opened)),
      packet: (from, packet) => safely(log, 'reading a packet', () => this.packet(from, packet)),
      overflowed: (full) => journal.once('giving a link up', () => this.lost.expire(full)),
      closed: (closed, reason) => journal.once('closing a link', () => this.closed(closed, reason)),
    });
    this.links.add(link);
    if (this.stopping) link.close('stopped', '');
  }

  /**
   * Removes an account, and tells all who are concerned, as if its user had asked for it.
   *
   * @param account bare address, in any spelling
   * @returns false where there is none
   * @throws Error when the change could not be stored
   */
  removeAccount(account: string): boolean {
    return this.services.journal.now(() => removeAccount(this.services, Jid.parse(account)?.bare ?? ''));
  }

  /** Ends all sessions, tells the components, and waits for their streams to close. The store stays open. */
  async stop(): Promise<void> {
    this.stopping = true;
    const { journal, chores } = this.services;
    for (const link of this.links) link.finish();
    await journal.done();
    journal.once('stopping', () => this.endAll());
    journal.settle();
    const links = [...this.links];
    for (const link of links) link.close('stopped', '</stream:stream>');
    await Promise.all(links.map((link) => link.done));
    chores.finish();
  }

  private endAll(): void {
    this.lost.expireAll();
    this.services.schedule.finish();
    for (const session of this.services.sessions) this.end(session, 'stopped');
  }

  private opened(link: ComponentStream): void {
    this.options.log.info('socket manager connected');
    this.override(link);
    this.lost.moveTo(link);
  }

  /** Where there is one link at a time the newest is it: who comes again has lost the other one. [jabberd 1.4.3 base_accept.c] */
  private override(by: ComponentStream): void {
    const { override } = this.services.dialect.words;
    if (override === undefined) return;
    for (const link of this.links) {
      if (link !== by && link.state === 'open') link.close('overridden', override);
    }
  }

  private packet(link: ComponentStream, packet: Stanza): void {
    this.packets.receive(link, packet);
  }

  private closed(link: ComponentStream, reason: StreamEnd): void {
    this.links.delete(link);
    this.options.log.info('socket manager disconnected', { reason });
    if (!this.stopping) this.lost.add(link, reason);
  }

  /** There may be very much of it: it is part of the work for who has sent it, and comes before what they say next. */
  private giveBack(link: ComponentStream): void {
    const bySender = new Map<string, Element[]>();
    for (const { stanza, settle } of link.remains()) {
      if (settle) settle(false);
      else if (stanza) {
        const sender = Jid.parse(stanza.attribute('from'))?.bare ?? '';
        const stanzas = bySender.get(sender);
        if (stanzas) stanzas.push(stanza);
        else bySender.set(sender, [stanza]);
      }
    }
    for (const [sender, stanzas] of bySender) {
      this.services.schedule.first(sender, link, this.packets.givingBack(stanzas));
    }
  }

  private end(session: Session, reason: SessionEnd): void {
    const { sessions, presence, log, dialect, journal } = this.services;
    if (!sessions.delete(session)) return;
    if (TOLD.has(reason)) {
      const why = reason === 'account removed' ? ACCOUNT_REMOVED : undefined;
      session.conn.send(dialect.ended(session.address, session.socket, why));
    }
    if (reason === 'stopped') presence.remember(session, STATUS[reason]);
    else if (reason === 'account removed') presence.leaveAtOnce(session, STATUS[reason]);
    else presence.leave(session, STATUS[reason]);
    const { fullJid, socket, received, sent, since } = session;
    const seconds = Math.round((Date.now() - since) / 1000);
    journal.whenStored(() =>
      log.info('session ended', { session: fullJid, socket, reason, received, sent, seconds }),
    );
  }
}
