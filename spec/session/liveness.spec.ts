import { expect } from 'chai';
import { LivenessCheck } from '../../lib/session/liveness.js';
import { Session, type Client, type Packet } from '../../lib/session/session.js';
import { Clock } from '../support/clock.js';
import { stanza } from '../support/stanza.js';

const made = (): Session => new Session('1@foo-sockets/a', {} as Client);

function packet(id: string): Packet {
  const whole = stanza(`<iq type='result' id='${id}'/>`);
  return {
    kind: 'stanza',
    to: '1@foo-sockets/a',
    from: 'a@b/c',
    text: whole.source,
    whole,
    envelope: 'none',
  };
}

describe('LivenessCheck', () => {
  let clock: Clock;
  let asked: [session: Session, id: string][];
  let lost: Session[];
  let check: LivenessCheck;

  beforeEach(() => {
    clock = new Clock();
    clock.install();
    asked = [];
    lost = [];
    check = new LivenessCheck(
      (session, question) => void asked.push([session, question.attribute('id')!]),
      (session) => void lost.push(session),
    );
  });
  afterEach(() => clock.uninstall());

  it('asks after 5 s about a session that nothing came for, and gives it up 10 s later', () => {
    const [silent, alive] = [made(), made()];
    check.begin([silent, alive]);
    expect(check.heard(alive, packet('any'))).to.equal(false);
    clock.advance(4_999);
    expect(asked).to.deep.equal([]);
    clock.advance(1);
    expect(asked.map(([session]) => session)).to.deep.equal([silent]);
    clock.advance(9_999);
    expect(lost).to.deep.equal([]);
    clock.advance(1);
    expect(lost).to.deep.equal([silent]);
  });

  it('takes the answer for a sign of life, and keeps it from the client', () => {
    const one = made();
    check.begin([one]);
    clock.advance(5_000);
    expect(check.heard(one, packet(asked[0][1]))).to.equal(true);
    clock.advance(10_000);
    expect(lost).to.deep.equal([]);
    expect(check.active).to.equal(false);
  });

  it('takes anything else for one, and lets the client have it', () => {
    const one = made();
    check.begin([one]);
    clock.advance(5_000);
    expect(check.heard(one, packet('any'))).to.equal(false);
    clock.advance(10_000);
    expect(lost).to.deep.equal([]);
  });

  it('forgets a session that is over, and all of them when the link is lost', () => {
    const [over, other] = [made(), made()];
    check.begin([over, other]);
    check.forget(over);
    clock.advance(5_000);
    expect(asked.map(([session]) => session)).to.deep.equal([other]);
    check.end();
    clock.advance(10_000);
    expect(lost).to.deep.equal([]);
    expect(check.active).to.equal(false);
  });
});
