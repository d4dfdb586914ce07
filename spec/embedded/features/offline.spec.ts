import { expect } from 'chai';
import { Peer } from '../support/peer.js';
import { World, type Client } from '../support/world.js';

const DELAYS = `<delay xmlns='urn:xmpp:delay' from='localhost' stamp='T'/><x xmlns='jabber:x:delay' from='localhost' stamp='T'>Offline Storage</x>`;

describe('embedded: offline messages [XEP-0160]', () => {
  let world: World;
  let romeo: Client;
  async function create(limits = {}): Promise<void> {
    world = await World.create({ limits });
    world.store.accounts.add('juliet@localhost', 'pass');
    romeo = await world.login('romeo', 'Orchard');
  }
  beforeEach(() => create());
  afterEach(() => world.end());
  const say = (text: string, attributes = ''): string =>
    `<message to='juliet@localhost'${attributes}><body>${text}</body></message>`;
  const stored = (text: string, attributes = ''): string =>
    `<message to='juliet@localhost'${attributes} from='romeo@localhost/Orchard'><body>${text}</body>${DELAYS}</message>`;
  const waiting = (): number => world.store.offline.list('juliet@localhost').length;

  it('come at the first presence, in their order, with both forms of the time', async () => {
    await romeo.send(`${say('one')}\n${say('two', ` type='chat' id='m'`)}`);
    const juliet = await world.login('juliet', 'Balcony');
    const told = await juliet.send('<presence/>');
    expect(told(juliet).slice(1)).to.deep.equal([stored('one'), stored('two', ` type='chat' id='m'`)]);
  });

  it('are not overtaken by what comes while they are given out', async () => {
    await world.end();
    let time = 0;
    world = await World.create({ now: () => (time += 1) });
    world.store.accounts.add('juliet@localhost', 'pass');
    romeo = await world.login('romeo', 'Orchard');
    await romeo.send(Array.from({ length: 50 }, (_none, at) => say(`old${at}`)).join('\n'));
    const juliet = await world.login('juliet', 'Balcony');
    const news = Array.from({ length: 5 }, (_none, at) => say(`new${at}`)).join('\n');
    const told = await world.exchange(juliet.stamped('<presence/>') + romeo.stamped(news));
    const bodies = [
      ...told(juliet)
        .join('')
        .matchAll(/<body>(\w+)/g),
    ].map(([, body]) => body);
    expect(bodies.slice(0, 50)).to.deep.equal(Array.from({ length: 50 }, (_none, at) => `old${at}`));
    expect(bodies.slice(50)).to.deep.equal(['new0', 'new1', 'new2', 'new3', 'new4']);
    await world.exchange('');
    expect(waiting()).to.equal(0);
  });

  it('come once', async () => {
    await romeo.send(say('one'));
    const juliet = await world.login('juliet', 'Balcony');
    const told = await juliet.send(`<presence/>\n<presence type='unavailable'/>\n<presence/>`);
    expect(told(juliet).filter((stanza) => stanza.startsWith('<message'))).to.have.length(1);
    expect(
      (await juliet.send(`<presence type='unavailable'/>\n<presence/>`))(juliet).join(''),
    ).to.not.contain('<message');
    expect(waiting()).to.equal(0);
  });

  it('wait for a priority that takes messages', async () => {
    await romeo.send(say('one'));
    const juliet = await world.login('juliet', 'Balcony');
    const away = await juliet.send('<presence><priority>-1</priority></presence>');
    expect(away(juliet)).to.have.length(1);
    expect((await juliet.send('<presence/>'))(juliet)[1]).to.equal(stored('one'));
  });

  it('are written down before anything that comes behind is answered', async () => {
    await romeo.send(say('one'));
    expect(waiting()).to.equal(1);
  });

  it('stay until they have left, so that a link that breaks loses none', async () => {
    await romeo.send(say('one'));
    const juliet = await world.login('juliet', 'Balcony');
    juliet.peer.stream.end(juliet.stamped('<presence/>'));
    await juliet.peer.dropped;
    expect(waiting()).to.equal(1);
  });

  it('that did not leave are kept once, and come at the next login', async () => {
    await world.end();
    await create({ linkAwayTimeout: 0.01 });
    romeo = await world.login('romeo', 'Orchard', await Peer.connected(world.manager));
    await romeo.send(say('one'));
    const juliet = await world.login('juliet', 'Balcony');
    juliet.peer.stream.end(juliet.stamped(`<presence to='${romeo.full}'/>\n<presence/>`));
    await romeo.peer.next();
    expect((await romeo.peer.next()).attribute('type')).to.equal('unavailable');
    expect((await romeo.send(''))(romeo)).to.deep.equal([]);
    expect(waiting()).to.equal(1);
    const again = await world.login('juliet', 'Balcony', romeo.peer);
    expect((await again.send('<presence/>'))(again)).to.include(stored('one'));
    await again.send('');
    expect(waiting()).to.equal(0);
  });

  const COMPOSING = `<composing xmlns='http://jabber.org/protocol/chatstates'/>`;
  const HINT = `xmlns='urn:xmpp:hints'`;
  for (const [what, content] of [
    ['chat states', COMPOSING],
    ['chat states of a thread, and how to handle them', `${COMPOSING}<thread>t</thread><no-copy ${HINT}/>`],
    ['events about a message', `<x xmlns='jabber:x:event'><composing/><id>m1</id></x>`],
    ['notices that are not to be stored', `<received xmlns='urn:xmpp:receipts' id='m1'/><no-store ${HINT}/>`],
  ]) {
    for (const type of ['', ` type='chat'`]) {
      it(`are no ${what} (${type || 'no type'}), and nobody is told`, async () => {
        const told = await romeo.send(`<message to='juliet@localhost'${type}>${content}</message>`);
        expect([waiting(), ...told(romeo)]).to.deep.equal([0]);
      });
    }
  }

  for (const [what, content] of [
    ['a subject', '<subject>s</subject>'],
    ['a receipt', `<received xmlns='urn:xmpp:receipts' id='m1'/>`],
    ['a question for events', `<body>x</body><x xmlns='jabber:x:event'><composing/></x>`],
    ['a chat state that is to be stored', `${COMPOSING}<store ${HINT}/>`],
    ['a text that is not to be archived', `<body>x</body><no-permanent-store ${HINT}/>`],
    ['nothing at all', ''],
  ]) {
    it(`are kept where they hold ${what}`, async () => {
      const told = await romeo.send(`<message to='juliet@localhost' type='chat'>${content}</message>`);
      expect([waiting(), ...told(romeo)]).to.deep.equal([1]);
    });
  }

  it('with a text that is not to be stored come back [XEP-0334 4.2]', async () => {
    const told = await romeo.send(
      `<message to='juliet@localhost' id='m'><body>x</body><no-store ${HINT}/></message>`,
    );
    expect(told(romeo)[0]).to.contain(`<error code='503' type='cancel'><service-unavailable `);
    expect(waiting()).to.equal(0);
  });

  it('have a bound, and the sender is told of it', async () => {
    await world.end();
    await create({ offlineMessages: 1 });
    await romeo.send(say('one'));
    const told = await romeo.send(say('two'));
    expect(told(romeo)[0]).to.contain(`<error code='503' type='cancel'><service-unavailable `);
    expect(told(romeo)[0]).to.contain('no more messages can be kept');
    expect(waiting()).to.equal(1);
  });

  it('have a bound in size too', async () => {
    await world.end();
    await create({ offlineCharacters: 1000 });
    expect((await romeo.send(say('x'.repeat(1000))))(romeo)).to.have.length(1);
  });
});
