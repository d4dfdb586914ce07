import { expect } from 'chai';
import { register } from '../../../lib/client/features/register.js';
import { parse } from '../../../lib/xml/index.js';
import { StreamNotes } from './story.js';

const get = parse(`<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>`);

describe('registration before login', () => {
  it('asks the session manager, and sends whatever it answers', () => {
    const stream = new StreamNotes();
    register.take(get, stream);
    expect(stream.take()).to.deep.equal(['ask register localhost']);
    expect(stream.request!.iq).to.equal(get);
    stream.onAnswer({ kind: 'answered', result: false, text: '<iq/>' });
    expect(stream.take()).to.deep.equal(['send <iq/>']);
  });

  it('is refused where it is not offered', () => {
    const stream = new StreamNotes(false);
    expect(register.offer(stream)).to.equal('');
    register.take(get, stream);
    expect(stream.take()).to.deep.equal(['refuse not-allowed']);
  });
});
