/**
 * The directory on disk: one file, `grants.json`, kept by lowdb through an adapter of our own (its own one never syncs, opens the
 * mode to others, and reads a missing file as an empty store).
 *
 * - Read whole or not at all: shape, invariants and checksum must hold, else the daemon does not start. It never falls back by itself.
 * - A change is a function of the document. One at a time: made, checked, written, and only then seen by anybody.
 * - Each generation holds the activities that the journal has not confirmed yet, so that no crash parts a change from its record.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Adapter, Low } from 'lowdb';
import * as z from 'zod';
import { PostroomError } from '../../protocol/errors.ts';
import type { Millis } from '../access/reach.ts';
import { Act, actsOf, type Origin } from './acts.ts';
import { Activity, Directory, newId } from './document.ts';
import { isMissing, notPrivate, replaceFile, sweepTemporaries, UnknownOutcome } from './file.ts';
import { Snapshot } from './snapshot.ts';

/** What one change recorded. The journal takes each `id` once, however often it is handed over. */
const Recorded = z.strictObject({
  id: z.string(),
  revision: z.int(),
  at: z.int(),
  activities: z.array(Activity),
  acts: z.array(Act).default([]),
});
export interface Recorded {
  readonly id: string;
  readonly revision: number;
  readonly at: Millis;
  readonly activities: readonly Activity[];
  /** The same for the audit journal. */
  readonly acts: readonly Act[];
}

const Contents = z.strictObject({ directory: Directory, unrecorded: z.array(Recorded) });
interface Contents {
  readonly directory: Directory;
  readonly unrecorded: readonly Recorded[];
}
const Generation = z.strictObject({ sha256: z.string(), directory: z.unknown(), unrecorded: z.unknown() });

const checksumOf = (contents: { directory: unknown; unrecorded: unknown }): string =>
  createHash('sha256')
    .update(JSON.stringify([contents.directory, contents.unrecorded]))
    .digest('hex');

/** Line and column of an error of JSON.parse; the end of the text when it names no place (it was cut off there). */
function placeOf(error: unknown, text: string): string {
  const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  const before = text.slice(0, position === undefined ? text.length : Number(position)).split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}

/** What is wrong with a generation, in words; or its contents. */
function parse(text: string): { ok: true; contents: Contents } | { ok: false; problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: `${placeOf(error, text)}: not JSON, or cut off` };
  }
  const generation = Generation.safeParse(json);
  if (!generation.success) return { ok: false, problem: issuesOf(generation.error) };
  const { sha256, directory, unrecorded } = generation.data;
  const version = z.object({ schemaVersion: z.number() }).safeParse(directory);
  if (version.success && version.data.schemaVersion > 1) {
    return { ok: false, problem: `directory.schemaVersion: ${version.data.schemaVersion} was written by a newer Postroom; run that one` };
  }
  const contents = Contents.safeParse({ directory, unrecorded });
  if (!contents.success) return { ok: false, problem: issuesOf(contents.error) };
  if (checksumOf({ directory, unrecorded }) !== sha256) {
    return { ok: false, problem: 'sha256: the contents are not those that Postroom wrote' };
  }
  return { ok: true, contents: contents.data };
}

