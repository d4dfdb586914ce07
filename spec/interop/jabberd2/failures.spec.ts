import { expect } from 'chai';
import { element } from '../../../lib/xml/index.js';
import { LESSER_USER, JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story, NAME } from '../support/jabberd2-story.js';
import { describeWith } from '../support/needs.js';
import { expectError, served, type User } from '../support/user.js';

const roster = element('query', { xmlns: 'jabber:iq:roster' });

/** What a client is told whose session manager is not there. */
const AWAY = 'remote-connection-failed';

describeWith('jabberd2', JABBERD2, 'interop: the sm of a real jabberd2 fails', () => {
  const held = Jabberd2Story.around();

  it('it is killed: everybody is told at once, nobody gets in meanwhile, everybody after its return', async () => {
    const { story } = held;
    const { sm } = story.jabberd;
    const idle = await story.member('alice');
    const busy = await story.member('bob');
    await story.befriend(idle, busy);
    const entering = await story.user('bob', { resource: 'second' });
    const waiting = await story.user('alice', { resource: 'late' });

    sm.running.signal('SIGSTOP');
    busy.request('get', roster);
    const login = entering.request('set', entering.credentials());
    await smHas(story, 'second');
    await sm.kill();
    await Promise.all([idle.isTold(AWAY), busy.isTold(AWAY)]);
    expectError(await entering.answer(login), '500');
    expectError(await waiting.login(), '500');
    await (await story.user('alice')).isTold(AWAY);

    await sm.start();
    await served(story.front.port);
    const back = await story.login('bob');
    expectGhostless(back, idle);
    await story.login('alice');
    await back.sees(idle.full);
  });

  it('it is stopped: everybody is told, and gets in after its return', async () => {
    const { story } = held;
    const { sm } = story.jabberd;
    const user = await story.member('carol');
    await sm.terminate();
    expect((await user.end()).error).to.be.a('string');
    await (await story.user('carol')).isTold(AWAY);

    await sm.start();
    await served(story.front.port);
    await story.login('carol');
  });

  it('it loses only its link: the sessions that it kept are ended, and no message goes to a ghost', async () => {
    const { story } = held;
    const { jabberd } = story;
    const user = await story.member('dave');
    const friend = await story.member('erin');
    await story.befriend(user, friend);

    jabberd.line('sm').cut();
    await Promise.all([user.isTold(AWAY), friend.isTold(AWAY)]);
    const { said } = jabberd;
    jabberd.line('sm').mend();
    await jabberd.announced(['sm', 'localhost'], 'online', said);
    await served(story.front.port);
    await jabberd.sm.prints(/session ended: jid=dave@localhost/);
    await jabberd.sm.prints(/session ended: jid=erin@localhost/);

    const back = await story.login('erin', { resource: 'elsewhere' });
    expectGhostless(back, user);
    back.say(user.bare, 'for whoever comes');
    await back.roundTrip();
    await (await story.login('dave', { resource: 'elsewhere' })).hears('for whoever comes');
  });
});

describeWith('jabberd2', JABBERD2, 'interop: the router of a real jabberd2 fails', () => {
  const held = Jabberd2Story.around();

  async function away(): Promise<void> {
    const { jabberd, front } = held.story;
    const before = front.running.lines.length;
    await jabberd.router.kill();
    await front.logged('the loss', ({ message }) => message.startsWith('lost link'), before);
  }

  async function back(): Promise<void> {
    const { jabberd } = held.story;
    await jabberd.router.start();
    await jabberd.announced(['sm', 'localhost', NAME]);
  }

  it('sessions survive, and what is sent meanwhile arrives', async () => {
    const { story } = held;
    const idle = await story.member('alice');
    const busy = await story.member('bob');
    await story.befriend(idle, busy);
    await away();
    busy.say(idle.full, 'sent while it was away');
    const question = busy.request('get', roster);
    await (await story.user('alice')).isTold(AWAY);
    await back();
    await served(story.front.port);
    expect((await busy.answer(question)).attribute('type')).to.equal('result');
    await idle.hears('sent while it was away');
    idle.say(busy.full, 'sent after');
    await busy.hears('sent after');
    await busy.leave();
    await idle.sees(busy.full, 'unavailable');
  });

  it('who leaves meanwhile is seen to leave', async () => {
    const { story } = held;
    const leaving = await story.member('carol');
    const friend = await story.member('dave');
    await story.befriend(leaving, friend);
    await away();
    await leaving.leave();
    await back();
    await served(story.front.port);
    await friend.sees(leaving.full, 'unavailable');
    friend.say(leaving.bare, 'kept');
    await friend.roundTrip();
    await (await story.login('carol', { resource: 'other' })).hears('kept');
  });

  it('who logs in or registers meanwhile is refused, and no password is left behind', async () => {
    const { story } = held;
    await story.account('erin');
    const entering = await story.user('erin');
    const registering = await story.user('frank');
    await away();
    expectError(await entering.login(), '500');
    expectError(await registering.register(), '503');
    await back();
    await served(story.front.port);
    expect(story.jabberd.password('frank')).to.equal(undefined);
    await (await story.user('frank')).register();
    await story.login('frank');
  });

  it('it is not there at the start: it is waited for', async () => {
    const { story } = held;
    const { jabberd, front } = story;
    await story.account('grace');
    await front.terminate();
    await jabberd.router.kill();
    const started = front.start();
    await front.logged('no link', ({ message }) => message.startsWith('no link to the router'));
    await back();
    await started;
    await served(front.port);
    await story.login('grace');
  });
});

