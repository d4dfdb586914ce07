import path from 'node:path';
import { expect } from 'chai';
import { JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story } from '../support/jabberd2-story.js';
import { describeWith, shout } from '../support/needs.js';
import {
  ALL_SCRIPTS,
  FOLDER,
  GIVEN,
  lacking,
  MISSING_GIVEN,
  mustPass,
  play,
  SCRIPTS,
  type Played,
} from '../support/scenarios.js';

const SHARED = SCRIPTS.filter((script) => lacking(script, 'jabberd2') === undefined);
const OTHERS = SCRIPTS.filter((script) => lacking(script, 'jabberd2') !== undefined);

/** On loopback what has not come by then does not come, in seconds. */
const HASTE = ['--timeout', '0.2'];

/** What jabberd2 does otherwise than the scripts of Prosody's own expect. */
const DEVIATIONS: Readonly<Record<string, RegExp>> = {
  // It sends nobody his own presence back. [RFC6121 4.2.2]
  'basic.scs': /:14: Romeo receives <presence>: it did not arrive/,
  'basic_message.scs': /:32: Romeo receives <presence>: it did not arrive/,
  'basic_roster.scs': /:20: Romeo receives <presence>: it did not arrive/,
  // Its answers about oneself have no `to`.
  'vcard_temp.scs': /:32: Romeo receives <iq>: it did not arrive/,
  // The script is written for a server whose clock stands still.
  'uptime.scs': /:16: Romeo receives <iq>: it did not arrive/,
};

describeWith('jabberd2', JABBERD2, 'interop: scripts in front of a real jabberd2', () => {
  const held = Jabberd2Story.around();

  it('each that jabberd2 can not pass says why', () => {
    for (const script of OTHERS) expect(lacking(script, 'jabberd2'), script).to.match(/\w+ \w+ \w+/);
  });

  describe('of spec/scenarios', () => {
    let played: Map<string, Played>;
    before(async function () {
      this.timeout(2 * ALL_SCRIPTS);
      played = await play(held.story.front.port, [FOLDER], '--tags', '!jabberd2');
    });
    for (const script of SHARED) it(script, () => mustPass(played.get(script)));

    it('what it is said to do otherwise it does otherwise', async function () {
      this.timeout(2 * ALL_SCRIPTS);
      const others = await play(held.story.front.port, [FOLDER], '--tags', 'jabberd2', ...HASTE);
      const passed = OTHERS.filter((script) => others.get(script)?.outcome !== 'failed');
      expect(passed).to.deep.equal([]);
    });
  });

  it('begin with new accounts each time, and leave none, whether they pass or not', async () => {
    const { story } = held;
    const scripts = ['subscription_mutual.scs', 'ping_server.scs'].map((name) => path.join(FOLDER, name));
    for (let round = 0; round < 3; round += 1) {
      const results = await play(story.front.port, scripts, ...HASTE);
      expect([...results.values()].map(({ outcome }) => outcome)).to.deep.equal(['failed', 'passed']);
      for (const user of ['romeo', 'juliet'].flatMap((name) => [
        `${name}.ping-server`,
        `${name}.subscription-mutual`,
      ])) {
        expect([story.jabberd.password(user), story.jabberd.isUser(`${user}@localhost`)], user).to.deep.equal(
          [undefined, false],
        );
      }
    }
  });

  describe("of Prosody's own", () => {
    before(function () {
      if (MISSING_GIVEN.length === 0) return;
      expect(process.env.CI, MISSING_GIVEN.join()).to.equal(undefined);
      shout(`Prosody's own scripts cannot be tried: missing ${MISSING_GIVEN.join()}`);
      this.skip();
    });

    it('each fails by what jabberd2 does otherwise, and by nothing else before', async () => {
      const scripts = Object.keys(DEVIATIONS).map((name) => path.join(GIVEN, name));
      const played = await play(held.story.front.port, scripts, ...HASTE);
      for (const [name, message] of Object.entries(DEVIATIONS)) {
        expect(played.get(name)?.failure?.message, name).to.match(message);
      }
    });
  });

  describe('after all that', () => {
    it('nobody has complained', () => expect(held.story.front.complaints()).to.deep.equal([]));
  });
});
