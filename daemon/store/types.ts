/**
 * What may be asked of the mail store, named by intent. `store.ts` implements it: writes go to the one writer thread,
 * reads use a read-only connection. Everything is asynchronous so that another database can stand behind it.
 *
 * Invariants (store/check.ts asserts those that are data):
 * - a row is never written before the octets it names are on disk (pack fsync, then COMMIT with synchronous=FULL)
 * - a message is stored once, by the SHA-256 of its octets; an *entry* is that message inside one mailbox;
 *   a *placement* is where the server (or a hosted mailbox) keeps it: folder, UIDVALIDITY, UID, flags
 * - `entry.rowid` is `seconds x 2^20 + n`, so rowid order is date order (FTS and lists need no sort)
 * - ids that leave the daemon (conversation, entry, note, outbox) are random; they are looked up together with their mailbox
 */
import type { Address, Attachment } from '../mail/message.ts';
import type { Query } from '../mail/query.ts';
import type { Report, ReportAction } from '../mail/report.ts';

export type Millis = number;
/** Ids of the directory (people, mailboxes) are opaque here. */
export type PersonId = string;
export type RoleId = string;
export type MailboxId = string;
export type ConversationId = string;
export type EntryId = string;
export type FolderId = number;
export type OutboxId = string;
/** SHA-256 of the octets, hex. */
export type Hash = string;

export type WorkState = 'open' | 'waiting' | 'snoozed' | 'done';
export type FolderRole = 'inbox' | 'sent' | 'drafts' | 'junk' | 'trash' | 'archive' | 'all' | null;
export type Direction = 'in' | 'out';
export type Assignee = { kind: 'person' | 'role'; id: string };

/** Facts about a mailbox that decide how its mail becomes work; they come from the directory with every ingest. */
export type WorkPolicy = {
  /** Its addresses, lower case: mail from one of them is outgoing. */
  addresses: readonly string[];
  /** Mail received before this starts done and never raises anything; null = all mail is work. */
  workFrom: Millis | null;
  /** Filed, trashed or restored by another client moves the state likewise. */
  followServer: boolean;
  /** The owner of a personal mailbox: their read mark is \Seen on the server, both ways. null: a foreign \Seen changes nobody's. */
  seenBy: PersonId | null;
};

// --- folders ---------------------------------------------------------------------------------------------------

/** A folder as the server lists it. `path` is the raw listed name and the key; `name` is for people. */
export type ListedFolder = {
  path: string;
  name: string;
  delimiter: string | null;
  role: FolderRole;
  selectable: boolean;
  /** False: another folder of this role is the one where mail goes. */
  main?: boolean;
};

export type Folder = ListedFolder & {
  id: FolderId;
  mailbox: MailboxId;
  uidValidity: number | null;
  /** First UID not yet asked for (next:* is what is new). */
  uidNext: number | null;
  /** Decimal text: MODSEQ has 63 bits (RFC 7162). */
  highestModSeq: string | null;
  /** EXISTS as last seen on the server; null before the first look. */
  serverCount: number | null;
  storedCount: number;
  /** Why it is parked (not selectable, no right to read), in the server's words; null when it syncs. */
  parked: string | null;
};

// --- what comes in ---------------------------------------------------------------------------------------------

export type IngestItem = {
  /** Where the octets lie in the batch's buffer. */
  offset: number;
  length: number;
  /** INTERNALDATE, or the moment of delivery. */
  receivedAt: Millis;
  flags: readonly string[];
  modSeq: string | null;
  /** null: the store gives the next UID (hosted mailboxes). */
  uid: number | null;
};

export type Ingest = {
  mailbox: MailboxId;
  policy: WorkPolicy;
  folder: FolderId;
  uidValidity: number;
  /** `import`: history, the conversation's state follows the newest mail by date. `live`: it arrives now. */
  origin: 'import' | 'live';
  /** Transferred to the writer, not copied; unusable for the caller afterwards. */
  buffer: ArrayBuffer;
  items: readonly IngestItem[];
  /** Written in the same transaction as the rows. */
  checkpoint?: { uidNext?: number; highestModSeq?: string | null; serverCount?: number };
};

