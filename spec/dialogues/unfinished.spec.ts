/** A stanza that is begun after login and not finished. */
import { expect } from 'chai';
import type { Client } from '../support/client.js';
import { Clock } from '../support/clock.js';
import type { Overrides } from '../support/config.js';
import { Story, teller } from '../support/story.js';

const MINUTE = 60_000;
const LOOK = 30_000;

/** The clock stands still from before the start, so that all timers are the story's to let run. */
async function begin(overrides?: Overrides): Promise<Story> {
  const clock = new Clock();
  clock.install();
  return Object.assign(await Story.begin(overrides), { clock });
}

const told = teller(begin);

describe('a stanza that is not finished', () => {
  const OPEN = '<message><body>';

  /** Sends, and waits until it has been read: what somebody else says after it has come back. */
  const say = async (story: Story, client: Client, text: string, other: Client): Promise<void> => {
    await client.sent(text);
    await story.expectQuiet(other);
  };

  /** The client is told, and the session manager hears that its session is over. */
  const expectTimeout = async (story: Story, client: Client): Promise<void> => {
    await client.expectError('connection-timeout');
    expect(await story.gone(client)).to.equal('stanza not finished in time');
    const end = await story.link.packet();
    expect(end.attribute('sto')).to.equal(client.session);
    expect(end.child('error')!.attribute('code')).to.equal('510');
  };

  it(
    'ends the stream after two minutes in which nothing came of it',
    told(async (story) => {
      const other = await story.user('other');
      const client = await story.user('alice', 'Balcony', `to='localhost' version='1.0'`);
      await say(story, client, OPEN + 'x'.repeat(250_000), other);
      for (let look = 0; look < 4; look += 1) story.clock.advance(LOOK);
      await story.expectQuiet(other);
      story.clock.advance(LOOK);
      await expectTimeout(story, client);
      await story.expectQuiet(other);
    }),
  );

  it(
    'ends the stream where a little comes now and then, to keep it',
    told(async (story) => {
      const other = await story.user('other');
      const client = await story.user('alice', 'Balcony', `to='localhost' version='1.0'`);
      await say(story, client, OPEN, other);
      for (let look = 0; look < 4; look += 1) {
        story.clock.advance(LOOK);
        await say(story, client, 'x'.repeat(1000), other);
      }
      story.clock.advance(LOOK);
      await expectTimeout(story, client);
    }),
  );

  it(
    'of 250 kB may take a client at a kilobyte per second all the time that it needs',
    told(async (story) => {
      const other = await story.user('other');
      const client = await story.user('alice');
      await say(story, client, OPEN, other);
      for (let seconds = 0; seconds < 250; seconds += 10) {
        await say(story, client, 'x'.repeat(10_000), other);
        story.clock.advance(10_000);
      }
      client.send('</body></message>');
      const message = await story.link.packet();
      expect(message.childText('body')).to.equal('x'.repeat(250_000));
    }),
  );

  it(
    'of less than 16 kB may take two minutes, and each one anew',
    told(async (story) => {
      const other = await story.user('other');
      const client = await story.user('alice');
      await say(story, client, OPEN, other);
      for (let count = 0; count < 10; count += 1) {
        story.clock.advance(LOOK);
        story.clock.advance(LOOK);
        story.clock.advance(LOOK);
        client.send(`${count}</body></message>${OPEN}`);
        expect((await story.link.packet()).childText('body')).to.equal(String(count));
      }
    }),
  );

  it(
    'is none where nothing, or white space, came after the last',
    told(async (story) => {
      const other = await story.user('other');
      const client = await story.user('alice');
      await say(story, client, ' \n', other);
      for (let minute = 0; minute < 60; minute += 1) story.clock.advance(MINUTE);
      await story.expectQuiet(client);
    }),
  );

  it(
    'does not stand still while it is we who do not read it, for want of room on the link',
    told(
      async (story) => {
        const client = await story.user('alice');
        const messages = 800;
        story.link.socket.pause();
        client.send(`${OPEN}${'x'.repeat(10_000)}</body></message>`.repeat(messages));
        for (let looks = 0; looks < 20; looks += 1) {
          expect(await untilHeld(story)).to.be.below(messages);
          story.clock.advance(LOOK);
        }
        story.link.socket.resume();
        for (let count = 0; count < messages; count += 1)
          expect((await story.link.packet()).childText('body')).to.have.lengthOf(10_000);
      },
      { limits: { linkQueueBytes: 65_536 } },
    ),
  );
});

/** Resolves when no more is taken from the only client, with the number of its stanzas that were. */
async function untilHeld(story: Story): Promise<number> {
  const taken = (): number => [...story.server.connected()][0].stanzasIn;
  for (let last = -1, same = 0; same < 200; same = taken() === last ? same + 1 : 0) {
    last = taken();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return taken();
}
