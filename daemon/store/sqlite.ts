/**
 * A connection to mail.db: settings, prepared statements kept by their text, transactions, migrations. The SQL itself is in the
 * files beside it, by topic; nothing outside store/ sees a row.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { PostroomError } from '../../protocol/errors.ts';
import { migrations } from './migrations/index.ts';

export class Db {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** `Row` is what the statement's columns are: the one place where SQL and types meet unchecked. */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }

  *iterate<Row>(sql: string, ...values: SQLInputValue[]): Generator<Row, void> {
    try {
      yield* this.#prepare(sql).iterate(...values) as IterableIterator<Row>;
    } catch (error) {
      // A statement that ended with an error tells it once more to whoever iterates over it next (sqlite3_reset gives it again).
      this.#statements.delete(sql);
      throw error;
    }
  }

  /** Changed rows and the rowid of the last one inserted. */
  run(sql: string, ...values: SQLInputValue[]): { changes: number; row: number } {
    const { changes, lastInsertRowid } = this.#prepare(sql).run(...values);
    return { changes: Number(changes), row: Number(lastInsertRowid) };
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** Everything that `work` reads is of one moment. */
  reading<T>(work: () => T): T {
    this.#db.exec('BEGIN');
    try {
      return work();
    } finally {
      this.#db.exec('ROLLBACK');
    }
  }

  /** A function for SQL, called anew for each row. What it throws ends the statement and reaches the caller. */
  define(name: string, calculate: () => number): void {
    this.#db.function(name, calculate);
  }

  /** `beforeCommit` runs last inside the transaction (the pack's fsync); whatever throws leaves nothing behind. */
  transaction<T>(work: () => T, beforeCommit?: () => void): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      beforeCommit?.();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK'); // SQLite has rolled back by itself when the disk is full
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** The writer's connection: makes the file (0600; -wal and -shm inherit it) and brings it up to date. */
export function openWriting(file: string): Db {
  closeSync(openSync(file, 'a', 0o600));
  const db = new Db(new DatabaseSync(file, { timeout: 5_000, enableForeignKeyConstraints: true }));
  try {
    db.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000',
    );
    migrate(db, file);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

export function openReading(file: string): Db {
  const db = new Db(new DatabaseSync(file, { readOnly: true, timeout: 5_000 }));
  db.exec('PRAGMA query_only = ON; PRAGMA cache_size = -16384');
  return db;
}

function migrate(db: Db, file: string): void {
  const version = db.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
  if (version > migrations.length) {
    throw new PostroomError(
      'unavailable',
      `${file} was written by a newer Postroom (format ${version}, this one knows ${migrations.length}). Install the newer one, or restore a backup.`,
    );
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    db.transaction(() => {
      db.exec(sql);
      db.exec(`PRAGMA user_version = ${index + 1}`);
    });
  }
}
