/**
 * Everything that writes, by name. `urgent` runs as one transaction, before bulk; `bulk` is cut into slices, each a transaction of
 * its own, with urgent work in between. Bulk is done one after the other, in the order in which it was asked for.
 */
import { join } from 'node:path';
import { recordAudit } from './audit.ts';
import { check } from './check.ts';
import { seenPlaces } from './detail.ts';
import { putFolders, setFolder, setUnfetchable } from './folders.ts';
import { applyChanges, dropFolder, dropStale, forgetMailbox, ingest, moveHosted, relink } from './ingest.ts';
import { recordActivity } from './journal.ts';
import { outboxMove, queue } from './outbox.ts';
import { noteSizeLimit } from './size-limit.ts';
import { backfillTimeline } from './timeline-index.ts';
import { forgetUses, noteUses } from './use.ts';
import { handOver, loseHolder, markRead, star, work } from './verbs.ts';
import type { Writing } from './work.ts';

export const urgent = {
  putFolders,
  setFolder,
  setUnfetchable,
  moveHosted,
  seenPlaces,
  work,
  markRead,
  star,
  handOver,
  loseHolder,
  queue,
  outboxMove,
  recordActivity,
  recordAudit,
  noteUses,
  forgetUses,
  noteSizeLimit,
};

export const bulk = {
  ingest,
  applyChanges,
  relink,
  dropStale,
  dropFolder,
  forgetMailbox,
  backfillTimeline,
  check: (writing: Writing, home: string) => check(writing.db, join(home, 'packs')),
};

type Tail<F> = F extends (writing: Writing, ...rest: infer Rest) => unknown ? Rest : never;
type Answer<F> = F extends (...all: never[]) => Generator<void, infer R> ? R : F extends (...all: never[]) => infer R ? R : never;
type All = typeof urgent & typeof bulk;

export type OperationName = keyof All;
export type Arguments<Name extends OperationName> = Tail<All[Name]>;
export type Result<Name extends OperationName> = Answer<All[Name]>;
