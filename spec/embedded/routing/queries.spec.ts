import { expect } from 'chai';
import { World, type Client } from '../support/world.js';

describe('embedded: queries [RFC6120 8.2.3] [RFC6121 8.5]', () => {
  let world: World;
  let juliet: Client;
  let romeo: Client;
  beforeEach(async () => {
    world = await World.create();
    juliet = await world.login('juliet', 'Balcony');
    romeo = await world.login('romeo', 'Orchard');
  });
  afterEach(() => world.end());

  it('go between sessions both ways, with or without presence', async () => {
    const asked = await romeo.send(
      `<iq type='get' id='v' to='${juliet.full}'><query xmlns='jabber:iq:version'/></iq>`,
    );
    expect(asked(juliet)).to.deep.equal([
      `<iq type='get' id='v' to='${juliet.full}' from='${romeo.full}'><query xmlns='jabber:iq:version'/></iq>`,
    ]);
    for (const type of ['result', 'error']) {
      const answered = await juliet.send(`<iq type='${type}' id='v' to='${romeo.full}'/>`);
      expect(answered(romeo)).to.deep.equal([
        `<iq type='${type}' id='v' to='${romeo.full}' from='${juliet.full}'/>`,
      ]);
    }
  });

  it('of a namespace that nobody knows are refused with what they held', async () => {
    const answer = await juliet.ask('get', `<query xmlns='urn:x'/>`);
    expect(answer).to.equal(
      `<iq type='error' id='q' to='${juliet.full}'><query xmlns='urn:x'/><error code='503' type='cancel'>` +
        `<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    );
  });

  for (const [what, to, condition] of [
    ['to a session that is not there', 'romeo@localhost/x', 'service-unavailable'],
    ['to an account that is not there', 'nobody@localhost', 'service-unavailable'],
    ['to elsewhere', 'romeo@elsewhere', 'remote-server-not-found'],
    ['to what is no address', 'a@', 'jid-malformed'],
  ]) {
    it(`${what} are refused: ${condition}`, async () => {
      expect(await juliet.ask('get', `<query xmlns='jabber:iq:version'/>`, to)).to.contain(`<${condition} `);
    });
  }

  it('hold one thing', async () => {
    expect(await juliet.ask('get', '')).to.contain('<bad-request ');
    expect(await juliet.ask('get', `<a xmlns='urn:xmpp:ping'/><b/>`)).to.contain('<bad-request ');
  });

  it('have a type', async () => {
    const told = await juliet.send(
      `<iq id='q'><query xmlns='jabber:iq:roster'/></iq>\n<iq type='x' id='q'/>`,
    );
    expect(told(juliet)).to.have.length(2);
    for (const answer of told(juliet)) expect(answer).to.contain('<bad-request ');
  });

  it('without an id are answered without one', async () => {
    const told = await juliet.send(`<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>`);
    expect(told(juliet)).to.deep.equal([`<iq type='result' to='${juliet.full}'/>`]);
  });

  it('that are answers nobody has asked for go nowhere', async () => {
    const told = await juliet.send(`<iq type='result' id='q'/>\n<iq type='error' id='q' to='localhost'/>`);
    expect(told(juliet)).to.deep.equal([]);
  });
});
