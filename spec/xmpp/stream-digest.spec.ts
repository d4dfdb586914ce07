import { expect } from 'chai';
import { streamDigest } from '../../lib/xmpp/stream-digest.js';

describe('proof/stream-digest', () => {
  it('is lower-case hex SHA1 of id and secret, as recorded with jabberd 1.1.2, which compares case (handshake-ok)', () => {
    expect(streamDigest('6B01226D', 's3cret')).to.equal('6e4e98ce45b0c275768a7c0fc83372c208e93883');
  });

  it('takes both as UTF-8', () => {
    expect(streamDigest('id', 'пароль')).to.equal('d5c13b6614e9973e09819e7a54b53c105fafc947');
  });
});
