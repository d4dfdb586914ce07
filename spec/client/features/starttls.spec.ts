import { expect } from 'chai';
import type { Encryption } from '../../../lib/client/features/feature.js';
import { FEATURES, writeFeatures } from '../../../lib/client/features/index.js';
import { startTls } from '../../../lib/client/features/starttls.js';
import { parse } from '../../../lib/xml/index.js';
import { StreamNotes } from './story.js';

const TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
const REFUSED = 'refuse not-acceptable: Encryption is required: use STARTTLS';

describe('STARTTLS as a stream feature', () => {
  it('comes before all others, and alone where it is required', () => {
    const offered = (encryption: Encryption): string[] =>
      parse(writeFeatures(new StreamNotes(true, encryption))).elements.map(({ name }) => name);
    expect(offered('required')).to.deep.equal(['starttls']);
    expect(offered('optional')).to.deep.equal(['starttls', 'auth', 'register']);
    expect(offered('done')).to.deep.equal(['auth', 'register']);
    expect(offered('off')).to.deep.equal(['auth', 'register']);
    expect(startTls.offer(new StreamNotes(true, 'required'))).to.contain('<required/>');
  });

  it('is recognized by its namespace, with any prefix', () => {
    for (const source of [`<starttls xmlns='${TLS}'/>`, `<t:starttls xmlns:t='${TLS}'/>`])
      expect(startTls.takes(parse(source)), source).to.equal(true);
    for (const source of [`<starttls/>`, `<starttls xmlns='jabber:client'/>`, `<proceed xmlns='${TLS}'/>`])
      expect(startTls.takes(parse(source)), source).to.equal(false);
  });

  it('encrypts after it has said so, and fails where it is not offered', () => {
    for (const [encryption, notes] of [
      ['required', [`send <proceed xmlns='${TLS}'/>`, 'encrypt']],
      ['optional', [`send <proceed xmlns='${TLS}'/>`, 'encrypt']],
      ['done', [`send <failure xmlns='${TLS}'/>`, 'end starttls-refused']],
      ['off', [`send <failure xmlns='${TLS}'/>`, 'end starttls-refused']],
    ] as const) {
      const stream = new StreamNotes(true, encryption);
      startTls.take(parse(`<starttls xmlns='${TLS}'/>`), stream);
      expect(stream.take(), encryption).to.deep.equal(notes);
    }
  });

  it('is needed before logins and registrations where it is required', () => {
    for (const namespace of ['jabber:iq:auth', 'jabber:iq:register']) {
      for (const type of ['get', 'set']) {
        const stream = new StreamNotes(true, 'required');
        const iq = parse(
          `<iq type='${type}' id='1'><query xmlns='${namespace}'><username>a</username></query></iq>`,
        );
        FEATURES.find((feature) => feature.takes(iq))!.take(iq, stream);
        expect(stream.take()).to.deep.equal([REFUSED]);
      }
    }
  });
});
