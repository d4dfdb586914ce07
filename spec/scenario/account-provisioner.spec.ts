import { expect } from 'chai';
import { AccountMapping } from '../../lib/scenario/account-mapping.js';
import { ScriptedServer, type Habits } from './support/server.js';
import { cast, perform } from './support/story.js';

const SCRIPT = `${cast('Romeo')}Romeo connects\n`;

describe('scenario/accounts', () => {
  let server: ScriptedServer;
  afterEach(() => server.stop());

  async function serve(habits: Habits, accounts: Record<string, string> = {}): Promise<void> {
    server = await new ScriptedServer(habits).start();
    for (const [user, password] of Object.entries(accounts)) server.accounts.set(user, password);
  }

  /** What happened to accounts of scripts; not what was tried out with a name that nobody has. */
  const changes = (): string[] => server.changes.filter((one) => !one.includes('scenario-'));

  it('are made before each script and removed after it, and nothing is left', async () => {
    await serve({ registers: true });
    const { results, notes } = await perform(server, [SCRIPT, SCRIPT]);
    expect(results.map(({ outcome }) => outcome)).to.deep.equal(['passed', 'passed']);
    expect(changes()).to.deep.equal(['+romeo', '-romeo', '+romeo', '-romeo']);
    expect([[...server.accounts], notes]).to.deep.equal([[], []]);
  });

  it('are removed also after a script that fails', async () => {
    await serve({ registers: true });
    await perform(server, [`${SCRIPT}Romeo receives <presence/>\n`]);
    expect(changes()).to.deep.equal(['+romeo', '-romeo']);
  });

  it('are removed also where the server ends a stream for nothing, once', async () => {
    await serve({ registers: true, hiccups: 1 });
    const { notes } = await perform(server, [`${cast('Romeo')}Romeo disconnects`]);
    expect([changes(), notes]).to.deep.equal([['+romeo', '-romeo'], []]);
  });

  it('are left to the server to send away: jabberd2 ends whoever comes next for one that leaves by itself', async () => {
    await serve({ registers: true, sendsAway: true });
    await perform(server, [SCRIPT]);
    expect(changes()).to.deep.equal(['+romeo', '-romeo']);
  });

  it('that were there before are used, and never removed', async () => {
    await serve({ registers: true }, { romeo: 'secret' });
    const { results, notes } = await perform(server, [SCRIPT, SCRIPT]);
    expect(results.map(({ outcome }) => outcome)).to.deep.equal(['passed', 'passed']);
    expect(changes()).to.deep.equal([]);
    expect(notes).to.deep.equal([
      'romeo@localhost exists already, and is used as it is (--fresh replaces it)',
    ]);
  });

  it('are replaced only when asked for, and when the script has the password', async () => {
    await serve({ registers: true }, { romeo: 'secret' });
    await perform(server, [SCRIPT], { fresh: true });
    expect(changes()).to.deep.equal(['-romeo', '+romeo', '-romeo']);
    await server.stop();
    await serve({ registers: true }, { romeo: 'another' });
    const { results } = await perform(server, [SCRIPT], { fresh: true });
    expect(changes()).to.deep.equal([]);
    expect(results[0].failure!.what).to.contain('romeo@localhost: login by jabber:iq:auth: 401');
  });

  it('that the caller has named are left alone', async () => {
    await serve({ registers: true }, { romeo: 'mine' });
    const mapping = new AccountMapping(new Map(), [{ as: 'romeo', user: 'romeo', password: 'mine' }]);
    const { results } = await perform(server, [SCRIPT], { mapping, fresh: true });
    expect(results[0].outcome).to.equal('passed');
    expect(server.changes).to.deep.equal([]);
  });

  it('are not removed where the name would be lost: that is tried with a name of our own', async () => {
    await serve({ registers: true, keepsNames: true });
    const { results, notes } = await perform(server, [SCRIPT, SCRIPT]);
    expect(results.map(({ outcome }) => outcome)).to.deep.equal(['passed', 'passed']);
    expect(changes()).to.deep.equal(['+romeo']);
    expect(notes).to.deep.equal([
      'localhost does not allow a removed name to be registered again: accounts are kept',
    ]);
  });

  it('have to be there where nobody can register', async () => {
    await serve({}, { romeo: 'secret' });
    const { results, notes } = await perform(server, [SCRIPT, SCRIPT]);
    expect(results.map(({ outcome }) => outcome)).to.deep.equal(['passed', 'passed']);
    expect(notes).to.deep.equal([
      'no account can be registered at localhost (501, No): the accounts of the scripts must exist',
    ]);
  });
});
