import { createHash, type X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, TLSSocket, type ConnectionOptions, type TLSSocketOptions } from 'node:tls';
import { alternativeNames } from './certificates.js';
import { signatureHash } from './der.js';
import type { Role } from './transport.js';

/** For the connecting side `ConnectionOptions`, for the accepting side `TLSSocketOptions` (its certificate and key). */
export type TlsOptions = ConnectionOptions & TLSSocketOptions;

/** How long a handshake may take, in milliseconds: a slow phone on a bad network needs seconds, an attacker minutes. */
const HANDSHAKE_TIMEOUT_MS = 30_000;

/**
 * Encrypts a connection. Whether the peer's certificate is checked is up to the options (`rejectUnauthorized`).
 *
 * @param socket connected; nothing else reads from it any more
 * @param role `initiating` is the client of TLS
 * @param done called once: without an error when the connection is encrypted; after an error the socket closes by itself
 */
export function encrypted(
  socket: Socket,
  role: Role,
  options: TlsOptions,
  done: (error?: Error) => void,
): TLSSocket {
  const isServer = role === 'receiving';
  const encryptedEvent = isServer ? 'secure' : 'secureConnect';
  const stream = isServer ? new TLSSocket(socket, { ...options, isServer }) : connect({ ...options, socket });
  const late = setTimeout(() => stream.destroy(timedOut()), HANDSHAKE_TIMEOUT_MS);
  const settle = (error?: Error): void => {
    clearTimeout(late);
    stream.off(encryptedEvent, succeed).off('error', settle).off('end', abandon).off('close', abandon);
    done(error);
  };
  const succeed = (): void => settle();
  const abandon = (): void => {
    settle(new Error('the connection was closed during the TLS handshake'));
    stream.destroy();
  };
  stream.on(encryptedEvent, succeed).on('error', settle).on('end', abandon).on('close', abandon);
  // A socket that no tls.Server has made keeps its errors to itself: Node emits them under this name only.
  if (isServer) stream.on('_tlsError', (error: Error) => stream.destroy(error));
  return stream;
}

function timedOut(): Error {
  return Object.assign(new Error(`no TLS handshake in ${HANDSHAKE_TIMEOUT_MS / 1000} seconds`), {
    code: 'ERR_TLS_HANDSHAKE_TIMEOUT',
  });
}

/** What OpenSSL says of bytes that are no TLS, in words for people. */
const NOT_TLS: ReadonlyMap<string | undefined, string> = new Map([
  ['ERR_SSL_HTTP_REQUEST', 'an HTTP request'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'something that is not TLS'],
]);

/** Why a handshake failed, for the log. */
export function describeTlsError(error: Error): string {
  const { code, reason, message } = error as NodeJS.ErrnoException & { readonly reason?: string };
  return NOT_TLS.get(code) ?? reason ?? message;
}

/** Channel bindings that can be had. [RFC9266] [RFC5929 4] */
export type ChannelBindingType = 'tls-exporter' | 'tls-server-end-point';

/** The certificate of a client, signed by an authority of `--tls-client-ca` and in date. */
export interface ClientCertificate {
  readonly certificate: X509Certificate;
  /** The XMPP addresses in it, as they are written there. [RFC6120 13.7.1.4] */
  readonly xmppAddresses: readonly string[];
}

/** What encryption says of a connection to a server. */
export class TlsSecurity {
  constructor(private readonly socket: TLSSocket) {}

  /** `TLSv1.3`, … */
  get protocol(): string {
    return this.socket.getProtocol() ?? '';
  }

  /** The name of the cipher suite in the standard. */
  get cipher(): string {
    return this.socket.getCipher().standardName;
  }

  /** The host that the client has named in its handshake, as it wrote it. [RFC6066 3] */
  get serverName(): string | undefined {
    const { servername } = this.socket as unknown as { servername?: string | false | null };
    return servername || undefined;
  }

  /** Undefined where the client has shown none that can be trusted. */
  get clientCertificate(): ClientCertificate | undefined {
    const certificate = this.socket.getPeerX509Certificate();
    if (certificate === undefined || !this.isVerified()) return undefined;
    const names = alternativeNames(certificate).filter(({ type }) => type === 'XmppAddr');
    return { certificate, xmppAddresses: names.map(({ value }) => value) };
  }

  /** What both sides know of this connection and nobody between them can make. Undefined where it cannot be had. */
  channelBinding(type: ChannelBindingType): Buffer | undefined {
    return type === 'tls-exporter' ? this.exported() : this.endPoint();
  }

  /** Before TLS 1.3 it is safe only with an extension that Node does not tell of. [RFC9266 4.2] */
  private exported(): Buffer | undefined {
    if (this.protocol !== 'TLSv1.3') return undefined;
    return this.socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  }

  /** The hash of the server's certificate, by the function that it is signed with; SHA-256 for old ones. [RFC5929 4.1] */
  private endPoint(): Buffer | undefined {
    const certificate = this.socket.getX509Certificate()?.raw;
    const hash = certificate && signatureHash(certificate);
    if (hash === undefined) return undefined;
    return createHash(hash === 'md5' || hash === 'sha1' ? 'sha256' : hash)
      .update(certificate!)
      .digest();
  }

  /** What OpenSSL found; `authorized` of the socket says it only where a tls.Server has made that. */
  private isVerified(): boolean {
    const { ssl } = this.socket as unknown as { ssl?: { verifyError?(): Error | null } };
    return ssl?.verifyError?.() === null;
  }
}
