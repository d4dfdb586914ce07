import { expect } from 'chai';
import { Login } from '../../lib/session/login.js';
import { NEXT, type LoginEvent, type LoginState } from '../../lib/session/login-states.js';
import { PendingLogins } from '../../lib/session/pending-logins.js';
import type { Answer, Outcome, Refused } from '../../lib/session/requests.js';
import { Session, type Client, type Packet } from '../../lib/session/session.js';
import type { Authenticator, Upstream } from '../../lib/session/upstream.js';
import { element } from '../../lib/xml/index.js';
import { stanza } from '../support/stanza.js';
import { ADDRESS, login as loginOf } from './notes.js';

const SOCKET = '12@foo-sockets/a';
const REFUSED: Refused = {
  kind: 'refused',
  at: 'login',
  condition: 'not-authorized',
  temporary: false,
  text: 'no',
};

/** A login, and all that it touches. */
class Story {
  readonly session = new Session(SOCKET, {} as Client);
  readonly pending = new PendingLogins(() => undefined);
  readonly outcomes: Outcome[] = [];
  readonly opened: string[] = [];
  readonly asked: string[] = [];
  /** What the next packet is read as. */
  answer: Answer | undefined;
  onAnswer: (answer: Answer) => void = () => undefined;
  postpones = false;
  opens = true;
  readonly login: Login;

  constructor() {
    const authenticator: Authenticator = {
      ask: (_session, request, onAnswer) => {
        this.asked.push(request.kind);
        this.onAnswer = onAnswer;
      },
      read: () => this.answer,
    };
    const upstream = { open: () => this.opens } as unknown as Upstream;
    this.login = new Login(this.session, {
      upstream,
      authenticator,
      pending: this.pending,
      postpones: () => this.postpones,
      onOpened: (_session, address) => void this.opened.push(address),
    });
  }

  ask(): void {
    const request = { kind: 'fields', iq: element('iq'), domain: 'localhost' } as const;
    this.login.request(request, (outcome) => void this.outcomes.push(outcome));
  }

  logIn(postpones = false): void {
    this.postpones = postpones;
    if (this.login.state === 'postponed') this.login.resume();
    else this.login.request(loginOf(ADDRESS), (outcome) => void this.outcomes.push(outcome));
  }

  receive(kind: Packet['kind'], from = 'localhost', reason?: string): void {
    const whole = stanza('<iq/>');
    this.login.receive({ kind, to: SOCKET, from, text: whole.source, whole, envelope: 'none', reason });
  }

  read(answer: Answer): void {
    this.answer = answer;
    this.receive('stanza');
  }

  /** Makes an event happen, whether it means something in this state or not. */
  do(event: LoginEvent): void {
    switch (event) {
      case 'ask':
        return this.ask();
      case 'prove':
        return this.logIn();
      case 'postpone':
        return this.logIn(true);
      case 'left':
        return this.login.left();
      case 'answered':
        return this.read({ kind: 'answered', result: true, text: 'fields' });
      case 'accepted':
        return this.read({ kind: 'accepted', text: 'yes' });
      case 'opened':
        return this.read({ kind: 'opened', sessionAddress: ADDRESS, text: 'yes' });
      case 'refused':
        this.read(REFUSED);
        return this.login.sessionRefused();
      case 'started':
        return this.receive('opened', ADDRESS);
      case 'ended':
        return this.receive('ended');
    }
  }
}

const PATHS: Readonly<Record<LoginState, readonly LoginEvent[]>> = {
  idle: [],
  asking: ['ask'],
  postponed: ['postpone'],
  proving: ['prove'],
  opening: ['prove', 'accepted'],
  done: ['prove', 'opened'],
};

