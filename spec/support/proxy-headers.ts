/** PROXY headers, as a proxy writes them. [PROXY 2.1, 2.2] */

export function v1(said: string): Buffer {
  return Buffer.from(`PROXY ${said}\r\n`, 'latin1');
}

/**
 * @param command version and command: 0x21 is PROXY, 0x20 LOCAL
 * @param family family and protocol: 0x11 is TCP over IPv4
 * @param tlvs additions
 */
export function v2(command: number, family: number, addresses: Buffer, tlvs = Buffer.alloc(0)): Buffer {
  const fixed = Buffer.from('0d0a0d0a000d0a515549540a00000000', 'hex');
  fixed[12] = command;
  fixed[13] = family;
  fixed.writeUInt16BE(addresses.length + tlvs.length, 14);
  return Buffer.concat([fixed, addresses, tlvs]);
}

/** Of haproxy's send-proxy-v2-ssl: the client has come by TLS, and its version. [PROXY 2.2.6] */
export const SSL = Buffer.from('20000f010000000021000754534c76312e33', 'hex');
