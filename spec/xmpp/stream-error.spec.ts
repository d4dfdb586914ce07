import { expect } from 'chai';
import { writeStreamError } from '../../lib/xmpp/stream-error.js';
import { expectSame } from '../support/same.js';

const ERROR = { condition: 'policy-violation', text: 'Policy violation' };

describe('a stream error', () => {
  it('is a text on a legacy stream', () => {
    expect(writeStreamError('legacy', ERROR)).to.equal('<stream:error>Policy violation</stream:error>');
    expect(writeStreamError('legacy', { ...ERROR, detail: 'more' })).to.not.contain('more');
  });

  it('is a condition and a text otherwise [RFC6120 4.9.2]', () => {
    const namespace = `xmlns='urn:ietf:params:xml:ns:xmpp-streams'`;
    const written = writeStreamError('rfc6120', { ...ERROR, detail: 'a < b' });
    expectSame(
      written,
      `<stream:error><policy-violation ${namespace}/>` +
        `<text ${namespace} xml:lang='en'>Policy violation: a &lt; b</text></stream:error>`,
    );
  });
});
