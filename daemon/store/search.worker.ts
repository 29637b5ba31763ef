/**
 * The thread that searches: a read-only connection, one search after the other. Each has its time; one that is not wanted any more is
 * told so through shared memory, because a thread that is inside SQLite hears no messages.
 */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { toWire, type WireFault } from './fault.ts';
import { OutOfTime, search } from './search.ts';
import { openReading } from './sqlite.ts';
import type { SearchQuery, SearchResult } from './types.ts';

export type SearchWorkerData = { home: string; maxMs: number /** [0]: the id of the search to give up. */; unwanted: Int32Array };
export type SearchRequest = { id: number; query: SearchQuery } | { close: true };
export type SearchAnswer = { id: number; value: SearchResult } | { id: number; fault: WireFault };

const port = parentPort;
if (port === null) throw new Error('search.worker runs as a worker thread only');

const { home, maxMs, unwanted } = workerData as SearchWorkerData;
const db = openReading(join(home, 'mail.db'));
let current = { id: 0, until: 0 };
const isOver = (): boolean => performance.now() > current.until || Atomics.load(unwanted, 0) === current.id;
db.define('in_time', () => {
  if (isOver()) throw new OutOfTime('the time of this search is over');
  return 1;
});

port.on('message', (request: SearchRequest) => {
  if ('close' in request) {
    db.close();
    port.close();
    return;
  }
  const { id, query } = request;
  current = { id, until: performance.now() + maxMs };
  try {
    // One picture for rows, counts and texts.
    const value = db.reading(() => search(db, join(home, 'packs'), query, { isOver }));
    port.postMessage({ id, value } satisfies SearchAnswer);
  } catch (error) {
    port.postMessage({ id, fault: toWire(error) } satisfies SearchAnswer);
  }
});
