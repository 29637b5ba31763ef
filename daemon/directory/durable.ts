/**
 * The directory on disk: one file, `grants.json`, kept by lowdb through an adapter of our own (its own one never syncs, opens the
 * mode to others, and reads a missing file as an empty store).
 *
 * - Read whole or not at all: shape, invariants and checksum must hold, else the daemon does not start. It never falls back by itself.
 * - A change is a function of the document. One at a time: made, checked, written, and only then seen by anybody.
 * - Each generation holds the activities that the journal has not confirmed yet, so that no crash parts a change from its record.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Adapter, Low } from 'lowdb';
import type * as z from 'zod';
import { PostroomError } from '../../protocol/errors.ts';
import { changed } from '../access/changed.ts';
import type { Millis } from '../access/reach.ts';
import { actsOf, type Origin } from './acts.ts';
import { Consistency, contradictionsIn } from './consistency.ts';
import { type Activity, Directory, type ListName, newId, shapes } from './document.ts';
import { isMissing, notPrivate, replaceFile, sweepTemporaries, UnknownOutcome } from './file.ts';
import { type Contents, issuesOf, Printer, parseGeneration, type Recorded } from './generation.ts';
import { Snapshot } from './snapshot.ts';

export type { Recorded };

class FileAdapter implements Adapter<Contents> {
  readonly #path: string;
  readonly #printer = new Printer();

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
    const parsed = parseGeneration(text);
    if (parsed.ok) {
      this.#printer.print(parsed.contents); // so that the first change costs no more than any other
      return parsed.contents;
    }
    throw this.#refusal(`cannot be used: ${parsed.problem}`, await this.#text(this.previous));
  }

  async write(contents: Contents): Promise<void> {
    await replaceFile(this.#path, this.#printer.print(contents), { previous: this.previous });
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
    const parsed = previous === null ? null : parseGeneration(previous);
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
      const parsed = parseGeneration(await readFile(file, 'utf8'));
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
  readonly #consistency: Consistency;
  #snapshot: Snapshot;
  #unrecorded: readonly Recorded[];
  #last: Promise<unknown> = Promise.resolve();
  #unsure: Error | null = null;

  constructor(low: Low<Contents>, now: () => Millis) {
    this.#low = low;
    this.#now = now;
    this.#snapshot = new Snapshot(freeze(low.data.directory));
    this.#consistency = new Consistency(low.data.directory);
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

    const directory = shaped(before.directory, outcome.doc, revision + 1);
    if (!this.#consistency.follow(before.directory, directory)) throw misfit(contradictionsIn(directory));
    const acts = actsOf(before.directory, directory, outcome.activities, origin);
    const record: Recorded = { id: newId('c'), revision: revision + 1, at: now, activities: [...outcome.activities], acts };
    try {
      await this.#write({ directory, unrecorded: [...this.#unrecorded, record] });
    } catch (error) {
      this.#consistency.follow(directory, before.directory);
      throw error;
    }

    this.#snapshot = new Snapshot(directory, before);
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

const misfit = (issues: Parameters<typeof issuesOf>[0]): PostroomError =>
  new PostroomError('invalid', `This change does not fit: ${issuesOf(issues)}.`);

/** The document with what the change made new checked, and never to change again; all else is what it was. */
function shaped(before: Directory, after: Directory, revision: number): Directory {
  return Object.freeze({
    schemaVersion: before.schemaVersion,
    revision,
    persons: shapedList('persons', before.persons, after.persons),
    roles: shapedList('roles', before.roles, after.roles),
    mailboxes: shapedList('mailboxes', before.mailboxes, after.mailboxes),
    grants: shapedList('grants', before.grants, after.grants),
    watches: shapedList('watches', before.watches, after.watches),
    invitations: shapedList('invitations', before.invitations, after.invitations),
    former: shapedList('former', before.former, after.former),
  });
}

function shapedList<Thing extends object>(name: ListName, before: readonly Thing[], after: readonly Thing[]): readonly Thing[] {
  const { come } = changed(before, after);
  const instead = new Map<Thing, Thing>();
  for (const one of come) {
    const checked: z.ZodSafeParseResult<object> = shapes[name].safeParse(one);
    if (!checked.success)
      throw misfit(checked.error.issues.map(({ path, message }) => ({ path: [name, after.indexOf(one), ...path], message })));
    // A thing that is as it should be stays the same object: what was worked out for it holds on.
    if (JSON.stringify(checked.data) !== JSON.stringify(one)) instead.set(one, checked.data as Thing);
  }
  for (const one of come) freeze(instead.get(one) ?? one);
  return Object.freeze(instead.size === 0 ? after : after.map((one) => instead.get(one) ?? one));
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}