export type Ingested = { entry: EntryId; conversation: ConversationId; uid: number; fresh: boolean };

/** What another client did in a folder, as one pass over it found it. Applied in one transaction with the checkpoint. */
export type FolderChange = {
  mailbox: MailboxId;
  policy: WorkPolicy;
  folder: FolderId;
  uidValidity: number;
  flags: readonly { uid: number; flags: readonly string[]; modSeq: string | null }[];
  /** UIDs that are no longer there (VANISHED, EXPUNGE, or set difference). */
  gone: readonly number[];
  checkpoint: { uidNext?: number; highestModSeq?: string | null; serverCount?: number };
};

/** The new place of messages whose octets are known already (UIDVALIDITY change): no body is downloaded again. */
export type Relink = {
  folder: FolderId;
  uidValidity: number;
  pairs: readonly { from: { uidValidity: number; uid: number }; uid: number; flags: readonly string[]; modSeq: string | null }[];
};

// --- what is shown ---------------------------------------------------------------------------------------------

export type ConversationRow = {
  id: ConversationId;
  mailbox: MailboxId;
  subject: string;
  /** Who wrote last from outside; for conversations that we began, the first recipient. */
  from: Address | null;
  /** Which of the mailbox's addresses was written to. */
  addressedTo: string | null;
  lastAt: Millis;
  /** Since when the customer waits; null unless open. */
  waitingSince: Millis | null;
  direction: Direction;
  /** Incoming entries after the person's read mark and after `unreadSince`. */
  unread: number;
  messages: number;
  attachments: number;
  assignee: Assignee | null;
  /** Who had it until they lost the right to answer; null when somebody has it. */
  had: Assignee | null;
  state: WorkState;
  revision: number;
  snippet: string;
  starred: boolean;
};

/** One mailbox as one person sees it: their unread begins with their reach (and never before workFrom). */
export type Seen = {
  mailbox: MailboxId;
  unreadSince: Millis;
  outgoingInPanel: boolean;
  /**
   * What of it counts for the person (panel counts and unread totals, never rows): `all`; `mine` = assigned to them, to a role of theirs,
   * or to nobody yet; `none`.
   */
  watch: 'all' | 'mine' | 'none';
};

export type Page = { limit: number; cursor: string | null };
export type Rows<T> = { rows: T[]; next: string | null };

export type PanelQuery = Page & {
  person: PersonId;
  /** Every role that reaches the person: work assigned to them is Mine too. */
  roles: readonly RoleId[];
  mailboxes: readonly Seen[];
  view: 'mine' | 'unassigned' | 'team' | 'done';
};
export type PanelCounts = { mine: number; unassigned: number; team: number; unread: number };

export type ListQuery = Page & { person: PersonId; mailbox: Seen; folder: FolderId | null; state: WorkState | 'any' };

/** `contact`: an address, in any case, and the mailboxes in which it may be looked for. */
export type TimelineScope =
  | { kind: 'mailbox'; mailbox: MailboxId }
  | { kind: 'conversation'; conversation: ConversationId }
  | { kind: 'contact'; address: string; mailboxes: readonly MailboxId[] };

export type TimelineQuery = Page & { scope: TimelineScope; kinds: readonly ActivityKind[]; since: Millis | null };

/** A mail as it lies in its mailbox, what is kept of one that is gone, or a record of the journal. */
export type TimelineRow = {
  /** Of the entry, or of the record. */
  id: string;
  at: Millis;
  kind: ActivityKind;
  mailbox: MailboxId;
  /** The one that lives on, where conversations were joined; null when it is gone, or there was none. */
  conversation: ConversationId | null;
  /** Of the conversation, now. */
  revision: number | null;
  /** Who did it here; null: somebody outside, another client, or the daemon by itself. */
  actor: PersonId | null;
  from: Address | null;
  /** The first few. */
  to: Address[];
  subject: string;
  /** What was done; of a mail and a note the beginning of its text. */
  summary: string;
  message: EntryId | null;
  /** The mail is no longer on the server: who, what and when are all that is kept. */
  gone: boolean;
  outbox: { id: OutboxId; state: OutboxState } | null;
  assigned: { before: Assignee | null; after: Assignee | null } | null;
  /** The state it came to. */
  state: WorkState | null;
};

