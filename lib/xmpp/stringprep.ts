/**
 * Preparation of the parts of an address before they are compared: nodeprep, nameprep and resourceprep, as libidn does
 * it for jabberd2 and for jabberd 1.4.4 and later. It knows the characters of Unicode 3.2, and leaves later ones as they
 * are. `spec/interop/jabberd2/stringprep.spec.ts` compares it with the real libidn, character by character. [RFC 3454]
 * [RFC 3491] [RFC 3920 A, B] [libidn 1.41]
 */
import { LEFT_TO_RIGHT, UNASSIGNED } from './stringprep-tables.js';

/** A prepared part has at most so many bytes of UTF-8. [RFC 3920 3.1] */
const MAX_PART_BYTES = 1023;

/** A character that no part of an address may hold. */
const REFUSED = '\ufffd';

interface Profile {
  readonly foldsCase: boolean;
  readonly prohibited: RegExp;
}

const PRINTABLE_ASCII = /^[!-~]*$/;

// [RFC 3454 B.1, C.1.2, C.2.2 with C.3 to C.9, D.1]
const MAPPED_TO_NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/g;
const SPACE = '\\u00a0\\u1680\\u2000-\\u200b\\u202f\\u205f\\u3000';
const CONTROL =
  '\\u0080-\\u009f\\u06dd\\u070f\\u180e\\u200c\\u200d\\u2028\\u2029\\u2060-\\u2063\\u206a-\\u206f\\ufeff\\ufff9-\\ufffc\\u{1d173}-\\u{1d17a}';
const NO_CHARACTER = '\\p{Co}\\p{Cs}\\ufdd0-\\ufdef\\p{Noncharacter_Code_Point}\\ufffd\\u2ff0-\\u2ffb';
const CHANGING_THE_DISPLAY = '\\u0340\\u0341\\u200e\\u200f\\u202a-\\u202e\\u{e0001}\\u{e0020}-\\u{e007f}';
const ALWAYS = SPACE + CONTROL + NO_CHARACTER + CHANGING_THE_DISPLAY;
const RIGHT_TO_LEFT =
  /[\u05be\u05c0\u05c3\u05d0-\u05ea\u05f0-\u05f4\u061b\u061f\u0621-\u063a\u0640-\u064a\u066d-\u066f\u0671-\u06d5\u06dd\u06e5\u06e6\u06fa-\u06fe\u0700-\u070d\u0710\u0712-\u072c\u0780-\u07a5\u07b1\u200f\ufb1d\ufb1f-\ufb28\ufb2a-\ufb36\ufb38-\ufb3c\ufb3e\ufb40\ufb41\ufb43\ufb44\ufb46-\ufbb1\ufbd3-\ufd3d\ufd50-\ufd8f\ufd92-\ufdc7\ufdf0-\ufdfc\ufe70-\ufe74\ufe76-\ufefc]/u;

/** [RFC 3920 A.5] */
const NODEPREP: Profile = {
  foldsCase: true,
  prohibited: new RegExp(`["&'/:<>@\\u0000-\\u0020\\u007f${ALWAYS}]`, 'u'),
};
/** [RFC 3491 5] */
const NAMEPREP: Profile = { foldsCase: true, prohibited: new RegExp(`[${ALWAYS}]`, 'u') };
/** [RFC 3920 B.5] */
const RESOURCEPREP: Profile = {
  foldsCase: false,
  prohibited: new RegExp(`[\\u0000-\\u001f\\u007f${ALWAYS}]`, 'u'),
};

/** Prepares the user of an address. The result may be empty; undefined where the text is no user. */
export function nodeprep(text: string): string | undefined {
  return prepare(text, NODEPREP);
}

/** Prepares the host of an address, or one label of it; see {@link nodeprep}. Without IDNA. */
export function nameprep(text: string): string | undefined {
  return prepare(text, NAMEPREP);
}

/** Prepares the resource of an address; see {@link nodeprep}. */
export function resourceprep(text: string): string | undefined {
  return prepare(text, RESOURCEPREP);
}

