import { expect } from 'chai';
import { tlsFile } from '../support/tls-files.js';
import { BACKS } from './support/backs.js';
import { CLIENTS } from './support/clients.js';
import type { Guest } from './support/guest.js';
import { describeWith } from './support/needs.js';
import { itWith, something, Story } from './support/story.js';

const certificate = tlsFile('server-rsa');

for (const back of BACKS) {
  describeWith(back.dialect, back.needs, `interop: real clients with STARTTLS (${back.dialect})`, () => {
    const clients = CLIENTS.filter(({ startTls }) => startTls);
    const story = new Story(back, clients, ['--tls-cert', certificate]);

    const isEncrypted = async (guest: Guest): Promise<void> => {
      expect((await guest.loggedIn())['tls']).to.match(/^TLSv1\.[23]$/);
    };

    for (const client of clients) {
      itWith(client, `${client.name} encrypts, logs in, and is understood`, async () => {
        const guest = await story.guest(client, { certificate });
        if (client.sendsOnly) {
          const text = something(client.name);
          guest.say(text);
          await story.peer.hears(guest.bare, text);
        } else {
          await guest.online();
          await story.talk(guest);
          await story.talk(guest);
        }
        await guest.quits();
        await isEncrypted(guest);
        expect((await guest.left()).reason).to.match(client.leaves);
        await story.healthy();
      });
    }
  });
}
