/** The bulk connection as the daemon's thread sees it: `bulk.worker.ts` does the reading. */
import { Worker } from 'node:worker_threads';
import { workerFile } from '../worker-file.ts';
import type { Batch, BatchItem, Unfetchable } from './batches.ts';
import { type FaultFacts, ImapFault } from './fault.ts';
import type { Login, Named } from './imap.ts';

export type ToBulk =
  | ({ kind: 'connect' } & Login)
  | { kind: 'read'; folder: Named; uidValidity: number; slices: number[][]; allInParts: boolean }
  /** A batch is in the store. */
  | { kind: 'ack' }
  | { kind: 'end' };

export type FromBulk =
  | { kind: 'connected' }
  | { kind: 'batch'; buffer: ArrayBuffer; items: BatchItem[] }
  | { kind: 'read'; unfetchable: Unfetchable[] }
  | { kind: 'fault'; fault: FaultFacts }
  | { kind: 'ended' };

export class Bulk implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  /** Something failed: the thread may be in the middle of a command and is not asked any more. */
  #broken = false;
  #answer: { resolve: (message: FromBulk) => void; reject: (error: Error) => void } | null = null;
  #take: (batch: Batch) => Promise<void> = async () => {};

  /** Starts the thread and logs in. */
  static async connect({ stop, ...login }: Login & { stop: AbortSignal }): Promise<Bulk> {
    const bulk = new Bulk();
    const stopped = () => bulk.#fail(new ImapFault({ kind: 'gone', message: 'stopped', retryAfterMs: null }));
    stop.addEventListener('abort', stopped);
    bulk.#exited.then(() => stop.removeEventListener('abort', stopped));
    try {
      await bulk.#ask({ kind: 'connect', ...login });
      return bulk;
    } catch (error) {
      await bulk[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor() {
    // Its memory is the buffers in flight; what the thread inherits of arguments and environment is nothing.
    this.#worker = new Worker(workerFile(import.meta.url, 'bulk.worker'), { argv: [], env: {} });
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('message', (message: FromBulk) => this.#receive(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new ImapFault({ kind: 'gone', message: 'the bulk thread ended', retryAfterMs: null })));
  }

  /** Reads messages of a folder; each batch is acknowledged when `take` has resolved. A rejection of `take` ends the reading. */
  async read(
    folder: Named,
    uidValidity: number,
    slices: number[][],
    take: (batch: Batch) => Promise<void>,
    allInParts = false,
  ): Promise<Unfetchable[]> {
    this.#take = take;
    const answer = await this.#ask({ kind: 'read', folder: { path: folder.path, name: folder.name }, uidValidity, slices, allInParts });
    return answer.kind === 'read' ? answer.unfetchable : [];
  }

  /** Ends the connection and the thread, in the middle of whatever it does. */
  async [Symbol.asyncDispose](): Promise<void> {
    const patience = setTimeout(() => void this.#worker.terminate(), 1_500);
    if (this.#answer || this.#broken) void this.#worker.terminate();
    else this.#worker.postMessage({ kind: 'end' } satisfies ToBulk);
    await this.#exited;
    clearTimeout(patience);
  }

  async #ask(message: ToBulk): Promise<FromBulk> {
    const { promise, resolve, reject } = Promise.withResolvers<FromBulk>();
    this.#answer = { resolve, reject };
    this.#worker.postMessage(message);
    return promise;
  }

  #receive(message: FromBulk): void {
    switch (message.kind) {
      case 'batch':
        this.#take(message).then(
          () => this.#worker.postMessage({ kind: 'ack' } satisfies ToBulk),
          (error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))),
        );
        return;
      case 'fault':
        this.#fail(new ImapFault(message.fault));
        return;
      case 'connected':
      case 'read':
      case 'ended':
        this.#answer?.resolve(message);
        this.#answer = null;
        return;
      default:
        message satisfies never;
    }
  }

  #fail(error: Error): void {
    this.#broken = true;
    this.#answer?.reject(error);
    this.#answer = null;
  }
}
