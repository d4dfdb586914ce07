/** What one address, and one client, may do. The addresses are those of this machine: 127.0.0.2, 127.0.0.3, … */
import { expect } from 'chai';
import type { AddressLimits } from '../../lib/config/config.js';
import { authSet, header, OLD, type Client } from '../support/client.js';
import type { Overrides } from '../support/config.js';
import { told, type Story } from '../support/story.js';

/** Nothing is exempt, so that clients of this machine count. */
const counted = (perAddress: Partial<AddressLimits>): Overrides => ({
  perAddress: { exempt: [], ...perAddress },
});

const TOO_MANY = `<error code='500' type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`;

/** A client of an address, with an open stream. */
async function from(story: Story, address: string, more?: string): Promise<Client> {
  const client = await story.connected(address, address);
  await client.open(more);
  return client;
}

/** The client must be told that there is no room for it. */
async function expectNoRoom(client: Client): Promise<void> {
  await client.header();
  await client.expectError('resource-constraint');
}

/** The client tries a password, which is wrong. */
async function fail(story: Story, client: Client, username = 'juliet'): Promise<void> {
  client.send(authSet(username));
  const request = await story.link.packet();
  client.address = request.attribute('sfrom')!;
  story.link.send(story.refusal(client));
  expect((await client.stanza()).attribute('type')).to.equal('error');
}

describe('connections of one address', () => {
  it(
    'are so many at a time, and others have room',
    told(
      async (story) => {
        const first = await from(story, '127.0.0.2');
        await from(story, '127.0.0.2');
        await expectNoRoom(await story.connected('third', '127.0.0.2'));
        expect((await story.log.line(/^connection refused/)).details).to.deep.equal({
          ip: '127.0.0.2',
          reason: 'more than 2 clients of this address are connected',
        });
        await from(story, '127.0.0.3');
        first.send('</stream:stream>');
        await first.expectClosed();
        await story.gone(first);
        await from(story, '127.0.0.2');
      },
      counted({ maxClients: 2 }),
    ),
  );

  it(
    'are said once a minute when they are refused',
    told(
      async (story) => {
        await from(story, '127.0.0.2');
        for (let n = 0; n < 5; n++) await expectNoRoom(await story.connected('more', '127.0.0.2'));
        await story.log.line(/^connection refused/);
        expect(story.log.lines.filter(({ message }) => message === 'connection refused')).to.deep.equal([]);
      },
      counted({ maxClients: 1 }),
    ),
  );

  it(
    'are new ones so often',
    told(
      async (story) => {
        for (let n = 0; n < 10; n++) (await from(story, '127.0.0.2')).socket.destroy();
        await expectNoRoom(await story.connected('eleventh', '127.0.0.2'));
        const { details } = await story.log.line(/^connection refused/);
        expect(details).to.deep.equal({ ip: '127.0.0.2', reason: 'more than 1 connects per second' });
        await from(story, '127.0.0.3');
      },
      counted({ connectsPerSecond: 1 }),
    ),
  );

  it(
    'are any number where the address is exempt',
    told(
      async (story) => {
        for (let n = 0; n < 12; n++) await from(story, '127.0.0.2');
      },
      { perAddress: { maxClients: 1, connectsPerSecond: 1 } },
    ),
  );
});

describe('connections of all addresses', () => {
  it(
    'are so many at a time',
    told(
      async (story) => {
        const juliet = await story.user('juliet');
        await story.client();
        await expectNoRoom(await story.connected());
        const { message } = await story.log.line(/^connections are refused/);
        expect(message).to.equal(
          'connections are refused (1 since the last such line): as many clients as --max-clients allows (2) are connected',
        );
        await story.expectQuiet(juliet);
        juliet.send('</stream:stream>');
        await juliet.expectClosed();
        await story.gone(juliet);
        await story.client();
      },
      { limits: { maxClients: 2 } },
    ),
  );
});