export type Placement = { folder: FolderId; path: string; role: FolderRole; uidValidity: number; uid: number; flags: string[] };

/**
 * `claims-ours`: From is an address of ours, and nothing says that we wrote it. `new-sender`: no mail from or to them before.
 * `outside-postroom`: ours, sent by another program. `by-subject`: it is in its conversation by correspondent, subject and time alone.
 */
export type Mark = 'claims-ours' | 'new-sender' | 'outside-postroom' | 'by-subject';

export type EntryRow = {
  /** Its place among the entries and notes of its mailbox: later ones have larger ones. Never leaves the daemon but in cursors. */
  row: number;
  id: EntryId;
  conversation: ConversationId;
  mailbox: MailboxId;
  hash: Hash;
  messageId: string | null;
  inReplyTo: string[];
  references: string[];
  /** The Date header; `receivedAt` where there is none. */
  date: Millis;
  receivedAt: Millis;
  from: Address[];
  replyTo: Address[];
  to: Address[];
  cc: Address[];
  subject: string;
  direction: Direction;
  /** Written by a machine. */
  automatic: boolean;
  /** What kind of report it is, about a mail that was sent; null for every other mail. */
  report: Report['kind'] | null;
  /** What should be known of who wrote it. */
  marks: Mark[];
  /** The person who sent it through Postroom. */
  author: PersonId | null;
  sizeOctets: number;
  attachments: Attachment[];
  placements: Placement[];
  /** Set while it is on its way out. */
  outbox: OutboxId | null;
};

/** `row`: as that of an entry. */
export type NoteRow = { row: number; id: string; author: PersonId; at: Millis; text: string };

/** Which part of a conversation is read: `limit` mails and notes together, the newest before a cursor; or one mail alone. */
export type Part = { limit: number; before?: string | null; history?: boolean } | { message: EntryId };

/** What is kept of a mail that is no longer on the server. */
export type GoneRow = {
  row: number;
  id: EntryId;
  receivedAt: Millis;
  direction: Direction;
  from: Address[];
  to: Address[];
  subject: string;
};

/** The conversation as it is, and the part of its mails and notes that was asked for, oldest first; `gone` only with `history`. */
export type ConversationDetail = { row: ConversationRow; entries: EntryRow[]; notes: NoteRow[]; gone: GoneRow[]; earlier: Earlier | null };
/** What a part leaves out of the time before it. Mails that are gone count as mails where they are told. */
export type Earlier = { messages: number; notes: number; cursor: string };

// --- search --------------------------------------------------------------------------------------------------------

/** One person's search over everything that they may open at this moment. */
export type SearchQuery = Page & {
  /** Whose turn it takes: searches of one session wait for each other. */
  session: string;
  /** A newer one of the session that types as well takes its place; this one is then refused as `rate-limited`. */
  typing: boolean;
  person: PersonId;
  roles: readonly RoleId[];
  /** Nothing of any other mailbox is found. `folders`: the person may list its folders, so `folder:` says something about it. */
  reach: readonly { mailbox: MailboxId; unreadSince: Millis; folders: boolean }[];
  query: Query;
  /** What the names of the query mean, by the text that was written; '' among assignees is nobody. */
  named: { mailboxes: ReadonlyMap<string, readonly MailboxId[]>; assignees: ReadonlyMap<string, readonly (Assignee | null)[]> };
  now: Millis;
};

/** A mail, or a note with the mail that it was written about. */
export type SearchHit = {
  kind: 'mail' | 'note';
  conversation: ConversationId;
  /** Of the conversation, now. */
  revision: number;
  message: EntryId | null;
  note: string | null;
  /** Who wrote the note. */
  author: PersonId | null;
  mailbox: MailboxId;
  subject: string;
  from: Address | null;
  date: Millis;
  /** The text around the first hit, on one line. */
  snippet: string;
};

