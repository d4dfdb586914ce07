import Database from 'better-sqlite3';
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CredentialStore } from '../../lib/accounts/credential-store.js';
import { openCredentialStore } from '../../lib/accounts/index.js';
import type { PasswordType } from '../../lib/config/config.js';
import { silent } from '../../lib/observe/log.js';
import { VECTORS } from './crypt/vectors.js';
import { broken, refusal, storyOf } from './story.js';

/** The table as jabberd2's schema for SQLite has it: no unique key, and a password may be missing. */
const TABLE = 'CREATE TABLE authreg (username TEXT NOT NULL, realm TEXT NOT NULL, password TEXT)';

const HOST = 'foo.com';

describe('accounts/sqlite', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    file = path.join(directory, 'sqlite.db');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const deployed = (name = file, table = TABLE): string => {
    const database = new Database(name);
    database.exec(table);
    database.close();
    return name;
  };
  const open = (passwordType: PasswordType = 'plaintext'): Promise<CredentialStore> =>
    openCredentialStore({ store: 'sqlite', file, passwordType }, { data: directory, log: silent });

  describe('embedded', () => {
    const embedded = (data = directory): Promise<CredentialStore> =>
      openCredentialStore({ store: 'embedded' }, { data, log: silent });

    storyOf({ open: embedded, readable: true, spaces: true, lists: true });

    it('makes its directory and its file, for its owner alone, and finds them again', async () => {
      const data = path.join(directory, 'a', 'b');
      const first = await embedded(data);
      await first.create('juliet', HOST, 'secret');
      expect(statSync(data).mode & 0o777).to.equal(0o700);
      for (const suffix of ['', '-wal', '-shm'])
        expect(statSync(path.join(data, `credentials.sqlite${suffix}`)).mode & 0o777).to.equal(0o600);
      await first.close();
      const second = await embedded(data);
      expect(await second.check('juliet', HOST, 'secret')).to.equal(true);
      await second.close();
    });

    it('says what is wrong with a directory that is none', async () => {
      writeFileSync(path.join(directory, 'file'), '');
      expect(await broken(embedded(path.join(directory, 'file')))).to.contain(
        path.join(directory, 'file', 'credentials.sqlite'),
      );
    });
  });

  describe('plaintext', () => {
    storyOf({ open: () => (deployed(), open()), readable: true, spaces: true, lists: true });
  });

  describe('a1hash', () => {
    storyOf({ open: () => (deployed(), open('a1hash')), readable: false, spaces: true, lists: true });
  });

  describe('the form a1hash', () => {
    const rows = (): unknown[] => {
      const database = new Database(file, { readonly: true });
      const all = database.prepare('SELECT password FROM authreg').pluck().all();
      database.close();
      return all;
    };

    it('writes MD5 of name, realm and password, and reads what follows it not', async () => {
      deployed();
      const store = await open('a1hash');
      await store.create('juliet', HOST, 'secret');
      expect(rows()).to.deep.equal(['15f008f730c847801eedac599f90ea06']);
      await store.close();
    });

    it('has no names with a colon, which could be told as those of others', async () => {
      const database = new Database(deployed());
      const a1 = createHash('md5').update('a:b:c:d').digest('hex');
      const names: [string, string][] = [
        ['a:b', 'c'],
        ['a', 'b:c'],
      ];
      for (const name of names) database.prepare('INSERT INTO authreg VALUES (?, ?, ?)').run(...name, a1);
      database.close();
      const store = await open('a1hash');
      for (const name of names) {
        expect(await store.check(...name, 'd')).to.equal(false);
        expect(await refusal(store.set(...name, 'd'))).to.be.instanceOf(RangeError);
        expect(await refusal(store.create(...name, 'd'))).to.be.instanceOf(RangeError);
      }
      await store.close();
    });

    it('cuts a password where c2s cuts it', async () => {
      const database = new Database(deployed());
      const a1 = createHash('md5')
        .update(`juliet:${HOST}:${'x'.repeat(256)}`)
        .digest('hex');
      database.prepare('INSERT INTO authreg VALUES (?, ?, ?)').run('juliet', HOST, a1);
      database.close();
      const store = await open('a1hash');
      expect(await store.check('juliet', HOST, 'x'.repeat(300))).to.equal(true);
      expect(await store.check('juliet', HOST, 'x'.repeat(255))).to.equal(false);
      await store.close();
    });

    it('does not take the hash for the password, nor gives it for one', async () => {
      deployed();
      const store = await open('a1hash');
      await store.create('juliet', HOST, 'secret');
      expect(await store.check('juliet', HOST, '15f008f730c847801eedac599f90ea06')).to.equal(false);
      expect(await store.secret('juliet', HOST)).to.equal(undefined);
      await store.close();
    });
  });

  describe('crypt', () => {
    let store: CredentialStore;
    const stored = (): unknown => {
      const database = new Database(file, { readonly: true });
      const password: unknown = database.prepare('SELECT password FROM authreg').pluck().get();
      database.close();
      return password;
    };
    const put = (password: string): void => {
      const database = new Database(file);
      database.exec('DELETE FROM authreg');
      database.prepare('INSERT INTO authreg VALUES (?, ?, ?)').run('juliet', HOST, password);
      database.close();
    };
    beforeEach(async () => (deployed(), (store = await open('crypt'))));
    afterEach(() => store.close());

    it('takes an account, a new password, and the account away', async () => {
      expect(await store.create('juliet', HOST, 'secret')).to.equal(true);
      expect(await store.create('juliet', HOST, 'second')).to.equal(false);
      expect(stored()).to.match(/^\$6\$rounds=50000\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}$/);
      expect(await store.check('juliet', HOST, 'secret')).to.equal(true);
      expect(await store.check('juliet', HOST, 'second')).to.equal(false);
      expect(await store.check('juliet', HOST, stored() as string)).to.equal(false);
      expect(await store.set('juliet', HOST, 'changed')).to.equal(true);
      expect(await store.check('juliet', HOST, 'secret')).to.equal(false);
      expect(await store.check('juliet', HOST, 'changed')).to.equal(true);
      await store.delete('juliet', HOST);
      expect(await store.check('juliet', HOST, 'changed')).to.equal(false);
    });

    it('gives no passwords', async () => {
      put('abNANd1rDfiNc');
      expect(store.readable).to.equal(false);
      expect(await store.secret('juliet', HOST)).to.equal(undefined);
    });

    it('checks what other programs wrote', async () => {
      for (const [, hashes] of VECTORS) {
        for (const [password, hash] of hashes.slice(0, 2)) {
          put(hash);
          expect(await store.check('juliet', HOST, password), hash).to.equal(true);
          expect(await store.check('juliet', HOST, `a${password}`), hash).to.equal(false);
          expect(await store.check('juliet', HOST, hash), hash).to.equal(false);
        }
      }
    }).timeout(10_000);

    it('lets nobody in where no hash is', async () => {
      for (const text of ['*', '!', 'secret', '!$1$a$41c8gzdxX5iFFuqkeAdoe0']) {
        put(text);
        for (const password of [text, 'secret'])
          expect(await store.check('juliet', HOST, password)).to.equal(false);
      }
    });

    it('says which form it does not know', async () => {
      put('$y$j9T$abcdefghijklmnop$3dL1LkYnZM.OVXuVdnnaKVDlLYT92dRwOzDZ5XiVCe.');
      expect(await broken(store.check('juliet', HOST, 'secret'))).to.match(/unknown form \(\$y\$\)/);
    });

    it('says that it is closed, and starts no thread then', async () => {
      await store.close();
      expect(await broken(store.set('juliet', HOST, 'secret'))).to.match(/closed/);
    });
  });

  describe('opened', () => {
    it('makes no file', async () => {
      expect(await broken(open())).to.equal(`the accounts file ${file} does not exist`);
      expect(existsSync(file)).to.equal(false);
    });

    it('makes no table', async () => {
      deployed(file, 'CREATE TABLE active (x)');
      expect(await broken(open())).to.match(/sqlite\.db has no table authreg: /);
    });

    it('misses a column', async () => {
      deployed(file, 'CREATE TABLE authreg (username, realm)');
      expect(await broken(open())).to.match(/sqlite\.db cannot be used: no such column: password/);
    });

    it('knows what is no database', async () => {
      writeFileSync(file, 'no database at all. '.repeat(100));
      expect(await broken(open())).to.match(/cannot be used: file is not a database/);
    });

    it('leaves the mode of the file and the journal as they are', async () => {
      deployed();
      chmodSync(file, 0o640);
      const store = await open();
      await store.create('juliet', HOST, 'secret');
      expect(statSync(file).mode & 0o777).to.equal(0o640);
      await store.close();
      const database = new Database(file);
      expect(database.pragma('journal_mode', { simple: true })).to.equal('delete');
      database.close();
    });
  });

  describe('shared with jabberd2', () => {
    let store: CredentialStore;
    let jabberd2: Database.Database;
    const add = (username: string, password: string | null): unknown =>
      jabberd2.prepare('INSERT INTO authreg VALUES (?, ?, ?)').run(username, HOST, password);

    beforeEach(async () => {
      jabberd2 = new Database(deployed());
      store = await open();
    });
    afterEach(async () => {
      await store.close();
      jabberd2.close();
    });

    it('sees what the other writes, and the other what it writes', async () => {
      add('juliet', 'secret');
      expect(await store.check('juliet', HOST, 'secret')).to.equal(true);
      await store.create('romeo', HOST, 'montague');
      const rows = jabberd2.prepare('SELECT * FROM authreg ORDER BY username').all();
      expect(rows).to.deep.equal([
        { username: 'juliet', realm: HOST, password: 'secret' },
        { username: 'romeo', realm: HOST, password: 'montague' },
      ]);
    });

    it('lets nobody in whose password is still missing, or empty', async () => {
      add('juliet', null);
      add('romeo', '');
      for (const username of ['juliet', 'romeo']) {
        expect(await store.exists(username, HOST)).to.equal(true);
        expect(await store.check(username, HOST, '')).to.equal(false);
        expect(await store.check(username, HOST, 'null')).to.equal(false);
        expect(await store.secret(username, HOST)).to.equal(undefined);
        expect(await store.create(username, HOST, 'mine')).to.equal(false);
      }
    });

    it('takes the first of two rows of one name, changes and removes both', async () => {
      add('juliet', 'first');
      add('juliet', 'second');
      expect(await store.check('juliet', HOST, 'second')).to.equal(false);
      expect(await store.check('juliet', HOST, 'first')).to.equal(true);
      expect(await store.list()).to.deep.equal([{ username: 'juliet', realm: HOST }]);
      await store.set('juliet', HOST, 'third');
      await store.delete('juliet', HOST);
      expect(await store.exists('juliet', HOST)).to.equal(false);
    });

    it('waits for a lock, while everything else goes on', async () => {
      jabberd2.exec('BEGIN EXCLUSIVE');
      let created: boolean | undefined;
      const creating = store.create('juliet', HOST, 'secret').then((result) => (created = result));
      await new Promise(setImmediate);
      expect(created).to.equal(undefined);
      jabberd2.exec('COMMIT');
      expect(await creating).to.equal(true);
    });

    it('has one of all that wait for a lock try it: a thousand logins would do nothing else', async () => {
      const statement = Object.getPrototypeOf(jabberd2.prepare('SELECT 1')) as {
        get(...values: unknown[]): unknown;
      };
      const { get } = statement;
      let tries = 0;
      statement.get = function (this: unknown, ...values: unknown[]): unknown {
        tries += 1;
        return get.apply(this, values);
      };
      jabberd2.exec('BEGIN EXCLUSIVE');
      const asked = Array.from({ length: 1000 }, () => store.exists('juliet', HOST));
      await new Promise(setImmediate);
      jabberd2.exec('COMMIT');
      statement.get = get;
      expect(tries).to.be.within(1, 3);
      expect(new Set(await Promise.all(asked))).to.deep.equal(new Set([false]));
    });

    it('waits for a lock when it starts, too', async () => {
      jabberd2.exec('BEGIN EXCLUSIVE');
      const opening = open();
      await new Promise(setImmediate);
      jabberd2.exec('COMMIT');
      await (await opening).close();
    });

    it('says so when the lock stays', async function () {
      this.timeout(10_000);
      jabberd2.exec('BEGIN EXCLUSIVE');
      expect(await broken(store.create('juliet', HOST, 'secret'))).to.match(/are locked by another program/);
      jabberd2.exec('COMMIT');
      expect(await store.create('juliet', HOST, 'secret')).to.equal(true);
    });

    it('comes back by itself: the file away, and another one in its place', async () => {
      renameSync(file, `${file}.away`);
      expect(await broken(store.exists('juliet', HOST))).to.match(/the accounts file .* does not exist/);
      deployed();
      expect(await store.exists('juliet', HOST)).to.equal(false);
      await store.create('juliet', HOST, 'of the second');
      rmSync(file);
      renameSync(`${file}.away`, file);
      expect(await store.exists('juliet', HOST)).to.equal(false);
      add('juliet', 'of the first');
      expect(await store.check('juliet', HOST, 'of the first')).to.equal(true);
    });

    it('comes back by itself: the table away and made again', async () => {
      jabberd2.exec('DROP TABLE authreg');
      expect(await broken(store.exists('juliet', HOST))).to.match(/no table authreg/);
      jabberd2.exec(TABLE);
      expect(await store.exists('juliet', HOST)).to.equal(false);
    });
  });
});
