import path from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'chai';
import { RealServer } from '../support/real-server.js';
import { PING, query, register, result, set, type User } from '../support/user.js';

const ROMEO = 'romeo@localhost';
const ROOM_KB = 200;
const note = (id: string, content: string): string =>
  set(id, query('jabber:iq:private', `<n xmlns='urn:n:${id}'>${content}</n>`));
const contact = (id: string, jid: string): string =>
  set(id, query('jabber:iq:roster', `<item jid='${jid}'/>`));
const ROSTER = `<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>`;
const REFUSED = /type='error'.*<resource-constraint /s;
const padding = 'x'.repeat(4000);

/**
 * The limit of the system on the size of a file stands for the disk: SQLite fails at the same place, when it commits.
 * SQLite writes one file, its log, until another program has it copied into the database; that makes room again.
 */
describe('embedded: a disk that is full', function () {
  this.timeout(30_000);
  let server: RealServer;
  let juliet: User;
  let nurse: User;

  /** Takes all the room there is, to the last page. */
  async function fill(): Promise<void> {
    for (const content of [padding.repeat(10), padding, 'x']) {
      for (let refused = 0, id = 0; refused < 3; id += 1) {
        refused += REFUSED.test(await juliet.ask(note(`fill-${id % 20}`, content))) ? 1 : 0;
      }
    }
  }

  function makeRoom(): void {
    const database = new Database(path.join(server.directory, 'sm-component.sqlite'));
    database.pragma('wal_checkpoint(TRUNCATE)');
    database.close();
  }

  /** All that was said to the user so far has come. */
  const heardAll = async (user: User): Promise<void> => {
    user.socket.write(PING);
    await user.hears(result('ping'));
  };
  const rosterOf = async (user: User): Promise<string> => user.ask(ROSTER);

  before(function () {
    if (process.platform !== 'win32') return;
    console.log('      skipped: this system has no limits on the size of a file');
    this.skip();
  });
  beforeEach(async () => {
    server = await RealServer.begin({ fileKilobytes: ROOM_KB });
    ({ juliet, nurse } = server);
  });
  afterEach(() => server.end());

  it('messages for who is away are kept or come back, each of them', async () => {
    const ids = Array.from({ length: 300 }, (_none, at) => `m${at}`);
    const all = ids.map((id) => `<message to='${ROMEO}' id='${id}'><body>${padding}</body></message>`);
    await juliet.say(all.join('') + PING, result('ping'));
    const cameBack = [...juliet.heard.matchAll(/<message [^>]*id='(m\d+)'.*?<\/message>/gs)];
    for (const [text] of cameBack) expect(text).to.match(REFUSED).and.contain(`type='wait'`);
    const kept = server.waiting();
    expect(cameBack).to.not.be.empty;
    expect(kept).to.not.be.empty;
    expect([...kept, ...cameBack.map(([, id]) => id)]).to.have.members(ids);
    makeRoom();
    const romeo = await server.connected();
    await romeo.login('romeo');
    await romeo.say(`<presence/>${PING}`, result('ping'));
    const got = [...romeo.heard.matchAll(/<message [^>]*id='(m\d+)'/g)].map(([, id]) => id);
    expect(got).to.deep.equal(kept);
  });

  it('no set is answered with a result that is not kept', async () => {
    const version = (text: string): string => / ver='(\d+)'/.exec(text)![1];
    await juliet.say(ROSTER, result('roster'));
    await juliet.ask(contact('first', ROMEO));
    const before = await rosterOf(juliet);
    await fill();
    const sets = [
      contact('add', 'tybalt@localhost'),
      set('change', query('jabber:iq:roster', `<item jid='${ROMEO}' name='R'/>`)),
      set('gone', query('jabber:iq:roster', `<item jid='${ROMEO}' subscription='remove'/>`)),
      set('card', `<vCard xmlns='vcard-temp'><FN>${padding}</FN></vCard>`),
      set('secret', query('jabber:iq:register', `<username>juliet</username><password>new</password>`)),
      set('bye', query('jabber:iq:register', '<remove/>')),
    ];
    for (const text of sets) {
      expect(await juliet.ask(text)).to.match(REFUSED);
      expect(juliet.heard).to.not.contain('push-');
    }
    expect(await rosterOf(juliet)).to.equal(before);
    const stranger = await server.connected();
    expect(await stranger.ask(register('tybalt'))).to.contain(`<error code='500'>`);
    expect(await nurse.ask(`<iq type='get' id='card' to='juliet@localhost'><vCard xmlns='vcard-temp'/></iq>`))
      .to.contain('<item-not-found ')
      .and.not.contain('xxx');
    server.inStore(({ accounts, rosters }) => {
      expect(accounts.list()).to.deep.equal(['juliet@localhost', 'nurse@localhost', ROMEO]);
      expect(accounts.password('juliet@localhost')).to.equal('pass');
      expect(rosters.list('juliet@localhost')).to.have.length(1);
    });
    makeRoom();
    expect(await juliet.ask(contact('again', 'tybalt@localhost'))).to.contain(`type='result'`);
    const after = await rosterOf(juliet);
    expect(Number(version(after))).to.equal(Number(version(before)) + 1);
    expect(after).to.contain('tybalt@localhost');
  });

  it('nobody is told of a subscription that is not kept, and who asked is told that', async () => {
    await fill();
    const ask = `<presence type='subscribe' to='nurse@localhost' id='ask'/>`;
    nurse.heard = '';
    await juliet.say(ask + PING, result('ping'));
    expect(juliet.heard).to.match(/<presence [^>]*id='ask'.*<resource-constraint /s);
    await heardAll(nurse);
    expect(nurse.heard).to.not.contain('subscribe');
    makeRoom();
    await juliet.say(ask + PING, result('ping'));
    expect(juliet.heard).to.not.contain('<error ');
    await nurse.hears(/<presence [^>]*type='subscribe'/);
  });

  it('an account that can not be removed stays, and so do its sessions', async () => {
    await fill();
    await juliet.say(`<presence to='nurse@localhost/r'/>${PING}`, result('ping'));
    expect(await juliet.ask(set('bye', query('jabber:iq:register', '<remove/>')))).to.match(REFUSED);
    nurse.heard = '';
    await juliet.say(
      `<message to='nurse@localhost'><body>still here</body></message>${PING}`,
      result('ping'),
    );
    await nurse.hears(/still here/);
    expect(nurse.heard).to.not.contain('unavailable');
    makeRoom();
    expect(await juliet.ask(set('bye', query('jabber:iq:register', '<remove/>')))).to.contain(
      `type='result'`,
    );
  });

  it('presence, messages and logins of those who are there do not depend on it', async () => {
    await fill();
    const message = `<message to='nurse@localhost/r' id='chat'><body>hello</body></message>`;
    nurse.heard = '';
    juliet.socket.write(message);
    await nurse.hears(/hello/);
    const other = await server.connected();
    await other.login('romeo');
    juliet.heard = '';
    other.socket.write(`<presence to='juliet@localhost/r'/>`);
    await juliet.hears(/<presence [^>]*from='romeo@localhost\/r'/);
    other.socket.end('</stream:stream>');
    await juliet.hears(/<presence [^>]*type='unavailable'[^>]*from='romeo@localhost\/r'/);
  });

  it('is said once in the log, and so is that it is over', async () => {
    await fill();
    makeRoom();
    for (let at = 0; at < 12; at += 1)
      expect(await juliet.ask(note(`last-${at}`, 'x'))).to.contain(`type='result'`);
    await server.program.says(/changes are stored again/, 'stderr');
    expect(server.program.stderr.match(/changes could not be stored/g)).to.have.length(1);
  });
});
