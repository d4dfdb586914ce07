import type { Connection } from './store.js';

/** A message that waits for its receiver. */
export interface StoredMessage {
  readonly id: number;
  /** When it was taken, in milliseconds since 1970. */
  readonly received: number;
  /** The message as XML. */
  readonly stanza: string;
}

/** How much may wait for one account. */
export interface OfflineLimits {
  readonly messages: number;
  /** Characters of XML in all. */
  readonly characters: number;
}

/** Messages for accounts that nobody is logged in to, in the order they came. */
export class OfflineMessages {
  private readonly statements;

  constructor(private readonly connection: Connection) {
    this.statements = prepare(connection);
  }

  /** @returns false where no more may wait for that account */
  add(account: string, stanza: string, limits: OfflineLimits): boolean {
    const { messages, characters } = this.statements.waiting.get(account)!;
    if (messages >= limits.messages || characters + stanza.length > limits.characters) return false;
    this.connection.write(() => this.statements.add.run(account, Date.now(), stanza, stanza.length));
    return true;
  }

  list(account: string): StoredMessage[] {
    return this.statements.list.all(account);
  }

  /** The ids of what waits for an account behind that one, oldest first. */
  idsAfter(account: string, id: number): number[] {
    return this.statements.idsAfter.all(account, id).map((row) => row.id);
  }

  get(id: number): StoredMessage | undefined {
    return this.statements.get.get(id);
  }

  remove(id: number): void {
    this.connection.write(() => this.statements.remove.run(id));
  }
}

function prepare(connection: Connection) {
  return {
    waiting: connection.prepare<[string], { messages: number; characters: number }>(
      'SELECT count(*) AS messages, coalesce(sum(characters), 0) AS characters FROM offline WHERE account = ?',
    ),
    add: connection.prepare<[string, number, string, number]>(
      'INSERT INTO offline (account, received, stanza, characters) VALUES (?, ?, ?, ?)',
    ),
    list: connection.prepare<[string], StoredMessage>(
      'SELECT id, received, stanza FROM offline WHERE account = ? ORDER BY id',
    ),
    idsAfter: connection.prepare<[string, number], { id: number }>(
      'SELECT id FROM offline WHERE account = ? AND id > ? ORDER BY id',
    ),
    get: connection.prepare<[number], StoredMessage>('SELECT id, received, stanza FROM offline WHERE id = ?'),
    remove: connection.prepare<[number]>('DELETE FROM offline WHERE id = ?'),
  };
}
