import { expect } from 'chai';
import { element, type Element } from '../../../lib/xml/index.js';
import { JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story, passwordOf } from '../support/jabberd2-story.js';
import { describeWith } from '../support/needs.js';
import { expectDone, expectError } from '../support/user.js';

describeWith('jabberd2', JABBERD2, 'interop: users of a real jabberd2', () => {
  const held = Jabberd2Story.around();

  it('an account is made in-band, and logs in with the password and by digest', async () => {
    const { story } = held;
    const alice = await story.user('alice', { resource: 'one' });
    expectDone(await alice.register());
    expect(story.jabberd.password('alice')).to.equal(passwordOf('alice'));
    expect(story.jabberd.isUser('alice@localhost')).to.equal(true);
    expectDone(await alice.login());

    const again = await story.user('alice', { resource: 'two' });
    expectDone(await again.loginByDigest());
    alice.send('<presence/>');
    await alice.roundTrip();
  });

  it('a name that is taken is not given twice, and keeps its password', async () => {
    const { story } = held;
    await story.account('taken');
    const other = await story.user('taken');
    expectError(await other.register('another'), '409');
    expect(story.jabberd.password('taken')).to.equal(passwordOf('taken'));
  });

  it('a wrong password is refused, and the right one taken after it', async () => {
    const { story } = held;
    await story.account('forgetful');
    const user = await story.user('forgetful');
    expectError(await user.login('wrong'), '401');
    expectError(await user.loginByDigest('wrong'), '401');
    expectDone(await user.login());
  });

  it('two see each other come and go, and talk both ways', async () => {
    const { story } = held;
    const romeo = await story.member('romeo', { resource: 'garden' });
    const juliet = await story.member('juliet', { resource: 'balcony' });
    await story.befriend(romeo, juliet);
    romeo.say(juliet.full, 'But, soft! what light?');
    expect((await juliet.hears('But, soft! what light?')).attribute('from')).to.equal(romeo.full);
    juliet.say(romeo.bare, 'Ay me! <"&\'> é日😀');
    expect((await romeo.hears('Ay me! <"&\'> é日😀')).attribute('from')).to.equal(juliet.full);

    await romeo.leave();
    await juliet.sees(romeo.full, 'unavailable');
    const back = await story.login('romeo', { resource: 'garden' });
    await juliet.sees(back.full);
    back.socket.resetAndDestroy();
    await juliet.sees(back.full, 'unavailable');
  });

  it('a message to somebody who is away is kept, and told with the time it was sent', async () => {
    const { story } = held;
    const nurse = await story.member('nurse');
    await story.account('friar');
    nurse.say('friar@localhost', 'kept for you');
    await nurse.roundTrip();
    const friar = await story.login('friar');
    const message = await friar.hears('kept for you');
    expect(message.attribute('from')).to.equal(nurse.full);
    expect(message.child('delay')?.attribute('stamp')).to.be.a('string');
  });

  it('a change of the roster is told to both resources', async () => {
    const { story } = held;
    const one = await story.member('capulet', { resource: 'one' });
    const two = await story.login('capulet', { resource: 'two' });
    const query = (...items: Parameters<typeof element>[2][]) =>
      element('query', { xmlns: 'jabber:iq:roster' }, ...items);
    for (const user of [one, two]) expectDone(await user.ask('get', query()));

    expectDone(await one.ask('set', query(element('item', { jid: 'tybalt@localhost', name: 'Tybalt' }))));
    for (const user of [one, two]) {
      const push = await user.find('a roster push', ({ attributes }) => attributes.get('type') === 'set');
      const item = push.child('query', 'jabber:iq:roster')?.child('item');
      expect(item?.attribute('jid')).to.equal('tybalt@localhost');
      user.send(element('iq', { type: 'result', id: push.attribute('id') }).toString());
    }
    const roster = await two.ask('get', query());
    expect(roster.child('query')?.child('item')?.attribute('name')).to.equal('Tybalt');
  });

  it('a second login with the same resource ends the first, and takes its place', async () => {
    const { story } = held;
    const first = await story.member('paris');
    const friend = await story.member('lady');
    await story.befriend(first, friend);
    const second = await story.login('paris');
    await first.isTold('conflict');
    friend.say(second.full, 'which of you?');
    await second.hears('which of you?');
  });

  it('of many logins in the same moment one remains, and works', async () => {
    const { story } = held;
    await story.account('many');
    const all = await Promise.all([1, 2, 3, 4].map(() => story.user('many')));
    for (const user of all) user.request('set', user.credentials());
    await Promise.all(all.map((user) => user.answer('desk-1')));
    const fates = await Promise.all(all.map((user) => user.fate()));
    const ended = fates.filter((fate) => fate !== 'works');
    expect(ended).to.deep.equal(Array(3).fill({ error: 'conflict', closed: true }));
  });

  it('an account is removed with all its sessions, and the name is free again', async () => {
    const { story } = held;
    const leaving = await story.member('leaving', { resource: 'one' });
    const friend = await story.member('left-behind');
    await story.befriend(leaving, friend);
    const elsewhere = await story.login('leaving', { resource: 'two' });
    await friend.sees(elsewhere.full);

    expectDone(await leaving.unregister());
    await Promise.all([leaving.end(), elsewhere.end()]);
    await friend.sees(leaving.full, 'unavailable');
    await friend.sees(elsewhere.full, 'unavailable');
    expect(story.jabberd.password('leaving')).to.equal(undefined);
    expect(story.jabberd.isUser('leaving@localhost')).to.equal(false);

    const again = await story.user('leaving');
    expectError(await again.login(), '401');
    expectDone(await again.register('new'));
    expectDone(await again.login('new'));
  });

  it('a password is changed over the session: the old one is of no use, the new one is', async () => {
    const { story } = held;
    const user = await story.member('careful');
    expectDone(await user.changePassword('n&w "one"'));
    expect(story.jabberd.password('careful')).to.equal('n&w "one"');
    const other = await story.user('careful', { resource: 'other' });
    expectError(await other.login(), '401');
    expectDone(await other.login('n&w "one"'));
    await user.roundTrip();
  });

  it('nobody changes or removes the account of another', async () => {
    const { story } = held;
    await story.account('victim');
    const user = await story.member('intruder');
    const answer = await user.register('mine now', 'victim');
    expect(answer.attribute('type')).to.equal('error');
    expect(story.jabberd.password('victim')).to.equal(passwordOf('victim'));
    await user.roundTrip();
  });

  it('whom the sm does not know it is told of at the first login', async () => {
    const { story } = held;
    story.jabberd.addPassword('unknown', passwordOf('unknown'));
    const wrong = await story.user('unknown');
    expectError(await wrong.login('not this'), '401');
    expect(story.jabberd.isUser('unknown@localhost')).to.equal(false);
    const user = await story.login('unknown');
    expect(story.jabberd.isUser('unknown@localhost')).to.equal(true);
    user.say(user.bare, 'to myself');
    await user.hears('to myself');
  });

  it('many first logins of such a user in the same moment all work', async () => {
    const { story } = held;
    story.jabberd.addPassword('eager', passwordOf('eager'));
    const resources = ['one', 'two', 'three', 'four'];
    const all = await Promise.all(resources.map((resource) => story.user('eager', { resource })));
    for (const answer of await Promise.all(all.map((user) => user.login()))) expectDone(answer);
    for (const user of all) await user.roundTrip();
  });

  it('an account that the sm refuses is not made: no password is left behind', async () => {
    const { story } = held;
    story.jabberd.addUser('half@localhost');
    const user = await story.user('half');
    expectError(await user.register(), '500');
    expect(story.jabberd.password('half')).to.equal(undefined);
  });

  it('what the sm would drop in silence is answered', async () => {
    const { story } = held;
    const user = await story.member('odd');
    user.send(`<iq id='no-type'><query xmlns='jabber:iq:roster'/></iq>`);
    expectError(await user.answer('no-type'), '400');
    user.send(`<iq type='bogus' id='bogus'><query xmlns='jabber:iq:roster'/></iq>`);
    expectError(await user.answer('bogus'), '400');
    await user.roundTrip();
    user.send('<foo/>');
    await user.isTold('unsupported-stanza-type');
  });

  it('who sends more than a stanza may have is told, and contacts see it leave', async () => {
    const { story } = held;
    const user = await story.member('verbose');
    const friend = await story.member('patient');
    await story.befriend(user, friend);
    user.say(friend.full, 'a'.repeat(60_000));
    await friend.hears('a'.repeat(60_000));
    user.say(friend.full, 'b'.repeat(300_000));
    await user.isTold('policy-violation');
    await friend.sees(user.full, 'unavailable');
  });

  it('who sends what is no XML is told, and contacts see it leave', async () => {
    const { story } = held;
    const user = await story.member('garbled');
    const friend = await story.member('reader');
    await story.befriend(user, friend);
    user.send('<message><body>x</message>');
    await user.isTold('not-well-formed');
    await friend.sees(user.full, 'unavailable');
  });

  it('who does not read is ended, and gets at the next login what waited for it', async () => {
    const { story } = held;
    const deaf = await story.member('deaf');
    const talker = await story.member('talker');
    await story.befriend(deaf, talker);
    deaf.socket.pause();
    const long = 'x'.repeat(10_000);
    let count = 0;
    const isGone = (stanza: Element): boolean => stanza.attribute('type') === 'unavailable';
    for (; talker.waiting(isGone).length === 0; await talker.roundTrip()) {
      for (const last = count + 20; count < last; count += 1) talker.say(deaf.bare, `${count} ${long}`);
    }
    await talker.sees(deaf.full, 'unavailable');
    const back = await story.login('deaf');
    await back.hears(`${count - 1} ${long}`);
  });
});

describeWith('jabberd2', JABBERD2, 'interop: users of a real jabberd2, accounts of sm-component', () => {
  const held = Jabberd2Story.around({}, { credentials: 'embedded' });

  it('makes, uses, changes and removes an account', async () => {
    const { story } = held;
    const user = await story.member('own');
    expect(story.jabberd.password('own')).to.equal(undefined);
    expectDone(await user.changePassword('another'));
    const elsewhere = await story.user('own', { resource: 'elsewhere' });
    expectError(await elsewhere.loginByDigest(), '401');
    expectDone(await elsewhere.loginByDigest('another'));
    expectDone(await user.unregister());
    await Promise.all([user.end(), elsewhere.end()]);
    expectDone(await (await story.user('own')).register());
  });
});
