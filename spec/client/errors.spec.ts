import { expect } from 'chai';
import { writeRefusal, writeStreamError } from '../../lib/client/errors.js';
import { parse } from '../../lib/xml/index.js';
import { expectSame } from '../support/same.js';

const ERROR = { condition: 'policy-violation', text: 'Policy violation' };
const CLOSE = '</stream:stream>';

describe('a stream error', () => {
  it('is a text on a legacy stream, and closes it', () => {
    expect(writeStreamError('legacy', ERROR)).to.equal(
      `<stream:error>Policy violation</stream:error>${CLOSE}`,
    );
    expect(writeStreamError('legacy', { ...ERROR, detail: 'more' })).to.not.contain('more');
  });

  it('is a condition and a text otherwise [RFC6120 4.9.2]', () => {
    const namespace = `xmlns='urn:ietf:params:xml:ns:xmpp-streams'`;
    const written = writeStreamError('rfc6120', { ...ERROR, detail: 'a < b' });
    expect(written.endsWith(CLOSE)).to.equal(true);
    expectSame(
      written.slice(0, -CLOSE.length),
      `<stream:error><policy-violation ${namespace}/>` +
        `<text ${namespace} xml:lang='en'>Policy violation: a &lt; b</text></stream:error>`,
    );
  });
});

describe('a refusal', () => {
  const request = parse(
    `<iq type='set' id='a&apos;' to='localhost' from='x@y'><query xmlns='jabber:iq:auth'><password>p</password></query></iq>`,
  );

  it('is addressed back and holds nothing of the request: there may be a password in it', () => {
    expectSame(
      writeRefusal('legacy', request, 'not-acceptable'),
      `<iq type='error' id='a&apos;' from='localhost' to='x@y'><error code='406'>Not Acceptable</error></iq>`,
    );
  });

  it('says of what is away that it is worth to wait [RFC6120 8.3.2]', () => {
    expect(writeRefusal('rfc6120', parse(`<iq/>`), 'service-unavailable')).to.contain(
      `<error code='503' type='wait'><service-unavailable `,
    );
    expect(writeRefusal('legacy', parse(`<iq/>`), 'service-unavailable')).to.contain(
      `<error code='503'>Service Unavailable</error>`,
    );
  });

  it('has a code and a condition for newer clients [XEP-0086 3]', () => {
    expectSame(
      writeRefusal('rfc6120', parse(`<iq/>`), 'not-allowed'),
      `<iq type='error'><error code='405' type='cancel'>` +
        `<not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    );
  });
});
