/**
 * The local picture of the daemon: what screens read, kept true by events. Screens never ask the daemon for something to draw; they
 * take a *view* (a list, a conversation, the mailboxes) as long as they show it, and read its last state.
 *
 * Invariants
 * - a view asks again after every event that touches it, at most ten times a second; what came last is shown until the next answer is here
 * - an answer that was overtaken by a later question is dropped
 * - rows that the person may see no more leave with the next answer; when a right is lost the views of that mailbox are emptied first
 * - without a connection the last picture stays, with the moment it is from; after a reconnect everything is asked again
 */
import { type Client, type ClientState, type DaemonEvent, openClient } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import { type EventName, events } from '../protocol/events.ts';
import type { Method, Params, Result } from '../protocol/methods.ts';
import type { Conversation, Mailbox } from '../protocol/schema.ts';

/** What a view holds at one moment. `data` is null until the first answer. */
export type Picture<T> = {
  readonly data: T | null;
  /** Why the last question failed; `data` is then from before. */
  readonly error: PostroomError | null;
  /** When `data` was answered. */
  readonly at: number | null;
};

/** Something to read that changes by itself. The picture keeps its identity while nothing changed. */
export interface View<T> {
  readonly picture: Picture<T>;
  /** Keeps the view alive and calls back on change, until the returned function is called. */
  subscribe(listener: () => void): () => void;
}

export type PanelName = 'mine' | 'unassigned' | 'team' | 'done';
/** Which list: the panel over all mailboxes or one, or everything in a mailbox or a folder. */
export type ListOf =
  | { readonly kind: 'panel'; readonly view: PanelName; readonly mailbox: string | null }
  | { readonly kind: 'mailbox'; readonly mailbox: string; readonly state: 'open' | 'any' }
  | { readonly kind: 'folder'; readonly mailbox: string; readonly folder: string };

export type ListPicture = {
  readonly rows: readonly Conversation[];
  /** Rows in order, by id; keeps its identity while the order does. */
  readonly ids: readonly string[];
  /** More can be asked for. */
  readonly more: boolean;
  readonly unread: number;
  readonly counts: { readonly mine: number; readonly unassigned: number; readonly team: number } | null;
};
export interface ListView extends View<ListPicture> {
  /** Makes sure that rows up to this index are here, as far as there are any. */
  need(to: number): void;
}

export type Shown = Result<'conversation.show'>;
export type Outbox = Result<'outbox.list'>['rows'];
export type Me = Result<'session.whoami'>;

const pageRows = 100;
const refreshMs = 100;
const empty: Picture<never> = { data: null, error: null, at: null };

/** What the mirror does with a view that somebody shows. */
type Watched = { hear(event: DaemonEvent): void; refresh(): void };

/** A question, when to ask it again, and who listens. */
class Asked<T> implements View<T> {
  picture: Picture<T> = empty;
  readonly #ask: () => Promise<T>;
  readonly #touchedBy: (event: DaemonEvent) => boolean;
  readonly #listeners = new Set<() => void>();
  readonly #mirror: Mirror;
  #question = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastAskedAt = Number.NEGATIVE_INFINITY;

