import { expect } from 'chai';
import { Question } from '../../lib/session/question.js';
import { Session, type Client, type Packet } from '../../lib/session/session.js';
import { stanza } from '../support/stanza.js';

describe('Question', () => {
  const session = new Session('1@foo-sockets/a', {} as Client);
  const asked: string[] = [];
  const question = new Question('alive', 'jabber:iq:time', (_session, { source }) => void asked.push(source));
  question.ask(session);
  const id = /id='([^']+)'/.exec(asked[0])![1];

  const bare = (answer: string): Packet => {
    const whole = stanza(answer);
    return {
      kind: 'stanza',
      to: session.address,
      from: 'a@b/c',
      text: whole.source,
      whole,
      envelope: 'none',
    };
  };
  const routed = (answer: string): Packet => ({
    ...bare(`<route to='a' from='b'>${answer}</route>`),
    text: answer,
    envelope: 'route',
  });

  it('is an iq with an id that nobody can guess', () => {
    expect(asked).to.deep.equal([`<iq type='get' id='${id}'><query xmlns='jabber:iq:time'/></iq>`]);
    expect(id).to.match(/^alive-[0-9a-f]{16}$/);
    const other = new Question('alive', 'jabber:iq:time', (_session, { source }) => void asked.push(source));
    other.ask(session);
    expect(asked[1]).to.not.contain(id);
  });

  for (const [title, packet] of [
    ['as it is', bare],
    ['in a route', routed],
  ] as const) {
    it(`knows its answer by its id, where that comes ${title}`, () => {
      expect(question.isAnsweredBy(packet(`<iq type='result' id='${id}'/>`))).to.equal(true);
      expect(question.isAnsweredBy(packet(`<iq type='error' id='${id}'/>`))).to.equal(true);
      expect(question.isAnsweredBy(packet(`<iq type='result' id='other'/>`))).to.equal(false);
      expect(question.isAnsweredBy(packet(`<message/>`))).to.equal(false);
    });
  }

  it('is not answered by a route with nothing in it', () => {
    expect(question.isAnsweredBy({ ...routed(''), text: '' })).to.equal(false);
  });
});
