import type { StreamError } from '../xmpp/stream-error.js';

/** Why a client's connection ended. Each ends once, with one reason, which says what the client and the log are told. */
export interface CloseReason {
  readonly kind: CloseReasonKind;
  /** More for the log and the text of a stream error. Text of a peer in it has a limit. */
  readonly detail?: string;
}

export type CloseReasonKind =
  | 'closed-by-client'
  | 'disconnected'
  | 'connection-lost'
  | 'client-error'
  | 'proxy-header'
  | 'tls-failed'
  | 'tls-hello'
  | 'starttls-refused'
  | 'http-request'
  | 'bad-header'
  | 'bad-namespace'
  | 'bad-stream-namespace'
  | 'unsupported-version'
  | 'host-unknown'
  | 'no-host'
  | 'not-well-formed'
  | 'bad-format'
  | 'restricted-xml'
  | 'unsupported-encoding'
  | 'policy-violation'
  | 'unsupported-stanza'
  | 'not-authorized'
  | 'login-timeout'
  | 'login-attempts'
  | 'stanza-timeout'
  | 'slow-reader'
  | 'replaced'
  | 'ended'
  | 'session-failed'
  | 'session-lost'
  | 'account-removed'
  | 'manager-gone'
  | 'link-down'
  | 'shutdown'
  | 'internal-error';

interface Meaning {
  readonly log: string;
  readonly error?: StreamError;
}

/** What a session manager says when it ends the sessions of a removed account. [XEP-0077 3.2] */
export const ACCOUNT_REMOVED = 'Account removed';

const MEANINGS: Record<CloseReasonKind, Meaning> = {
  'closed-by-client': { log: 'closed by the client' },
  disconnected: { log: 'disconnected without closing the stream' },
  'connection-lost': { log: 'connection lost' },
  'client-error': { log: 'the client reported a stream error' },
  'proxy-header': { log: 'a PROXY header from an address that --proxy-from does not name' },
  'tls-failed': { log: 'TLS handshake failed' },
  'tls-hello': { log: 'TLS on a port for clients that begin without it: see --listen-tls' },
  'starttls-refused': { log: 'STARTTLS where it is not offered' },
  'http-request': {
    log: 'an HTTP request on a port for XMPP',
    error: { condition: 'not-well-formed', text: 'Invalid XML' },
  },
  'bad-header': {
    log: 'no XMPP stream header',
    error: { condition: 'invalid-xml', text: 'Invalid XML' },
  },
  'bad-namespace': {
    log: 'the namespace of the stream header is not for clients',
    error: { condition: 'invalid-namespace', text: 'Invalid Namespace' },
  },
  'bad-stream-namespace': {
    log: 'the root of the stream header is not in the streams namespace',
    error: { condition: 'invalid-namespace', text: 'Invalid Stream Namespace' },
  },
  'unsupported-version': {
    log: 'unknown stream version',
    error: { condition: 'unsupported-version', text: 'Unsupported stream version' },
  },
  'host-unknown': {
    log: 'host not served',
    error: { condition: 'host-unknown', text: 'Unknown host' },
  },
  'no-host': {
    log: 'the client names no host, and no default host is configured',
    error: { condition: 'improper-addressing', text: 'Did not specify a valid to argument' },
  },
  'not-well-formed': {
    log: 'malformed XML',
    error: { condition: 'not-well-formed', text: 'Invalid XML' },
  },
  'bad-format': {
    log: 'text outside of a stanza',
    error: { condition: 'bad-format', text: 'Invalid XML' },
  },
  'restricted-xml': {
    log: 'XML that is not allowed in streams',
    error: { condition: 'restricted-xml', text: 'Invalid XML' },
  },
  'unsupported-encoding': {
    log: 'text that is not UTF-8',
    error: { condition: 'unsupported-encoding', text: 'Invalid XML' },
  },
  'policy-violation': {
    log: 'limit exceeded',
    error: { condition: 'policy-violation', text: 'Policy violation' },
  },
  'unsupported-stanza': {
    log: 'an element that is not a stanza',
    error: { condition: 'unsupported-stanza-type', text: 'Unknown element' },
  },
  'not-authorized': {
    log: 'a stanza before login',
    error: { condition: 'not-authorized', text: 'Not authorized: log in first' },
  },
  'login-timeout': {
    log: 'login timeout',
    error: { condition: 'connection-timeout', text: 'Timeout waiting for authentication' },
  },
  'login-attempts': {
    log: 'too many failed logins',
    error: { condition: 'policy-violation', text: 'Too many failed logins' },
  },
  'stanza-timeout': {
    log: 'stanza not finished in time',
    error: { condition: 'connection-timeout', text: 'Timeout waiting for the rest of a stanza' },
  },
  'slow-reader': {
    log: 'the client does not read',
    error: { condition: 'resource-constraint', text: 'You do not read what you are sent' },
  },
  replaced: {
    log: 'replaced by a new login with the same resource',
    error: { condition: 'conflict', text: 'Replaced by new connection' },
  },
  ended: {
    log: 'ended by the session manager',
    error: { condition: 'undefined-condition', text: 'Disconnected' },
  },
  'session-failed': {
    log: 'the session manager accepted the login but refused the session',
    error: { condition: 'internal-server-error', text: 'Session Failed' },
  },
  'manager-gone': {
    log: 'the session manager is gone (the link is up)',
    error: { condition: 'remote-connection-failed', text: 'The session manager is not reachable' },
  },
  'session-lost': {
    log: 'the session manager no longer knows the session',
    error: { condition: 'reset', text: 'Disconnected' },
  },
  'account-removed': {
    log: 'the account was removed',
    error: { condition: 'not-authorized', text: ACCOUNT_REMOVED },
  },
  'link-down': {
    log: 'the session manager cannot be reached',
    error: { condition: 'remote-connection-failed', text: 'The session manager is not reachable' },
  },
  shutdown: {
    log: 'shutting down',
    error: { condition: 'system-shutdown', text: 'Server shutting down' },
  },
  'internal-error': {
    log: 'internal error',
    error: { condition: 'internal-server-error', text: 'Internal Server Error' },
  },
};

/** What session managers say when they end a session, and what it means. [jabberd 1.4 jsm, deliver] */
const REASONS: readonly (readonly [said: RegExp, kind: CloseReasonKind])[] = [
  [/^Session Failed$/, 'session-failed'],
  [/^replaced$/, 'replaced'],
  [new RegExp(`^${ACCOUNT_REMOVED}$`), 'account-removed'],
  [/^Invalid (?:Session|User)$/, 'session-lost'],
  [/Timeout|Unable to deliver|not connected|External Server Error/, 'manager-gone'],
];

/** The reason for an end of which the session manager has said this. */
export function closeReasonOf(reason: string | undefined): CloseReason {
  const kind = REASONS.find(([said]) => reason !== undefined && said.test(reason))?.[1];
  return kind === 'replaced' || kind === 'account-removed'
    ? { kind }
    : { kind: kind ?? 'ended', detail: reason };
}

/** What the log says of an end. */
export function describe({ kind, detail }: CloseReason): string {
  return detail ? `${MEANINGS[kind].log}: ${detail}` : MEANINGS[kind].log;
}

/** The stream error for the client; undefined where the client has gone, or has closed the stream itself. */
export function streamError({ kind, detail }: CloseReason): StreamError | undefined {
  const error = MEANINGS[kind].error;
  return error && detail ? { ...error, detail } : error;
}
