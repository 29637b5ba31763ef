/** A new release on the mail.db of an older one, killed while it brings it up to date: the old schema or the new one, never between. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { migrations } from '../daemon/store/migrations/index.ts';
import { openStore } from '../daemon/store/store.ts';
import { answer, letter, minute, storeStory } from './support/store.ts';
import { type TempDir, tempDir } from './support/tempdir.ts';

const child = fileURLToPath(new URL('./support/upgrade-child.ts', import.meta.url));

/** The schema with which a database of that format was made. */
function schemaOf(db: DatabaseSync): string {
  return JSON.stringify(db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name').all());
}

function madeAt(version: number, file: string): DatabaseSync {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  db.exec('PRAGMA journal_mode = WAL');
  for (const sql of migrations.slice(0, version)) db.exec(sql);
  db.exec(`PRAGMA user_version = ${version}`);
  return db;
}

/** What lies in mail.db as a release of that format would have left it: the rows of today's, without the columns that came later. */
function olderCopy(home: string, version: number, file: string): void {
  const db = madeAt(version, file);
  try {
    db.exec(`ATTACH '${home}/mail.db' AS today`);
    const names = (sql: string): string[] =>
      db
        .prepare(sql)
        .all()
        .map(({ name }) => String(name));
    // Folders last: a trigger counts placements into those that are there. The full text's own tables are SQLite's to write.
    const tables = names(
      `SELECT name FROM main.sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND name NOT LIKE 'sqlite_%'
       AND name NOT LIKE 'mail_text_%' ORDER BY name = 'folder', name`,
    );
    for (const table of tables) {
      const there = new Set(names(`SELECT name FROM today.pragma_table_info('${table}')`));
      const columns = names(`SELECT name FROM main.pragma_table_info('${table}')`).filter((column) => there.has(column));
      if (columns.length === 0) continue;
      db.exec(`DELETE FROM main.${table}; INSERT INTO main.${table} (${columns}) SELECT ${columns} FROM today.${table}`);
    }
    if (tables.includes('text_backlog'))
      db.exec('INSERT INTO text_backlog SELECT max(row) + 1 FROM (SELECT row FROM entry UNION ALL SELECT row FROM note)');
  } finally {
    db.close();
  }
}

/** Rows of what people and servers put there, by what no migration changes. */
function kept(db: DatabaseSync): string {
  const queries = [
    'SELECT id, mailbox, received_at, direction FROM entry ORDER BY id',
    'SELECT id, mailbox, revision, state, subject FROM conversation ORDER BY id',
    'SELECT id, conversation, author, at, text FROM note ORDER BY id',
    'SELECT folder, uid_validity, uid, flags FROM placement ORDER BY 1, 2, 3',
    'SELECT id, state, send_at, recipients FROM outbox ORDER BY id',
    'SELECT seq, at, kind, mailbox, actor, summary, details FROM activity ORDER BY seq',
    'SELECT lower(hex(hash)), pack, offset, stored FROM message ORDER BY 1',
  ];
  return JSON.stringify(queries.map((sql) => db.prepare(sql).all()));
}

/** A home with mail, notes and something in the outbox. */
async function homeWithContent(): Promise<TempDir & { home: string }> {
  const story = await storeStory();
  const dir = await tempDir();
  const home = `${dir.path}/home`;
  const asked = await story.one('INBOX', 'live', letter({ id: 'a', text: 'Where is the parcel?' }), minute(0));
  await story.one('Sent', 'import', answer({ id: 'b', answers: 'a', text: 'It is on its way.' }), minute(1), ['\\Seen']);
  await story.one('Archive', 'import', letter({ id: 'c', subject: 'Old' }), minute(2));
  await story.store.work(asked.conversation, { kind: 'note', text: 'They call every day.' }, 'ann', minute(3), null);
  await story.store.work(asked.conversation, { kind: 'assign', to: { kind: 'person', id: 'ben' } }, 'ann', minute(4), null);
  await story.send(letter({ id: 'd', text: 'Again' }));
  await story.store.close();
  await mkdir(home);
  await copyFile(`${story.home}/mail.db`, `${home}/mail.db`);
  await mkdir(`${home}/packs`);
  await copyFile(`${story.home}/packs/000001.pack`, `${home}/packs/000001.pack`);
  await story.reopen();
  await story[Symbol.asyncDispose]();
  return { ...dir, home };
}

async function upgrade(file: string, step: number | null): Promise<{ killed: boolean; steps: number }> {
  const run = spawn(process.execPath, [child, file, ...(step === null ? [] : [String(step)])], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said, [code, signal]] = await Promise.all([text(run.stdout), once(run, 'exit')]);
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the upgrade ended with ${code}`);
  return { killed: signal === 'SIGKILL', steps: Number(said) };
}

/** All steps in the full form; else a few, spread over them, other ones for each format. */
function stepsToKillAt(steps: number, version: number): number[] {
  const all = Array.from({ length: steps }, (_, at) => at + 1);
  return process.env.POSTROOM_FAULTS === 'full' ? all : all.filter((at) => (at + version) % Math.ceil(steps / 3) === 0);
}

describe.each(migrations.slice(1).map((_, at) => at + 1))('a store of format %i', (version) => {
  test('is of that format or a newer one wherever the new release is killed, and loses nothing', async () => {
    await using content = await homeWithContent();
    const { home } = content;
    const old = `${content.path}/old.db`;
    olderCopy(home, version, old);
    const before = new DatabaseSync(old);
    const rows = kept(before);
    before.close();
    const schemas = migrations.map((_, at) => {
      const made = madeAt(at + 1, ':memory:');
      const schema = schemaOf(made);
      made.close();
      return schema;
    });
    const file = `${home}/mail.db`;
    const putBack = async (): Promise<void> => {
      for (const end of ['', '-wal', '-shm']) await rm(file + end, { force: true });
      await copyFile(old, file);
    };

    await putBack();
    const { steps } = await upgrade(file, null);
    for (const step of stepsToKillAt(steps, version)) {
      await putBack();
      expect([step, (await upgrade(file, step)).killed]).toEqual([step, true]);
      const db = new DatabaseSync(file);
      const format = Number(db.prepare('PRAGMA user_version').get()?.user_version);
      expect([step, format >= version, schemaOf(db) === schemas[format - 1]]).toEqual([step, true, true]);
      expect([step, kept(db)]).toEqual([step, rows]);
      db.close();
    }
    // What the last kill left is taken up, and nothing is missing in it.
    const store = await openStore({ home });
    try {
      await expect.poll(() => store.check()).toEqual([]);
      expect(await store.checkPacks()).toEqual([]);
    } finally {
      await store.close();
    }
    const after = new DatabaseSync(file);
    expect(kept(after)).toBe(rows);
    after.close();
  });
});

test('a store of a newer release is refused, and left as it is', async () => {
  await using content = await homeWithContent();
  const file = `${content.home}/mail.db`;
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA user_version = ${migrations.length + 1}`);
  db.close();
  const octets = await readFile(file);
  await expect(openStore({ home: content.home })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(`newer Postroom (format ${migrations.length + 1}, this one knows ${migrations.length})`),
  });
  expect(Buffer.compare(await readFile(file), octets)).toBe(0);
});
