/** The writer's thread, on a disk and a clock that the test turns. The thread itself is the real one. */
import { DatabaseSync } from 'node:sqlite';
import { getEnvironmentData, workerData } from 'node:worker_threads';
import type { WriterData } from '../../daemon/store/writer.worker.ts';
import { FaultPlan, FaultyDisk } from './faulty-disk.ts';
import { type WriterFaults, writerFaults } from './faulty-writer.ts';

const faults = getEnvironmentData(writerFaults) as WriterFaults | undefined;
if (faults === undefined) throw new Error('this thread was started without its faults');
const { plan, counts, clock } = faults;
const disk = new FaultyDisk((workerData as WriterData).home, new FaultPlan(plan));

const { now } = Date;
Date.now = () => now() + (clock[0] ?? 0);

const { exec } = DatabaseSync.prototype;
const unlimited = 0xfffffffe;
DatabaseSync.prototype.exec = function (sql) {
  if (sql === 'BEGIN IMMEDIATE') {
    const more = Atomics.load(counts, 0);
    const pages = this.prepare('PRAGMA page_count').get()?.page_count;
    exec.call(this, `PRAGMA max_page_count = ${more < 0 ? unlimited : Number(pages) + more}`);
  }
  if (sql === 'COMMIT' && disk.unsynced.some((path) => path.includes('/packs'))) Atomics.add(counts, 1, 1);
  exec.call(this, sql);
};

await import('../../daemon/store/writer.worker.ts');
