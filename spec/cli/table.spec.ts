import { expect } from 'chai';
import { table } from '../../lib/cli/table.js';

describe('cli/table', () => {
  it('has columns, numbers right and unknown ones as a dash', () => {
    expect(
      table([
        ['WHO', 'N', 'X'],
        ['a', undefined, 'x'],
        ['longer', 12, undefined],
      ]),
    ).to.equal(['WHO      N  X', 'a        -  x', 'longer  12  -'].join('\n'));
  });

  it('shows nothing that would move the cursor or turn the text, and no name at any length', () => {
    const [, row] = table([['WHO'], [`a\u001b[2J\n\u202eb${'x'.repeat(100)}`]]).split('\n');
    expect(row).to.equal(`a?[2J??b${'x'.repeat(51)}…`);
  });
});
