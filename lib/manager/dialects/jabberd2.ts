/**
 * jabberd2: the session/1.0 dialect of jabberd2, between its c2s and its sm. Packets travel in routes of the router; the
 * attributes `c2s` and `sm` of the session namespace say which session a stanza belongs to, and a `<session/>` element
 * starts and ends sessions, and makes and removes users. [docs/dev/sm-c2s-protocol] [jabberd2 2.7.0]
 */
import { randomBytes } from 'node:crypto';
import { Jid } from '../../session/jid.js';
import { element, parse, respelt, type Element, type Stanza, type Tag } from '../../xml/index.js';

export const COMPONENT = 'http://jabberd.jabberstudio.org/ns/component/1.0';
const SESSION = 'http://jabberd.jabberstudio.org/ns/session/1.0';
const CLIENT = 'jabber:client';
/** What the namespaces between c2s, sm and router begin with: nothing of a client's is in them. */
const INTERNAL = 'http://jabberd.jabberstudio.org/ns/';

/**
 * Our prefix for the session namespace. The sm keeps it in what it gives back, and has one of its own for what it
 * delivers; so nobody who does not know it can make a stanza look given back. [jabberd2 2.7.0: bounce of sm]
 */
const PREFIX = `sc${randomBytes(4).toString('hex')}`;

/** The prefix that the sm writes on what it makes itself. */
const SM_PREFIX = 'sm';

/** What a `<session/>` of ours asks for. */
export type Ask = 'start' | 'end' | 'create' | 'delete';

/** Both names of a session: ours, and the sm's. */
export interface Ids {
  readonly c2s: string;
  readonly sm: string | undefined;
}

/** A `<session/>`, asked or answered. */
export interface Action extends Partial<Ids> {
  readonly kind: 'action';
  readonly action: string;
  /** The name it was sent by; later packets go there. */
  readonly from: string;
  readonly target: string | undefined;
  /** Of the request that it answers. */
  readonly id: string | undefined;
  readonly failed: boolean;
}

/** What comes from the router, where it is any business of ours. */
export type Routed =
  | Action
  /** A name came to the router, or went. */
  | { readonly kind: 'advert'; readonly name: string; readonly available: boolean }
  /** The router could not deliver a packet of ours. */
  | ({ readonly kind: 'undeliverable'; readonly code: string; readonly name: string } & Undelivered)
  /** The sm does not know the session that a stanza of ours named; `text` is that stanza. */
  | ({ readonly kind: 'bounced'; readonly text: string } & Ids)
  | Carried;

/** A stanza for a client. */
export interface Carried extends Ids {
  readonly kind: 'stanza';
  readonly from: string;
  readonly text: string;
}

/** What is known of a packet that came back: an action by its request, or a stanza by its session. */
interface Undelivered extends Partial<Ids> {
  readonly action?: string;
  readonly id?: string;
  readonly text: string;
}

/** A packet around a payload. */
export function routed(to: string, from: string, payload: string): string {
  return `${routeTo(to, from)}${payload}</route>`;
}

export function routeTo(to: string, from: string): string {
  const tag = element('route', { xmlns: COMPONENT, to, from }).toString();
  return `${tag.slice(0, -2)}>`;
}

/** Start or end a session, create or delete a user: what a c2s asks an sm for. */
export function session(action: Ask, { c2s, sm }: Partial<Ids>, target?: string, id?: string): string {
  const ids = { [`xmlns:${PREFIX}`]: SESSION, [`${PREFIX}:c2s`]: c2s, [`${PREFIX}:sm`]: sm };
  return element(`${PREFIX}:session`, { ...ids, action, target, id }).toString();
}

/** What goes on every stanza of a session, before anything that its client wrote. */
export function stampOf({ c2s, sm }: Ids): string {
  const { attributes } = element('x', {
    [`xmlns:${PREFIX}`]: SESSION,
    [`${PREFIX}:c2s`]: c2s,
    [`${PREFIX}:sm`]: sm,
    xmlns: CLIENT,
  });
  return element('x', Object.fromEntries(attributes)).toString().slice(2, -2);
}

