import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The table as Debian makes it. [jabberd2 2.7.0 tools/db-setup.sqlite] */
const TABLE = `CREATE TABLE "authreg" ("username" TEXT NOT NULL, "realm" TEXT NOT NULL, "password" TEXT)`;

/** The credentials that a spec prepares and looks at: table `authreg` of an SQLite file, in a directory of its own. */
export class Authreg {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
  readonly file = path.join(this.directory, 'jabberd.sqlite');
  private readonly database = new Database(this.file);

  constructor() {
    this.database.pragma('synchronous = OFF');
    this.database.exec(TABLE);
  }

  add(username: string, password = 'pass', realm = 'localhost'): void {
    this.database.prepare(`INSERT INTO authreg VALUES (?, ?, ?)`).run(username, realm, password);
  }

  set(username: string, password: string, realm = 'localhost'): void {
    this.remove(username, realm);
    this.add(username, password, realm);
  }

  remove(username: string, realm = 'localhost'): void {
    this.database.prepare(`DELETE FROM authreg WHERE username = ? AND realm = ?`).run(username, realm);
  }

  /** The passwords that a user has, one for each row. */
  passwords(username: string, realm = 'localhost'): (string | null)[] {
    const rows = this.database
      .prepare<[string, string], { password: string | null }>(
        `SELECT password FROM authreg WHERE username = ? AND realm = ?`,
      )
      .all(username, realm);
    return rows.map(({ password }) => password);
  }

  /** From now on changes of this kind fail, as on a full disk. */
  refuse(change: 'INSERT' | 'UPDATE' | 'DELETE'): void {
    this.database.exec(
      `CREATE TRIGGER refuse_${change} BEFORE ${change} ON authreg BEGIN SELECT RAISE(ABORT, 'disk full'); END`,
    );
  }

  /** Somebody else has the file for himself, until {@link unlock}: whoever asks has to wait. */
  lock(): void {
    this.database.exec('BEGIN EXCLUSIVE');
  }

  unlock(): void {
    this.database.exec('COMMIT');
  }

  /** Nothing can be read any more. */
  break(): void {
    this.database.exec(`ALTER TABLE authreg RENAME TO elsewhere`);
  }

  discard(): void {
    this.database.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
