/**
 * The one writer of mail.db, in a thread of its own: two writers on one WAL file starve each other. Requests come as messages and
 * are answered by id. What changed is told after COMMIT, before the answer, in the order of the commits.
 *
 * Three queues: urgent work goes first, and between the slices of bulk work; a little live mail and a few changes are urgent too. What nobody
 * waits for (older mail into the full-text index) is done when nothing else is. A slice ends with pack fsync, then COMMIT.
 */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { PostroomError } from '../../protocol/errors.ts';
import { AuditChain } from './audit.ts';
import { toWire, type WireFault } from './fault.ts';
import { nextUnplaced, sweep, unfinished } from './ingest.ts';
import { bulk, urgent } from './operations.ts';
import { PackWriter, recordEnd } from './packs.ts';
import { hasRoom } from './room.ts';
import { type Db, openWriting } from './sqlite.ts';
import { hasBacklog, takeInOlder } from './text.ts';
import { isBackfillDue } from './timeline-index.ts';
import type { FolderChange, Ingest, Millis, StoreChange } from './types.ts';
import { wake } from './verbs.ts';
import type { Writing } from './work.ts';

export type WriterData = { home: string; graceMs: Millis };
export type Request = { id: number; name: string; args: unknown[] } | { id: number; close: true };
export type Answer =
  | { ready: true }
  | { changes: StoreChange[] }
  /** The number of the audit journal's last record. */
  | { audited: number }
  | { id: number; value: unknown }
  | { id: number; fault: WireFault }
  /** Nobody asked: housekeeping failed, and will be tried again. */
  | { trouble: WireFault }
  | { fatal: WireFault };

/** Live mail and changes up to this many are not bulk. */
const few = 32;

/** The clock was set, and not only kept right. */
const jumpMs = 2_000;

const graceBegins = 'UPDATE entry SET unplaced_at = ? WHERE unplaced_at IS NOT NULL';

/** A generator, or anything that steps like one. */
type Steps = { next(): IteratorResult<void, unknown> };
type Job = { id: number | null; steps: Steps };

