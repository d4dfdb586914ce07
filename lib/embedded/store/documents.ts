import type { Database } from '../../store/database.js';

/** XML that users store on the server under a name, returned as it came. */
export class DocumentTable {
  private readonly statements;

  constructor(private readonly database: Database) {
    this.statements = prepare(database);
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
    this.database.write(() => this.statements.set.run(account, name, content));
  }
}

function prepare(database: Database) {
  return {
    get: database.prepare<[string, string], { content: string }>(
      'SELECT content FROM document WHERE account = ? AND name = ?',
    ),
    has: database.prepare<[string, string], { one: number }>(
      'SELECT 1 AS one FROM document WHERE account = ? AND name = ?',
    ),
    count: database.prepare<[string], { count: number }>(
      'SELECT count(*) AS count FROM document WHERE account = ?',
    ),
    set: database.prepare<[string, string, string]>('INSERT OR REPLACE INTO document VALUES (?, ?, ?)'),
  };
}