describe('a login', () => {
  let story: Story;
  beforeEach(() => (story = new Story()));
  afterEach(() => story.pending.settle(SOCKET));

  for (const [state, path] of Object.entries(PATHS) as [LoginState, LoginEvent[]][]) {
    for (const [event, next] of Object.entries(NEXT[state]) as [LoginEvent, LoginState | undefined][]) {
      it(`that is ${state} ${next === undefined ? 'takes no notice of' : `is ${next} after`} ${event}`, () => {
        for (const before of path) story.do(before);
        expect(story.login.state).to.equal(state);
        const outcomes = story.outcomes.length;
        story.do(event);
        expect(story.login.state).to.equal(next ?? state);
        if (next === undefined) expect(story.outcomes).to.have.length(outcomes);
      });
    }
  }

  it('is told of once, when the session is open, with the answer that it had before', () => {
    story.do('prove');
    story.do('accepted');
    expect(story.outcomes).to.deep.equal([]);
    story.do('started');
    story.do('started');
    expect(story.opened).to.deep.equal([ADDRESS]);
    expect(story.outcomes).to.deep.equal([{ kind: 'opened', text: 'yes' }]);
  });

  it('is under way for its address from the question to the refusal', () => {
    story.do('prove');
    expect(story.session.fullJid).to.equal(ADDRESS);
    expect(story.pending.has(ADDRESS)).to.equal(true);
    story.do('refused');
    expect(story.pending.has(ADDRESS)).to.equal(false);
    expect(story.outcomes).to.deep.equal([REFUSED]);
  });

  it('is not under way, and not asked for, while it waits for an address', () => {
    story.do('postpone');
    expect([story.asked, story.pending.has(ADDRESS)]).to.deep.equal([[], false]);
    story.logIn();
    expect([story.asked, story.pending.has(ADDRESS)]).to.deep.equal([['login'], true]);
  });

  it('is refused where no session can be asked for: that counts as a failure', () => {
    story.opens = false;
    story.do('prove');
    story.do('accepted');
    expect(story.outcomes).to.deep.equal([
      { kind: 'refused', at: 'session', condition: 'internal-server-error', temporary: false },
    ]);
    expect(story.login.state).to.equal('idle');
  });

  it('is refused where no session is given: that counts as none', () => {
    story.do('prove');
    story.do('accepted');
    story.login.sessionRefused();
    expect(story.outcomes).to.deep.equal([
      { kind: 'refused', at: 'session', condition: 'internal-server-error', temporary: true },
    ]);
  });

  it('is under way until its answer comes, also where its client has left', () => {
    story.do('prove');
    story.do('left');
    expect(story.pending.has(ADDRESS)).to.equal(true);
    story.onAnswer({ kind: 'accepted' });
    expect(story.pending.has(ADDRESS)).to.equal(false);
    expect(story.outcomes).to.deep.equal([]);
  });

  it('does not open a session that was not asked for, whoever says that there is one', () => {
    story.do('prove');
    story.do('started');
    expect([story.login.state, story.opened]).to.deep.equal(['proving', []]);
  });

  it('opens no session without an address', () => {
    story.do('prove');
    story.do('accepted');
    story.receive('opened', '');
    expect(story.login.state).to.equal('opening');
  });

  it('is not ended by another host', () => {
    story.do('prove');
    story.receive('ended', 'elsewhere');
    expect(story.login.state).to.equal('proving');
    story.receive('ended', 'LOCALHOST');
    expect(story.login.state).to.equal('done');
  });

  for (const [path, said, reason] of [
    [['prove'], undefined, { kind: 'host-unknown', detail: 'the session manager does not serve it' }],
    [
      ['ask'],
      'Unable to deliver, destination unknown',
      { kind: 'host-unknown', detail: 'Unable to deliver, destination unknown' },
    ],
    [['prove'], 'Timeout', { kind: 'manager-gone', detail: 'Timeout' }],
    [['prove', 'accepted'], 'Session Failed', { kind: 'session-failed', detail: 'Session Failed' }],
  ] as const) {
    it(`ends with ${reason.kind} after ${path.join(' and ')}, where ${said ?? 'nothing'} is said`, () => {
      for (const event of path) story.do(event);
      story.receive('ended', 'localhost', said);
      expect(story.outcomes).to.deep.equal([{ kind: 'ended', reason }]);
    });
  }
});
