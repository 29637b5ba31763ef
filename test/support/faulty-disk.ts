/**
 * `node:fs` of one thread as a disk that refuses, or that forgets what was not synced. Everything still happens on the real disk; the
 * calls below one folder are counted, can be made to fail, and are noted for whoever wants to cut the power afterwards.
 *
 * SQLite does not come through here: its file is filled up by `max_page_count` (faulty-writer.worker.ts), its syncs are its own.
 */
import fs from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join, sep } from 'node:path';

export const errorCodes = ['EIO', 'ENOSPC', 'EMFILE'] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** Which call fails. Its cells are shared memory, so that a test can plan for another thread. */
export class FaultPlan {
  readonly cells: Int32Array;

  constructor(memory = new SharedArrayBuffer(16)) {
    this.cells = new Int32Array(memory);
  }

  /** The n-th call from now on fails, and with `lasting` all that come after it. */
  failAt(n: number, code: ErrorCode, lasting: boolean): void {
    this.cells.set([n, errorCodes.indexOf(code), Number(lasting), 0]);
  }

  heal(): void {
    this.cells[0] = 0;
  }

  /** Whether a call failed since `failAt`. */
  get struck(): boolean {
    return this.cells[3] !== 0;
  }

  /** Whether nothing failed but calls of the file that only notes where the audit journal ends: what was committed stands. */
  get struckNote(): boolean {
    return this.cells[3] === 2;
  }

  /** Called before each call of the disk. */
  step(call: string, path: string): void {
    const [left = 0, code = 0, lasting = 0] = this.cells;
    if (left === 0) return;
    if (left > 1) {
      this.cells[0] = left - 1;
      return;
    }
    if (lasting === 0) this.cells[0] = 0;
    if (this.cells[3] !== 1) this.cells[3] = path.endsWith('audit.head') ? 2 : 1;
    const name = errorCodes[code] ?? 'EIO';
    throw Object.assign(new Error(`${name}: planned, ${call}`), { code: name, syscall: call });
  }
}

/** Each error once, or for good from then on; `POSTROOM_FAULTS=full` has them all both ways. */
const kinds: readonly (readonly [ErrorCode, boolean])[] =
  process.env.POSTROOM_FAULTS === 'full'
    ? errorCodes.flatMap((code) => [[code, false] as const, [code, true] as const])
    : [
        ['EIO', false],
        ['ENOSPC', true],
      ];

/** Runs `strike` with the first call failing, the second, … until a run is not touched any more. Returns how many runs were. */
export async function atEveryCall(plan: FaultPlan, strike: (fault: string) => Promise<void>): Promise<number> {
  let runs = 0;
  for (const [code, lasting] of kinds) {
    for (let n = 1; ; n++, runs++) {
      plan.failAt(n, code, lasting);
      await strike(`${code} at call ${n}${lasting ? ' and after' : ''}`);
      plan.heal();
      if (!plan.struck) break;
    }
  }
  return runs;
}

/** What a disk learns. A file is named by a number, because names move. */
type Note =
  | { kind: 'named'; path: string; file: number; folder: boolean }
  | { kind: 'unnamed'; path: string }
  | { kind: 'holds'; file: number; octets: Buffer }
  | { kind: 'synced'; file: number }
  | { kind: 'folder-synced'; path: string }
  /** What the program had promised by then. */
  | { kind: 'told'; what: unknown };

/** What is larger is not kept in memory, and no power cut is made of it. */
const largestOctets = 1024 * 1024;

/** What a power cut leaves of what was not synced. A disk may have written any part of it by itself, in any order. */
export const cuts = ['nothing', 'names', 'octets', 'some'] as const;
export type Cut = (typeof cuts)[number];

export class FaultyDisk implements Disposable {
  readonly #root: string;
  readonly #plan: FaultPlan;
  readonly #notes: Note[] = [];
  /** What each name stands for now. */
  readonly #files = new Map<string, number>();
  readonly #folders = new Set<string>();
  readonly #open = new Map<number, string>();
  readonly #restore: (() => void)[] = [];
  #lastFile = 0;
  /** Octets or names that a power cut would take. */
  readonly #unsynced = new Set<string>();

  /** From now on, in this thread. What lies below `root` already is on disk for certain. */
  constructor(root: string, plan: FaultPlan = new FaultPlan()) {
    this.#root = root;
    this.#plan = plan;
    this.#know(root);
    this.#replaceSync();
    this.#replaceAsync();
    syncBuiltinESMExports();
  }

