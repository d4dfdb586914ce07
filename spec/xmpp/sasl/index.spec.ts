import { expect } from 'chai';
import { chooseMechanism } from '../../../lib/xmpp/sasl/index.js';

const pencil = { user: 'user', password: 'pencil', domain: 'localhost' };

describe('SASL from the side of a client', () => {
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
});
