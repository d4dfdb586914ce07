import { expect } from 'chai';
import { JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story, passwordOf } from '../support/jabberd2-story.js';
import { describeWith } from '../support/needs.js';
import { expectDone, expectError } from '../support/user.js';

describeWith('jabberd2', JABBERD2, 'interop: beside the c2s of a real jabberd2', () => {
  const held = Jabberd2Story.around({ c2s: true });

  /** By the c2s that is jabberd2's own. */
  const theirs = () => ({ port: held.story.jabberd.clientPort });

  it('an account that either has made is good for both', async () => {
    const { story } = held;
    await story.account('made-by-them', theirs());
    expectDone(await (await story.user('made-by-them')).loginByDigest());
    await story.account('made-by-us');
    expectDone(await (await story.user('made-by-us', theirs())).loginByDigest());
    expectError(await (await story.user('made-by-them')).register(), '409');
    expectError(await (await story.user('made-by-us', theirs())).register(), '409');
  });

  it('a password that was changed by one is the password at the other', async () => {
    const { story } = held;
    const ours = await story.member('alice');
    expectDone(await ours.changePassword('second'));
    const there = await story.user('alice', { ...theirs(), resource: 'there' });
    expectError(await there.login(), '401');
    expectDone(await there.login('second'));
    expectDone(await there.changePassword(passwordOf('alice')));
    expectDone(await (await story.user('alice', { resource: 'here' })).login());
  });

  it('users of both see each other come and go, and talk', async () => {
    const { story } = held;
    const ours = await story.member('bob');
    const their = await story.member('carol', theirs());
    await story.befriend(ours, their);
    ours.say(their.full, 'across');
    await their.hears('across');
    their.say(ours.bare, 'and back');
    await ours.hears('and back');
    await ours.leave();
    await their.sees(ours.full, 'unavailable');
    const back = await story.login('bob');
    await their.sees(back.full);
    await their.leave();
    await back.sees(their.full, 'unavailable');
  });

  it('one user with a resource at each has both told of what is sent to a resource', async () => {
    const { story } = held;
    const here = await story.member('dave', { resource: 'here' });
    const there = await story.login('dave', { ...theirs(), resource: 'there' });
    here.say(there.full, 'to the other side');
    await there.hears('to the other side');
    there.say(here.full, 'to this side');
    await here.hears('to this side');
  });

  it('the same resource at the other side ends the first, in either direction', async () => {
    const { story } = held;
    const first = await story.member('erin');
    const second = await story.login('erin', theirs());
    await first.isTold('conflict');
    const third = await story.login('erin');
    await second.isTold('conflict');
    await third.roundTrip();
  });

  it('an account that one removes is removed with its sessions at both', async () => {
    const { story } = held;
    const here = await story.member('frank', { resource: 'here' });
    const there = await story.login('frank', { ...theirs(), resource: 'there' });
    expectDone(await here.unregister());
    await Promise.all([here.end(), there.end()]);
    expectError(await (await story.user('frank', theirs())).login(), '401');
    expect(story.jabberd.password('frank')).to.equal(undefined);

    expectDone(await (await story.user('frank', theirs())).register());
    const again = await story.login('frank', { ...theirs(), resource: 'there' });
    const ours = await story.login('frank', { resource: 'here' });
    expectDone(await again.unregister());
    await Promise.all([again.end(), ours.end()]);
  });

  it('the end of the other c2s harms nobody here', async () => {
    const { story } = held;
    const ours = await story.member('grace');
    const their = await story.member('heidi', theirs());
    await story.befriend(ours, their);
    await story.jabberd.c2s!.kill();
    await ours.sees(their.full, 'unavailable');
    ours.say(their.bare, 'kept for you');
    await ours.roundTrip();
    await (await story.login('heidi')).hears('kept for you');
    await story.jabberd.c2s!.start();
    await story.login('heidi', theirs());
  });
});
