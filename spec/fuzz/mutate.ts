import type { Random } from './random.js';

const utf8 = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));
const bytes = (...values: number[]): Buffer => Buffer.from(values);

/** What is likely to hurt, wherever it is put. */
const PIECES = [
  ...utf8(
    '<',
    '>',
    '/',
    '/>',
    '</',
    '&',
    ';',
    "'",
    '"',
    '=',
    ' ',
    ':',
    ']',
    ']]',
    ']]>',
    '<![CDATA[',
    '<!--',
    '-->',
  ),
  ...utf8(
    '<?x ?>',
    '<!DOCTYPE a>',
    '<?xml version="1.0"?>',
    '&amp;',
    '&#38;',
    '&#x0;',
    '&x;',
    '\n',
    '\r',
    '\0',
    '\x7f',
  ),
  ...utf8(
    ' xmlns=""',
    " xmlns:a='urn:a'",
    " a:b='1'",
    " b:b='1'",
    '<a:x/>',
    '</a>',
    '<a>',
    " sto='1'",
    'é',
    '😀',
    '\ufffe',
  ),
  ...utf8('|', 'xmlns', 'xml', 'xml:', 'xmlns:', ' xmlns:xml="http://www.w3.org/XML/1998/namespace"'),
  bytes(0xc0, 0x80),
  bytes(0xc1, 0xbf),
  bytes(0xe0, 0x80, 0xaf),
  bytes(0xe0, 0x9f, 0xbf),
  bytes(0xed, 0xa0, 0x80),
  bytes(0xed, 0xbf, 0xbf),
  bytes(0xef, 0xbf, 0xbe),
  bytes(0xef, 0xbf, 0xbf),
  bytes(0xf0, 0x8f, 0xbf, 0xbf),
  bytes(0xf4, 0x90, 0x80, 0x80),
  bytes(0xf5, 0x80, 0x80, 0x80),
  bytes(0xf8, 0x88, 0x80, 0x80, 0x80),
  bytes(0xe2, 0x82),
  bytes(0xf0, 0x9f, 0x98),
  bytes(0xc3),
  bytes(0x80),
  bytes(0xff),
  bytes(0xa0),
];

type Mutation = (input: Buffer, at: number, random: Random) => Buffer;

function splice(input: Buffer, from: number, to: number, piece: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, from), piece, input.subarray(to)]);
}

const MUTATIONS: Mutation[] = [
  (input, at, random) => splice(input, at, at, random.pick(PIECES)),
  (input, at, random) => splice(input, at, at + 1, random.pick(PIECES)),
  (input, at, random) => splice(input, at, at + 1, bytes(random.below(256))),
  (input, at, random) => splice(input, at, at + 1 + random.below(3), bytes()),
  (input, at, random) => splice(input, at, at + random.below(40), bytes()),
  (input, at, random) => splice(input, at, at, input.subarray(at, at + random.below(40))),
  (input, at, random) =>
    splice(input, random.below(input.length), at, input.subarray(at, at + random.below(20))),
  (input, at) => input.subarray(0, at),
];

/** The stream with a few bytes changed, some of the time. */
export function mutate(stream: Buffer, random: Random): Buffer {
  let input = stream;
  for (let times = random.below(3) > 0 ? 0 : 1 + random.below(3); times > 0 && input.length > 0; times -= 1) {
    input = random.pick(MUTATIONS)(input, random.below(input.length), random);
  }
  return input;
}