  constructor(mirror: Mirror, ask: () => Promise<T>, touchedBy: (event: DaemonEvent) => boolean) {
    this.#mirror = mirror;
    this.#ask = ask;
    this.#touchedBy = touchedBy;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#mirror.watch(this);
      this.refresh();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#mirror.unwatch(this);
    };
  }

  hear(event: DaemonEvent): void {
    if (this.#touchedBy(event)) this.refresh();
  }

  /** Asks now, or as soon as a tenth of a second has passed since the last time. */
  refresh(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#lastAskedAt + refreshMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.ask();
    }, wait);
  }

  async ask(): Promise<void> {
    this.#lastAskedAt = performance.now();
    const question = ++this.#question;
    try {
      const data = await this.#ask();
      if (question === this.#question) this.set({ data, error: null, at: Date.now() });
    } catch (error) {
      if (question !== this.#question) return;
      const known =
        error instanceof PostroomError ? error : new PostroomError('internal', error instanceof Error ? error.message : String(error));
      // What may not be seen any more is not kept for old times' sake.
      const gone = known.code === 'not-found' || known.code === 'forbidden' || known.code === 'unauthenticated';
      this.set(gone ? { ...empty, error: known } : { ...this.picture, error: known });
    }
  }

  /** Drops what is shown: a right went. */
  clear(): void {
    this.#question++;
    this.set(empty);
  }

  set(picture: Picture<T>): void {
    this.picture = picture;
    for (const listener of this.#listeners) listener();
  }
}

class AskedList extends Asked<ListPicture> implements ListView {
  readonly #wanted: { rows: number };

  constructor(mirror: Mirror, of: ListOf, touchedBy: (event: DaemonEvent) => boolean) {
    const wanted = { rows: pageRows };
    super(mirror, async () => this.#keep(await readList(mirror, of, wanted.rows)), touchedBy);
    this.#wanted = wanted;
  }

  need(to: number): void {
    const { data } = this.picture;
    if (data === null || !data.more || to < data.rows.length - pageRows / 2 || this.#wanted.rows > data.rows.length) return;
    this.#wanted.rows = data.rows.length + pageRows;
    void this.ask();
  }

  /** Rows and ids keep their identity where nothing changed, so that only what changed is drawn again. */
  #keep(next: ListPicture): ListPicture {
    const before = this.picture.data;
    if (before === null) return next;
    const known = new Map(before.rows.map((row) => [row.conversation, row]));
    const rows = next.rows.map((row) => {
      const old = known.get(row.conversation);
      return old !== undefined && JSON.stringify(old) === JSON.stringify(row) ? old : row;
    });
    const sameOrder = before.ids.length === next.ids.length && next.ids.every((id, at) => id === before.ids[at]);
    return { ...next, rows, ids: sameOrder ? before.ids : next.ids };
  }
}

async function readList(mirror: Mirror, of: ListOf, wanted: number): Promise<ListPicture> {
  const rows: Conversation[] = [];
  let cursor: string | null = null;
  let unread = 0;
  let counts: ListPicture['counts'] = null;
  do {
    const page = { limit: Math.min(200, Math.max(pageRows, wanted - rows.length)), cursor };
    const answer: { rows: Conversation[]; next: string | null; unread: number; counts?: NonNullable<ListPicture['counts']> } =
      of.kind === 'panel'
        ? await mirror.call('panel.list', { view: of.view, mailbox: of.mailbox, ...page })
        : of.kind === 'mailbox'
          ? await mirror.call('conversation.list', { mailbox: of.mailbox, state: of.state, ...page })
          : await mirror.call('folder.list', { mailbox: of.mailbox, folder: of.folder, ...page });
    // A row that moved between two pages would come twice.
    const have = new Set(rows.map((row) => row.conversation));
    rows.push(...answer.rows.filter((row) => !have.has(row.conversation)));
    ({ unread } = answer);
    counts = answer.counts ?? null;
    cursor = answer.next;
  } while (cursor !== null && rows.length < wanted);
  return { rows, ids: rows.map((row) => row.conversation), more: cursor !== null, unread, counts };
}

/** Which mailbox an event is about; null for those that concern everything. */
const mailboxOf = (event: DaemonEvent): string | null => ('mailbox' in event.payload ? event.payload.mailbox : null);
const aboutMail = new Set<EventName>(['conversation.changed', 'conversation.read', 'rights.changed', 'resync']);

export class Mirror {
  readonly #client: Client;
  readonly #views = new Set<Watched>();
  readonly #lists = new Map<string, AskedList>();
  readonly #conversations = new Map<string, Asked<Shown>>();
  readonly #eventListeners = new Set<(event: DaemonEvent) => void>();
  readonly #stateListeners = new Set<() => void>();
  /** The connection, and since when it is as it is. */
  connection: { readonly state: ClientState; readonly since: number } = { state: { state: 'connecting' }, since: Date.now() };
  readonly mailboxes: View<readonly Mailbox[]>;
  readonly me: View<Me>;
  /** Mail on its way out, of the mailboxes one may send from. */
  readonly outbox: View<Outbox>;

  constructor(options: { identity: Identity }) {
    this.#client = openClient({
      identity: options.identity,
      onEvent: (event) => this.#hear(event),
      onState: (state) => {
        this.connection = { state, since: Date.now() };
        for (const listener of this.#stateListeners) listener();
      },
    });
    this.mailboxes = new Asked<readonly Mailbox[]>(
      this,
      async () => (await this.call('mailbox.list', {})).rows,
      ({ name }) => name === 'mailbox.changed' || name === 'directory.changed' || name === 'rights.changed' || name === 'resync',
    );
    this.me = new Asked<Me>(
      this,
      () => this.call('session.whoami', {}),
      ({ name }) => name === 'directory.changed' || name === 'rights.changed' || name === 'resync',
    );
    this.outbox = new Asked<Outbox>(
      this,
      async () => (await this.call('outbox.list', {})).rows,
      ({ name }) => name === 'outbox.changed' || name === 'rights.changed' || name === 'resync',
    );
  }

  /** Connects, and goes on doing so. */
  async start(): Promise<void> {
    await this.#client.subscribe(Object.keys(events) as EventName[]);
  }

  call<M extends Method>(method: M, params: Params<M>, options?: Parameters<Client['call']>[2]): Promise<Result<M>> {
    return this.#client.call(method, params, options);
  }

  list(of: ListOf): ListView {
    const key = JSON.stringify(of);
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const mailbox = of.mailbox;
    const made = new AskedList(
      this,
      of,
      (event) => aboutMail.has(event.name) && (mailbox === null || mailboxOf(event) === null || mailboxOf(event) === mailbox),
    );
    this.#lists.set(key, made);
    return made;
  }

  conversation(id: string): View<Shown> {
    const known = this.#conversations.get(id);
    if (known !== undefined) return known;
    const made = new Asked<Shown>(
      this,
      () => this.call('conversation.show', { conversation: id }, { timeoutMs: 60_000 }),
      (event) => {
        if (event.name === 'resync' || event.name === 'rights.changed') return true;
        if (event.name === 'conversation.changed') return event.payload.conversation === id || event.payload.what === 'merged';
        return event.name === 'outbox.changed' && event.payload.conversation === id;
      },
    );
    // The last few stay warm; older ones are asked for again when somebody opens them.
    if (this.#conversations.size >= 50) for (const [oldest] of this.#conversations) if (this.#conversations.delete(oldest)) break;
    this.#conversations.set(id, made);
    return made;
  }

  /** Events as they come, for toasts and the like. */
  onEvent(listener: (event: DaemonEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  onConnection(listener: () => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Asks for everything on the screen again (Ctrl-R). */
  refresh(): void {
    for (const view of this.#views) view.refresh();
  }

  watch(view: Watched): void {
    this.#views.add(view);
  }

  unwatch(view: Watched): void {
    this.#views.delete(view);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #hear(event: DaemonEvent): void {
    if (event.name === 'rights.changed' && event.payload.lost.length > 0) this.#forget(new Set<string>(event.payload.lost));
    for (const view of this.#views) view.hear(event);
    for (const listener of this.#eventListeners) listener(event);
  }

  /** Empties what shows a mailbox that is lost, before anything is asked: it leaves the screen now, not with the next answer. */
  #forget(lost: ReadonlySet<string>): void {
    for (const list of this.#lists.values()) {
      const { data } = list.picture;
      if (data === null || !data.rows.some((row) => lost.has(row.mailbox))) continue;
      const rows = data.rows.filter((row) => !lost.has(row.mailbox));
      list.set({ ...list.picture, data: { ...data, rows, ids: rows.map((row) => row.conversation) } });
    }
    for (const conversation of this.#conversations.values()) {
      if (conversation.picture.data !== null && lost.has(conversation.picture.data.mailbox)) conversation.clear();
    }
  }
}
