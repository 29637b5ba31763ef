/**
 * The file behind the log: appended to line by line, and turned over before it grows or ages out of hand, so that a daemon that runs for
 * years neither fills the disk nor keeps for ever what happened.
 *
 * - `daemon.log` is the newest; `daemon.log.1` … `.4` are older. What falls off the end is gone.
 * - Every file is 0600, whatever the umask is and whoever made it before.
 * - A log that cannot be written (disk full) costs lines, never the daemon; the next line that fits says how many.
 */
import { closeSync, fchmodSync, fstatSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { escapeJson } from '../protocol/text.ts';

export type LogFileOptions = {
  maxOctets?: number;
  /** How many files there are at most, the newest counted. */
  files?: number;
  /** A file older than this is turned over. Five of six days are thirty. */
  maxAgeMs?: number;
  now?: () => number;
};

export class LogFile {
  readonly #path: string;
  readonly #maxOctets: number;
  readonly #files: number;
  readonly #maxAgeMs: number;
  readonly #now: () => number;
  #fd: number | null = null;
  #octets = 0;
  #begunAt = 0;
  #lost = 0;

  /** Opens the file, and throws when it cannot: a daemon that could not say anything from the start must not start. */
  constructor(path: string, options: LogFileOptions = {}) {
    this.#path = path;
    this.#maxOctets = options.maxOctets ?? 10_000_000;
    this.#files = options.files ?? 5;
    this.#maxAgeMs = options.maxAgeMs ?? 6 * 86_400_000;
    this.#now = options.now ?? Date.now;
    this.#open();
    if (this.#isDue(0)) this.#turn();
  }

  /** One record with its newline, as pino hands it over. */
  write(record: string): void {
    const line = Buffer.from(escapeJson(record));
    try {
      if (this.#isDue(line.length)) this.#turn();
      if (this.#lost > 0) this.#append(Buffer.from(`${JSON.stringify(this.#gap())}\n`));
      this.#lost = 0;
      this.#append(line);
    } catch {
      this.#lost += 1; // told with the first line that can be written again
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #gap(): Record<string, unknown> {
    return { level: 'warn', time: new Date(this.#now()).toISOString(), lost: this.#lost, msg: 'lines of this log could not be written' };
  }

  #append(line: Buffer): void {
    const fd = this.#fd ?? this.#open();
    const begun = this.#octets;
    try {
      for (let done = 0; done < line.length; ) {
        const written = writeSync(fd, line, done);
        done += written;
        this.#octets += written;
      }
    } catch (error) {
      if (this.#octets > begun) ftruncateSync(fd, begun); // half a line would spoil the next one
      this.#octets = begun;
      throw error;
    }
  }

  /** An empty file is never turned over: a record that is larger than the limit has to stand somewhere. */
  #isDue(more: number): boolean {
    return this.#octets > 0 && (this.#octets + more > this.#maxOctets || this.#now() - this.#begunAt > this.#maxAgeMs);
  }

  #open(): number {
    const fd = openSync(this.#path, 'a', 0o600);
    try {
      fchmodSync(fd, 0o600);
      const { size, birthtimeMs } = fstatSync(fd);
      this.#octets = size;
      // File systems that keep no birth time answer 0: the file then begins with this daemon.
      this.#begunAt = size > 0 && birthtimeMs > 0 ? birthtimeMs : this.#now();
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#fd = fd;
    return fd;
  }

  #turn(): void {
    this.close();
    const older = (n: number): string => (n === 0 ? this.#path : `${this.#path}.${n}`);
    rmSync(older(this.#files - 1), { force: true });
    for (let n = this.#files - 2; n >= 0; n--) move(older(n), older(n + 1));
    this.#open();
  }
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error; // fewer files than there may be
  }
}
