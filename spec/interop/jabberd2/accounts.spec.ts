/** `sm-component users` beside a running sm-component, in front of a real jabberd2: who is added can log in. */
import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { workshop } from '../support/clients.js';
import { program } from '../support/front.js';
import { JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story, passwordOf, type Stance } from '../support/jabberd2-story.js';
import { describeWith } from '../support/needs.js';
import { Postgres, POSTGRES } from '../support/postgres.js';
import { expectDone, expectError } from '../support/user.js';

/** As the schema of jabberd2 has it. */
const TABLE = `CREATE TABLE authreg (username varchar(1023) NOT NULL, realm varchar(1023) NOT NULL,
  password varchar(256), PRIMARY KEY (username, realm))`;

const PROGRAM = path.resolve('spec/accounts/accounts-program.mjs');

/** What is known of a store. */
interface Kind {
  readonly credentials: () => string | undefined;
  /** Can it tell who there is? */
  readonly lists: boolean;
}

/** Whoever is added while it runs logs in, gets another password, and is removed. */
function tell({ credentials, lists }: Kind): void {
  let story: Jabberd2Story;
  let stance: Stance;
  before(async () => {
    stance = { credentials: credentials() };
    story = await Jabberd2Story.begin({}, stance);
  });
  after(() => story?.end());

  const users = (args: string, password = ''): Promise<string> => {
    const where = ['--credentials', story.credentialsOf(stance), '--data', story.data];
    const [file, ...all] = program('users', ...args.split(' '), ...where);
    return new Promise((resolve) => {
      const child = execFile(file, all, (error, stdout, stderr) => resolve(error ? stderr : stdout));
      child.stdin!.end(`${password}\n`);
    });
  };

  it('who is added logs in at once, and is a user like any other', async () => {
    expect(await users('add romeo@localhost', passwordOf('romeo'))).to.match(
      /^romeo@localhost was added to /,
    );
    expect(await users('add romeo@localhost', 'another')).to.contain('romeo@localhost exists already');
    expect(story.jabberd.isUser('romeo@localhost')).to.equal(false);
    const romeo = await story.login('romeo');
    expect(story.jabberd.isUser('romeo@localhost')).to.equal(true);
    const juliet = await story.member('juliet');
    await story.befriend(romeo, juliet);
    juliet.say('romeo@localhost', 'wherefore?');
    await romeo.hears('wherefore?');
    const listed = await users('list');
    if (lists) expect(listed).to.equal('juliet@localhost\nromeo@localhost\n');
    else expect(listed).to.contain('cannot list accounts');
  });

  it('who gets another password logs in with that one', async () => {
    expect(await users('passwd romeo@localhost', 'changed')).to.equal('romeo@localhost has a new password\n');
    const romeo = await story.user('romeo', { resource: 'elsewhere' });
    expectError(await romeo.login(), '401');
    expectDone(await romeo.login('changed'));
    await romeo.roundTrip();
  });

  it('who is removed can not log in, and is the same user for the sm when added again', async () => {
    expect(await users('remove romeo@localhost')).to.match(/^romeo@localhost was removed from /);
    const refused = await story.user('romeo', { resource: 'late' });
    expectError(await refused.login('changed'), '401');
    expect(story.jabberd.isUser('romeo@localhost')).to.equal(true);
    await users('add romeo@localhost', passwordOf('romeo'));
    await story.login('romeo', { resource: 'late' });
  });

  it('many are added in the same moment, while others log in', async () => {
    const names = ['one', 'two', 'three'];
    const member = story.member('busy');
    await Promise.all(names.map((name) => users(`add ${name}@localhost`, passwordOf(name))));
    await member;
    for (const name of names) await (await story.login(name)).roundTrip();
  });
}

describeWith('jabberd2', JABBERD2, 'interop: accounts from the command line in front of jabberd2', () => {
  describe('in a store of our own', () => tell({ credentials: () => 'embedded', lists: true }));

  describe('in the SQLite file of jabberd2', () => tell({ credentials: () => undefined, lists: true }));

  describe('by a program', () =>
    tell({
      credentials: () => {
        const file = path.join(mkdtempSync(path.join(workshop, 'accounts-')), 'accounts.json');
        return `pipe:${process.execPath} ${PROGRAM} --file ${file}`;
      },
      lists: false,
    }));

  describeWith('PostgreSQL', POSTGRES, 'in PostgreSQL', () => {
    let server: Postgres;
    before(async () => {
      server = await Postgres.create();
      server.sql(TABLE);
    });
    after(() => server?.remove());
    tell({ credentials: () => `postgres:${server.url}?password_type=bcrypt`, lists: true });
  });
});
