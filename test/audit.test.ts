/** The chain of the audit journal: what somebody with the file in their hands may do to it, and what is found. */
import { createHash } from 'node:crypto';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditOf, verifyAudit } from '../daemon/store/audit.ts';
import { openReading } from '../daemon/store/sqlite.ts';
import { openStore } from '../daemon/store/store.ts';
import type { AuditDraft, AuditFilter, AuditQuery, AuditRecord, Store } from '../daemon/store/types.ts';
import { AuditRow } from '../protocol/schema.ts';
import { csvCell, exportHead, exportLine } from '../tui/audit-export.ts';
import { tempDir } from './support/tempdir.ts';

const everything: AuditFilter = { mailbox: null, persons: null, since: null, until: null, action: null };
const noon = Date.parse('2026-11-21T12:00:00.000Z');

const draft = (n: number, more: Partial<AuditDraft> = {}): AuditDraft => ({
  at: noon + n * 1_000,
  actor: { id: 'p_eva', name: 'eva' },
  origin: { session: 'ab', key: 'K1', from: 'ipc uid 1000' },
  action: 'grant.set',
  subject: `person ${n}`,
  person: null,
  mailbox: { id: 'm_support', address: 'support@harbour.example' },
  summary: `gave person ${n} Send`,
  details: { n, send: true, note: null, list: [1, { z: 'ü', a: '\u2028' }] },
  once: null,
  ...more,
});

const listed = (store: Store, filter: Partial<AuditFilter> = {}): Promise<AuditRecord[]> =>
  store.audit({ filter: { ...everything, ...filter }, before: null, after: null, oldestFirst: true, limit: 1_000 });

function tamperWith(home: string, sql: string): void {
  const db = new DatabaseSync(join(home, 'mail.db'), { timeout: 5_000 });
  db.exec(`DROP TRIGGER IF EXISTS audit_fixed; DROP TRIGGER IF EXISTS audit_kept; ${sql}`);
  db.close();
}

/** A home with a store, and somebody else's hands on its file. */
async function withStore() {
  const dir = await tempDir();
  const home = join(dir.path, 'home');
  let store = await openStore({ home });
  return {
    home,
    get store() {
      return store;
    },
    async reopen(between: () => unknown = () => undefined): Promise<void> {
      await store.close();
      await between();
      store = await openStore({ home });
    },
    /** SQL without the triggers that refuse it. */
    tamper: (sql: string): void => tamperWith(home, sql),
    async [Symbol.asyncDispose](): Promise<void> {
      await store.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** What docs/audit.md says, written down a second time: the twenty lines of somebody who trusts nobody. */
function independently(jsonLines: string): string | null {
  const sorted = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(sorted)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, field]) => [key, sorted(field)]),
          )
        : value;
  let previous = '0'.repeat(64);
  for (const line of jsonLines.trimEnd().split('\n')) {
    const { hash, ...rest } = JSON.parse(line) as Record<string, unknown>;
    const own = createHash('sha256')
      .update(JSON.stringify(sorted(rest)))
      .digest('hex');
    if (own !== hash || rest.previous !== previous) return `line ${String(rest.seq)}`;
    previous = own;
  }
  return null;
}

const jsonLinesOf = (rows: readonly AuditRecord[]): string => rows.map((row) => exportLine('jsonl', AuditRow.parse(row))).join('');

test('a whole journal verifies, here and by others; the database refuses to change or remove a line', async () => {
  await using on = await withStore();
  await on.store.recordAudit(Array.from({ length: 1_200 }, (_, n) => draft(n)));
  const rows = await on.store.audit({ filter: everything, before: null, after: null, oldestFirst: true, limit: 5_000 });
  const report = await on.store.verifyAudit(null);
  expect(report).toMatchObject({ ok: true, rows: 1_200, findings: [] });
  expect(await on.store.verifyAudit(report.head)).toMatchObject({ ok: true });
  expect(independently(jsonLinesOf(rows))).toBeNull();
  expect(independently(jsonLinesOf(rows).replace('gave person 700 Send', 'gave person 700 Setup'))).toBe('line 701');
  const db = new DatabaseSync(join(on.home, 'mail.db'));
  expect(() => db.exec("UPDATE audit SET actor = 'ben' WHERE seq = 3")).toThrow('append-only');
  expect(() => db.exec('DELETE FROM audit WHERE seq = 3')).toThrow('append-only');
  db.close();
});

test('the same act handed over again is one line', async () => {
  await using on = await withStore();
  await on.store.recordAudit([draft(1, { once: 'x 0' }), draft(2, { once: 'x 1' }), draft(1, { once: 'x 0' })]);
  await on.reopen();
  await on.store.recordAudit([draft(2, { once: 'x 1' }), draft(3)]);
  expect((await listed(on.store)).map(({ subject }) => subject)).toEqual(['person 1', 'person 2', 'person 3']);
  expect((await on.store.verifyAudit(null)).ok).toBe(true);
});

