import { expect } from 'chai';
import { World, type Client } from '../support/world.js';

const presence = (client: Client, to: string, content = '', type = ''): string => {
  const head = `<presence${type} from='${client.full}' to='${to}'`;
  return content === '' ? `${head}/>` : `${head}>${content}</presence>`;
};
const delayed = (from: string): string =>
  `<delay xmlns='urn:xmpp:delay' from='${from}' stamp='T'/><x xmlns='jabber:x:delay' from='${from}' stamp='T'/>`;

describe('embedded: presence [RFC6121 4]', () => {
  let world: World;
  let juliet: Client;
  let romeo: Client;
  beforeEach(async () => {
    world = await World.create();
    juliet = await world.login('juliet', 'Balcony');
    romeo = await world.login('romeo', 'Orchard');
  });
  afterEach(() => world.end());
  /** Romeo sees Juliet, and she does not see him. */
  function befriend(): void {
    const common = { name: undefined, groups: [], listed: true, request: undefined };
    world.store.rosters.save(juliet.bare, { ...common, jid: romeo.bare, mine: 'none', theirs: 'granted' });
    world.store.rosters.save(romeo.bare, { ...common, jid: juliet.bare, mine: 'granted', theirs: 'none' });
  }

  it('comes back to its sender, and goes to nobody who has not been let to see it', async () => {
    await romeo.send('<presence/>');
    const told = await juliet.send('<presence><show>away</show></presence>');
    expect(told(juliet)).to.deep.equal([presence(juliet, juliet.bare, '<show>away</show>')]);
    expect(told(romeo)).to.deep.equal([]);
  });

  it('goes to the user’s other sessions that are there, and theirs come in return, with the time', async () => {
    const chamber = await world.login('juliet', 'Chamber');
    const garden = await world.login('juliet', 'Garden');
    await chamber.send('<presence/>');
    const told = await juliet.send('<presence/>');
    expect(told(chamber)).to.deep.equal([presence(juliet, juliet.bare)]);
    expect(told(juliet)).to.deep.equal([
      presence(juliet, juliet.bare),
      presence(chamber, juliet.full, delayed(chamber.full)),
    ]);
    expect(told(garden)).to.deep.equal([]);
  });

  it('goes to subscribers, as long as they are there', async () => {
    befriend();
    expect((await juliet.send('<presence/>'))(romeo)).to.deep.equal([]);
    await romeo.send('<presence/>');
    const told = await juliet.send('<presence><status>x</status></presence>');
    expect(told(romeo)).to.deep.equal([presence(juliet, romeo.bare, '<status>x</status>')]);
  });

  it('of contacts comes at the first presence, and at the first only', async () => {
    befriend();
    await juliet.send('<presence><priority>3</priority></presence>');
    const told = await romeo.send('<presence/>');
    expect(told(romeo)).to.deep.equal([
      presence(romeo, romeo.bare),
      presence(juliet, romeo.full, `<priority>3</priority>${delayed(juliet.full)}`),
    ]);
    expect((await romeo.send('<presence/>'))(romeo)).to.have.length(1);
  });

  it('unavailable goes where the presence went', async () => {
    befriend();
    await romeo.send('<presence/>');
    await juliet.send('<presence/>');
    const told = await juliet.send(`<presence type='unavailable'><status>bye</status></presence>`);
    expect(told(romeo)).to.deep.equal([
      `<presence type='unavailable' from='${juliet.full}' to='${romeo.bare}'><status>bye</status></presence>`,
    ]);
    expect((await juliet.send(`<presence type='unavailable'/>`))(romeo)).to.deep.equal([]);
  });

  it('unavailable is said for a session that ends', async () => {
    befriend();
    await romeo.send('<presence/>');
    await juliet.send('<presence/>');
    expect((await juliet.leave())(romeo)).to.deep.equal([
      `<presence type='unavailable' from='${juliet.full}' to='${romeo.bare}'><status>Disconnected</status></presence>`,
    ]);
  });

  it('for one address goes there alone, and is taken back when the session ends', async () => {
    const told = await juliet.send(`<presence to='${romeo.full}'><show>dnd</show></presence>`);
    expect(told(romeo)).to.deep.equal([
      `<presence to='${romeo.full}' from='${juliet.full}'><show>dnd</show></presence>`,
    ]);
    expect(told(juliet)).to.deep.equal([]);
    expect((await juliet.leave())(romeo)).to.deep.equal([
      `<presence type='unavailable' from='${juliet.full}' to='${romeo.full}'><status>Disconnected</status></presence>`,
    ]);
  });

  it('for one address is taken back once, also from a subscriber', async () => {
    befriend();
    await romeo.send('<presence/>');
    await juliet.send('<presence/>');
    await juliet.send(`<presence to='${romeo.bare}'/>`);
    expect((await juliet.leave())(romeo)).to.have.length(1);
  });

  it('for one resource is taken back also where its user sees presence and it has sent none itself', async () => {
    befriend();
    await world.login('romeo', 'Cell').then((cell) => cell.send('<presence/>'));
    await juliet.send('<presence/>');
    await juliet.send(`<presence to='${romeo.full}'/>`);
    expect((await juliet.send(`<presence type='unavailable'/>`))(romeo)).to.deep.equal([
      `<presence type='unavailable' from='${juliet.full}' to='${romeo.full}'/>`,
    ]);
  });

  it('for one address that was taken back by the client is not taken back again', async () => {
    await juliet.send(`<presence to='${romeo.full}'/>`);
    await juliet.send(`<presence to='${romeo.full}' type='unavailable'/>`);
    expect((await juliet.leave())(romeo)).to.deep.equal([]);
  });

  it('for one address that is none, or is elsewhere, is an error', async () => {
    const told = await juliet.send(`<presence to='@'/>\n<presence to='a@elsewhere'/>`);
    expect(told(juliet)[0]).to.contain('jid-malformed');
    expect(told(juliet)[1]).to.contain('remote-server-not-found');
  });

  it('for single addresses has a bound', async () => {
    await world.end();
    world = await World.create({ limits: { directedPresences: 2 } });
    juliet = await world.login('juliet', 'Balcony');
    const told = await juliet.send(
      `<presence to='a@localhost'/>\n<presence to='b@localhost'/>\n<presence to='c@localhost'/>`,
    );
    expect(told(juliet)).to.have.length(1);
    expect(told(juliet)[0]).to.contain('resource-constraint');
  });

  for (const [text, priority] of [
    ['5', 5],
    ['-128', -128],
    ['128', 0],
    ['1e2', 0],
    ['', 0],
    [' 7 ', 7],
  ] as const) {
    it(`priority "${text}" counts as ${priority}`, async () => {
      await juliet.send(`<presence><priority>${text}</priority></presence>`);
      expect([...world.manager.sessions][0].priority).to.equal(priority);
    });
  }

  it('of type available is what no type is, as the oldest clients have it', async () => {
    expect((await juliet.send(`<presence type='available'/>`))(juliet)).to.deep.equal([
      presence(juliet, juliet.bare),
    ]);
  });

  it('of a type that is none is a bad request', async () => {
    expect((await juliet.send(`<presence type='invisible'/>`))(juliet)[0]).to.contain('bad-request');
    expect((await juliet.send(`<presence type='x' to='${romeo.full}'/>`))(juliet)[0]).to.contain(
      'bad-request',
    );
    expect((await juliet.send(`<presence type='subscribe'/>`))(juliet)[0]).to.contain('bad-request');
  });

  it('of type error goes to the resource that it is for, and to nobody else', async () => {
    await romeo.send('<presence/>');
    const error = (to: string): string => `<presence type='error' to='${to}'><error code='404'/></presence>`;
    expect((await juliet.send(error(romeo.full)))(romeo)).to.deep.equal([
      `<presence type='error' to='${romeo.full}' from='${juliet.full}'><error code='404'/></presence>`,
    ]);
    const told = await juliet.send(
      [romeo.bare, 'a@elsewhere', '@', `${romeo.bare}/x`].map(error).join('\n') +
        `\n<presence type='error'/>`,
    );
    expect([...told(romeo), ...told(juliet)]).to.deep.equal([]);
  });

  it('a probe elsewhere, or to what is no address, is an error', async () => {
    const told = await juliet.send(
      `<presence type='probe' to='a@elsewhere'/>\n<presence type='probe' to='@'/>`,
    );
    expect(told(juliet)[0]).to.contain('remote-server-not-found');
    expect(told(juliet)[1]).to.contain('jid-malformed');
  });

  it('a probe shows who may be seen, and hides the others', async () => {
    befriend();
    const probe = (to: string): string => `<presence type='probe' to='${to}'/>`;
    expect((await romeo.send(probe(juliet.bare)))(romeo)).to.deep.equal([
      `<presence type='unavailable' from='${juliet.bare}' to='${romeo.full}'/>`,
    ]);
    await juliet.send('<presence/>');
    const seen = presence(juliet, romeo.full, delayed(juliet.full));
    expect((await romeo.send(probe(juliet.bare)))(romeo)).to.deep.equal([seen]);
    expect((await romeo.send(probe(juliet.full)))(romeo)).to.deep.equal([seen]);
    expect((await romeo.send(probe(`${juliet.bare}/x`)))(romeo)[0]).to.contain(`type='unavailable'`);
    expect((await juliet.send(probe(romeo.bare)))(juliet)).to.deep.equal([
      `<presence type='unsubscribed' from='${romeo.bare}' to='${juliet.full}'/>`,
    ]);
  });
});