describe('failed logins', () => {
  it(
    'of one address are refused for a while without a look at the password, and said once',
    told(
      async (story) => {
        for (const username of ['a', 'b', 'c']) await fail(story, await from(story, '127.0.0.2'), username);
        const { details } = await story.log.line(/^logins refused/);
        expect(details).to.deep.equal({ ip: '127.0.0.2', failed: 3, seconds: 900 });
        const guest = await from(story, '127.0.0.2');
        guest.send(authSet('d'));
        await guest.expect(`<iq type='error' id='auth1'>${TOO_MANY}</iq>`);
        await guest.expectError('policy-violation');
        // what the session manager sees next is the login of somebody else
        await fail(story, await from(story, '127.0.0.3'));
        expect(story.log.lines.filter(({ message }) => message === 'logins refused')).to.deep.equal([]);
      },
      counted({ failedLoginsPerAddress: 3 }),
    ),
  );

  it(
    'of one account are refused to who has guessed, and its owner gets in from another address',
    told(
      async (story) => {
        for (let n = 0; n < 3; n++) await fail(story, await from(story, '127.0.0.2'));
        const guest = await from(story, '127.0.0.2');
        guest.send(authSet('juliet'));
        await guest.expect(`<iq type='error' id='auth1'>${TOO_MANY}</iq>`);
        const owner = await from(story, '127.0.0.3');
        owner.send(authSet('juliet'));
        const request = await story.link.packet();
        owner.address = request.attribute('sfrom')!;
        owner.session = 'juliet@localhost/Balcony';
        await story.accept(owner);
        await story.expectQuiet(owner);
      },
      counted({ failedLoginsPerAccount: 3 }),
    ),
  );

  it(
    'are answered in the form of the stream',
    told(
      async (story) => {
        await fail(story, await from(story, '127.0.0.2', OLD));
        const guest = await from(story, '127.0.0.2', OLD);
        guest.send(authSet('juliet'));
        const answer = await guest.stanza();
        expect(answer.child('error')!.attribute('code')).to.equal('500');
        await guest.expectLegacyError('Too many failed logins');
      },
      counted({ failedLoginsPerAccount: 1 }),
    ),
  );

  it(
    'take longer and longer: the client waits, and what it says next waits with it',
    told(async (story) => {
      for (let n = 0; n < 3; n++) await fail(story, await from(story, '127.0.0.2'));
      story.clock.install();
      const juliet = await from(story, '127.0.0.2');
      juliet.send(`${authSet('juliet')}<presence/>`);
      const other = await from(story, '127.0.0.3');
      await fail(story, other, 'romeo');
      story.clock.advance(1_000);
      const request = await story.link.packet();
      juliet.address = request.attribute('sfrom')!;
      juliet.session = 'juliet@localhost/Balcony';
      await story.accept(juliet);
      await story.link.expect(`<presence sfrom='${juliet.address}' sto='${juliet.session}'/>`);
    }, counted({})),
  );

  it(
    'that wait are forgotten when the client leaves',
    told(async (story) => {
      for (let n = 0; n < 3; n++) await fail(story, await from(story, '127.0.0.2'));
      story.clock.install();
      for (let n = 0; n < 20; n++) {
        const guest = await from(story, '127.0.0.2');
        guest.send(authSet('juliet'));
        guest.socket.destroy();
        await story.gone(guest);
      }
      story.clock.advance(1_000);
      story.clock.uninstall();
      await fail(story, await from(story, '127.0.0.2'), 'romeo');
    }, counted({})),
  );

  it(
    'that nobody has looked at do not count: the session manager was away',
    told(
      async (story) => {
        for (let n = 0; n < 4; n++) {
          const juliet = await from(story, '127.0.0.2');
          juliet.send(authSet('juliet'));
          const request = await story.link.packet();
          story.link.send(
            `<iq type='error' id='auth1' sfrom='localhost' sto='${request.attribute('sfrom')}'><error code='503'/></iq>`,
          );
          await juliet.stanza();
        }
        await fail(story, await from(story, '127.0.0.2'));
      },
      counted({ failedLoginsPerAccount: 2 }),
    ),
  );

  it(
    'have their address first in the log, as programs look for it',
    told(async (story) => {
      await fail(story, await story.client());
      const { details } = await story.log.line(/^login failed$/);
      expect(Object.keys(details)[0]).to.equal('ip');
      expect(details).to.include({ ip: '127.0.0.1', username: 'juliet' });
    }),
  );
});

