/**
 * The local picture of the daemon: what screens read, kept true by events. Screens never ask the daemon for something to draw; they
 * take a *view* (a list, a conversation, the mailboxes) as long as they show it, and read its last state.
 *
 * Invariants
 * - a view asks again after every event that touches it, at most ten times a second (once a second while history is imported); what came
 *   last is shown until the next answer is here
 * - an answer that was overtaken by a later question is dropped
 * - rows that the person may see no more leave with the next answer; when a right is lost the views of that mailbox are emptied first
 * - without a connection the last picture stays, with the moment it is from; after a reconnect everything is asked again
 * - a verb is sent only over a connection that stands: what one pressed in vain must not happen minutes later
 */
import { type Client, type ClientState, type DaemonEvent, openClient } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import { type EventName, events } from '../protocol/events.ts';
import type { DaemonKeyNews, Identity } from '../protocol/keys.ts';
import type { Method, Params, Result } from '../protocol/methods.ts';
import type {
  ActivityKind,
  Conversation,
  GrantEdit,
  GrantPreview,
  Mailbox,
  Matrix,
  OutboxState,
  PersonDetail,
  TimelineRow,
} from '../protocol/schema.ts';

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

/** Open conversations that a person watches; `unread` of them hold something unread. */
export type Counts = { readonly mine: number; readonly unassigned: number; readonly team: number; readonly unread: number };

export type ListPicture = {
  readonly rows: readonly Conversation[];
  /** Rows in order, by id; keeps its identity while the order does. */
  readonly ids: readonly string[];
  /** More can be asked for. */
  readonly more: boolean;
};
export interface ListView extends View<ListPicture> {
  /** Asks again soon. */
  refresh(): void;
  /** Asks unless that was done before: somebody is about to look. */
  warm(): void;
  /** Makes sure that rows up to this index are here, as far as there are any. */
  need(to: number): void;
}

/** Whose history: a mailbox's by address, a contact's by theirs, or a conversation's. */
export type TimelineOf =
  | { readonly kind: 'mailbox'; readonly mailbox: string }
  | { readonly kind: 'contact'; readonly address: string }
  | { readonly kind: 'conversation'; readonly conversation: string };

export type TimelinePicture = {
  /** Oldest first, as time goes; an unchanged row keeps its identity. */
  readonly rows: readonly TimelineRow[];
  /** Where older ones begin, for the daemon; null when there are none. */
  readonly older: string | null;
  /** When every row was last asked for, by this process's own clock. */
  readonly wholeAt: number;
};
export interface TimelineView extends View<TimelinePicture> {
  /** Asks for the page before the oldest row, as far as there is one. */
  needOlder(): void;
}

export type Shown = Result<'conversation.show'>;
export type Outbox = Result<'outbox.list'>['rows'];
export type Me = Result<'session.whoami'>;
export type People = Result<'person.list'>['rows'];
export type Roles = Result<'role.list'>['rows'];
/** Edits of grants that are tried out, and whose reach is asked for. */
export type Trial = {
  readonly mailbox: string;
  readonly edits: readonly GrantEdit[];
  readonly ifRevision: number | null;
  readonly person: string | null;
};
export type Folders = Result<'mailbox.folders'>['rows'];

/** What a person does to a conversation, for the team or for themselves. */
export type Verb = Extract<Method, `conversation.${'mark' | 'take' | 'release' | 'assign' | 'note' | 'move'}`>;

/** States that are not the end of it. */
const unsettled: readonly OutboxState[] = ['held', 'waiting-approval', 'queued', 'sending', 'unknown', 'failed', 'bounced'];
const outboxRows = 200;
const pageRows = 100;
const refreshMs = 100;
/** While history comes in there is nothing to hurry for. */
const importRefreshMs = 1_000;
/** So long after a verb of this session an event about its conversation is its echo. */
const echoMs = 1_500;
/** A question waits longer for a daemon that is away than for one that is slow. */
const askTimeoutMs = 60_000;
const empty: Picture<never> = { data: null, error: null, at: null };

/** What the mirror does with a view that somebody shows. */
type Watched = { hear(event: DaemonEvent): void; refresh(): void; retry(): void };

/** A question, when to ask it again, and who listens. */
class Asked<T> implements View<T> {
  picture: Picture<T> = empty;
  readonly #ask: () => Promise<T>;
  readonly #touchedBy: (event: DaemonEvent) => boolean;
  readonly #listeners = new Set<() => void>();
  readonly #mirror: Mirror;
  #question = 0;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
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
    if (!this.#touchedBy(event)) return;
    this.refresh(event.name === 'conversation.changed' && !event.payload.live ? importRefreshMs : refreshMs);
  }

