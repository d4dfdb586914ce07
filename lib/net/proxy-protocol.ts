/**
 * The PROXY protocol: a proxy says on behalf of which client it has connected, before anything else is sent.
 *
 * "PROXY" in brackets is the specification that comes with haproxy, https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 */
import { isIPv4, isIPv6, type Socket } from 'node:net';
import { canonicalIp } from './ip.js';

/** How long a proxy may take to send its header, in milliseconds; one lost packet takes 3 seconds. [PROXY 2] */
const HEADER_TIMEOUT_MS = 5_000;

/** The longest header of version 1, with the end of its line. [PROXY 2.1] */
const MAX_V1_BYTES = 107;
/** The longest header of version 2 that is taken: what proxies add to the addresses are some hundred bytes. */
const MAX_V2_BYTES = 4_096;

const V1_START = Buffer.from('PROXY ');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n');
/** Signature, version and command, family and protocol, length of the rest. [PROXY 2.2] */
const V2_FIXED_BYTES = 16;

/** What a proxy says of the connection that it stands for. */
export interface ProxiedPeer {
  /** IP address of the client, canonical; absent where it is the proxy itself that has connected, or does not know. */
  readonly ip?: string;
  /** Has the client come to the proxy by TLS? */
  readonly isSecure: boolean;
}

export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed' }
  /** `bytes` is the length of the header: what comes after it is the client's. */
  | { readonly kind: 'complete'; readonly bytes: number; readonly peer: ProxiedPeer };

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const MALFORMED: ProxyHeader = { kind: 'malformed' };

/** Reads a header of either version from the first bytes of a connection, as many as have come. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, V2_SIGNATURE)) return bytes.length < V2_FIXED_BYTES ? INCOMPLETE : parseV2(bytes);
  if (startsLike(bytes, V1_START)) return parseV1(bytes);
  return MALFORMED;
}

/** Do the first bytes of a connection look like a PROXY header, as far as they go? Few as they are, they must tell it. */
export function startsProxyHeader(bytes: Buffer): boolean {
  return [V1_START, V2_SIGNATURE].some((start) => bytes.length >= start.length && startsLike(bytes, start));
}

/** Are the bytes the beginning of `start`, or is that the beginning of them? */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

const V1_LINE = /^PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP([46]) (\S+) (\S+) (\S+) (\S+))$/;
const PORT = /^(?:0|[1-9]\d{0,4})$/;

/** [PROXY 2.1] */
function parseV1(bytes: Buffer): ProxyHeader {
  const text = bytes.toString('latin1', 0, MAX_V1_BYTES);
  const end = text.indexOf('\r\n');
  if (end < 0) return bytes.length < MAX_V1_BYTES && !/\n|\r[^]/.test(text) ? INCOMPLETE : MALFORMED;
  const found = V1_LINE.exec(text.slice(0, end));
  if (!found) return MALFORMED;
  const [, version, source, destination, ...ports] = found;
  const peer: ProxiedPeer = { isSecure: false };
  if (version === undefined) return { kind: 'complete', bytes: end + 2, peer };
  const isIp = (address: string): boolean =>
    version === '4' ? isIPv4(address) : isIPv6(address) && !address.includes('%');
  if (!isIp(source) || !isIp(destination) || !ports.every(isPort)) return MALFORMED;
  return { kind: 'complete', bytes: end + 2, peer: { ...peer, ip: canonicalIp(source) } };
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= 65_535;
}

/** [PROXY 2.2] */
function parseV2(bytes: Buffer): ProxyHeader {
  const [version, command] = [bytes[12] >> 4, bytes[12] & 15];
  const [family, protocol] = [bytes[13] >> 4, bytes[13] & 15];
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (version !== 2 || command > 1 || family > 3 || protocol > 2 || length > MAX_V2_BYTES) return MALFORMED;
  const isLocal = command === 0;
  const addresses = V2_FIXED_BYTES + (isLocal ? 0 : ADDRESS_BYTES[family]);
  if (addresses > length) return MALFORMED;
  if (bytes.length < length) return INCOMPLETE;
  if (isLocal) return { kind: 'complete', bytes: length, peer: { isSecure: false } };
  const tlvs = bytes.subarray(addresses, length);
  const ip = protocol === STREAM ? sourceOf(family, bytes.subarray(V2_FIXED_BYTES, addresses)) : undefined;
  return { kind: 'complete', bytes: length, peer: { isSecure: saysTls(tlvs), ...(ip && { ip }) } };
}

/** How long the addresses are, by their family: unknown, IPv4, IPv6, Unix. */
const ADDRESS_BYTES = [0, 12, 36, 216];
const IPV4 = 1;
const IPV6 = 2;
const STREAM = 1;

/** The source is the first address. Of a Unix socket it says nothing about who is there. */
function sourceOf(family: number, addresses: Buffer): string | undefined {
  if (family === IPV4) return addresses.subarray(0, 4).join('.');
  if (family !== IPV6) return undefined;
  return canonicalIp(addresses.toString('hex', 0, 16).match(/.{4}/g)!.join(':'));
}

const PP2_TYPE_SSL = 0x20;
const PP2_CLIENT_SSL = 0x01;

/** All other additions are skipped, and so is what is cut off: only the header as a whole must be right. [PROXY 2.2.5] */
function saysTls(tlvs: Buffer): boolean {
  for (let at = 0; at + 3 <= tlvs.length; at += 3 + tlvs.readUInt16BE(at + 1)) {
    if (tlvs[at] === PP2_TYPE_SSL && at + 3 < tlvs.length) return (tlvs[at + 3] & PP2_CLIENT_SSL) !== 0;
  }
  return false;
}

/** What comes of waiting for a header. */
export type ProxyOutcome =
  | { readonly kind: 'complete'; readonly peer: ProxiedPeer }
  | { readonly kind: 'malformed' | 'timeout' | 'closed' };

/**
 * Reads the header from a connection of a proxy. What has come after it stays on the socket, unread, for TLS or for a stream.
 *
 * @param socket nobody has read from it, and nobody does until this has ended
 */
export function readProxyHeader(socket: Socket, timeoutMs = HEADER_TIMEOUT_MS): Promise<ProxyOutcome> {
  return new Promise((resolve) => {
    let read: Buffer = Buffer.alloc(0);
    const settle = (outcome: ProxyOutcome): void => {
      clearTimeout(timer);
      socket.off('readable', take).off('end', closed).off('close', closed).off('error', closed);
      resolve(outcome);
    };
    const closed = (): void => settle({ kind: 'closed' });
    const take = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      read = read.length === 0 ? chunk : Buffer.concat([read, chunk]);
      const header = parseProxyHeader(read);
      if (header.kind === 'incomplete') return;
      if (header.kind === 'complete' && header.bytes < read.length)
        socket.unshift(read.subarray(header.bytes));
      settle(header);
    };
    const timer = setTimeout(() => settle({ kind: 'timeout' }), timeoutMs);
    socket.on('readable', take).once('end', closed).once('close', closed).once('error', closed);
  });
}
