import { expect } from 'chai';
import { World, type Client } from '../support/world.js';

const push = (client: Client, item: string): string =>
  `<iq type='set' id='P' to='${client.full}'><query xmlns='jabber:iq:roster'>${item}</query></iq>`;
const item = (jid: string, subscription: string, ask = ''): string =>
  `<item jid='${jid}' subscription='${subscription}'${ask}/>`;
const ASK = ` ask='subscribe'`;

describe('embedded: subscriptions [RFC6121 3]', () => {
  let world: World;
  let juliet: Client;
  let romeo: Client;
  beforeEach(async () => {
    world = await World.create();
    juliet = await world.login('juliet', 'Balcony');
    romeo = await world.login('romeo', 'Orchard');
    for (const client of [juliet, romeo]) {
      await client.send(`<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>\n<presence/>`);
    }
  });
  afterEach(() => world.end());
  const to = (client: Client, type: string, content = ''): string =>
    content === ''
      ? `<presence to='${client.bare}' type='${type}'/>`
      : `<presence to='${client.bare}' type='${type}'>${content}</presence>`;
  const from = (sender: Client, receiver: Client, type: string, content = ''): string => {
    const head = `<presence to='${receiver.bare}' type='${type}' from='${sender.bare}'`;
    return content === '' ? `${head}/>` : `${head}>${content}</presence>`;
  };
  const states = (): string[] =>
    [juliet, romeo].flatMap(({ bare }) =>
      world.store.rosters
        .all(bare)
        .map(({ jid, mine, theirs, listed }) => `${bare} ${jid} ${mine} ${theirs} ${listed}`),
    );

  it('a request waits in the roster of who asks, and comes to who is asked', async () => {
    const told = await romeo.send(to(juliet, 'subscribe', '<status>pray</status>'));
    expect(told(romeo)).to.deep.equal([push(romeo, item(juliet.bare, 'none', ASK))]);
    expect(told(juliet)).to.deep.equal([from(romeo, juliet, 'subscribe', '<status>pray</status>')]);
    expect(world.store.rosters.list(juliet.bare)).to.deep.equal([]);
  });

  it('a request comes whole at every login until it is answered', async () => {
    await juliet.leave();
    await romeo.send(to(juliet, 'subscribe', '<status>pray</status>'));
    for (const resource of ['x', 'y']) {
      const again = await world.login('juliet', resource);
      const told = await again.send('<presence/>');
      expect(told(again)).to.include(from(romeo, juliet, 'subscribe', '<status>pray</status>'));
    }
    const last = await world.login('juliet', 'z');
    await last.send(to(romeo, 'unsubscribed'));
    expect((await last.send('<presence/>'))(last).join('')).to.not.contain('pray');
  });

  it('a request that is repeated troubles nobody', async () => {
    await romeo.send(to(juliet, 'subscribe'));
    const told = await romeo.send(to(juliet, 'subscribe'));
    expect([...told(juliet), ...told(romeo)]).to.deep.equal([]);
  });

  it('a request that is granted shows the presence, and both rosters', async () => {
    await romeo.send(to(juliet, 'subscribe'));
    const told = await juliet.send(to(romeo, 'subscribed'));
    expect(told(romeo)).to.deep.equal([
      from(juliet, romeo, 'subscribed'),
      push(romeo, item(juliet.bare, 'to')),
      `<presence from='${juliet.full}' to='${romeo.bare}'/>`,
    ]);
    expect(told(juliet)).to.deep.equal([push(juliet, item(romeo.bare, 'from'))]);
  });

  it('a request for what was granted long ago is granted at once', async () => {
    await romeo.send(to(juliet, 'subscribe'));
    await juliet.send(to(romeo, 'subscribed'));
    const contact = world.store.rosters.get(romeo.bare, juliet.bare)!;
    world.store.rosters.save(romeo.bare, { ...contact, mine: 'none' }); // as after a loss
    const told = await romeo.send(to(juliet, 'subscribe'));
    expect(told(juliet)).to.deep.equal([]);
    expect(told(romeo)).to.deep.equal([
      `<presence type='subscribed' from='${juliet.bare}' to='${romeo.bare}'/>`,
      push(romeo, item(juliet.bare, 'to')),
    ]);
  });

  it('a request that is refused leaves no trace', async () => {
    await romeo.send(to(juliet, 'subscribe'));
    const told = await juliet.send(to(romeo, 'unsubscribed'));
    expect(told(romeo)).to.deep.equal([
      from(juliet, romeo, 'unsubscribed'),
      push(romeo, item(juliet.bare, 'none')),
    ]);
    expect(told(juliet)).to.deep.equal([]);
    expect(states()).to.deep.equal([`${romeo.bare} ${juliet.bare} none none true`]);
  });

  it('a subscription that is taken back hides the presence first', async () => {
    await romeo.send(to(juliet, 'subscribe'));
    await juliet.send(to(romeo, 'subscribed'));
    const told = await juliet.send(to(romeo, 'unsubscribed'));
    expect(told(romeo)).to.deep.equal([
      `<presence type='unavailable' from='${juliet.full}' to='${romeo.bare}'/>`,
      from(juliet, romeo, 'unsubscribed'),
      push(romeo, item(juliet.bare, 'none')),
    ]);
    expect(told(juliet)).to.deep.equal([push(juliet, item(romeo.bare, 'none'))]);
  });

  it('a subscription that is given up hides the presence, and both are told', async () => {
    await romeo.send(to(juliet, 'subscribe'));
    await juliet.send(to(romeo, 'subscribed'));
    const told = await romeo.send(to(juliet, 'unsubscribe'));
    expect(told(juliet)).to.deep.equal([
      from(romeo, juliet, 'unsubscribe'),
      push(juliet, item(romeo.bare, 'none')),
    ]);
    expect(told(romeo)).to.deep.equal([
      `<presence type='unavailable' from='${juliet.full}' to='${romeo.bare}'/>`,
      push(romeo, item(juliet.bare, 'none')),
    ]);
  });

  it('a request that is taken back is no request any more', async () => {
    await juliet.leave();
    await romeo.send(to(juliet, 'subscribe'));
    await romeo.send(to(juliet, 'unsubscribe'));
    const again = await world.login('juliet', 'x');
    expect((await again.send('<presence/>'))(again)).to.have.length(1);
    expect(world.store.rosters.all(juliet.bare)).to.deep.equal([]);
  });

  it('both ways is both, and either may end its half', async () => {
    for (const [one, other] of [
      [romeo, juliet],
      [juliet, romeo],
    ]) {
      await one.send(to(other, 'subscribe'));
      await other.send(to(one, 'subscribed'));
    }
    expect(world.store.rosters.list(juliet.bare)[0]).to.include({ mine: 'granted', theirs: 'granted' });
    await juliet.send(to(romeo, 'unsubscribe'));
    expect(states()).to.deep.equal([
      `${juliet.bare} ${romeo.bare} none granted true`,
      `${romeo.bare} ${juliet.bare} granted none true`,
    ]);
  });

  it('what nobody has asked for is not granted', async () => {
    const told = await juliet.send(to(romeo, 'subscribed'));
    expect([...told(romeo), ...told(juliet), ...states()]).to.deep.equal([]);
  });

  it('goes from and to bare addresses, whatever the client writes', async () => {
    const told = await romeo.send(`<presence to='${juliet.full}' type='subscribe' from='x@y/z'/>`);
    expect(told(juliet)).to.deep.equal([from(romeo, juliet, 'subscribe')]);
  });

  it('to oneself and to nobody comes to nothing', async () => {
    for (const type of ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed']) {
      const told = await romeo.send(`${to(romeo, type)}\n<presence to='${romeo.full}' type='${type}'/>`);
      expect([...told(romeo), ...states()]).to.deep.equal([]);
    }
    await romeo.send(`<presence to='nobody@localhost' type='subscribe'/>`);
    expect(world.store.rosters.all('nobody@localhost')).to.deep.equal([]);
  });

  it('to the server is refused: it has no presence', async () => {
    const told = await romeo.send(`<presence to='localhost' type='subscribe'/>`);
    expect(told(romeo)).to.deep.equal([
      `<presence type='unsubscribed' from='localhost' to='${romeo.bare}'/>`,
      push(romeo, item('localhost', 'none')),
    ]);
    for (const type of ['unsubscribe', 'subscribed', 'unsubscribed']) {
      expect((await romeo.send(`<presence to='localhost' type='${type}'/>`))(romeo)).to.deep.equal([]);
    }
    expect(states()).to.deep.equal([`${romeo.bare} localhost none none true`]);
  });

  it('a request to somebody who has no account yet comes when both are there', async () => {
    await romeo.send(`<presence to='nurse@localhost' type='subscribe'/>`);
    const nurse = await world.login('nurse', 'x');
    expect((await nurse.send('<presence/>'))(nurse)).to.have.length(1);
    const told = await romeo.send(`<presence type='unavailable'/>\n<presence/>`);
    expect(told(nurse)).to.deep.equal([
      `<presence type='subscribe' from='${romeo.bare}' to='${nurse.bare}'/>`,
    ]);
    expect((await romeo.send(`<presence type='unavailable'/>\n<presence/>`))(nurse)).to.deep.equal([]);
  });

  it('elsewhere is an error, and changes nothing', async () => {
    const told = await romeo.send(`<presence to='a@elsewhere' type='subscribe'/>`);
    expect(told(romeo)[0]).to.contain('remote-server-not-found');
    expect(states()).to.deep.equal([]);
  });

  it('strangers who ask have a bound, and so has what one asks for', async () => {
    await world.end();
    world = await World.create({ limits: { contacts: 1 } });
    juliet = await world.login('juliet', 'Balcony');
    romeo = await world.login('romeo', 'Orchard');
    const nurse = await world.login('nurse', 'x');
    await romeo.send(to(juliet, 'subscribe'));
    await nurse.send(to(juliet, 'subscribe'));
    expect(world.store.rosters.all(juliet.bare)).to.have.length(1);
    expect((await romeo.send(to(nurse, 'subscribe')))(romeo)[0]).to.contain('resource-constraint');
  });
});
