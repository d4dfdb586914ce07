import Database from 'better-sqlite3';
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { CredentialStore } from '../../lib/accounts/credential-store.js';
import { crypt, newSetting } from '../../lib/accounts/crypt/crypt.js';
import { openCredentialStore } from '../../lib/accounts/index.js';
import type { PasswordType } from '../../lib/config/config.js';
import type { Element } from '../../lib/xml/index.js';
import { broken, storyOf } from '../accounts/story.js';
import { RecordedLog } from '../support/log.js';
import type { Need } from './support/clients.js';
import { Jabberd2, JABBERD2, type Authreg } from './support/jabberd2.js';
import { describeWith } from './support/needs.js';
import { Postgres, POSTGRES } from './support/postgres.js';
import { User, type Identity } from './support/user.js';

/** As the schema of jabberd2 has it since 2007, and as it was before (and is where an upgrade was not run). */
const WITH_KEY = `DROP TABLE IF EXISTS authreg; CREATE TABLE authreg (username varchar(1023) NOT NULL,
  realm varchar(1023) NOT NULL, password varchar(256), PRIMARY KEY (username, realm))`;
const WITHOUT_KEY = `DROP TABLE IF EXISTS authreg; CREATE TABLE authreg (username varchar(1023) NOT NULL,
  realm varchar(1023) NOT NULL, password varchar(256))`;

const HOST = 'foo.com';

/** It hands crypt(3) through. */
const PERL: readonly Need[] = [{ package: 'perl', present: ['perl', '-e', '1'] }];

/** What stands in the table for somebody. */
type Row = (username: string) => string;

/** How c2s writes each form. */
const STORED: Readonly<Record<Exclude<PasswordType, 'crypt'>, RegExp>> = {
  plaintext: /^(?:secret|пароль & <💔>)$/,
  a1hash: /^[0-9a-f]{32}$/,
  bcrypt: /^\$2y\$10\$[./0-9A-Za-z]{53}$/,
};

/** What jabberd2 serves. */
const DOMAIN = 'localhost';

