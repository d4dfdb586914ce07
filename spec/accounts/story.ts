import { expect } from 'chai';
import { CredentialsError, type CredentialStore } from '../../lib/accounts/credential-store.js';

/** What goes wrong with a promise; fails where nothing does. */
export async function refusal(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome && outcome.error instanceof Error) return outcome.error;
  throw new Error(`nothing was refused: ${JSON.stringify(outcome)}`);
}

/** The sentence that the store is away or broken with. */
export async function broken(promise: Promise<unknown>): Promise<string> {
  const error = await refusal(promise);
  expect(error).to.be.instanceOf(CredentialsError);
  return error.message;
}

const HOST = 'foo.com';
const LONG = 'ü'.repeat(511);

/** Names and passwords that somebody could take for something else. */
const ODD: readonly [username: string, realm: string, password: string][] = [
  ["o'hara", HOST, "'; DROP TABLE authreg; --"],
  ['"', '"', '"'],
  ['%', '%s%n', '%d'],
  ['_', HOST, '_'],
  ['юлия', 'пример.рф', 'пароль'],
  ['💘', HOST, '💔'],
  ['a\\', "b\\'", 'c\\'],
  ['$1', '$2', '$3'],
  ['a=1&b', 'c?d', '?password_type=crypt'],
];

/** The same for stores whose protocol does not have lines. */
const SPACED: readonly [username: string, realm: string, password: string][] = [
  ['two words', 'a host', 'a password\n'],
  ['line\nline', HOST, '\r\n'],
  ['juliet', '', 'of no realm'],
];

export interface Of {
  /** An empty store. */
  open(): Promise<CredentialStore>;
  /** Has it passwords in clear? */
  readonly readable: boolean;
  /** Is a space in a name a space? */
  readonly spaces: boolean;
  /** Can it tell who there is? */
  readonly lists: boolean;
}

