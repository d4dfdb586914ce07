/**
 * The steps that make the tables: one for each version, each run once, whole or not at all. A step that has been released
 * is never changed; a change of the tables is a new step at the end.
 */
export const STEPS: readonly string[] = [
  `
  CREATE TABLE account (
    jid TEXT PRIMARY KEY,
    password TEXT NOT NULL,
    created INTEGER NOT NULL,
    roster_version INTEGER NOT NULL DEFAULT 0,
    last_seen INTEGER,
    last_status TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE contact (
    account TEXT NOT NULL REFERENCES account (jid) ON DELETE CASCADE,
    jid TEXT NOT NULL,
    name TEXT,
    groups TEXT NOT NULL,
    mine TEXT NOT NULL CHECK (mine IN ('none', 'asked', 'granted')),
    theirs TEXT NOT NULL CHECK (theirs IN ('none', 'asked', 'granted')),
    listed INTEGER NOT NULL,
    request TEXT,
    PRIMARY KEY (account, jid)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE offline (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL REFERENCES account (jid) ON DELETE CASCADE,
    received INTEGER NOT NULL,
    stanza TEXT NOT NULL
  ) STRICT;
  CREATE INDEX offline_of_account ON offline (account);

  CREATE TABLE document (
    account TEXT NOT NULL REFERENCES account (jid) ON DELETE CASCADE,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (account, name)
  ) STRICT, WITHOUT ROWID;
  `,
  // The size of an account's messages is summed up for every new message: from the index alone, never from the messages.
  `
  ALTER TABLE offline ADD COLUMN characters INTEGER NOT NULL DEFAULT 0;
  UPDATE offline SET characters = length(stanza);
  DROP INDEX offline_of_account;
  CREATE INDEX offline_of_account ON offline (account, characters);
  `,
  // Ends subscriptions with removed accounts: a new account of that name would have inherited them.
  `
  CREATE INDEX contact_of_jid ON contact (jid);
  UPDATE account SET roster_version = roster_version + 1 WHERE jid IN (
    SELECT account FROM contact
    WHERE (mine = 'granted' OR theirs = 'granted') AND jid NOT IN (SELECT jid FROM account));
  UPDATE contact SET mine = 'none', theirs = 'none', request = NULL
    WHERE (mine = 'granted' OR theirs = 'granted') AND jid NOT IN (SELECT jid FROM account);
  DELETE FROM contact WHERE listed = 0 AND mine = 'none' AND theirs = 'none';
  `,
];
