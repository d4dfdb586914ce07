/** Login by jabber:iq:auth, from before SASL. [XEP-0078] [README.SM] */
import { randomBytes } from 'node:crypto';
import { isResource, isUser } from '../../xmpp/address.js';
import { IQ_AUTH } from '../../xmpp/namespaces.js';
import { element, parse, type Element } from '../../xml/index.js';
import type { LoginRequest, Opened, Refused } from '../../session/requests.js';
import { writeRefusal } from '../errors.js';
import { isRequest, refuseUnencrypted, type FeatureStream, type StreamFeature } from './feature.js';

export const iqAuth: StreamFeature = {
  // Several clients hang or leave where a stream with a version does not offer it. [XEP-0078 3]
  offer: ({ encryption }) =>
    encryption === 'required' ? '' : `<auth xmlns='http://jabber.org/features/iq-auth'/>`,

  takes: (element) => isRequest(element, IQ_AUTH),

  take(iq, stream) {
    if (refuseUnencrypted(iq, stream)) return;
    if (iq.attribute('type') === 'get') return askFields(iq, stream);
    if (isUsable(iq)) return logIn(iq, stream);
    stream.refuse(iq, 'not-acceptable');
    stream.loginFailed(usernameOf(iq));
  },
};

function askFields(iq: Element, stream: FeatureStream): void {
  const request = { kind: 'fields', iq: withoutCredentials(iq), domain: stream.domain } as const;
  stream.ask(request, ({ result, text }) => stream.send(result ? text : loginForm(request.iq)));
}

function logIn(iq: Element, stream: FeatureStream): void {
  const { request, ownId } = loginRequest(iq, stream.streamId, stream.domain);
  // The client is answered with the id that it gave.
  const asked = ownId ? request.iq.clone().set('id', undefined) : request.iq;
  const answer = (text: string): string => (ownId ? parse(text).set('id', undefined).toString() : text);
  stream.logIn(request, (outcome) => {
    if (outcome.kind === 'opened') stream.loggedIn(opened(outcome, asked, answer));
    else refuse(outcome, asked, answer, stream);
  });
}

function opened({ text }: Opened, iq: Element, answer: (text: string) => string): string {
  return text === undefined ? writeResult(iq) : answer(text);
}

function refuse(
  { at, condition, temporary, text }: Refused,
  iq: Element,
  answer: (text: string) => string,
  stream: FeatureStream,
): void {
  if (text !== undefined) stream.send(answer(text));
  // As from the c2s of jabberd2, which makes no difference between streams.
  else if (at === 'login') stream.send(writeRefusal('rfc6120', iq, condition));
  else stream.refuse(iq, condition);
  if (!temporary) stream.loginFailed(usernameOf(iq));
}

function writeResult(iq: Element): string {
  const addressing = { id: iq.attribute('id'), from: iq.attribute('to'), to: iq.attribute('from') };
  return element('iq', { type: 'result', ...addressing }).toString();
}

const CREDENTIALS: ReadonlySet<string> = new Set(['username', 'resource', 'password', 'digest', 'hash']);

/**
 * Has an auth set all that a login needs (who, where, something to prove it with), and in one reading only? The
 * session manager looks for its parts in its own way, and must not find another user than we do: what is given twice,
 * with a prefix, or with elements inside, is refused. [XEP-0078 3.1, 3.2]
 */
export function isUsable(iq: Element): boolean {
  const query = iq.child('query', IQ_AUTH)!;
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
 * The login that a usable auth set asks for. Its iq has an id, given by us where the client gave none.
 *
 * @param streamId of the client's stream
 * @param domain the host that the client has asked for
 */
export function loginRequest(
  iq: Element,
  streamId: string,
  domain: string,
): { readonly request: LoginRequest; readonly ownId: boolean } {
  const ownId = iq.attribute('id') === undefined;
  const withId = ownId ? iq.clone().set('id', `auth-${randomBytes(6).toString('hex')}`) : iq;
  const query = iq.child('query', IQ_AUTH)!;
  const digest = query.child('digest');
  return {
    ownId,
    request: {
      kind: 'login',
      user: query.childText('username') ?? '',
      domain,
      resource: query.childText('resource') ?? '',
      proof: { password: query.childText('password'), digest: digest && { text: digest.text, streamId } },
      iq: withSid(withId, streamId),
    },
  };
}

/** The session manager checks a digest against the stream id that we say, never the client's word for it. [README.SM] */
function withSid(iq: Element, streamId: string): Element {
  if (!iq.child('query', IQ_AUTH)!.child('digest')) return iq;
  const prepared = iq.clone();
  for (const digest of prepared.child('query', IQ_AUTH)!.elements) {
    if (digest.localName === 'digest') digest.set('sid', streamId);
  }
  return prepared;
}

/** A get must not carry a password onward: jabberd 1.1.2 does not look at the type, and would log in. [jabberd 1.1.2] */
export function withoutCredentials(iq: Element): Element {
  const username = iq.child('query', IQ_AUTH)!.childText('username');
  const query = element('query', { xmlns: IQ_AUTH });
  if (username !== undefined) query.append(element('username', {}, username));
  const prepared = element('iq', {}, query);
  for (const [name, value] of iq.attributes) prepared.set(name, value);
  return prepared;
}

/**
 * The login form, where the session manager has none: jabberd 1.1.2 answers every get with an error. No zero-knowledge
 * fields: they are the session manager's to offer. [XEP-0078 3.1]
 *
 * @param iq the get
 */
export function loginForm(iq: Element): string {
  const username = iq.child('query', IQ_AUTH)!.childText('username') ?? '';
  return element(
    'iq',
    { type: 'result', id: iq.attribute('id'), from: iq.attribute('to'), to: iq.attribute('from') },
    element(
      'query',
      { xmlns: IQ_AUTH },
      element('username', {}, ...(username ? [username] : [])),
      element('password'),
      element('digest'),
      element('resource'),
    ),
  ).toString();
}

/** Who wants to log in, for the log. */
export function usernameOf(iq: Element): string {
  return (iq.child('query')?.childText('username') ?? '').slice(0, 100);
}
