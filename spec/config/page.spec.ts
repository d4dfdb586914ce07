import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { NAMES, OPTIONS, TAKES, variable } from '../../lib/config/options.js';
import { optionsPage, summary } from '../../lib/config/page.js';

describe('config/page', () => {
  it('is what docs/options.md holds (npm run build && npm run docs)', () => {
    expect(readFileSync('docs/options.md', 'utf8')).to.equal(optionsPage());
  });

  it('tells of every option its name, its environment variable and its help', () => {
    for (const name of NAMES) {
      expect(optionsPage())
        .to.contain(`--${name} `)
        .and.contain(`\`${variable(name)}\``)
        .and.contain(OPTIONS[name].help);
    }
  });

  it('says in help how a value is written, or what its range is', () => {
    expect(summary('sm')).to.match(/\(HOST:PORT\)$/);
    expect(summary('depth')).to.match(/\(4 to 90 elements\)$/);
    expect(summary('listen')).to.match(/Repeatable\.$/);
  });

  it('is made from a table in which no command takes what does not exist', () => {
    for (const names of Object.values(TAKES)) expect(NAMES).to.include.members([...names]);
  });
});
