import { expect } from 'chai';
import { World, type Client } from '../support/world.js';

const UNAVAILABLE = `<error code='503' type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`;

describe('embedded: messages [RFC6121 8.5]', () => {
  let world: World;
  let juliet: Client;
  let romeo: Client;
  beforeEach(async () => {
    world = await World.create();
    juliet = await world.login('juliet', 'Balcony');
    romeo = await world.login('romeo', 'Orchard');
  });
  afterEach(() => world.end());

  it('go to a full address, with or without presence, and say who they are from', async () => {
    const told = await juliet.send(
      `<message to='romeo@localhost/Orchard' from='nurse@localhost/x' type='chat'><body>hi</body></message>`,
    );
    expect(told(romeo)).to.deep.equal([
      `<message to='romeo@localhost/Orchard' from='juliet@localhost/Balcony' type='chat'><body>hi</body></message>`,
    ]);
    expect(told(juliet)).to.deep.equal([]);
  });

  it('carry the socket address and the bare address on the link, never the full one [jabberd 1.1.2]', async () => {
    const [packet] = await world.peer.exchange(juliet.stamped(`<message to='${romeo.full}'/>`));
    expect(packet.attribute('sto')).to.equal(romeo.socket);
    expect(packet.attribute('sfrom')).to.equal('romeo@localhost');
  });

  it('keep entities, characters beyond the basic plane, foreign namespaces and CDATA text', async () => {
    const told = await juliet.send(
      `<message to='${romeo.full}'><body>a&amp;b &#x1F339; <![CDATA[<c>]]></body><x:y xmlns:x='urn:x' x:z='&quot;'/></message>`,
    );
    expect(told(romeo)[0]).to.contain(
      `<body>a&amp;b 🌹 &lt;c&gt;</body><x:y xmlns:x='urn:x' x:z='&quot;'/></message>`,
    );
  });

  it('to a bare address go to the sessions of the highest priority, all of them', async () => {
    const chamber = await world.login('juliet', 'Chamber');
    const garden = await world.login('juliet', 'Garden');
    await juliet.send('<presence><priority>5</priority></presence>');
    await chamber.send('<presence><priority>5</priority></presence>');
    await garden.send('<presence><priority>1</priority></presence>');
    const told = await romeo.send(`<message to='juliet@localhost'><body>hi</body></message>`);
    expect(told(juliet)).to.have.length(1);
    expect(told(chamber)).to.have.length(1);
    expect(told(garden)).to.deep.equal([]);
  });

  it('that went to several sessions are delivered again once, when the last of those has ended', async () => {
    const account = 'romeo@localhost';
    const all = [romeo, await world.login('romeo', 'Mantua'), await world.login('romeo', 'Street')];
    for (const session of all) await session.send('<presence/>');
    const text = `<message to='${account}' id='m'><body>x</body>it's <a b="1"/></message>`;
    const told = await juliet.send(text);
    for (const session of all) expect(told(session)).to.have.length(1);
    const back = `<message to='${account}' id='m' from='${juliet.full}' type='error'><body>x</body>it's <a b="1"/><error code='510' type='normal'>Disconnected</error></message>`;
    for (const [at, session] of all.entries()) {
      const said = await session.send(back);
      for (const other of all.slice(at + 1)) expect(said(other).join('')).to.not.contain('<body>');
    }
    expect(world.store.offline.list(account)).to.have.length(1);
  });

  it('to a bare address never go to a negative priority', async () => {
    await juliet.send('<presence><priority>-1</priority></presence>');
    const told = await romeo.send(`<message to='juliet@localhost'><body>hi</body></message>`);
    expect(told(juliet)).to.deep.equal([]);
    expect(world.store.offline.list('juliet@localhost')).to.have.length(1);
  });

  it('to a resource that is not there go as if to the bare address [RFC6121 8.5.3.2]', async () => {
    await juliet.send('<presence/>');
    const told = await romeo.send(
      `<message to='juliet@localhost/Chamber' type='chat'><body>hi</body></message>`,
    );
    expect(told(juliet)).to.deep.equal([
      `<message to='juliet@localhost/Chamber' type='chat' from='romeo@localhost/Orchard'><body>hi</body></message>`,
    ]);
  });

  it('of type headline go to all who take messages, and are never stored', async () => {
    const chamber = await world.login('juliet', 'Chamber');
    await romeo.send(`<message to='juliet@localhost' type='headline'/>`);
    expect(world.store.offline.list('juliet@localhost')).to.deep.equal([]);
    await juliet.send('<presence><priority>5</priority></presence>');
    await chamber.send('<presence/>');
    const told = await romeo.send(`<message to='juliet@localhost' type='headline'/>`);
    expect([...told(juliet), ...told(chamber)]).to.have.length(2);
  });

  it('of type headline to a resource that is not there come back [RFC6121 8.5.3.2.1]', async () => {
    await juliet.send('<presence/>');
    const told = await romeo.send(`<message to='juliet@localhost/x' type='headline' id='m'/>`);
    expect(told(juliet)).to.deep.equal([]);
    expect(told(romeo)[0]).to.contain(UNAVAILABLE);
  });

  it('of type groupchat to a bare address come back [RFC6121 8.5.2.1.1]', async () => {
    const told = await romeo.send(`<message to='juliet@localhost' type='groupchat' id='m'/>`);
    expect(told(romeo)).to.deep.equal([
      `<message to='romeo@localhost/Orchard' type='error' id='m' from='juliet@localhost'>${UNAVAILABLE}</message>`,
    ]);
  });

  it('of type error find no way around [RFC6121 8.5.2.2.1]', async () => {
    const told = await romeo.send(`<message to='juliet@localhost' type='error'><body>x</body></message>`);
    expect(told(romeo)).to.deep.equal([]);
    expect(world.store.offline.list('juliet@localhost')).to.deep.equal([]);
  });

  it('to nobody of that name come back as service-unavailable, with what they held', async () => {
    const told = await juliet.send(`<message to='nurse@localhost' id='m4'><body>x</body></message>`);
    expect(told(juliet)).to.deep.equal([
      `<message to='juliet@localhost/Balcony' id='m4' from='nurse@localhost' type='error'><body>x</body>${UNAVAILABLE}</message>`,
    ]);
  });

  it('to a name that is not served come back as remote-server-not-found', async () => {
    const told = await juliet.send(`<message to='nurse@elsewhere' id='m5'><body>x</body></message>`);
    expect(told(juliet)[0]).to.contain(`<error code='404' type='cancel'><remote-server-not-found `);
  });

  it('to what is no address come back as jid-malformed', async () => {
    const told = await juliet.send(`<message to='@@'/>`);
    expect(told(juliet)[0]).to.contain(`<error code='400' type='modify'><jid-malformed `);
  });

  it('to the server come back', async () => {
    const told = await juliet.send(`<message to='localhost'><body>x</body></message>`);
    expect(told(juliet)[0]).to.contain(UNAVAILABLE);
  });

  it('to nobody at all are for the own account [RFC6120 10.3.1]', async () => {
    await juliet.send('<presence/>');
    const told = await juliet.send(`<message><body>note</body></message>`);
    expect(told(juliet)).to.deep.equal([
      `<message from='juliet@localhost/Balcony' to='juliet@localhost'><body>note</body></message>`,
    ]);
  });

  it('that are errors are answered with no error', async () => {
    const told = await juliet.send(
      `<message to='nurse@localhost' type='error'/>\n<message to='a@elsewhere' type='error'/>`,
    );
    expect(told(juliet)).to.deep.equal([]);
  });

  it('with a 510 that another user has planted are messages like any other', async () => {
    const planted = `<message to='${romeo.full}'><error code='510'>Disconnected</error></message>`;
    const told = await juliet.send(planted);
    expect(told(romeo)).to.have.length(1);
    expect((await romeo.send(`<message to='${juliet.full}'/>`))(juliet)).to.have.length(1);
  });

  it('an element that is not a stanza comes back as 1.1.2 gives it back', async () => {
    const told = await juliet.send(`<foo id='m7'><bar/></foo>`);
    expect(told(juliet)).to.deep.equal([
      `<foo id='m7' type='error'><bar/><error code='400'>Bad Request</error></foo>`,
    ]);
  });

  it('a stanza of another namespace is no stanza', async () => {
    const told = await juliet.send(`<message xmlns='urn:x' to='${romeo.full}'/>`);
    expect(told(romeo)).to.deep.equal([]);
    expect(told(juliet)[0]).to.contain(`<error code='400'>Bad Request</error>`);
  });

  it('a stanza in jabber:client is a stanza', async () => {
    const told = await juliet.send(
      `<message xmlns='jabber:client' to='${romeo.full}'><body>x</body></message>`,
    );
    expect(told(romeo)[0]).to.contain('<body>x</body>');
  });
});
