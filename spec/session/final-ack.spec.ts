import { expect } from 'chai';
import { FinalAcks } from '../../lib/session/final-ack.js';
import { Session, type Client, type Packet } from '../../lib/session/session.js';
import { Clock } from '../support/clock.js';
import { stanza } from '../support/stanza.js';

function session(saidAt = Date.now()): Session {
  const made = new Session('1@foo-sockets/a', {} as Client);
  made.saidAt = saidAt;
  return made;
}

/** A packet with that id. */
function answer(id: string): Packet {
  const whole = stanza(`<iq type='error' id='${id}'/>`);
  return {
    kind: 'stanza',
    to: '1@foo-sockets/a',
    from: 'a@b/c',
    text: whole.source,
    whole,
    envelope: 'none',
  };
}

describe('FinalAcks', () => {
  let clock: Clock;
  let asked: string[];
  let over: Session[];
  let acks: FinalAcks;

  beforeEach(() => {
    clock = new Clock();
    clock.install();
    asked = [];
    over = [];
    acks = new FinalAcks(
      (_session, stanza) => void asked.push(stanza.attribute('id')!),
      (one) => void over.push(one),
    );
  });
  afterEach(() => clock.uninstall());

  it('ask only of a session that has just said something', () => {
    expect(acks.begin(session(0))).to.equal(false);
    expect(acks.begin(session(Date.now() - 11_000))).to.equal(false);
    expect(acks.begin(session())).to.equal(true);
    expect(asked).to.have.length(1);
  });

  it('know the answer by its id, and by nothing else', () => {
    const one = session();
    acks.begin(one);
    expect(acks.heard(one, answer('other'))).to.equal(false);
    expect(acks.heard(session(), answer(asked[0]))).to.equal(false);
    expect(over).to.deep.equal([]);
    expect(acks.heard(one, answer(asked[0]))).to.equal(true);
    expect(over).to.deep.equal([one]);
  });

  it('wait for 30 s, and for 5 s more once somebody wants the address', () => {
    const [one, other] = [session(), session()];
    acks.begin(one);
    acks.begin(other);
    acks.hurry(other);
    clock.advance(5_000);
    expect(over).to.deep.equal([other]);
    clock.advance(24_999);
    expect(over).to.deep.equal([other]);
    clock.advance(1);
    expect(over).to.deep.equal([other, one]);
  });

  it('are not asked for any more, for a while, where three had no answer', () => {
    for (let count = 0; count < 3; count += 1) {
      expect(acks.begin(session())).to.equal(true);
      clock.advance(30_000);
    }
    expect(acks.begin(session())).to.equal(false);
    acks.giveUp();
    expect(acks.begin(session())).to.equal(true);
  });

  it('are idle when the last one is settled, forgotten or given up', async () => {
    await acks.idle();
    const [one, other] = [session(), session()];
    acks.begin(one);
    acks.begin(other);
    const idle = acks.idle();
    acks.forget(one);
    acks.giveUp();
    await idle;
    expect(over).to.deep.equal([other]);
  });
});