/** How many connections wait for a lock. */
const WAITING = `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;

describeWith('accounts in PostgreSQL', POSTGRES, 'interop: accounts in PostgreSQL', () => {
  let server: Postgres;
  let log: RecordedLog;
  let store: CredentialStore | undefined;
  before(async () => (server = await Postgres.create()));
  after(() => server?.remove());
  beforeEach(() => {
    log = new RecordedLog();
    server.sql(WITH_KEY);
  });
  afterEach(async () => {
    await store?.close();
    store = undefined;
  });

  const open = async (passwordType: PasswordType = 'plaintext', url = server.url): Promise<CredentialStore> =>
    (store = await openCredentialStore({ store: 'postgres', url, passwordType }, { data: '', log }));

  for (const passwordType of ['plaintext', 'a1hash'] as const) {
    describe(passwordType, () =>
      storyOf({
        open: () => open(passwordType),
        readable: passwordType === 'plaintext',
        spaces: true,
        lists: true,
      }),
    );
  }

  describe('without the primary key', () => {
    beforeEach(() => void server.sql(WITHOUT_KEY));
    storyOf({ open, readable: true, spaces: true, lists: true });

    it('of two that want a name at once through different processes one wins', async () => {
      const stores = await Promise.all([open(), open(), open()]);
      for (let round = 0; round < 10; round += 1) {
        const won = await Promise.all(stores.map((one, i) => one.create(`juliet${round}`, HOST, `${i}`)));
        expect(won.filter(Boolean)).to.have.lengthOf(1);
      }
      expect(server.sql('SELECT count(*) FROM authreg')).to.equal('10\n');
      await Promise.all(stores.map((one) => one.close()));
    });

    it('two rows of one name let nobody in', async () => {
      server.sql(`INSERT INTO authreg VALUES ('juliet', '${HOST}', 'a'), ('juliet', '${HOST}', 'b')`);
      const opened = await open();
      expect(await opened.exists('juliet', HOST)).to.equal(true);
      expect(await opened.check('juliet', HOST, 'a')).to.equal(false);
      expect(await opened.create('juliet', HOST, 'c')).to.equal(false);
      expect(await opened.list()).to.deep.equal([{ username: 'juliet', realm: HOST }]);
      await opened.set('juliet', HOST, 'c');
      await opened.delete('juliet', HOST);
      expect(server.sql('SELECT count(*) FROM authreg')).to.equal('0\n');
    });
  });

  for (const [passwordType, form] of [
    ['crypt', /^\$6\$rounds=50000\$/],
    ['bcrypt', /^\$2y\$10\$/],
  ] as const) {
    it(`${passwordType} is written and checked`, async () => {
      const opened = await open(passwordType);
      expect(await opened.create('juliet', HOST, 'secret')).to.equal(true);
      expect(server.sql('SELECT password FROM authreg')).to.match(form);
      expect(await opened.check('juliet', HOST, 'secret')).to.equal(true);
      expect(await opened.check('juliet', HOST, 'Secret')).to.equal(false);
      expect(await opened.set('juliet', HOST, 'changed')).to.equal(true);
      expect(await opened.check('juliet', HOST, 'secret')).to.equal(false);
      expect(await opened.check('juliet', HOST, 'changed')).to.equal(true);
      expect(opened.readable).to.equal(false);
    });
  }

  it('a password that is missing lets nobody in', async () => {
    server.sql(`INSERT INTO authreg (username, realm) VALUES ('juliet', '${HOST}')`);
    const opened = await open();
    expect(await opened.exists('juliet', HOST)).to.equal(true);
    expect(await opened.check('juliet', HOST, '')).to.equal(false);
    expect(await opened.secret('juliet', HOST)).to.equal(undefined);
  });

  describe('what is wrong at the start', () => {
    const refused = (url: string): Promise<string> => broken(open('plaintext', url));

    it('a wrong password, which is not shown', async () => {
      const message = await refused(server.urlAs('jabberd2', 'not this'));
      expect(message).to.match(
        /^the accounts in postgresql:\/\/jabberd2:\*\*\*@127\.0\.0\.1:\d+\/jabberd2 cannot be used: /,
      );
      expect(message).to.match(/password authentication failed/);
    });
    it('no such database', async () =>
      expect(await refused(server.url.replace(/jabberd2$/, 'none'))).to.match(
        /database "none" does not exist$/,
      ));
    it('no such table', async () => {
      server.sql('DROP TABLE authreg');
      expect(await refused(server.url)).to.match(/relation "authreg" does not exist$/);
    });
    it('no such column', async () => {
      server.sql('ALTER TABLE authreg DROP COLUMN password');
      expect(await refused(server.url)).to.match(/column "password" does not exist$/);
    });
  });

  describe('a server that is away', () => {
    afterEach(() => server.start());

    it('is told with every call, and comes back by itself', async () => {
      const opened = await open();
      await opened.create('juliet', HOST, 'secret');
      await server.crash();
      for (const call of [
        () => opened.exists('juliet', HOST),
        () => opened.check('juliet', HOST, 'secret'),
        () => opened.create('romeo', HOST, 'secret'),
      ])
        expect(await broken(call())).to.match(/cannot be used: .*ECONNREFUSED/);
      await server.start();
      expect(await opened.check('juliet', HOST, 'secret')).to.equal(true);
      expect(await opened.exists('romeo', HOST)).to.equal(false);
    });

    it('at the start is logged, and comes back by itself', async () => {
      await server.crash();
      const opened = await open();
      expect((await log.line(/^the accounts in postgresql/)).message).to.match(
        /cannot be used: .*ECONNREFUSED/,
      );
      await server.start();
      expect(await opened.exists('juliet', HOST)).to.equal(false);
    });

    it('and goes away while it is asked ends the calls, and no more than them', async () => {
      const opened = await open();
      await opened.create('juliet', HOST, 'secret');
      const release = await server.hold('BEGIN; LOCK TABLE authreg IN ACCESS EXCLUSIVE MODE');
      const calls = [
        broken(opened.create('romeo', HOST, 'secret')),
        broken(opened.check('juliet', HOST, 'secret')),
        // more than there are connections: these wait for one
        ...[1, 2, 3, 4].map((i) => broken(opened.delete(`user${i}`, HOST))),
      ];
      // psql holds us up while it runs: the calls go on in between
      while (server.sql(WAITING).trim() !== '4') await delay(20);
      await server.crash();
      for (const call of calls)
        expect(await call).to.match(/cannot be used: .*(?:onnection|ECONN|shutting down)/);
      await release();
      await server.start();
      expect(await opened.check('juliet', HOST, 'secret')).to.equal(true);
      expect(await opened.exists('romeo', HOST)).to.equal(false);
    });
  });

  it('a name with letters that the database has not is nobody’s, and can not be made', async () => {
    const made = `CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`;
    server.sql(made);
    server.sql(WITH_KEY, 'latin');
    const opened = await open('plaintext', server.url.replace(/jabberd2$/, 'latin'));
    expect(await opened.check('ж', HOST, 'secret')).to.equal(false);
    expect(await opened.secret('ж', HOST)).to.equal(undefined);
    await opened.delete('ж', HOST);
    for (const [username, password] of [
      ['ж', 'secret'],
      ['é', 'пароль'],
    ])
      expect(await opened.create(username, HOST, password).catch((error: Error) => error)).to.be.instanceOf(
        RangeError,
      );
    expect(await opened.create('é', HOST, 'ü')).to.equal(true);
    expect(await opened.set('é', HOST, 'пароль').catch((error: Error) => error)).to.be.instanceOf(RangeError);
    expect(await opened.check('é', HOST, 'ü')).to.equal(true);
  });

  it('a name that is longer than a column is nobody’s, and can not be made', async () => {
    server.sql(WITH_KEY.replaceAll('1023', '20'));
    const opened = await open();
    expect(await opened.check('j'.repeat(21), HOST, 'secret')).to.equal(false);
    expect(
      await opened.create('j'.repeat(21), HOST, 'secret').catch((error: Error) => error),
    ).to.be.instanceOf(RangeError);
    expect(await opened.create('j'.repeat(20), HOST, 'secret')).to.equal(true);
  });

  it('a table that is locked for long ends a call in time', async () => {
    const opened = await open();
    const release = await server.hold('BEGIN; LOCK TABLE authreg IN ACCESS EXCLUSIVE MODE');
    expect(await broken(opened.exists('juliet', HOST))).to.match(/cannot be used: .*timeout/);
    await release();
    expect(await opened.exists('juliet', HOST)).to.equal(false);
  });
});

describeWith('stock jabberd2', JABBERD2, 'interop: accounts shared with the c2s of jabberd2', () => {
  const log = new RecordedLog();

  const shared = (
    title: string,
    type: keyof typeof STORED,
    start: () => Promise<[Jabberd2, CredentialStore, Row]>,
  ): void => {
    describe(title, () => {
      let jabberd2: Jabberd2;
      let store: CredentialStore;
      let row: Row;
      before(async () => ([jabberd2, store, row] = await start()));
      after(async () => {
        await store?.close();
        await jabberd2?.stop();
      });

      it('c2s lets in whom we have registered, and knows a new password', async () => {
        for (const [name, password] of [
          ['juliet', 'secret'],
          ['ruža', 'пароль & <💔>'],
        ]) {
          await store.create(name, DOMAIN, password);
          expect(await login(jabberd2, name, password), name).to.equal(true);
          expect(await login(jabberd2, name, `${password}x`)).to.equal(false);
          await store.set(name, DOMAIN, 'changed');
          expect(await login(jabberd2, name, password)).to.equal(false);
          expect(await login(jabberd2, name, 'changed')).to.equal(true);
          expect(await register(jabberd2, name, 'mine')).to.equal(false);
          await store.delete(name, DOMAIN);
          expect(await login(jabberd2, name, 'changed')).to.equal(false);
        }
      });

      it('we let in whom c2s has registered', async () => {
        for (const [name, password] of [
          ['romeo', 'secret'],
          ['božena', 'пароль & <💔>'],
        ]) {
          expect(await register(jabberd2, name, password), name).to.equal(true);
          expect(row(name)).to.match(STORED[type]);
          expect(await store.exists(name, DOMAIN)).to.equal(true);
          expect(await store.check(name, DOMAIN, password)).to.equal(true);
          expect(await store.check(name, DOMAIN, `${password}x`)).to.equal(false);
          expect(await store.create(name, DOMAIN, 'mine')).to.equal(false);
        }
      });
    });
  };

  // with crypt, Debian's c2s crashes: it is built without a declaration of crypt(), and loses half of the pointer
  for (const type of ['plaintext', 'a1hash'] as const) {
    shared(`in SQLite, ${type}`, type, async () => {
      const jabberd2 = await withAccounts({ module: 'sqlite', passwordType: `<${type}/>` });
      const store = await openCredentialStore(
        { store: 'sqlite', file: jabberd2.database, passwordType: type },
        { data: '', log },
      );
      const row = (name: string): string => {
        const database = new Database(jabberd2.database, { readonly: true });
        const password = database
          .prepare('SELECT password FROM authreg WHERE username = ?')
          .pluck()
          .get(name);
        database.close();
        return password as string;
      };
      return [jabberd2, store, row];
    });
  }

  describeWith('stock jabberd2 with PostgreSQL', POSTGRES, 'in PostgreSQL', () => {
    let server: Postgres;
    before(async () => (server = await Postgres.create()));
    after(() => server?.remove());

    for (const type of ['plaintext', 'a1hash', 'bcrypt'] as const) {
      shared(type, type, async () => {
        server.sql(WITH_KEY);
        const authreg: Authreg = {
          module: 'pgsql',
          passwordType: type === 'bcrypt' ? `<bcrypt cost='10'/>` : `<${type}/>`,
          conninfo: server.conninfo,
        };
        const store = await openCredentialStore(
          { store: 'postgres', url: server.url, passwordType: type },
          { data: '', log },
        );
        const row = (name: string): string =>
          server.sql(`SELECT password FROM authreg WHERE username = '${name}'`).trim();
        return [await withAccounts(authreg), store, row];
      });
    }
  });
});

describeWith('crypt(3)', PERL, 'interop: passwords in the forms of crypt(3)', () => {
  const real = (password: string, setting: string): string =>
    execFileSync('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, setting], { encoding: 'utf8' });

  for (const password of ['secret', 'пароль & <💔>', 'x'.repeat(64), 'y'.repeat(256)]) {
    for (const [type, make] of Object.entries(newSetting)) {
      it(`${type} for ${password.slice(0, 20)} is what this system makes of it`, () => {
        const stored = crypt(password, make())!;
        expect(stored).to.equal(real(password, stored));
      });
    }
    for (const setting of ['$1$saltsalt$', '$5$saltsalt$', '$2a$05$abcdefghijklmnopqrstuu', 'ab'])
      it(`${setting} for ${password.slice(0, 20)} is taken from this system`, () => {
        const stored = real(password, setting);
        expect(crypt(password, stored)).to.equal(stored);
      });
  }
});

function withAccounts(authreg: Authreg): Promise<Jabberd2> {
  return Jabberd2.start({ c2s: true, authreg });
}

let logins = 0;

/** Does c2s let this one in? */
async function login(jabberd2: Jabberd2, username: string, password: string): Promise<boolean> {
  logins += 1;
  const identity = { username, password, domain: DOMAIN, resource: `r${logins}` };
  return isDone(jabberd2, identity, (user) => user.login());
}

async function register(jabberd2: Jabberd2, username: string, password: string): Promise<boolean> {
  return isDone(jabberd2, { username, password, domain: DOMAIN, resource: '' }, (user) => user.register());
}

/** Connections stay: c2s gives a new one the id of one that is gone, and may take the end of that for its own. */
async function isDone(
  jabberd2: Jabberd2,
  identity: Identity,
  ask: (user: User) => Promise<Element>,
): Promise<boolean> {
  const user = await User.connect(jabberd2.clientPort, identity);
  await user.open();
  return (await ask(user)).attribute('type') === 'result';
}
