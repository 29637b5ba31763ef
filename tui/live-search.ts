/**
 * Questions as somebody types them, and the answers to the last one.
 *
 * Invariants
 * - At most ten questions a second leave for the daemon while somebody types, and the last text is always asked.
 * - An answer or an error that was overtaken by a newer question is dropped; the hits before stay until the next answer is here.
 * - The answer to a question that fails in its words keeps the hits: half a query is no reason for an empty screen.
 */
import { PostroomError } from '../protocol/errors.ts';
import type { Params, Result } from '../protocol/methods.ts';
import type { SearchHit } from '../protocol/schema.ts';
import type { Picture, View } from './mirror.ts';

export type Found = {
  readonly query: string;
  readonly rows: readonly SearchHit[];
  readonly next: string | null;
  readonly total: number;
  readonly exact: boolean;
  readonly complete: boolean;
};

/** A mail is found once, and so is each note on it. */
export const hitId = ({ conversation, message, note }: SearchHit): string => [conversation, message, note].join(' ');

const typingMs = 100;
const pageRows = 100;

export class LiveSearch implements View<Found> {
  picture: Picture<Found> = { data: null, error: null, at: null };
  readonly #run: (asked: Params<'search.run'>) => Promise<Result<'search.run'>>;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  #question = 0;
  #reach = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #paging = false;

  constructor(run: (asked: Params<'search.run'>) => Promise<Result<'search.run'>>, now: () => number = () => performance.now()) {
    this.#run = run;
    this.#now = now;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) clearTimeout(this.#timer);
    };
  }

  /** The text changed: asked as soon as a question may leave. */
  type(query: string): void {
    clearTimeout(this.#timer);
    // What is on its way is about another text.
    this.#question++;
    if (query.trim() === '') {
      this.#set({ data: null, error: null, at: null });
      return;
    }
    const wait = this.#askedAt + typingMs - this.#now();
    if (wait <= 0) void this.#ask(query);
    else this.#timer = setTimeout(() => void this.#ask(query), wait);
  }

  /** Asked now. Its last word may still go on, so that the hits that were seen while it was typed stay. */
  run(query: string): Promise<void> {
    clearTimeout(this.#timer);
    return this.#ask(query);
  }

  /** The page after the last hit, as far as there is one. */
  async more(): Promise<void> {
    const { data } = this.picture;
    if (data === null || data.next === null || this.#paging) return;
    const question = this.#question;
    this.#paging = true;
    try {
      const page = await this.#run({ query: data.query, typing: true, limit: pageRows, cursor: data.next });
      if (question === this.#question) this.#found(data.query, [...data.rows, ...page.rows], page);
    } catch (error) {
      if (question === this.#question) this.#failed(error);
    } finally {
      this.#paging = false;
    }
  }

  /** Takes away what may not be seen any more, before the daemon is asked again. */
  forget(lost: ReadonlySet<string>): void {
    this.#reach++;
    const { data } = this.picture;
    if (data === null) return;
    const rows = data.rows.filter(({ mailbox }) => !lost.has(mailbox));
    if (rows.length < data.rows.length) this.#set({ ...this.picture, data: { ...data, rows } });
  }

  async #ask(query: string): Promise<void> {
    const question = ++this.#question;
    this.#askedAt = this.#now();
    try {
      const found = await this.#run({ query, typing: true, limit: pageRows });
      if (question === this.#question) this.#found(query, found.rows, found);
    } catch (error) {
      if (question === this.#question) this.#failed(error);
    }
  }

  #found(query: string, all: readonly SearchHit[], { next, total, exact, complete }: Result<'search.run'>): void {
    const rows = [...new Map(all.map((row) => [hitId(row), row])).values()];
    this.#set({ data: { query, rows, next, total, exact, complete }, error: null, at: Date.now() });
  }

  #failed(error: unknown): void {
    const known =
      error instanceof PostroomError ? error : new PostroomError('internal', error instanceof Error ? error.message : String(error));
    this.#set({ ...this.picture, error: known });
  }

  #set(picture: Picture<Found>): void {
    this.picture = { ...picture, reach: this.#reach };
    for (const listener of this.#listeners) listener();
  }
}
