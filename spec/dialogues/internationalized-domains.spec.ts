/** One domain, spelt with U-labels or A-labels: the session manager hears its own spelling, a client the one it uses. [RFC7622 3.2] */
import { expect } from 'chai';
import { authSet, header, type Client } from '../support/client.js';
import { toldRoute, type RouteStory } from '../support/route-story.js';

const U = 'b\u00fccher.example';
const A = 'xn--bcher-kva.example';
const SPELLINGS: readonly (readonly [asked: string, called: string])[] = [
  [U, U],
  ['B\u00dcCHER.Example', U],
  ['bu\u0308cher.example', U],
  [A, A],
  ['XN--BCHER-KVA.example', A],
];

/** A client that comes by this name, is called by that one, and logs in as juliet at the host of the session manager. */
async function comesBy(story: RouteStory, to: string, called: string, host: string): Promise<Client> {
  const client = await story.connected('juliet');
  client.send(header(`to='${to}'`));
  expect((await client.header()).attribute('from')).to.equal(called);
  client.send(authSet('juliet'));
  const request = await story.link.packet();
  expect(request.attribute('to')).to.equal(`juliet@${host}/Balcony`);
  client.address = request.attribute('from')!;
  client.login = `juliet@${host}/Balcony`;
  client.session = `juliet@${host}/4F1C`;
  await story.accept(client);
  return client;
}

for (const host of [U, A]) {
  const OF = { domains: ['localhost', host] };

  describe(`a client of ${host}, which the session manager calls so`, () => {
    for (const [asked, called] of SPELLINGS) {
      it(
        `is served where it asks for ${asked}`,
        toldRoute(async (story) => void (await comesBy(story, asked, called, host)), OF),
      );
    }

    for (const spelling of [U, A, 'XN--BCHER-kva.Example']) {
      it(
        `may write to somebody at ${spelling}, and reads what it calls its own host`,
        toldRoute(async (story) => {
          const juliet = await comesBy(story, A, A, host);
          juliet.send(`<message to='Romeo@${spelling}/Orchard'><body>x</body></message>`);
          await story.link.expectSource(
            `<route to='${juliet.session}' from='${juliet.address}'><message to='Romeo@${host}/Orchard'><body>x</body></message></route>`,
          );
          story.link.send(story.to(juliet, `<message from='romeo@${host}/Orchard' to='juliet@${host}'/>`));
          await juliet.expectSource(`<message from='romeo@${A}/Orchard' to='juliet@${A}'/>`);
        }, OF),
      );

      it(
        `may write to somebody at ${spelling} from another domain`,
        toldRoute(async (story) => {
          const juliet = await comesBy(story, 'localhost', 'localhost', 'localhost');
          juliet.send(`<iq to='${spelling}'/><message to='a@${spelling}.org'/>`);
          for (const stanza of [`<iq to='${host}'/>`, `<message to='a@${spelling}.org'/>`]) {
            await story.link.expectSource(
              `<route to='${juliet.session}' from='${juliet.address}'>${stanza}</route>`,
            );
          }
        }, OF),
      );
    }

    for (const [asked, called] of SPELLINGS) {
      it(
        `comes by it as an old name, spelt ${asked}`,
        toldRoute(async (story) => void (await comesBy(story, asked, called, 'localhost')), {
          domains: ['localhost'],
          aliases: new Map([[A, 'localhost']]),
        }),
      );
    }
  });
}
