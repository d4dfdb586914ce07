import type { Database } from '../../store/database.js';

/** A stored message. */
export interface StoredMessage {
  readonly id: number;
  /** When it came, in milliseconds since 1970. */
  readonly received: number;
  /** The message as XML. */
  readonly stanza: string;
}

/** How much may be stored for one account. */
export interface OfflineLimits {
  readonly messages: number;
  /** Characters of XML in all. */
  readonly characters: number;
}

/** Messages to users who are away, in the order they came. */
export class OfflineTable {
  private readonly statements;

  constructor(private readonly database: Database) {
    this.statements = prepare(database);
  }

  /** @returns false where no more may be stored for that account */
  add(account: string, stanza: string, limits: OfflineLimits): boolean {
    const { messages, characters } = this.statements.waiting.get(account)!;
    if (messages >= limits.messages || characters + stanza.length > limits.characters) return false;
    this.database.write(() => this.statements.add.run(account, Date.now(), stanza, stanza.length));
    return true;
  }

  list(account: string): StoredMessage[] {
    return this.statements.list.all(account);
  }

  /** The ids of an account's messages after that one, oldest first. */
  idsAfter(account: string, id: number): number[] {
    return this.statements.idsAfter.all(account, id).map((row) => row.id);
  }

  get(id: number): StoredMessage | undefined {
    return this.statements.get.get(id);
  }

  remove(id: number): void {
    this.database.write(() => this.statements.remove.run(id));
  }
}

function prepare(database: Database) {
  return {
    waiting: database.prepare<[string], { messages: number; characters: number }>(
      'SELECT count(*) AS messages, coalesce(sum(characters), 0) AS characters FROM offline WHERE account = ?',
    ),
    add: database.prepare<[string, number, string, number]>(
      'INSERT INTO offline (account, received, stanza, characters) VALUES (?, ?, ?, ?)',
    ),
    list: database.prepare<[string], StoredMessage>(
      'SELECT id, received, stanza FROM offline WHERE account = ? ORDER BY id',
    ),
    idsAfter: database.prepare<[string, number], { id: number }>(
      'SELECT id FROM offline WHERE account = ? AND id > ? ORDER BY id',
    ),
    get: database.prepare<[number], StoredMessage>('SELECT id, received, stanza FROM offline WHERE id = ?'),
    remove: database.prepare<[number]>('DELETE FROM offline WHERE id = ?'),
  };
}
