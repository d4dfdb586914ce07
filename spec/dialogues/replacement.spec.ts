/** A new login with the same user and resource takes the place of the old one. [jabberd 1.1.2 replaced.txt] [jabberd 1.1.2] */
import { expect } from 'chai';
import { authSet, type Client } from '../support/client.js';
import { ended, told, type Story } from '../support/story.js';

/** Juliet is logged in, and logs in again from elsewhere: the session manager has not answered yet. */
async function twice(story: Story): Promise<{ old: Client; young: Client; romeo: Client }> {
  const romeo = await story.user('romeo', 'Orchard');
  const old = await story.user('juliet');
  const young = await story.asking('juliet');
  return { old, young, romeo };
}

describe('replacement', () => {
  it(
    'tells the old client of the conflict, and the session manager nothing',
    told(async (story) => {
      const { old, young, romeo } = await twice(story);
      await story.accept(young);
      await old.expectError('conflict');
      expect(await story.gone(old)).to.equal('replaced by a new login with the same resource');
      story.link.send(ended(young.session, old.address));
      await story.expectQuiet(young);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'says so to an old client whose stream has no version',
    told(async (story) => {
      const old = await story.client('old', `to='localhost'`);
      old.send(authSet('juliet'));
      old.address = (await story.link.packet()).attribute('sfrom')!;
      old.session = 'juliet@localhost/Balcony';
      await story.accept(old);
      await story.user('juliet');
      await old.expectLegacyError('Replaced by new connection');
    }),
  );

  it(
    'is the same when the 510 for the old socket comes before the answer to the new one',
    told(async (story) => {
      const { old, young } = await twice(story);
      story.link.send(ended(old.session, old.address) + story.result(young));
      await young.expect(`<iq type='result' id='auth1'/>`);
      await old.expectError('conflict');
      await story.gone(old);
      await story.expectQuiet(young);
    }),
  );

  it(
    'sends nothing that the old client still says, nor its close',
    told(async (story) => {
      const { old, young } = await twice(story);
      await story.accept(young);
      old.send(`<message to='romeo@localhost'><body>late</body></message></stream:stream>`);
      await old.expectError('conflict');
      await story.gone(old);
      await story.expectQuiet(young);
    }),
  );

  it(
    'sends nothing of the old client that breaks off instead of closing',
    told(async (story) => {
      const { old, young } = await twice(story);
      await story.accept(young);
      await old.reset();
      await story.gone(old);
      await story.expectQuiet(young);
    }),
  );

  it(
    'gives back what is still sent to the old socket, so that it reaches the new session (bounce-replaced)',
    told(async (story) => {
      const { old, young } = await twice(story);
      const late =
        `<message to='juliet@localhost/Balcony' type='chat' id='m1' from='romeo@localhost/Orchard'` +
        ` sto='${old.address}' sfrom='juliet@localhost'><body>in flight</body></message>`;
      story.link.send(story.result(young) + ended(young.session, old.address) + late);
      await young.expect(`<iq type='result' id='auth1'/>`);
      await story.link.expect(
        `<message to='juliet@localhost/Balcony' type='error' id='m1' from='romeo@localhost/Orchard'` +
          ` sto='juliet@localhost' sfrom='${old.address}'><body>in flight</body>` +
          `<error code='510' type='chat'>Disconnected</error></message>`,
      );
      await old.expectError('conflict');
    }),
  );

  it(
    'compares user and host without case, and the resource with it',
    told(async (story) => {
      const old = await story.user('juliet');
      const other = await story.user('juliet', 'balcony');
      const young = await story.asking('JULIET');
      young.session = 'juliet@localhost/Balcony';
      await story.accept(young);
      await old.expectError('conflict');
      await story.expectQuiet(other);
    }),
  );

  it(
    'is told once to each: the replacement can be replaced',
    told(async (story) => {
      const first = await story.user('juliet');
      const second = await story.user('juliet');
      await first.expectError('conflict');
      const third = await story.user('juliet');
      await second.expectError('conflict');
      await story.gone(second);
      await story.expectQuiet(third);
      await third.drop();
      await story.link.expect(ended(third.address, third.session));
    }),
  );

  it(
    'gives a login back to nobody: the old client stays when the new login fails',
    told(async (story) => {
      const { old, young } = await twice(story);
      story.link.send(story.refusal(young));
      await young.expect(`<iq type='error' id='auth1'><error code='401'>Unauthorized</error></iq>`);
      await story.expectQuiet(old);
    }),
  );
});

describe('an old client that leaves while the new login for the same address is under way', () => {
  async function leaves(story: Story): Promise<{ old: Client; young: Client; romeo: Client }> {
    const all = await twice(story);
    await all.old.drop();
    await story.gone(all.old);
    return all;
  }

  it(
    'is not reported before that is decided',
    told(async (story) => {
      const { romeo } = await leaves(story);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is never reported when the new login succeeds: the 510 would end the new session',
    told(async (story) => {
      const { old, young } = await leaves(story);
      await story.accept(young);
      story.link.send(ended(young.session, old.address));
      await story.expectQuiet(young);
    }),
  );

  it(
    'is never reported when the session manager ended it before it answered',
    told(async (story) => {
      const { old, young } = await leaves(story);
      story.link.send(ended(old.session, old.address));
      await story.accept(young);
      await story.expectQuiet(young);
    }),
  );

  it(
    'is reported once when the new login fails, and only then',
    told(async (story) => {
      const { old, young, romeo } = await leaves(story);
      story.link.send(story.refusal(young));
      await story.link.expect(ended(old.address, old.session));
      story.link.send(ended(old.session, old.address));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is not reported when the session manager has ended it meanwhile, even if the new login fails',
    told(async (story) => {
      const { old, young, romeo } = await leaves(story);
      story.link.send(ended(old.session, old.address) + story.refusal(young));
      await young.expect(`<iq type='error' id='auth1'><error code='401'>Unauthorized</error></iq>`);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is reported when the new client leaves too, and its login fails',
    told(async (story) => {
      const { old, young, romeo } = await leaves(story);
      await young.drop();
      await story.gone(young);
      await story.expectQuiet(romeo);
      story.link.send(story.refusal(young));
      await story.link.expect(ended(old.address, old.session));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'is reported when no answer comes in half a minute',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const old = await story.user('juliet');
      story.clock.install();
      await story.asking('juliet');
      await old.drop();
      await story.gone(old);
      await story.expectQuiet(romeo);
      story.clock.advance(30_000);
      await story.link.expect(ended(old.address, old.session));
    }),
  );

  it(
    'has what is sent to it kept, and given back after the decision: behind the 510 when the login fails',
    told(async (story) => {
      const { old, young, romeo } = await leaves(story);
      const message = (id: string): string =>
        `<message to='${old.session}' from='romeo@localhost/Orchard' type='chat' id='${id}'` +
        ` sto='${old.address}' sfrom='juliet@localhost'><body>x</body></message>`;
      const bounce = (id: string): string =>
        `<message to='${old.session}' from='romeo@localhost/Orchard' type='error' id='${id}' sto='juliet@localhost'` +
        ` sfrom='${old.address}'><body>x</body><error code='510' type='chat'>Disconnected</error></message>`;
      story.link.send(message('m1') + message('m2'));
      await story.expectQuiet(romeo);
      story.link.send(story.refusal(young));
      await story.link.expect(ended(old.address, old.session));
      await story.link.expect(bounce('m1'));
      await story.link.expect(bounce('m2'));
    }),
  );

  it(
    'has what is sent to it given back without a 510 when the login succeeds',
    told(async (story) => {
      const { old, young } = await leaves(story);
      story.link.send(
        `<message to='${old.session}' from='romeo@localhost/Orchard' type='chat' id='m1' sto='${old.address}'` +
          ` sfrom='juliet@localhost'><body>x</body></message>`,
      );
      story.link.send(story.result(young));
      await story.link.expect(
        `<message to='${old.session}' from='romeo@localhost/Orchard' type='error' id='m1' sto='juliet@localhost'` +
          ` sfrom='${old.address}'><body>x</body><error code='510' type='chat'>Disconnected</error></message>`,
      );
      await young.expect(`<iq type='result' id='auth1'/>`);
      await story.expectQuiet(young);
    }),
  );
});

describe('logins that come while the old session is leaving', () => {
  it(
    'wait until it has left: trying passwords keeps nobody from going offline',
    told(async (story) => {
      const { old, young, romeo } = await twice(story);
      await old.drop();
      await story.gone(old);
      const third = await story.client('third');
      third.send(authSet('juliet'));
      await story.expectQuiet(romeo);
      story.link.send(story.refusal(young));
      await story.link.expect(ended(old.address, old.session));
      const request = await story.link.packet();
      expect(request.child('query')!.childText('username')).to.equal('juliet');
      third.address = request.attribute('sfrom')!;
      third.session = old.session;
      await story.accept(third);
      await story.expectQuiet(third);
    }),
  );

  it(
    'are forgotten where their client leaves as well',
    told(async (story) => {
      const { old, young, romeo } = await twice(story);
      await old.drop();
      await story.gone(old);
      const third = await story.client('third');
      third.send(authSet('juliet'));
      await story.expectQuiet(romeo);
      await third.drop();
      await story.log.line(/^client gone/);
      story.link.send(story.refusal(young));
      await story.link.expect(ended(old.address, old.session));
      await story.expectQuiet(romeo);
    }),
  );
});

describe('a client that leaves while its own login is under way', () => {
  it(
    'is not reported: in the unknown state there is no session to end',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.asking('juliet');
      await juliet.drop();
      await story.gone(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has its late result given back to the full session address, which ends the orphan (bounce-auth-result)',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.asking('juliet');
      await juliet.drop();
      await story.gone(juliet);
      story.link.send(story.result(juliet));
      await story.link.expect(
        `<iq type='error' id='auth1' sto='juliet@localhost/Balcony' sfrom='${juliet.address}'>` +
          `<error code='510' type='result'>Disconnected</error></iq>`,
      );
      story.link.send(ended(juliet.session, juliet.address));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has a late error answered by nothing',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const juliet = await story.asking('juliet');
      await juliet.drop();
      await story.gone(juliet);
      story.link.send(story.refusal(juliet));
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'has replaced the older session all the same: that client is told, and its close is not reported',
    told(async (story) => {
      const { old, young, romeo } = await twice(story);
      await young.drop();
      await story.gone(young);
      story.link.send(story.result(young) + ended(young.session, old.address));
      await story.link.expect(
        `<iq type='error' id='auth1' sto='juliet@localhost/Balcony' sfrom='${young.address}'>` +
          `<error code='510' type='result'>Disconnected</error></iq>`,
      );
      await old.expectError('conflict');
      await story.gone(old);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'does not take the session of the login it makes again: the late result must not end that one',
    told(async (story) => {
      const lost = await story.asking('juliet');
      await lost.drop();
      await story.gone(lost);
      const again = await story.asking('juliet');
      story.link.send(story.result(lost) + ended(again.session, lost.address) + story.result(again));
      await again.expect(`<iq type='result' id='auth1'/>`);
      await story.expectQuiet(again);
    }),
  );

  it(
    'has its orphan ended after all when the login it makes again fails',
    told(async (story) => {
      const romeo = await story.user('romeo', 'Orchard');
      const lost = await story.asking('juliet');
      await lost.drop();
      await story.gone(lost);
      const again = await story.asking('juliet');
      story.link.send(story.result(lost) + story.refusal(again));
      await again.expect(`<iq type='error' id='auth1'><error code='401'>Unauthorized</error></iq>`);
      await story.link.expect(
        `<iq type='error' id='auth1' sto='juliet@localhost/Balcony' sfrom='${lost.address}'>` +
          `<error code='510' type='result'>Disconnected</error></iq>`,
      );
      await story.expectQuiet(romeo);
    }),
  );
});
