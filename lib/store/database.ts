/**
 * A prepared statement. The type is our own, because programs that import this one have no type declarations of the
 * package that makes it.
 */
export interface Statement<Parameters extends unknown[], Row> {
  run(...parameters: Parameters): { readonly changes: number; readonly lastInsertRowid: number | bigint };
  get(...parameters: Parameters): Row | undefined;
  all(...parameters: Parameters): Row[];
}

/** A database, as the classes that own its tables use it. */
export interface Database {
  prepare<Parameters extends unknown[], Row = unknown>(source: string): Statement<Parameters, Row>;
  /** Makes a change whole or not at all. Changes may be nested. */
  write<Result>(change: () => Result): Result;
}