/** `exact`: `total` is all there is, otherwise at least that. `complete` false: the time was over before the page was full. */
export type SearchResult = Rows<SearchHit> & { total: number; exact: boolean; complete: boolean };

// --- the team's verbs ------------------------------------------------------------------------------------------

export type WorkVerb =
  | { kind: 'done' }
  | { kind: 'open' }
  /** To what it was before that person, or null: a filing of its mail, made it done. */
  | { kind: 'back'; closedBy: PersonId | null }
  /** `yield`: not from another person who has it; that takes a second, explicit act. */
  | { kind: 'assign'; to: Assignee | null; yield?: boolean }
  | { kind: 'note'; text: string }
  | { kind: 'snooze'; until: Millis };

export type SeenPlaces = { ok: true; placed: { entry: EntryId; placement: Placement }[] } | { ok: false };

/** What a verb did, or why not: the revision its author saw is no longer the conversation's, or somebody else has it. */
export type WorkResult =
  /** `changed` false: it was in that state already. */
  | { ok: true; revision: number; state: WorkState; assignee: Assignee | null; changed: boolean; note?: string }
  | {
      ok: false;
      revision: number /** Who has it, and since when: the reason where the verb yields to them. */;
      held?: { by: Assignee; since: Millis };
    };

/** In one mailbox: conversations that are not done, and those of them that are snoozed. */
export type HeldBy = { mailbox: MailboxId; assigned: number; snoozed: number };

// --- what goes out ---------------------------------------------------------------------------------------------

export type OutboxState = 'held' | 'waiting-approval' | 'queued' | 'sending' | 'accepted' | 'unknown' | 'failed' | 'bounced' | 'cancelled';
export type Recipient = {
  address: string;
  state: 'pending' | 'accepted' | 'failed' | 'unknown' | 'bounced';
  reply: string | null;
  /** RCPT took it in the attempt whose body is on its way: only such a one may have got the mail. */
  taken?: true;
};

/** What a report says of one recipient: their address as the mail has it, and the words of the server where it gives some. */
export type ReportedTo = { address: string; action: ReportAction; text: string | null };

/** A report about a mail that was sent. */
export type MailReport = {
  /** The report itself, as it lies in the mailbox; its conversation is null when it is gone from there. */
  message: EntryId;
  conversation: ConversationId | null;
  mailbox: MailboxId;
  /** The worst that it says. */
  kind: ReportAction;
  at: Millis;
  from: Address | null;
  subject: string;
  /** The mail that it is about; null: it fits none of ours. */
  about: EntryId | null;
  outbox: OutboxId | null;
  recipients: ReportedTo[];
};

export type OutboxRow = {
  id: OutboxId;
  mailbox: MailboxId;
  author: PersonId;
  /** The address it leaves from: From and envelope sender. */
  from: string;
  conversation: ConversationId;
  entry: EntryId;
  state: OutboxState;
  /** Inside `sending`: `claimed` before the body is released, `data` from the commit that precedes its first byte. */
  phase: 'claimed' | 'data' | null;
  /** Why it is held: the undo window or a date (`time`), or a lost right (`right`). */
  heldFor: 'time' | 'right' | null;
  messageId: string;
  postroomId: string;
  subject: string;
  recipients: Recipient[];
  hash: Hash;
  createdAt: Millis;
  /** Not before this. */
  sendAt: Millis;
  attempts: number;
  nextAttemptAt: Millis | null;
  lastError: string | null;
  sentCopy: 'pending' | 'filed' | 'failed';
  sentCopyAttempts: number;
  /** The mail that it answers; null when it answers none. */
  answers: EntryId | null;
  /** That mail was marked as answered on its server, or is not to be. */
  answered: boolean;
  /** What the server said that a person should know, though it moved nothing. */
  remark: string | null;
};

