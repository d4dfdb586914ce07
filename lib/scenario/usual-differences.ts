import { element, type Element } from '../xml/index.js';
import {
  CLIENT,
  DELAY,
  DISCO_INFO,
  LEGACY_TIME,
  ROSTER,
  STANZA_ERRORS,
  STREAM_ERRORS,
  VCARD,
  VERSION,
} from '../xmpp/namespaces.js';

/** Who gets a stanza, in the words of {@link Comparison}. */
export interface StanzaReceiver {
  /** The bare address. */
  readonly bare: string;
  /** The name that stands for the full address. */
  readonly full: string;
  /** All values that the script sends: where a server repeats them, it has not generated them. */
  readonly sent: ReadonlySet<string>;
}

/** Removes from a stanza what servers may differ in. @returns false where the whole stanza is ignored */
type Rule = (stanza: Element, receiver: StanzaReceiver) => boolean;

const DELAYS = new Set(['urn:xmpp:delay delay', 'jabber:x:delay x']);

/** The error codes of jabberd 1.x, by condition. [XEP-0086 3] */
const CODES: Readonly<Record<string, string>> = {
  'bad-request': '400',
  conflict: '409',
  'feature-not-implemented': '501',
  forbidden: '403',
  gone: '302',
  'internal-server-error': '500',
  'item-not-found': '404',
  'jid-malformed': '400',
  'not-acceptable': '406',
  'not-allowed': '405',
  'not-authorized': '401',
  'payment-required': '402',
  'recipient-unavailable': '404',
  redirect: '302',
  'registration-required': '407',
  'remote-server-not-found': '404',
  'remote-server-timeout': '504',
  'resource-constraint': '500',
  'service-unavailable': '503',
  'subscription-required': '407',
  'undefined-condition': '500',
  'unexpected-request': '400',
};

/** Differences of servers that do not matter in a migration, by the name of the rule. */
const RULES = {
  addresses: takeOwnAddresses,
  ids: takeIds,
  lang: (stanza) => takeAttribute(stanza, 'xml:lang'),
  'own-presence': (stanza, receiver) => !isOwnPresence(stanza, receiver),
  delay: markDelay,
  errors: reduceError,
  'roster-version': (stanza) => onQuery(stanza, ROSTER, (query) => query.set('ver', undefined)),
  'server-info': takeServerInfo,
  extras: takeExtras,
  status: takeGeneratedStatus,
  defaults: takeDefaults,
} as const satisfies Readonly<Record<string, Rule>>;

export type UsualRule = keyof typeof RULES;

/** The names of all rules. */
export const USUAL_RULES = Object.keys(RULES) as readonly UsualRule[];

/**
 * @param names the rules that apply
 * @returns a copy without the usual differences; undefined where the whole stanza is ignored
 */
export function withoutUsualDifferences(
  stanza: Element,
  names: readonly UsualRule[],
  receiver: StanzaReceiver,
): Element | undefined {
  const copy = stanza.clone();
  return names.every((name) => RULES[name](copy, receiver)) ? copy : undefined;
}

/**
 * Errors of two servers in one form. jabberd 1.x sends only a code, other servers a condition.
 * [XEP-0086 3]
 */
export function withComparableErrors(left: Element, right: Element): readonly [Element, Element] {
  const [one, other] = [conditionOf(left), conditionOf(right)];
  if ((one === undefined) === (other === undefined)) return [left, right];
  return [byCode(left), byCode(right)];
}

const each = (element: Element, work: (one: Element) => void): void => {
  work(element);
  for (const child of element.elements) each(child, work);
};

function keepChildren(element: Element, keep: (child: Element) => boolean): void {
  element.children = element.children.filter((child) => typeof child === 'string' || keep(child));
}

function takeAttribute(stanza: Element, name: string): true {
  each(stanza, (one) => one.set(name, undefined));
  return true;
}

function onQuery(stanza: Element, namespace: string, work: (query: Element) => void): true {
  const query = stanza.name === 'iq' ? stanza.child('query', namespace) : undefined;
  if (query) work(query);
  return true;
}

/** The receiver is known; and an answer without `from` is from the own account. [RFC6120 8.1.2.1] */
function takeOwnAddresses(stanza: Element, receiver: StanzaReceiver): true {
  if (isOwn(stanza.attribute('to'), receiver)) stanza.set('to', undefined);
  if (stanza.name === 'iq' && isOwn(stanza.attribute('from'), receiver)) stanza.set('from', undefined);
  return true;
}

function isOwn(address: string | undefined, { bare, full }: StanzaReceiver): boolean {
  return address !== undefined && (address === full || address.toLowerCase() === bare.toLowerCase());
}

