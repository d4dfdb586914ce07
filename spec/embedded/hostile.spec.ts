import { expect } from 'chai';
import { silent } from '../../lib/observe/log.js';
import { World, type Client } from './support/world.js';

describe('embedded: hostile peers and clients', () => {
  let world: World;
  let juliet: Client;
  let romeo: Client;
  let errors: string[];
  beforeEach(async () => {
    errors = [];
    const error = (message: string, details: unknown): void =>
      void errors.push(message + JSON.stringify(details));
    world = await World.create({ log: { ...silent, error } });
    juliet = await world.login('juliet', 'Balcony');
    romeo = await world.login('romeo', 'Orchard');
  });
  afterEach(() => world.end());

  it('a fault of ours costs one packet, is logged once by the packet’s name, and answers a query', async () => {
    world.store.rosters.list = () => {
      throw new Error('broken');
    };
    const told = await juliet.send(`<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`);
    expect(told(juliet)).to.have.length(1);
    expect(told(juliet)[0]).to.contain(`<error code='500' type='wait'><internal-server-error `);
    expect(errors).to.deep.equal(['a packet could not be handled{"packet":"iq","error":"Error: broken"}']);
    expect(await juliet.ask('get', `<ping xmlns='urn:xmpp:ping'/>`)).to.contain('result');
  });

  it('what a component says to itself comes back to it, as from any jabberd [jabberd 1.1.2]', async () => {
    const mark = `<iq type='result' id='m' sfrom='0@foo-sockets/mark' sto='0@foo-sockets/mark'/>`;
    const [back, ...more] = await world.peer.exchange(mark);
    expect(back.toString()).to.equal(mark);
    expect(more).to.deep.equal([]);
    const other = mark.replaceAll('foo-sockets', 'bar-sockets');
    expect((await world.peer.exchange(other)).map(String)).to.not.include(other);
  });

  it('a fault before login is answered too', async () => {
    world.store.accounts.password = () => {
      throw new Error('broken');
    };
    const [answer] = await world.peer.exchange(
      `<iq type='set' id='a' sfrom='1@foo-sockets/x' sto='localhost'><query xmlns='jabber:iq:auth'><username>a</username>` +
        `<password>b</password><resource>c</resource></query></iq>`,
    );
    expect(answer.child('error')?.attribute('code')).to.equal('500');
    expect(answer.child('query')?.childText('password')).to.equal('');
  });

  it('a fault where nobody waits for an answer is logged, and that is all', async () => {
    world.store.accounts.add('nurse@localhost', 'pass');
    await juliet.send(`<message to='nurse@localhost'><body>x</body></message>`);
    world.store.offline.remove = () => {
      throw new Error('broken');
    };
    const nurse = await world.login('nurse', 'x');
    await nurse.send('<presence/>');
    await nurse.send('');
    expect(errors).to.deep.equal([
      'a small change could not be stored{"change":"offline 1","error":"Error: broken"}',
    ]);
  });

  it('so is one when a lost link is given up', async () => {
    await world.end();
    const log = { ...silent };
    const logged = new Promise((resolve) => (log.error = resolve));
    world = await World.create({ log, limits: { linkAwayTimeout: 0.01 } });
    juliet = await world.login('juliet', 'Balcony');
    await juliet.send('<presence/>');
    world.store.rosters.subscribers = () => {
      throw new Error('broken');
    };
    world.peer.stream.end();
    expect(await logged).to.equal('ending a session failed');
    expect([...world.manager.sessions]).to.deep.equal([]);
  });

  it('names of objects are names like any other', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      await juliet.send(
        `<${name}/>\n<message to='${romeo.full}' ${name}='x'><${name} xmlns='${name}'/></message>`,
      );
      await juliet.send(`<presence type='${name}' to='${romeo.full}'/>\n<iq type='${name}'/>`);
      expect(await juliet.ask('get', `<query xmlns='${name}'/>`)).to.contain('<service-unavailable ');
      expect(
        await juliet.ask('set', `<query xmlns='jabber:iq:roster'><item jid='${name}'/></query>`),
      ).to.contain('result');
    }
    expect(errors).to.deep.equal([]);
  });

  it('trees up to the depth that the stream allows go through', async () => {
    const deep = `${'<a>'.repeat(98)}${'</a>'.repeat(98)}`;
    const told = await juliet.send(`<message to='${romeo.full}'><body>x</body>${deep}</message>`);
    expect(told(romeo)).to.have.length(1);
  });

  it('a storm of presence is answered, and no more than that', async () => {
    const storm = `<presence/>\n<presence type='unavailable'/>\n`.repeat(500);
    expect((await juliet.send(storm))(juliet)).to.have.length(1000);
    expect(errors).to.deep.equal([]);
  });

  it('what grows too long on its way does not travel: it could cost everybody the link', async () => {
    const grows = `x="${`'`.repeat(200_000)}"`; // six bytes each when written by us
    const told = await juliet.send(`<message to='${romeo.full}' id='m' ${grows}><body/></message>`);
    expect(told(romeo)).to.deep.equal([]);
    expect(told(juliet)[0]).to.match(/^<message [^>]*id='m'[^>]*><error [^>]*><not-acceptable /);
    const asked = await juliet.send(`<iq type='get' to='${romeo.full}' id='q' ${grows}><q xmlns='u'/></iq>`);
    expect(told(romeo)).to.deep.equal([]);
    expect(asked(juliet)[0]).to.match(/^<iq [^>]*id='q'[^>]*><error /);
  });

  it('what is too long to be given back is not, but the socket hears that its session is gone', async () => {
    await juliet.leave();
    const told = await juliet.send(`<message x="${`'`.repeat(200_000)}"><body/></message>`);
    expect(told(juliet)).to.deep.equal([
      `<message type='error'><error code='510'>Disconnected</error></message>`,
    ]);
  });

  it('an answer that grows too long is an error', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const set = `<query xmlns='jabber:iq:private'><${name} xmlns='u'>${'x'.repeat(250_000)}</${name}></query>`;
      expect(await juliet.ask('set', set)).to.contain('result');
    }
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) => `<${name} xmlns='u'/>`).join('');
    expect(await juliet.ask('get', `<query xmlns='jabber:iq:private'>${all}</query>`)).to.contain(
      '<resource-constraint ',
    );
  });

  it('nor is it kept for later', async () => {
    world.store.accounts.add('nurse@localhost', 'pass');
    const told = await juliet.send(
      `<message to='nurse@localhost' x="${`'`.repeat(200_000)}"><body/></message>`,
    );
    expect(told(juliet)[0]).to.contain('<not-acceptable ');
    expect(world.store.offline.list('nurse@localhost')).to.deep.equal([]);
  });

  it('a presence has a bound, since it goes to so many', async () => {
    const told = await juliet.send(`<presence><status>${'x'.repeat(17_000)}</status></presence>`);
    expect(told(juliet)).to.have.length(1);
    expect(told(juliet)[0]).to.contain('<not-acceptable ');
  });

  it('a user has so many sessions at a time, and may always replace one', async () => {
    await world.end();
    world = await World.create({ limits: { sessions: 2 } });
    for (const resource of ['a', 'b', 'b']) await world.login('juliet', resource);
    const third = world.login('juliet', 'c').then(
      () => 'accepted',
      () => 'refused',
    );
    expect(await third).to.equal('refused');
  });

  it('random packets of the right vocabulary never end the link', async () => {
    const pick = <Value>(values: readonly Value[]): Value =>
      values[(seed = (seed * 48271) % 2147483647) % values.length];
    let seed = 20001002;
    const addresses = [
      '',
      '@',
      'localhost',
      juliet.bare,
      juliet.full,
      romeo.full,
      'x@localhost',
      'a@elsewhere',
      '/',
    ];
    const types = [
      'get',
      'set',
      'result',
      'error',
      'subscribe',
      'subscribed',
      'unsubscribe',
      'unsubscribed',
      'probe',
      'chat',
      '',
    ];
    const spaces = [
      'jabber:iq:auth',
      'jabber:iq:register',
      'jabber:iq:roster',
      'vcard-temp',
      'jabber:iq:private',
      'jabber:iq:last',
      'urn:x',
    ];
    const child = (): string =>
      pick([
        '',
        `<error code='510' type='${pick(types)}'/>`,
        `<query xmlns='${pick(spaces)}'/>`,
        `<query xmlns='${pick(spaces)}'><item jid='${pick(addresses)}' subscription='${pick(['remove', 'x'])}'/><username/><password/></query>`,
        '<body>x</body>',
        '<priority>x</priority>',
      ]);
    let text = '';
    for (let count = 0; count < 3000; count += 1) {
      const name = pick(['iq', 'message', 'presence', 'foo']);
      const socket = pick([juliet.socket, romeo.socket, '12@foo-sockets', 'x', '']);
      text += `<${name} sto='${pick(addresses)}' sfrom='${socket}' to='${pick(addresses)}' from='${pick(addresses)}' type='${pick(types)}'>${child()}${child()}</${name}>`;
    }
    await world.peer.exchange(text);
    expect(errors).to.deep.equal([]);
    expect(await world.peer.exchange('')).to.deep.equal([]);
  });
});
