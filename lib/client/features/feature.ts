import type { TlsSecurity } from '../../net/tls.js';
import { CLIENT } from '../../xmpp/namespaces.js';
import type { StreamKind } from '../../xmpp/header.js';
import type { Condition } from '../../xmpp/stanza-error.js';
import type { CloseReason } from '../../session/close-reason.js';
import type { Element } from '../../xml/index.js';
import type { AccountRequest, Answered, LoginRequest, Opened, Refused } from '../../session/requests.js';

/** Is a stream encrypted? If not: must it be before login, may it be, or can it not be? */
export type Encryption = 'done' | 'required' | 'optional' | 'off';

/** A stream whose client is not logged in, as a feature sees it. */
export interface FeatureStream {
  readonly kind: StreamKind;
  /** The id of the stream, which a digest is made with. */
  readonly streamId: string;
  /** The host that the client has asked for. */
  readonly domain: string;
  /** May accounts be made? */
  readonly registration: boolean;
  readonly encryption: Encryption;
  /** What TLS says of the connection: for channel binding, and for logins with a certificate. There where encryption is done. */
  readonly security: TlsSecurity | undefined;
  send(text: string): void;
  /** Answers an iq with an error, in the form that the stream knows; for people with a text. */
  refuse(iq: Element, condition: Condition, text?: string): void;
  /** Encrypts the connection after all that was sent. Then the client opens a new stream. */
  encrypt(): void;
  end(reason: CloseReason): void;
  /** Passes a request on. What the client says next waits for the answer. */
  ask(request: AccountRequest, onAnswer: (answer: Answered) => void): void;
  /** Logs the client in. What it says next waits for what comes of that. */
  logIn(request: LoginRequest, onOutcome: (outcome: Opened | Refused) => void): void;
  /**
   * The session is open.
   *
   * @param answer what the client is told
   */
  loggedIn(answer: string): void;
  /** A login failed. Too many of them end the stream. */
  loginFailed(username: string): void;
}

/** Something that a client may do before login. [RFC6120 4.3.2] */
export interface StreamFeature {
  /** Its element in the features of a stream; empty where the stream does not offer it. */
  offer(stream: FeatureStream): string;
  /** Is an element for this feature? */
  takes(element: Element): boolean;
  take(element: Element, stream: FeatureStream): void;
}

/** The namespace that an element declares for itself. */
export function namespaceOf(element: Element): string | undefined {
  const [prefix, local] = element.name.split(':');
  return element.attribute(local === undefined ? 'xmlns' : `xmlns:${prefix}`);
}

/** Refuses what must not be said on a connection that everybody on the way can read. @returns whether it did */
export function refuseUnencrypted(iq: Element, stream: FeatureStream): boolean {
  if (stream.encryption !== 'required') return false;
  stream.refuse(iq, 'not-acceptable', 'Encryption is required: use STARTTLS');
  return true;
}

/** Is an element an iq of the client's, a get or a set, with a `<query/>` in this namespace? */
export function isRequest(element: Element, namespace: string): boolean {
  const type = element.attribute('type');
  if (element.name !== 'iq' || (element.attribute('xmlns') ?? CLIENT) !== CLIENT) return false;
  return (type === 'get' || type === 'set') && element.child('query', namespace) !== undefined;
}
