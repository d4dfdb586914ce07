import { expect } from 'chai';
import { DigestAnswer, digestMd5Client, directives } from '../../../lib/xmpp/sasl/digest-md5.js';

/** The example of RFC 2831, section 4. */
const USER = {
  username: 'chris',
  password: 'secret',
  uri: 'imap/elwood.innosoft.com',
  cnonce: 'OA6MHXh6VqTrRk',
};
const CHALLENGE =
  'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8';
const RESPONSE = 'd388dad90d4bbd760a152321f2143af7';
const RSPAUTH = 'ea40f60335c427b5527b84dbabcdfffd';

describe('DIGEST-MD5', () => {
  it('says what the example of its RFC says [RFC2831 4]', () => {
    const said = directives(new DigestAnswer(directives(CHALLENGE), USER).text);
    expect(said.get('response')).to.equal(RESPONSE);
    expect(said.get('realm')).to.equal('elwood.innosoft.com');
  });

  it('takes no other proof than that of the server there [RFC2831 2.1.3]', () => {
    const answer = new DigestAnswer(directives(CHALLENGE), USER);
    expect(answer.isProof(RSPAUTH)).to.equal(true);
    for (const wrong of [undefined, '', RESPONSE, RSPAUTH.slice(1), RSPAUTH.toUpperCase()]) {
      expect(answer.isProof(wrong), String(wrong)).to.equal(false);
    }
  });

  for (const [what, text, error] of [
    ['no realm', CHALLENGE.replace(/realm="[^"]*",/, ''), /no realm/],
    ['no nonce', CHALLENGE.replace(/nonce="[^"]*",/, ''), /no nonce/],
    ['another algorithm', CHALLENGE.replace('md5-sess', 'md5'), /md5-sess/],
    ['nothing', '', /no realm/],
  ] as const) {
    it(`is not answered where the challenge has ${what}`, () => {
      expect(() => new DigestAnswer(directives(text), USER)).to.throw(error);
    });
  }

  it('names the realm that it is told where the challenge has none, and an empty one as it is', () => {
    const realmOf = (challenge: string): string | undefined =>
      directives(new DigestAnswer(directives(challenge), { ...USER, realm: 'of the user' }).text).get(
        'realm',
      );
    expect(realmOf(CHALLENGE.replace(/realm="[^"]*",/, ''))).to.equal('of the user');
    expect(realmOf(CHALLENGE.replace(/realm="[^"]*"/, 'realm=""'))).to.equal('');
  });

  it('quotes what has quotes, and takes such apart again', () => {
    const username = 'a "b\\" c,d=e';
    const said = directives(new DigestAnswer(directives(CHALLENGE), { ...USER, username }).text);
    expect(said.get('username')).to.equal(username);
  });

  it('takes directives apart at commas outside of quotes only', () => {
    expect([...directives('a="1,2", B = c ,d="\\"",e=')]).to.deep.equal([
      ['a', '1,2'],
      ['b', 'c'],
      ['d', '"'],
    ]);
  });

  it('as a mechanism: the example of RFC 2831, 4, with the URI of XMPP', () => {
    const mechanism = digestMd5Client(
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
