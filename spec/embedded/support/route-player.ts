import { expect } from 'chai';
import type { SessionManager } from '../../../lib/embedded/session-manager.js';
import { parse, type Element } from '../../../lib/xml/index.js';
import { Peer, SECRET, sha1 } from './peer.js';
import { routeTranscript, type Line } from './transcript.js';

/** What we do instead at one line that was sent, and why. */
export interface RouteDeviation {
  readonly why: string;
  /** What we answer (`$A1`: the session address of the socket with that tag); `unsent` where the line is not played, because no socket manager of ours can be made to say it. */
  readonly ours: readonly string[] | 'unsent';
}

interface Step {
  readonly number: number;
  readonly who: string;
  readonly sent: string;
  readonly answers: readonly Line[];
  readonly notes: readonly string[];
}

/** Another component of the same server: we serve one, and are no router between them. */
const OTHER_COMPONENT = 'jadc2s';

function stepsOf(lines: readonly Line[]): Step[] {
  const own = lines.filter(({ who }) => who !== OTHER_COMPONENT);
  const starts = own.flatMap(({ way }, at) => (way === '>' ? [at] : []));
  return starts.map((start, at) => {
    const block = own.slice(start + 1, starts[at + 1]);
    return {
      number: own[start].number,
      who: own[start].who,
      sent: own[start].text,
      answers: block.filter(({ way }) => way === '<'),
      notes: block.filter(({ way }) => way === '#').map(({ text }) => text),
    };
  });
}

/** Lines of a recording that were sent. */
export function sentLines(name: string): number[] {
  return stepsOf(routeTranscript(name)).map(({ number }) => number);
}

const isFull = (address: string | undefined): boolean => address?.includes('/') === true;

/**
 * A stanza in words that both have in common.
 *
 * - the words of an error are 1.4.3's own, or conditions; the code says the same in both
 * - an error echoes the password there, and never here
 * - 0k fields are not offered: nothing here could check them
 * - an answer of the own account has the client's address as `from` there; RFC 6120 8.1.2.1 has it as `to`
 * - a roster push has neither id nor `to` there; RFC 6120 8.1.3 demands the id
 * - who delayed a message is the account there and the server here; XEP-0203 stands beside XEP-0091 here
 */
function inCommonWords(stanza: Element): Element {
  const [payload] = stanza.elements;
  const isError = stanza.attribute('type') === 'error';
  if (isError) stripError(stanza, payload);
  if (stanza.name === 'iq' && !isError && isFull(stanza.attribute('from')) && payload?.name !== 'query') {
    stanza.set('from', undefined);
  }
  if (payload?.name === 'query') ofQuery(stanza, payload);
  stanza.children = stanza.children.filter((child) => !(typeof child !== 'string' && child.name === 'delay'));
  for (const x of stanza.elements)
    if (x.attribute('xmlns') === 'jabber:x:delay') x.set('from', '*').set('stamp', '*');
  return withoutTwins(stanza);
}

function stripError(stanza: Element, payload: Element | undefined): void {
  for (const field of payload?.elements ?? []) if (field.name === 'password') field.children = [];
  const error = stanza.child('error');
  if (!error) return;
  error.set('type', undefined);
  error.children = [];
}

function ofQuery(stanza: Element, query: Element): void {
  const result = stanza.attribute('type') === 'result';
  query.set('ver', undefined);
  if (query.namespace === 'jabber:iq:version' && result) query.children = [];
  if (query.namespace === 'jabber:iq:auth') {
    query.children = query.elements.filter(({ name }) => name !== 'sequence' && name !== 'token');
  }
  if (stanza.attribute('id')?.startsWith('push-')) stanza.set('id', undefined).set('to', undefined);
  if (result && isFull(stanza.attribute('from')) && !stanza.attributes.has('to')) {
    stanza.set('to', stanza.attribute('from')).set('from', undefined);
  }
}

function withoutTwins(stanza: Element): Element {
  stanza.children = stanza.children.filter((child, at) => String(child) !== String(stanza.children[at - 1]));
  return stanza;
}

function sorted(element: Element): Element {
  const attributes = [...element.attributes].sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [name] of attributes) element.set(name, undefined);
  for (const [name, value] of attributes) element.set(name, value);
  for (const child of element.elements) sorted(child);
  return element;
}

/** A user sees their own presence come back, which 1.4 spares them. [RFC6121 4.2.2, 4.4.2] */
function isOwnPresence(packet: Element): boolean {
  const presence = packet.child('presence');
  const to = presence?.attribute('to');
  return to !== undefined && presence?.attribute('from')?.split('/')[0] === to;
}

/** A packet as text to compare. */
function shapeOf(text: string): string {
  const packet = parse(text);
  packet.children = packet.elements.map((child) => inCommonWords(child));
  return sorted(packet).toString();
}

