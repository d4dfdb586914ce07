import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'chai';
import { openCredentialStore } from '../../../lib/accounts/index.js';
import { Store } from '../../../lib/embedded/store/store.js';
import { silent } from '../../../lib/observe/log.js';
import { call } from '../../cli/program.js';

const PAGE = 4096;
const MESSAGES = 200;
const JULIET = 'juliet@localhost';

describe('embedded: a store that is damaged', function () {
  this.timeout(30_000);
  let directory: string;
  let file: string;
  const start = () => call(['--listen', '0', '--data', directory], { cwd: directory });

  /** A store with messages for somebody, all of it in the one file. */
  function makeStore(): void {
    const store = Store.open(directory);
    store.accounts.add(JULIET, 'pass');
    const room = { messages: MESSAGES, characters: 1e6 };
    for (let at = 0; at < MESSAGES; at += 1)
      store.offline.add(JULIET, `<message id='${at}'><body>${'x'.repeat(500)}</body></message>`, room);
    store.close();
  }

  function overwrite(at: number, bytes: Buffer): void {
    const content = readFileSync(file);
    bytes.copy(content, at);
    writeFileSync(file, content);
  }

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    file = path.join(directory, 'sm-component.sqlite');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('in any of its pages: it says so, or has all its messages', () => {
    makeStore();
    const whole = path.join(directory, 'whole');
    copyFileSync(file, whole);
    let refused = 0;
    for (let page = 0; page < statSync(whole).size / PAGE; page += 1) {
      copyFileSync(whole, file);
      const from = page * PAGE + (page === 0 ? 100 : 0);
      overwrite(
        from,
        Buffer.from(
          readFileSync(whole)
            .subarray(from, from + 40)
            .map((byte) => byte ^ 0xff),
        ),
      );
      try {
        const store = Store.open(directory);
        expect(store.offline.list(JULIET), `page ${page}`).to.have.length(MESSAGES);
        store.close();
      } catch (error) {
        expect(String(error)).to.match(/damaged|malformed|disk image/);
        refused += 1;
      }
      for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true });
    }
    expect(refused).to.be.above(20);
  });

  it('stops the start and names the way out, and leaves the file as it is', () => {
    makeStore();
    const pages = statSync(file).size / PAGE;
    for (let page = 5; page < pages; page += 1) overwrite(page * PAGE, Buffer.alloc(64, 0xff));
    const before = readFileSync(file);
    const { code, stdout, stderr } = start();
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.match(
      /^sm-component: the store in \S+ cannot be opened: sm-component\.sqlite is damaged \(.+\); restore a backup, or save .*docs\/running\.md.*\n$/,
    );
    expect(readFileSync(file).equals(before)).to.equal(true);
  });

  for (const [what, content, said] of [
    ['a file of 0 bytes', '', 'sm-component.sqlite is empty (0 bytes); restore a backup'],
    ['something else than a database', 'x'.repeat(5000), 'file is not a database; restore a backup'],
  ] as const) {
    it(`${what} does not become an empty store`, () => {
      writeFileSync(file, content);
      for (const outcome of [start(), call(['users', 'list', '--data', directory])]) {
        expect([outcome.code, outcome.stdout]).to.deep.equal([1, '']);
        expect(outcome.stderr).to.contain(said);
      }
      expect(readFileSync(file, 'latin1')).to.equal(content);
    });
  }

  it('a database of another program is left as it is', () => {
    const database = new Database(file);
    database.exec('CREATE TABLE authreg (username TEXT)');
    database.close();
    expect(start().stderr).to.contain('sm-component.sqlite is a database of another program');
    const again = new Database(file);
    expect(again.prepare('SELECT name FROM sqlite_master').pluck().all()).to.deep.equal(['authreg']);
    again.close();
  });

  it('what is left of a removed one is not taken into a new one', () => {
    writeFileSync(`${file}-wal`, 'x');
    const { code, stderr } = start();
    expect(code).to.equal(1);
    expect(stderr).to.contain('sm-component.sqlite is missing, but sm-component.sqlite-wal exists');
  });

  it('a new one is there whole, and nothing beside it', () => {
    Store.open(directory).close();
    expect(readdirSync(directory)).to.deep.equal(['sm-component.sqlite']);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  for (const content of ['', 'x'.repeat(5000)]) {
    it(`accounts of --credentials embedded in a file of ${content.length} bytes are no empty ones either`, async () => {
      const accounts = path.join(directory, 'credentials.sqlite');
      writeFileSync(accounts, content);
      const opening = openCredentialStore({ store: 'embedded' }, { data: directory, log: silent });
      const error = await opening.then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error?.message).to.match(/is empty \(0 bytes\)|is not a database/);
      expect(readFileSync(accounts, 'latin1')).to.equal(content);
    });
  }
});
