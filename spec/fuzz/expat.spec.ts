/**
 * The reader against the real expat. The old servers parse the link with it, some with namespaces and some without,
 * and an error there costs every client its session: what one client gets past our reader must be good for it.
 *
 * FUZZ_SEED repeats a run, FUZZ_COUNT makes it longer.
 */
import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { isNameChar, isNameStart } from '../../lib/xml/names.js';
import { Expat, expatVersion } from './expat.js';
import { Grammar } from './grammar.js';
import { mutate } from './mutate.js';
import { examine, type Tally } from './properties.js';
import { Random } from './random.js';

const COUNT = Number(process.env.FUZZ_COUNT ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? randomInt(1_000_000_000));
/** Inputs under way at a time, so that python3 and we work side by side. */
const BATCH = 64;

function input(number: number): { bytes: Buffer; random: Random } {
  const random = new Random(Math.imul(SEED, 2_654_435) ^ Math.imul(number, 40_503));
  return { bytes: mutate(Buffer.from(new Grammar(random).stream()), random), random };
}

describe('The reader and the real expat', () => {
  const version = expatVersion();
  const tally: Tally = new Map();
  let expat: Expat;

  before(function () {
    if (version !== undefined) {
      expat = new Expat();
      return;
    }
    if (process.env.CI) throw new Error('python3 with xml.parsers.expat is needed here, and is missing');
    console.error(
      '\n    SKIPPED: no python3 with xml.parsers.expat here, so the reader is NOT held against expat\n',
    );
    this.skip();
  });

  after(async () => {
    if (version === undefined) return;
    await expat.close();
    console.log(
      `      expat ${version}, seed ${SEED}: ${[...tally].map(([what, times]) => `${what} ${times}`).join(', ')}`,
    );
  });

  it('agree on every character that a name may hold beyond ASCII', async function () {
    this.timeout(0);
    const good: string[] = [];
    const bad: string[] = [];
    for (let code = 0x80; code < 0x10000; code += 1) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const char = String.fromCharCode(code);
      (isNameStart(code) ? good : bad).push(`<${char}/>`);
      (isNameChar(code) ? good : bad).push(`<a${char}/>`);
    }
    expect((await expat.document(Buffer.from(`<s>${good.join('')}</s>`))).errors[0]).to.be.null;
    for (let from = 0; from < bad.length; from += BATCH) {
      const names = bad.slice(from, from + BATCH);
      const verdicts = await Promise.all(names.map((name) => expat.document(Buffer.from(name))));
      verdicts.forEach(({ errors }, at) => expect(errors[0], JSON.stringify(names[at])).not.to.be.null);
    }
  });

  it('refuse encodings of several bytes a character, and unknown ones, and go on', async () => {
    for (const encoding of ['utf-7', 'gbk', 'euc-jp', 'none-such']) {
      const bytes = Buffer.from(`<?xml version='1.0' encoding='${encoding}'?><a/>`);
      const { errors } = await expat.document(bytes);
      expect(errors, encoding).not.to.include(null);
    }
    expect((await expat.document(Buffer.from('<a/>'))).errors[0]).to.be.null;
  });

  it(`agree on ${COUNT} streams (FUZZ_SEED=${SEED})`, async function () {
    this.timeout(0);
    const one = async (number: number): Promise<string | undefined> => {
      const { bytes, random } = input(number);
      try {
        await examine(bytes, { expat, random, tally });
        return undefined;
      } catch (error) {
        return `input ${number} of FUZZ_SEED=${SEED}: ${JSON.stringify(bytes.toString('latin1'))}\n${String(error)}`;
      }
    };
    const failures: string[] = [];
    for (let from = 0; from < COUNT && failures.length < 10; from += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, COUNT - from) }, (_none, at) => one(from + at));
      for (const failure of await Promise.all(batch)) if (failure !== undefined) failures.push(failure);
    }
    if (failures.length > 0) throw new Error(failures.join('\n'));
  });
});