describe('registrations', () => {
  const REGISTER = `<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>a</username><password>b</password></query></iq>`;

  it(
    'of one address are so many in an hour',
    told(
      async (story) => {
        const guest = await from(story, '127.0.0.2');
        for (let n = 0; n < 2; n++) {
          guest.send(REGISTER);
          const request = await story.link.packet();
          story.link.send(`<iq type='result' id='r' sfrom='localhost' sto='${request.attribute('sfrom')}'/>`);
          await guest.expect(`<iq type='result' id='r'/>`);
        }
        guest.send(`${REGISTER}<iq type='get' id='g'><query xmlns='jabber:iq:register'/></iq>`);
        await guest.expect(`<iq type='error' id='r'>${TOO_MANY}</iq>`);
        expect((await story.link.packet()).attribute('id'), 'a form is no registration').to.equal('g');
        const { details } = await story.log.line(/^registrations refused/);
        expect(details).to.deep.equal({ ip: '127.0.0.2', registrations: 2, seconds: 3600 });
      },
      counted({ registrationsPerHour: 2 }),
    ),
  );
});

describe('the rate of a client', () => {
  const MESSAGE = `<message to='romeo@localhost'><body>x</body></message>`;

  it(
    'slows one that says more, loses nothing and keeps the order, and the others do not notice',
    told(
      async (story) => {
        const flooder = await story.user('flooder');
        const juliet = await story.user('juliet');
        flooder.send(Array.from({ length: 4000 }, (_, n) => `<message id='${n}'/>`).join(''));
        flooder.send(`<presence/>`);
        const began = performance.now();
        let next = 0;
        let last = '';
        juliet.send(`<message id='juliet'/>`);
        let waited = Infinity;
        while (last !== 'presence') {
          const packet = await story.link.packet();
          last = packet.name;
          if (packet.attribute('id') === 'juliet') waited = performance.now() - began;
          else if (last === 'message') expect(packet.attribute('id')).to.equal(String(next++));
        }
        expect(next).to.equal(4000);
        const seconds = (performance.now() - began) / 1000;
        // 2000 at once, and 2000 more in a second; 16 kB are read at a time
        expect(seconds).to.be.within(0.4, 3.5);
        expect(waited).to.be.below(400);
        const { details } = await story.log.line(/^client slowed: over --client-rate$/);
        expect(details).to.include({ ip: '127.0.0.1', user: 'flooder@localhost/Balcony' });
        expect(story.log.lines.filter(({ message }) => message.startsWith('client slowed'))).to.deep.equal(
          [],
        );
      },
      { limits: { clientRate: { bytes: 1_000_000, stanzas: 2_000 }, clientBurst: 1 } },
    ),
  );

  it(
    'counts bytes as well',
    told(
      async (story) => {
        const juliet = await story.user('juliet');
        const began = performance.now();
        for (let n = 0; n < 4; n++) juliet.send(`<message>${'x'.repeat(50_000)}</message>`);
        for (let n = 0; n < 4; n++) await story.link.packet();
        expect(performance.now() - began).to.be.above(500);
      },
      { limits: { clientRate: { bytes: 100_000, stanzas: 1_000 }, clientBurst: 1 } },
    ),
  );

  it(
    'does not keep what was said before the client left',
    told(
      async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(MESSAGE.repeat(250));
        juliet.socket.end();
        for (let n = 0; n < 250; n++) expect((await story.link.packet()).name).to.equal('message');
        expect((await story.link.packet()).child('error')!.attribute('code')).to.equal('510');
      },
      { limits: { clientRate: { bytes: 1_000_000, stanzas: 200 }, clientBurst: 1 } },
    ),
  );

  it(
    'is not the reason of an end: a stanza that is half read does not count as unfinished',
    told(
      async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(MESSAGE.repeat(20));
        for (let n = 0; n < 20; n++) await story.link.packet();
        await story.log.line(/^client slowed/);
        juliet.send(MESSAGE);
        await story.link.packet();
      },
      { limits: { stanzaTimeout: 1, clientRate: { bytes: 1_000_000, stanzas: 10 }, clientBurst: 1 } },
    ),
  );
});

describe('a header of another protocol', () => {
  it(
    'is that of PROXY from where nobody may say it: the connection ends, with a line that names it',
    told(async (story) => {
      for (const bytes of ['PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', '\r\n\r\n\0\r\nQUIT\n!\x11\0\f']) {
        const guest = await story.connected();
        guest.send(bytes + header());
        await guest.expectEnd();
        expect(await story.gone(guest)).to.equal(
          'a PROXY header from an address that --proxy-from does not name',
        );
      }
    }),
  );
});
