import { expect } from 'chai';
import { form, isUsable, loginOf, prepare, requestKind, usernameOf } from '../../lib/client/auth.js';
import { parse, type Element } from '../../lib/xml/index.js';
import { expectSame } from '../support/same.js';

function auth(fields: string, attributes = `type='set' id='a'`): Element {
  return parse(`<iq ${attributes}><query xmlns='jabber:iq:auth'>${fields}</query></iq>`);
}

const WHO = '<username>juliet</username><resource>Balcony</resource>';

describe('requests before login', () => {
  for (const [xml, kind] of [
    [`<iq type='get'><query xmlns='jabber:iq:auth'/></iq>`, 'auth-get'],
    [`<iq type='set'><query xmlns='jabber:iq:auth'/></iq>`, 'auth-set'],
    [`<iq type='get'><query xmlns='jabber:iq:register'/></iq>`, 'register'],
    [`<iq type='set'><query xmlns='jabber:iq:register'/></iq>`, 'register'],
    [`<iq type='result'><query xmlns='jabber:iq:auth'/></iq>`, undefined],
    [`<iq><query xmlns='jabber:iq:auth'/></iq>`, undefined],
    [`<iq type='get'><query/></iq>`, undefined],
    [`<iq type='get'><x xmlns='jabber:iq:auth'/></iq>`, undefined],
    [`<iq type='get'><x><query xmlns='jabber:iq:auth'/></x></iq>`, undefined],
    [`<message type='get'><query xmlns='jabber:iq:auth'/></message>`, undefined],
    [`<iq type='get'/>`, undefined],
  ] as const) {
    it(`are ${kind ?? 'no'} requests: ${xml}`, () => expect(requestKind(parse(xml))).to.equal(kind));
  }
});

describe('an auth set', () => {
  for (const [fields, usable] of [
    [`${WHO}<password>p</password>`, true],
    [`${WHO}<digest>d</digest>`, true],
    [`${WHO}<hash>h</hash>`, true],
    [`<password>p</password>${WHO}`, true],
    [WHO, false],
    [`${WHO}<password/>`, false],
    [`<username>juliet</username><password>p</password>`, false],
    [`<resource>r</resource><password>p</password>`, false],
    [`<username/><resource>r</resource><password>p</password>`, false],
    [`<username>juliet@localhost/Balcony</username><resource>r</resource><password>p</password>`, false],
    [`${WHO}<username>romeo</username><password>p</password>`, false],
    [`${WHO}<password>p</password><password>q</password>`, false],
    [`${WHO}<x:password xmlns:x='jabber:iq:auth'>p</x:password>`, false],
    [`${WHO}<password>p<b>q</b></password>`, false],
  ] as const) {
    it(`is ${usable ? '' : 'not '}usable with ${fields}`, () =>
      expect(isUsable(auth(fields))).to.equal(usable));
  }

  it('is not usable with more than the query: which one counts is not for us to guess', () => {
    const two = auth(`${WHO}<password>p</password>`);
    two.append(parse(`<query xmlns='jabber:iq:auth'/>`));
    expect(isUsable(two)).to.equal(false);
  });

  it('gets the id of the stream on its digest', () => {
    const { iq } = prepare('auth-set', auth(`${WHO}<digest sid='evil'>d</digest>`), '5EED', 'localhost');
    expect(iq.child('query')!.child('digest')!.attribute('sid')).to.equal('5EED');
  });

  it('is not changed itself when it gets one', () => {
    const original = auth(`${WHO}<digest>d</digest>`);
    const before = original.toString();
    prepare('auth-set', original.set('id', undefined), '5EED', 'localhost');
    expect(original.set('id', 'a').child('query')!.toString()).to.equal(
      parse(before).child('query')!.toString(),
    );
  });

  it('keeps its id, or gets one that is never the same', () => {
    expect(prepare('auth-set', auth(WHO), '1', 'localhost')).to.include({ id: 'a', ownId: false });
    const one = prepare('auth-set', auth(WHO, `type='set'`), '1', 'localhost');
    const other = prepare('auth-set', auth(WHO, `type='set'`), '1', 'localhost');
    expect(one.ownId).to.equal(true);
    expect(one.iq.attribute('id')).to.equal(one.id);
    expect(one.id).to.not.equal(other.id);
  });

  it('with an empty id keeps that', () => {
    expect(prepare('auth-set', auth(WHO, `type='set' id=''`), '1', 'localhost')).to.include({
      id: '',
      ownId: false,
    });
  });

  it('names the session that it would open', () => {
    expect(loginOf(auth('<username>J</username><resource>R/x</resource>'), 'localhost')).to.equal(
      'J@localhost/R/x',
    );
    expect(usernameOf(auth(`<username>${'x'.repeat(1000)}</username>`))).to.have.length(100);
    expect(usernameOf(parse('<iq/>'))).to.equal('');
  });
});

describe('an auth get', () => {
  it('carries nothing but the user onward', () => {
    const { iq, id, ownId } = prepare(
      'auth-get',
      auth(`${WHO}<password>p</password><digest>d</digest>`, `type='get' id='a&apos;' to='localhost'`),
      '1',
      'localhost',
    );
    expectSame(
      iq.toString(),
      `<iq type='get' id='a&apos;' to='localhost'><query xmlns='jabber:iq:auth'><username>juliet</username></query></iq>`,
    );
    expect([id, ownId]).to.deep.equal(["a'", false]);
  });

  it('is answered with a form of ours, addressed back', () => {
    const request = prepare(
      'auth-get',
      auth('<username>a&amp;b</username>', `type='get' id='g' to='localhost' from='x@y'`),
      '1',
      'localhost',
    );
    expectSame(
      form(request),
      `<iq type='result' id='g' from='localhost' to='x@y'><query xmlns='jabber:iq:auth'>` +
        `<username>a&amp;b</username><password/><digest/><resource/></query></iq>`,
    );
  });
});
