/** jabber:iq:auth and jabber:iq:register before login: what goes to the session manager, and what comes of it. [XEP-0078] [XEP-0077] */
import { randomBytes } from 'node:crypto';
import type { LoginRequest, RequestKind } from '../session/session.js';
import { isResource, isUser } from '../xmpp/address.js';
import { element, type Element } from '../xml/index.js';

const AUTH = 'jabber:iq:auth';
const REGISTER = 'jabber:iq:register';

/** A request that is with the session manager. */
export interface Request extends LoginRequest {
  /** The id it has there; undefined for a request other than auth-set whose sender gave none. */
  readonly id: string | undefined;
  /** Was the id given by us, and must be taken out of the answer? */
  readonly ownId: boolean;
}

/** Which request an element is; undefined for anything that is not for the unknown state. [README.SM] */
export function requestKind(stanza: Element): RequestKind | undefined {
  if (stanza.name !== 'iq') return undefined;
  const type = stanza.attribute('type');
  if (type !== 'get' && type !== 'set') return undefined;
  if (stanza.child('query', AUTH)) return type === 'get' ? 'auth-get' : 'auth-set';
  return stanza.child('query', REGISTER) ? 'register' : undefined;
}

const CREDENTIALS: ReadonlySet<string> = new Set(['username', 'resource', 'password', 'digest', 'hash']);

/**
 * Has an auth set all that a login needs (who, where, something to prove it with), and in one reading only? The
 * session manager looks for its parts in its own way, and must not find another user than we do: what is given twice,
 * with a prefix, or with elements inside, is refused. [XEP-0078 3.1, 3.2]
 */
export function isUsable(iq: Element): boolean {
  const query = iq.child('query', AUTH)!;
  const has = (name: string): boolean => (query.childText(name) ?? '') !== '';
  if (!isUser(query.childText('username') ?? '')) return false;
  if (!isResource(query.childText('resource') ?? '')) return false;
  return isUnambiguous(iq) && (has('password') || has('digest') || has('hash'));
}

function isUnambiguous(iq: Element): boolean {
  const [query, ...others] = iq.elements;
  if (others.length > 0 || query.name !== 'query') return false;
  const credentials = query.elements.filter((part) => CREDENTIALS.has(part.localName));
  const names = new Set(credentials.map((part) => part.localName));
  return (
    names.size === credentials.length &&
    credentials.every((part) => part.name === part.localName && part.elements.length === 0)
  );
}

/**
 * The request as it goes to the session manager.
 *
 * @param streamId id of the client's stream, which its digest is made with
 * @param domain the host that the client has asked for
 */
export function prepare(kind: RequestKind, iq: Element, streamId: string, domain: string): Request {
  const id = iq.attribute('id');
  if (kind === 'auth-get') return { kind, iq: withoutCredentials(iq), domain, id, ownId: false };
  if (kind === 'register') return { kind, iq, domain, id, ownId: false };
  if (id !== undefined) return { kind, iq: withSid(iq, streamId), domain, id, ownId: false };
  const given = `auth-${randomBytes(6).toString('hex')}`;
  return { kind, iq: withSid(iq.clone().set('id', given), streamId), domain, id: given, ownId: true };
}

/** A get must not carry a password onward: jabberd 1.1.2 does not look at the type, and would log in. [jabberd 1.1.2] */
function withoutCredentials(iq: Element): Element {
  const username = iq.child('query', AUTH)!.childText('username');
  const query = element('query', { xmlns: AUTH });
  if (username !== undefined) query.append(element('username', {}, username));
  const attributes = new Map(iq.attributes);
  const prepared = element('iq', {}, query);
  for (const [name, value] of attributes) prepared.set(name, value);
  return prepared;
}

/** The session manager checks a digest against the stream id that we say: never the client's word for it. [README.SM] */
function withSid(iq: Element, streamId: string): Element {
  if (!iq.child('query', AUTH)!.child('digest')) return iq;
  const prepared = iq.clone();
  for (const digest of prepared.child('query', AUTH)!.elements) {
    if (digest.localName === 'digest') digest.set('sid', streamId);
  }
  return prepared;
}

/**
 * The login form, where the session manager has none: jabberd 1.1.2 answers every get with an error. No zero-knowledge
 * fields: they are the session manager's to offer. [XEP-0078 3.1]
 */
export function form(request: Request): string {
  const username = request.iq.child('query', AUTH)!.childText('username') ?? '';
  return element(
    'iq',
    { type: 'result', id: request.id, from: request.iq.attribute('to'), to: request.iq.attribute('from') },
    element(
      'query',
      { xmlns: AUTH },
      element('username', {}, ...(username ? [username] : [])),
      element('password'),
      element('digest'),
      element('resource'),
    ),
  ).toString();
}

/** User, host and resource that an auth set would log in. */
export function loginOf(iq: Element, domain: string): string {
  const query = iq.child('query', AUTH)!;
  return `${query.childText('username')}@${domain}/${query.childText('resource')}`;
}

/** Who wants to log in, for the log. */
export function usernameOf(iq: Element): string {
  return (iq.child('query')?.childText('username') ?? '').slice(0, 100);
}
