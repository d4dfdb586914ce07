import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { EMBEDDED } from './support/backs.js';
import { Deployment } from './support/deployment.js';
import { hasProsody, Prosody } from './support/prosody.js';
import { Running } from './support/running.js';

/** Found from the project root: tsc copies no scripts. */
const FOLDER = path.resolve('spec/scenarios');
const PROGRAM = path.resolve('bin/sm-component');

const SCRIPTS = readdirSync(FOLDER).filter((file) => file.endsWith('.scs'));

/** Why Prosody does not do what a script is about: `## prosody: REASON`. */
function lacking(script: string): string | undefined {
  return /^## prosody: *(.*)$/m.exec(readFileSync(path.join(FOLDER, script), 'utf8'))?.[1];
}

const SHARED = SCRIPTS.filter((script) => lacking(script) === undefined);
const OURS = SCRIPTS.filter((script) => lacking(script) !== undefined);

interface Played {
  readonly file: string;
  readonly outcome: string;
  readonly failure?: { readonly message: string; readonly nearest?: string };
}

/** Plays all scripts on a server; what became of each, by its name. */
async function play(port: number, ...options: readonly string[]): Promise<Map<string, Played>> {
  const args = ['scenario', 'run', FOLDER, '--to', `127.0.0.1:${port}`, '--format', 'json', ...options];
  const runner = new Running('the scenario runner', { file: process.execPath, args: [PROGRAM, ...args] });
  await runner.ended();
  const { scripts } = JSON.parse(runner.lines.join('\n')) as { scripts: Played[] };
  return new Map(scripts.map((one) => [path.basename(one.file), one]));
}

function mustPass(played: Played | undefined): void {
  const { message = 'it was not played', nearest = '' } = played?.failure ?? {};
  expect(played?.outcome, `${message}\n${nearest}`).to.equal('passed');
}

describe('interop: the scripts of spec/scenarios', () => {
  it('are at least 25, and each that Prosody is not asked to play says why', () => {
    expect(SHARED.length).to.be.at.least(25);
    for (const script of OURS) expect(lacking(script), script).to.match(/\w+ \w+ \w+/);
  });

  // A session manager of the caller's (INTEROP_SM) has features and quirks of its own.
  for (const back of process.env.INTEROP_SM === undefined ? EMBEDDED : []) {
    describe(`on the embedded session manager, stanza by stanza (${back.dialect})`, () => {
      const deployment = new Deployment(back);
      let played: Map<string, Played>;
      before(async () => {
        await deployment.start();
        played = await play(deployment.port, '--exact');
      });
      after(() => deployment.stop());
      for (const script of SCRIPTS) it(script, () => mustPass(played.get(script)));
      it('and nobody complains', () => expect(deployment.complaints()).to.deep.equal([]));
    });
  }

  describe('on Prosody', () => {
    // vcard_legacy adds to presence, and sends it twice.
    const prosody = new Prosody({
      modules: ['vcard', 'offline'],
      without: ['vcard_legacy', 'vcard4', 'pep'],
    });
    let played: Map<string, Played>;
    before(async function () {
      if (!hasProsody()) {
        expect(process.env.CI, 'prosody is not installed').to.equal(undefined);
        console.log('    skipped: prosody is not installed (apt-get install prosody)');
        return this.skip();
      }
      await prosody.start();
      played = await play(prosody.port, '--tags', '!prosody');
    });
    after(() => prosody.stop());
    for (const script of SHARED) it(script, () => mustPass(played.get(script)));

    it('what it is said to do otherwise it does otherwise', async () => {
      const others = await play(prosody.port, '--tags', 'prosody', '--timeout', '1');
      const passed = OURS.filter((script) => others.get(script)?.outcome !== 'failed');
      expect(passed).to.deep.equal([]);
    });
  });
});
