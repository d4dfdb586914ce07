/** How much of what clients say is on its way to each sm. [jabberd2 2.7.0 router: keeps what an sm has no time for] */
import { expect } from 'chai';
import { once } from 'node:events';
import { authSet } from '../support/client.js';
import { toldRouter, turns, type Guest, type RouterStory } from '../support/router-story.js';
import { advert } from '../support/scripted-router.js';

const COUNT = 1_000;
/** What may be on its way at first, with what was sent before that was much; a packet counts a little more than it has. */
const FIRST = 262_144 * (9 / 8);
const PACKET = 256;

const text = (prefix: string, count: number): string => {
  let all = '';
  for (let id = 0; id < count; id += 1) {
    all += `<message id='${prefix}${id}'><body>${'x'.repeat(1_000)}</body></message>`;
  }
  return all;
};

/** A session of another sm. */
async function elsewhere(story: RouterStory): Promise<Guest> {
  const guest = await story.client('elsewhere', `to='vhost.test' version='1.0'`);
  guest.send(authSet('juliet').replace('pass<', 'other<'));
  await story.expectStart(guest, 'juliet@vhost.test/Balcony');
  guest.at = 'vhost.test';
  await story.open(guest);
  return guest;
}

/** The next messages, in order; what else comes is not looked at. */
async function expectMessages(story: RouterStory, prefix: string, count: number): Promise<void> {
  for (let id = 0; id < count;) {
    const [, found] = /<message[^>]* id='(\w+)'/.exec(await story.link.source()) ?? [];
    if (found === undefined) continue;
    expect(found).to.equal(`${prefix}${id}`);
    id += 1;
  }
}

describe('an sm that has no time for what it gets', function () {
  this.timeout(20_000);

  it(
    'is sent no more than it takes, which probes of sessions that nobody has show; another one is not slower for it',
    toldRouter(async (story) => {
      story.link.returnsProbes = false;
      const juliet = await story.user('juliet');
      const other = await elsewhere(story);
      const marks: string[] = [];
      const seen = { juliet: 0, other: 0, cost: 0 };
      const next = async (): Promise<void> => {
        const source = await story.link.source();
        const [, who, id] = /<message[^>]* id='([jo])(\d+)'/.exec(source) ?? [];
        if (who === undefined) return void marks.push(source);
        seen.cost += source.length + PACKET;
        if (who === 'j') expect(Number(id)).to.equal(seen.juliet++);
        else expect(Number(id)).to.equal(seen.other++);
      };
      juliet.send(text('j', COUNT));
      while (seen.cost < FIRST) await next();
      other.send(text('o', 150));
      while (seen.other < 150) await next();
      // a share may be too much
      expect(seen.juliet).to.be.below((FIRST + 8192) / (1_000 + PACKET));
      expect(marks[0]).to.match(/^<route [^>]*><iq .* type='result' id='probe'\/><\/route>$/);

      story.link.returnsProbes = true;
      for (const mark of marks) story.link.giveBack(mark);
      while (seen.juliet < COUNT) await next();
      await story.expectQuiet(juliet);
      await story.expectQuiet(other);
    }),
  );
});

describe('an sm that is not back yet', function () {
  this.timeout(20_000);

  it(
    'makes its own users wait when too much is kept for it, and not those of another sm',
    toldRouter(
      async (story) => {
        const juliet = await story.user('juliet');
        const other = await elsewhere(story);
        story.clock.install();
        await story.loseLink();
        story.router.names = story.router.names.filter((name) => name !== 'vhost.test');
        const up = once(story.server, 'up');
        story.clock.advance(700);
        story.link = await story.router.link();
        await turns();
        story.clock.advance(1_000);
        await up;
        await story.expectProbes(juliet);

        other.send(text('o', COUNT));
        await story.expectQuiet(juliet);
        juliet.send(text('j', 100));
        await expectMessages(story, 'j', 100);
        await story.expectQuiet(juliet);

        story.link.send(advert('vhost.test'));
        await expectMessages(story, 'o', COUNT);
      },
      { limits: { linkQueueBytes: 65_536 } },
    ),
  );
});
