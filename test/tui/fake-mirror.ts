/** A mirror of values for tests of screens: views that a test fills, verbs that it answers. */
import type { Method } from '../../protocol/methods.ts';
import type { Conversation, Mailbox, MailReport, OutboxEntry, PersonDetail, TimelineRow } from '../../protocol/schema.ts';
import type {
  Counts,
  Folders,
  Invitations,
  ListOf,
  ListPicture,
  ListView,
  Me,
  Mirror,
  People,
  Picture,
  Roles,
  Shown,
  TimelineOf,
  TimelinePicture,
  TimelineView,
  View,
} from '../../tui/mirror.ts';

class Held<T> implements View<T> {
  picture: Picture<T>;
  readonly #listeners = new Set<() => void>();

  constructor(data: T | null) {
    this.picture = { data, error: null, at: data === null ? null : Date.now() };
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  put(data: T | null, error: Picture<T>['error'] = null, reach = 0): void {
    this.picture = { data, error, at: Date.now(), reach };
    for (const listener of this.#listeners) listener();
  }

  need(): void {}
  needOlder(): void {}
  refresh(): void {}
  warm(): void {}
}

export type Call = { readonly method: Method; readonly params: Readonly<Record<string, unknown>> };

export class FakeMirror {
  readonly mailboxes: Held<readonly Mailbox[]>;
  readonly me = new Held<Me>(null);
  readonly people = new Held<People>(null);
  readonly roles = new Held<Roles>(null);
  readonly invitations = new Held<Invitations>(null);
  readonly #folders = new Map<string, Held<Folders>>();
  readonly #persons = new Map<string, Held<PersonDetail>>();
  readonly outbox = new Held<readonly OutboxEntry[]>([]);
  readonly wholeOutbox = new Held<readonly OutboxEntry[]>([]);
  readonly strayReports = new Held<readonly MailReport[]>([]);
  readonly #counts = new Held<Counts>({ mine: 1, unassigned: 2, team: 3, unread: 1 });
  readonly #lists = new Map<string, Held<ListPicture>>();
  readonly #conversations = new Map<string, Held<Shown>>();
  readonly #timelines = new Map<string, Held<TimelinePicture>>();
  readonly #listeners = new Set<(event: never) => void>();
  connection = { state: { state: 'online' as const, who: { kind: 'person' as const, person: 'p' }, daemonRelease: '1' }, since: 0 };
  readonly calls: Call[] = [];
  answer: (call: Call) => Promise<unknown> = async () => ({ revision: 2 });

  constructor(mailboxes: readonly Mailbox[]) {
    this.mailboxes = new Held(mailboxes);
  }

  /** What the code under test is given; it reads only what is here. */
  get mirror(): Mirror {
    return this as unknown as Mirror;
  }

  list(of: ListOf): ListView & Held<ListPicture> {
    const key = JSON.stringify(of);
    const made = this.#lists.get(key) ?? new Held<ListPicture>(null);
    this.#lists.set(key, made);
    return made;
  }

  fill(of: ListOf, rows: readonly Conversation[], { reach = 0 } = {}): void {
    this.list(of).put({ rows, ids: rows.map((row) => row.conversation), more: false }, null, reach);
  }

  counts(): View<Counts> {
    return this.#counts;
  }

  count(counts: Counts): void {
    this.#counts.put(counts);
  }

  folders(mailbox: string): Held<Folders> {
    const made = this.#folders.get(mailbox) ?? new Held<Folders>(null);
    this.#folders.set(mailbox, made);
    return made;
  }

  person(name: string): Held<PersonDetail> {
    const made = this.#persons.get(name) ?? new Held<PersonDetail>(null);
    this.#persons.set(name, made);
    return made;
  }

  conversation(id: string): Held<Shown> {
    const made = this.#conversations.get(id) ?? new Held<Shown>(null);
    this.#conversations.set(id, made);
    return made;
  }

  timeline(of: TimelineOf, kinds: readonly string[] | null): TimelineView & Held<TimelinePicture> {
    const key = JSON.stringify([of, kinds]);
    const made = this.#timelines.get(key) ?? new Held<TimelinePicture>(null);
    this.#timelines.set(key, made);
    return made;
  }

  tell(of: TimelineOf, rows: readonly TimelineRow[], kinds: readonly string[] | null = null): void {
    this.timeline(of, kinds).put({ rows, older: null, wholeAt: 0 });
  }

  call(method: Method, params: Call['params']): Promise<unknown> {
    this.calls.push({ method, params });
    return this.answer({ method, params });
  }

  work(method: Method, params: Call['params']): Promise<unknown> {
    return this.call(method, params);
  }

  search(params: Call['params']): Promise<unknown> {
    return this.call('search.run', params);
  }

  /** Calls what listens to events. */
  say(event: unknown): void {
    for (const listener of this.#listeners) listener(event as never);
  }

  isEcho(): boolean {
    return false;
  }

  onEvent(listener: (event: never) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onConnection(): () => void {
    return () => undefined;
  }

  refresh(): void {}
}
