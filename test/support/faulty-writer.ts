/** What a test turns in the writer's thread (faulty-writer.worker.ts); the memory is shared with it. */
import { setEnvironmentData } from 'node:worker_threads';
import { FaultPlan } from './faulty-disk.ts';

export const writerFaults = 'postroom.writer.faults';

export type WriterFaults = {
  plan: SharedArrayBuffer;
  /** Pages by which mail.db may grow (-1: any number), and COMMITs that named octets which were not on disk. */
  counts: Int32Array;
  /** Milliseconds by which its clock is ahead. */
  clock: Float64Array;
};

/** For writers that are started from now on. */
export function turnWriters() {
  const memory = new SharedArrayBuffer(16);
  const counts = new Int32Array(new SharedArrayBuffer(8));
  const clock = new Float64Array(new SharedArrayBuffer(8));
  counts[0] = -1;
  setEnvironmentData(writerFaults, { plan: memory, counts, clock } satisfies WriterFaults);
  return {
    plan: new FaultPlan(memory),
    /** The file may grow by so many pages; null: without end. */
    letGrow: (pages: number | null) => void Atomics.store(counts, 0, pages ?? -1),
    commitsTooEarly: () => Atomics.load(counts, 1),
    /** Sets its clock ahead, or back. */
    setClock: (aheadMs: number) => void clock.set([aheadMs]),
  };
}
