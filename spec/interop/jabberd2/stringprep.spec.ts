/** Our stringprep against the libidn that jabberd2 is linked with: names that are one to the sm must be one to us. */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { Random } from '../../fuzz/random.js';
import { nameprep, nodeprep, resourceprep } from '../../../lib/xmpp/stringprep.js';
import { JABBERD2 } from '../support/jabberd2.js';
import { describeWith } from '../support/needs.js';

/** Found from the project root: tsc copies no Python. */
const SCRIPT = path.resolve('spec/interop/jabberd2/libidn.py');
const LOADS = 'import ctypes; ctypes.CDLL("libidn.so.12")';

const COUNT = Number(process.env.MUTANTS_COUNT ?? 20_000);
const SEED = Number(process.env.MUTANTS_SEED ?? randomInt(1_000_000_000));
const LINE = 5_000;

type Prepared = string | null;

const PROFILES = [nodeprep, nameprep, resourceprep];
const NEEDS = [...JABBERD2, { package: 'python3', present: ['python3', '-c', LOADS] }];

describeWith('stringprep', NEEDS, 'interop: stringprep, and the libidn of jabberd2', () => {
  it('agree on every character', () => {
    const characters: string[] = [];
    for (let code = 1; code <= 0x10ffff; code += 1) {
      if (code < 0xd800 || code > 0xdfff) characters.push(String.fromCodePoint(code));
    }
    expectAgreement(characters);
  });

  it(`agree on ${COUNT} names (MUTANTS_SEED=${SEED})`, () => {
    const random = new Random(SEED);
    expectAgreement(Array.from({ length: COUNT }, () => name(random)));
  });
});

function expectAgreement(names: readonly string[]): void {
  const theirs = libidn(names);
  const differences: string[] = [];
  for (const [at, text] of names.entries()) {
    for (const [of, prepare] of PROFILES.entries()) {
      const ours = prepare(text) ?? null;
      const isOurChoice = ours === null && COMPOSED_OTHERWISE.test(text);
      if (ours === theirs[at][of] || isOurChoice) continue;
      differences.push(`${prepare.name} of ${shown(text)}: ${shown(ours)}, libidn: ${shown(theirs[at][of])}`);
    }
  }
  if (differences.length > 0) throw new Error(differences.slice(0, 20).join('\n'));
}

/** A mark where libidn composes in a way of its own: such names we refuse. [Unicode Corrigendum 5] */
const COMPOSED_OTHERWISE =
  /[\u09c7\u0b47\u0bc6\u1100\uac00-\ud7a3].*\p{M}.*[\u09be\u0b3e\u0bbe\u1161\u11a8]/u;

function libidn(names: readonly string[]): Prepared[][] {
  const lines: string[] = [];
  for (let from = 0; from < names.length; from += LINE) {
    lines.push(JSON.stringify(names.slice(from, from + LINE)));
  }
  const options = { input: `${lines.join('\n')}\n`, encoding: 'utf8', maxBuffer: 1 << 28 } as const;
  const { stdout, stderr, status } = spawnSync('python3', [SCRIPT], options);
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .flatMap((line) => JSON.parse(line) as Prepared[][]);
}

function shown(text: Prepared): string {
  return text === null
    ? 'none'
    : `"${text}" (${[...text].map((one) => one.codePointAt(0)!.toString(16)).join(' ')})`;
}

/** Characters that do something to their neighbours, or to which something is done. */
const CHARACTERS =
  'aA.-/ \u00df\u0130\u0131\u03a3\u03c2\u00ad\u200b\u200d\u0345\u0301\u0323\u1100\u1161\u11a8\uac00\u0627\u05d00\u0661\u2028\ufdfa\ufb01\u1e9e\u10a0\u13a0\u{1f600}\u2126\u212b\u{2f868}\u1f80\u1fb3\ue000\ufffd\u3000\u3002\uff0e\u09bc\u09c7\u09be\u064b\u05b0\u200f\u0149\u0587\u1e96';
const ALL = [...CHARACTERS];

function name(random: Random): string {
  return random.some(8, () => (random.once(5) ? anyCharacter(random) : random.pick(ALL)));
}

function anyCharacter(random: Random): string {
  const code = 1 + random.below(random.pick([0x300, 0xd7ff, 0x1ffff]));
  return code >= 0xd800 && code <= 0xdfff ? 'x' : String.fromCodePoint(code);
}
