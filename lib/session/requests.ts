/** What clients ask for before they are logged in, and what comes of it. */
import type { Condition } from '../xmpp/stanza-error.js';
import type { Element } from '../xml/index.js';
import type { CloseReason } from './close-reason.js';

/** A request that opens no session: for the fields of a login, or about registration. [XEP-0078 3.1] [XEP-0077] */
export interface AccountRequest {
  readonly kind: 'fields' | 'register';
  readonly iq: Element;
  /** The host that the client has asked for. */
  readonly domain: string;
}

/** What a client proves itself with. There may be more in {@link LoginRequest.iq}. */
export interface Proof {
  /** In the clear. */
  readonly password?: string | undefined;
  /** SHA-1 of the stream id and the password, in hexadecimal, as the client wrote it. [XEP-0078 3.2] */
  readonly digest?: { readonly text: string; readonly streamId: string } | undefined;
}

/** A login. */
export interface LoginRequest {
  readonly kind: 'login';
  /** User and resource as the client wrote them. */
  readonly user: string;
  readonly domain: string;
  readonly resource: string;
  readonly proof: Proof;
  /** The same as an iq of jabber:iq:auth, for a session manager that checks logins itself. It has an id. */
  readonly iq: Element;
}

export type Request = AccountRequest | LoginRequest;

/** The full JID that a login asks for. */
export function jidOf({ user, domain, resource }: LoginRequest): string {
  return `${user}@${domain}/${resource}`;
}

/** The answer to an {@link AccountRequest}. */
export interface Answered {
  readonly kind: 'answered';
  /** Is it a result, and not an error? */
  readonly result: boolean;
  /** The iq for the client. */
  readonly text: string;
}

/** A login that came to nothing; the client may try again. */
export interface Refused {
  readonly kind: 'refused';
  /** Was the login refused, or, after a right one, the session? */
  readonly at: 'login' | 'session';
  readonly condition: Condition;
  /** Has nobody looked at the proof? It may be the right one. */
  readonly temporary: boolean;
  /** The iq for the client, where a session manager has written one. */
  readonly text?: string | undefined;
}

/** The client cannot go on. */
export interface Ended {
  readonly kind: 'ended';
  readonly reason: CloseReason;
}

/** The session is open. */
export interface Opened {
  readonly kind: 'opened';
  /** The iq for the client, where a session manager has written one. */
  readonly text?: string | undefined;
}

/**
 * What is said in answer to a request: `opened` where the login has opened the session, `accepted` where the session may
 * now be asked for.
 */
export type Answer =
  | Answered
  | { readonly kind: 'opened'; readonly sessionAddress: string; readonly text: string }
  | { readonly kind: 'accepted'; readonly text?: string }
  | Refused;

/** What came of a request, once for each: of a login it is not `answered`, of any other neither `opened` nor `refused`. */
export type Outcome = Answered | Opened | Refused | Ended;
