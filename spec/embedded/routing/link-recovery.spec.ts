import { expect } from 'chai';
import { Peer } from '../support/peer.js';
import { World, type Client } from '../support/world.js';

describe('embedded: sessions outlive their link [jabberd 1.1.2]', () => {
  let world: World;
  let juliet: Client;
  let romeo: Client;
  async function create(limits = {}): Promise<void> {
    world = await World.create({ limits });
    juliet = await world.login('juliet', 'Balcony');
    romeo = await world.login('romeo', 'Orchard', await Peer.connected(world.manager));
  }
  beforeEach(() => create());
  afterEach(() => world.end());
  const lose = async (client: Client): Promise<void> => {
    client.peer.stream.end();
    await client.peer.dropped;
  };
  const message = (text: string): string =>
    `<message to='${juliet.full}' type='chat'><body>${text}</body></message>`;

  it('answers go to the link that the session was opened on', async () => {
    await world.exchange('', romeo.peer);
    await juliet.send(`<message to='${romeo.full}'><body>x</body></message>`);
    expect((await romeo.peer.next()).attribute('sto')).to.equal(romeo.socket);
    expect(world.peer.received).to.not.contain(romeo.socket);
  });

  it('what is said meanwhile waits, and comes right behind the handshake', async () => {
    await lose(juliet);
    await romeo.send(`${message('one')}\n${message('two')}`);
    const back = await Peer.connected(world.manager);
    expect([(await back.next()).childText('body'), (await back.next()).childText('body')]).to.deep.equal([
      'one',
      'two',
    ]);
    juliet.peer = back;
    expect((await romeo.send(message('three')))(juliet)).to.deep.equal([]);
    expect((await back.next()).childText('body')).to.equal('three');
    expect(await juliet.ask('get', `<query xmlns='jabber:iq:roster'/>`)).to.contain(`type='result'`);
  });

  it('what was said but not read before the loss waits too', async () => {
    juliet.peer.stream.end(juliet.stamped(`<iq type='get' id='last'><ping xmlns='urn:xmpp:ping'/></iq>`));
    await juliet.peer.dropped;
    const back = await Peer.connected(world.manager);
    expect((await back.next()).attribute('id')).to.equal('last');
  });

  it('a session moves to the link that speaks with its socket address', async () => {
    const other = await Peer.connected(world.manager);
    juliet.peer = other;
    expect(await juliet.ask('get', `<query xmlns='jabber:iq:roster'/>`)).to.contain(`type='result'`);
    expect((await romeo.send(message('here')))(juliet)).to.deep.equal([]);
    expect((await other.next()).childText('body')).to.equal('here');
  });

  it('where nobody comes the sessions end, others are told, and messages are kept', async () => {
    await world.end();
    await create({ linkAwayTimeout: 0.01 });
    await juliet.send(`<presence/>\n<presence to='${romeo.full}'/>`);
    await romeo.peer.next();
    juliet.peer.stream.end(juliet.stamped(`<message to='${juliet.full}'><body>note</body></message>`));
    const told = await romeo.peer.next();
    expect(told.attribute('type')).to.equal('unavailable');
    await romeo.send(''); // the messages of the lost link are dealt with in the same breath
    expect(world.store.offline.list(juliet.bare).map(({ stanza }) => stanza)).to.deep.equal([
      `<message to='${juliet.full}' from='${juliet.full}'><body>note</body></message>`,
    ]);
    expect([...world.manager.sessions]).to.have.length(1);
  });

  it('where too much waits they end at once', async () => {
    await world.end();
    await create({ linkQueue: 5000 });
    await lose(juliet);
    await romeo.send(
      Array.from({ length: 4 }, (_none, at) => message(`${at}${'x'.repeat(2000)}`)).join('\n'),
    );
    const kept = world.store.offline.list(juliet.bare).map(({ stanza }) => /<body>(\d)/.exec(stanza)![1]);
    expect(kept).to.deep.equal(['0', '1', '2', '3']);
    expect([...world.manager.sessions]).to.have.length(1);
  });

  it('of a link that does not read, nothing is lost either', async () => {
    await world.end();
    await create({ linkQueue: 50_000, linkAwayTimeout: 0.01 });
    await juliet.send(`<presence to='${romeo.full}'/>`);
    await romeo.peer.next();
    juliet.peer.stream.pause();
    const texts = Array.from({ length: 30 }, (_none, at) => message(`${at} ${'x'.repeat(4000)}`));
    for (const text of texts.slice(0, 10)) await romeo.send(text);
    romeo.peer.write(romeo.stamped(texts.slice(10).join('\n')));
    await juliet.peer.dropped;
    expect((await romeo.peer.next()).attribute('type')).to.equal('unavailable');
    juliet.peer.stream.resume();
    await new Promise((resolve) => setImmediate(resolve));
    const bodies = (text: string): number[] =>
      [...text.matchAll(/<body>(\d+) /g)].map((match) => Number(match[1]));
    const kept = world.store.offline.list(juliet.bare).flatMap(({ stanza }) => bodies(stanza));
    const all = new Set([...bodies(juliet.peer.received), ...kept]);
    expect([...all]).to.deep.equal(texts.map((_text, at) => at));
    expect(kept.length).to.be.greaterThan(20);
  });

  it('what waits when everything stops is kept', async () => {
    await lose(juliet);
    await romeo.send(message('one'));
    await world.manager.stop();
    expect(world.store.offline.list(juliet.bare)).to.have.length(1);
  });
});
