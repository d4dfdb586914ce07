import { expect } from 'chai';
import { JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story } from '../support/jabberd2-story.js';
import { describeWith } from '../support/needs.js';
import type { User } from '../support/user.js';

const COUNT = 20_000;
/** Its router keeps what an sm has no time for, without a limit: it must not get to know of it. */
const BODY = 'x'.repeat(200);

describeWith('jabberd2', JABBERD2, 'interop: floods in front of a real jabberd2', () => {
  const held = Jabberd2Story.around({ sms: { 'first-sm': ['one.test'], 'second-sm': ['two.test'] } });

  it('what is sent to an sm that hangs stays with its sender; the other sm and its users know nothing of it', async () => {
    const { story } = held;
    const { running } = story.jabberd.sms.get('first-sm')!;
    const flooder = await story.member('flooder', { domain: 'one.test' });
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map((name) => story.member(name, { domain: 'two.test' })),
    );
    // Now it is known how long that sm takes.
    await flood(flooder, 0, 1_000);
    await arrived(flooder, 0, 1_000);
    const before = story.line.passed.length;
    running.signal('SIGSTOP');
    let isTaken = false;
    const sent = flood(flooder, 1_000, COUNT).then(() => (isTaken = true));
    for (let round = 0; round < 200; round += 1) {
      alice.say(bob.full, `round ${round}`);
      await bob.hears(`round ${round}`);
    }
    expect(isTaken, 'all was read').to.equal(false);
    expect(story.line.passed.length - before, 'characters for the router').to.be.below(5_000_000);

    running.signal('SIGCONT');
    await sent;
    await arrived(flooder, 1_000, COUNT);
    await flooder.roundTrip();
    expect(story.front.complaints()).to.deep.equal([]);
  });
});

/** Messages to oneself; what waits for them is what they say. @returns when all has left */
function flood(user: User, from: number, to: number): Promise<void> {
  let text = '';
  for (let id = from; id < to; id += 1) {
    text += `<message to='${user.full}' id='${id}'><body>${BODY}</body></message>`;
  }
  return user.sent(text);
}

/** All of them, in order. */
async function arrived(user: User, from: number, to: number): Promise<void> {
  for (let id = from; id < to; id += 1) {
    const message = await user.find(`message ${id}`, ({ name }) => name === 'message');
    expect(message.attribute('id')).to.equal(String(id));
  }
}