const STANZAS: ReadonlySet<string> = new Set(['message', 'presence', 'iq']);
const IQ_TYPES: ReadonlySet<string | undefined> = new Set(['get', 'set', 'result', 'error']);

/**
 * The router and the sm read 1024 bytes at a time, and their parser sits on an opening tag that came in pieces until
 * much more has come: with it waits all that stands behind it, of everybody. [jabberd2 2.7.0 with Debian's expat]
 */
const LONGEST_TAG = 1000;

/** They read the name of a namespace, of what is in it, and a prefix into 1024 bytes, and lose what is beyond. */
const LONGEST_NAMESPACE = 255;
const LONGEST_NAME = 700;

/** They write the name of a namespace as it is, between single quotes. */
const NOT_IN_NAMESPACE = /[&'"<>]/;

/** The sm drops an iq of no type in silence, and gives back what is no stanza. [jabberd2 2.7.0 sm/pkt.c] */
function isCarriable(stanza: Stanza): boolean {
  if (!STANZAS.has(stanza.name) || stanza.longestTag > LONGEST_TAG) return false;
  return stanza.name !== 'iq' || IQ_TYPES.has(stanza.attribute('type'));
}

/** Names that the sm reads and writes in any namespace, the first one on the wire. [jabberd2 2.7.0 nad_find_attr] */
const OURS: ReadonlySet<string> = new Set(['sm', 'c2s', 'failed']);
const ADDRESSING: ReadonlySet<string> = new Set(['to', 'from', 'id', 'type']);

function isHarmless(name: string): boolean {
  return name.includes(':') ? name === 'xml:lang' : name !== 'xmlns' && !OURS.has(name);
}

/** Prefixes go through hands that spell them wrongly, and odd namespaces through hands that break on them. */
function isPlain(stanza: Stanza): boolean {
  const { source, inherited, longestTag } = stanza;
  if (inherited !== '' || longestTag > LONGEST_NAME || !stanza.names().every(isHarmless)) return false;
  for (let at = source.indexOf(DECLARATION); at >= 0; at = source.indexOf(DECLARATION, at + 1)) {
    if (!isPlainDeclaration(source, at + DECLARATION.length)) return false;
  }
  return true;
}

const DECLARATION = 'xmlns';

/** What stands behind `xmlns`: the default namespace, and one whose name says what it is in its own letters. */
function isPlainDeclaration(source: string, at: number): boolean {
  const quote = source[at + 1];
  if (source[at] !== '=' || (quote !== "'" && quote !== '"')) return false;
  const namespace = source.slice(at + 2, source.indexOf(quote, at + 2));
  return isWritable(namespace) && !namespace.startsWith(INTERNAL);
}

function isWritable(namespace: string): boolean {
  return namespace.length <= LONGEST_NAMESPACE && !NOT_IN_NAMESPACE.test(namespace);
}

/**
 * A client's stanza with our stamp on it, as the payload of a route; undefined for one that the sm could not answer.
 *
 * Nothing that a client writes may be taken for ours: with it the client could speak for others. And nothing may be
 * spelt so that the sm or the router, which write each packet anew, write what the other side throws them out for: the
 * sm would be gone for everybody.
 */
export function stamped(stanza: Stanza, stamp: string): string | undefined {
  if (!isCarriable(stanza)) return undefined;
  if (isPlain(stanza)) return stanza.stampedFirst(stamp);
  const cleaned = withoutClaims(stanza.element());
  if (!cleaned) return undefined;
  const text = cleaned.toString();
  const nameEnd = cleaned.name.length + 1;
  return text.slice(0, nameEnd) + stamp + text.slice(nameEnd);
}

/** Takes what is ours off the opening tag, and spells the rest so that nobody loses track of it. */
function withoutClaims(stanza: Element): Element | undefined {
  if (stanza.namespace !== CLIENT || !isReadable(stanza)) return undefined;
  for (const name of [...stanza.attributes.keys()]) {
    if (OURS.has(name) || (name.startsWith('xml:') && name !== 'xml:lang')) stanza.set(name, undefined);
  }
  disown(stanza);
  return respelt(stanza, isUnwanted, CLIENT);
}

/** Can they read it, and write it again? */
function isReadable({ name, namespace, attributes, elements }: Element): boolean {
  if (Buffer.byteLength(name) > LONGEST_NAME || !isWritable(namespace)) return false;
  for (const [attribute, value] of attributes) {
    if (Buffer.byteLength(attribute) > LONGEST_NAME) return false;
    if (attribute.startsWith('xmlns:') && !isWritable(value)) return false;
  }
  return elements.every(isReadable);
}

/** On the stanza itself, an attribute of any namespace may pass for the one without. [jabberd2 2.7.0 nad_set_attr] */
function isUnwanted(namespace: string, localName: string, isRoot: boolean): boolean {
  if (namespace === CLIENT || namespace.startsWith(INTERNAL)) return true;
  return isRoot && (OURS.has(localName) || ADDRESSING.has(localName));
}

/** Elements of the internal namespaces mean nothing between clients, and must mean nothing on the way. */
function disown(part: Element): void {
  if (part.namespace === COMPONENT || part.namespace === SESSION) part.namespace += '#client';
  for (const child of part.elements) disown(child);
}

/**
 * A stanza that finds out whether a session lives on: the sm says nothing to an answer that nobody asked for, and gives
 * it back where it does not know the session. [jabberd2 2.7.0]
 */
export function probe(ids: Ids): string {
  return `<iq${stampOf(ids)} type='result' id='probe'/>`;
}

/** Is that what a probe is without its ids? */
export function isProbe(text: string): boolean {
  const { name, attributes } = parse(text);
  return name === 'iq' && attributes.get('type') === 'result' && attributes.get('id') === 'probe';
}

/**
 * A stanza that did not reach its client, as a packet of nobody's session: the sm delivers it anew, stores it, or answers
 * it with an error. Undefined where nobody would miss it.
 */
export function returned(text: string): { readonly to: string; readonly payload: string } | undefined {
  const stanza = parse(text, new Map([['', CLIENT]]));
  const to = Jid.parse(stanza.attribute('to'));
  const cleaned = to && isMissed(stanza) ? withoutClaims(stanza) : undefined;
  return cleaned && { to: to!.host, payload: cleaned.set('xmlns', CLIENT).toString() };
}

/** Tells a client that its stanza did not arrive; undefined where it would not miss it. [RFC6120 8.3.3.13] */
export function undeliveredTo(client: string, text: string): string | undefined {
  const stanza = parse(text, new Map([['', CLIENT]]));
  if (!isMissed(stanza)) return undefined;
  const { name, attributes } = stanza;
  const unavailable = element('recipient-unavailable', { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas' });
  const addresses = { from: attributes.get('to'), to: client, id: attributes.get('id') };
  const error = element('error', { code: '404', type: 'wait' }, unavailable);
  const answer = element(name, { type: 'error', ...addresses }, ...stanza.elements, error);
  return answer.toString();
}

/** Messages, and questions that somebody waits for an answer to. */
function isMissed({ name, attributes }: Element): boolean {
  const type = attributes.get('type');
  if (name === 'message') return type !== 'error' && type !== 'groupchat';
  return name === 'iq' && (type === 'get' || type === 'set');
}

/** What a packet of the router's says; undefined where it is no business of ours. */
export function read(packet: Stanza): Routed | undefined {
  const [prefix, local] = split(packet.name);
  if (packet.attribute(prefix ? `xmlns:${prefix}` : 'xmlns') !== COMPONENT) return undefined;
  if (local === 'presence') return advert(packet);
  // A type is for brokers and log keepers, and a route of ours has one payload.
  if (local !== 'route' || packet.attribute('type') !== undefined) return undefined;
  const payload = packet.only();
  return payload && routedPayload(packet, payload);
}

function split(name: string): readonly [prefix: string, local: string] {
  const colon = name.indexOf(':');
  return [name.slice(0, Math.max(colon, 0)), name.slice(colon + 1)];
}

function advert(packet: Stanza): Routed | undefined {
  const name = packet.attribute('from');
  if (name === undefined) return undefined;
  return { kind: 'advert', name, available: packet.attribute('type') !== 'unavailable' };
}

function routedPayload(route: Stanza, payload: Stanza): Routed | undefined {
  const prefix = sessionPrefix(payload) ?? sessionPrefix(route);
  const code = route.attribute('error');
  if (code !== undefined) return undelivered(route, payload, prefix, code);
  const from = route.attribute('from') ?? '';
  if (isSession(payload, route)) return action(payload, prefix, from);
  return prefix === undefined ? undefined : ofSession(payload, prefix, from);
}

/** The prefix that stands for the session namespace: the one that we or the sm write, where there are several. */
function sessionPrefix(tag: Tag): string | undefined {
  let found: string | undefined;
  for (const name of tag.names()) {
    if (!name.startsWith('xmlns:') || tag.attribute(name) !== SESSION) continue;
    const prefix = name.slice(6);
    if (prefix === PREFIX || prefix === SM_PREFIX) return prefix;
    found ??= prefix;
  }
  return found;
}

function isSession(payload: Stanza, route: Stanza): boolean {
  const [prefix, local] = split(payload.name);
  if (local !== 'session') return false;
  const declaration = prefix ? `xmlns:${prefix}` : 'xmlns';
  return (payload.attribute(declaration) ?? route.attribute(declaration)) === SESSION;
}

function idsOf(tag: Tag, prefix: string | undefined): Partial<Ids> {
  return { c2s: tag.attribute(`${prefix}:c2s`), sm: tag.attribute(`${prefix}:sm`) };
}

function action(payload: Stanza, prefix: string | undefined, from: string): Action {
  return {
    kind: 'action',
    action: payload.attribute('action') ?? '',
    from,
    target: payload.attribute('target'),
    id: payload.attribute('id'),
    failed: payload.attribute(`${prefix}:failed`) !== undefined || payload.attribute('failed') !== undefined,
    ...idsOf(payload, prefix),
  };
}

/** An error route comes back as it went: `to` is who could not be reached. [jabberd2 2.7.0 router] */
function undelivered(route: Stanza, payload: Stanza, prefix: string | undefined, code: string): Routed {
  const request = isSession(payload, route)
    ? { action: payload.attribute('action'), id: payload.attribute('id') }
    : {};
  const name = route.attribute('to') ?? '';
  const text = prefix === undefined ? '' : forClient(payload, prefix);
  return { kind: 'undeliverable', code, name, text, ...request, ...idsOf(payload, prefix) };
}

/**
 * What is given back has the prefix that we wrote, and `failed` with no prefix at all; in what others have written
 * that word means nothing. [jabberd2 2.7.0: the sm looks its namespace up in the wrong place]
 */
function ofSession(payload: Stanza, prefix: string, from: string): Routed | undefined {
  const { c2s, sm } = idsOf(payload, prefix);
  if (c2s === undefined || payload.attribute('xmlns') !== CLIENT) return undefined;
  const failed = payload.attribute('failed') ?? payload.attribute(`${prefix}:failed`);
  const text = forClient(payload, prefix);
  if (failed !== undefined && prefix === PREFIX) return { kind: 'bounced', c2s, sm, text };
  return { kind: 'stanza', c2s, sm, from, text };
}

/** Without what is between the sm and us; a declaration stays where something inside uses it. */
function forClient(payload: Stanza, prefix: string): string {
  const drop = ['xmlns', 'failed', `${prefix}:c2s`, `${prefix}:sm`, `${prefix}:failed`];
  if (!payload.content.includes(`${prefix}:`)) drop.push(`xmlns:${prefix}`);
  return payload.readdressed(drop, '');
}