export type QueueRequest = {
  mailbox: MailboxId;
  policy: WorkPolicy;
  author: PersonId;
  from: string;
  /** null begins a conversation, or joins the thread that the headers name. */
  conversation: ConversationId | null;
  /** Compare-and-send: refused as `conflict` when the conversation moved. */
  ifRevision: number | null;
  octets: Uint8Array;
  messageId: string;
  postroomId: string;
  subject: string;
  recipients: readonly string[];
  now: Millis;
  sendAt: Millis;
  /** The public key of the session that asked, for the journal. */
  session?: string;
  /** The author by name and their session, for the audit journal. */
  by?: { name: string; origin: AuditOrigin | null };
  /** The same key again answers with the same row and queues nothing. */
  idempotencyKey: string | null;
  /** The mail that it answers. */
  answers?: EntryId | null;
  /** Whether it answers those who wrote: a forward does not. null: its recipients say it. */
  answersThem?: boolean | null;
  /** State after queueing, of a mail that answers: what is sent waits for the customer, `done` when asked so. */
  afterwards: 'waiting' | 'done';
  /** The mail that gives way to this one, in the same transaction: moved as `outboxMove` does, or nothing is queued. `patch` null: it gives way no more. */
  instead?: { id: OutboxId; expected: OutboxState; patch: OutboxPatch | null } | null;
};
export type QueueResult =
  | { ok: true; row: OutboxRow; repeated: boolean }
  | { ok: false; revision: number }
  /** The mail that was to give way is in another state by now. */
  | { ok: false; instead: OutboxState | null };

export type OutboxPatch = Partial<
  Pick<
    OutboxRow,
    | 'state'
    | 'phase'
    | 'heldFor'
    | 'recipients'
    | 'sendAt'
    | 'attempts'
    | 'nextAttemptAt'
    | 'lastError'
    | 'sentCopy'
    | 'sentCopyAttempts'
    | 'answered'
    | 'remark'
  >
>;

// --- what changed: the daemon's events are made from this --------------------------------------------------------

export type StoreChange =
  | {
      kind: 'conversation';
      mailbox: MailboxId;
      conversation: ConversationId;
      revision: number;
      what: 'mail-in' | 'mail-out' | 'note' | 'state' | 'assign' | 'flags' | 'merged' | 'gone';
      live: boolean;
      /** The person who did it; null: somebody outside, or the daemon by itself. */
      by: PersonId | null;
      /** Of `assign`: who had it before. */
      had?: Assignee | null;
    }
  | { kind: 'folders'; mailbox: MailboxId }
  | { kind: 'outbox'; mailbox: MailboxId; outbox: OutboxId; state: OutboxState; author: PersonId; conversation: ConversationId }
  | { kind: 'read'; mailbox: MailboxId; conversation: ConversationId; person: PersonId }
  /** Timelines have a row more; history that is imported is not told. */
  | { kind: 'activity'; mailbox: MailboxId; id: string; what: ActivityKind; at: Millis; conversation: ConversationId | null };

export interface Store {
  // folders
  putFolders(mailbox: MailboxId, listed: readonly ListedFolder[]): Promise<Folder[]>;
  folders(mailbox: MailboxId): Promise<Folder[]>;
  setFolder(
    folder: FolderId,
    patch: {
      uidValidity?: number | null;
      uidNext?: number | null;
      highestModSeq?: string | null;
      serverCount?: number | null;
      parked?: string | null;
    },
  ): Promise<void>;
  /** UIDs stored for one generation of a folder, ascending. */
  uids(folder: FolderId, uidValidity: number): Promise<number[]>;
  /** What identifies stored messages of a folder for re-linking after a UIDVALIDITY change. */
  identities(
    folder: FolderId,
  ): Promise<{ uidValidity: number; uid: number; hash: Hash; sizeOctets: number; receivedAt: Millis; messageId: string | null }[]>;

