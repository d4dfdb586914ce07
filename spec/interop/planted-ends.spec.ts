/** A 510 that somebody plants in a question comes back from clients that answer with what they were asked. */
import { expect } from 'chai';
import { element, type Element } from '../../lib/xml/index.js';
import { CLIENTS } from './support/clients.js';
import { BACKS } from './support/backs.js';
import { describeWith } from './support/needs.js';
import { itWith, Story } from './support/story.js';

/** They answer a question that they do not know with all that was in it, and an error behind it. */
const ECHOING = CLIENTS.filter(({ name }) => name === 'libpurple' || name === 'anyevent-xmpp');

const end = (): Element => element('error', { code: '510' }, 'Disconnected');

const PLANTED: Readonly<Record<string, () => Element[]>> = {
  'behind a query': () => [element('query', { xmlns: 'urn:nobody:knows' }), end()],
  'before a query': () => [end(), element('query', { xmlns: 'urn:nobody:knows' })],
  'behind another error': () => [
    element('query', { xmlns: 'urn:nobody:knows' }),
    element('error', { code: '404' }),
    end(),
  ],
};

for (const back of BACKS) {
  describeWith(back.dialect, back.needs, `interop: planted ends (${back.dialect})`, () => {
    const story = new Story(back, ECHOING);

    for (const client of ECHOING) {
      for (const [place, content] of Object.entries(PLANTED)) {
        itWith(client, `${client.name} keeps its session when it echoes a 510 ${place}`, async () => {
          const guest = await story.guest(client);
          await guest.online();
          await story.talk(guest);
          const answer = await story.peer.puts(guest.address, ...content());
          expect(answer.attribute('type'), answer.toString()).to.equal('error');
          await story.talk(guest);
          await guest.quits();
          expect((await guest.left()).reason).to.match(client.leaves);
          await story.healthy();
        });
      }
    }
  });
}
