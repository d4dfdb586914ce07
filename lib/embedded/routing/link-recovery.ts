import { safely } from '../../observe/log.js';
import type { Element } from '../../xml/index.js';
import { Jid } from '../../xmpp/jid.js';
import type { ComponentStream, StreamEnd } from '../component-stream.js';
import type { EmbeddedContext } from '../context.js';
import { disconnect } from './disconnect.js';
import type { PacketRouter } from './packet-router.js';

/** Lost links with sessions and undelivered packets, kept until the socket manager reconnects or a timeout. */
export class LinkRecovery {
  private readonly links = new Map<ComponentStream, NodeJS.Timeout>();

  constructor(
    private readonly context: EmbeddedContext,
    private readonly router: PacketRouter,
  ) {}

  /** Keeps the sessions of a link that was lost for a while. [jabberd 1.1.2 base_accept] */
  add(link: ComponentStream, reason: StreamEnd): void {
    const { resources, log, journal, limits } = this.context;
    const sessions = [...resources].filter((resource) => resource.conn === link).length;
    if (sessions === 0) return this.giveBack(link);
    log.info('link lost; its sessions wait for a new link', { reason, sessions });
    const giveUp = (): void => this.expire(link);
    const timer = setTimeout(() => journal.once('expiring a link', giveUp), limits.linkAwayTimeout * 1000);
    timer.unref();
    this.links.set(link, timer);
  }

  /** Moves sessions and packets of all lost links to a new one: it may come from the peer that had them. */
  moveTo(link: ComponentStream): void {
    for (const [lost, timer] of this.links) {
      clearTimeout(timer);
      for (const resource of this.context.resources) if (resource.conn === lost) resource.conn = link;
      link.takeOver(lost.remains());
    }
    this.links.clear();
  }

  /** Gives a link up, after the timeout or because too much waits: its sessions end, their messages go elsewhere. */
  expire(link: ComponentStream): void {
    if (!this.links.has(link)) return;
    clearTimeout(this.links.get(link));
    this.links.delete(link);
    for (const resource of this.context.resources) {
      if (resource.conn !== link) continue;
      safely(this.context.log, 'ending a session', () => disconnect(this.context, resource, 'link lost'));
    }
    this.giveBack(link);
  }

  /** Gives all lost links up. */
  expireAll(): void {
    for (const link of [...this.links.keys()]) this.expire(link);
  }

  /**
   * Has the undelivered packets of a link handled again. They may be many, so each is handled when its sender has a turn,
   * and before the next packets of that sender.
   */
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
      this.context.scheduler.first(sender, link, this.router.givingBack(stanzas));
    }
  }
}
