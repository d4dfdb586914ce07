import { expect } from 'chai';
import { Bounces } from '../../lib/session/bounces.js';
import type { Packet } from '../../lib/session/session.js';
import type { OutboundQueue, Writer } from '../../lib/session/outbound-queue.js';
import type { Upstream } from '../../lib/session/upstream.js';
import { newSocketAddress } from '../../lib/xmpp/address.js';
import { silent } from '../../lib/observe/log.js';
import { ADDRESS, Notes, packet } from './notes.js';

describe('Bounces', () => {
  let notes: Notes;
  let upstream: Upstream;
  let taken: Set<string>;
  let bounces: Bounces;
  beforeEach(() => {
    notes = new Notes();
    taken = new Set();
    upstream = notes.upstream();
    bounces = new Bounces(upstream, (address) => taken.has(address), silent);
  });

  const old = (text: string, attributes = ` to='${ADDRESS}'`): Packet =>
    packet('12@foo-sockets/old', 'juliet@localhost', text, 'stanza', attributes);
  const many = (length: number, note: (at: number) => string): string[] =>
    Array.from({ length }, (_, at) => note(at));

  it('ends a session of an earlier life once, and gives back all that waited for it', () => {
    for (let at = 0; at < 500; at += 1) bounces.undeliverable(old(`${at}`));
    bounces.flush();
    expect(notes.take()).to.deep.equal([
      `end stale ${ADDRESS} 12@foo-sockets/old`,
      ...many(500, (at) => `bounce ${at}`),
    ]);
  });

  it('gives back what somebody has said many times, and refuses in the end what keeps coming', () => {
    for (let at = 0; at < 110; at += 1) bounces.undeliverable(old('x'));
    bounces.flush();
    expect(notes.take().slice(1)).to.deep.equal([
      ...many(100, () => 'bounce x'),
      ...many(10, () => 'refuse x'),
    ]);
  });

  it('refuses what comes the fourth time where the session can not be ended, and nothing else', () => {
    for (let round = 0; round < 5; round += 1) {
      for (const text of ['a', 'b', 'c']) bounces.undeliverable(old(text, ''));
    }
    bounces.flush();
    const thrice = ['a', 'b', 'c'].map((text) => `bounce ${text}`);
    const refused = ['a', 'b', 'c'].map((text) => `refuse ${text}`);
    expect(notes.take()).to.deep.equal([...thrice, ...thrice, ...thrice, ...refused, ...refused]);
  });

  it('ends a session of this life again when what was for it comes on and on', () => {
    const gone = newSocketAddress(12, 'foo-sockets');
    const late = packet(gone, 'juliet@localhost', 'x', 'stanza', ` to='${ADDRESS}'`);
    for (let at = 0; at < 200; at += 1) bounces.undeliverable(late);
    bounces.flush();
    const said = notes.take();
    expect(said.filter((note) => note.startsWith('end stale'))).to.deep.equal([
      `end stale ${ADDRESS} ${gone}`,
    ]);
    expect(said.filter((note) => note === 'bounce x')).to.have.length(100);
    expect(said.filter((note) => note === 'refuse x')).to.have.length(100);
  });

  it('ends no more than ten sessions for one address, whatever its packets name', () => {
    for (let at = 0; at < 50; at += 1) bounces.undeliverable(old(`${at}`, ` to='juliet@localhost/${at}'`));
    expect(notes.take().filter((note) => note.startsWith('end stale'))).to.have.length(10);
  });

  it('ends no session that somebody here has, in whatever spelling', () => {
    taken.add(ADDRESS);
    bounces.undeliverable(old('x', ` to='JULIET@localhost/Balcony'`));
    expect(notes.take()).to.deep.equal(['bounce x']);
  });

  it('waits while there is no room on the queue, and goes on in order when there is', () => {
    let room = 0;
    const waiting = new Set<Writer>();
    const returnQueue: OutboundQueue = {
      ...upstream.returnQueue,
      roomFor: () => room,
      wait: (writer) => void waiting.add(writer),
    };
    bounces = new Bounces({ ...upstream, returnQueue }, () => false, silent);
    bounces.add([packet('a', 'b', '1')]);
    bounces.add([packet('a', 'b', '2')]);
    expect(notes.take()).to.deep.equal([]);
    room = Infinity;
    for (const writer of waiting) writer.onTurn();
    expect(notes.take()).to.deep.equal(['bounce 1', 'bounce 2']);
  });

  it('only gives back, however often the same comes, where nothing comes again', () => {
    bounces = new Bounces({ ...upstream, staleSessions: undefined }, () => false, silent);
    for (let at = 0; at < 200; at += 1) bounces.undeliverable(old('x'));
    bounces.flush();
    expect(notes.take()).to.deep.equal(many(200, () => 'bounce x'));
  });

  it('takes turns with what clients say: one packet a turn while there is no room', () => {
    const waiting: Writer[] = [];
    const returnQueue: OutboundQueue = {
      ...upstream.returnQueue,
      roomFor: () => 0,
      wait: (writer) => void waiting.push(writer),
      leave: () => void waiting.splice(0),
    };
    bounces = new Bounces({ ...upstream, returnQueue }, () => false, silent);
    bounces.add(['1', '2', '3'].map((text) => packet('a', 'b', text)));
    expect(notes.take()).to.deep.equal([]);
    waiting.shift()!.onTurn();
    expect(notes.take()).to.deep.equal(['bounce 1']);
    bounces.flush();
    expect(notes.take(), 'at the end all goes at once').to.deep.equal(['bounce 2', 'bounce 3']);
    expect(waiting).to.deep.equal([]);
  });
});
