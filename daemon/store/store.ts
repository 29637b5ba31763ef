/**
 * The store's side in the main thread: writes are messages to the writer, reads a read-only connection of its own (they cost well
 * under a millisecond each). Whoever is answered sees what was written, because the answer comes after COMMIT.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { notFound, PostroomError } from '../../protocol/errors.ts';
import { workerFile } from '../worker-file.ts';
import { auditOf, settingsHistoryOf, verifyAudit } from './audit.ts';
import { answerable, conversationDetail, countMessages, earlierThan, entryRow, mailboxOf, packEnds, placed, placeOf } from './detail.ts';
import { toError } from './fault.ts';
import { foldersOf, identitiesOf, uidsOf, unfetchableOf } from './folders.ts';
import { mailboxesStored } from './ingest.ts';
import type { Arguments, OperationName, Result } from './operations.ts';
import {
  nextOutboxAt,
  outboxDue,
  outboxInterrupted,
  outboxOf,
  outboxRow,
  outboxTroubled,
  outboxUnanswered,
  outboxUnfiled,
  unsentOf,
} from './outbox.ts';
import { probePacks, readPack } from './packs.ts';
import { list, panel, panelCounts } from './panel.ts';
import { reportsAbout, reportsIn, strayReports } from './reports.ts';
import { Searcher } from './searcher.ts';
import { sizeLimitOf } from './size-limit.ts';
import { openReading } from './sqlite.ts';
import { timeline } from './timeline.ts';
import type { Millis, Store, StoreChange } from './types.ts';
import { usersNoted, usesOf, watchedSince } from './use.ts';
import { assignees, heldBy } from './verbs.ts';
import type { Answer, Request, WriterData } from './writer.worker.ts';

export type StoreOptions = {
  home: string;
  /** Faults that nobody asked for: the writer stopped, a listener threw. */
  log?: { error: (details: Record<string, unknown>, message: string) => void };
  /** How long a message without a place waits for its new one. */
  graceMs?: Millis;
  /** The writer is gone for good; every later write fails. */
  onLost?: () => void;
};

/** Opens (and makes) the store of a home. The home must be locked (`lockHome`): there is one writer. */
export async function openStore({ home, log, graceMs = 60_000, onLost }: StoreOptions): Promise<Store> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  chmodSync(home, 0o700);
  const listeners = new Set<(changes: readonly StoreChange[]) => void>();
  const auditListeners = new Set<(seq: number) => void>();
  const tellAll = <T>(told: ReadonlySet<(what: T) => void>, what: T): void => {
    for (const listener of told) {
      try {
        listener(what);
      } catch (error) {
        log?.error({ err: error }, 'a listener of the store failed');
      }
    }
  };
  const writer = await startWriter(
    { home, graceMs },
    { log, onLost },
    {
      changed: (changes) => tellAll<readonly StoreChange[]>(listeners, changes),
      audited: (seq) => tellAll(auditListeners, seq),
    },
  );
  const db = openReading(join(home, 'mail.db'));
  const { ask } = writer;
  const searcher = new Searcher(home);

  return {
    putFolders: (...args) => ask('putFolders', args),
    folders: async (mailbox) => foldersOf(db, mailbox),
    setFolder: (...args) => ask('setFolder', args),
    uids: async (folder, uidValidity) => uidsOf(db, folder, uidValidity),
    identities: async (folder) => identitiesOf(db, folder),

    ingest: (batch) => ask('ingest', [batch], [batch.buffer]),
    applyChanges: (...args) => ask('applyChanges', args),
    relink: (...args) => ask('relink', args),
    dropStale: (...args) => ask('dropStale', args),
    dropFolder: (...args) => ask('dropFolder', args),
    moveHosted: (...args) => ask('moveHosted', args),
    setUnfetchable: (...args) => ask('setUnfetchable', args),
    unfetchable: async (mailbox) => unfetchableOf(db, mailbox),

    panel: async (query) => panel(db, query),
    panelCounts: async (query) => panelCounts(db, query),
    list: async (query) => list(db, query),
    conversation: async (id, person, seen, part) => conversationDetail(db, id, person, seen, part),
    earlier: async (id, row, history) => earlierThan(db, id, row, history),
    placed: async (id) => placed(db, id),
    answerable: async (id) => answerable(db, id),
    octets: async (hash) => {
      const place = placeOf(db, hash);
      if (place === null) throw notFound();
      return await readPack(join(home, 'packs'), place, hash);
    },
    mailboxOf: async (kind, id) => mailboxOf(db, kind, id),
    entry: async (id) => entryRow(db, id),
    countMessages: async (mailbox) => countMessages(db, mailbox),
    search: (query) => searcher.search(query),
    interruptSearches: (person) => searcher.interrupt(person),

    seenPlaces: (...args) => ask('seenPlaces', args),
    work: (...args) => ask('work', args),
    markRead: (...args) => ask('markRead', args),
    star: (...args) => ask('star', args),
    forgetMailbox: (...args) => ask('forgetMailbox', args),
    mailboxesStored: async () => mailboxesStored(db),
    loseHolder: (...args) => ask('loseHolder', args),
    handOver: (...args) => ask('handOver', args),
    assignees: async () => assignees(db),
    heldBy: async (assignee) => heldBy(db, assignee),

    queue: (...args) => ask('queue', args),
    outbox: async (filter) => outboxOf(db, filter),
    outboxRow: async (id) => outboxRow(db, id),
    unsent: async (author) => unsentOf(db, author),
    outboxDue: async (now, limit) => outboxDue(db, now, limit),
    nextOutboxAt: async () => nextOutboxAt(db),
    outboxMove: (...args) => ask('outboxMove', args),
    outboxInterrupted: async () => outboxInterrupted(db),
    outboxUnanswered: async (limit) => outboxUnanswered(db, limit),
    outboxUnfiled: async (limit) => outboxUnfiled(db, limit),
    reportsAbout: async (entries) => reportsAbout(db, entries),
    reportsIn: async (entries) => reportsIn(db, entries),
    strayReports: async (mailboxes, since, limit) => strayReports(db, mailboxes, since, limit),
    outboxTroubled: async (mailbox, limit) => outboxTroubled(db, mailbox, limit),

    sizeLimit: async (mailbox) => sizeLimitOf(db, mailbox),
    noteSizeLimit: (...args) => ask('noteSizeLimit', args),

    noteUses: (...args) => ask('noteUses', args),
    uses: async (mailboxes) => usesOf(db, mailboxes),
    watchedSince: async () => watchedSince(db),
    usersNoted: async () => usersNoted(db),
    forgetUses: (...args) => ask('forgetUses', args),

    recordActivity: (...args) => ask('recordActivity', args),
    recordAudit: (...args) => ask('recordAudit', args),
    audit: (query) => inTurns(auditOf(db, query)),
    verifyAudit: (expected) => inTurns(verifyAudit(db, home, expected)),
    onAudit(listener) {
      auditListeners.add(listener);
      return () => void auditListeners.delete(listener);
    },
    timeline: async (query) => timeline(db, query),
    settingsHistory: (query) => inTurns(settingsHistoryOf(db, query)),

    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    check: () => ask('check', [home]),
    checkPacks: () => probePacks(join(home, 'packs'), packEnds(db)),
    async close() {
      await searcher.close();
      await writer.close();
      db.close();
    },
  };
}

