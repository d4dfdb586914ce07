import { expect } from 'chai';
import { SessionRegistry } from '../../lib/session/registry.js';
import type { Session } from '../../lib/session/session.js';
import { silent } from '../../lib/observe/log.js';
import { element } from '../../lib/xml/index.js';
import { stanza } from '../support/stanza.js';
import { ADDRESS, Notes, packet } from './notes.js';

describe('SessionRegistry', () => {
  let notes: Notes;
  let registry: SessionRegistry;
  beforeEach(() => {
    notes = new Notes();
    registry = new SessionRegistry(notes.upstream(), notes.authenticator(), silent);
  });

  const asking = (name: string): Session => notes.asking(registry, name);
  const open = (name: string): Session => notes.open(registry, name);
  const accept = (session: Session, address = ADDRESS): void =>
    registry.receive(packet(session.address, address, ''));
  const refuse = (session: Session): void => registry.receive(packet(session.address, 'localhost', 'no'));

  it('tells a client the answer to a request that is no login, and opens nothing', () => {
    const session = registry.connect(12, notes.client('a'));
    registry.request(session, { kind: 'fields', iq: element('iq'), domain: 'localhost' }, (outcome) => {
      notes.all.push(`a ${outcome.kind} ${outcome.kind === 'answered' ? outcome.text : ''}`);
    });
    registry.receive(packet(session.address, 'localhost', 'x'));
    expect(notes.take()).to.deep.equal(['ask ', 'a answered x']);
    expect(session.state).to.equal('unknown');
  });

  it('opens a session for the answer to a login, and tells the client', () => {
    const session = asking('a');
    expect(registry.size).to.equal(1);
    accept(session);
    expect(notes.take()).to.deep.equal([`ask ${ADDRESS}`, 'a opened']);
    expect(session).to.include({
      state: 'authenticated',
      sessionAddress: ADDRESS,
      key: 'juliet@localhost/Balcony',
    });
    session.upstream!.end();
    expect(notes.take(), 'the half of the upstream').to.deep.equal([`end ${ADDRESS}`]);
  });

  it('does not open one that is not granted', () => {
    const session = asking('a');
    accept(session, 'localhost');
    expect(session.state).to.equal('unknown');
  });

  it('delivers to the session, and ends it for its own address only', () => {
    const session = open('a');
    registry.receive(packet(session.address, 'juliet@localhost', 'hi'));
    registry.receive(packet(session.address, 'juliet@localhost', 'planted', 'ended'));
    registry.receive(packet(session.address, 'JULIET@localhost/Balcony', 'bye', 'ended'));
    expect(notes.take()).to.deep.equal(['a deliver hi', 'a deliver planted', 'a ended']);
    registry.leave(session);
    expect(notes.take(), 'no end of what has ended').to.deep.equal([]);
    expect(registry.size).to.equal(0);
  });

  it('ends a session once', () => {
    const session = open('a');
    registry.leave(session);
    registry.leave(session);
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`]);
  });

  it('says nothing of a client that leaves in the unknown state', () => {
    const session = asking('a');
    notes.take();
    registry.leave(session);
    expect(notes.take()).to.deep.equal([]);
    expect(registry.size).to.equal(0);
  });

  it('gives back behind the end', () => {
    const session = open('a');
    registry.leave(session);
    registry.giveBack(session, [packet(session.address, 'x', '1'), packet(session.address, 'x', '2')]);
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`, 'bounce 1', 'bounce 2']);
  });

  it('ends the old client when a new one has the address, and gives back what comes for it', () => {
    const old = open('old');
    const young = asking('young');
    accept(young);
    registry.receive(packet(old.address, 'juliet@localhost', 'late'));
    registry.receive(packet(old.address, ADDRESS, 'end', 'ended'));
    registry.leave(old);
    expect(notes.take()).to.deep.equal([`ask ${ADDRESS}`, 'old replaced', 'young opened', 'bounce late']);
    expect(young.state).to.equal('authenticated');
  });

  it('waits with the end while a login for the address is under way, and keeps what comes', () => {
    const old = open('old');
    const young = asking('young');
    notes.take();
    registry.leave(old);
    registry.receive(packet(old.address, 'juliet@localhost', 'late'));
    registry.giveBack(old, [packet(old.address, 'x', 'unsent')]);
    expect(notes.take()).to.deep.equal([]);
    refuse(young);
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`, 'bounce late', 'bounce unsent', 'young refused']);
  });

  it('drops the end when that login succeeds', () => {
    const old = open('old');
    const young = asking('young');
    notes.take();
    registry.leave(old);
    registry.receive(packet(old.address, 'juliet@localhost', 'late'));
    accept(young);
    expect(notes.take()).to.have.members(['bounce late', 'young opened']);
    registry.leave(young);
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`]);
  });

  it('says end at once to those who leave when it closes', () => {
    const old = open('old');
    asking('young');
    notes.take();
    registry.leave(old);
    registry.close();
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`]);
  });

  it('gives back the late result of a login whose client has left', () => {
    const session = asking('a');
    registry.leave(session);
    notes.take();
    registry.receive(packet(session.address, ADDRESS, 'result'));
    expect(notes.take()).to.deep.equal(['bounce result']);
  });

  it('drops that result when another login for the address succeeds first', () => {
    const lost = asking('lost');
    registry.leave(lost);
    const again = asking('again');
    notes.take();
    registry.receive(packet(lost.address, ADDRESS, 'result'));
    accept(again);
    expect(notes.take()).to.deep.equal(['again opened']);
  });

  it('does not end that session while a client of ours has it', () => {
    open('a');
    registry.receive(packet('12@foo-sockets/old', 'juliet@localhost', 'x', 'stanza', ` to='${ADDRESS}'`));
    expect(notes.take()).to.deep.equal(['bounce x']);
  });

  it('ignores an end for an address that nobody has', () => {
    registry.receive(packet('12@foo-sockets/old', ADDRESS, 'x', 'ended'));
    expect(notes.take()).to.deep.equal([]);
  });

  it('carries for who is logged in, and says what it can not', () => {
    const session = open('a');
    expect(registry.carry(session, stanza('<iq/>'))).to.equal(undefined);
    expect(registry.carry(session, stanza('<log/>'))).to.equal('bad-request');
  });
});
