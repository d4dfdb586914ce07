import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { Network } from '../config/config.js';

/** An IPv6 address that stands for an IPv4 address, as the system prints it. [RFC4291 2.5.5.2] */
const IPV4_IN_IPV6 = /^::ffff:(?=\d+\.)/i;

/** One spelling for each address: IPv4 in IPv6 as IPv4, IPv6 in lower case and shortened, without a zone. [RFC5952] */
export function canonicalIp(address: string): string {
  const [bare] = address.split('%', 1);
  if (!isIPv6(bare)) return bare;
  return new SocketAddress({ address: bare, family: 'ipv6' }).address.replace(IPV4_IN_IPV6, '');
}

/**
 * What limits count as one address: an IPv4 address, or the /64 of an IPv6 address, which is the least that one customer
 * has. [RFC6177]
 *
 * @param ip canonical
 */
export function countedAddress(ip: string): string {
  if (!ip.includes(':')) return ip;
  const [head, tail] = ip.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const after = tail ?? [];
  const quads = after.at(-1)?.includes('.') ? after.length + 1 : after.length;
  const zeros = Array<string>(Math.max(0, 8 - head.length - quads)).fill('0');
  return `${[...head, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}

/** A set of networks. */
export class Networks {
  private readonly list = new BlockList();

  constructor(networks: readonly Network[]) {
    for (const { address, prefix } of networks) this.list.addSubnet(address, prefix, family(address));
  }

  /** @param ip canonical */
  has(ip: string): boolean {
    return (isIPv4(ip) || isIPv6(ip)) && this.list.check(ip, family(ip));
  }
}

function family(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}