  // mail in
  ingest(batch: Ingest): Promise<Ingested[]>;
  applyChanges(change: FolderChange): Promise<void>;
  relink(mailbox: MailboxId, relink: Relink): Promise<void>;
  /** Placements of another UIDVALIDITY than the folder's present one go; after re-linking and re-fetching. */
  dropStale(mailbox: MailboxId, folder: FolderId, policy: WorkPolicy): Promise<void>;
  /** A folder that the server does not have any more: all places in it go, and the folder itself unless it is listed still. */
  dropFolder(mailbox: MailboxId, folder: FolderId, policy: WorkPolicy, isListed: boolean): Promise<void>;
  /** Moves placements between folders of a hosted mailbox. */
  moveHosted(mailbox: MailboxId, policy: WorkPolicy, entries: readonly EntryId[], to: FolderId): Promise<void>;
  /** A UID that the server lists and does not give, with its words; null: it lists it no more. */
  setUnfetchable(folder: FolderId, uidValidity: number, uid: number, why: string | null): Promise<void>;
  /** Those of a mailbox that are still missing: noted, and not come since. */
  unfetchable(mailbox: MailboxId): Promise<{ folder: FolderId; uidValidity: number; uid: number; why: string }[]>;

  // shown
  panel(query: PanelQuery): Promise<Rows<ConversationRow>>;
  panelCounts(query: Pick<PanelQuery, 'person' | 'roles' | 'mailboxes'>): Promise<PanelCounts>;
  list(query: ListQuery): Promise<Rows<ConversationRow>>;
  /** Follows a merged id to the one that lives on. */
  conversation(id: ConversationId, person: PersonId, seen: Seen, part: Part): Promise<ConversationDetail | null>;
  /** What lies before a mail or a note of it, by the place of that. */
  earlier(id: ConversationId, row: number, history: boolean): Promise<Earlier | null>;
  /** Where all its mails lie, oldest first, whatever folder they are in. */
  placed(id: ConversationId): Promise<{ entry: EntryId; placement: Placement }[]>;
  /** The same for a verb that carries the revision it saw: mail that comes in later is not among them. Null: it is gone. */
  seenPlaces(id: ConversationId, ifRevision: number | null): Promise<SeenPlaces | null>;
  /** The newest mail from outside, else the newest of all. */
  answerable(id: ConversationId): Promise<EntryRow | null>;
  octets(hash: Hash): Promise<Uint8Array>;
  /** Which mailbox a wire id belongs to; null when there is none. */
  mailboxOf(kind: 'conversation' | 'message' | 'outbox', id: string): Promise<MailboxId | null>;
  entry(id: EntryId): Promise<EntryRow | null>;
  countMessages(mailbox: MailboxId): Promise<number>;
  /** Newest first. Equal mail inside one conversation is one hit. */
  search(query: SearchQuery): Promise<SearchResult>;
  /** What this person searches through has changed: searches of theirs that wait or run fail as `rate-limited`, to be asked again. */
  interruptSearches(person: PersonId): void;

  // the team's work
  work(conversation: ConversationId, verb: WorkVerb, actor: PersonId, now: Millis, ifRevision: number | null): Promise<WorkResult | null>;
  /** `upTo` null marks unread from the last incoming mail on. */
  markRead(conversation: ConversationId, person: PersonId, read: boolean): Promise<void>;
  star(conversation: ConversationId, person: PersonId, starred: boolean): Promise<void>;
  /** Everything of a mailbox that was removed from the directory; octets that nothing names are reclaimed later. */
  forgetMailbox(mailbox: MailboxId): Promise<void>;
  /** Those of which anything is stored, whether they are still set up or not. */
  mailboxesStored(): Promise<MailboxId[]>;
  /** What somebody who leaves has: to the heir in those mailboxes, to nobody elsewhere. Done again it changes nothing. */
  handOver(from: Assignee, heir: { to: Assignee; mailboxes: readonly MailboxId[] } | null): Promise<void>;
  /** What somebody has in mailboxes where they may not answer any more: nobody's again, with a mark whose it was. Done again it changes nothing. */
  loseHolder(from: Assignee, mailboxes: readonly MailboxId[]): Promise<void>;
  /** Everybody who has a conversation, whether they are still here or not. */
  assignees(): Promise<Assignee[]>;
  /** What somebody has, by mailbox. */
  heldBy(assignee: Assignee): Promise<HeldBy[]>;

