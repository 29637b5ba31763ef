/**
 * The local picture of the daemon: what screens read, kept true by events. Screens never ask the daemon for something to draw; they
 * take a *view* (a list, a conversation, the mailboxes) as long as they show it, and read its last state.
 *
 * Invariants
 * - each view keeps its own answer true (asked.ts)
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
  GrantEdit,
  GrantPreview,
  Leaving,
  Mailbox,
  MailReport,
  Matrix,
  OutboxState,
  PersonDetail,
  RoleDetail,
} from '../protocol/schema.ts';
import { Asked, type View, type Watched } from './asked.ts';
import { AskedList, type ListOf, type ListView } from './asked-list.ts';
import { AskedTimeline, type TimelineOf, type TimelineView } from './asked-timeline.ts';

export type { Picture, View } from './asked.ts';
export type { ListOf, ListPicture, ListView, PanelName } from './asked-list.ts';
export type { TimelineOf, TimelinePicture, TimelineView } from './asked-timeline.ts';

/** The rows of each view; `unread` of what the person watches hold something unread. */
export type Counts = { readonly mine: number; readonly unassigned: number; readonly team: number; readonly unread: number };

export type Shown = Result<'conversation.show'>;
export type Outbox = Result<'outbox.list'>['rows'];
export type Me = Result<'session.whoami'>;
export type People = Result<'person.list'>['rows'];
export type Roles = Result<'role.list'>['rows'];
export type Invitations = Result<'invitation.list'>['rows'];
/** Somebody who leaves, and what was chosen for what they leave behind. */
export type Departure = {
  readonly name: string;
  readonly successor: string | null;
  readonly release: boolean;
  readonly mail: 'hold' | 'cancel';
};
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
/** So long after a verb of this session an event about its conversation is its echo. */
const echoMs = 1_500;
/** A question waits longer for a daemon that is away than for one that is slow. */
const askTimeoutMs = 60_000;

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
  readonly #strayReports: Asked<readonly MailReport[]>;
  readonly #people: Asked<People>;
  readonly #roles: Asked<Roles>;
  readonly #invitations: Asked<Invitations>;
  readonly #roleDetails = new Map<string, Asked<RoleDetail>>();
  readonly #departures = new Map<string, Asked<Leaving>>();
  readonly #persons = new Map<string, Asked<PersonDetail>>();
  readonly #matrices = new Map<string, Asked<readonly Matrix[]>>();
  readonly #previews = new Map<string, Asked<GrantPreview>>();
  readonly #allPreviews = new Map<string, Asked<readonly GrantPreview[]>>();
  /** Conversations that this session just worked on, and until when their events are echoes. */
  readonly #echoes = new Map<string, number>();
  /** Once made, the client renews it with each connection. */
  #subscription: 'none' | 'asked' | 'made' = 'none';
  readonly #conversations = new Map<string, Asked<Shown>>();
  /** Of long conversations, how many parts are shown, and the mail or note that has to be among them. */
  readonly #depths = new Map<string, { parts: number; message: string | null }>();
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
    this.#invitations = new Asked<Invitations>(this, async () => (await this.call('invitation.list', {})).rows, aboutDirectory);
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
    this.#strayReports = new Asked<readonly MailReport[]>(
      this,
      async () => (await this.call('outbox.list', { states: ['bounced'], limit: 1 })).reports,
      (event) => aboutOutbox(event) || event.name === 'activity',
    );
  }

  get people(): View<People> {
    return this.#people;
  }

  get roles(): View<Roles> {
    return this.#roles;
  }

  /** Those that can still be used, as far as they concern the person. */
  get invitations(): View<Invitations> {
    return this.#invitations;
  }

  /** One role: whom it comes to and through what, and what was given to it. */
  role(name: string): View<RoleDetail> {
    return kept(this.#roleDetails, name, () => new Asked<RoleDetail>(this, () => this.call('role.show', { name }), aboutDirectory));
  }

  /** What hangs on somebody who leaves, and what would become of it. */
  departure(asked: Departure): View<Leaving> {
    const about = (event: DaemonEvent): boolean => aboutDirectory(event) || event.name === 'outbox.changed';
    return kept(this.#departures, JSON.stringify(asked), () => new Asked<Leaving>(this, () => this.call('person.leaving', asked), about));
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

  /** The same for several mailboxes, in their order. */
  previews(trials: readonly Trial[]): View<readonly GrantPreview[]> {
    const ask = () => Promise.all(trials.map(({ edits, ...trial }) => this.call('grant.preview', { ...trial, edits: [...edits] })));
    return kept(this.#allPreviews, JSON.stringify(trials), () => new Asked<readonly GrantPreview[]>(this, ask, aboutDirectory));
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
  /** Reports that fit no mail of ours. */
  get strayReports(): View<readonly MailReport[]> {
    return this.#strayReports;
  }

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
      () => this.#askConversation(id),
      (event) => {
        if (event.name === 'resync' || event.name === 'rights.changed') return true;
        if (event.name === 'conversation.changed') return event.payload.conversation === id || event.payload.what === 'merged';
        return event.name === 'outbox.changed' && event.payload.conversation === id;
      },
    );
    // The last few stay warm; older ones are asked for again when somebody opens them.
    if (this.#conversations.size >= 50)
      for (const [oldest] of this.#conversations) {
        this.#conversations.delete(oldest);
        this.#depths.delete(oldest);
        break;
      }
    this.#conversations.set(id, made);
    return made;
  }

  /** Shows more of what came before: one part more, or as many as it takes to `message`. */
  showEarlier(id: string, message: string | null = null): void {
    const { parts = 1 } = this.#depths.get(id) ?? {};
    this.#depths.set(id, message === null ? { parts: parts + 1, message: null } : { parts, message });
    this.#conversations.get(id)?.refresh();
  }

  /** With as much of what came before as was asked to be shown, so that a new mail opens no gap. */
  async #askConversation(id: string): Promise<Shown> {
    const ask = (before: string | null) => this.call('conversation.show', { conversation: id, before }, { timeoutMs: askTimeoutMs });
    const { parts, message } = this.#depths.get(id) ?? { parts: 1, message: null };
    const first = await ask(null);
    const pages = [first];
    let oldest = first;
    const isThere = () =>
      message === null || pages.some((page) => [...page.messages, ...page.notes, ...page.gone].some((item) => item.id === message));
    while (oldest.earlier !== null && (pages.length < parts || !isThere())) {
      oldest = await ask(oldest.earlier.cursor);
      pages.unshift(oldest);
    }
    if (message !== null) this.#depths.set(id, { parts: pages.length, message: null });
    return {
      ...first,
      messages: pages.flatMap(({ messages }) => messages),
      notes: pages.flatMap(({ notes }) => notes),
      gone: pages.flatMap(({ gone }) => gone),
      earlier: oldest.earlier,
    };
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
      this.#roleDetails,
      this.#departures,
      this.#matrices,
      this.#previews,
      this.#allPreviews,
    ].flatMap((views): Asked<unknown>[] => [...views.values()]);
    for (const view of [
      ...cached,
      this.#mailboxes,
      this.#me,
      this.#outbox,
      this.#wholeOutbox,
      this.#strayReports,
      this.#people,
      this.#roles,
      this.#invitations,
    ])
      view.fail(error);
  }

  #hear(event: DaemonEvent): void {
    for (const view of this.#views) view.hear(event);
    if (event.name === 'rights.changed' && event.payload.lost.length > 0) this.#forget(new Set<string>(event.payload.lost));
    for (const listener of this.#eventListeners) listener(event);
  }

  /** Empties what shows a mailbox that is lost, before anything is asked: it leaves the screen now, not with the next answer. */
  #forget(lost: ReadonlySet<string>): void {
    for (const list of this.#lists.values()) {
      const { data } = list.picture;
      if (data === null || !data.rows.some((row) => lost.has(row.mailbox))) continue;
      const rows = data.rows.filter((row) => !lost.has(row.mailbox));
      list.keepOnly({ ...data, rows, ids: rows.map((row) => row.conversation) });
    }
    for (const outbox of [this.#outbox, this.#wholeOutbox]) {
      const { data } = outbox.picture;
      if (data?.some((row) => lost.has(row.mailbox)) === true) outbox.keepOnly(data.filter((row) => !lost.has(row.mailbox)));
    }
    for (const conversation of this.#conversations.values()) {
      if (conversation.picture.data !== null && lost.has(conversation.picture.data.mailbox)) conversation.clear();
    }
    for (const timeline of this.#timelines.values()) {
      const { data } = timeline.picture;
      if (data?.rows.some((row) => lost.has(row.mailbox)) === true)
        timeline.keepOnly({ ...data, rows: data.rows.filter((row) => !lost.has(row.mailbox)) });
    }
  }
}
