import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import Database from 'better-sqlite3';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Store } from '../../../lib/embedded/store/store.js';

const MODULE = new URL('../../../lib/embedded/store/store.js', import.meta.url).href;
const ROOM = { messages: 10, characters: 1000 };

/** Runs some statements on the store of a directory in another process, which then dies without a farewell. */
function elsewhere(directory: string, statements: string): void {
  const script = `import { Store } from '${MODULE}'; const store = Store.open(${JSON.stringify(directory)}); ${statements}; process.kill(process.pid, 'SIGKILL')`;
  try {
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'pipe' });
  } catch (error) {
    if ((error as { signal?: string }).signal !== 'SIGKILL') throw error;
  }
}

describe('embedded: store', () => {
  let directory: string;
  beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'sm-component-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it('makes its directory, and a file that its owner alone may read', () => {
    const nested = join(directory, 'a', 'b');
    Store.open(nested).close();
    expect(statSync(join(nested, 'sm-component.sqlite')).mode & 0o777).to.equal(0o600);
  });

  it('keeps what it has been given', () => {
    const store = Store.open(directory);
    store.accounts.add('juliet@localhost', 'pass');
    store.offline.add('juliet@localhost', '<message/>', ROOM);
    store.documents.set('juliet@localhost', 'name', '<x/>');
    store.close();
    const again = Store.open(directory);
    expect(again.accounts.password('juliet@localhost')).to.equal('pass');
    expect(again.offline.list('juliet@localhost').map(({ stanza }) => stanza)).to.deep.equal(['<message/>']);
    expect(again.documents.get('juliet@localhost', 'name')).to.equal('<x/>');
    again.close();
  });

  it('has lost nothing that was committed when its process is killed', () => {
    elsewhere(directory, `store.accounts.add('juliet@localhost', 'pass')`);
    const store = Store.open(directory);
    expect(store.accounts.list()).to.deep.equal(['juliet@localhost']);
    store.close();
  });

  it('has nothing of what was gathered and not committed when its process is killed', () => {
    const statements = [
      `store.accounts.add('juliet@localhost', 'pass')`,
      `store.gather(() => store.accounts.add('romeo@localhost', 'pass'))`,
      `store.commit()`,
      `store.gather(() => store.accounts.add('nurse@localhost', 'pass'))`,
    ];
    elsewhere(directory, statements.join(';'));
    const store = Store.open(directory);
    expect(store.accounts.list()).to.deep.equal(['juliet@localhost', 'romeo@localhost']);
    store.close();
  });

  it('undoes all that a call changes that fails, and nothing else that was gathered', () => {
    const store = Store.memory();
    store.gather(() => void store.accounts.add('romeo@localhost', 'pass'));
    const fail = (): void => {
      store.accounts.add('nurse@localhost', 'pass');
      store.rosters.change(() => {
        store.accounts.add('juliet@localhost', 'pass');
        throw new Error('no');
      });
    };
    expect(() => store.gather(fail)).to.throw('no');
    store.gather(() => void store.accounts.add('tybalt@localhost', 'pass'));
    store.commit();
    expect(store.accounts.list()).to.deep.equal(['romeo@localhost', 'tybalt@localhost']);
    store.close();
  });

  it('sums up what waits for an account from the index alone: a full mailbox must not slow everybody down', () => {
    Store.open(directory).close();
    const database = new Database(join(directory, 'sm-component.sqlite'));
    const [plan] = database
      .prepare('EXPLAIN QUERY PLAN SELECT count(*), sum(characters) FROM offline WHERE account = ?')
      .all('juliet@localhost') as { detail: string }[];
    database.close();
    expect(plan.detail).to.match(/USING COVERING INDEX offline_of_account/);
  });

  it('refuses a file of a newer version', () => {
    Store.open(directory).close();
    elsewhere(directory, `store.database.pragma('user_version = 99')`);
    expect(() => Store.open(directory)).to.throw('the store has version 99');
  });

  it('can be closed twice', () => {
    const store = Store.memory();
    store.close();
    store.close();
  });

  describe('accounts', () => {
    let store: Store;
    beforeEach(() => void (store = Store.memory()));
    afterEach(() => store.close());

    it('are the same in any spelling', () => {
      expect(store.accounts.add('Juliet@Localhost', 'pass')).to.equal(true);
      expect(store.accounts.add('juliet@localhost', 'other')).to.equal(false);
      expect(store.accounts.password('JULIET@localhost')).to.equal('pass');
      expect(store.accounts.setPassword('JULIET@localhost', 'new')).to.equal(true);
      expect(store.accounts.list()).to.deep.equal(['juliet@localhost']);
    });

    it('take all they have with them', () => {
      store.accounts.add('juliet@localhost', 'pass');
      store.offline.add('juliet@localhost', '<message/>', ROOM);
      store.documents.set('juliet@localhost', 'name', '<x/>');
      expect(store.accounts.remove('juliet@localhost')).to.equal(true);
      expect(store.accounts.remove('juliet@localhost')).to.equal(false);
      store.accounts.add('juliet@localhost', 'pass');
      expect(store.offline.list('juliet@localhost')).to.deep.equal([]);
      expect(store.documents.get('juliet@localhost', 'name')).to.equal(undefined);
    });

    it('take the subscriptions of others with them: whoever takes the name next is somebody else', () => {
      for (const user of ['juliet', 'romeo', 'nurse']) store.accounts.add(`${user}@localhost`, 'pass');
      const common = { jid: 'juliet@localhost', name: 'J', groups: [], request: undefined } as const;
      const romeo = { ...common, mine: 'granted', theirs: 'granted', listed: true } as const;
      store.rosters.save('romeo@localhost', romeo);
      store.rosters.save('nurse@localhost', {
        ...common,
        mine: 'none',
        theirs: 'asked',
        listed: false,
        request: '<p/>',
      });
      const before = store.rosters.version('romeo@localhost');
      store.accounts.remove('juliet@localhost');
      expect(store.rosters.get('romeo@localhost', 'juliet@localhost')).to.deep.equal({
        ...romeo,
        mine: 'none',
        theirs: 'none',
      });
      expect(store.rosters.version('romeo@localhost')).to.equal(before + 1);
      expect(store.rosters.get('nurse@localhost', 'juliet@localhost')).to.equal(undefined);
    });

    it('of the same name as a removed one begin with another version of the roster', () => {
      store.accounts.add('juliet@localhost', 'pass');
      const first = store.rosters.version('juliet@localhost');
      store.accounts.remove('juliet@localhost');
      const then = Date.now();
      while (Date.now() === then);
      store.accounts.add('juliet@localhost', 'pass');
      expect(store.rosters.version('juliet@localhost')).to.be.above(first);
    });

    it('need an address that is one, and a password', () => {
      for (const address of [
        'localhost',
        'a b@localhost',
        'juliet@localhost/x',
        `${'a'.repeat(65)}@localhost`,
      ]) {
        expect(() => store.accounts.add(address, 'pass'), address).to.throw(RangeError);
      }
      expect(() => store.accounts.add('juliet@localhost', '')).to.throw(RangeError);
      expect(() => store.accounts.add('juliet@localhost', 'p'.repeat(1024))).to.throw(RangeError);
    });

    it('that are not there have no password to set', () => {
      expect(store.accounts.setPassword('juliet@localhost', 'pass')).to.equal(false);
      expect(store.accounts.exists('juliet@localhost')).to.equal(false);
      expect(store.accounts.exists('@')).to.equal(false);
    });
  });

  it('takes so many offline messages, and so much of them', () => {
    const store = Store.memory();
    store.accounts.add('juliet@localhost', 'pass');
    const add = (text: string): boolean =>
      store.offline.add('juliet@localhost', text, { messages: 2, characters: 9 });
    expect(['aaaa', 'bbbbbb', 'ccccc', 'd'].map(add)).to.deep.equal([true, false, true, false]);
    store.close();
  });
});