/** Ids that servers generate. [XEP-0359] */
function takeIds(stanza: Element): true {
  if (stanza.attribute('id') === '{id}') stanza.set('id', undefined);
  keepChildren(
    stanza,
    ({ namespace, localName }) => namespace !== 'urn:xmpp:sid:0' || localName !== 'stanza-id',
  );
  return true;
}

/** Servers of RFC 3921 and later send a client its own presence. [RFC6121 4.2.2] */
function isOwnPresence(stanza: Element, { full }: StanzaReceiver): boolean {
  const type = stanza.attribute('type') ?? 'unavailable';
  return stanza.name === 'presence' && type === 'unavailable' && stanza.attribute('from') === full;
}

/** It matters that a message was stored, but not how that is written, nor since when a presence is valid. [XEP-0203 3] */
function markDelay(stanza: Element): true {
  const isDelay = ({ namespace, localName }: Element): boolean => DELAYS.has(`${namespace} ${localName}`);
  const [first] = stanza.elements.filter(isDelay);
  keepChildren(stanza, (child) => !isDelay(child));
  if (first && stanza.name === 'message') stanza.append(element('delay', { xmlns: DELAY }));
  return true;
}

/** Keeps the condition of an error, or its code where it has no condition; removes its text and the repeated request. */
function reduceError(stanza: Element): true {
  const error = errorOf(stanza);
  if (!error) return true;
  if (error !== stanza) keepChildren(stanza, (child) => child === error);
  error.children = error.elements.filter(
    ({ namespace, localName }) => localName !== 'text' || ![STANZA_ERRORS, STREAM_ERRORS].includes(namespace),
  );
  error.set('by', undefined);
  if (conditionOf(stanza) !== undefined) error.set('code', undefined);
  return true;
}

function errorOf(stanza: Element): Element | undefined {
  if (stanza.name === 'stream:error') return stanza;
  return stanza.attribute('type') === 'error' ? stanza.child('error') : undefined;
}

function conditionOf(stanza: Element): string | undefined {
  return errorOf(stanza)?.elements.find(({ namespace }) => namespace === STANZA_ERRORS)?.localName;
}

function byCode(stanza: Element): Element {
  const copy = stanza.clone();
  const error = copy.child('error');
  if (!error) return copy;
  const condition = conditionOf(copy);
  if (condition !== undefined) error.set('code', CODES[condition]);
  error.set('type', undefined);
  error.children = [];
  return copy;
}

/** What a server tells people about itself. */
function takeServerInfo(stanza: Element): true {
  onQuery(stanza, VERSION, (query) => (query.children = []));
  onQuery(stanza, LEGACY_TIME, (query) => keepChildren(query, ({ localName }) => localName === 'utc'));
  return onQuery(stanza, DISCO_INFO, (query) => {
    for (const child of query.elements) if (child.localName === 'identity') child.set('name', undefined);
    keepChildren(query, ({ namespace }) => namespace !== 'jabber:x:data');
  });
}

/** What a server adds: hashes of photos, queries for features, and events of its own services. */
function takeExtras(stanza: Element, receiver: StanzaReceiver): boolean {
  const from = stanza.attribute('from');
  const isAccount = from === undefined || isOwn(from, receiver);
  keepChildren(
    stanza,
    ({ namespace }) =>
      stanza.name !== 'presence' || namespace !== 'vcard-temp:x:update' || receiver.sent.has(namespace),
  );
  if (stanza.name === 'message' && stanza.child('event', 'http://jabber.org/protocol/pubsub#event'))
    return !isAccount;
  const asks = stanza.name === 'iq' && stanza.attribute('type') === 'get';
  return !(asks && stanza.child('query', DISCO_INFO) && (isAccount || !from.includes('@')));
}

/** The status in the presence of a client whose connection has ended is generated by the server. */
function takeGeneratedStatus(stanza: Element, { sent }: StanzaReceiver): true {
  if (stanza.name === 'presence' && stanza.attribute('type') === 'unavailable')
    keepChildren(stanza, ({ localName, text }) => localName !== 'status' || sent.has(text));
  return true;
}

/** Removes what means the same when it is absent. [RFC6121 4.7.2.3, 5.2.2] [XEP-0054: an empty element says nothing] */
function takeDefaults(stanza: Element): true {
  if (stanza.name === 'message' && stanza.attribute('type') === 'normal') stanza.set('type', undefined);
  if (stanza.name === 'presence')
    keepChildren(stanza, ({ localName, namespace, text }) => {
      return localName !== 'priority' || namespace !== CLIENT || text.trim() !== '0';
    });
  const card = stanza.child('vCard', VCARD);
  if (card) takeEmpty(card);
  return true;
}

function takeEmpty(element: Element): void {
  element.elements.forEach(takeEmpty);
  keepChildren(element, (child) => child.elements.length > 0 || child.text.trim() !== '');
}