  [Symbol.dispose](): void {
    for (const restore of this.#restore) restore();
    syncBuiltinESMExports();
  }

  /** How many moments there are at which the power may go. */
  get moments(): number {
    return this.#notes.length;
  }

  /** Paths whose octets or names are not on disk for certain. */
  get unsynced(): readonly string[] {
    return [...this.#unsynced];
  }

  /** Notes what the program has promised: a power cut from here on must keep it. */
  tell(what: unknown): void {
    this.#notes.push({ kind: 'told', what });
  }

  /** Puts into `target` what is there after a power cut at that moment; returns what had been told by then. */
  cutPower(moment: number, cut: Cut, target: string): unknown[] {
    type Entry = { file: number; folder: boolean };
    const [names, keptNames] = [new Map<string, Entry>(), new Map<string, Entry>()];
    const [octets, keptOctets] = [new Map<number, Buffer>(), new Map<number, Buffer>()];
    const told: unknown[] = [];
    for (const note of this.#notes.slice(0, moment)) {
      if (note.kind === 'named') names.set(note.path, note);
      else if (note.kind === 'unnamed') names.delete(note.path);
      else if (note.kind === 'holds') octets.set(note.file, note.octets);
      else if (note.kind === 'synced') keptOctets.set(note.file, octets.get(note.file) ?? Buffer.alloc(0));
      else if (note.kind === 'told') told.push(note.what);
      else {
        for (const path of keptNames.keys()) if (dirname(path) === note.path && !names.has(path)) keptNames.delete(path);
        for (const [path, entry] of names) if (dirname(path) === note.path) keptNames.set(path, entry);
      }
    }
    let seed = moment * 7919 + 1;
    const luck = (): boolean => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed > 1_073_741_824;
    };
    const all = [...new Set([...names.keys(), ...keptNames.keys()])].sort(); // folders before what is in them
    fs.mkdirSync(target, { recursive: true, mode: 0o700 });
    const there = new Set([this.#root]);
    for (const path of all) {
      const entry = (cut === 'names' || (cut === 'some' && luck()) ? names : keptNames).get(path);
      const at = join(target, path.slice(this.#root.length));
      if (entry === undefined || !there.has(dirname(path))) continue;
      there.add(path);
      if (entry.folder) {
        fs.mkdirSync(at, { mode: 0o700 });
        continue;
      }
      const [last, synced] = [octets.get(entry.file) ?? Buffer.alloc(0), keptOctets.get(entry.file) ?? Buffer.alloc(0)];
      const torn = last.subarray(0, synced.length + Math.floor((last.length - synced.length) / 2));
      const left = cut === 'octets' ? last : cut === 'some' ? (luck() ? torn : last) : synced;
      fs.writeFileSync(at, left, { mode: 0o600 });
    }
    return told;
  }

  // --- what is noted -----------------------------------------------------------------------------------------------

  #know(folder: string): void {
    for (const found of fs.readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, found.name);
      this.#named(path, ++this.#lastFile, found.isDirectory());
      if (found.isDirectory()) this.#know(path);
      else {
        this.#notes.push({ kind: 'holds', file: this.#lastFile, octets: fs.readFileSync(path) });
        this.#synced(path);
      }
    }
    this.#folderSynced(folder);
  }

  #named(path: string, file: number, folder = false): void {
    this.#files.set(path, file);
    if (folder) this.#folders.add(path);
    this.#unsynced.add(`name ${path}`);
    this.#notes.push({ kind: 'named', path, file, folder });
  }

  #unnamed(path: string): void {
    this.#files.delete(path);
    this.#unsynced.delete(`name ${path}`); // coming back is no loss
    this.#notes.push({ kind: 'unnamed', path });
  }

  #holds(path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#unsynced.add(`octets ${path}`);
    if (fs.statSync(path).size > largestOctets) return;
    this.#notes.push({ kind: 'holds', file, octets: fs.readFileSync(path) });
  }

  #synced(path: string): void {
    const file = this.#files.get(path);
    this.#unsynced.delete(`octets ${path}`);
    if (file === undefined || this.#folders.has(path)) this.#folderSynced(path);
    else this.#notes.push({ kind: 'synced', file });
  }

  #folderSynced(path: string): void {
    for (const name of this.#unsynced) if (name.startsWith('name ') && dirname(name.slice(5)) === path) this.#unsynced.delete(name);
    this.#notes.push({ kind: 'folder-synced', path });
  }

  #opened(path: string, isFolder: boolean): void {
    if (!isFolder && !this.#files.has(path)) this.#named(path, ++this.#lastFile);
  }

  #renamed(from: string, to: string): void {
    const file = this.#files.get(from);
    if (file === undefined || file === this.#files.get(to)) return; // two names of one file stay, both
    this.#named(to, file);
    this.#unnamed(from);
  }

