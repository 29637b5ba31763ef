/**
 * Opens mails for people: a queue in front of one worker thread that is given 3 seconds and 256 MB for each, is killed and
 * replaced when it needs more, and is ended after a mail that made it large. A mail that defeats it is shown by its headers and the text of the lean walk; that it did is remembered
 * by content for long after its text, so that it costs those 3 seconds once.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Attachment } from './mail/message.ts';
import type { OpenAnswer, OpenRequest } from './store/open.worker.ts';
import { workerFile } from './worker-file.ts';

export type OpenedMail = {
  text: string;
  /** The text was made from HTML: `[1]` after a word stands for `links[0]`. Plain text holds its links itself. */
  html: boolean;
  /** Only http, https and mailto. */
  links: string[];
  /** Numbered as by `readMessage` and `attachmentBytes`. */
  attachments: Attachment[];
  /** The mail was too much for the parsers (time, memory, size, nesting): `text` is what the lean walk found. */
  defeated: boolean;
};

/** What one mail may take of the thread that opens it. */
export type Budget = { ms: number; heapMb: number };
const budgetOfOne: Budget = { ms: 3_000, heapMb: 256 };
/** After a mail of this size, or one that left so large a heap, the thread is ended: it gives nothing back while nothing is opened. */
const largeOctets = 4 * 1024 * 1024;
const largeHeapOctets = 64 * 1024 * 1024;
const maxCached = 64;
const maxCachedCharacters = 8_000_000;
const maxDefeats = 10_000;

type Job = { octets: Uint8Array; hash: string; resolve: (opened: OpenedMail) => void; reject: (why: unknown) => void };

export class Opener {
  readonly #queue: Job[] = [];
  readonly #cache = new Map<string, Promise<OpenedMail>>();
  readonly #sizes = new Map<string, number>();
  /** Hashes of the mails that were too much, the oldest first. */
  readonly #defeats = new Set<string>();
  #worker: Worker | null = null;
  #running: Promise<void> | null = null;
  #ids = 0;
  #closed = false;
  readonly #onFault: (error: Error) => void;
  readonly #budget: Budget;

  /** `onFault` hears of bugs of ours in the thread (a warning of the process otherwise); the mail that met one counts as defeated. */
  constructor(onFault: (error: Error) => void = (error) => process.emitWarning(error), budget = budgetOfOne) {
    this.#onFault = onFault;
    this.#budget = budget;
  }

  /** Rejects only when the worker cannot be started, never because of the mail. The octets are copied. */
  open(octets: Uint8Array): Promise<OpenedMail> {
    if (this.#closed) return Promise.reject(new Error('the opener is closed'));
    const hash = createHash('sha256').update(octets).digest('base64');
    const known = this.#cache.get(hash);
    if (known !== undefined) {
      this.#cache.delete(hash); // to the end: the least recently used goes first
      this.#cache.set(hash, known);
      return known;
    }
    const opened = new Promise<OpenedMail>((resolve, reject) => this.#queue.push({ octets, hash, resolve, reject }));
    this.#cache.set(hash, opened);
    opened.then(
      (mail) => this.#remember(hash, mail),
      () => this.#cache.delete(hash), // who asked hears why
    );
    this.#running ??= this.#run();
    return opened;
  }

  /** What is asked and not answered is answered as defeated. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
    await this.#running;
    await this.#stop(); // one that was still starting
  }

  #remember(hash: string, mail: OpenedMail): void {
    this.#sizes.set(hash, mail.text.length + mail.links.reduce((sum, link) => sum + link.length, 0));
    let total = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const [oldest] of this.#cache) {
      if (this.#cache.size <= maxCached && total <= maxCachedCharacters) break;
      const size = this.#sizes.get(oldest);
      if (size === undefined) continue; // still being opened
      this.#cache.delete(oldest);
      this.#sizes.delete(oldest);
      total -= size;
    }
  }

  async #run(): Promise<void> {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      if (this.#closed) job.resolve(defeatedBy(null));
      else await this.#openOne(job).then(job.resolve, job.reject);
    }
    this.#running = null;
  }

  async #openOne({ octets, hash }: Job): Promise<OpenedMail> {
    const worker = this.#worker ?? (await this.#start());
    const id = ++this.#ids;
    const copy = new Uint8Array(octets); // a view would be sent with all of the buffer behind it
    const outcome = await ask(worker, { id, octets: copy, leanOnly: this.#defeats.has(hash) }, this.#budget.ms);
    if (outcome.mail.defeated && !this.#closed) this.#defeated(hash);
    if (outcome.fit) worker.unref();
    else await this.#stop();
    return outcome.mail;
  }

  #defeated(hash: string): void {
    this.#defeats.add(hash);
    const [oldest] = this.#defeats;
    if (this.#defeats.size > maxDefeats && oldest !== undefined) this.#defeats.delete(oldest);
  }

  /** The clock of a mail does not run while its thread starts. */
  async #start(): Promise<Worker> {
    const worker = new Worker(workerFile(import.meta.url, 'store/open.worker'), {
      resourceLimits: { maxOldGenerationSizeMb: this.#budget.heapMb, maxYoungGenerationSizeMb: 32 },
      stdout: true, // nothing that a parser prints about a mail reaches our terminal or log
      stderr: true,
    });
    await once(worker, 'message').catch((cause: unknown) => {
      throw new Error('starting the thread that opens mails', { cause });
    });
    worker.on('error', (error: Error & { code?: string }) => {
      // `exit` follows, and `ask` hears that. Running out of memory is a mail's doing, anything else is ours.
      if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') this.#onFault(error);
    });
    worker.stdout.resume();
    worker.stderr.resume();
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = null;
    });
    this.#worker = worker;
    return worker;
  }

  async #stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}

type Lean = { text: string; attachments: Attachment[] };

/** Resolves with the whole, or when the time is over or the thread died with what had come until then. `fit`: the thread may open another. */
function ask(worker: Worker, request: OpenRequest, ms: number): Promise<{ mail: OpenedMail; fit: boolean }> {
  return new Promise((resolve) => {
    let lean: Lean | null = null;
    const size = request.octets.length; // they are handed over
    const settle = (mail: OpenedMail, fit: boolean): void => {
      clearTimeout(clock);
      worker.off('message', hear).off('exit', died);
      resolve({ mail, fit });
    };
    const died = (): void => settle(defeatedBy(lean), false);
    const hear = (answer: OpenAnswer): void => {
      if (answer.stage === 'ready' || answer.id !== request.id) return;
      if (answer.stage === 'lean') lean = answer;
      else {
        const fit = size < largeOctets && answer.heapOctets <= largeHeapOctets;
        const { opened } = answer;
        settle(opened === null ? defeatedBy(lean) : { ...opened, attachments: lean?.attachments ?? [], defeated: false }, fit);
      }
    };
    const clock = setTimeout(died, ms);
    worker.ref();
    worker.on('message', hear).once('exit', died);
    worker.postMessage(request, [request.octets.buffer]);
  });
}

function defeatedBy(lean: Lean | null): OpenedMail {
  return { text: lean?.text ?? '', html: false, links: [], attachments: lean?.attachments ?? [], defeated: true };
}
