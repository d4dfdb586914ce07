/** How much of what clients say is on its way to each sm. [jabberd2 2.7.0 router: keeps what an sm has no time for] */
import { expect } from 'chai';
import { authSet } from '../support/client.js';
import { toldRouter, type Guest, type RouterStory } from '../support/router-story.js';

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

describe('an sm that has no time for what it gets', function () {
  this.timeout(20_000);

  it(
    'is sent no more than it takes, which probes of sessions that nobody has show; another one is not slower for it',
    toldRouter(async (story) => {
      story.link.returnsMarks = false;
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

      story.link.returnsMarks = true;
      for (const mark of marks) story.link.giveBack(mark);
      while (seen.juliet < COUNT) await next();
      await story.expectQuiet(juliet);
      await story.expectQuiet(other);
    }),
  );
});