  // mail out
  queue(request: QueueRequest): Promise<QueueResult>;
  outbox(filter: { mailboxes: readonly MailboxId[]; states?: readonly OutboxState[]; limit: number }): Promise<OutboxRow[]>;
  outboxRow(id: OutboxId): Promise<OutboxRow | null>;
  /** Mail of a person that has not left: held, queued, or waiting for approval; oldest first. */
  unsent(author: PersonId): Promise<OutboxRow[]>;
  /** Rows whose time has come, oldest first, at most `limit`: queued, or held for time. */
  outboxDue(now: Millis, limit: number): Promise<OutboxRow[]>;
  nextOutboxAt(): Promise<Millis | null>;
  /**
   * Compare and set: false when the row is no longer in `expected`. `cancelled` also takes its entry out of the conversation; what failed
   * or bounced leaves the customer waiting, and opens it. `actor`: the person who decided it; null: the outbox itself.
   */
  outboxMove(
    id: OutboxId,
    expected: OutboxState,
    patch: OutboxPatch,
    actor?: PersonId | null,
    by?: { name: string; origin: AuditOrigin | null },
  ): Promise<boolean>;
  /** After a restart: rows found in `sending`. */
  outboxInterrupted(): Promise<OutboxRow[]>;
  /** Accepted rows whose copy in Sent is not there yet. */
  outboxUnfiled(limit: number): Promise<OutboxRow[]>;
  /** Accepted rows that answer a mail which is not marked so on its server yet. */
  outboxUnanswered(limit: number): Promise<OutboxId[]>;

  /** Reports about these mails of ours, oldest first. */
  reportsAbout(entries: readonly EntryId[]): Promise<MailReport[]>;
  /** Those that came in as these mails. */
  reportsIn(entries: readonly EntryId[]): Promise<MailReport[]>;
  /** Reports of a failure or a delay that fit no mail of ours, newest first. */
  strayReports(mailboxes: readonly MailboxId[], since: Millis, limit: number): Promise<MailReport[]>;

  /** What of a mailbox a person should look at: failed, bounced, of unknown fate, or not filed in Sent; newest first. */
  outboxTroubled(mailbox: MailboxId, limit: number): Promise<OutboxRow[]>;

  /** What the submission server of a mailbox said last; null: nobody asked yet. */
  sizeLimit(mailbox: MailboxId): Promise<ServerLimit | null>;
  noteSizeLimit(mailbox: MailboxId, limit: ServerLimit): Promise<void>;

  // which rights are used
  /** The last use of each: what is there is written over. */
  noteUses(uses: readonly RightUse[]): Promise<void>;
  uses(mailboxes: readonly MailboxId[]): Promise<RightUse[]>;
  /** Since when uses are noted. */
  watchedSince(): Promise<Millis>;
  /** Everybody of whom a use is noted, whether they are still here or not. */
  usersNoted(): Promise<PersonId[]>;
  forgetUses(person: PersonId): Promise<void>;

  // what happened
  /** For what is done outside the store; verbs and moves of the outbox are recorded with their effect. */
  recordActivity(activities: readonly ActivityRecord[], audits?: readonly AuditDraft[]): Promise<void>;
  /** Newest first. */
  timeline(query: TimelineQuery): Promise<Rows<TimelineRow>>;

  // who must answer for what
  /** For what is done outside the store; sends and what becomes of them are recorded with their effect. */
  recordAudit(drafts: readonly AuditDraft[]): Promise<void>;
  audit(query: AuditQuery): Promise<AuditRecord[]>;
  /** `expected`: an end of the journal that was noted down elsewhere. */
  verifyAudit(expected: AuditHead | null): Promise<AuditReport>;
  /** What the audit journal has of changed settings of one mailbox, newest first. */
  settingsHistory(query: SettingsQuery): Promise<SettingsHistory>;
  /** Called with the number of the last record whenever there are new ones. */
  onAudit(listener: (seq: number) => void): () => void;

