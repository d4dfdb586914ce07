import { expect } from 'chai';
import { SessionRegistry } from '../../lib/session/registry.js';
import type { Authenticator, Upstream, OutboundQueue } from '../../lib/session/upstream.js';
import type { Client, Packet, Session } from '../../lib/session/session.js';
import { newSocketAddress } from '../../lib/xmpp/address.js';
import { silent } from '../../lib/observe/log.js';
import { element } from '../../lib/xml/index.js';
import { stanza } from '../support/stanza.js';

/** There is always room. */
const WAY: OutboundQueue = {
  room: Infinity,
  roomFor: () => Infinity,
  sent: () => undefined,
  wait: () => undefined,
  leave: () => undefined,
};

/** Says in words what the desk does; the stories are in spec/dialogues. */
class Notes {
  readonly all: string[] = [];

  take(): string[] {
    return this.all.splice(0);
  }

  manager(): Upstream {
    const note = (text: string): void => void this.all.push(text);
    return {
      up: true,
      congested: false,
      dropsAtEnd: false,
      queueFor: () => WAY,
      returnQueue: WAY,
      granted: ({ from }) => (from.includes('@') ? from : undefined),
      open: () => false,
      stamp: (session) => ` sto='${session.sessionAddress}'`,
      carry: (_session, stanza) => (stanza.name === 'log' ? 'bad-request' : undefined),
      end: (session) => note(`end ${session.sessionAddress}`),
      endStale: (session, socket) => note(`end stale ${session} ${socket}`),
      bounce: ({ text }) => note(`bounce ${text}`),
      endsByBounce: false,
      refuse: ({ text }) => note(`refuse ${text}`),
      staleSession: ({ whole }) => whole.attribute('to'),
    };
  }

  authority(): Authenticator {
    return { ask: (session) => void this.all.push(`ask ${session.login}`) };
  }

  client(name: string): Client {
    const note = (text: string): void => void this.all.push(`${name} ${text}`);
    return {
      answer: ({ text }) => note(`answer ${text}`),
      opened: () => note('opened'),
      deliver: ({ text }) => note(`deliver ${text}`),
      end: ({ kind }) => note(kind),
    };
  }
}

const ADDRESS = 'juliet@localhost/Balcony';

function packet(
  to: string,
  from: string,
  text: string,
  kind: Packet['kind'] = 'stanza',
  attributes = '',
): Packet {
  return { to, from, text, kind, whole: stanza(`<iq type='result'${attributes}/>`) };
}

