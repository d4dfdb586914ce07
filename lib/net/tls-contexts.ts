import { constants } from 'node:crypto';
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
} from 'node:tls';
import { ConfigError } from '../config/error.js';
import {
  fitOf,
  hostNames,
  readAuthorities,
  readCertificates,
  type ServerCertificate,
} from './certificates.js';
import type { TlsOptions } from './tls.js';

/** How clients are served with TLS. Files are absolute paths of PEM files. */
export interface TlsSettings {
  readonly certificates: readonly string[];
  /** Files with the private keys that are not in the files of the certificates. */
  readonly keys: readonly string[];
  readonly minVersion: SecureVersion;
  /** A list of OpenSSL's; undefined: Node's own. */
  readonly ciphers: string | undefined;
  /** Authorities whose certificates clients may log in with. */
  readonly clientCa: string | undefined;
}

/** The protocol that is spoken where TLS comes first. [XEP-0368] */
const ALPN = 'xmpp-client';

/** A session is resumed only in front of the service that it began at. */
const SESSION_ID_CONTEXT = 'sm-component';

/** Versions that OpenSSL takes only where weak keys and hashes are allowed as well. */
const OLD_VERSIONS: ReadonlySet<string> = new Set(['TLSv1', 'TLSv1.1']);
const ALL_CIPHERS = 'DEFAULT';
const WEAK_ALLOWED = '@SECLEVEL=0';

/** The certificates that are in force, and which of them a client is shown. */
export class TlsContexts {
  private readonly byCertificates = new Map<string, SecureContext>();
  private readonly authorities: string | undefined;

  /**
   * Reads all files.
   *
   * @throws {ConfigError} that names what cannot be used
   */
  static read(settings: TlsSettings): TlsContexts {
    const certificates = readCertificates(settings.certificates, settings.keys);
    return new TlsContexts(certificates, settings);
  }

  private constructor(
    readonly certificates: readonly ServerCertificate[],
    private readonly settings: TlsSettings,
  ) {
    this.authorities = settings.clientCa === undefined ? undefined : readAuthorities(settings.clientCa);
    // What OpenSSL does not take is to be known now, and not at the first client.
    checkCiphers(settings);
    for (const certificate of certificates) this.context([certificate]);
  }

  /** Is one of the certificates for that host? */
  covers(host: string): boolean {
    return this.certificates.some(({ leaf }) => fitOf(leaf, host) !== undefined);
  }

  /**
   * How a client is encrypted after STARTTLS. The host that it names in the handshake chooses the certificate
   * [RFC6066 3]; where it names none, or one that no certificate is for, its stream header has chosen.
   *
   * @param host what the client has asked for in its stream header
   */
  forHost(host: string | undefined): TlsOptions {
    const asked = host === undefined ? undefined : this.contextFor(host);
    return {
      secureContext: asked ?? this.context(this.matching(hostNames(this.certificates[0].leaf)[0])),
      SNICallback: (name, chosen) => chosen(null, this.contextFor(name)),
      requestCert: this.authorities !== undefined,
      // Who it is, is asked at login: a client without a certificate, or with another one, may have a password.
      rejectUnauthorized: false,
    };
  }

  /** How a client is encrypted that begins with TLS. Whoever wants to speak something else is refused. [XEP-0368] */
  direct(): TlsOptions {
    return { ...this.forHost(undefined), ALPNProtocols: [ALPN] };
  }

  private contextFor(host: string): SecureContext | undefined {
    const matching = this.matching(host);
    return matching.length > 0 ? this.context(matching) : undefined;
  }

  /** Those for a host, by its name or else by a wildcard: one of each kind of key, since old clients know only RSA. */
  private matching(host: string | undefined): readonly ServerCertificate[] {
    if (host === undefined) return [];
    const fits = this.certificates.map((certificate) => ({
      certificate,
      fit: fitOf(certificate.leaf, host),
    }));
    const best = fits.some(({ fit }) => fit === 'name') ? 'name' : 'wildcard';
    const byKind = new Map<string | undefined, ServerCertificate>();
    for (const { certificate, fit } of fits) {
      const kind = certificate.leaf.publicKey.asymmetricKeyType;
      if (fit === best && !byKind.has(kind)) byKind.set(kind, certificate);
    }
    return [...byKind.values()];
  }

  /** Without a certificate that fits, the first. */
  private context(matching: readonly ServerCertificate[]): SecureContext {
    const shown = matching.length > 0 ? matching : [this.certificates[0]];
    const name = shown.map((one) => this.certificates.indexOf(one)).join();
    let context = this.byCertificates.get(name);
    if (context === undefined) {
      context = createContext(shown, this.settings, this.authorities);
      this.byCertificates.set(name, context);
    }
    return context;
  }
}

function createContext(
  shown: readonly ServerCertificate[],
  settings: TlsSettings,
  ca: string | undefined,
): SecureContext {
  try {
    return createSecureContext({
      ...protocolOptions(settings),
      cert: shown.map(({ chain }) => chain),
      key: shown.map(({ key }) => key),
      ca,
      dhparam: 'auto',
      sessionIdContext: SESSION_ID_CONTEXT,
    });
  } catch (error) {
    const files = shown.map(({ file }) => file).join(', ');
    throw new ConfigError(`--tls-cert ${files}: OpenSSL does not take it: ${(error as Error).message}`);
  }
}

/** No compression, and no new keys asked for by a client in the middle of its stream: both were attacked. [RFC7590 3.3] */
function protocolOptions({ minVersion, ciphers }: TlsSettings): SecureContextOptions {
  return {
    minVersion,
    ciphers: OLD_VERSIONS.has(minVersion) ? withWeak(ciphers ?? ALL_CIPHERS) : ciphers,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
  };
}

function withWeak(ciphers: string): string {
  return ciphers.includes('@SECLEVEL') ? ciphers : `${ciphers}:${WEAK_ALLOWED}`;
}

function checkCiphers(settings: TlsSettings): void {
  if (settings.ciphers === undefined) return;
  try {
    createSecureContext(protocolOptions(settings));
  } catch (error) {
    throw new ConfigError(
      `--tls-ciphers ${settings.ciphers}: OpenSSL knows no such list: ${(error as Error).message}`,
    );
  }
}
