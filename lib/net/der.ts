/** The little of DER that Node does not tell of a certificate: what it is signed with. [X.690] [RFC5280 4.1.1.2] */

interface Value {
  /** The bytes of the value. */
  readonly content: Buffer;
  /** What stands after it. */
  readonly rest: Buffer;
}

/** The first value in some bytes. @throws {RangeError} where there is none */
function first(bytes: Buffer): Value {
  let length = bytes.readUInt8(1);
  let at = 2;
  if (length >= 0x80) {
    const size = length & 0x7f;
    length = bytes.readUIntBE(2, size);
    at += size;
  }
  if (at + length > bytes.length) throw new RangeError('a value that is cut');
  return { content: bytes.subarray(at, at + length), rest: bytes.subarray(at + length) };
}

/** Hash functions of signature algorithms, by the content of their object identifier in hexadecimal. [RFC8017] [RFC5758] */
const HASHES: ReadonlyMap<string, string> = new Map([
  ['2a864886f70d010104', 'md5'],
  ['2a864886f70d010105', 'sha1'],
  ['2a864886f70d01010e', 'sha224'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d0401', 'sha1'],
  ['2a8648ce3d040301', 'sha224'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
]);

/**
 * The hash function that a certificate is signed with.
 *
 * @param certificate DER
 * @returns undefined where there is none (Ed25519), or where it is not known here (RSASSA-PSS)
 */
export function signatureHash(certificate: Buffer): string | undefined {
  const signed = first(certificate).content;
  const algorithm = first(first(signed).rest).content;
  return HASHES.get(first(algorithm).content.toString('hex'));
}
