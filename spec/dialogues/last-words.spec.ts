/**
 * What a client says right before it leaves. The session managers of jabberd 1.x keep a queue a session and forget it when
 * the session ends, so that end must not overtake it. [jabberd 1.1.2, 1.4.3, 1.4.4, 1.6.1.1 jsm]
 */
import { expect } from 'chai';
import type { Client } from '../support/client.js';
import { authSet } from '../support/client.js';
import { route, routeError, toldRoute } from '../support/route-story.js';
import { ended, told, type Story } from '../support/story.js';

const SAID = `<message to='romeo@localhost'><body>parting</body></message>`;

/** Says something and closes the stream in one write; the question behind it is not answered yet. */
async function sayAndLeave(story: Story, client: Client): Promise<string> {
  story.link.acknowledges = false;
  client.send(`${SAID}</stream:stream>`);
  await client.expectClosed();
  const addressing = ` sfrom='${client.address}' sto='${client.session}'`;
  await story.link.expect(SAID.replace('>', `${addressing}>`));
  const question = await story.link.packet();
  expect(question.attribute('type')).to.equal('get');
  expect(question.attribute('sfrom')).to.equal(client.address);
  return question.attribute('id')!;
}

function answer(story: Story, client: Client, id: string): void {
  story.link.send(
    `<iq type='error' id='${id}' sto='${client.address}' sfrom='${client.bare}'><error code='503'/></iq>`,
  );
}

describe('a client that says something and leaves at once', () => {
  it(
    'is reported as gone when the session manager has handled what it said, and not before',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.user('juliet');
      const id = await sayAndLeave(story, juliet);
      await story.expectQuiet(romeo);
      answer(story, juliet, id);
      await story.link.expect(ended(juliet.address, juliet.session));
    }),
  );

  it(
    'is asked for in routes as well',
    toldRoute(async (story) => {
      const juliet = await story.user('juliet');
      story.link.acknowledges = false;
      juliet.send(`${SAID}</stream:stream>`);
      await story.link.expect(route(juliet.session, juliet.address, SAID));
      const question = await story.link.packet();
      const id = question.elements[0].attribute('id')!;
      story.link.send(route(juliet.address, juliet.session, `<iq type='error' id='${id}'/>`));
      await story.link.expect(routeError(juliet.session, juliet.address));
    }),
  );

  it(
    'has what came for it meanwhile given back, behind the end',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const id = await sayAndLeave(story, juliet);
      const late = `<message from='nurse@localhost/x' sto='${juliet.address}' sfrom='${juliet.bare}'><body>late</body>`;
      story.link.send(`${late}</message>`);
      answer(story, juliet, id);
      await story.link.expect(ended(juliet.address, juliet.session));
      expect(await story.link.source())
        .to.contain('<body>late</body>')
        .and.to.contain(`code='510'`);
    }),
  );

  it(
    'logs in again with the same resource when it has left, whoever asks first',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const id = await sayAndLeave(story, juliet);
      const again = await story.client('juliet again');
      again.send(authSet('juliet'));
      answer(story, juliet, id);
      await story.link.expect(ended(juliet.address, juliet.session));
      again.address = (await story.link.packet()).attribute('sfrom')!;
      again.session = juliet.session;
      await story.accept(again);
      story.link.acknowledges = true;
      await story.expectQuiet(again);
    }),
  );

  it(
    'logs in again with the same resource also where the session manager ends the session by itself',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await sayAndLeave(story, juliet);
      const again = await story.client('juliet again');
      again.send(authSet('juliet'));
      story.link.send(ended(juliet.session, juliet.address));
      again.address = (await story.link.packet()).attribute('sfrom')!;
      again.session = juliet.session;
      await story.accept(again);
    }),
  );

  it(
    'is ended at the next link where this one is lost first',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await sayAndLeave(story, juliet);
      await story.loseLink();
      story.link = await story.sm.link();
      await story.link.expect(ended(juliet.address, juliet.session));
    }),
  );

  it(
    'does not keep a session manager that does not answer from being told, nor our stop() from ending',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await sayAndLeave(story, juliet);
      const stopped = story.server.stop();
      await story.link.expect(ended(juliet.address, juliet.session));
      await stopped;
    }),
  );

  it(
    'is asked for by nobody where it has said nothing',
    told(async (story) => {
      const juliet = await story.user('juliet');
      story.link.acknowledges = false;
      juliet.send('</stream:stream>');
      await story.link.expect(ended(juliet.address, juliet.session));
    }),
  );
});
