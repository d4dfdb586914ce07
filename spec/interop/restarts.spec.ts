import { expect } from 'chai';
import { CLIENTS, type RealClient } from './support/clients.js';
import { BACKS } from './support/backs.js';
import type { Guest } from './support/guest.js';
import { describeWith } from './support/needs.js';
import { SENDERS, something, Story, TALKERS } from './support/story.js';

/** Warnings that a killed session manager brings about. */
const OUR_DOING = /^(?:lost|no) link to the (?:session manager|router)/;

for (const back of TALKERS.length > 1 ? BACKS : []) {
  describeWith(back.dialect, back.needs, `interop: all real clients at once (${back.dialect})`, () => {
    const story = new Story(back, CLIENTS);
    const { deployment } = story;

    it('all log in at the same time, talk, and leave', async () => {
      const senders = Promise.all(SENDERS.map(sendOnce));
      const guests = await story.company(TALKERS);
      for (let round = 0; round < 5; round += 1) await Promise.all(guests.map((guest) => story.talk(guest)));
      await Promise.all(guests.map((guest) => guest.quits()));
      for (const guest of guests) expect((await guest.left()).reason).to.match(guest.client.leaves);
      await senders;
      await story.healthy();
    });

    it('all keep working while others come and go', async () => {
      const [first, ...others] = TALKERS;
      const guest = (await story.company([first]))[0];
      for (const client of others) {
        const other = (await story.company([client]))[0];
        await Promise.all([story.talk(guest), story.talk(other)]);
        other.vanishes();
        expect((await other.left()).reason).to.match(/^(?:connection lost|disconnected)/);
        await Promise.all([story.talk(guest), other.isSentAway()]);
      }
      await guest.quits();
      await story.healthy();
    });

    (back.mortal ? describe : describe.skip)('the session manager is killed and comes back', () => {
      it('every client keeps working or is told the end, and can log in again at once', async () => {
        const guests = await story.company(TALKERS);
        await Promise.all(guests.map((guest) => story.talk(guest)));
        await killSessionManager();
        await reviveSessionManager();
        await Promise.all(guests.map(outcome));
        await loginAgain();
        await story.healthy(OUR_DOING);
      });

      it('who comes while it is away is told so, and can log in once it is back', async () => {
        await killSessionManager();
        const guests = await Promise.all(TALKERS.map((client) => story.guest(client)));
        await Promise.all(guests.map((guest) => guest.isTold('remote-connection-failed')));
        await Promise.all(guests.map((guest) => guest.discard()));
        await reviveSessionManager();
        await loginAgain();
        await story.healthy(OUR_DOING);
      });
    });

    describe('the socket manager is restarted', () => {
      it('clients are told of the end, log in again at once, and get what came while they were away', async () => {
        const guests = await story.company(TALKERS);
        const [early] = guests;
        await early.quits();
        const kept = something('kept');
        await early.left();
        story.peer.say(early.bare, kept);
        await story.peer.roundTrip();

        const staying = guests.slice(1);
        deployment.front.signal('SIGTERM');
        await Promise.all(staying.map((guest) => guest.isTold('system-shutdown')));
        await Promise.all(staying.map((guest) => guest.isSentAway()));
        expect(await story.peer.over).to.equal('Server shutting down');
        expect(await deployment.front.ended()).to.equal(0);

        await deployment.startFront();
        await story.partner();
        const [returned] = await loginAgain();
        await returned.shows(kept);
        await story.healthy();
      });

      it('after kill -9 clients log in again at once, and what went to a dead session is not lost', async () => {
        const [dead] = await story.company(TALKERS.slice(0, 1));
        deployment.front.signal('SIGKILL');
        await deployment.front.ended();
        await dead.isSentAway();

        await deployment.startFront();
        await story.partner();
        const kept = Array.from({ length: 12 }, () => something('kept'));
        // the session manager still believes in the session, and delivers to it
        for (const text of kept) story.peer.say(dead.address, text);
        await story.peer.roundTrip();
        const [returned] = await loginAgain();
        for (const text of kept) await returned.shows(text);
        await story.healthy();
      });
    });

    async function sendOnce(client: RealClient): Promise<void> {
      const guest = await story.guest(client);
      const text = something(client.name);
      guest.say(text);
      await story.peer.hears(guest.bare, text);
      await guest.quits();
    }

    async function killSessionManager(): Promise<void> {
      // what it was told before is on its disk now: old ones write files in place
      await story.peer.roundTrip();
      await deployment.killBack(story.peer);
    }

    /** The echo peer is another one afterwards: its old session is gone as well. */
    async function reviveSessionManager(): Promise<void> {
      await deployment.reviveBack();
      await story.partner();
    }

    /** What becomes of a client whose session manager was another one a moment ago: it says something. */
    async function outcome(guest: Guest): Promise<void> {
      const text = something('again');
      guest.say(text);
      const told = guest.isSentAway().then(() => {
        expect(guest.streamError).to.be.a('string');
      });
      const works = guest.shows(`echo: ${text}`);
      await Promise.any([told, works]).catch((error: AggregateError) => {
        throw new Error(error.errors.join('\n'));
      });
    }

    /** All of them, anew, and able to talk. */
    async function loginAgain(): Promise<Guest[]> {
      const guests = await story.company(TALKERS);
      await Promise.all(guests.map((guest) => story.talk(guest)));
      return guests;
    }
  });
}
