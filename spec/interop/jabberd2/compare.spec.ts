import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story } from '../support/jabberd2-story.js';
import { describeWith } from '../support/needs.js';
import { hasProsody, Prosody } from '../support/prosody.js';
import { scenario } from '../support/scenarios.js';

const PAGE = readFileSync('docs/migration-example.md', 'utf8');

/** What stands between the fences of the page, in its order. */
const BLOCKS = [...PAGE.matchAll(/^```(?:sh)?\n([^]*?)^```$/gm)].map(([, text]) => text);
const COMMANDS = BLOCKS.filter((text) => text.startsWith('bin/'));
const TABLES = BLOCKS.filter((text) => /^(?:script|stanzas) {2}/.test(text));

/** Which of two equal differences is named as the first depends on who is faster. */
const withoutLines = (text: string): string => text.replace(/(\.scs):\d+$/gm, '$1');

/** The arguments of a command of the page, but for where the servers are. */
function argumentsOf(command: string): string[] {
  const words = command.replaceAll('\\\n', ' ').match(/'[^']*'|\S+/g)!;
  const from = words.indexOf('compare') + 1;
  return words
    .slice(from)
    .filter(
      (word, at, all) => !/^--(?:left|right)$/.test(word) && !/^--(?:left|right)$/.test(all[at - 1] ?? ''),
    )
    .map((word) => word.replaceAll("'", ''));
}

describeWith('jabberd2', JABBERD2, 'interop: docs/migration-example.md', () => {
  const held = Jabberd2Story.around();
  const prosody = new Prosody();

  before(function () {
    if (!hasProsody()) {
      if (process.env['CI']) throw new Error('prosody is missing: apt-get install prosody');
      console.log('      skipped: prosody is missing');
      this.skip();
    }
    return prosody.start();
  });
  after(() => prosody.stop());

  async function compared(command: string): Promise<string> {
    const servers = ['--left', `127.0.0.1:${prosody.port}`, '--right', `127.0.0.1:${held.story.front.port}`];
    const { lines } = await scenario('compare', ...servers, ...argumentsOf(command));
    return `${lines.join('\n')}\n`;
  }

  it('has commands, and tables that they print', () => {
    expect(COMMANDS).to.have.length(2);
    expect(TABLES).to.have.length(4);
  });

  it('prints what stands there of the five scripts', async () => {
    const printed = await compared(COMMANDS[0]);
    expect(printed).to.contain(TABLES[0]);
    expect(withoutLines(printed)).to.contain(withoutLines(TABLES[1]));
  });

  it('prints what stands there of what is not shown', async () => {
    const printed = await compared(COMMANDS[1]);
    expect(printed).to.contain(TABLES[2]);
    expect(withoutLines(printed)).to.contain(withoutLines(TABLES[3]));
  });
});
