import Database from 'better-sqlite3';
import { expect } from 'chai';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Credentials } from '../../../lib/client/credentials/credentials.js';
import { openCredentials } from '../../../lib/client/credentials/index.js';
import type { PasswordType } from '../../../lib/config/config.js';
import { silent } from '../../../lib/observe/log.js';
import { broken, storyOf } from './story.js';

/** The table as jabberd2's schema for SQLite has it: no unique key, and a password may be missing. */
const TABLE = 'CREATE TABLE authreg (username TEXT NOT NULL, realm TEXT NOT NULL, password TEXT)';

const HOST = 'foo.com';

describe('client/credentials/sqlite', () => {
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
  const open = (passwordType: PasswordType = 'plaintext'): Promise<Credentials> =>
    openCredentials({ store: 'sqlite', file, passwordType }, { data: directory, log: silent });

  describe('embedded', () => {
    const embedded = (data = directory): Promise<Credentials> =>
      openCredentials({ store: 'embedded' }, { data, log: silent });

    storyOf({ open: embedded, readable: true, spaces: true });

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
    storyOf({ open: () => (deployed(), open()), readable: true, spaces: true });
  });

  describe('opened', () => {
    it('makes no file', async () => {
      expect(await broken(open())).to.equal(`there is no file ${file} with accounts`);
      expect(existsSync(file)).to.equal(false);
    });

    it('makes no table', async () => {
      deployed(file, 'CREATE TABLE active (x)');
      expect(await broken(open())).to.match(/sqlite\.db has no table authreg: /);
    });

    it('misses a column', async () => {
      deployed(file, 'CREATE TABLE authreg (username, realm)');
      expect(await broken(open())).to.match(/sqlite\.db can not be used: no such column: password/);
    });

    it('knows what is no database', async () => {
      writeFileSync(file, 'no database at all. '.repeat(100));
      expect(await broken(open())).to.match(/can not be used: file is not a database/);
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
    let store: Credentials;
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

    it('says so when the lock stays', async function () {
      this.timeout(10_000);
      jabberd2.exec('BEGIN EXCLUSIVE');
      expect(await broken(store.create('juliet', HOST, 'secret'))).to.match(/are locked by another program/);
      jabberd2.exec('COMMIT');
      expect(await store.create('juliet', HOST, 'secret')).to.equal(true);
    });

    it('comes back by itself: the file away, and another one in its place', async () => {
      renameSync(file, `${file}.away`);
      expect(await broken(store.exists('juliet', HOST))).to.match(/there is no file/);
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
