/**
 * The audit journal in `mail.db`, and what makes it hard to change unseen (docs/audit.md tells the format to others).
 *
 * - A record is what leaves the daemon: cleaned before it is written, so that an export is exactly what was hashed.
 * - `hash` is the SHA-256 of the record without it, as JSON with sorted keys and no blanks; `previous`, the hash of the record before, is
 *   part of that. A changed, removed or moved record therefore breaks its own hash or the link to its neighbour.
 * - A chain cannot tell that its end was cut off. The number and hash of the last record stand in a file beside (`audit.head`), written
 *   after each COMMIT and before anybody is answered: it may be behind the table by what a crash cut off, never ahead of it.
 * - The writer goes on from what it knows, not from what it finds: after a cut the numbers leave a gap that stays for good.
 */
import { createHash } from 'node:crypto';
import { closeSync, fchmodSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { safeBlock, safeText } from '../../protocol/text.ts';
import type { Db } from './sqlite.ts';
import type {
  AuditDraft,
  AuditFilter,
  AuditFinding,
  AuditHead,
  AuditQuery,
  AuditRecord,
  AuditReport,
  SettingsAct,
  SettingsHistory,
  SettingsQuery,
} from './types.ts';
import type { Writing } from './work.ts';

/** What the first record names as the one before it. */
export const beforeTheFirst: AuditHead = { seq: 0, hash: '0'.repeat(64) };

// --- records and their hashes ------------------------------------------------------------------------------------

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** JSON with sorted keys and without blanks: equal values are equal octets, in every language. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}

export function hashOf({ hash: _, ...record }: AuditRecord): string {
  return createHash('sha256')
    .update(canonical(record as unknown as Json))
    .digest('hex');
}

/** Only what every JSON reader gives back as it was: whole numbers, clean text, no `undefined`. */
function settled(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (Array.isArray(value)) return value.map(settled);
  if (typeof value === 'object') {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return Object.fromEntries(fields.map(([key, field]) => [safeText(key), settled(field)]));
  }
  return safeBlock(String(value));
}

// --- writing -------------------------------------------------------------------------------------------------------

/** The end of the chain as the writer knows it, and its file. */
export class AuditChain {
  readonly #file: number;
  #committed: AuditHead;
  #pending: AuditHead;
  #unsynced = false;
  /** What is wrong with the end as it was found, in words; null: nothing. */
  readonly wrong: string | null;