/** What every store does that can change everything. */
export function storyOf({ open, readable, spaces, lists }: Of): void {
  let store: CredentialStore;
  beforeEach(async () => (store = await open()));
  afterEach(() => store.close());

  it('knows nobody at first', async () => {
    expect(await store.exists('juliet', HOST)).to.equal(false);
    expect(await store.check('juliet', HOST, 'secret')).to.equal(false);
    expect(await store.secret('juliet', HOST)).to.equal(undefined);
    expect(await store.set('juliet', HOST, 'secret')).to.equal(false);
    await store.delete('juliet', HOST);
    expect(await store.exists('juliet', HOST)).to.equal(false);
  });

  it('says that it can change everything, and whether it gives passwords', () => {
    expect([...store.can]).to.have.members(['set', 'create', 'delete']);
    expect(store.readable).to.equal(readable);
  });

  it('takes an account, a new password, and the account away', async () => {
    expect(await store.create('juliet', HOST, 'secret')).to.equal(true);
    expect(await store.exists('juliet', HOST)).to.equal(true);
    expect(await store.check('juliet', HOST, 'secret')).to.equal(true);
    expect(await store.check('juliet', HOST, 'Secret')).to.equal(false);
    expect(await store.secret('juliet', HOST)).to.equal(readable ? 'secret' : undefined);

    expect(await store.set('juliet', HOST, 'changed')).to.equal(true);
    expect(await store.check('juliet', HOST, 'secret')).to.equal(false);
    expect(await store.check('juliet', HOST, 'changed')).to.equal(true);

    await store.delete('juliet', HOST);
    expect(await store.exists('juliet', HOST)).to.equal(false);
    expect(await store.check('juliet', HOST, 'changed')).to.equal(false);
  });

  if (lists) {
    it('tells who there is: each once, by realm, then by name', async () => {
      expect(await store.list()).to.deep.equal([]);
      for (const [username, realm] of [
        ['romeo', HOST],
        ['Zoë', HOST],
        ['juliet', HOST],
        ['juliet', 'bar.com'],
        ['two words', ''],
      ])
        await store.create(username, realm, 'secret');
      expect(await store.list()).to.deep.equal([
        { username: 'two words', realm: '' },
        { username: 'juliet', realm: 'bar.com' },
        { username: 'Zoë', realm: HOST },
        { username: 'juliet', realm: HOST },
        { username: 'romeo', realm: HOST },
      ]);
      await store.delete('juliet', HOST);
      expect((await store.list()).map(({ username }) => username)).to.deep.equal([
        'two words',
        'juliet',
        'Zoë',
        'romeo',
      ]);
    });
  } else {
    it('says that it can not tell who there is', async () => {
      expect(await broken(store.list())).to.match(/cannot list accounts/);
    });
  }

  it('keeps a name that is taken as it is', async () => {
    await store.create('juliet', HOST, 'first');
    expect(await store.create('juliet', HOST, 'second')).to.equal(false);
    expect(await store.check('juliet', HOST, 'first')).to.equal(true);
    expect(await store.check('juliet', HOST, 'second')).to.equal(false);
  });

  it('lets one of many win who want a name at once', async () => {
    const passwords = Array.from({ length: 8 }, (_, i) => `password${i}`);
    const won = await Promise.all(passwords.map((password) => store.create('juliet', HOST, password)));
    expect(won.filter(Boolean)).to.have.lengthOf(1);
    expect(await store.check('juliet', HOST, passwords[won.indexOf(true)])).to.equal(true);
  });

  it('tells users from each other by all of name and realm', async () => {
    await store.create('juliet', HOST, 'secret');
    for (const [username, realm] of [
      ['juliet', 'bar.com'],
      ['Juliet', HOST],
      ['julie', HOST],
      ['%', HOST],
      ['juliet', ''],
      ['juliet\0', HOST],
    ]) {
      expect(await store.exists(username, realm), `${username}@${realm}`).to.equal(false);
      expect(await store.check(username, realm, 'secret')).to.equal(false);
      await store.delete(username, realm);
    }
    expect(await store.check('juliet', HOST, 'secret')).to.equal(true);
  });

  for (const [username, realm, password] of spaces ? [...ODD, ...SPACED] : ODD) {
    it(`takes ${JSON.stringify([username, realm, password])} as it is`, async () => {
      await store.create('bystander', HOST, 'unharmed');
      expect(await store.create(username, realm, password)).to.equal(true);
      expect(await store.check(username, realm, password)).to.equal(true);
      expect(await store.check(username, realm, `${password}x`)).to.equal(false);
      expect(await store.secret(username, realm)).to.equal(readable ? password : undefined);
      expect(await store.set(username, realm, 'other')).to.equal(true);
      await store.delete(username, realm);
      expect(await store.exists(username, realm)).to.equal(false);
      expect(await store.check('bystander', HOST, 'unharmed')).to.equal(true);
    });
  }

  it('takes what just fits', async () => {
    const password = `${'ü'.repeat(127)}xy`;
    expect(await store.create('n'.repeat(spaces ? 1023 : 300), 'r'.repeat(256), password)).to.equal(true);
    expect(await store.check('n'.repeat(spaces ? 1023 : 300), 'r'.repeat(256), password)).to.equal(true);
  });

  it('lets nobody in without a password, nor with one that is none', async () => {
    await store.create('juliet', HOST, 'secret');
    for (const password of [
      '',
      'secret\0',
      '\0',
      '\ud800',
      'x'.repeat(1024),
      `secret${'x'.repeat(1_000_000)}`,
    ])
      expect(await store.check('juliet', HOST, password), password.slice(0, 10)).to.equal(false);
  });

  for (const [what, username, realm, password] of [
    ['an empty name', '', HOST, 'secret'],
    ['a NUL in the name', 'jul\0iet', HOST, 'secret'],
    ['half a character in the name', '\ud83d', HOST, 'secret'],
    ['1024 bytes of name', `ab${LONG}`, HOST, 'secret'],
    ['257 bytes of realm', 'juliet', 'r'.repeat(257), 'secret'],
    ['an empty password', 'juliet', HOST, ''],
    ['257 bytes of password', 'juliet', HOST, 'x'.repeat(257)],
    ['a NUL in the password', 'juliet', HOST, 'sec\0ret'],
  ] as const) {
    it(`refuses ${what} for an account`, async () => {
      expect(await refusal(store.create(username, realm, password))).to.be.instanceOf(RangeError);
      expect(await store.exists(username, realm)).to.equal(false);
      expect(await store.secret(username, realm)).to.equal(undefined);
    });
  }

  it('refuses what can not be a password for a change, and keeps the old one', async () => {
    await store.create('juliet', HOST, 'secret');
    expect(await refusal(store.set('juliet', HOST, ''))).to.be.instanceOf(RangeError);
    expect(await refusal(store.set('juliet', HOST, 'x'.repeat(257)))).to.be.instanceOf(RangeError);
    expect(await store.check('juliet', HOST, 'secret')).to.equal(true);
  });

  it('says that it is closed, and closes twice', async () => {
    await store.close();
    await store.close();
    expect(await broken(store.exists('juliet', HOST))).to.match(/closed/);
  });
}
