import { expect } from 'chai';
import { World, type Client } from '../support/world.js';

const query = (content: string): string => `<query xmlns='jabber:iq:roster'>${content}</query>`;

describe('embedded: jabber:iq:roster [RFC6121 2]', () => {
  let world: World;
  let juliet: Client;
  beforeEach(async () => {
    world = await World.create();
    juliet = await world.login('juliet', 'Balcony');
  });
  afterEach(() => world.end());
  const get = (client = juliet): Promise<string> => client.ask('get', query(''));
  const set = (content: string): Promise<string> => juliet.ask('set', query(content));

  it('is empty at first', async () => {
    expect(await get()).to.equal(
      `<iq type='result' id='q' to='${juliet.full}'><query xmlns='jabber:iq:roster'/></iq>`,
    );
  });

  it('keeps contacts with names and groups, and gives them back', async () => {
    await set(
      `<item jid='Romeo@localhost' name='R &amp; J'><group>Lovers</group><group>Verona</group></item>`,
    );
    expect(await get()).to.contain(
      query(
        `<item jid='romeo@localhost' subscription='none' name='R &amp; J'><group>Lovers</group><group>Verona</group></item>`,
      ),
    );
  });

  it('tells of a change those that have asked for the roster, after the result', async () => {
    const chamber = await world.login('juliet', 'Chamber');
    const garden = await world.login('juliet', 'Garden');
    await get();
    await get(chamber);
    const told = await juliet.send(`<iq type='set' id='s'>${query(`<item jid='romeo@localhost'/>`)}</iq>`);
    const push = (client: Client): string =>
      `<iq type='set' id='P' to='${client.full}'>${query(`<item jid='romeo@localhost' subscription='none'/>`)}</iq>`;
    expect(told(juliet)).to.deep.equal([`<iq type='result' id='s' to='${juliet.full}'/>`, push(juliet)]);
    expect(told(chamber)).to.deep.equal([push(chamber)]);
    expect(told(garden)).to.deep.equal([]);
  });

  it('changes name and groups, never the subscription', async () => {
    await set(`<item jid='romeo@localhost' name='R'><group>a</group></item>`);
    await set(`<item jid='romeo@localhost' subscription='both' ask='subscribe'><group>b</group></item>`);
    expect(await get()).to.contain(
      query(`<item jid='romeo@localhost' subscription='none'><group>b</group></item>`),
    );
  });

  it('forgets who is removed', async () => {
    await set(`<item jid='romeo@localhost'/>`);
    await get();
    const told = await juliet.send(
      `<iq type='set' id='s'>${query(`<item jid='romeo@localhost' subscription='remove'/>`)}</iq>`,
    );
    expect(told(juliet)[1]).to.contain(query(`<item jid='romeo@localhost' subscription='remove'/>`));
    expect(await get()).to.not.contain('item');
  });

  it('ends both subscriptions with who is removed [RFC6121 2.5.2]', async () => {
    const romeo = await world.login('romeo', 'Orchard');
    for (const client of [juliet, romeo])
      await client.send(`<iq type='get' id='r'>${query('')}</iq>\n<presence/>`);
    for (const [one, other] of [
      [romeo, juliet],
      [juliet, romeo],
    ]) {
      await one.send(`<presence type='subscribe' to='${other.bare}'/>`);
      await other.send(`<presence type='subscribed' to='${one.bare}'/>`);
    }
    const told = await juliet.send(
      `<iq type='set' id='s'>${query(`<item jid='romeo@localhost' subscription='remove'/>`)}</iq>`,
    );
    expect(told(juliet)).to.deep.equal([
      `<presence type='unavailable' from='${romeo.full}' to='${juliet.bare}'/>`,
      `<iq type='result' id='s' to='${juliet.full}'/>`,
      `<iq type='set' id='P' to='${juliet.full}'>${query(`<item jid='romeo@localhost' subscription='remove'/>`)}</iq>`,
    ]);
    const sent = told(romeo).join('\n');
    for (const type of ['unavailable', 'unsubscribed', 'unsubscribe'])
      expect(sent).to.contain(`type='${type}'`);
    expect(sent).to.contain(`<item jid='juliet@localhost' subscription='none'/>`);
  });

  it('has a version, and sends nothing to who has it already [RFC6121 2.6]', async () => {
    await set(`<item jid='romeo@localhost'/>`);
    const ver = world.store.rosters.version(juliet.bare);
    expect(await juliet.ask('get', `<query xmlns='jabber:iq:roster' ver='${ver}'/>`)).to.equal(
      `<iq type='result' id='q' to='${juliet.full}'/>`,
    );
    expect(await juliet.ask('get', `<query xmlns='jabber:iq:roster' ver='x'/>`)).to.contain('romeo');
  });

  it('answers what is addressed to the own account, and says so', async () => {
    expect(await juliet.ask('get', query(''), juliet.bare)).to.contain(`from='juliet@localhost'`);
  });

  for (const [what, content, condition] of [
    ['no item', '', 'bad-request'],
    ['two items', `<item jid='a@b'/><item jid='c@d'/>`, 'bad-request'],
    ['something else than an item', `<thing jid='a@b'/>`, 'bad-request'],
    ['an item of another namespace', `<item xmlns='urn:x' jid='a@b'/>`, 'bad-request'],
    ['no address', `<item/>`, 'bad-request'],
    ['an address that is none', `<item jid='@'/>`, 'jid-malformed'],
    ['the user', `<item jid='juliet@localhost'/>`, 'not-allowed'],
    ['the removal of a stranger', `<item jid='a@b' subscription='remove'/>`, 'item-not-found'],
    ['a name that is too long', `<item jid='a@b' name='${'n'.repeat(1024)}'/>`, 'not-acceptable'],
    [
      'a group that is too long',
      `<item jid='a@b'><group>${'n'.repeat(1024)}</group></item>`,
      'not-acceptable',
    ],
    [
      'a group twice',
      `<item jid='a@b'><group>x</group><group>y</group><group>x</group></item>`,
      'bad-request',
    ],
    ['a group without a name', `<item jid='a@b'><group/></item>`, 'not-acceptable'],
    [
      'too many groups',
      `<item jid='a@b'>${Array.from({ length: 101 }, (_none, at) => `<group>${at}</group>`).join('')}</item>`,
      'not-acceptable',
    ],
  ]) {
    it(`${what}: ${condition}`, async () => {
      expect(await set(content)).to.contain(`<${condition} `);
      expect(world.store.rosters.all(juliet.bare)).to.deep.equal([]);
    });
  }

  it('is nobody else’s', async () => {
    await world.login('romeo', 'Orchard');
    expect(await juliet.ask('get', query(''), 'romeo@localhost')).to.contain('<forbidden ');
    expect(await juliet.ask('get', query(''), 'localhost')).to.contain('<service-unavailable ');
  });

  it('has a bound', async () => {
    await world.end();
    world = await World.create({ limits: { contacts: 2 } });
    juliet = await world.login('juliet', 'Balcony');
    for (const jid of ['a@b', 'c@d']) expect(await set(`<item jid='${jid}'/>`)).to.contain('result');
    expect(await set(`<item jid='e@f'/>`)).to.contain('<resource-constraint ');
    expect(await set(`<item jid='a@b' name='again'/>`)).to.contain('result');
  });

  it('has a bound for all that is written in it, since it must fit into a packet', async () => {
    await world.end();
    world = await World.create({ limits: { rosterCharacters: 100 } });
    juliet = await world.login('juliet', 'Balcony');
    expect(await set(`<item jid='a@b' name='${'x'.repeat(60)}'/>`)).to.contain('result');
    expect(await set(`<item jid='c@d' name='${'x'.repeat(60)}'/>`)).to.contain('<resource-constraint ');
    expect(await set(`<item jid='c@d'/>`)).to.contain('result');
  });
});
