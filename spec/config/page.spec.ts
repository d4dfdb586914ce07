import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { helpText } from '../../lib/config/option.js';
import { NAMES, OPTIONS, variable } from '../../lib/config/options.js';
import { optionsPage } from '../../lib/config/page.js';

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
    expect(helpText(OPTIONS.sm)).to.match(/\(HOST:PORT\)$/);
    expect(helpText(OPTIONS.depth)).to.match(/\(4 to 90 elements\)$/);
    expect(helpText(OPTIONS.listen)).to.match(/Repeatable\.$/);
  });
});