/** Another line in the place of one, with a hash that fits it. */
const forged = (seq: number): string => {
  const record = { seq, at: '2026-11-21T12:00:00.000Z', actor: 'eva', actorId: null, session: null, key: null, from: null };
  const more = {
    action: 'x',
    subject: 'x',
    personId: null,
    mailbox: null,
    mailboxId: null,
    summary: 'x',
    details: {},
    previous: 'f'.repeat(64),
  };
  const fields: Record<string, unknown> = { ...record, ...more };
  const text = `{${Object.keys(fields)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${JSON.stringify(fields[key])}`)
    .join(',')}}`;
  const hash = createHash('sha256').update(text).digest('hex');
  return `INSERT INTO audit (seq, at, actor, action, subject, summary, details, previous, hash)
    VALUES (${seq}, ${Date.parse(record.at)}, 'eva', 'x', 'x', 'x', '{}', '${'f'.repeat(64)}', '${hash}')`;
};

describe('somebody edits the file', () => {
  const cases: Record<string, { sql: string; finds: readonly (readonly [number, string])[] }> = {
    'a summary': { sql: "UPDATE audit SET summary = 'nothing' WHERE seq = 4", finds: [[4, 'changed']] },
    details: { sql: "UPDATE audit SET details = replace(details, 'true', 'false') WHERE seq = 4", finds: [[4, 'changed']] },
    'details that are no JSON': { sql: "UPDATE audit SET details = '{' WHERE seq = 4", finds: [[4, 'changed']] },
    'an invisible character': { sql: 'UPDATE audit SET subject = subject || char(8203) WHERE seq = 4', finds: [[4, 'changed']] },
    'who it was': { sql: "UPDATE audit SET actor = 'ben' WHERE seq = 1", finds: [[1, 'changed']] },
    'a name to nothing': { sql: 'UPDATE audit SET actor = NULL WHERE seq = 10', finds: [[10, 'changed']] },
    'when it was': { sql: 'UPDATE audit SET at = at + 1 WHERE seq = 7', finds: [[7, 'changed']] },
    'a moment that is none': { sql: 'UPDATE audit SET at = 9000000000000000 WHERE seq = 7', finds: [[7, 'changed']] },
    'a hash': { sql: `UPDATE audit SET hash = '${'a'.repeat(64)}' WHERE seq = 5`, finds: [[5, 'changed']] },
    'the first line is removed': { sql: 'DELETE FROM audit WHERE seq = 1', finds: [[1, 'removed']] },
    'lines are removed': {
      sql: 'DELETE FROM audit WHERE seq IN (4, 5, 8)',
      finds: [
        [4, 'removed'],
        [8, 'removed'],
      ],
    },
    'a line is removed and the others move up': {
      sql: 'DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = seq - 1 WHERE seq > 4',
      finds: [...[4, 5, 6, 7, 8, 9].map((seq) => [seq, 'reordered'] as const), [10, 'cut']],
    },
    'two lines change places': {
      sql: 'UPDATE audit SET seq = -1 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 6; UPDATE audit SET seq = 6 WHERE seq = -1',
      finds: [
        [3, 'reordered'],
        [6, 'reordered'],
      ],
    },
    'another line in the place of one': { sql: `DELETE FROM audit WHERE seq = 5; ${forged(5)}`, finds: [[5, 'changed']] },
    'a line at the end': { sql: forged(11), finds: [[11, 'changed']] },
    'the end is cut off': { sql: 'DELETE FROM audit WHERE seq > 8', finds: [[9, 'cut']] },
    'all of it is gone': { sql: 'DELETE FROM audit', finds: [[1, 'cut']] },
  };
  const made = Promise.withResolvers<{ home: string } & AsyncDisposable>();
  beforeAll(async () => {
    const on = await withStore();
    await on.store.recordAudit(Array.from({ length: 10 }, (_, n) => draft(n + 1)));
    await on.store.close();
    made.resolve(on);
  });
  afterAll(async () => (await made.promise)[Symbol.asyncDispose]());

  for (const [what, { sql, finds }] of Object.entries(cases)) {
    test(what, async () => {
      await using dir = await tempDir();
      for (const file of ['mail.db', 'audit.head']) await copyFile(join((await made.promise).home, file), join(dir.path, file));
      tamperWith(dir.path, sql);
      const db = openReading(join(dir.path, 'mail.db'));
      const report = [...steps(verifyAudit(db, dir.path, null))].at(-1);
      // Reading goes on, and gives nothing that a screen must not get.
      const rows = [...steps(auditOf(db, { filter: everything, before: null, after: null, oldestFirst: true, limit: 100 }))].flat();
      db.close();
      expect(report?.ok).toBe(false);
      expect(report?.findings.map(({ seq, kind }) => [seq, kind])).toEqual(finds);
      for (const row of rows) AuditRow.parse(row);
    });
  }
});

/** What a generator returns at last. */
function* steps<T>(of: Generator<void, T>): Generator<T> {
  for (;;) {
    const step = of.next();
    if (step.done === true) return yield step.value;
  }
}

test('a cut end stays to be seen, however much is written after it', async () => {
  await using on = await withStore();
  await on.store.recordAudit([1, 2, 3, 4, 5].map((n) => draft(n)));
  await on.reopen(() => on.tamper('DELETE FROM audit WHERE seq > 3'));
  await on.store.recordAudit([draft(6)]);
  await on.reopen();
  await on.store.recordAudit([draft(7)]);
  expect((await listed(on.store)).map(({ seq, action }) => [seq, action])).toEqual([
    [1, 'grant.set'],
    [2, 'grant.set'],
    [3, 'grant.set'],
    [6, 'audit.broken'],
    [7, 'grant.set'],
    [8, 'grant.set'],
  ]);
  expect(await on.store.verifyAudit(null)).toMatchObject({ ok: false, findings: [{ seq: 4, kind: 'removed' }] });
});

test('cut while the daemon runs, and written on: the gap stays as well', async () => {
  await using on = await withStore();
  await on.store.recordAudit([1, 2, 3].map((n) => draft(n)));
  on.tamper('DELETE FROM audit WHERE seq = 3');
  await on.store.recordAudit([draft(4)]);
  expect(await on.store.verifyAudit(null)).toMatchObject({ ok: false, findings: [{ seq: 3, kind: 'removed' }] });
});

test('written anew from the first line on, with hashes that fit: the noted end tells', async () => {
  await using on = await withStore();
  await on.store.recordAudit([1, 2, 3].map((n) => draft(n)));
  const { head } = await on.store.verifyAudit(null);
  await using other = await withStore();
  await other.store.recordAudit([1, 2, 3].map((n) => draft(n, { actor: { id: 'p_ben', name: 'ben' } })));
  await other.store.close();
  on.tamper(`ATTACH '${join(other.home, 'mail.db')}' AS other; DELETE FROM audit; INSERT INTO audit SELECT * FROM other.audit`);
  expect(await on.store.verifyAudit(null)).toMatchObject({ ok: false, findings: [{ seq: 3, kind: 'changed' }] });
  // Who may write to every file here is found by an end that was noted elsewhere.
  await on.reopen(async () => {
    const rows = await listed(on.store).catch(() => []);
    expect(rows).toEqual([]);
    const db = new DatabaseSync(join(on.home, 'mail.db'));
    const last = db.prepare('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1').get() as { seq: number; hash: string };
    db.close();
    await writeFile(join(on.home, 'audit.head'), `${String(last.seq).padStart(16)} ${last.hash}\n`);
  });
  expect(await on.store.verifyAudit(null)).toMatchObject({ ok: true });
  expect(await on.store.verifyAudit(head)).toMatchObject({ ok: false, findings: [{ seq: 3, kind: 'changed' }] });
  await other.reopen();
});

test('without its file the end is not known to be there, and that it was gone is a line', async () => {
  await using on = await withStore();
  await on.store.recordAudit([draft(1)]);
  await rm(join(on.home, 'audit.head'));
  expect(await on.store.verifyAudit(null)).toMatchObject({ ok: false, findings: [{ seq: 2, kind: 'cut' }] });
  await on.reopen();
  expect((await listed(on.store)).map(({ action }) => action)).toEqual(['grant.set', 'audit.broken']);
  expect((await on.store.verifyAudit(null)).ok).toBe(true);
});

test('filters: mailbox (by the address of then too), person (who did it, whom it is about), dates, action', async () => {
  await using on = await withStore();
  await on.store.recordAudit([
    draft(1),
    draft(2, { mailbox: { id: 'm_support', address: 'help@harbour.example' }, action: 'grant.remove' }),
    draft(3, { mailbox: null, actor: { id: 'p_ben', name: 'ben' }, action: 'person.set', person: 'p_li' }),
    draft(4, { mailbox: null, actor: null, action: 'grants' }),
  ]);
  const seqs = async (filter: Partial<AuditFilter>) => (await listed(on.store, filter)).map(({ seq }) => seq);
  expect(await seqs({ mailbox: { id: 'm_support', address: 'support@harbour.example' } })).toEqual([1, 2]);
  expect(await seqs({ mailbox: { id: null, address: 'HELP@harbour.example' } })).toEqual([1, 2]);
  expect(await seqs({ mailbox: { id: null, address: 'none@harbour.example' } })).toEqual([]);
  expect(await seqs({ persons: ['p_eva'] })).toEqual([1, 2]);
  expect(await seqs({ persons: ['p_li'] })).toEqual([3]);
  expect(await seqs({ action: 'grant' })).toEqual([1, 2]);
  expect(await seqs({ action: 'grant.set' })).toEqual([1]);
  expect(await seqs({ since: noon + 2_000, until: noon + 3_000 })).toEqual([2, 3]);
  const page = await on.store.audit({ filter: everything, before: 4, after: null, oldestFirst: false, limit: 2 });
  expect(page.map(({ seq }) => seq)).toEqual([3, 2]);
});

test('what is rare is found in a long journal, from both ends', async () => {
  await using on = await withStore();
  const rare = (n: number): Partial<AuditDraft> => (n === 5 || n === 12_345 || n === 24_998 ? { action: 'policy.change' } : {});
  await on.store.recordAudit(Array.from({ length: 25_000 }, (_, n) => draft(n, { details: {}, ...rare(n + 1) })));
  const filter = { ...everything, action: 'policy' };
  const seqs = async (more: Partial<AuditQuery>) =>
    (await on.store.audit({ filter, before: null, after: null, oldestFirst: false, limit: 50, ...more })).map(({ seq }) => seq);
  expect(await seqs({})).toEqual([24_998, 12_345, 5]);
  expect(await seqs({ oldestFirst: true })).toEqual([5, 12_345, 24_998]);
  expect(await seqs({ limit: 2 })).toEqual([24_998, 12_345]);
  expect(await seqs({ before: 12_345 })).toEqual([5]);
  expect(await seqs({ oldestFirst: true, after: 5, limit: 1 })).toEqual([12_345]);
  expect(await seqs({ after: 24_998 })).toEqual([]);
});

// --- as a file -----------------------------------------------------------------------------------------------------

/** RFC 4180, written for this test: quoted cells only, everything else is an error. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length; ) {
    if (text[at] !== '"') throw new Error(`no quote at ${at}`);
    let cell = '';
    for (at++; ; at++) {
      if (at >= text.length) throw new Error('a cell does not end');
      if (text[at] !== '"') cell += text[at];
      else if (text[at + 1] === '"') cell += text[at++];
      else break;
    }
    row.push(cell);
    at++;
    if (text[at] === ',') at++;
    else if (text.startsWith('\r\n', at)) {
      rows.push(row);
      row = [];
      at += 2;
    } else throw new Error(`neither comma nor line end at ${at}`);
  }
  return rows;
}

test('CSV: every cell comes back, and none is a formula to a spreadsheet', async () => {
  const hostile = [
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '|cmd',
    '\t=1',
    '\r=1',
    '  =1',
    '\u200b=1',
    '\u00a0\u2060+1',
    '＝1',
    '＋1',
    '－1',
    '＠x',
    '｜x',
    '﹣1',
    '−1',
    '\u202e=1',
  ];
  for (const text of hostile) expect([text, parseCsv(`${csvCell(text)}\r\n`)]).toEqual([text, [[`'${text}`]]]);
  for (const text of ['', 'a=b', '1-1', 'say "no", then\r\nleave', 'ü', "'", '2026-11-21T12:00:00.000Z'])
    expect(parseCsv(`${csvCell(text)}\r\n`)).toEqual([[text]]);

  await using on = await withStore();
  await on.store.recordAudit(hostile.map((text, n) => draft(n, { subject: text, summary: `${text}"\r\n`, details: { text } })));
  const rows = (await listed(on.store)).map((row) => AuditRow.parse(row));
  const text = exportHead('csv') + rows.map((row) => exportLine('csv', row)).join('');
  const [head = [], ...cells] = parseCsv(text);
  expect(cells).toHaveLength(hostile.length);
  for (const [n, row] of cells.entries()) {
    expect(row).toHaveLength(head.length);
    expect(row.filter((cell) => /^[\s\p{C}]*[=+\-@|]/u.test(cell.normalize('NFKC')))).toEqual([]);
    expect(JSON.parse(row[head.indexOf('details')] ?? '')).toEqual(rows[n]?.details);
    expect(row[head.indexOf('hash')]).toBe(rows[n]?.hash);
  }
  // JSON Lines: one line for each, however hostile, and no octet that a terminal obeys.
  const lines = rows.map((row) => exportLine('jsonl', row)).join('');
  expect(lines.trimEnd().split('\n')).toHaveLength(hostile.length);
  expect(lines).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  expect(independently(lines)).toBeNull();
});