  constructor(db: Db, home: string) {
    const path = headFile(home);
    const noted = readHead(path);
    const last = lastOf(db);
    const isThere = noted === null || noted.seq === 0 || hashAt(db, noted.seq) === noted.hash;
    // What was noted is not in the table: the gap stays to be seen, and what comes goes on from what was noted.
    this.#committed = isThere ? last : { seq: Math.max(last.seq, noted.seq), hash: noted.hash };
    this.#pending = this.#committed;
    this.wrong = !isThere
      ? `line ${noted.seq}, the last one noted in audit.head, is not in the journal as it was written`
      : noted === null && last.seq > 0
        ? 'audit.head was missing or unreadable: lines at the end may be missing'
        : null;
    this.#file = openSync(path, noted === null ? 'w' : 'r+', 0o600);
    fchmodSync(this.#file, 0o600);
    this.#write();
  }

  append(db: Db, draft: AuditDraft): void {
    if (draft.once !== null && db.get('SELECT 1 AS there FROM audit WHERE once = ?', draft.once) !== undefined) return;
    // Above whatever somebody put into the table: a foreign row must not stop the next one.
    const seq = Math.max(this.#pending.seq, lastOf(db).seq) + 1;
    const { actor, origin, person, mailbox } = draft;
    const record: AuditRecord = {
      seq,
      at: new Date(draft.at).toISOString(),
      actor: actor === null ? null : safeText(actor.name),
      actorId: actor?.id ?? null,
      session: origin?.session ?? null,
      key: origin?.key ?? null,
      from: origin === null ? null : safeText(origin.from),
      action: safeText(draft.action),
      subject: safeText(draft.subject),
      personId: person,
      mailbox: mailbox === null ? null : safeText(mailbox.address),
      mailboxId: mailbox?.id ?? null,
      summary: safeText(draft.summary),
      details: settled(draft.details) as AuditRecord['details'],
      previous: this.#pending.hash,
      hash: '',
    };
    const hash = hashOf(record);
    db.run(
      `INSERT INTO audit (seq, at, actor, actor_id, session, key, origin, action, subject, person_id, mailbox, mailbox_id, summary, details,
       previous, hash, once) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      seq,
      draft.at,
      record.actor,
      record.actorId,
      record.session,
      record.key,
      record.from,
      record.action,
      record.subject,
      record.personId,
      record.mailbox,
      record.mailboxId,
      record.summary,
      JSON.stringify(record.details),
      record.previous,
      hash,
      draft.once,
    );
    this.#pending = { seq, hash };
  }

  /** After COMMIT. The number of the last record when there are new ones, else null. */
  committed(): number | null {
    if (this.#pending === this.#committed) return null;
    this.#committed = this.#pending;
    this.#write();
    return this.#committed.seq;
  }

  rolledBack(): void {
    this.#pending = this.#committed;
  }

  /** A file in the page cache outlives the process; this is for the power. */
  sync(): void {
    if (this.#unsynced) fsyncSync(this.#file);
    this.#unsynced = false;
  }

  close(): void {
    this.sync();
    closeSync(this.#file);
  }

  /** Always as long: written in place, one sector. */
  #write(): void {
    const { seq, hash } = this.#committed;
    writeSync(this.#file, `${String(seq).padStart(16)} ${hash}\n`, 0);
    this.#unsynced = true;
  }
}

export function recordAudit({ db, audit }: Writing, drafts: readonly AuditDraft[]): void {
  for (const draft of drafts) audit.append(db, draft);
}

const headFile = (home: string): string => join(home, 'audit.head');

/** Null: there is none, or it does not say. */
function readHead(path: string): AuditHead | null {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  const found = /^ *(\d{1,16}) ([0-9a-f]{64})\n$/.exec(text);
  return found === null ? null : { seq: Number(found[1]), hash: found[2] ?? '' };
}

const hashAt = (db: Db, seq: number): string | null => db.get<{ hash: string }>('SELECT hash FROM audit WHERE seq = ?', seq)?.hash ?? null;

const lastOf = (db: Db): AuditHead => db.get<AuditHead>('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1') ?? beforeTheFirst;

// --- reading -------------------------------------------------------------------------------------------------------

type Row = Omit<AuditRecord, 'at' | 'details'> & { at: number; details: string };

const columns = `seq, at, actor, actor_id AS actorId, session, key, origin AS "from", action, subject, person_id AS personId, mailbox,
  mailbox_id AS mailboxId, summary, details, previous, hash`;

/** Null when a column holds what was never written there. */
function recordOf({ at, details, ...row }: Row): AuditRecord | null {
  try {
    const parsed: unknown = JSON.parse(details);
    const moment = new Date(at).toISOString();
    return { ...row, at: moment, details: parsed as AuditRecord['details'] };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
}

/** What cannot be read any more is shown as far as it can be, so that a damaged line does not hide the others. */
function shown(row: Row): AuditRecord {
  const { at, details: _, ...rest } = row;
  const moment = Math.abs(at) <= 8.64e15 ? at : 0;
  const damaged = { ...rest, at: new Date(moment).toISOString(), details: { damaged: true } };
  return cleaned(recordOf(row) ?? damaged);
}

/** Records are clean when they are written; somebody else may have been at the table since. */
function cleaned(record: AuditRecord): AuditRecord {
  const clean = (text: string | null): string | null => (text === null ? null : safeText(text));
  const { actor, from, mailbox, action, subject, summary, details } = record;
  const fields = settled(details);
  return {
    ...record,
    details: typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? { ...fields } : { damaged: true },
    actor: clean(actor),
    from: clean(from),
    mailbox: clean(mailbox),
    action: safeText(action),
    subject: safeText(subject),
    summary: safeText(summary),
  };
}

/** Lines looked at before others get a turn: what is asked for may be rare in a journal of years. */
const windowRows = 10_000;

/** Newest first, or oldest first, between `after` and `before`. */
export function* auditOf(db: Db, { filter, before, after, oldestFirst, limit }: AuditQuery): Generator<void, AuditRecord[]> {
  const { where, values } = conditionsOf(filter);
  const found: Row[] = [];
  const direction = oldestFirst ? 'ASC' : 'DESC';
  const sql = `SELECT ${columns} FROM audit WHERE seq > ? AND seq < ?${where.map((one) => ` AND ${one}`).join('')} ORDER BY seq ${direction} LIMIT ?`;
  const edgeSql = `SELECT seq FROM audit WHERE seq > ? AND seq < ? ORDER BY seq ${direction} LIMIT 1 OFFSET ?`;
  // What is left lies between these two; the near one moves by so many lines, whatever numbers somebody gave them.
  let [above, below] = [after ?? 0, before ?? Number.MAX_SAFE_INTEGER];
  for (;;) {
    const edge = db.get<{ seq: number }>(edgeSql, above, below, windowRows)?.seq ?? null;
    const [from, to] = oldestFirst ? [above, edge ?? below] : [edge ?? above, below];
    found.push(...db.all<Row>(sql, from, to, ...values, limit - found.length));
    if (edge === null || found.length >= limit) break;
    if (oldestFirst) above = edge - 1;
    else below = edge + 1;
    yield;
  }
  return found.map(shown);
}

/**
 * Acts on one mailbox, by its id: whoever has its address later is another one. The sends of a busy mailbox are lines about it too, which
 * is why it is walked in turns.
 */
export function* settingsHistoryOf(db: Db, { mailbox, before, limit }: SettingsQuery): Generator<void, SettingsHistory> {
  const acts: SettingsAct[] = [];
  let below = before ?? Number.MAX_SAFE_INTEGER;
  for (;;) {
    const above = db.get<{ seq: number }>(
      'SELECT seq FROM audit WHERE mailbox_id = ? AND seq < ? ORDER BY seq DESC LIMIT 1 OFFSET ?',
      mailbox,
      below,
      windowRows,
    )?.seq;
    const rows = db.all<Pick<Row, 'seq' | 'at' | 'actor' | 'details'>>(
      `SELECT seq, at, actor, details FROM audit WHERE mailbox_id = ? AND seq < ? AND seq >= ? AND action GLOB 'mailbox.*' ORDER BY seq DESC`,
      mailbox,
      below,
      above ?? 0,
    );
    acts.push(...rows.flatMap((row) => settingsActOf(row) ?? []));
    if (above === undefined || acts.length >= limit) break;
    below = above;
    yield;
  }
  return { acts: acts.slice(0, limit), begin: beginOf(db, mailbox) };
}

/** Null: it changed no settings, or cannot be read any more. */
function settingsActOf({ seq, at, actor, details }: Pick<Row, 'seq' | 'at' | 'actor' | 'details'>): SettingsAct | null {
  let told: unknown;
  try {
    told = JSON.parse(details);
  } catch (error) {
    if (error instanceof SyntaxError) return null; // `audit verify` tells of it
    throw error;
  }
  const changed = typeof told === 'object' && told !== null && 'changed' in told ? told.changed : null;
  return typeof changed === 'object' && changed !== null && !Array.isArray(changed) ? { seq, at, actor, changed: { ...changed } } : null;
}

/** Nothing is written about a mailbox before the line that adds it. */
function beginOf(db: Db, mailbox: string): SettingsHistory['begin'] {
  const sql = 'SELECT at, actor, action FROM audit';
  const first = db.get<Pick<Row, 'at' | 'actor' | 'action'>>(`${sql} WHERE mailbox_id = ? ORDER BY seq LIMIT 1`, mailbox);
  if (first?.action === 'mailbox.add') return { at: first.at, by: first.actor, added: true };
  const journal = db.get<Pick<Row, 'at' | 'actor' | 'action'>>(`${sql} ORDER BY seq LIMIT 1`);
  return journal === undefined ? null : { at: journal.at, by: null, added: false };
}

function conditionsOf({ mailbox, persons, since, until, action }: AuditFilter): { where: string[]; values: (string | number)[] } {
  const where: string[] = [];
  const values: (string | number)[] = [];
  const wants = (sql: string, ...given: (string | number)[]): void => {
    where.push(sql);
    values.push(...given);
  };
  if (mailbox !== null) {
    // By the address it had then as well: it may be gone.
    wants('mailbox_id IN (SELECT ? UNION SELECT mailbox_id FROM audit WHERE lower(mailbox) = lower(?))', mailbox.id ?? '', mailbox.address);
  }
  if (persons !== null) {
    const ids = JSON.stringify(persons);
    wants('(actor_id IN (SELECT value FROM json_each(?)) OR person_id IN (SELECT value FROM json_each(?)))', ids, ids);
  }
  if (since !== null) wants('at >= ?', since);
  if (until !== null) wants('at <= ?', until);
  if (action !== null) wants('(action = ? OR substr(action, 1, ?) = ?)', action, action.length + 1, `${action}.`);
  return { where, values };
}

// --- verifying -----------------------------------------------------------------------------------------------------

const maxFindings = 50;
const sliceRows = 500;

/**
 * Walks the whole chain, in steps so that others get a turn. `expected` is an end that somebody wrote down elsewhere: the only thing that
 * tells of somebody who could write to all files here.
 */
export function* verifyAudit(db: Db, home: string, expected: AuditHead | null): Generator<void, AuditReport> {
  // Read before the rows: it is never ahead of them.
  const noted = readHead(headFile(home));
  const known = [...(noted === null ? [] : [noted]), ...(expected === null ? [] : [expected])].filter(({ seq }) => seq > 0);
  const findings = new Map<number, AuditFinding>();
  const find = (kind: AuditFinding['kind'], seq: number, message: string): void => {
    if (!findings.has(seq) && findings.size < maxFindings) findings.set(seq, { seq, kind, message });
  };
  const blame = ({ before, row }: Torn, seq: number): void =>
    before === 0
      ? find('changed', row, `Line ${row} does not begin the journal: lines before it are missing, or it was replaced.`)
      : find('changed', seq, `Line ${row} does not follow line ${before}: line ${seq} was replaced or put there.`);
  let torn: Torn | null = null;
  const broken: { row: Row; record: AuditRecord | null }[] = [];
  let last = beforeTheFirst;
  let lastHolds = true;
  let rows = 0;
  for (;;) {
    const slice = db.all<Row>(`SELECT ${columns} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`, last.seq, sliceRows);
    for (const row of slice) {
      const record = recordOf(row);
      const holds = record !== null && hashOf(record) === row.hash;
      const gap = row.seq - last.seq - 1;
      if (!holds) broken.push({ row, record });
      if (gap > 0) find('removed', last.seq + 1, `${lines(last.seq + 1, row.seq - 1)} missing, before line ${row.seq}.`);
      const follows = row.previous === last.hash;
      if (torn !== null) {
        // A line between two that know nothing of it is the foreign one; else the one before it is.
        blame(torn, gap === 0 && holds && !follows ? torn.row : torn.before);
        torn = null;
      } else if (gap === 0 && holds && lastHolds && !follows) torn = { before: last.seq, row: row.seq };
      for (const head of known) {
        if (head.seq === row.seq && head.hash !== row.hash) find('changed', row.seq, `Line ${row.seq} is not the one that was noted down.`);
      }
      last = { seq: row.seq, hash: row.hash };
      lastHolds = holds;
      rows++;
    }
    if (slice.length < sliceRows) break;
    yield;
  }
  if (torn !== null) {
    const { before } = torn;
    blame(torn, known.some(({ seq }) => seq === before) ? torn.row : before);
  }
  for (const { row, record } of broken.slice(0, maxFindings)) {
    const places = [...broken.slice(0, maxFindings).map((other) => other.row.seq), row.seq + 1, row.seq - 1];
    const place = record === null ? undefined : places.find((seq) => hashOf({ ...record, seq }) === row.hash);
    if (place !== undefined) find('reordered', row.seq, `Line ${row.seq} stood at line ${place}.`);
    else find('changed', row.seq, `Line ${row.seq} does not say what was written: it was changed, or is not of Postroom.`);
  }
  const end = Math.max(...known.map(({ seq }) => seq), 0);
  if (end > last.seq) find('cut', last.seq + 1, `The end was cut off: ${lines(last.seq + 1, end)} missing.`);
  if (noted === null && rows > 0) find('cut', last.seq + 1, 'audit.head is missing or unreadable: nothing says that the end is there.');
  const sorted = [...findings.values()].sort((a, b) => a.seq - b.seq);
  return { ok: sorted.length === 0, rows, head: rows === 0 ? null : last, findings: sorted };
}

/** Two lines, each whole, that do not follow each other. */
type Torn = { readonly before: number; readonly row: number };

const lines = (from: number, to: number): string => (from === to ? `line ${from} is` : `lines ${from} to ${to} are`);
