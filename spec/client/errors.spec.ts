import { expect } from 'chai';
import { writeRefusal } from '../../lib/client/errors.js';
import { parse } from '../../lib/xml/index.js';
import { expectSame } from '../support/same.js';

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