describe('Desk', () => {
  let notes: Notes;
  let desk: SessionRegistry;
  beforeEach(() => {
    notes = new Notes();
    desk = new SessionRegistry(
      (descriptor) => newSocketAddress(descriptor, 'foo-sockets'),
      notes.manager(),
      notes.authority(),
      silent,
    );
  });

  function asking(name: string, login = ADDRESS): Session {
    const session = desk.open(12, notes.client(name));
    desk.ask(session, { kind: 'auth-set', iq: element('iq'), domain: 'localhost' }, login);
    return session;
  }

  function open(name: string): Session {
    const session = asking(name);
    expect(desk.accepted(session, packet(session.address, ADDRESS, ''))).to.equal(true);
    notes.take();
    return session;
  }

  it('opens a session for the answer to a login, and tells the client', () => {
    const session = asking('a');
    expect(desk.size).to.equal(1);
    desk.receive(packet(session.address, 'localhost', 'x'));
    expect(desk.accepted(session, packet(session.address, ADDRESS, ''))).to.equal(true);
    expect(notes.take()).to.deep.equal([`ask ${ADDRESS}`, 'a answer x', 'a opened']);
    expect(session).to.include({
      state: 'authenticated',
      sessionAddress: ADDRESS,
      stamp: ` sto='${ADDRESS}'`,
      ascii: true,
    });
  });

  it('does not open one that is not granted', () => {
    const session = asking('a');
    expect(desk.accepted(session, packet(session.address, 'localhost', ''))).to.equal(false);
    expect(session.state).to.equal('unknown');
  });

  it('notes that a stamp is not ASCII', () => {
    const session = asking('a');
    desk.accepted(session, packet(session.address, 'jülia@localhost/x', ''));
    expect(session.ascii).to.equal(false);
  });

  it('delivers to the session, and ends it for its own address only', () => {
    const session = open('a');
    desk.receive(packet(session.address, 'juliet@localhost', 'hi'));
    desk.receive(packet(session.address, 'juliet@localhost', 'planted', 'ended'));
    desk.receive(packet(session.address, 'JULIET@localhost/Balcony', 'bye', 'ended'));
    expect(notes.take()).to.deep.equal(['a deliver hi', 'a deliver planted', 'a ended']);
    desk.leave(session);
    expect(notes.take(), 'no end of what has ended').to.deep.equal([]);
    expect(desk.size).to.equal(0);
  });

  it('ends a session once', () => {
    const session = open('a');
    desk.leave(session);
    desk.leave(session);
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`]);
  });

  it('says nothing of a client that leaves in the unknown state', () => {
    const session = asking('a');
    notes.take();
    desk.leave(session);
    expect(notes.take()).to.deep.equal([]);
    expect(desk.size).to.equal(0);
  });

  it('gives back behind the end', () => {
    const session = open('a');
    desk.leave(session);
    desk.giveBack(session, [packet(session.address, 'x', '1'), packet(session.address, 'x', '2')]);
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`, 'bounce 1', 'bounce 2']);
  });

  it('ends the old client when a new one has the address, and gives back what comes for it', () => {
    const old = open('old');
    const young = asking('young');
    desk.accepted(young, packet(young.address, ADDRESS, ''));
    desk.receive(packet(old.address, 'juliet@localhost', 'late'));
    desk.receive(packet(old.address, ADDRESS, 'end', 'ended'));
    desk.leave(old);
    expect(notes.take()).to.deep.equal([`ask ${ADDRESS}`, 'old replaced', 'young opened', 'bounce late']);
    expect(young.state).to.equal('authenticated');
  });

  it('waits with the end while a login for the address is under way, and keeps what comes', () => {
    const old = open('old');
    const young = asking('young');
    notes.take();
    desk.leave(old);
    desk.receive(packet(old.address, 'juliet@localhost', 'late'));
    desk.giveBack(old, [packet(old.address, 'x', 'unsent')]);
    expect(notes.take()).to.deep.equal([]);
    desk.refused(young);
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`, 'bounce late', 'bounce unsent']);
  });

  it('drops the end when that login succeeds', () => {
    const old = open('old');
    const young = asking('young');
    notes.take();
    desk.leave(old);
    desk.receive(packet(old.address, 'juliet@localhost', 'late'));
    desk.accepted(young, packet(young.address, ADDRESS, ''));
    expect(notes.take()).to.have.members(['bounce late', 'young opened']);
    desk.leave(young);
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`]);
  });

  it('says end at once to those who leave when it closes', () => {
    const old = open('old');
    asking('young');
    notes.take();
    desk.leave(old);
    desk.close();
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`]);
  });

  it('gives back the late result of a login whose client has left', () => {
    const session = asking('a');
    desk.leave(session);
    notes.take();
    desk.receive(packet(session.address, ADDRESS, 'result'));
    expect(notes.take()).to.deep.equal(['bounce result']);
  });

  it('drops that result when another login for the address succeeds first', () => {
    const lost = asking('lost');
    desk.leave(lost);
    const again = asking('again');
    notes.take();
    desk.receive(packet(lost.address, ADDRESS, 'result'));
    desk.accepted(again, packet(again.address, ADDRESS, ''));
    expect(notes.take()).to.deep.equal(['again opened']);
  });

  const old = (text: string, attributes = ` to='${ADDRESS}'`): Packet =>
    packet('12@foo-sockets/old', 'juliet@localhost', text, 'stanza', attributes);
  const many = (length: number, note: (at: number) => string): string[] =>
    Array.from({ length }, (_, at) => note(at));

  it('ends a session of an earlier life once, and gives back all that waited for it', () => {
    for (let at = 0; at < 500; at += 1) desk.receive(old(`${at}`));
    desk.flush();
    expect(notes.take()).to.deep.equal([
      `end stale ${ADDRESS} 12@foo-sockets/old`,
      ...many(500, (at) => `bounce ${at}`),
    ]);
  });

  it('gives back what somebody has said many times, and refuses in the end what keeps coming', () => {
    for (let at = 0; at < 110; at += 1) desk.receive(old('x'));
    desk.flush();
    expect(notes.take().slice(1)).to.deep.equal([
      ...many(100, () => 'bounce x'),
      ...many(10, () => 'refuse x'),
    ]);
  });

  it('refuses what comes the fourth time where the session can not be ended, and nothing else', () => {
    for (let round = 0; round < 5; round += 1) {
      for (const text of ['a', 'b', 'c']) desk.receive(old(text, ''));
    }
    desk.flush();
    const thrice = ['a', 'b', 'c'].map((text) => `bounce ${text}`);
    const refused = ['a', 'b', 'c'].map((text) => `refuse ${text}`);
    expect(notes.take()).to.deep.equal([...thrice, ...thrice, ...thrice, ...refused, ...refused]);
  });

  it('ends a session of this life again when what was for it comes on and on', () => {
    const session = open('a');
    desk.leave(session);
    notes.take();
    const late = packet(session.address, 'juliet@localhost', 'x', 'stanza', ` to='${ADDRESS}'`);
    for (let at = 0; at < 200; at += 1) desk.receive(late);
    desk.flush();
    const said = notes.take();
    expect(said.filter((note) => note.startsWith('end stale'))).to.deep.equal([
      `end stale ${ADDRESS} ${session.address}`,
    ]);
    expect(said.filter((note) => note === 'bounce x')).to.have.length(100);
    expect(said.filter((note) => note === 'refuse x')).to.have.length(100);
  });

  it('ends no more than ten sessions for one address, whatever its packets name', () => {
    for (let at = 0; at < 50; at += 1) desk.receive(old(`${at}`, ` to='juliet@localhost/${at}'`));
    expect(notes.take().filter((note) => note.startsWith('end stale'))).to.have.length(10);
  });

  it('does not end that session while a client of ours has it', () => {
    open('a');
    desk.receive(packet('12@foo-sockets/old', 'juliet@localhost', 'x', 'stanza', ` to='${ADDRESS}'`));
    expect(notes.take()).to.deep.equal(['bounce x']);
  });

  it('ignores an end for an address that nobody has', () => {
    desk.receive(packet('12@foo-sockets/old', ADDRESS, 'x', 'ended'));
    expect(notes.take()).to.deep.equal([]);
  });

  it('carries for who is logged in, and says what it can not', () => {
    const session = open('a');
    expect(desk.carry(session, stanza('<iq/>'))).to.equal(undefined);
    expect(desk.carry(session, stanza('<log/>'))).to.equal('bad-request');
  });
});
