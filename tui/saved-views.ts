/**
 * Searches that a person keeps as views of their panel: a file of this account beside its config, 0600, renamed into place whole. They are
 * this terminal's, not the daemon's: another machine has its own. Those of other identities of this account are left alone.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { places } from '../protocol/places.ts';
import type { Picture, View } from './mirror.ts';

export type SavedView = { readonly name: string; readonly query: string };

export const savedViewsFile = (home: string | undefined): string => join(dirname(places(home).config), 'views.json');

/** As many as there are digits after the panel's own views. */
export const maxSavedViews = 5;

type Stored = Readonly<Record<string, readonly SavedView[]>>;

export class SavedViews implements View<readonly SavedView[]> {
  picture: Picture<readonly SavedView[]> = { data: null, error: null, at: null };
  readonly #file: string;
  readonly #owner: string;
  readonly #listeners = new Set<() => void>();
  /** One write after the other. */
  #last: Promise<unknown> = Promise.resolve();

  /** `owner` tells the identities of one account apart: its public key. */
  constructor(file: string, owner: string) {
    this.#file = file;
    this.#owner = owner;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async load(): Promise<void> {
    this.#show((await this.#read())[this.#owner] ?? []);
  }

  /** A view of the same name is replaced where it stands. False when there is no room for one more. */
  save(view: SavedView): Promise<boolean> {
    return this.#change((views) => {
      const at = views.findIndex(({ name }) => name === view.name);
      if (at !== -1) return views.with(at, view);
      return views.length >= maxSavedViews ? null : [...views, view];
    });
  }

  /** Writes exactly these; the way back from `remove`. */
  put(views: readonly SavedView[]): Promise<boolean> {
    return this.#change(() => views);
  }

  remove(name: string): Promise<boolean> {
    return this.#change((views) => views.filter((view) => view.name !== name));
  }

  #change(how: (views: readonly SavedView[]) => readonly SavedView[] | null): Promise<boolean> {
    const done = this.#last
      .catch(() => undefined) // whoever wrote was told
      .then(async () => {
        // Read again: another session of this person may have written.
        const stored = await this.#read();
        const next = how(stored[this.#owner] ?? []);
        if (next === null) return false;
        await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
        await writeFile(`${this.#file}.new`, `${JSON.stringify({ ...stored, [this.#owner]: next }, null, 2)}\n`, { mode: 0o600 });
        await rename(`${this.#file}.new`, this.#file);
        this.#show(next);
        return true;
      });
    this.#last = done;
    return done;
  }

  async #read(): Promise<Stored> {
    const text = await readFile(this.#file, 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '{}';
      throw error;
    });
    const parsed: unknown = JSON.parse(text);
    if (!isStored(parsed)) throw new Error(`${this.#file} does not hold saved views; it was left as it is`);
    return parsed;
  }

  #show(views: readonly SavedView[]): void {
    this.picture = { data: views, error: null, at: Date.now() };
    for (const listener of this.#listeners) listener();
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isView = (value: unknown): value is SavedView => isRecord(value) && typeof value.name === 'string' && typeof value.query === 'string';
const isStored = (value: unknown): value is Stored =>
  isRecord(value) && Object.values(value).every((views) => Array.isArray(views) && views.every(isView));
