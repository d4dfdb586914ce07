import { expect } from 'chai';
import { scramClient } from '../../../lib/xmpp/sasl/scram.js';

const pencil = { user: 'user', password: 'pencil', domain: 'localhost' };

describe('SCRAM', () => {
  it('SCRAM-SHA-1: the example of RFC 5802, 5', () => {
    const mechanism = scramClient('SCRAM-SHA-1', pencil, 'fyko+d2lbbFgONRv9qkxdawL');
    expect(mechanism.initial).to.equal('n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL');
    const nonce = 'fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j';
    expect(mechanism.respond(`r=${nonce},s=QSXCR+Q6sek8bf92,i=4096`)).to.equal(
      `c=biws,r=${nonce},p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=`,
    );
    mechanism.finish('v=rmF9pqV8S7suAoZWja4dJRkFsKQ=');
  });

  it('SCRAM-SHA-256: the example of RFC 7677, 3; the end may come as a challenge', () => {
    const mechanism = scramClient('SCRAM-SHA-256', pencil, 'rOprNGfwEbeRWgbNEkqO');
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
    expect(mechanism.respond(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)).to.equal(
      `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
    );
    expect(mechanism.respond('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')).to.equal('');
    mechanism.finish('');
  });

  it('SCRAM: a server that does not know the password, or makes its own nonce, is none', () => {
    const begun = (): ReturnType<typeof scramClient> => scramClient('SCRAM-SHA-1', pencil, 'abc');
    expect(() => begun().respond('r=xyz,s=AAAA,i=4096')).to.throw('did not repeat our nonce');
    expect(() => begun().respond('r=abcd,s=AAAA,i=99999999999')).to.throw('wants 99999999999 rounds');
    const mechanism = begun();
    mechanism.respond('r=abcd,s=AAAA,i=1');
    expect(() => mechanism.finish('v=AAAA')).to.throw('did not prove');
    expect(() => begun().finish('')).to.throw('did not prove');
  });
});
