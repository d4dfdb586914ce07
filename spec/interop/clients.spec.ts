import { expect } from 'chai';
import { CLIENTS, STRANGER } from './support/clients.js';
import { BACKS } from './support/backs.js';
import { describeWith } from './support/needs.js';
import { itWith, something, Story } from './support/story.js';

for (const back of BACKS) {
  describeWith(back.dialect, back.needs, `interop: one real client after the other (${back.dialect})`, () => {
    const story = new Story(back, [...CLIENTS, STRANGER]);
    const { deployment } = story;

    for (const client of CLIENTS.filter(({ sendsOnly }) => !sendsOnly)) {
      itWith(
        client,
        `${client.name} logs in (${client.login.join(', ')}), talks both ways and leaves`,
        async () => {
          const guest = await story.guest(client);
          await guest.online();
          guest.expectLogin();
          await story.talk(guest);
          await story.talk(guest);
          await guest.quits();
          expect((await guest.left()).reason).to.match(client.leaves);
          expect(guest.streamError).to.equal(undefined);
          await story.healthy();
        },
      );
    }

    for (const client of CLIENTS.filter(({ sendsOnly }) => sendsOnly)) {
      itWith(client, `${client.name} logs in (${client.login.join(', ')}), sends and leaves`, async () => {
        const guest = await story.guest(client);
        const text = something(client.name);
        guest.say(text);
        await story.peer.hears(guest.bare, text);
        await guest.quits();
        guest.expectLogin();
        expect((await guest.left()).reason).to.match(client.leaves);
        await story.healthy();
      });
    }

    for (const client of CLIENTS) {
      itWith(client, `${client.name} is told that its password is wrong`, async () => {
        const guest = await story.guest(client, { password: 'wrong' });
        if (client.sendsOnly) guest.say('it must not come to this');
        await guest.isSentAway();
        guest.expectLogin();
        await deployment.logged(
          'login failed',
          ({ message, username }) => message === 'login failed' && username === client.name,
        );
        await story.healthy();
      });
    }

    itWith(STRANGER, `${STRANGER.name}, which wants encryption, leaves without harm`, async () => {
      const guest = await story.guest(STRANGER);
      await guest.isSentAway();
      guest.expectLogin();
      await story.healthy();
    });
  });
}