describeWith('jabberd2', JABBERD2, 'interop: the link to the router of a real jabberd2 fails', () => {
  const held = Jabberd2Story.around({ c2s: true });

  it('it breaks: clients are told that their sessions are dead, and contacts see them leave', async () => {
    const { story } = held;
    const idle = await story.member('alice');
    const friend = await story.member('bob', { port: story.jabberd.clientPort });
    await story.befriend(idle, friend);
    story.line.break();
    await friend.sees(idle.full, 'unavailable');
    expect((await idle.end()).error).to.be.a('string');

    friend.say(idle.bare, 'kept');
    await friend.roundTrip();
    await served(story.front.port);
    await (await story.login('alice')).hears('kept');
    await friend.sees(idle.full);
  });

  it('who sends before knowing of it is told that it did not arrive, and the end', async () => {
    const { story } = held;
    const busy = await story.member('carol');
    const friend = await story.member('dave', { port: story.jabberd.clientPort });
    await story.befriend(busy, friend);
    story.line.cut();
    await friend.sees(busy.full, 'unavailable');
    busy.say(friend.full, 'into nothing');
    story.line.mend();
    await busy.end();
    const returned = busy.waiting((stanza) => stanza.childText('body') === 'into nothing');
    expect(returned.map(({ attributes }) => attributes.get('type'))).to.deep.equal(['error']);
    await served(story.front.port);
    await story.login('carol');
    await friend.sees(busy.full);
  });

  it('it stalls: nothing is lost, and everything in order', async () => {
    const { story } = held;
    const user = await story.member('erin');
    const friend = await story.member('frank', { port: story.jabberd.clientPort });
    story.line.stall();
    for (let count = 0; count < 20; count += 1) user.say(friend.full, `stalled ${count}`);
    friend.say(user.full, 'the other way');
    await friend.roundTrip();
    story.line.mend();
    await friend.hears('stalled 19');
    const earlier = friend
      .waiting(({ name }) => name === 'message')
      .map((stanza) => stanza.childText('body'));
    expect(earlier).to.deep.equal(Array.from({ length: 19 }, (_, count) => `stalled ${count}`));
    await user.hears('the other way');
  });
});

describeWith('jabberd2', JABBERD2, 'interop: sm-component at the router of a real jabberd2', () => {
  const held = Jabberd2Story.around({ c2s: true });

  it('is killed: contacts see its clients leave, and their messages are kept', async () => {
    const { story } = held;
    const user = await story.member('alice');
    const friend = await story.member('bob', { port: story.jabberd.clientPort });
    await story.befriend(user, friend);
    await story.front.kill();
    await friend.sees(user.full, 'unavailable');
    friend.say(user.bare, 'kept');
    await friend.roundTrip();
    await story.front.start();
    await served(story.front.port);
    await (await story.login('alice')).hears('kept');
    await friend.sees(user.full);
  });

  it('is stopped: clients are told, and contacts see them leave', async () => {
    const { story } = held;
    const user = await story.member('carol');
    const friend = await story.member('dave', { port: story.jabberd.clientPort });
    await story.befriend(user, friend);
    const unknown = await story.user('carol');
    expect(await story.front.terminate()).to.equal(0);
    await Promise.all([user.isTold('system-shutdown'), unknown.isTold('system-shutdown')]);
    await friend.sees(user.full, 'unavailable');
    await story.jabberd.announced([NAME], 'offline');
    await story.front.start();
    await served(story.front.port);
    await story.login('carol');
  });

  it('with a wrong secret says so, and goes on trying', async () => {
    const another = held.story.another({ name: 'other-c2s', secret: 'wrong' });
    another.launch();
    const isIt = ({ message }: { message: string }): boolean =>
      /secret of the router user jabberd is wrong/.test(message);
    await another.logged('what is wrong', isIt);
    expect(await another.terminate()).to.equal(0);
  });

  it('with a name that is taken says so, and ends', async () => {
    const another = held.story.another({ name: NAME });
    another.launch();
    expect(await another.running.ended()).to.equal(1);
    expect(another.running.tail()).to.match(/refuses the name our-c2s \(409\): another component has it/);
    const user = await held.story.member('erin');
    await user.roundTrip();
  });

  it('as a user that may not bind the name says so, and ends', async () => {
    const another = held.story.another({ name: 'other-c2s', user: LESSER_USER });
    another.launch();
    expect(await another.running.ended()).to.equal(1);
    expect(another.running.tail()).to.match(
      /refuses the name other-c2s \(403\): the user lesser may bind only/,
    );
  });
});

/** The packet that asks for a session with this resource is on its way to the sm. */
async function smHas(story: Jabberd2Story, resource: string): Promise<void> {
  const line = story.jabberd.line('sm');
  while (!line.passed.includes(`/${resource}'`)) await line.moved();
}

/** Whoever logs in is told who is there: nobody who is gone. */
function expectGhostless(user: User, gone: User): void {
  const ghosts = user.waiting(
    ({ name, attributes }) =>
      name === 'presence' && attributes.get('from') === gone.full && !attributes.has('type'),
  );
  expect(ghosts.map(String)).to.deep.equal([]);
}
