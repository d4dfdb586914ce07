import { JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story } from '../support/jabberd2-story.js';
import { describeWith } from '../support/needs.js';
import { expectDone, expectError, served } from '../support/user.js';

describeWith('jabberd2', JABBERD2, 'interop: domains of a real jabberd2', () => {
  describe('two on one sm, one on another', () => {
    const held = Jabberd2Story.around({
      sms: { 'first-sm': ['one.test', 'two.test'], 'second-sm': ['three.test'] },
    });

    it('each has its own users, who talk with each other', async () => {
      const { story } = held;
      const users = await Promise.all(
        story.jabberd.domains.map((domain) => story.member('alice', { domain })),
      );
      for (const from of users) {
        for (const to of users) from.say(to.full, `from ${from.bare}`);
      }
      for (const to of users) {
        for (const from of users) await to.hears(`from ${from.bare}`);
      }
    });

    it('a password of one is of no use at another', async () => {
      const { story } = held;
      await story.account('bob', { domain: 'one.test' });
      expectError(await (await story.user('bob', { domain: 'two.test' })).login(), '401');
      expectDone(await (await story.user('bob', { domain: 'one.test' })).login());
    });

    it('one sm is killed: only its users are told, and their domain refused', async () => {
      const { story } = held;
      const lost = await story.member('carol', { domain: 'three.test' });
      const kept = await story.member('carol', { domain: 'two.test' });
      await story.befriend(lost, kept);
      const { jabberd } = story;
      const sm = jabberd.sms.get('second-sm')!;
      await sm.kill();
      await lost.isTold('remote-connection-failed');
      await (await story.user('carol', { domain: 'three.test' })).isTold('remote-connection-failed');
      await kept.roundTrip();
      await story.member('dave', { domain: 'one.test' });

      await sm.start();
      await served(story.front.port, 'three.test');
      const back = await story.login('carol', { domain: 'three.test' });
      kept.say(back.full, 'you are back');
      await back.hears('you are back');
    });

    it('a domain that nobody serves is refused', async () => {
      const { story } = held;
      await (await story.user('alice', { domain: 'four.test' })).isTold('host-unknown');
    });
  });

  for (const [title, domains] of [
    ['as the router has them', []],
    ['as configured, in the other spelling too', ['b\u00fccher.test', 'xn--bcher-kva.test', 'one.test']],
  ] as const) {
    describe(`an internationalized one, ${title}`, () => {
      const U = 'b\u00fccher.test';
      const A = 'xn--bcher-kva.test';
      const held = Jabberd2Story.around({ sms: { sm: ['one.test', U] } }, { domains });

      it('is one, however its clients spell it', async () => {
        const { story } = held;
        await story.account('alice', { domain: A });
        await story.account('bob', { domain: U });
        const one = await story.user('alice', { domain: U, resource: 'u' });
        const other = await story.user('bob', { domain: A, resource: 'a' });
        for (const user of [one, other]) {
          expectDone(await user.login());
          user.send('<presence/>');
          await user.roundTrip();
        }
        for (const domain of [U, A, 'B\u00dcCHER.test', 'XN--BCHER-KVA.TEST']) {
          one.say(`bob@${domain}/a`, `to ${domain}`);
          const heard = await other.hears(`to ${domain}`);
          if (heard.attribute('from') !== `alice@${A}/u`) throw new Error(heard.toString());
          other.say(`alice@${domain}/u`, `back to ${domain}`);
          await one.hears(`back to ${domain}`);
        }
      });
    });
  }

  describe('only some are to be served', () => {
    const held = Jabberd2Story.around({ sms: { sm: ['one.test', 'two.test'] } }, { domains: ['one.test'] });

    it('the others are refused', async () => {
      const { story } = held;
      await story.member('alice', { domain: 'one.test' });
      await (await story.user('alice', { domain: 'two.test' })).isTold('host-unknown');
    });
  });

  describe('an sm whose id is its domain', () => {
    const held = Jabberd2Story.around({ sms: { localhost: ['localhost'] } });

    it('has users, and tells them when it is gone', async () => {
      const { story } = held;
      const alice = await story.member('alice');
      const bob = await story.member('bob');
      await story.befriend(alice, bob);
      await bob.leave();
      await alice.sees(bob.full, 'unavailable');
      const { sm } = story.jabberd;
      await sm.kill();
      await alice.isTold('remote-connection-failed');
      await sm.start();
      await served(story.front.port);
      await story.login('alice');
    });
  });
});
