import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { domainKey } from '../config/domain.js';

const RSA_BITS = 2048;
const DAY_MS = 86_400_000;

/**
 * Makes a certificate that nobody has signed but itself, for trying: RSA, which also the oldest clients know.
 *
 * @param hosts the names that it is for, at least one
 * @param days how long it is valid; it begins a day ago, since clocks differ
 * @returns PEM: the certificate and its private key
 */
export async function makeSelfSigned(hosts: readonly string[], days: number): Promise<string> {
  const { default: forge } = await import('node-forge');
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS });
  const key = forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs1', format: 'pem' }) as string);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  // A positive number: its highest bit is not set. [RFC5280 4.1.2.2]
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + days * DAY_MS);
  const names = hosts.map(domainKey);
  const subject = [{ name: 'commonName', value: names[0].slice(0, 64) }];
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) },
  ]);
  certificate.sign(key, forge.md.sha256.create());
  const pem = forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
  return pem + privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
