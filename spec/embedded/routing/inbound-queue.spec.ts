import { expect } from 'chai';
import type { EmbeddedLimits } from '../../../lib/embedded/limits.js';
import { NAME, Peer } from '../support/peer.js';
import { World, type Client } from '../support/world.js';

const PING = `<iq type='get' id='ping' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`;
const ROSTER = `<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`;

/** A user whose roster is about as large as one may be. */
function fillRoster(world: World, account: string): void {
  const common = { mine: 'none', theirs: 'none', listed: true, request: undefined } as const;
  world.store.rosters.change(() => {
    for (let at = 0; at < 500; at += 1) {
      const contact = { ...common, jid: `contact${at}@localhost`, name: 'x'.repeat(300), groups: [] };
      world.store.rosters.save(account, contact);
    }
  });
}

describe('embedded: packets that wait on a link', () => {
  let world: World;
  let juliet: Client;
  let romeo: Client;
  async function create(limits: Partial<EmbeddedLimits> = {}): Promise<void> {
    let time = 0;
    world = await World.create({ limits, now: () => (time += 1) });
    juliet = await world.login('juliet', 'Balcony');
    romeo = await world.login('romeo', 'Orchard');
  }
  afterEach(() => world.end());

  /** Reads on until that many have come; tells the id of each, in order. */
  async function idsOf(count: number): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) ids.push((await world.peer.next()).attribute('id')!);
    return ids;
  }

  it('a thousand large answers to one user do not keep the others waiting', async () => {
    await create();
    fillRoster(world, juliet.bare);
    world.peer.write(juliet.stamped(ROSTER).repeat(60) + romeo.stamped(PING));
    expect((await idsOf(61)).indexOf('ping')).to.be.within(1, 6);
  });

  it('the event loop turns while a burst is dealt with', async () => {
    await create();
    fillRoster(world, juliet.bare);
    let turns = 0;
    const turn = (): void => void ((turns += 1), (handle = setImmediate(turn)));
    let handle = setImmediate(turn);
    world.peer.write(juliet.stamped(ROSTER).repeat(60));
    await idsOf(60);
    clearImmediate(handle);
    expect(turns).to.be.above(5);
  });

  it('what one user sends is taken in its order, however much it is', async () => {
    await create();
    await romeo.send('<presence/>');
    const texts = Array.from({ length: 300 }, (_none, at) => String(at));
    const messages = texts.map((id) => `<message to='${romeo.full}' id='${id}'/>`).join('\n');
    world.peer.write(juliet.stamped(messages) + romeo.stamped(PING));
    const ids = await idsOf(301);
    expect(ids.filter((id) => id !== 'ping')).to.deep.equal(texts);
    expect(ids.indexOf('ping')).to.be.below(10);
  });

  it('a login does not overtake what the session that it replaces has sent', async () => {
    await create();
    const messages = `<message to='${romeo.full}' id='m'/>\n`.repeat(50).trimEnd();
    world.peer.write(
      juliet.stamped(messages) +
        `<iq type='set' id='new' sfrom='77@${NAME}/N' sto='localhost'><query xmlns='jabber:iq:auth'>` +
        `<username>Juliet</username><password>pass</password><resource>Balcony</resource></query></iq>`,
    );
    const ids = await idsOf(51);
    expect(ids.lastIndexOf('m')).to.equal(49);
    expect(ids[50]).to.equal('new');
  });

  it('what has come is dealt with even if the link ends behind it', async () => {
    await create();
    world.store.accounts.add('nurse@localhost', 'pass');
    const message = `<message to='nurse@localhost'><body>x</body></message>\n`;
    world.peer.stream.end(juliet.stamped(message.repeat(100).trimEnd()));
    await world.peer.dropped;
    expect(world.store.offline.list('nurse@localhost')).to.have.length(100);
  });

  it('and when the session manager is stopped', async () => {
    await create();
    world.store.accounts.add('nurse@localhost', 'pass');
    const message = `<message to='nurse@localhost'><body>x</body></message>\n`;
    world.peer.write(juliet.stamped(message.repeat(900).trimEnd()) + romeo.stamped(PING));
    await world.peer.next();
    const stopped = world.manager.stop();
    expect(world.store.offline.list('nurse@localhost')).to.have.length(900);
    await stopped;
  });

  it('what comes while a burst is dealt with has its turn as well', async () => {
    await create();
    fillRoster(world, juliet.bare);
    world.peer.write(juliet.stamped(ROSTER).repeat(60));
    await world.peer.next();
    world.peer.write(romeo.stamped(PING));
    expect((await idsOf(60)).indexOf('ping')).to.be.below(30);
  });

  it('what a component says to itself comes back when all that came before it has been dealt with', async () => {
    await create();
    fillRoster(world, juliet.bare);
    const mark = `<iq type='result' id='mark' sfrom='0@${NAME}/mark' sto='0@${NAME}/mark'/>`;
    world.peer.write(juliet.stamped(ROSTER).repeat(30) + mark + romeo.stamped(PING));
    const ids = await idsOf(32);
    expect(ids.indexOf('mark')).to.be.above(ids.lastIndexOf('r'));
    expect(ids.indexOf('ping')).to.be.below(5);
  });

  it('presence for many goes out as there is room for it, and whole', async () => {
    await create({ linkHold: 20_000 });
    const peer = await Peer.connected(world.manager);
    const nurses: Client[] = [];
    for (let at = 0; at < 40; at += 1) {
      nurses.push(await world.login('nurse', `r${at}`, peer));
      await nurses[at].send('<presence/>');
    }
    peer.stream.pause();
    const text = 'x'.repeat(10_000);
    peer.write(
      nurses[0].stamped(
        `<presence><status>${text}</status></presence>\n${'<presence/>\n'.repeat(20).trim()}`,
      ),
    );
    await romeo.send('');
    const sent = (): number =>
      [...world.manager.sessions].reduce(
        (sum, { username, sent: count }) => sum + (username === 'nurse' ? count : 0),
        0,
      );
    const before = sent();
    for (let count = 0; count < 20; count += 1) await romeo.send('');
    expect(sent()).to.equal(before);
    peer.stream.resume();
    await peer.exchange('');
    expect(sent() - before).to.be.within(40 * 20, 40 * 21);
  });

  it('takes no more from a link that does not read its answers, and goes on once it does', async () => {
    await create({ linkHold: 100_000, linkBacklog: 100_000 });
    const peer = await Peer.connected(world.manager);
    const nurse = await world.login('nurse', 'x', peer);
    fillRoster(world, nurse.bare);
    peer.stream.pause();
    peer.write(nurse.stamped(ROSTER).repeat(40) + nurse.stamped(`<message>${'x'.repeat(100_000)}</message>`));
    peer.write(nurse.stamped(`<message>${'x'.repeat(100_000)}</message>`));
    await romeo.send('');
    expect(peer.there.isPaused()).to.equal(true);
    peer.stream.resume();
    for (let count = 0; count < 40; count += 1) expect((await peer.next()).attribute('id')).to.equal('r');
    await peer.exchange('');
    expect(peer.there.isPaused()).to.equal(false);
  });
});
