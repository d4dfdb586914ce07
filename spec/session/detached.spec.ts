import { expect } from 'chai';
import { SessionRegistry } from '../../lib/session/registry.js';
import type { Client, Session } from '../../lib/session/session.js';
import { silent } from '../../lib/observe/log.js';
import { stanza } from '../support/stanza.js';
import { ADDRESS, Notes, packet } from './notes.js';

describe('a session without a client', () => {
  let notes: Notes;
  let registry: SessionRegistry;
  let session: Session;
  beforeEach(() => {
    notes = new Notes();
    registry = new SessionRegistry(notes.upstream(), notes.authenticator(), silent);
    session = open('first');
  });

  const open = (name: string): Session => notes.open(registry, name);
  const come = (text: string): void => registry.receive(packet(session.address, 'romeo@localhost', text));

  it('keeps what comes for the next client, after what the first one has not got', () => {
    expect(registry.detach(session, [packet(session.address, 'romeo@localhost', 'unsent')])).to.equal(true);
    come('one');
    come('two');
    expect(notes.take(), 'nobody is told').to.deep.equal([]);
    expect(registry.attach(session, notes.client('second'))).to.equal(true);
    come('three');
    expect(notes.take()).to.deep.equal([
      'second deliver unsent',
      'second deliver one',
      'second deliver two',
      'second deliver three',
    ]);
    expect(session).to.include({ state: 'authenticated', sessionAddress: ADDRESS });
  });

  it('keeps also what is made here, in its place', () => {
    registry.detach(session, []);
    come('one');
    registry.tell(session.address, 'made here');
    come('two');
    registry.attach(session, notes.client('second'));
    expect(notes.take()).to.deep.equal(['second deliver one', 'second told made here', 'second deliver two']);
  });

  it('gives back nothing that was made here', () => {
    registry.detach(session, []);
    registry.tell(session.address, 'made here');
    come('one');
    registry.leave(session);
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`, 'bounce one']);
  });

  it('says nothing, and can again with the next client', () => {
    registry.detach(session, []);
    expect(registry.carry(session, stanza('<log/>')), 'not carried').to.equal(undefined);
    registry.attach(session, notes.client('second'));
    expect(registry.carry(session, stanza('<log/>'))).to.equal('bad-request');
  });

  it('ends when nobody comes back: the session manager is told, and gets back what came', () => {
    registry.detach(session, []);
    come('one');
    registry.leave(session);
    expect(notes.take()).to.deep.equal([`end ${ADDRESS}`, 'bounce one']);
    expect(registry.attach(session, notes.client('second'))).to.equal(false);
    expect(registry.size).to.equal(0);
  });

  it('ends when the session manager ends it, which gets back what came', () => {
    registry.detach(session, []);
    come('one');
    registry.receive(packet(session.address, ADDRESS, 'bye', 'ended'));
    expect(notes.take()).to.deep.equal(['bounce one']);
    expect(session.state).to.equal('over');
  });

  it('ends when another client logs in with its address', () => {
    registry.detach(session, []);
    come('one');
    const other = open('other');
    expect(session.state).to.equal('over');
    expect(other.state).to.equal('authenticated');
    expect(registry.attach(session, notes.client('second'))).to.equal(false);
  });

  it('ends when more comes than is kept for it, and nothing of that is lost', () => {
    registry.detach(session, []);
    const large = 'x'.repeat(1_000_000);
    for (let count = 0; count < 3; count += 1) come(large);
    expect(notes.take()).to.deep.equal([]);
    come(large);
    expect(notes.take()).to.deep.equal([
      `end ${ADDRESS}`,
      ...Array.from({ length: 4 }, () => `bounce ${large}`),
    ]);
  });

  it('gives back what a client that ends while it gets all that has not got', () => {
    registry.detach(session, []);
    for (const text of ['one', 'two', 'three']) come(text);
    const client: Client = {
      ...notes.client('second'),
      deliver: (delivered) => {
        if (delivered.text !== 'two') return void notes.all.push(`second deliver ${delivered.text}`);
        registry.leave(session);
        registry.giveBack(session, [delivered]);
      },
    };
    registry.attach(session, client);
    expect(notes.take()).to.deep.equal([
      'second deliver one',
      `end ${ADDRESS}`,
      'bounce two',
      'bounce three',
    ]);
  });

  it('is only made of an open one', () => {
    const unknown = registry.connect(13, notes.client('unknown'));
    expect(registry.detach(unknown, [])).to.equal(false);
    expect(registry.attach(unknown, notes.client('second'))).to.equal(false);
    expect(registry.attach(session, notes.client('second'))).to.equal(false);
  });
});
