/**
 * jabberd2: the session/1.0 dialect of jabberd2, between its c2s and its sm. Packets travel in routes of the router. The
 * attributes `c2s` and `sm` of the session namespace say which session a stanza belongs to; a `<session/>` element starts
 * and ends sessions, and creates and deletes users. [jabberd2 2.7.0 docs/dev/sm-c2s-protocol]
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { stanzaError } from '../../xmpp/stanza-error.js';
import { element, escapeValue, parse, type Element, type Stanza, type Tag } from '../../xml/index.js';
import { Jid, STRINGPREP } from '../../xmpp/jid.js';
import { CLIENT } from '../../xmpp/namespaces.js';
import { sanitized, COMPONENT, SESSION } from './sanitize.js';

export { COMPONENT } from './sanitize.js';
export { isCarriableAddress, isDropped, conditionOf, stampedStanza } from './sanitize.js';

/**
 * Our prefix for the session namespace. The sm keeps it in a stanza that it returns, and writes its own in one that it
 * delivers; so a client, which does not know our prefix, cannot make a stanza look returned. [jabberd2 2.7.0: bounce of sm]
 */
const PREFIX = `sc${randomBytes(4).toString('hex')}`;

/** The prefix that the sm writes in its own packets. */
const SM_PREFIX = 'sm';

/** What a `<session/>` of ours asks for. */
export type DialectRequest = 'start' | 'end' | 'create' | 'delete';

/** Both ids of a session: ours, and the sm's. */
export interface Ids {
  readonly c2s: string;
  readonly sm: string | undefined;
}

/** An id for a request of ours, or for a session without a client: unique, and not to be guessed. */
export function newId(): string {
  return randomUUID().replaceAll('-', '');
}

/** A `<session/>`: a request or an answer. */
export interface Action extends Partial<Ids> {
  readonly kind: 'action';
  readonly action: string;
  /** The name of its sender, to which later packets go. */
  readonly from: string;
  readonly target: string | undefined;
  /** The id of the request that it answers. */
  readonly id: string | undefined;
  readonly failed: boolean;
}

/** A packet from the router that concerns us. */
export type Routed = Action | Presence | Undeliverable | Bounced | Carried;

/** A component has connected to the router, or has gone. */
interface Presence {
  readonly kind: 'presence';
  readonly name: string;
  readonly available: boolean;
}

/** A packet of ours that the router could not deliver: a request, known by its id, or a stanza, known by its session. */
export interface Undeliverable extends Partial<Ids> {
  readonly kind: 'undeliverable';
  readonly code: string;
  /** The name that could not be reached. */
  readonly name: string;
  readonly action?: string;
  readonly id?: string;
  readonly text: string;
}

/** A stanza of ours that the sm returns because it does not know the session. */
export interface Bounced extends Ids {
  readonly kind: 'bounced';
  readonly text: string;
}

/** A stanza for a client. */
export interface Carried extends Ids {
  readonly kind: 'stanza';
  readonly from: string;
  readonly text: string;
}

/** The opening tag of a packet; a payload and `</route>` follow. */
export function routeTo(to: string, from: string): string {
  const tag = element('route', { xmlns: COMPONENT, to, from }).toString();
  return `${tag.slice(0, -2)}>`;
}

/** A request of a c2s: start or end a session, create or delete a user. */
export function session(
  action: DialectRequest,
  { c2s, sm }: Partial<Ids>,
  target?: string,
  id?: string,
): string {
  const asked = `${written('action', action)}${written('target', target)}${written('id', id)}`;
  return `<${PREFIX}:session${writtenIds(c2s, sm)}${asked}/>`;
}

/** The attributes that every stanza of a session has, before those that its client wrote. */
export function stampOf({ c2s, sm }: Ids): string {
  return `${writtenIds(c2s, sm)} xmlns='${CLIENT}'`;
}

function writtenIds(c2s: string | undefined, sm: string | undefined): string {
  return ` xmlns:${PREFIX}='${SESSION}'${written(`${PREFIX}:c2s`, c2s)}${written(`${PREFIX}:sm`, sm)}`;
}

/** An attribute with a space before it; nothing where it has no value. */
function written(name: string, value: string | undefined): string {
  return value === undefined ? '' : ` ${name}='${escapeValue(value)}'`;
}

/**
 * A stanza that shows whether the sm has a session: it ignores a result that answers no request, and returns it where it
 * does not know the session. [jabberd2 2.7.0]
 */
export function probe(ids: Ids): string {
  return `<iq${stampOf(ids)} type='result' id='probe'/>`;
}

/** Is that a probe, without its ids? */
export function isProbe(text: string): boolean {
  const { name, attributes } = parse(text);
  return name === 'iq' && attributes.get('type') === 'result' && attributes.get('id') === 'probe';
}

