import { expect } from 'chai';
import { isSame } from '../../../lib/xmpp/sasl/same.js';

describe('xmpp/sasl/same', () => {
  for (const [one, other, same] of [
    ['secret', 'secret', true],
    ['', '', true],
    ['пароль 💔', 'пароль 💔', true],
    ['secret', 'Secret', false],
    ['secret', 'secret ', false],
    ['secret', '', false],
    ['se\0cret', 'se', false],
  ] as const) {
    it(`${JSON.stringify(one)} and ${JSON.stringify(other)} are ${same ? 'the same' : 'not'}`, () => {
      expect(isSame(one, other)).to.equal(same);
    });
  }
});
