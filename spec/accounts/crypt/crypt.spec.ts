import { expect } from 'chai';
import { crypt, newSetting } from '../../../lib/accounts/crypt/crypt.js';
import { VECTORS } from './vectors.js';

describe('accounts/crypt', () => {
  for (const [setting, hashes] of VECTORS) {
    it(`makes what the real one makes with ${setting}`, () => {
      for (const [password, stored] of hashes) expect(crypt(password, stored)).to.equal(stored);
    });
  }

  it('makes another hash of another password', () => {
    // beyond 8 bytes DES sees nothing, beyond 72 bcrypt does not
    for (const [, hashes] of VECTORS) {
      for (const [password, stored] of hashes) expect(crypt(`a${password}`, stored)).not.to.equal(stored);
    }
  }).timeout(10_000);

  it('needs no hash behind the setting, but with DES', () => {
    expect(crypt('secret', '$1$a$')).to.equal(crypt('secret', '$1$a$whatever'));
  });

  for (const [what, stored] of [
    ['a password in clear', 'secret'],
    ['thirteen other characters', 'thirteen char'],
    ['a lock', '*'],
    ['a locked hash', '!$1$a$41c8gzdxX5iFFuqkeAdoe0'],
    ['yescrypt', '$y$j9T$abcdefghijklmnop$3dL1LkYnZM.OVXuVdnnaKVDlLYT92dRwOzDZ5XiVCe.'],
    ['DES as BSD extended it', '_J9..rasmz0.F/jqjWck'],
    ['a cost that bcrypt does not have', '$2y$32$......................LlrHE.PBZavRp1Br9ZKhi8SOMUWPCBG'],
    ['bcrypt with the mistake of 2011', '$2x$06$......................LlrHE.PBZavRp1Br9ZKhi8SOMUWPCBG'],
    ['half a salt', '$2y$06$......'],
    ['too few rounds', '$5$rounds=999$saltsalt$X0ra9qlY7TJaGBDgorLevriQfwysW8fXnbybcO4mF4/'],
    ['too many rounds', '$5$rounds=1000000000$saltsalt$X0ra9qlY7TJaGBDgorLevriQfwysW8fXnbybcO4mF4/'],
    ['no rounds', '$5$rounds=$saltsalt$X0ra9qlY7TJaGBDgorLevriQfwysW8fXnbybcO4mF4/'],
    ['a salt that is too long', '$1$123456789$41c8gzdxX5iFFuqkeAdoe0'],
    ['nothing', ''],
  ]) {
    it(`does not take ${what} for a hash that it knows`, () =>
      expect(crypt('secret', stored)).to.equal(undefined));
  }

  it('has new settings as jabberd2 has them, with a salt that is never the same', () => {
    expect(newSetting.crypt()).to.match(/^\$6\$rounds=50000\$[./0-9A-Za-z]{16}\$$/);
    expect(newSetting.bcrypt()).to.match(/^\$2y\$10\$[./0-9A-Za-z]{22}$/);
    for (const make of Object.values(newSetting)) expect(make()).not.to.equal(make());
  });
});
