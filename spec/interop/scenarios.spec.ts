import { expect } from 'chai';
import { EMBEDDED } from './support/backs.js';
import { Deployment } from './support/deployment.js';
import { hasProsody, PLAIN, Prosody } from './support/prosody.js';
import { ALL_SCRIPTS, FOLDER, lacking, mustPass, play, SCRIPTS, type Played } from './support/scenarios.js';

const SHARED = SCRIPTS.filter((script) => lacking(script, 'prosody') === undefined);
const OURS = SCRIPTS.filter((script) => lacking(script, 'prosody') !== undefined);

describe('interop: the scripts of spec/scenarios', () => {
  it('are at least 25, and each that Prosody is not asked to play says why', () => {
    expect(SHARED.length).to.be.at.least(25);
    for (const script of OURS) expect(lacking(script, 'prosody'), script).to.match(/\w+ \w+ \w+/);
  });

  // A session manager of the caller's (INTEROP_SM) has features and quirks of its own.
  for (const back of process.env.INTEROP_SM === undefined ? EMBEDDED : []) {
    describe(`on the embedded session manager, stanza by stanza (${back.dialect})`, () => {
      const deployment = new Deployment(back);
      let played: Map<string, Played>;
      before(async function () {
        this.timeout(2 * ALL_SCRIPTS);
        await deployment.start();
        played = await play(deployment.port, [FOLDER], '--exact');
      });
      after(() => deployment.stop());
      for (const script of SCRIPTS) it(script, () => mustPass(played.get(script)));
      it('and nobody complains', () => expect(deployment.complaints()).to.deep.equal([]));
    });
  }

  describe('on Prosody', () => {
    const prosody = new Prosody(PLAIN);
    let played: Map<string, Played>;
    before(async function () {
      this.timeout(2 * ALL_SCRIPTS);
      if (!hasProsody()) {
        expect(process.env.CI, 'prosody is not installed').to.equal(undefined);
        console.log('    skipped: prosody is not installed (apt-get install prosody)');
        return this.skip();
      }
      await prosody.start();
      played = await play(prosody.port, [FOLDER], '--tags', '!prosody');
    });
    after(() => prosody.stop());
    for (const script of SHARED) it(script, () => mustPass(played.get(script)));

    it('what it is said to do otherwise it does otherwise', async function () {
      this.timeout(2 * ALL_SCRIPTS);
      const others = await play(prosody.port, [FOLDER], '--tags', 'prosody', '--timeout', '1');
      const passed = OURS.filter((script) => others.get(script)?.outcome !== 'failed');
      expect(passed).to.deep.equal([]);
    });
  });
});
