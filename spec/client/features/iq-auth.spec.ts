import { expect } from 'chai';
import { FEATURES } from '../../../lib/client/features/index.js';
import {
  iqAuth,
  isUsable,
  loginForm,
  loginRequest,
  usernameOf,
  withoutCredentials,
} from '../../../lib/client/features/iq-auth.js';
import { register } from '../../../lib/client/features/register.js';
import { jidOf } from '../../../lib/session/requests.js';
import { parse, type Element } from '../../../lib/xml/index.js';
import { StreamNotes } from './story.js';
import { expectSame } from '../../support/same.js';

function auth(fields: string, attributes = `type='set' id='a'`): Element {
  return parse(`<iq ${attributes}><query xmlns='jabber:iq:auth'>${fields}</query></iq>`);
}

const WHO = '<username>juliet</username><resource>Balcony</resource>';

describe('requests before login', () => {
  for (const [xml, feature] of [
    [`<iq type='get'><query xmlns='jabber:iq:auth'/></iq>`, iqAuth],
    [`<iq type='set'><query xmlns='jabber:iq:auth'/></iq>`, iqAuth],
    [`<iq type='get'><query xmlns='jabber:iq:register'/></iq>`, register],
    [`<iq type='set'><query xmlns='jabber:iq:register'/></iq>`, register],
    [`<iq type='result'><query xmlns='jabber:iq:auth'/></iq>`, undefined],
    [`<iq><query xmlns='jabber:iq:auth'/></iq>`, undefined],
    [`<iq type='get'><query/></iq>`, undefined],
    [`<iq type='get'><x xmlns='jabber:iq:auth'/></iq>`, undefined],
    [`<iq type='get'><x><query xmlns='jabber:iq:auth'/></x></iq>`, undefined],
    [`<message type='get'><query xmlns='jabber:iq:auth'/></message>`, undefined],
    [`<iq type='get'/>`, undefined],
  ] as const) {
    it(`are ${feature ? FEATURES.indexOf(feature) : 'not'} taken: ${xml}`, () =>
      expect(FEATURES.find((one) => one.takes(parse(xml)))).to.equal(feature));
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
    const { request } = loginRequest(auth(`${WHO}<digest sid='evil'>d</digest>`), '5EED', 'localhost');
    expect(request.proof.digest).to.deep.equal({ text: 'd', streamId: '5EED' });
    expect(request.iq.child('query')!.child('digest')!.attribute('sid')).to.equal('5EED');
  });

  it('is not changed itself when it gets one', () => {
    const original = auth(`${WHO}<digest>d</digest>`);
    const before = original.toString();
    loginRequest(original.set('id', undefined), '5EED', 'localhost');
    expect(original.set('id', 'a').child('query')!.toString()).to.equal(
      parse(before).child('query')!.toString(),
    );
  });

  it('keeps its id, or gets one that is never the same', () => {
    const kept = loginRequest(auth(WHO), '1', 'localhost');
    expect([kept.request.iq.attribute('id'), kept.ownId]).to.deep.equal(['a', false]);
    const one = loginRequest(auth(WHO, `type='set'`), '1', 'localhost');
    const other = loginRequest(auth(WHO, `type='set'`), '1', 'localhost');
    expect(one.ownId).to.equal(true);
    expect(one.request.iq.attribute('id')).to.match(/^auth-[0-9a-f]{12}$/);
    expect(one.request.iq.attribute('id')).to.not.equal(other.request.iq.attribute('id'));
  });

  it('with an empty id keeps that', () => {
    const { request, ownId } = loginRequest(auth(WHO, `type='set' id=''`), '1', 'localhost');
    expect([request.iq.attribute('id'), ownId]).to.deep.equal(['', false]);
  });

  it('names the session that it would open', () => {
    const { request } = loginRequest(
      auth('<username>J</username><resource>R/x</resource>'),
      '1',
      'localhost',
    );
    expect(jidOf(request)).to.equal('J@localhost/R/x');
    expect(usernameOf(auth(`<username>${'x'.repeat(1000)}</username>`))).to.have.length(100);
    expect(usernameOf(parse('<iq/>'))).to.equal('');
  });
});