/** Runs a long read in steps; requests are answered in between. */
async function inTurns<T>(steps: Generator<void, T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}

type Writer = {
  ask: <Name extends OperationName>(name: Name, args: Arguments<Name>, transfer?: ArrayBuffer[]) => Promise<Result<Name>>;
  close: () => Promise<void>;
};

async function startWriter(
  data: WriterData,
  { log, onLost }: Pick<StoreOptions, 'log' | 'onLost'>,
  { changed, audited }: { changed: (changes: StoreChange[]) => void; audited: (seq: number) => void },
): Promise<Writer> {
  const worker = new Worker(workerFile(import.meta.url, 'writer.worker'), { workerData: data, name: 'writer' });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let ended: PostroomError | null = null;
  let closing: Promise<void> | null = null;
  const started = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<void>();

  worker.on('message', (answer: Answer) => {
    if ('changes' in answer) return changed(answer.changes);
    if ('audited' in answer) return audited(answer.audited);
    if ('ready' in answer) return started.resolve();
    if ('trouble' in answer) return log?.error({ err: toError(answer.trouble) }, 'housekeeping of mail.db failed; it is tried again');
    if ('fatal' in answer) return end(toError(answer.fatal));
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('fault' in answer) asked?.reject(toError(answer.fault));
    else asked?.resolve(answer.value as never);
  });
  worker.on('error', (error) => end(new PostroomError('internal', `The writer stopped: ${error.message}`, {}, { cause: error })));
  worker.on('exit', () => {
    end(closedStore());
    exited.resolve();
  });

  function end(error: PostroomError): void {
    if (ended !== null) return;
    ended = error;
    if (error.code === 'internal') log?.error({ err: error }, 'the writer of mail.db stopped');
    started.reject(error);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    if (closing === null) onLost?.();
  }

  function send<T>(request: { name: string; args: unknown[] } | { close: true }, transfer: ArrayBuffer[] = []): Promise<T> {
    if (ended !== null) return Promise.reject(ended);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    lastId += 1;
    waiting.set(lastId, { resolve: resolve as (value: never) => void, reject });
    worker.postMessage({ id: lastId, ...request } satisfies Request, transfer);
    return promise;
  }

  try {
    await started.promise;
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    ask: (name, args, transfer) => (closing === null ? send({ name, args }, transfer) : Promise.reject(closedStore())),
    async close() {
      closing ??= ended === null ? send({ close: true }) : Promise.resolve();
      await closing;
      await exited.promise;
    },
  };
}

const closedStore = (): PostroomError => new PostroomError('unavailable', 'The store is closed.');
