/** Certificates and private keys in PEM files: which belong together, which names they are for, and when they end. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { domainKey } from '../config/domain.js';
import { ConfigError } from '../config/error.js';
import { readLenient } from '../config/text.js';

/** A certificate that the server can show, with the others of its file (up to its authority) and its private key. */
export interface ServerCertificate {
  /** The file that it is in. */
  readonly file: string;
  readonly leaf: X509Certificate;
  /** The certificates of the file as PEM, the server's own one first. */
  readonly chain: string;
  /** PEM. */
  readonly key: string;
}

/** A private key, and the file that it is in. */
interface PrivateKey {
  readonly file: string;
  readonly pem: string;
  readonly key: KeyObject;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g;

/**
 * Reads server certificates. The key of a certificate may be in its own file or in any of the others: it is recognized.
 *
 * @param certificates files, each with a certificate and those of its authorities
 * @param keys files with private keys
 * @throws {ConfigError} that names the file that cannot be used
 */
export function readCertificates(
  certificates: readonly string[],
  keys: readonly string[],
): readonly ServerCertificate[] {
  const texts = new Map(certificates.map((file) => [file, read(file, '--tls-cert')]));
  for (const file of keys) texts.set(file, texts.get(file) ?? read(file, '--tls-key'));
  const found = [...texts].flatMap(([file, text]) => privateKeys(file, text));
  for (const file of keys)
    if (!found.some((key) => key.file === file))
      throw new ConfigError(`--tls-key ${file}: there is no private key in it ("BEGIN PRIVATE KEY")`);
  return certificates.map((file) => serverCertificate(file, texts.get(file)!, found));
}

/** @throws {ConfigError} */
export function readAuthorities(file: string): string {
  const blocks = blocksOf(read(file, '--tls-client-ca'), isCertificate);
  if (blocks.length === 0)
    throw new ConfigError(`--tls-client-ca ${file}: there is no certificate in it ("BEGIN CERTIFICATE")`);
  for (const pem of blocks) parseCertificate(pem, `--tls-client-ca ${file}`);
  return blocks.join('\n');
}

function read(file: string, option: string): string {
  try {
    return readLenient(file);
  } catch (error) {
    throw new ConfigError(`${option} ${file}: the file cannot be read: ${(error as Error).message}`);
  }
}

const isCertificate = (label: string): boolean => label.endsWith('CERTIFICATE');
const isPrivateKey = (label: string): boolean => label.endsWith('PRIVATE KEY');

function blocksOf(text: string, wanted: (label: string) => boolean): string[] {
  return [...text.matchAll(BLOCK)].filter(([, label]) => wanted(label)).map(([block]) => block);
}

function privateKeys(file: string, text: string): PrivateKey[] {
  return blocksOf(text, isPrivateKey).map((pem) => {
    if (/BEGIN ENCRYPTED|^Proc-Type:.*ENCRYPTED/m.test(pem))
      throw new ConfigError(
        `${file}: its private key needs a passphrase; remove it: openssl pkey -in ${file} -out FILE`,
      );
    try {
      return { file, pem, key: createPrivateKey(pem) };
    } catch (error) {
      throw new ConfigError(`${file}: its private key cannot be read: ${(error as Error).message}`);
    }
  });
}

function parseCertificate(pem: string, where: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new ConfigError(`${where}: a certificate in it cannot be read: ${(error as Error).message}`);
  }
}

/** The server's own certificate is the first one in the file, as everywhere, or else the one that a key belongs to. */
function serverCertificate(file: string, text: string, keys: readonly PrivateKey[]): ServerCertificate {
  const where = `--tls-cert ${file}`;
  const blocks = blocksOf(text, isCertificate);
  if (blocks.length === 0)
    throw new ConfigError(`${where}: there is no certificate in it ("BEGIN CERTIFICATE")`);
  const all = blocks.map((pem) => ({ pem, certificate: parseCertificate(pem, where) }));
  for (const own of all) {
    const key = keys.find((one) => own.certificate.checkPrivateKey(one.key));
    if (key === undefined) continue;
    const others = all.filter((one) => one !== own);
    const chain = [own, ...others].map(({ pem }) => pem).join('\n');
    return { file, leaf: own.certificate, chain, key: key.pem };
  }
  throw new ConfigError(
    `${where}: the private key of this certificate is neither in that file nor in one of --tls-key`,
  );
}

/** A name in a certificate. [RFC5280 4.2.1.6] */
export interface AlternativeName {
  /** `DNS`, `IP Address`, `email`, `XmppAddr`, `SRVName`, … */
  readonly type: string;
  readonly value: string;
}

/** A value that could be taken for more than one is quoted as JSON. [Node.js: X509Certificate.subjectAltName] */
const ALTERNATIVE_NAME = /(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,]*)/g;
const OTHER_NAME = /^(XmppAddr|SRVName)::?([^]*)$/;

export function alternativeNames(certificate: X509Certificate): AlternativeName[] {
  const text = certificate.subjectAltName ?? '';
  return [...text.matchAll(ALTERNATIVE_NAME)].map(([, type, written]) => {
    const value = written.startsWith('"') ? (JSON.parse(written) as string) : written;
    const other = type === 'othername' ? OTHER_NAME.exec(value) : null;
    return other ? { type: other[1], value: other[2] } : { type, value };
  });
}

/** The host names that a certificate is for, as they stand in it; without any, its common name. [RFC6125 6.4.4] */
export function hostNames(certificate: X509Certificate): string[] {
  const names = alternativeNames(certificate).filter(({ type }) => type === 'DNS');
  if (names.length > 0) return names.map(({ value }) => value);
  const [, commonName] = /^CN=(.+)$/m.exec(certificate.subject) ?? [];
  return commonName === undefined ? [] : [commonName];
}

/** Anything else is in no certificate, and some of it OpenSSL does not take. */
const HOST = /^[a-z0-9._-]{1,255}$/;

/** How well a certificate fits a host: by its name, by a wildcard, or not at all. [RFC6125 6.4] */
export function fitOf(certificate: X509Certificate, host: string): 'name' | 'wildcard' | undefined {
  const name = domainKey(host);
  const found = HOST.test(name) ? certificate.checkHost(name, { partialWildcards: false }) : undefined;
  if (found === undefined) return undefined;
  return found.startsWith('*.') ? 'wildcard' : 'name';
}

const DAY_MS = 86_400_000;

/** A certificate that ends sooner is warned of. */
const SOON_DAYS = 14;

/** Is a certificate out of date, or will it be soon? A sentence for the log; undefined where all is well. */
export function warningOf({ file, leaf }: ServerCertificate, now = Date.now()): string | undefined {
  const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  const what = `the certificate for ${hostNames(leaf).join(', ') || 'no host'} (${file})`;
  if (now < from) return `${what} is not valid before ${dateOf(from)}`;
  if (now >= to) return `${what} has ended on ${dateOf(to)}: clients refuse it`;
  const days = Math.floor((to - now) / DAY_MS);
  if (days >= SOON_DAYS) return undefined;
  return `${what} ends on ${dateOf(to)}, in ${days} day${days === 1 ? '' : 's'}`;
}

/** The last day of a certificate, for people: `2027-01-31`. */
export const endOf = ({ leaf }: ServerCertificate): string => dateOf(Date.parse(leaf.validTo));

const dateOf = (time: number): string => new Date(time).toISOString().slice(0, 10);
