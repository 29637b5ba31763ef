/**
 * The new release's first start on an old mail.db, ended by SIGKILL in the middle of bringing it up to date: `upgrade-child.ts FILE STEP`.
 * A step is one statement given to SQLite; a migration's own statements count one by one. Without a kill it prints how many there were.
 */
import { DatabaseSync } from 'node:sqlite';
import { migrations } from '../../daemon/store/migrations/index.ts';
import { openWriting } from '../../daemon/store/sqlite.ts';

const [file = '', at = ''] = process.argv.slice(2);
let step = 0;
const { exec } = DatabaseSync.prototype;

/** Whole statements, as SQLite takes them apart: a trigger's body ends in none. */
function statements(sql: string): string[] {
  const parts: string[] = [];
  let begun = '';
  for (const part of sql.split(/(?<=;)[ \t]*(?=\n)/)) {
    begun += part;
    const isTrigger = /CREATE TRIGGER/.test(begun) && !/\bEND;\s*$/.test(begun);
    if (isTrigger) continue;
    parts.push(begun);
    begun = '';
  }
  return begun.trim() === '' ? parts : [...parts, begun];
}

DatabaseSync.prototype.exec = function (sql) {
  for (const one of migrations.includes(sql) ? statements(sql) : [sql]) {
    exec.call(this, one);
    step += 1;
    if (String(step) === at) process.kill(process.pid, 'SIGKILL');
  }
};

openWriting(file).close();
process.stdout.write(`${step}\n`);