/** The last words of a stream: in 1.4.3 a text, in 1.4.4 a condition and the text. */
function wordsOf(texts: readonly string[]): string {
  const words = /([^<>]+)<\/(?:text|stream:error)>/.exec(texts.join(''))?.[1];
  return `<stream:error>${words}</stream:error>`;
}

/** Plays the socket manager's side of a recording of 1.4, and holds us to the session manager's. */
export class RoutePlayer {
  private readonly peers = new Map<string, Peer>();
  private readonly over = new Set<Peer>();
  private theirId = '';
  /** Session addresses: those of the recording by ours, and the other way round. */
  private readonly recorded = new Map<string, string>();
  private readonly given = new Map<string, string>();
  /** By `$` and the tag of the socket. */
  private readonly sessions = new Map<string, string>();

  constructor(
    private readonly name: string,
    private readonly manager: SessionManager,
    private readonly deviations: Readonly<Record<number, RouteDeviation>>,
    private readonly compare: (ours: string[], theirs: string[], where: string) => void,
  ) {}

  async play(): Promise<void> {
    for (const step of stepsOf(routeTranscript(this.name))) {
      const deviation = this.deviations[step.number];
      if (deviation?.ours === 'unsent') continue;
      await this.step(
        step,
        deviation?.ours ?? step.answers.filter(({ who }) => who === step.who).map(({ text }) => text),
      );
    }
  }

  private async step(step: Step, expected: readonly string[]): Promise<void> {
    if (step.sent.startsWith('<stream:stream')) await this.header(step, expected);
    else if (!this.over.has(this.peer(step))) await this.behindHeader(step, expected);
    if (this.deviations[step.number]) return;
    for (const { who, text } of step.answers) {
      if (who !== step.who) await this.farewell(this.peers.get(who)!, [text]);
    }
  }

  private peer({ who }: Step): Peer {
    return this.peers.get(who)!;
  }

  private async header(step: Step, expected: readonly string[]): Promise<void> {
    const peer = new Peer(this.manager, 'route');
    this.peers.set(step.who, peer);
    if (!expected[0].startsWith('<?xml')) {
      peer.write(step.sent);
      return this.farewell(peer, expected);
    }
    await peer.open(step.sent);
    this.theirId = / id='(\w+)'/.exec(expected[0])![1];
    expect(peer.received).to.equal(expected[0].replace(this.theirId, peer.id));
  }

  private async behindHeader(step: Step, expected: readonly string[]): Promise<void> {
    const peer = this.peer(step);
    if (step.sent.startsWith('<handshake')) return this.handshake(step, expected);
    const sent = this.translated(step.sent, this.given);
    if (step.notes.some((text) => /^(TCP closed by the component|component gone)/.test(text)))
      return this.lose(peer, sent);
    if (expected[0]?.startsWith('<stream:error') || sent === '</stream:stream>') {
      peer.write(sent);
      return this.farewell(peer, expected);
    }
    this.check(await peer.exchange(sent), expected, step);
  }

  private async handshake(step: Step, expected: readonly string[]): Promise<void> {
    const peer = this.peer(step);
    if (!step.sent.includes(`>${sha1(this.theirId + SECRET)}<`)) {
      peer.write(step.sent);
      return this.farewell(peer, expected);
    }
    await peer.shakeHands();
    this.check(await peer.exchange(''), expected.slice(1), step);
  }

  /** The connection is lost with what was just sent; 1.4's time for packets that wait is shorter than our patience. */
  private async lose(peer: Peer, sent: string): Promise<void> {
    peer.stream.end(sent);
    await peer.dropped;
    if (!this.name.endsWith('long.txt')) return;
    while ([...this.manager.sessions].length > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  private async farewell(peer: Peer, expected: readonly string[]): Promise<void> {
    this.over.add(peer);
    await peer.ended;
    if (expected.length > 0) expect(peer.received.endsWith(wordsOf(expected)), peer.received).to.equal(true);
  }

  private check(said: Element[], expected: readonly string[], step: Step): void {
    const packets = said.filter((packet) => !isOwnPresence(packet));
    for (const [at, packet] of packets.entries()) {
      const theirs = expected[at] === undefined ? undefined : parse(expected[at]);
      if (packet.attribute('type') === 'session' && theirs?.attribute('type') === 'session') {
        this.recorded.set(packet.attribute('from')!, theirs.attribute('from')!);
        this.given.set(theirs.attribute('from')!, packet.attribute('from')!);
        this.sessions.set(`$${packet.attribute('to')!.split('/')[1]}`, theirs.attribute('from')!);
      }
    }
    const ours = packets.map((packet) => shapeOf(this.translated(packet.toString(), this.recorded)));
    const theirs = expected.map((text) => shapeOf(this.translated(text, this.sessions)));
    this.compare(ours, theirs, `${this.name}, line ${step.number}`);
  }

  private translated(text: string, names: ReadonlyMap<string, string>): string {
    return [...names].reduce((now, [from, to]) => now.replaceAll(from, to), text);
  }
}
