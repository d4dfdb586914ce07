import type { Connection } from './store.js';

/** XML that users leave with us under a name, to be given back as it came. */
export class Documents {
  private readonly statements;

  constructor(private readonly connection: Connection) {
    this.statements = prepare(connection);
  }

  get(account: string, name: string): string | undefined {
    return this.statements.get.get(account, name)?.content;
  }

  has(account: string, name: string): boolean {
    return this.statements.has.get(account, name) !== undefined;
  }

  /** How many documents an account has. */
  count(account: string): number {
    return this.statements.count.get(account)!.count;
  }

  set(account: string, name: string, content: string): void {
    this.connection.write(() => this.statements.set.run(account, name, content));
  }
}

function prepare(connection: Connection) {
  return {
    get: connection.prepare<[string, string], { content: string }>(
      'SELECT content FROM document WHERE account = ? AND name = ?',
    ),
    has: connection.prepare<[string, string], { one: number }>(
      'SELECT 1 AS one FROM document WHERE account = ? AND name = ?',
    ),
    count: connection.prepare<[string], { count: number }>(
      'SELECT count(*) AS count FROM document WHERE account = ?',
    ),
    set: connection.prepare<[string, string, string]>('INSERT OR REPLACE INTO document VALUES (?, ?, ?)'),
  };
}
