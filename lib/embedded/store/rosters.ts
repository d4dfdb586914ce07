import type { Database } from '../../store/database.js';

/** One direction of a subscription. */
export type Side = 'none' | 'asked' | 'granted';

/**
 * The subscriptions between an account and a contact. The nine pairs are the nine states of [RFC6121 A.1]: "None +
 * Pending Out" is mine asked, "From" is theirs granted, and so on.
 */
export interface Subscription {
  /** Does the account see the contact's presence? */
  readonly mine: Side;
  /** Does the contact see the account's presence? */
  readonly theirs: Side;
}

/** One contact of an account: in its roster, or only known by a subscription request. */
export interface Contact extends Subscription {
  /** Bare JID, or another address that the user has added, prepared. */
  readonly jid: string;
  readonly name: string | undefined;
  readonly groups: readonly string[];
  /** Is it in the roster? A stranger who requests a subscription is not. */
  readonly listed: boolean;
  /** The contact's subscription request that has no answer yet, as XML. */
  readonly request: string | undefined;
}

/** The roster of one account. Each call reads its present state. */
export interface AccountRoster {
  /** The contacts in the roster. */
  list(): Contact[];
  get(jid: string): Contact | undefined;
  /** The contacts that see the account's presence. */
  subscribers(): string[];
  /** The contacts whose presence the account sees. */
  subscriptions(): string[];
  /** The contacts that have not answered the account's subscription request. */
  asked(): string[];
  /** The contacts whose subscription requests the account has not answered. */
  requesters(): string[];
  /** A number that grows with every change of the roster. [RFC6121 2.6] */
  version(): number;
}

interface Row {
  jid: string;
  name: string | null;
  groups: string;
  mine: Contact['mine'];
  theirs: Contact['theirs'];
  listed: number;
  request: string | null;
}

/** Rosters and subscriptions. Accounts are named by their prepared bare JID. */
export class RosterTable {
  private readonly statements;

  constructor(private readonly database: Database) {
    this.statements = prepare(database);
  }

  of(account: string): AccountRoster {
    return {
      list: () => this.list(account),
      get: (jid) => this.get(account, jid),
      subscribers: () => this.subscribers(account),
      subscriptions: () => this.subscriptions(account),
      asked: () => this.asked(account),
      requesters: () => this.requesters(account),
      version: () => this.version(account),
    };
  }

  /** The contacts in the roster. */
  list(account: string): Contact[] {
    return this.statements.list.all(account).map(contactOf);
  }

  /** The contacts in the roster, and the strangers who request a subscription. */
  all(account: string): Contact[] {
    return this.statements.all.all(account).map(contactOf);
  }

  /** How many contacts there are, with the strangers who request a subscription. */
  count(account: string): number {
    return this.statements.count.get(account)!.count;
  }

  /** Characters of all contacts: addresses, names and groups. */
  characters(account: string): number {
    return this.statements.characters.get(account)!.characters;
  }

  get(account: string, jid: string): Contact | undefined {
    const row = this.statements.get.get(account, jid);
    return row && contactOf(row);
  }

  /** The contacts that see the account's presence. */
  subscribers(account: string): string[] {
    return this.statements.subscribers.all(account).map((row) => row.jid);
  }

  /** The contacts whose presence the account sees. */
  subscriptions(account: string): string[] {
    return this.statements.subscriptions.all(account).map((row) => row.jid);
  }

  /** The contacts that have not answered the account's subscription request. */
  asked(account: string): string[] {
    return this.statements.asked.all(account).map((row) => row.jid);
  }

  /** The contacts whose subscription requests the account has not answered. */
  requesters(account: string): string[] {
    return this.statements.requesters.all(account).map((row) => row.jid);
  }

  /** A number that grows with every change of the roster. [RFC6121 2.6] */
  version(account: string): number {
    return this.statements.version.get(account)?.version ?? 0;
  }

  /** Stores a contact, or removes one that is neither in the roster nor has a subscription or request. */
  save(account: string, contact: Contact): void {
    const { jid, name, groups, mine, theirs, listed, request } = contact;
    if (!listed && mine === 'none' && theirs === 'none') return this.remove(account, jid);
    this.database.write(() => {
      this.statements.grow.run(account);
      const texts = [name ?? null, JSON.stringify(groups)] as const;
      this.statements.save.run(account, jid, ...texts, mine, theirs, listed ? 1 : 0, request ?? null);
    });
  }

  remove(account: string, jid: string): void {
    this.database.write(() => {
      this.statements.grow.run(account);
      this.statements.remove.run(account, jid);
    });
  }

  /** Makes a change of several steps whole or not at all. */
  change<Result>(steps: () => Result): Result {
    return this.database.write(steps);
  }
}

type Saved = [string, string, string | null, string, string, string, number, string | null];

function prepare(database: Database) {
  const contacts = (where: string): string => `SELECT * FROM contact WHERE account = ? ${where} ORDER BY jid`;
  const jids = (where: string): string => `SELECT jid FROM contact WHERE account = ? ${where} ORDER BY jid`;
  return {
    // Without the requests, which may be longer than everything else.
    list: database.prepare<[string], Row>(
      `SELECT jid, name, groups, mine, theirs, listed, NULL AS request FROM contact
       WHERE account = ? AND listed = 1 ORDER BY jid`,
    ),
    all: database.prepare<[string], Row>(contacts('')),
    get: database.prepare<[string, string], Row>(contacts('AND jid = ?')),
    subscribers: database.prepare<[string], { jid: string }>(jids(`AND theirs = 'granted'`)),
    subscriptions: database.prepare<[string], { jid: string }>(jids(`AND mine = 'granted'`)),
    asked: database.prepare<[string], { jid: string }>(jids(`AND mine = 'asked'`)),
    requesters: database.prepare<[string], { jid: string }>(
      jids(`AND theirs = 'asked' AND request IS NOT NULL`),
    ),
    count: database.prepare<[string], { count: number }>(
      'SELECT count(*) AS count FROM contact WHERE account = ?',
    ),
    characters: database.prepare<[string], { characters: number }>(
      `SELECT coalesce(sum(length(jid) + coalesce(length(name), 0) + length(groups)), 0) AS characters
       FROM contact WHERE account = ?`,
    ),
    version: database.prepare<[string], { version: number }>(
      'SELECT roster_version AS version FROM account WHERE jid = ?',
    ),
    grow: database.prepare<[string]>('UPDATE account SET roster_version = roster_version + 1 WHERE jid = ?'),
    save: database.prepare<Saved>('INSERT OR REPLACE INTO contact VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    remove: database.prepare<[string, string]>('DELETE FROM contact WHERE account = ? AND jid = ?'),
  };
}

function contactOf(row: Row): Contact {
  return {
    jid: row.jid,
    name: row.name ?? undefined,
    groups: JSON.parse(row.groups) as string[],
    mine: row.mine,
    theirs: row.theirs,
    listed: row.listed === 1,
    request: row.request ?? undefined,
  };
}
