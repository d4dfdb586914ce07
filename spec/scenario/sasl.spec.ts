import { expect } from 'chai';
import { chooseMechanism, digestMd5, scram } from '../../lib/scenario/sasl.js';

const pencil = { user: 'user', password: 'pencil', domain: 'localhost' };

describe('scenario/sasl', () => {
  it('takes the strongest mechanism that is offered and known', () => {
    const chosen = (...offered: string[]): string | undefined => chooseMechanism(offered, pencil)?.name;
    expect(chosen('PLAIN', 'SCRAM-SHA-1', 'X-OTHER', 'SCRAM-SHA-256', 'DIGEST-MD5')).to.equal(
      'SCRAM-SHA-256',
    );
    expect(chosen('PLAIN', 'DIGEST-MD5')).to.equal('DIGEST-MD5');
    expect(chosen('PLAIN')).to.equal('PLAIN');
    expect(chosen('SCRAM-SHA-1-PLUS')).to.equal(undefined);
  });

  it('PLAIN: name and password behind zeros [RFC4616]', () => {
    expect(chooseMechanism(['PLAIN'], pencil)?.initial).to.equal('\0user\0pencil');
  });

  it('SCRAM-SHA-1: the example of RFC 5802, 5', () => {
    const mechanism = scram('SCRAM-SHA-1', 'sha1', pencil, 'fyko+d2lbbFgONRv9qkxdawL');
    expect(mechanism.initial).to.equal('n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL');
    const nonce = 'fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j';
    expect(mechanism.respond(`r=${nonce},s=QSXCR+Q6sek8bf92,i=4096`)).to.equal(
      `c=biws,r=${nonce},p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=`,
    );
    mechanism.finish('v=rmF9pqV8S7suAoZWja4dJRkFsKQ=');
  });

  it('SCRAM-SHA-256: the example of RFC 7677, 3; the end may come as a challenge', () => {
    const mechanism = scram('SCRAM-SHA-256', 'sha256', pencil, 'rOprNGfwEbeRWgbNEkqO');
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
    expect(mechanism.respond(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)).to.equal(
      `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
    );
    expect(mechanism.respond('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')).to.equal('');
    mechanism.finish('');
  });

  it('SCRAM: a server that does not know the password, or makes its own nonce, is none', () => {
    const begun = (): ReturnType<typeof scram> => scram('SCRAM-SHA-1', 'sha1', pencil, 'abc');
    expect(() => begun().respond('r=xyz,s=AAAA,i=4096')).to.throw('did not repeat our nonce');
    expect(() => begun().respond('r=abcd,s=AAAA,i=99999999999')).to.throw('wants 99999999999 rounds');
    const mechanism = begun();
    mechanism.respond('r=abcd,s=AAAA,i=1');
    expect(() => mechanism.finish('v=AAAA')).to.throw('did not prove');
    expect(() => begun().finish('')).to.throw('did not prove');
  });

  it('DIGEST-MD5: the example of RFC 2831, 4, with the URI of XMPP', () => {
    const mechanism = digestMd5(
      { user: 'chris', password: 'secret', domain: 'elwood.innosoft.com' },
      'OA6MHXh6VqTrRk',
    );
    const challenge =
      'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8';
    expect(mechanism.initial).to.equal(undefined);
    expect(mechanism.respond(challenge)).to.match(
      /^username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",cnonce="OA6MHXh6VqTrRk",nc=00000001,qop=auth,digest-uri="xmpp\/elwood.innosoft.com",response=[0-9a-f]{32},charset=utf-8$/,
    );
    expect(() => mechanism.respond('rspauth=0')).to.throw('did not prove');
  });
});
