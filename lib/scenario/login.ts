import { streamDigest } from '../xmpp/stream-digest.js';
import { BIND, IQ_AUTH, SASL, SESSION, TLS } from '../xmpp/namespaces.js';
import { element, type Element } from '../xml/index.js';
import { chooseMechanism, type ClientCredentials, type ClientMechanism } from '../xmpp/sasl/index.js';
import { describeError, ServerStream, StreamFailure, type Peer } from './stream.js';

/** How a client logs in. `auto`: by SASL where the server offers a known mechanism, else by jabber:iq:auth. */
export type AuthMethod = 'auto' | 'sasl' | 'iq-auth';

/** Is STARTTLS used? `auto`: where the server requires it. */
export type TlsUse = 'auto' | 'off' | 'required';

/** A server, and how clients connect to it. */
export interface ServerAccess extends Peer {
  readonly auth: AuthMethod;
  readonly tls: TlsUse;
}

/** A stream that is ready for a login or a registration. */
export interface OpenStream {
  readonly stream: ServerStream;
  /** Undefined where the stream has no version (jabberd 1.x). */
  readonly features: Element | undefined;
}

/** Connects, and encrypts as `tls` says. @throws {StreamFailure} */
export async function openStream(server: ServerAccess, domain: string): Promise<OpenStream> {
  const stream = await ServerStream.connect(server);
  try {
    let features = await begin(stream, domain);
    if (useTls(server.tls, features)) {
      await stream.secure();
      features = await begin(stream, domain);
    }
    return { stream, features };
  } catch (error) {
    await stream.close();
    throw error;
  }
}

async function begin(stream: ServerStream, domain: string): Promise<Element | undefined> {
  await stream.start(domain);
  const version = stream.header?.attribute('version');
  if (version === undefined || version.startsWith('0')) return undefined;
  const features = await stream.next('its features');
  if (features.localName === 'features') return features;
  throw new StreamFailure(`instead of features the server sent ${features.toString()}`);
}

function useTls(use: TlsUse, features: Element | undefined): boolean {
  const offer = features?.child('starttls', TLS);
  const insists = offer?.child('required') !== undefined;
  if (use === 'required' && !offer) throw new StreamFailure('--tls required: the server offers no STARTTLS');
  if (use === 'off' && insists) throw new StreamFailure('--tls off: the server requires STARTTLS');
  return use === 'required' || (use === 'auto' && insists);
}

/**
 * Logs in on an open stream.
 *
 * @param resource the requested resource; empty: the server chooses it
 * @returns the full address of the session
 * @throws {StreamFailure}
 */
export async function logIn(
  { stream, features }: OpenStream,
  auth: AuthMethod,
  credentials: ClientCredentials,
  resource: string,
): Promise<string> {
  const offered = features?.child('mechanisms', SASL)?.elements.map(({ text }) => text.trim()) ?? [];
  const mechanism = auth === 'iq-auth' ? undefined : chooseMechanism(offered, credentials);
  if (mechanism) {
    await authenticate(stream, mechanism);
    return bind(stream, credentials.domain, resource);
  }
  if (auth === 'sasl') {
    throw new StreamFailure(`no supported SASL mechanism: ${offered.join(', ') || 'none is offered'}`);
  }
  return iqAuth(stream, credentials, resource);
}

/** [RFC6120 6.4] */
async function authenticate(stream: ServerStream, mechanism: ClientMechanism): Promise<void> {
  const { name, initial } = mechanism;
  const first = initial === undefined ? [] : [encode(initial)];
  stream.send(element('auth', { xmlns: SASL, mechanism: name }, ...first).toString());
  try {
    for (;;) {
      const answer = await stream.next(`an answer to the login by ${name}`);
      if (answer.localName === 'success') return mechanism.finish(decode(answer.text));
      if (answer.localName !== 'challenge') throw new Error(describeError(answer));
      const response = mechanism.respond(decode(answer.text));
      stream.send(
        element('response', { xmlns: SASL }, ...(response === '' ? [] : [encode(response)])).toString(),
      );
    }
  } catch (error) {
    throw error instanceof StreamFailure
      ? error
      : new StreamFailure(`login by ${name}: ${(error as Error).message}`);
  }
}

const encode = (text: string): string => Buffer.from(text).toString('base64');
const decode = (text: string): string => Buffer.from(text, 'base64').toString();

/** Binds a resource [RFC6120 7] and, where the server requires it, establishes a session [RFC3921 3]. */
async function bind(stream: ServerStream, domain: string, resource: string): Promise<string> {
  const features = await begin(stream, domain);
  const wish = resource === '' ? [] : [element('resource', {}, resource)];
  const bound = await stream.ask('set', element('bind', { xmlns: BIND }, ...wish));
  const jid = bound.child('bind', BIND)?.childText('jid');
  if (jid === undefined) throw new StreamFailure(`no resource was bound: ${describeError(bound)}`);
  const session = features?.child('session', SESSION);
  if (session && !session.child('optional')) {
    const answer = await stream.ask('set', element('session', { xmlns: SESSION }));
    if (answer.attribute('type') !== 'result')
      throw new StreamFailure(`no session: ${describeError(answer)}`);
  }
  return jid.trim();
}

/** Sends the digest where the server offers it, else the password. [XEP-0078 3] */
async function iqAuth(
  stream: ServerStream,
  { user, password, domain }: ClientCredentials,
  resource: string,
): Promise<string> {
  const query = (...children: Element[]): Element => element('query', { xmlns: IQ_AUTH }, ...children);
  const username = element('username', {}, user);
  const form = await stream.ask('get', query(username.clone()));
  if (form.attribute('type') !== 'result')
    throw new StreamFailure(`login by jabber:iq:auth: ${describeError(form)}`);
  const chosen = resource || `scenario-${Math.random().toString(36).slice(2, 10)}`;
  const proof = proofOf(form, stream.header?.attribute('id'), password);
  const answer = await stream.ask('set', query(username, proof, element('resource', {}, chosen)));
  if (answer.attribute('type') !== 'result')
    throw new StreamFailure(`login by jabber:iq:auth: ${describeError(answer)}`);
  return `${user}@${domain}`.toLowerCase() + `/${chosen}`;
}

function proofOf(form: Element, streamId: string | undefined, password: string): Element {
  if (streamId === undefined || !form.child('query')?.child('digest'))
    return element('password', {}, password);
  return element('digest', {}, streamDigest(streamId, password));
}