/**
 * A pair that composes, with a mark between. libidn composes it in a way that Unicode has given up; no language writes
 * such a sequence. [Unicode Corrigendum 5]
 */
const COMPOSED_OTHERWISE = new RegExp(
  [
    ['\\u09c7', '\\u09be\\u09d7'],
    ['\\u0b47', '\\u0b3e\\u0b56\\u0b57'],
    ['\\u0b92\\u0bc6\\u0bc7', '\\u0bbe\\u0bd7'],
    ['\\u0cbf\\u0cc6\\u0cc8\\u0cca', '\\u0cc2\\u0cd5\\u0cd6'],
    ['\\u0d46\\u0d47', '\\u0d3e\\u0d57'],
    ['\\u0dd9\\u0ddc', '\\u0dcf\\u0ddf'],
    ['\\u1025', '\\u102e'],
    ['\\u1100-\\u1112', '\\u1161-\\u1175'],
    ['\\uac00-\\ud7a3', '\\u11a8-\\u11c2'],
  ]
    .map(([first, second]) => `[${first}]\\p{M}+[${second}]`)
    .join('|'),
  'u',
);

function prepare(text: string, { foldsCase, prohibited }: Profile): string | undefined {
  if (text.length > MAX_PART_BYTES) return undefined;
  const prepared = PRINTABLE_ASCII.test(text) ? ascii(text, foldsCase) : mapped(text, foldsCase);
  if (Buffer.byteLength(prepared) > MAX_PART_BYTES || prohibited.test(prepared)) return undefined;
  return isOneDirection(prepared) ? prepared : undefined;
}

function ascii(text: string, foldsCase: boolean): string {
  return foldsCase ? text.toLowerCase() : text;
}

function mapped(text: string, foldsCase: boolean): string {
  const seen = text.replace(MAPPED_TO_NOTHING, '');
  const folded = foldsCase ? [...seen].map(foldCase).join('') : seen;
  return COMPOSED_OTHERWISE.test(folded) ? REFUSED : compatible(folded);
}

/** NFKC of Unicode 3.2: later characters have no other form and do not compose. */
function compatible(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  const parts = text.split(UNASSIGNED);
  return parts.map((part, at) => (at % 2 === 0 ? compatibleOfAssigned(part) : part)).join('');
}

function compatibleOfAssigned(text: string): string {
  return text.replace(MISPRINTED, (character) => MISPRINTS.get(character)!).normalize('NFKC');
}

/** Characters whose form was wrong in Unicode 3.2, and in libidn. [Unicode Corrigendum 4] */
const MISPRINTS: ReadonlyMap<string, string> = new Map([
  ['\u{2f868}', '\u{2136a}'],
  ['\u{2f874}', '\u5f33'],
  ['\u{2f91f}', '\u43ab'],
  ['\u{2f95f}', '\u7aae'],
  ['\u{2f9bf}', '\u4d57'],
]);
const MISPRINTED = new RegExp(`[${[...MISPRINTS.keys()].join('')}]`, 'gu');

/** Case folding that still holds after NFKC. [RFC 3454 B.2] */
function foldCase(character: string): string {
  if (UNASSIGNED.test(character)) return character;
  return compatible(lowerCase(compatible(lowerCase(character))));
}

/** Folds each character by itself, by way of its upper case, without lower-case forms that came after Unicode 3.2. */
function lowerCase(text: string): string {
  const lower = [...text].map((one) => (one === '\u0131' ? one : one.toUpperCase().toLowerCase())).join('');
  return UNASSIGNED.test(lower) ? text : lower;
}

/** A right-to-left text must begin and end with such a character, and must hold no left-to-right one. [RFC 3454 6] */
function isOneDirection(text: string): boolean {
  if (!RIGHT_TO_LEFT.test(text)) return true;
  if (LEFT_TO_RIGHT.test(text)) return false;
  const characters = [...text];
  return RIGHT_TO_LEFT.test(characters[0]) && RIGHT_TO_LEFT.test(characters.at(-1)!);
}
