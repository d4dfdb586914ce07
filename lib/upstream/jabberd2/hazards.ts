/**
 * Stanzas that crash the sm, or damage its data. They were found with `spec/interop/jabberd2/mutants.spec.ts`; here are
 * those that can be told from the stanza alone. As the sm reads it, an element in no namespace (`xmlns=''`) is in that of its
 * parent; and the sm finds attributes by their names, in any namespace. [jabberd2 2.7.0]
 */
import type { Condition } from '../../xmpp/stanza-error.js';
import type { Element } from '../../xml/index.js';
import { Jid, STRINGPREP } from '../../xmpp/jid.js';
import { BLOCKING, PRIVATE, ROSTER } from '../../xmpp/namespaces.js';

export const AMP = 'http://jabber.org/protocol/amp';
const PRIVACY = 'jabber:iq:privacy';

/** Namespaces whose elements are checked. */
export const HAZARDOUS_NAMESPACES: ReadonlySet<string> = new Set([AMP, BLOCKING, PRIVACY, PRIVATE, ROSTER]);

/** The sm writes a blocked address into 1024 bytes, with some text around it, and crashes where it does not fit. */
const MAX_BLOCKED_BYTES = 900;
/** The filter with which the sm looks up blocked addresses breaks on these. [jabberd2 2.7.0 storage/storage.c] */
const NOT_IN_BLOCKED = ')(';

/** The condition that a stanza is refused with; undefined for one that is safe. */
export function hazardOf(stanza: Element): Condition | undefined {
  const { attributes } = stanza;
  for (const name of ['to', 'from']) {
    const address = attributes.get(name);
    // An empty one counts as absent. [jabberd2 2.7.0 sm/pkt.c]
    if (address !== undefined && address !== '' && !isAddress(address)) return 'jid-malformed';
  }
  if (stanza.localName === 'iq') return hazardOfIq(stanza);
  return stanza.elements.some(isHazardousAmp) ? 'bad-request' : undefined;
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
  // Without a query it reads memory before its buffer. [jabberd2 2.7.0 sm/mod_iq_private.c]
  [PRIVATE]: (query) => (query.localName === 'query' ? undefined : 'bad-request'),
};

/**
 * A get of a list without a name crashes the sm. A set may leave it with blocked addresses (XEP-0191) outside of its default
 * list: then the next one that is blocked or unblocked crashes it. So only blocking itself may choose the default list, and
 * write the list of that name. [jabberd2 2.7.0 sm/mod_privacy.c]
 */
function hazardOfPrivacy(query: Element, type: string | undefined): Condition | undefined {
  const lists = all(query, 'list');
  if (!lists.every((list) => values(list, 'name').length > 0)) return 'bad-request';
  if (type !== 'set') return undefined;
  if (lists.some((list) => values(list, 'name').includes(BLOCKING))) return 'not-allowed';
  const isBlockingOnly = (names: string[]): boolean =>
    names.length > 0 && names.every((name) => name === BLOCKING);
  if (!all(query, 'default').every((list) => isBlockingOnly(values(list, 'name')))) return 'not-allowed';
  const items = all(query, 'item');
  if (items.some(isOfEmptyGroup)) return 'bad-request';
  return items.every(isSafeItem) ? undefined : 'jid-malformed';
}

/** The sm does not keep an empty group, and crashes when it stores the item. */
function isOfEmptyGroup(item: Element): boolean {
  return values(item, 'type').includes('group') && values(item, 'value').includes('');
}

function isSafeItem(item: Element): boolean {
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
 * A rule that lacks one of its attributes crashes the sm. So does the sm's notice about a rule, where one privacy list of the
 * receiver lets the message in and another lets nothing out: so a rule may only drop the message, without notice. Where the
 * namespace has no rule the sm takes one of any namespace. [XEP-0079 2.1] [jabberd2 2.7.0 sm/mod_amp.c]
 */
function isHazardousAmp(amp: Element): boolean {
  return amp.localName === 'amp' && all(amp, 'rule').some((rule) => !isSilentRule(rule));
}

function isSilentRule({ attributes }: Element): boolean {
  return attributes.get('action') === 'drop' && attributes.has('condition') && attributes.has('value');
}

/** All elements of that name inside, at any depth. */
function all(element: Element, localName: string, found: Element[] = []): Element[] {
  for (const child of element.elements) {
    if (child.localName === localName) found.push(child);
    all(child, localName, found);
  }
  return found;
}

/** The values of all attributes of that name, in any namespace. */
function values({ attributes }: Element, localName: string): string[] {
  const found: string[] = [];
  for (const [name, value] of attributes) {
    const isDeclaration = name === 'xmlns' || name.startsWith('xmlns:');
    if (!isDeclaration && name.slice(name.indexOf(':') + 1) === localName) found.push(value);
  }
  return found;
}

/** Most addresses: stringprep leaves them as they are. */
const ORDINARY_ADDRESS = /^(?:[a-z0-9._-]{1,200}@)?[a-z0-9.-]{1,200}(?:\/[\w .+-]{1,200})?$/;

/** Does a text spell an address, as the sm reads it? [jabberd2 2.7.0 util/jid.c] */
export function isAddress(text: string): boolean {
  return ORDINARY_ADDRESS.test(text) || Jid.parse(text, STRINGPREP) !== undefined;
}
