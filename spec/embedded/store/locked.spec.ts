import { expect } from 'chai';
import { RealServer } from '../support/real-server.js';
import { Lock } from '../support/lock.js';
import { PING, query, register, result, set, type User } from '../support/user.js';

const ROMEO = 'romeo@localhost';
const REFUSED = /type='error'.*<resource-constraint /s;
const waiting = (id: string): string => `<message to='${ROMEO}' id='${id}'><body>${id}</body></message>`;
const contact = (id: string, jid: string): string =>
  set(id, query('jabber:iq:roster', `<item jid='${jid}'/>`));

describe('embedded: a store that another process has locked', function () {
  this.timeout(30_000);
  let server: RealServer;
  let juliet: User;
  let nurse: User;
  let lock: Lock | undefined;
  const kept = (): string[] => server.waiting();

  beforeEach(async () => {
    server = await RealServer.begin();
    ({ juliet, nurse } = server);
  });
  afterEach(async () => {
    await lock?.release();
    await server.end();
  });

  it('holds up who writes, in order, and nobody else; for a short while nothing comes of it', async () => {
    lock = await Lock.on(server.directory);
    nurse.heard = '';
    juliet.heard = '';
    juliet.socket.write(
      `${waiting('one')}<message to='nurse@localhost/r'><body>after one</body></message>${waiting('two')}` +
        `${contact('add', ROMEO)}${PING}`,
    );
    const romeo = await server.connected();
    await romeo.login('romeo');
    romeo.heard = '';
    await nurse.ask(PING);
    await nurse.say(
      `<message to='romeo@localhost/r'><body>not held up</body></message>${PING}`,
      result('ping'),
    );
    await romeo.hears(/not held up/);
    romeo.socket.destroy();
    expect(juliet.heard).to.equal('');
    expect(nurse.heard).to.not.contain('after one');
    await lock.release();
    await juliet.hears(result('ping'));
    expect(juliet.heard).to.match(result('add')).and.not.contain('<error ');
    await nurse.hears(/after one/);
    expect(kept()).to.deep.equal(['one', 'two']);
  });

  it('for long: who writes is told, and others who leave are seen to leave', async () => {
    lock = await Lock.on(server.directory);
    nurse.heard = '';
    const subscribe = `<presence type='subscribe' to='nurse@localhost' id='ask'/>`;
    await juliet.say(`${waiting('one')}${contact('add', ROMEO)}${subscribe}${PING}`, result('ping'));
    for (const what of [`<message [^>]*id='one'`, `<iq [^>]*id='add'`, `<presence [^>]*id='ask'`])
      expect(juliet.heard).to.match(
        new RegExp(`${what}[^>]*type='error'|${what}.*<resource-constraint`, 's'),
      );
    expect(juliet.heard.match(/<resource-constraint /g)).to.have.length(3);
    expect(await juliet.ask(contact('again', ROMEO))).to.match(REFUSED);
    const stranger = await server.connected();
    expect(await stranger.ask(register('tybalt'))).to.contain(`<error code='500'>`);
    const romeo = await server.connected();
    await romeo.login('romeo');
    juliet.heard = '';
    romeo.socket.write(`<presence/><presence to='juliet@localhost/r'/>`);
    await juliet.hears(/<presence [^>]*from='romeo@localhost\/r'/);
    romeo.socket.end(`<presence type='unavailable'><status>bye</status></presence></stream:stream>`);
    await juliet.hears(/<presence [^>]*type='unavailable'[^>]*from='romeo@localhost\/r'/);
    expect(nurse.heard).to.not.contain('subscribe');
    await lock.release();
    expect(kept()).to.deep.equal([]);
    expect(await juliet.ask(contact('free', ROMEO))).to.contain(`type='result'`);
  });

  it('when somebody has left is stored as soon as it can be, and known before', async () => {
    const ask = `<iq type='get' id='last' to='juliet@localhost'><query xmlns='jabber:iq:last'/></iq>`;
    const again = await server.connected();
    await again.say(
      set(
        'in',
        query('jabber:iq:auth', `<username>juliet</username><password>pass</password><resource>2</resource>`),
      ),
      result('in'),
    );
    lock = await Lock.on(server.directory);
    await juliet.say(`<presence type='unavailable'><status>gone</status></presence>${PING}`, result('ping'));
    expect(await again.ask(ask)).to.match(/seconds='\d'[^>]*>gone</);
    await lock.release();
    const seen = (): unknown =>
      server.inStore(({ accounts }) => accounts.lastActivity('juliet@localhost')?.status);
    while (seen() === undefined) await again.ask(PING);
    expect(seen()).to.equal('gone');
  });

  it('who leaves while what they have sent is held up has sent it all the same', async () => {
    lock = await Lock.on(server.directory);
    juliet.socket.end(`${waiting('last')}</stream:stream>`);
    await nurse.ask(PING);
    await lock.release();
    while (kept().length === 0) await nurse.ask(PING);
    expect(kept()).to.deep.equal(['last']);
  });

  it('is waited for a little when the program stops', async () => {
    lock = await Lock.on(server.directory);
    juliet.socket.write(waiting('one'));
    await nurse.ask(PING);
    server.program.signal('SIGTERM');
    await nurse.hears(/<\/stream:stream>/);
    await lock.release();
    expect(await server.program.exit).to.equal(0);
    expect(kept()).to.deep.equal(['one']);
  });

  it('does not keep the program from stopping, and it is logged', async () => {
    lock = await Lock.on(server.directory);
    juliet.socket.write(waiting('one'));
    await nurse.ask(PING);
    server.program.signal('SIGTERM');
    expect(await server.program.exit).to.equal(0);
    expect(server.program.stderr).to.contain('changes could not be stored');
  });
});