/**
 * A stanza that did not reach its client, as a packet outside of any session: the sm delivers it anew, stores it, or answers
 * it with an error. Undefined where no one waits for it.
 */
export function returned(text: string): { readonly to: string; readonly payload: string } | undefined {
  const stanza = parse(text, new Map([['', CLIENT]]));
  const to = Jid.parse(stanza.attribute('to'), STRINGPREP);
  // One without a sender, such as a roster push, crashes an sm whose user blocks somebody.
  const isFromSomebody = Jid.parse(stanza.attribute('from'), STRINGPREP) !== undefined;
  const payload =
    to && isFromSomebody && needsAnswer(stanza) ? sanitized(stanza, ` xmlns='${CLIENT}'`) : undefined;
  return payload === undefined ? undefined : { to: to!.host, payload };
}

/** Tells a client that its stanza did not arrive; undefined where it does not wait for it. [RFC6120 8.3.3.13] */
export function undeliveredTo(client: string, text: string): string | undefined {
  const stanza = parse(text, new Map([['', CLIENT]]));
  if (!needsAnswer(stanza)) return undefined;
  const { name, attributes } = stanza;
  const addresses = { from: attributes.get('to'), to: client, id: attributes.get('id') };
  const answer = element(
    name,
    { type: 'error', ...addresses },
    ...stanza.elements,
    stanzaError('recipient-unavailable'),
  );
  return answer.toString();
}

/** A message must be answered with an error where it is lost, and a request with anything. */
function needsAnswer({ name, attributes }: Element): boolean {
  const type = attributes.get('type');
  if (name === 'message') return type !== 'error' && type !== 'groupchat';
  return name === 'iq' && (type === 'get' || type === 'set');
}

/** What a packet from the router means; undefined where it does not concern us. */
export function read(packet: Stanza): Routed | undefined {
  const [prefix, local] = split(packet.name);
  if (packet.attribute(prefix ? `xmlns:${prefix}` : 'xmlns') !== COMPONENT) return undefined;
  if (local === 'presence') return componentPresence(packet);
  // Routes with a type are for loggers and copies, and one for us has one payload.
  if (local !== 'route' || packet.attribute('type') !== undefined) return undefined;
  const payload = packet.only();
  return payload && routedPayload(packet, payload);
}

function split(name: string): readonly [prefix: string, local: string] {
  const colon = name.indexOf(':');
  return [name.slice(0, Math.max(colon, 0)), name.slice(colon + 1)];
}

function componentPresence(packet: Stanza): Routed | undefined {
  const name = packet.attribute('from');
  if (name === undefined) return undefined;
  return { kind: 'presence', name, available: packet.attribute('type') !== 'unavailable' };
}

function routedPayload(route: Stanza, payload: Stanza): Routed | undefined {
  const prefix = sessionPrefix(payload) ?? sessionPrefix(route);
  const code = route.attribute('error');
  if (code !== undefined) return undelivered(route, payload, prefix, code);
  const from = route.attribute('from') ?? '';
  if (isSession(payload, route)) return action(payload, prefix, from);
  return prefix === undefined ? undefined : ofSession(payload, prefix, from);
}

/** The prefix of the session namespace; where there are several, the one that we or the sm write. */
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

/** An error route comes back as it was sent: `to` is the name that could not be reached. [jabberd2 2.7.0 router] */
function undelivered(route: Stanza, payload: Stanza, prefix: string | undefined, code: string): Routed {
  const request = isSession(payload, route)
    ? { action: payload.attribute('action'), id: payload.attribute('id') }
    : {};
  const name = route.attribute('to') ?? '';
  const text = prefix === undefined ? '' : forClient(payload, prefix);
  return { kind: 'undeliverable', code, name, text, ...request, ...idsOf(payload, prefix) };
}

/**
 * A returned stanza has the prefix that we wrote, and `failed` without a prefix; in any other stanza that attribute means
 * nothing. [jabberd2 2.7.0: the sm looks its namespace up in the wrong place]
 */
function ofSession(payload: Stanza, prefix: string, from: string): Routed | undefined {
  const { c2s, sm } = idsOf(payload, prefix);
  if (c2s === undefined || payload.attribute('xmlns') !== CLIENT) return undefined;
  const failed = payload.attribute('failed') ?? payload.attribute(`${prefix}:failed`);
  const text = forClient(payload, prefix);
  if (failed !== undefined && prefix === PREFIX) return { kind: 'bounced', c2s, sm, text };
  return { kind: 'stanza', c2s, sm, from, text };
}

/** The stanza without the attributes between the sm and us; a declaration stays where something inside uses it. */
function forClient(payload: Stanza, prefix: string): string {
  const drop = ['xmlns', 'failed', `${prefix}:c2s`, `${prefix}:sm`, `${prefix}:failed`];
  if (!payload.content.includes(`${prefix}:`)) drop.push(`xmlns:${prefix}`);
  return payload.readdressed(drop, '');
}