  onChange(listener: (changes: readonly StoreChange[]) => void): () => void;
  /** Runs every invariant; a line for each that does not hold. */
  check(): Promise<string[]>;
  /** Reads the ends of every pack; a line for each that does not give what was stored. */
  checkPacks(): Promise<string[]>;
  close(): Promise<void>;
}

/** What an examination asks, of a daemon's store or of one that lies still. */
export type StoreExamined = Pick<Store, 'folders' | 'unfetchable' | 'outboxTroubled' | 'check' | 'checkPacks' | 'close'>;

/** The largest mail that a submission server takes, and its name; null: it names no limit. */
export type ServerLimit = { server: string; octets: number | null };

/** A right of grants, and when that person last used it there, to the day. */
export type RightUse = { person: PersonId; mailbox: MailboxId; right: 'access' | 'send' | 'setup'; at: Millis };

export type ActivityKind = 'mail-in' | 'mail-out' | 'note' | 'assign' | 'state' | 'grant' | 'delivery' | 'system';
export type ActivityRecord = {
  at: Millis;
  kind: ActivityKind;
  mailbox: MailboxId | null;
  conversation: ConversationId | null;
  actor: PersonId | null;
  summary: string;
  details: Record<string, unknown>;
  /** The same key again is recorded once: a change of rights is handed over until the journal has it. */
  key: string | null;
};

/** In which session somebody acted, as far as the daemon knows: the session, the fingerprint of its key, the place it was opened from. */
export type AuditOrigin = { session: string; key: string; from: string };
/** Whoever acts, by the name of that day. */
export type AuditActor = { id: PersonId; name: string };

/** One act, before it has a place in the chain. Never holds contents of mails or secrets. */
export type AuditDraft = {
  at: Millis;
  /** Null: the daemon itself, because a date came or a server answered. */
  actor: AuditActor | null;
  origin: AuditOrigin | null;
  /** `grant.set`, `outbox.accepted`: a noun and what happened. */
  action: string;
  /** What it was done to, by name: a person, a role, a mailbox, a Message-ID. */
  subject: string;
  /** The person whom it is about, so that what was done to somebody is found beside what they did. */
  person: PersonId | null;
  mailbox: { id: MailboxId; address: string } | null;
  /** In words, without the actor. */
  summary: string;
  details: Record<string, unknown>;
  /** The same act handed over again is recorded once. */
  once: string | null;
};

/** One line of the audit journal: everything but `hash` is hashed. */
export type AuditRecord = {
  seq: number;
  at: string;
  actor: string | null;
  actorId: PersonId | null;
  session: string | null;
  key: string | null;
  from: string | null;
  action: string;
  subject: string;
  personId: PersonId | null;
  mailbox: string | null;
  mailboxId: MailboxId | null;
  summary: string;
  details: Record<string, unknown>;
  /** The hash of the line before. */
  previous: string;
  hash: string;
};

export type AuditFilter = {
  /** `id` null: no such mailbox now; it may have been one. */
  mailbox: { id: MailboxId | null; address: string } | null;
  /** Acts by one of them, or about one of them. */
  persons: readonly PersonId[] | null;
  since: Millis | null;
  until: Millis | null;
  /** `grant` means all that begin with `grant.`. */
  action: string | null;
};
export type AuditQuery = { filter: AuditFilter; before: number | null; after: number | null; oldestFirst: boolean; limit: number };

/** Acts on one mailbox that changed settings of it, older than line `before`. */
export type SettingsQuery = { mailbox: MailboxId; before: number | null; limit: number };
/** `changed`: a field by its name in the directory's document. */
export type SettingsAct = { seq: number; at: Millis; actor: string | null; changed: Readonly<Record<string, unknown>> };
export type SettingsHistory = {
  acts: readonly SettingsAct[];
  /** When the mailbox was added, and by whom; else when the journal began. Null: it is empty. */
  begin: { at: Millis; by: string | null; added: boolean } | null;
};

export type AuditHead = { seq: number; hash: string };
export type AuditFinding = { seq: number; kind: 'changed' | 'removed' | 'reordered' | 'cut'; message: string };
export type AuditReport = { ok: boolean; rows: number; head: AuditHead | null; findings: AuditFinding[] };
