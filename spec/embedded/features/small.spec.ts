import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { World, type Client } from '../support/world.js';

const UNAVAILABLE = '<service-unavailable ';

describe('embedded: other queries of clients', () => {
  let world: World;
  let juliet: Client;
  let romeo: Client;
  beforeEach(async () => {
    world = await World.create();
    juliet = await world.login('juliet', 'Balcony');
    romeo = await world.login('romeo', 'Orchard');
  });
  afterEach(() => world.end());
  const query = (namespace: string, content = ''): string =>
    content === '' ? `<query xmlns='${namespace}'/>` : `<query xmlns='${namespace}'>${content}</query>`;

  describe('disco [XEP-0030]', () => {
    const INFO = 'http://jabber.org/protocol/disco#info';
    const ITEMS = 'http://jabber.org/protocol/disco#items';

    it('the server says what it is and what it can do, as all features do', async () => {
      const answer = await juliet.ask('get', query(INFO), 'localhost');
      expect(answer)
        .to.contain(`from='localhost'`)
        .and.contain(`<identity category='server' type='im' name='sm-component'/>`);
      for (const feature of ['urn:xmpp:ping', 'vcard-temp', 'jabber:iq:private', 'msgoffline', INFO]) {
        expect(answer).to.contain(`<feature var='${feature}'/>`);
      }
    });

    it('the own account is an account, with its sessions', async () => {
      expect(await juliet.ask('get', query(INFO))).to.contain(
        `<identity category='account' type='registered'/>`,
      );
      await juliet.send('<presence/>');
      expect(await juliet.ask('get', query(ITEMS), juliet.bare)).to.contain(`<item jid='${juliet.full}'/>`);
    });

    it('the server has no items, and no nodes, and is not to be set', async () => {
      expect(await juliet.ask('get', query(ITEMS), 'localhost')).to.contain(query(ITEMS));
      expect(await juliet.ask('get', `<query xmlns='${INFO}' node='x'/>`, 'localhost')).to.contain(
        '<item-not-found ',
      );
      expect(await juliet.ask('set', query(INFO), 'localhost')).to.contain('<not-allowed ');
    });

    it('tells strangers no more of an account than of one that is not there', async () => {
      const [known, unknown] = [
        await juliet.ask('get', query(ITEMS), 'romeo@localhost'),
        await juliet.ask('get', query(ITEMS), 'nobody@localhost'),
      ];
      expect(known).to.contain(UNAVAILABLE);
      expect(unknown).to.equal(known.replace('romeo@', 'nobody@'));
    });
  });

  describe('urn:xmpp:ping [XEP-0199]', () => {
    const PING = `<ping xmlns='urn:xmpp:ping'/>`;
    it('server and own account answer, others’ accounts do not', async () => {
      expect(await juliet.ask('get', PING, 'localhost')).to.equal(
        `<iq type='result' id='q' from='localhost' to='${juliet.full}'/>`,
      );
      expect(await juliet.ask('get', PING)).to.contain(`type='result'`);
      expect(await juliet.ask('get', PING, 'romeo@localhost')).to.contain(UNAVAILABLE);
    });
  });

  describe('jabber:iq:version [XEP-0092]', () => {
    it('names the program and its version, and no operating system', async () => {
      const { version } = JSON.parse(
        readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'),
      ) as { version: string };
      const answer = query('jabber:iq:version', `<name>sm-component</name><version>${version}</version>`);
      expect(await juliet.ask('get', query('jabber:iq:version'), 'localhost')).to.contain(answer);
      expect(await juliet.ask('get', query('jabber:iq:version'))).to.contain(answer);
      expect(await juliet.ask('get', query('jabber:iq:version'), 'romeo@localhost')).to.contain(UNAVAILABLE);
    });
  });

  describe('time [XEP-0202] [XEP-0090]', () => {
    it('is told in both ways', async () => {
      expect(await juliet.ask('get', `<time xmlns='urn:xmpp:time'/>`, 'localhost')).to.match(
        /<time xmlns='urn:xmpp:time'><tzo>\+00:00<\/tzo><utc>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ<\/utc><\/time>/,
      );
      expect(await juliet.ask('get', query('jabber:iq:time'), 'localhost')).to.match(
        /<utc>\d{8}T\d\d:\d\d:\d\d<\/utc><tz>UTC<\/tz><display>[^<]+ GMT<\/display>/,
      );
    });
  });

  describe('jabber:iq:last [XEP-0012]', () => {
    const LAST = query('jabber:iq:last');
    it('of the server is its uptime', async () => {
      expect(await juliet.ask('get', LAST, 'localhost')).to.contain(
        `<query xmlns='jabber:iq:last' seconds='0'/>`,
      );
    });

    it('of an account is for those alone who may see its presence', async () => {
      expect(await juliet.ask('get', LAST, romeo.bare)).to.contain('<forbidden ');
      const contact = { jid: juliet.bare, name: undefined, groups: [], listed: true, request: undefined };
      world.store.rosters.save(romeo.bare, { ...contact, mine: 'none', theirs: 'granted' });
      expect(await juliet.ask('get', LAST, romeo.bare)).to.contain('<item-not-found ');
      await romeo.send('<presence/>');
      expect(await juliet.ask('get', LAST, romeo.bare)).to.contain(`seconds='0'/>`);
      await romeo.leave();
      expect(await juliet.ask('get', LAST, romeo.bare)).to.contain(`seconds='0'>Disconnected</query>`);
    });

    it('keeps what a user said when going', async () => {
      await juliet.send(`<presence/>\n<presence type='unavailable'><status>to bed</status></presence>`);
      expect(await juliet.ask('get', LAST)).to.contain('>to bed</query>');
    });
  });

  describe('jabber:iq:agents [XEP-0094] and the session request [RFC3921 3]', () => {
    it('are answered for those that cannot do without', async () => {
      expect(await juliet.ask('get', query('jabber:iq:agents'))).to.contain(query('jabber:iq:agents'));
      const session = `<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>`;
      expect(await juliet.ask('set', session, 'localhost')).to.contain(`type='result'`);
    });
  });

  describe('vcard-temp [XEP-0054]', () => {
    const CARD = `<vCard xmlns='vcard-temp'><FN>Juliet &amp; co</FN><N><MIDDLE/></N></vCard>`;
    it('is given to everybody as it came', async () => {
      expect(await romeo.ask('get', `<vCard xmlns='vcard-temp'/>`, juliet.bare)).to.contain(
        '<item-not-found ',
      );
      expect(await juliet.ask('set', CARD)).to.equal(`<iq type='result' id='q' to='${juliet.full}'/>`);
      expect(await romeo.ask('get', `<vCard xmlns='vcard-temp'/>`, juliet.bare)).to.contain(CARD);
      expect(await juliet.ask('get', `<vCard xmlns='vcard-temp'/>`)).to.contain(CARD);
    });

    it('is no thing that a server has', async () => {
      expect(await juliet.ask('get', `<vCard xmlns='vcard-temp'/>`, 'localhost')).to.contain(UNAVAILABLE);
    });

    it('is the owner’s to set, and has a bound', async () => {
      expect(await romeo.ask('set', CARD, juliet.bare)).to.contain('<forbidden ');
      const large = `<vCard xmlns='vcard-temp'><PHOTO>${'x'.repeat(300_000)}</PHOTO></vCard>`;
      expect(await juliet.ask('set', large)).to.contain('<not-acceptable ');
    });

    it('takes the prefixes along that were declared around it', async () => {
      await juliet.send(
        `<iq type='set' id='s' xmlns:e='urn:e'><vCard xmlns='vcard-temp'><e:x/></vCard></iq>`,
      );
      expect(await romeo.ask('get', `<vCard xmlns='vcard-temp'/>`, juliet.bare)).to.contain(
        `<vCard xmlns='vcard-temp' xmlns:e='urn:e'><e:x/></vCard>`,
      );
    });
  });

  describe('jabber:iq:private [XEP-0049]', () => {
    const PRIVATE = 'jabber:iq:private';
    const NOTE = `<note xmlns='urn:n'><a/>text</note>`;
    it('is given back as it came, by name and namespace', async () => {
      expect(await juliet.ask('get', query(PRIVATE, `<note xmlns='urn:n'/>`))).to.contain(
        query(PRIVATE, `<note xmlns='urn:n'/>`),
      );
      expect(await juliet.ask('set', query(PRIVATE, NOTE))).to.contain(`type='result'`);
      expect(await juliet.ask('get', query(PRIVATE, `<note xmlns='urn:n'/>`))).to.contain(
        query(PRIVATE, NOTE),
      );
      expect(await juliet.ask('get', query(PRIVATE, `<note xmlns='urn:m'/>`))).to.contain(
        `<note xmlns='urn:m'/>`,
      );
    });

    it('asked for 300 times in one query is not read 300 times: it could be more than there is memory for', async () => {
      const large = `<e xmlns='u'>${'<x/>'.repeat(60_000)}</e>`;
      expect(await juliet.ask('set', query(PRIVATE, large))).to.contain(`type='result'`);
      const { documents } = world.store;
      const get = documents.get.bind(documents);
      let reads = 0;
      documents.get = (account, name) => ((reads += 1), get(account, name));
      for (const times of [90, 300]) {
        const all = query(PRIVATE, `<e xmlns='u'/>`.repeat(times));
        expect(await juliet.ask('get', all)).to.contain('<resource-constraint ');
      }
      expect(reads).to.be.at.most(5);
      expect(await juliet.ask('get', query(PRIVATE, `<e xmlns='u'/>`.repeat(3)))).to.contain(large.repeat(3));
    });

    it('is for the user alone', async () => {
      expect(await romeo.ask('get', query(PRIVATE, NOTE), juliet.bare)).to.contain('<forbidden ');
      expect(await juliet.ask('get', query(PRIVATE, NOTE), 'localhost')).to.contain(UNAVAILABLE);
    });

    it('needs a document in a namespace of its own', async () => {
      expect(await juliet.ask('set', query(PRIVATE))).to.contain('<bad-request ');
      expect(await juliet.ask('set', query(PRIVATE, '<note/>'))).to.contain('<not-acceptable ');
    });

    it('has bounds', async () => {
      expect(await juliet.ask('set', query(PRIVATE, `<n xmlns='u'>${'x'.repeat(300_000)}</n>`))).to.contain(
        '<not-acceptable ',
      );
      const many = Array.from({ length: 101 }, (_none, at) => `<n xmlns='u:${at}'/>`).join('');
      expect(await juliet.ask('set', query(PRIVATE, many))).to.contain('<resource-constraint ');
    });
  });

  describe('jabber:iq:register after login [XEP-0077]', () => {
    const REGISTER = 'jabber:iq:register';
    it('says who is registered', async () => {
      expect(await juliet.ask('get', query(REGISTER), 'localhost')).to.contain(
        query(REGISTER, '<registered/><username>juliet</username><password/>'),
      );
    });

    it('changes the password', async () => {
      const change = query(REGISTER, '<username>Juliet</username><password>new</password>');
      expect(await juliet.ask('set', change)).to.contain(`type='result'`);
      expect(world.store.accounts.password(juliet.bare)).to.equal('new');
    });

    it('changes nobody else’s, and none to nothing', async () => {
      const other = query(REGISTER, '<username>romeo</username><password>new</password>');
      const answer = await juliet.ask('set', other);
      expect(answer).to.contain('<not-allowed ').and.not.contain('new</password>');
      expect(await juliet.ask('set', other, romeo.bare)).to.contain('<forbidden ');
      for (const [content, condition] of [
        ['<username>juliet</username>', 'bad-request'],
        ['<username>juliet</username><password/>', 'not-acceptable'],
        ['<remove/><username>juliet</username>', 'bad-request'],
        ['<key>1</key><remove/>', 'bad-request'],
      ]) {
        expect(await juliet.ask('set', query(REGISTER, content))).to.contain(`<${condition} `);
      }
      expect(world.store.accounts.password(juliet.bare)).to.equal('pass');
      expect(world.store.accounts.password(romeo.bare)).to.equal('pass');
    });

    it('removes an account once, whoever of its sessions asks: the other one is ended', async () => {
      const chamber = await world.login('juliet', 'Chamber');
      const remove = (client: Client): string =>
        client.stamped(`<iq type='set' id='s'>${query(REGISTER, '<remove/>')}</iq>`);
      const packets = await world.peer.exchange(`${remove(juliet)}\n${remove(chamber)}\n${remove(juliet)}`);
      const told = (client: Client): (string | undefined)[] =>
        packets
          .filter((packet) => packet.attribute('sto') === client.socket)
          .map((packet) => `${packet.name} ${packet.attribute('type')}`);
      // What came behind the end is given back, with the type that it had hidden in it.
      expect(told(juliet)).to.deep.equal(['iq result', 'message error', 'iq error']);
      expect(told(chamber)).to.deep.equal(['message error', 'iq error']);
      expect(world.store.accounts.list()).to.deep.equal([romeo.bare]);
    });

    it('removes the account: result, then the end of all its sessions; contacts are told', async () => {
      const chamber = await world.login('juliet', 'Chamber');
      for (const client of [juliet, romeo])
        await client.send(`<iq type='get' id='r'>${query('jabber:iq:roster')}</iq>\n<presence/>`);
      await romeo.send(`<presence type='subscribe' to='${juliet.bare}'/>`);
      await juliet.send(`<presence type='subscribed' to='${romeo.bare}'/>`);
      world.store.offline.add(juliet.bare, '<message/>', { messages: 9, characters: 999 });
      const packets = await world.peer.exchange(
        juliet.stamped(`<iq type='set' id='s'>${query(REGISTER, '<remove/>')}</iq>`),
      );
      const ends = packets
        .filter((packet) => packet.attribute('sto') !== romeo.socket)
        .map((packet) => `${packet.attribute('sto')} ${packet.attribute('type')}`);
      expect(ends).to.have.members([
        `${juliet.socket} result`,
        `${juliet.socket} error`,
        `${chamber.socket} error`,
      ]);
      expect(ends[0]).to.equal(`${juliet.socket} result`);
      const types = packets
        .filter((packet) => packet.attribute('sto') === romeo.socket)
        .map((packet) => packet.attribute('type'));
      expect(types).to.deep.equal(['unavailable', 'unsubscribed', 'set']);
      expect(world.store.accounts.exists(juliet.bare)).to.equal(false);
      expect(world.store.offline.list(juliet.bare)).to.deep.equal([]);
      expect(world.store.rosters.get(romeo.bare, juliet.bare)).to.include({ mine: 'none' });
    });
  });
});