const issuesOf = (error: z.ZodError): string =>
  error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.join('.') || '(top)'}: ${message}`)
    .join('; ');

class FileAdapter implements Adapter<Contents> {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  get previous(): string {
    return `${this.#path}.previous`;
  }

  /** Null: neither this generation nor the one before is there. */
  async read(): Promise<Contents | null> {
    const text = await this.#text(this.#path);
    if (text === null) {
      if ((await this.#text(this.previous)) === null) return null;
      throw this.#refusal('is missing');
    }
    const parsed = parse(text);
    if (parsed.ok) return parsed.contents;
    throw this.#refusal(`cannot be used: ${parsed.problem}`, await this.#text(this.previous));
  }

  async write(contents: Contents): Promise<void> {
    const generation = { sha256: checksumOf(contents), ...contents };
    await replaceFile(this.#path, `${JSON.stringify(generation, null, 1)}\n`, { previous: this.previous });
  }

  async #text(path: string): Promise<string | null> {
    try {
      const problem = await notPrivate(path);
      if (problem) throw new PostroomError('unavailable', problem);
      return await readFile(path, 'utf8');
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  #refusal(problem: string, previous: string | null = null): PostroomError {
    const parsed = previous === null ? null : parse(previous);
    const way = parsed?.ok
      ? `The generation before it (revision ${parsed.contents.directory.revision}) is whole. Look at both; to go back to it: ` +
        `mv ${this.#path} ${this.#path}.broken; cp -p ${this.previous} ${this.#path}`
      : `If ${basename(this.previous)} beside it is of use, copy it to ${this.#path}; else restore ${basename(this.#path)} from a backup.`;
    return new PostroomError('unavailable', `${this.#path} ${problem}. Postroom does not start with guessed rights. ${way}`);
  }
}

/** What a generation's file comes to when it is only looked at. */
export type GenerationState =
  | { readonly kind: 'whole'; readonly revision: number; readonly directory: Directory }
  | { readonly kind: 'missing' }
  | { readonly kind: 'broken'; readonly problem: string };

/** Both generations as they lie there, for whoever examines a home; nothing is swept and nothing is written. */
export async function readGenerations(path: string): Promise<{ current: GenerationState; previous: GenerationState }> {
  const look = async (file: string): Promise<GenerationState> => {
    try {
      const problem = await notPrivate(file);
      if (problem !== null) return { kind: 'broken', problem };
      const parsed = parse(await readFile(file, 'utf8'));
      if (!parsed.ok) return { kind: 'broken', problem: parsed.problem };
      return { kind: 'whole', revision: parsed.contents.directory.revision, directory: parsed.contents.directory };
    } catch (error) {
      if (isMissing(error)) return { kind: 'missing' };
      return { kind: 'broken', problem: error instanceof Error ? error.message : String(error) };
    }
  };
  return { current: await look(path), previous: await look(`${path}.previous`) };
}

/** What a function of the document gives back: the same document when there is nothing to change. */
export interface Outcome {
  readonly doc: Directory;
  readonly activities: readonly Activity[];
}

export interface Applied<T extends Outcome> {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly outcome: T;
}

export type Listener = (change: { readonly before: Snapshot; readonly after: Snapshot; readonly activities: readonly Activity[] }) => void;

export class DirectoryStore {
  readonly #low: Low<Contents>;
  readonly #now: () => Millis;
  readonly #listeners = new Set<Listener>();
  #snapshot: Snapshot;
  #unrecorded: readonly Recorded[];
  #last: Promise<unknown> = Promise.resolve();
  #unsure: Error | null = null;

  constructor(low: Low<Contents>, now: () => Millis) {
    this.#low = low;
    this.#now = now;
    this.#snapshot = new Snapshot(freeze(low.data.directory));
    this.#unrecorded = low.data.unrecorded;
  }

  /** The directory as of the last change that was written. Never changes; ask again for a newer one. */
  snapshot(): Snapshot {
    return this.#snapshot;
  }

  /**
   * Changes the directory: `make` is given the newest document (frozen) and the time, and returns another. Resolves when the change is
   * durable and seen; rejects with what `make` threw, `conflict` when `ifRevision` has passed, `invalid` when the result contradicts
   * itself, `unavailable` when it could not be written (then nothing has changed for anybody).
   */
  change<T extends Outcome>(
    make: (doc: Directory, now: Millis) => T,
    options: { ifRevision?: number | null; origin?: Origin } = {},
  ): Promise<Applied<T>> {
    const result = this.#last.then(() => this.#apply(make, options.ifRevision ?? null, options.origin ?? null));
    this.#last = result.catch(() => undefined); // the next change waits for this one and does not care how it ended
    return result;
  }

  /** Called in the same tick in which a change is seen, in the order of changes: sessions are cut before anything else runs. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Changes that the journal has not confirmed, oldest first: at start, hand all of them over before anything else. */
  unrecorded(): readonly Recorded[] {
    return this.#unrecorded;
  }

  /** The journal has these durably. They leave the file with the next change. */
  recorded(ids: Iterable<string>): void {
    const gone = new Set(ids);
    this.#unrecorded = this.#unrecorded.filter(({ id }) => !gone.has(id));
  }

  /** Resolves when no change is on its way. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async #apply<T extends Outcome>(
    make: (doc: Directory, now: Millis) => T,
    ifRevision: number | null,
    origin: Origin | null,
  ): Promise<Applied<T>> {
    if (this.#unsure) {
      throw new PostroomError(
        'unavailable',
        'The last change of rights may or may not be on disk. Restart the daemon; until then nothing more is changed.',
        {},
        { cause: this.#unsure },
      );
    }
    const before = this.#snapshot;
    const { revision } = before.directory;
    if (ifRevision !== null && ifRevision !== revision) {
      throw new PostroomError('conflict', 'People, roles or grants changed meanwhile. Look again, then repeat.', { revision });
    }
    const now = this.#now();
    const outcome = make(before.directory, now);
    if (outcome.doc === before.directory) return { before, after: before, outcome };

    const checked = Directory.safeParse({ ...outcome.doc, revision: revision + 1 });
    if (!checked.success) throw new PostroomError('invalid', `This change does not fit: ${issuesOf(checked.error)}.`);
    const acts = actsOf(before.directory, checked.data, outcome.activities, origin);
    const record: Recorded = { id: newId('c'), revision: revision + 1, at: now, activities: [...outcome.activities], acts };
    const contents: Contents = { directory: checked.data, unrecorded: [...this.#unrecorded, record] };
    await this.#write(contents);

    this.#snapshot = new Snapshot(freeze(contents.directory));
    this.#unrecorded = [...this.#unrecorded, record]; // some may have been confirmed while it was written
    const change = { before, after: this.#snapshot, activities: outcome.activities };
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        // The change stands, so its author is told so and the others hear of it. But somebody may have kept a right: that ends the daemon.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    return { before, after: this.#snapshot, outcome };
  }

  async #write(contents: Contents): Promise<void> {
    const old = this.#low.data;
    this.#low.data = contents;
    try {
      await this.#low.write();
    } catch (error) {
      this.#low.data = old;
      if (error instanceof UnknownOutcome) this.#unsure = error;
      const reason = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
      throw new PostroomError(
        'unavailable',
        `The change could not be written${reason}; see to the disk, then repeat.`,
        {},
        { cause: error },
      );
    }
  }
}

/**
 * Opens the directory at `path`. With `create` there must be none yet and it begins with that document; without it a missing file is an
 * error: "gone" is not "no grants yet". The caller holds the home's lock: nobody else writes here.
 */
export async function openDirectory(path: string, options: { create?: Directory; now?: () => Millis } = {}): Promise<DirectoryStore> {
  const adapter = new FileAdapter(path);
  await sweepTemporaries(path);
  const found = await adapter.read();
  if (found && options.create) {
    throw new PostroomError('conflict', `${path} is there already. Use it as it is, or choose another home.`);
  }
  const contents = found ?? (options.create ? { directory: Directory.parse(options.create), unrecorded: [] } : null);
  if (!contents) {
    throw new PostroomError(
      'unavailable',
      `${path} is missing, and so is the generation before it. Postroom does not start without rights: restore it from a backup, or make a new home with: postroom init`,
    );
  }
  const low = new Low<Contents>(adapter, contents);
  if (!found) await low.write();
  return new DirectoryStore(low, options.now ?? Date.now);
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}