  /** Asks now, or as soon as `afterMs` have passed since the last time. */
  refresh(afterMs = refreshMs): void {
    const wait = Math.max(0, this.#lastAskedAt + afterMs - performance.now());
    const due = performance.now() + wait;
    if (this.#timer !== undefined) {
      if (due >= this.#due) return;
      clearTimeout(this.#timer);
    }
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.ask();
    }, wait);
  }

  /** Asks again what failed. */
  retry(): void {
    if (this.picture.error !== null) this.refresh();
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

  /** Asks unless that was done before: somebody is about to look. */
  warm(): void {
    if (this.picture.at === null && this.#question === 0) void this.ask();
  }

  /** Drops what is shown, for a reason that no question will change. */
  fail(error: PostroomError): void {
    this.#question++;
    this.set({ ...empty, error });
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

/**
 * A history from its newest end. What happens is added there by asking for the newest page alone; older pages are asked for as somebody
 * scrolls to them. All is asked again when something in the middle may have changed: a mail that went, conversations that were joined.
 */
class AskedTimeline extends Asked<TimelinePicture> implements TimelineView {
  readonly #of: TimelineOf;
  /** What was read whole before this moment is not to be trusted. */
  #changedAt = 0;
  readonly #wanted: { rows: number };

  constructor(mirror: Mirror, of: TimelineOf, kinds: readonly ActivityKind[] | null) {
    const wanted = { rows: pageRows };
    super(
      mirror,
      () => readTimeline(mirror, { of, kinds, wanted: wanted.rows }, this.#kept()),
      (event) => timelineTouch(of, event) !== null,
    );
    this.#of = of;
    this.#wanted = wanted;
  }

  override hear(event: DaemonEvent): void {
    if (timelineTouch(this.#of, event) === 'middle') this.#changedAt = performance.now();
    super.hear(event);
  }

  needOlder(): void {
    const { data } = this.picture;
    if (data === null || data.older === null || this.#wanted.rows > data.rows.length) return;
    this.#wanted.rows = data.rows.length + pageRows;
    void this.ask();
  }

  #kept(): { readonly data: TimelinePicture | null; readonly fresh: boolean } {
    const { data } = this.picture;
    return { data, fresh: data !== null && data.wholeAt > this.#changedAt };
  }
}

/** What an event does to a history: something new at its end, or anything at all. */
function timelineTouch(of: TimelineOf, { name, payload }: DaemonEvent): 'end' | 'middle' | null {
  if (name === 'resync' || name === 'rights.changed') return 'middle';
  if (name !== 'activity' && name !== 'outbox.changed' && name !== 'conversation.changed') return null;
  if (of.kind === 'mailbox' && payload.mailbox !== of.mailbox) return null;
  if (of.kind === 'conversation' && name === 'outbox.changed' && payload.conversation !== of.conversation) return null;
  // An activity may name a conversation that was joined to this one.
  if (name === 'activity') return 'end';
  if (name === 'outbox.changed') return 'middle';
  return payload.what === 'merged' || payload.what === 'gone' || !payload.live ? 'middle' : null;
}

type TimelinePage = { readonly rows: readonly TimelineRow[]; readonly next: string | null };

async function readTimeline(
  mirror: Mirror,
  { of, kinds, wanted }: { of: TimelineOf; kinds: readonly ActivityKind[] | null; wanted: number },
  kept: { readonly data: TimelinePicture | null; readonly fresh: boolean },
): Promise<TimelinePicture> {
  const startedAt = performance.now();
  const page = (cursor: string | null): Promise<TimelinePage> => {
    const asked = { kinds: kinds === null ? null : [...kinds], limit: pageRows, cursor };
    switch (of.kind) {
      case 'mailbox':
        return mirror.call('timeline.mailbox', { mailbox: of.mailbox, ...asked });
      case 'contact':
        return mirror.call('timeline.contact', { address: of.address, ...asked });
      case 'conversation':
        return mirror.call('timeline.conversation', { conversation: of.conversation, ...asked });
      default:
        return of satisfies never;
    }
  };
  const before = kept.data;
  const newest = await page(null);
  let read: TimelinePicture = { rows: newest.rows.toReversed(), older: newest.next, wholeAt: startedAt };
  if (before !== null && kept.fresh) {
    const spliced = spliceNewest(before, read);
    if (spliced !== null) read = { ...spliced, wholeAt: before.wholeAt };
  }
  while (read.older !== null && read.rows.length < wanted) {
    const older = await page(read.older);
    const have = new Set(read.rows.map(({ id }) => id));
    read = { ...read, rows: [...older.rows.toReversed().filter(({ id }) => !have.has(id)), ...read.rows], older: older.next };
  }
  return before === null ? read : { ...read, rows: sameRows(before.rows, read.rows) };
}

/** The rows that are here with a newer last page; null when nothing says how the two fit together. */
export function spliceNewest(before: TimelinePicture, newest: TimelinePicture): TimelinePicture | null {
  const [first] = newest.rows;
  const at = first === undefined ? -1 : before.rows.findIndex(({ id }) => id === first.id);
  if (at <= 0) return null;
  return { ...before, rows: [...before.rows.slice(0, at), ...newest.rows] };
}

function sameRows(before: readonly TimelineRow[], after: readonly TimelineRow[]): readonly TimelineRow[] {
  const known = new Map(before.map((row) => [row.id, row]));
  const rows = after.map((row) => {
    const old = known.get(row.id);
    return old !== undefined && JSON.stringify(old) === JSON.stringify(row) ? old : row;
  });
  return rows.length === before.length && rows.every((row, at) => row === before[at]) ? before : rows;
}

async function readList(mirror: Mirror, of: ListOf, wanted: number): Promise<ListPicture> {
  const rows: Conversation[] = [];
  let cursor: string | null = null;
  do {
    const page = { limit: Math.min(200, Math.max(pageRows, wanted - rows.length)), cursor };
    const answer: { rows: Conversation[]; next: string | null } =
      of.kind === 'panel'
        ? await mirror.call('panel.list', { view: of.view, mailbox: of.mailbox, ...page })
        : of.kind === 'mailbox'
          ? await mirror.call('conversation.list', { mailbox: of.mailbox, state: of.state, ...page })
          : await mirror.call('folder.list', { mailbox: of.mailbox, folder: of.folder, ...page });
    // A row that moved between two pages would come twice.
    const have = new Set(rows.map((row) => row.conversation));
    rows.push(...answer.rows.filter((row) => !have.has(row.conversation)));
    cursor = answer.next;
  } while (cursor !== null && rows.length < wanted);
  return { rows, ids: rows.map((row) => row.conversation), more: cursor !== null };
}

/** Which mailbox an event is about; null for those that concern everything. */
const mailboxOf = (event: DaemonEvent): string | null => ('mailbox' in event.payload ? event.payload.mailbox : null);
const aboutDirectory = ({ name }: DaemonEvent): boolean => name === 'directory.changed' || name === 'rights.changed' || name === 'resync';

/** The view of a key. The last few stay warm; older ones are asked for again. */
function kept<T>(views: Map<string, Asked<T>>, key: string, make: () => Asked<T>): Asked<T> {
  const known = views.get(key);
  if (known !== undefined) return known;
  const made = make();
  if (views.size >= 50) for (const [oldest] of views) if (views.delete(oldest)) break;
  views.set(key, made);
  return made;
}

const aboutMail = new Set<EventName>(['conversation.changed', 'conversation.read', 'rights.changed', 'resync']);

export class Mirror {
  readonly #client: Client;
  readonly #views = new Set<Watched>();
  readonly #lists = new Map<string, AskedList>();
  readonly #counts = new Map<string | null, Asked<Counts>>();
  readonly #folders = new Map<string, Asked<Folders>>();
  readonly #mailboxes: Asked<readonly Mailbox[]>;
  readonly #me: Asked<Me>;
  readonly #outbox: Asked<Outbox>;
  readonly #wholeOutbox: Asked<Outbox>;
  readonly #people: Asked<People>;
  readonly #roles: Asked<Roles>;
  readonly #persons = new Map<string, Asked<PersonDetail>>();
  readonly #matrices = new Map<string, Asked<readonly Matrix[]>>();
  readonly #previews = new Map<string, Asked<GrantPreview>>();
  /** Conversations that this session just worked on, and until when their events are echoes. */
  readonly #echoes = new Map<string, number>();
  /** Once made, the client renews it with each connection. */
  #subscription: 'none' | 'asked' | 'made' = 'none';
  readonly #conversations = new Map<string, Asked<Shown>>();
  readonly #timelines = new Map<string, AskedTimeline>();
  readonly #eventListeners = new Set<(event: DaemonEvent) => void>();
  readonly #stateListeners = new Set<() => void>();
  /** The connection, and since when it is as it is. */
  connection: { readonly state: ClientState; readonly since: number } = { state: { state: 'connecting' }, since: Date.now() };

  constructor(options: { identity: Identity; onDaemonKey?: (news: DaemonKeyNews) => void }) {
    this.#client = openClient({
      identity: options.identity,
      ...(options.onDaemonKey === undefined ? {} : { onDaemonKey: options.onDaemonKey }),
      onEvent: (event) => this.#hear(event),
      onState: (state) => {
        const { connection } = this;
        // Away for another reason is still away since then.
        const since = connection.state.state === 'offline' && state.state === 'offline' ? connection.since : Date.now();
        this.connection = { state, since };
        if (state.state === 'online') this.#online();
        // Who is not welcome any more keeps nothing on the screen.
        if (state.state === 'refused') this.#failAll(new PostroomError('unauthenticated', state.message));
        for (const listener of this.#stateListeners) listener();
      },
    });
    this.#mailboxes = new Asked<readonly Mailbox[]>(
      this,
      async () => (await this.call('mailbox.list', {})).rows,
      ({ name }) => name === 'mailbox.changed' || name === 'directory.changed' || name === 'rights.changed' || name === 'resync',
    );
    this.#me = new Asked<Me>(
      this,
      () => this.call('session.whoami', {}),
      ({ name }) => name === 'directory.changed' || name === 'rights.changed' || name === 'resync',
    );
    this.#people = new Asked<People>(this, async () => (await this.call('person.list', {})).rows, aboutDirectory);
    this.#roles = new Asked<Roles>(this, async () => (await this.call('role.list', {})).rows, aboutDirectory);
    const aboutOutbox = ({ name }: DaemonEvent): boolean => name === 'outbox.changed' || name === 'rights.changed' || name === 'resync';
    // What failed weeks ago still waits for somebody, however much was sent since.
    const open = async (): Promise<Outbox> => (await this.call('outbox.list', { states: [...unsettled], limit: outboxRows })).rows;
    this.#outbox = new Asked<Outbox>(this, open, aboutOutbox);
    this.#wholeOutbox = new Asked<Outbox>(
      this,
      async () => {
        const [first, { rows }] = await Promise.all([open(), this.call('outbox.list', { limit: outboxRows })]);
        const have = new Set(first.map(({ id }) => id));
        return [...first, ...rows.filter(({ id }) => !have.has(id))];
      },
      aboutOutbox,
    );
  }

  get people(): View<People> {
    return this.#people;
  }

  get roles(): View<Roles> {
    return this.#roles;
  }

  /** One person: roles, operations and keys as far as one may see them. */
  person(name: string): View<PersonDetail> {
    return kept(this.#persons, name, () => new Asked<PersonDetail>(this, () => this.call('person.show', { name }), aboutDirectory));
  }

  /** Who may do what on each of these mailboxes, in their order. */
  matrices(mailboxes: readonly string[]): View<readonly Matrix[]> {
    return kept(this.#matrices, JSON.stringify(mailboxes), () => {
      const ask = () => Promise.all(mailboxes.map((mailbox) => this.call('grant.matrix', { mailbox })));
      return new Asked<readonly Matrix[]>(this, ask, aboutDirectory);
    });
  }

  /** What staged edits of grants would do. */
  preview({ edits, ...trial }: Trial): View<GrantPreview> {
    const ask = () => this.call('grant.preview', { ...trial, edits: [...edits] });
    return kept(this.#previews, JSON.stringify([edits, trial]), () => new Asked<GrantPreview>(this, ask, aboutDirectory));
  }

  get mailboxes(): View<readonly Mailbox[]> {
    return this.#mailboxes;
  }

  get me(): View<Me> {
    return this.#me;
  }

  /** Mail that has not left, or of which nobody knows, of the mailboxes one may send from: for the status row. */
  get outbox(): View<Outbox> {
    return this.#outbox;
  }

  /** The same, and behind it what was sent or taken back lately. */
  get wholeOutbox(): View<Outbox> {
    return this.#wholeOutbox;
  }

  /** Asks for events; before the first view asks, so that no change falls between a picture and its events. */
  start(): void {
    this.#subscription = 'asked';
    this.#client.subscribe(Object.keys(events) as EventName[]).then(
      () => {
        this.#subscription = 'made';
      },
      () => {
        // Away for too long, or lost on the way: the connection's own state says which. Asked again when it stands.
        this.#subscription = 'none';
        if (this.connection.state.state === 'online') this.#online();
      },
    );
  }

  #online(): void {
    if (this.#subscription === 'none') this.start();
    for (const view of this.#views) view.retry();
  }

  /** Does a verb. Its echo is not reported as somebody else's change. */
  async work<M extends Verb>(method: M, params: Params<M>): Promise<Result<M>> {
    const { state } = this.connection;
    if (state.state !== 'online') throw new PostroomError('unavailable', 'Nothing was changed: the daemon is away.', { daemon: true });
    const { conversation } = params;
    this.#echoes.set(conversation, Number.POSITIVE_INFINITY);
    try {
      return await this.call(method, params);
    } finally {
      this.#echoes.set(conversation, performance.now() + echoMs);
      if (this.#echoes.size > 1_000) for (const [id, until] of this.#echoes) if (until < performance.now()) this.#echoes.delete(id);
    }
  }

  /** Whether an event about a conversation is the echo of what this session did. */
  isEcho(conversation: string): boolean {
    return (this.#echoes.get(conversation) ?? 0) > performance.now();
  }

  call<M extends Method>(method: M, params: Params<M>, options?: Parameters<Client['call']>[2]): Promise<Result<M>> {
    return this.#client.call(method, params, options);
  }

  /** Asks once; what a screen does with many questions in a row is in live-search.ts. */
  search(asked: Params<'search.run'>): Promise<Result<'search.run'>> {
    return this.call('search.run', asked, { timeoutMs: askTimeoutMs });
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

  /** Counts of the panel, over all mailboxes or one. */
  counts(mailbox: string | null): View<Counts> {
    const known = this.#counts.get(mailbox);
    if (known !== undefined) return known;
    const made = new Asked<Counts>(
      this,
      async () => {
        const { counts, unread } = await this.call('panel.list', { mailbox, limit: 1 }, { timeoutMs: askTimeoutMs });
        return { ...counts, unread };
      },
      (event) => aboutMail.has(event.name) && (mailbox === null || mailboxOf(event) === null || mailboxOf(event) === mailbox),
    );
    this.#counts.set(mailbox, made);
    return made;
  }

  folders(mailbox: string): View<Folders> {
    const known = this.#folders.get(mailbox);
    if (known !== undefined) return known;
    const made = new Asked<Folders>(
      this,
      async () => (await this.call('mailbox.folders', { mailbox }, { timeoutMs: askTimeoutMs })).rows,
      ({ name, payload }) =>
        name === 'resync' ||
        name === 'rights.changed' ||
        ((name === 'folders.changed' || name === 'mailbox.changed') && payload.mailbox === mailbox),
    );
    this.#folders.set(mailbox, made);
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

  /** `kinds`: null is all of them. */
  timeline(of: TimelineOf, kinds: readonly ActivityKind[] | null): TimelineView {
    const key = JSON.stringify([of, kinds]);
    const known = this.#timelines.get(key);
    if (known !== undefined) return known;
    const made = new AskedTimeline(this, of, kinds);
    if (this.#timelines.size >= 20) for (const [oldest] of this.#timelines) if (this.#timelines.delete(oldest)) break;
    this.#timelines.set(key, made);
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

  #failAll(error: PostroomError): void {
    const cached = [
      this.#lists,
      this.#conversations,
      this.#counts,
      this.#folders,
      this.#timelines,
      this.#persons,
      this.#matrices,
      this.#previews,
    ].flatMap((views): Asked<unknown>[] => [...views.values()]);
    for (const view of [...cached, this.#mailboxes, this.#me, this.#outbox, this.#wholeOutbox, this.#people, this.#roles]) view.fail(error);
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
    for (const outbox of [this.#outbox, this.#wholeOutbox]) {
      const { data } = outbox.picture;
      if (data?.some((row) => lost.has(row.mailbox)) === true)
        outbox.set({ ...outbox.picture, data: data.filter((row) => !lost.has(row.mailbox)) });
    }
    for (const conversation of this.#conversations.values()) {
      if (conversation.picture.data !== null && lost.has(conversation.picture.data.mailbox)) conversation.clear();
    }
    for (const timeline of this.#timelines.values()) {
      const { data } = timeline.picture;
      if (data?.rows.some((row) => lost.has(row.mailbox)) === true)
        timeline.set({ ...timeline.picture, data: { ...data, rows: data.rows.filter((row) => !lost.has(row.mailbox)) } });
    }
  }
}
