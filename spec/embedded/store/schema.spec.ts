import Database from 'better-sqlite3';
import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STEPS } from '../../../lib/embedded/store/schema.js';
import { Store } from '../../../lib/embedded/store/store.js';

/** The tables as version 1 made them. Written down here as they were: steps that were released never change. */
const VERSION_1 = `
  CREATE TABLE account (
    jid TEXT PRIMARY KEY, password TEXT NOT NULL, created INTEGER NOT NULL,
    roster_version INTEGER NOT NULL DEFAULT 0, last_seen INTEGER, last_status TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE contact (
    account TEXT NOT NULL REFERENCES account (jid) ON DELETE CASCADE,
    jid TEXT NOT NULL, name TEXT, groups TEXT NOT NULL,
    mine TEXT NOT NULL CHECK (mine IN ('none', 'asked', 'granted')),
    theirs TEXT NOT NULL CHECK (theirs IN ('none', 'asked', 'granted')),
    listed INTEGER NOT NULL, request TEXT, PRIMARY KEY (account, jid)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE offline (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL REFERENCES account (jid) ON DELETE CASCADE,
    received INTEGER NOT NULL, stanza TEXT NOT NULL
  ) STRICT;
  CREATE INDEX offline_of_account ON offline (account);
  CREATE TABLE document (
    account TEXT NOT NULL REFERENCES account (jid) ON DELETE CASCADE,
    name TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (account, name)
  ) STRICT, WITHOUT ROWID;
`;

const VERSION_2 = `
  ALTER TABLE offline ADD COLUMN characters INTEGER NOT NULL DEFAULT 0;
  DROP INDEX offline_of_account;
  CREATE INDEX offline_of_account ON offline (account, characters);
`;

/** What users had in it. The last contact is of an account that was removed since. */
const CONTENT = `
  INSERT INTO account VALUES
    ('juliet@localhost', 'secret', 1, 7, 1000, 'to bed'), ('romeo@localhost', 'pass', 2, 3, NULL, NULL);
  INSERT INTO contact VALUES
    ('juliet@localhost', 'romeo@localhost', 'Romeo', '["Lovers","Foes"]', 'granted', 'none', 1, NULL),
    ('juliet@localhost', 'nurse@localhost', NULL, '[]', 'granted', 'granted', 1, NULL),
    ('juliet@localhost', 'tybalt@localhost', NULL, '[]', 'none', 'granted', 0, NULL),
    ('romeo@localhost', 'juliet@localhost', NULL, '[]', 'asked', 'granted', 1, NULL),
    ('romeo@localhost', 'paris@localhost', NULL, '[]', 'none', 'asked', 0, '<presence type="subscribe"/>');
  INSERT INTO document VALUES ('juliet@localhost', 'vcard-temp', '<vCard xmlns="vcard-temp"/>');
`;

const MESSAGES: Readonly<Record<number, string>> = {
  1: `INSERT INTO offline (account, received, stanza) VALUES ('juliet@localhost', 5, '<message/>')`,
  2: `INSERT INTO offline (account, received, stanza, characters) VALUES ('juliet@localhost', 5, '<message/>', 10)`,
};

const OLD: readonly string[] = [VERSION_1, VERSION_2];

describe('embedded: a store of an earlier version', () => {
  let directory: string;
  beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'sm-component-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  function make(version: number): void {
    const database = new Database(join(directory, 'sm-component.sqlite'));
    for (const step of OLD.slice(0, version)) database.exec(step);
    database.exec(CONTENT);
    database.exec(MESSAGES[version]);
    database.pragma(`user_version = ${version}`);
    database.close();
  }

  it('is known for every version before this one', () => {
    expect(OLD).to.have.length(STEPS.length - 1);
  });

  for (const version of [1, 2]) {
    it(`version ${version} is brought up to date, with all that was in it`, () => {
      make(version);
      const store = Store.open(directory);
      expect(store.accounts.list()).to.deep.equal(['juliet@localhost', 'romeo@localhost']);
      expect(store.accounts.password('juliet@localhost')).to.equal('secret');
      expect(store.accounts.lastActivity('juliet@localhost')).to.deep.equal({ at: 1000, status: 'to bed' });
      expect(store.rosters.get('juliet@localhost', 'romeo@localhost')).to.deep.equal({
        jid: 'romeo@localhost',
        name: 'Romeo',
        groups: ['Lovers', 'Foes'],
        mine: 'granted',
        theirs: 'none',
        listed: true,
        request: undefined,
      });
      expect(store.rosters.requesters('romeo@localhost')).to.deep.equal(['paris@localhost']);
      const { request } = store.rosters.get('romeo@localhost', 'paris@localhost')!;
      expect(request).to.equal('<presence type="subscribe"/>');
      expect(store.rosters.get('romeo@localhost', 'juliet@localhost')).to.include({
        mine: 'asked',
        theirs: 'granted',
      });
      expect(store.offline.list('juliet@localhost')).to.deep.equal([
        { id: 1, received: 5, stanza: '<message/>' },
      ]);
      expect(store.offline.add('juliet@localhost', '<m/>', { messages: 9, characters: 13 })).to.equal(false);
      expect(store.offline.add('juliet@localhost', '<m/>', { messages: 9, characters: 14 })).to.equal(true);
      expect(store.documents.get('juliet@localhost', 'vcard-temp')).to.equal('<vCard xmlns="vcard-temp"/>');
      store.close();
    });

    it(`version ${version}: nobody inherits the subscriptions of an account that was removed`, () => {
      make(version);
      const store = Store.open(directory);
      expect(store.rosters.get('juliet@localhost', 'nurse@localhost')).to.include({
        mine: 'none',
        theirs: 'none',
        listed: true,
      });
      expect(store.rosters.get('juliet@localhost', 'tybalt@localhost')).to.equal(undefined);
      expect(store.rosters.version('juliet@localhost')).to.equal(8);
      expect(store.rosters.version('romeo@localhost')).to.equal(3);
      store.close();
    });
  }

  it('is what it was before where a step fails half-way', () => {
    make(2);
    const database = new Database(join(directory, 'sm-component.sqlite'));
    database.exec('CREATE INDEX contact_of_jid ON account (created)');
    database.close();
    expect(() => Store.open(directory)).to.throw('contact_of_jid');
    const again = new Database(join(directory, 'sm-component.sqlite'));
    expect(again.pragma('user_version', { simple: true })).to.equal(2);
    again.exec('DROP INDEX contact_of_jid');
    again.close();
    const store = Store.open(directory);
    expect(store.offline.list('juliet@localhost')).to.have.length(1);
    store.close();
  });
});
