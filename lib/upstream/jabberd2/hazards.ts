/**
 * What of a stanza is the end of the sm, or of what it keeps: found with `spec/interop/jabberd2/mutants.spec.ts`, and told
 * here from the stanza alone. An element without a namespace of its own (`xmlns=''`) has that of the element around it,
 * as the sm reads it; and the sm finds attributes by their names, in whatever namespace. [jabberd2 2.7.0]
 */
import type { Condition } from '../../xmpp/stanza-error.js';
import type { Element } from '../../xml/index.js';
import { Jid, STRINGPREP } from '../../xmpp/jid.js';

export const AMP = 'http://jabber.org/protocol/amp';
const BLOCKING = 'urn:xmpp:blocking';
const PRIVACY = 'jabber:iq:privacy';
const PRIVATE = 'jabber:iq:private';
const ROSTER = 'jabber:iq:roster';

/** Namespaces in which there is something to look at. */
export const WATCHED: ReadonlySet<string> = new Set([AMP, BLOCKING, PRIVACY, PRIVATE, ROSTER]);

/** The sm writes a blocked address into 1024 bytes, with some words around it, and ends where it does not fit. */
const MAX_BLOCKED_BYTES = 900;
/** What the sm looks blocked addresses up with breaks on these. [jabberd2 2.7.0 storage/storage.c] */
const NOT_IN_BLOCKED = ')(';

/** The condition that a stanza is refused with; undefined for one that the sm can bear. */
export function hazardOf(stanza: Element): Condition | undefined {
  const { attributes } = stanza;
  for (const name of ['to', 'from']) {
    const address = attributes.get(name);
    // An empty one is none. [jabberd2 2.7.0 sm/pkt.c]
    if (address !== undefined && address !== '' && !isAddress(address)) return 'jid-malformed';
  }
  if (stanza.localName === 'iq') return hazardOfIq(stanza);
  return stanza.elements.some(isUnbearableAmp) ? 'bad-request' : undefined;
}

function hazardOfIq(iq: Element): Condition | undefined {
  for (const query of iq.elements) {
    const hazard = HAZARDS[query.namespace]?.(query, iq.attribute('type'));
    if (hazard) return hazard;
  }
  return undefined;
}

type Hazard = (query: Element, type: string | undefined) => Condition | undefined;

const HAZARDS: Readonly<Record<string, Hazard | undefined>> = {
  [ROSTER]: (query) => (all(query, 'item').every(hasAddress) ? undefined : 'jid-malformed'),
  [BLOCKING]: (query) => (all(query, 'item').every(hasBlockable) ? undefined : 'jid-malformed'),
  [PRIVACY]: hazardOfPrivacy,
  // Without a query it reads before the beginning of what it has. [jabberd2 2.7.0 sm/mod_iq_private.c]
  [PRIVATE]: (query) => (query.localName === 'query' ? undefined : 'bad-request'),
};

/**
 * A get of a list without a name is the end of the sm. A set may leave the sm with blocked addresses (XEP-0191) that are
 * not its default list: the next that is blocked, or unblocked, is the end of it. So the default list is what blocking
 * makes of it, and that list is not written by another name. [jabberd2 2.7.0 sm/mod_privacy.c]
 */
function hazardOfPrivacy(query: Element, type: string | undefined): Condition | undefined {
  const lists = all(query, 'list');
  if (!lists.every((list) => values(list, 'name').length > 0)) return 'bad-request';
  if (type !== 'set') return undefined;
  if (lists.some((list) => values(list, 'name').includes(BLOCKING))) return 'not-allowed';
  const isBlockings = (name: string): boolean => name === BLOCKING;
  const isBearable = (names: string[]): boolean => names.length > 0 && names.every(isBlockings);
  if (!all(query, 'default').every((list) => isBearable(values(list, 'name')))) return 'not-allowed';
  const items = all(query, 'item');
  if (items.some(isOfEmptyGroup)) return 'bad-request';
  return items.every(isBearableItem) ? undefined : 'jid-malformed';
}

/** The sm keeps no empty text of it, and ends where it stores what it has not kept. */
function isOfEmptyGroup(item: Element): boolean {
  return values(item, 'type').includes('group') && values(item, 'value').includes('');
}

function isBearableItem(item: Element): boolean {
  return !values(item, 'type').includes('jid') || values(item, 'value').every(isBlockable);
}

function hasAddress(item: Element): boolean {
  return values(item, 'jid').every((jid) => jid === '' || isAddress(jid));
}

function hasBlockable(item: Element): boolean {
  return values(item, 'jid').every(isBlockable);
}

function isBlockable(jid: string): boolean {
  const address = Jid.parse(jid, STRINGPREP)?.full;
  if (address === undefined || address.includes(NOT_IN_BLOCKED)) return false;
  return Buffer.byteLength(address) <= MAX_BLOCKED_BYTES;
}

/**
 * A rule that lacks one of these is the end of the sm. What the sm says by a rule is too, where the receiver has one privacy
 * list that lets the message in, and another that lets nothing out: a rule may drop the message, and say nothing. Where
 * nothing is in the namespace the sm takes any. [XEP-0079 2.1] [jabberd2 2.7.0 sm/mod_amp.c]
 */
function isUnbearableAmp(amp: Element): boolean {
  return amp.localName === 'amp' && all(amp, 'rule').some((rule) => !isSilentRule(rule));
}

function isSilentRule({ attributes }: Element): boolean {
  return attributes.get('action') === 'drop' && attributes.has('condition') && attributes.has('value');
}

/** All elements of that name inside, at whatever depth. */
function all(element: Element, localName: string, found: Element[] = []): Element[] {
  for (const child of element.elements) {
    if (child.localName === localName) found.push(child);
    all(child, localName, found);
  }
  return found;
}

/** The values of all attributes of that name, in whatever namespace. */
function values({ attributes }: Element, localName: string): string[] {
  const found: string[] = [];
  for (const [name, value] of attributes) {
    const isDeclaration = name === 'xmlns' || name.startsWith('xmlns:');
    if (!isDeclaration && name.slice(name.indexOf(':') + 1) === localName) found.push(value);
  }
  return found;
}

/** What nearly all addresses are, and what stringprep has nothing to say to. */
const ORDINARY = /^(?:[a-z0-9._-]{1,200}@)?[a-z0-9.-]{1,200}(?:\/[\w .+-]{1,200})?$/;

/** Does a text spell an address, as the sm reads it? [jabberd2 2.7.0 util/jid.c] */
export function isAddress(text: string): boolean {
  return ORDINARY.test(text) || Jid.parse(text, STRINGPREP) !== undefined;
}