describe('an auth get', () => {
  it('carries nothing but the user onward', () => {
    const iq = withoutCredentials(
      auth(`${WHO}<password>p</password><digest>d</digest>`, `type='get' id='a&apos;' to='localhost'`),
    );
    expectSame(
      iq.toString(),
      `<iq type='get' id='a&apos;' to='localhost'><query xmlns='jabber:iq:auth'><username>juliet</username></query></iq>`,
    );
    expect(iq.attribute('id')).to.equal("a'");
  });

  it('is answered with a form of ours, addressed back', () => {
    const get = auth('<username>a&amp;b</username>', `type='get' id='g' to='localhost' from='x@y'`);
    expectSame(
      loginForm(withoutCredentials(get)),
      `<iq type='result' id='g' from='localhost' to='x@y'><query xmlns='jabber:iq:auth'>` +
        `<username>a&amp;b</username><password/><digest/><resource/></query></iq>`,
    );
  });
});

describe('a login by jabber:iq:auth', () => {
  const login = (attributes: string): StreamNotes => {
    const stream = new StreamNotes();
    iqAuth.take(auth(`${WHO}<password>p</password>`, attributes), stream);
    expect(stream.take()).to.deep.equal(['log in juliet']);
    return stream;
  };
  const refused = { kind: 'refused', at: 'login', condition: 'not-authorized', temporary: false } as const;

  it('is answered in the words of the session manager, or else with a result', () => {
    const stream = login(`type='set' id='a'`);
    stream.onOutcome({ kind: 'opened', text: `<iq type='result' id='a'/>` });
    expect(stream.take()).to.deep.equal([`logged in <iq type='result' id='a'/>`]);
    stream.onOutcome({ kind: 'opened' });
    expect(stream.take()).to.deep.equal([`logged in <iq type='result' id='a'/>`]);
  });

  it('that had no id has none in its answer', () => {
    const stream = login(`type='set'`);
    const id = stream.request!.iq.attribute('id');
    for (const text of [`<iq type='result' id='${id}'/>`, undefined]) {
      stream.onOutcome({ kind: 'opened', text });
      expect(stream.take()).to.deep.equal([`logged in <iq type='result'/>`]);
    }
    stream.onOutcome({ ...refused, text: `<iq type='error' id='${id}'/>` });
    expect(stream.take()).to.deep.equal([`send <iq type='error'/>`, 'failed juliet']);
  });

  it('that is refused here gets an error with a condition, also on an old stream', () => {
    const stream = login(`type='set' id='a'`);
    stream.onOutcome(refused);
    const [sent, failed] = stream.take();
    expect(sent).to.match(/^send <iq type='error' id='a'><error code='401' type='auth'><not-authorized /);
    expect(failed).to.equal('failed juliet');
  });

  it('without a session gets an error as the stream knows it', () => {
    const stream = login(`type='set' id='a'`);
    stream.onOutcome({ ...refused, at: 'session', condition: 'internal-server-error' });
    expect(stream.take()).to.deep.equal(['refuse internal-server-error', 'failed juliet']);
  });

  it('that nobody has looked at is no failed one', () => {
    const stream = login(`type='set' id='a'`);
    stream.onOutcome({ ...refused, condition: 'service-unavailable', temporary: true, text: '<iq/>' });
    expect(stream.take()).to.deep.equal(['send <iq/>']);
  });

  it('that lacks something is refused at once, and is a failed one', () => {
    const stream = new StreamNotes();
    iqAuth.take(auth(WHO), stream);
    expect(stream.take()).to.deep.equal(['refuse not-acceptable', 'failed juliet']);
  });

  it('begins with its fields: those of the session manager, or ours where it has none', () => {
    const stream = new StreamNotes();
    iqAuth.take(auth('<username>juliet</username>', `type='get' id='g'`), stream);
    expect(stream.take()).to.deep.equal(['ask fields localhost']);
    stream.onAnswer({ kind: 'answered', result: true, text: '<iq/>' });
    expect(stream.take()).to.deep.equal(['send <iq/>']);
    stream.onAnswer({ kind: 'answered', result: false, text: '<iq/>' });
    expect(stream.take()[0]).to.match(/^send <iq type='result' id='g'><query xmlns='jabber:iq:auth'>/);
  });
});
