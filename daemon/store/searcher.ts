/**
 * Searches, handed to their thread one at a time: sessions take turns, so that nobody's many keep the others waiting for longer than
 * one. A search as one types takes the place of the one before it of the same session, also of one that is running.
 */
import { Worker } from 'node:worker_threads';
import { PostroomError } from '../../protocol/errors.ts';
import { workerFile } from '../worker-file.ts';
import { toError } from './fault.ts';
import type { SearchAnswer, SearchRequest, SearchWorkerData } from './search.worker.ts';
import type { SearchQuery, SearchResult } from './types.ts';

const maxMs = 2_000;

type Job = { id: number; query: SearchQuery; resolve: (result: SearchResult) => void; reject: (why: Error) => void };

export class Searcher {
  readonly #home: string;
  readonly #maxMs: number;
  readonly #unwanted = new Int32Array(new SharedArrayBuffer(4));
  /** By session; the one at the front is next. */
  readonly #waiting = new Map<string, Job[]>();
  #running: Job | null = null;
  #worker: Worker | null = null;
  #lastId = 0;
  #closed = false;

  constructor(home: string, limits: { maxMs?: number } = {}) {
    this.#home = home;
    this.#maxMs = limits.maxMs ?? maxMs;
  }

  search(query: SearchQuery): Promise<SearchResult> {
    if (this.#closed) return Promise.reject(new PostroomError('unavailable', 'The store is closed.'));
    if (query.typing) this.#supersede(query.session);
    return new Promise((resolve, reject) => {
      this.#lastId = (this.#lastId % 0x7fffffff) + 1;
      const jobs = this.#waiting.get(query.session) ?? [];
      jobs.push({ id: this.#lastId, query, resolve, reject });
      this.#waiting.set(query.session, jobs);
      this.#next();
    });
  }

  /** A running one ends at its next look at the clock, not at its time limit. */
  interrupt(person: string): void {
    for (const [session, jobs] of this.#waiting) {
      for (const job of jobs) if (job.query.person === person) job.reject(interrupted());
      const others = jobs.filter(({ query }) => query.person !== person);
      if (others.length > 0) this.#waiting.set(session, others);
      else this.#waiting.delete(session);
    }
    const running = this.#running;
    if (running === null || running.query.person !== person) return;
    Atomics.store(this.#unwanted, 0, running.id);
    running.reject(interrupted());
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const job of [...this.#waiting.values()].flat()) job.reject(new PostroomError('unavailable', 'The daemon is stopping.'));
    this.#waiting.clear();
    if (this.#running !== null) Atomics.store(this.#unwanted, 0, this.#running.id);
    const worker = this.#worker;
    if (worker === null) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage({ close: true } satisfies SearchRequest);
    await ended;
  }

  #supersede(session: string): void {
    const jobs = this.#waiting.get(session) ?? [];
    for (const job of jobs.filter(({ query }) => query.typing)) job.reject(superseded());
    this.#waiting.set(
      session,
      jobs.filter(({ query }) => !query.typing),
    );
    const running = this.#running;
    if (running === null || running.query.session !== session || !running.query.typing) return;
    Atomics.store(this.#unwanted, 0, running.id);
    running.reject(superseded());
  }

  #next(): void {
    if (this.#running !== null || this.#closed) return;
    for (const [session, jobs] of this.#waiting) {
      this.#waiting.delete(session);
      const job = jobs.shift();
      if (job === undefined) continue;
      if (jobs.length > 0) this.#waiting.set(session, jobs); // behind all others
      this.#running = job;
      this.#worker ??= this.#start();
      this.#worker.postMessage({ id: job.id, query: job.query } satisfies SearchRequest);
      return;
    }
  }

  #start(): Worker {
    const workerData: SearchWorkerData = { home: this.#home, maxMs: this.#maxMs, unwanted: this.#unwanted };
    const worker = new Worker(workerFile(import.meta.url, 'search.worker'), { workerData, name: 'search' });
    worker.on('message', (answer: SearchAnswer) => {
      const job = this.#running;
      if (job?.id !== answer.id) return;
      this.#running = null;
      if ('fault' in answer) job.reject(toError(answer.fault));
      else job.resolve(answer.value);
      this.#next();
    });
    const gone = (cause?: Error): void => {
      if (this.#worker === worker) this.#worker = null;
      const job = this.#running;
      this.#running = null;
      job?.reject(new PostroomError(this.#closed ? 'unavailable' : 'internal', 'The search thread stopped.', {}, { cause }));
      this.#next(); // the next search starts another
    };
    worker.on('error', gone);
    worker.on('exit', () => {
      if (this.#worker === worker) gone();
    });
    return worker;
  }
}

const superseded = (): PostroomError =>
  new PostroomError('rate-limited', 'A newer search of this session took the place of this one.', { why: 'superseded', retryAfterMs: 0 });

const interrupted = (): PostroomError =>
  new PostroomError('rate-limited', 'What you may search through changed while this ran.', { why: 'rights', retryAfterMs: 0 });