  #linked(from: string, to: string): void {
    const file = this.#files.get(from);
    if (file !== undefined) this.#named(to, file);
  }

  // --- what is replaced --------------------------------------------------------------------------------------------

  #within(path: unknown): path is string {
    return typeof path === 'string' && (path === this.#root || path.startsWith(this.#root + sep));
  }

  #replace(target: object, replacements: Record<string, unknown>): void {
    const before = Object.fromEntries(Object.keys(replacements).map((name) => [name, Reflect.get(target, name)]));
    Object.assign(target, replacements);
    this.#restore.push(() => Object.assign(target, before));
  }

  #replaceSync(): void {
    const real = { ...fs };
    const step = (call: string, on: unknown): string | null => {
      const path = typeof on === 'number' ? this.#open.get(on) : on;
      if (!this.#within(path)) return null;
      this.#plan.step(call, path);
      return path;
    };
    /** The call, counted before and noted after when it is about something below the root. */
    const onPath =
      <A extends unknown[], R>(call: string, act: (...args: A) => R, note: (path: string, ...args: A) => void) =>
      (...args: A): R => {
        const path = step(call, args[0]);
        const result = act(...args);
        if (path !== null) note(path, ...args);
        return result;
      };
    this.#replace(fs, {
      openSync: (...args: Parameters<typeof fs.openSync>) => {
        const path = step('open', args[0]);
        const fd = real.openSync(...args);
        if (path !== null) {
          this.#open.set(fd, path);
          this.#opened(path, real.fstatSync(fd).isDirectory());
        }
        return fd;
      },
      closeSync: (fd: number) => {
        this.#open.delete(fd);
        real.closeSync(fd);
      },
      writeSync: onPath('write', real.writeSync as (...args: unknown[]) => number, (path) => this.#holds(path)),
      ftruncateSync: onPath('truncate', real.ftruncateSync, (path) => this.#holds(path)),
      fsyncSync: onPath('fsync', real.fsyncSync, (path) => this.#synced(path)),
      fdatasyncSync: onPath('fsync', real.fdatasyncSync, (path) => this.#synced(path)),
      fchmodSync: onPath('chmod', real.fchmodSync, () => {}),
      chmodSync: onPath('chmod', real.chmodSync, () => {}),
      unlinkSync: onPath('unlink', real.unlinkSync, (path) => this.#unnamed(path)),
      mkdirSync: onPath('mkdir', real.mkdirSync as (path: string, options: object) => string | undefined, (path) => {
        if (!this.#files.has(path)) this.#named(path, ++this.#lastFile, true);
      }),
    });
  }

  #replaceAsync(): void {
    const real = { ...promises };
    const step = (call: string, path: unknown): path is string => {
      if (!this.#within(path)) return false;
      this.#plan.step(call, path);
      return true;
    };
    const onPath =
      <A extends unknown[], R>(call: string, act: (...args: A) => Promise<R>, note: (...args: A) => void) =>
      async (...args: A): Promise<R> => {
        const counted = step(call, args[0]);
        const result = await act(...args);
        if (counted) note(...args);
        return result;
      };
    const onHandle = (handle: FileHandle, path: string): FileHandle => {
      const method =
        <A extends unknown[], R>(call: string, act: (...args: A) => Promise<R>, note: () => void) =>
        async (...args: A): Promise<R> => {
          this.#plan.step(call, path);
          const result = await act.apply(handle, args);
          note();
          return result;
        };
      return Object.assign(handle, {
        writeFile: method('write', handle.writeFile as (data: unknown) => Promise<void>, () => this.#holds(path)),
        writev: method('write', handle.writev as (pieces: readonly Uint8Array[]) => Promise<unknown>, () => this.#holds(path)),
        sync: method('fsync', handle.sync, () => this.#synced(path)),
        datasync: method('fsync', handle.datasync, () => this.#synced(path)),
        chmod: method('chmod', handle.chmod, () => {}),
      });
    };
    const nothing = (): void => {};
    this.#replace(promises, {
      open: async (...args: Parameters<typeof promises.open>) => {
        const [path] = args;
        if (!step('open', path)) return real.open(...args);
        const handle = await real.open(...args);
        this.#opened(path, (await handle.stat()).isDirectory());
        return onHandle(handle, path);
      },
      rename: onPath('rename', real.rename as (from: string, to: string) => Promise<void>, (from, to) => this.#renamed(from, to)),
      link: onPath('link', real.link as (from: string, to: string) => Promise<void>, (from, to) => this.#linked(from, to)),
      rm: onPath('unlink', real.rm as (path: string, options: object) => Promise<void>, (path) => {
        if (this.#files.has(path)) this.#unnamed(path);
      }),
      readFile: onPath('open', real.readFile as (path: string, options: 'utf8') => Promise<string>, nothing),
      readdir: onPath('open', real.readdir as (path: string) => Promise<string[]>, nothing),
      lstat: onPath('stat', real.lstat as (path: string) => Promise<unknown>, nothing),
    });
  }
}