function run(port: NonNullable<typeof parentPort>, { home, graceMs }: WriterData): void {
  const say = (answer: Answer): void => port.postMessage(answer);
  const db = openWriting(join(home, 'mail.db'));
  const packs = new PackWriter(join(home, 'packs'), lastNamed(db));
  const audit = new AuditChain(db, home);
  const urgentJobs: Job[] = [];
  const bulkJobs: Job[] = [];
  const idleJobs: Job[] = [];
  let changes: StoreChange[] = [];
  let running = false;
  let closing: number | null = null;
  const writing: Writing = { db, packs, audit, now: Date.now, changed: (change) => void changes.push(change) };

  /** One slice of a job; true when it has more. */
  function slice(job: Job): boolean {
    try {
      changes = [];
      const { done, value } = db.transaction(
        () => job.steps.next(),
        () => packs.sync(),
      );
      noteAudit();
      if (changes.length > 0) say({ changes });
      if (done === true && job.id !== null) say({ id: job.id, value });
      return done !== true;
    } catch (error) {
      giveBack();
      audit.rolledBack();
      say(job.id === null ? { trouble: toWire(error) } : { id: job.id, fault: toWire(error) });
      return false;
    }
  }

  /** The octets of a transaction that failed take no room; when even that fails, they lie unnamed until the next start. */
  function giveBack(): void {
    trying(() => packs.rewind());
  }

  /** What was committed stands, also when the file of the chain's end cannot be written. */
  function noteAudit(): void {
    trying(() => {
      const audited = audit.committed();
      if (audited !== null) say({ audited });
    });
  }

  function trying(work: () => void): void {
    try {
      work();
    } catch (error) {
      say({ trouble: toWire(error) });
    }
  }

  /** That the end was not as it was left is itself a line of the journal. */
  function noteBrokenEnd(wrong: string): void {
    say({ trouble: toWire(new Error(`the audit journal: ${wrong}. See: postroom audit verify`)) });
    const draft = { at: Date.now(), actor: null, origin: null, person: null, mailbox: null, details: {}, once: null };
    db.transaction(() => audit.append(db, { ...draft, action: 'audit.broken', subject: 'audit', summary: `found at the start: ${wrong}` }));
    noteAudit();
  }

  function turn(): void {
    const urgentJob = urgentJobs.shift();
    if (urgentJob !== undefined) {
      slice(urgentJob);
    } else if (closing !== null) {
      finish(closing);
      return;
    } else {
      const queue = bulkJobs.length > 0 ? bulkJobs : idleJobs;
      if (queue === idleJobs && !hasRoom(home)) idleJobs.length = 0; // housekeeping begins again when there is room
      const [job] = queue;
      if (job !== undefined && !slice(job)) queue.shift();
    }
    running = urgentJobs.length > 0 || bulkJobs.length > 0 || idleJobs.length > 0 || closing !== null;
    if (running) setImmediate(turn); // requests that came meanwhile are let in first
  }

  function add(queue: Job[], job: Job): void {
    queue.push(job);
    if (!running) setImmediate(turn);
    running = true;
  }

  function finish(id: number): void {
    clearInterval(housekeeping);
    for (const { id: waiting } of bulkJobs) {
      if (waiting !== null) say({ id: waiting, fault: toWire(new PostroomError('unavailable', 'The daemon is stopping.')) });
    }
    audit.close();
    packs.close();
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    say({ id, value: null });
    port.close();
  }

  port.on('message', (request: Request) => {
    if ('close' in request) {
      closing = request.id;
      if (!running) setImmediate(turn);
      running = true;
      return;
    }
    const { id, name, args } = request;
    const steps = stepsOf(writing, name, args);
    if (steps === null) say({ id, fault: toWire(new Error(`the writer has no operation ${name}`)) });
    else add(name in urgent || isLittle(name, args) ? urgentJobs : bulkJobs, { id, steps });
  });

  /** What falls due by itself: entries whose grace ended, snoozed conversations. */
  function* due(): Generator<void, void> {
    wake(writing, Date.now());
    while (sweep(writing, Date.now() - graceMs)) yield;
  }
  /** The clock was set: the grace of what is on its way to another folder is counted in its new time. */
  const beginGraceAgain = { next: () => ({ done: true as const, value: db.run(graceBegins, Date.now()) }) };
  let ahead = Date.now() - performance.now();
  const housekeeping = setInterval(
    () => {
      trying(() => audit.sync());
      const by = Date.now() - performance.now() - ahead;
      ahead += by;
      if (Math.abs(by) >= jumpMs) return add(bulkJobs, { id: null, steps: beginGraceAgain });
      const unplaced = nextUnplaced(db);
      const snoozed =
        db.get<{ at: Millis | null }>('SELECT min(snoozed_until) AS at FROM conversation WHERE snoozed_until IS NOT NULL')?.at ?? null;
      const now = Date.now();
      const isDue = (unplaced !== null && unplaced + graceMs <= now) || (snoozed !== null && snoozed <= now);
      if (hasBacklog(db) && idleJobs.length === 0 && hasRoom(home)) add(idleJobs, { id: null, steps: takeInOlder(writing) });
      if (isDue && !bulkJobs.some((job) => job.id === null)) add(bulkJobs, { id: null, steps: due() });
    },
    Math.max(10, Math.min(1_000, graceMs / 4)),
  );

  if (audit.wrong !== null) noteBrokenEnd(audit.wrong);
  // The new place of what was moved before a stop has yet to be looked for: the grace begins again.
  db.run(graceBegins, Date.now());
  if (isBackfillDue(db)) add(bulkJobs, { id: null, steps: bulk.backfillTimeline(writing) });
  for (const mailbox of unfinished(db)) add(bulkJobs, { id: null, steps: bulk.forgetMailbox(writing, mailbox) });
  if (hasBacklog(db)) add(idleJobs, { id: null, steps: takeInOlder(writing) });
  say({ ready: true });
}

/** The operation as steps. Arguments were typed by `Store` on the other side of the thread. */
function stepsOf(writing: Writing, name: string, args: unknown[]): Steps | null {
  const operation = ({ ...urgent, ...bulk } as Record<string, ((...all: unknown[]) => unknown) | undefined>)[name];
  if (operation === undefined) return null;
  if (name in bulk) return operation(writing, ...args) as Steps;
  return { next: () => ({ done: true, value: operation(writing, ...args) }) };
}

function isLittle(name: string, [asked]: unknown[]): boolean {
  if (name === 'ingest') {
    const { origin, items } = asked as Ingest;
    return origin === 'live' && items.length <= few;
  }
  if (name !== 'applyChanges') return false;
  const { flags, gone } = asked as FolderChange;
  return flags.length + gone.length <= few;
}

function lastNamed(db: Db): { pack: number; end: number } | null {
  const last = db.get<{ pack: number; offset: number; stored: number }>(
    'SELECT pack, offset, stored FROM message ORDER BY pack DESC, offset DESC LIMIT 1',
  );
  return last === undefined ? null : { pack: last.pack, end: recordEnd(last) };
}

if (parentPort !== null) {
  try {
    run(parentPort, workerData as WriterData);
  } catch (error) {
    parentPort.postMessage({ fatal: toWire(error) } satisfies Answer);
  }
}
