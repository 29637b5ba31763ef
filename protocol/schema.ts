/**
 * The nouns on the wire. Results have the field names of the command line's JSON, so that the command line prints what it was given.
 * Text from outside (subjects, names, bodies, file names, server words) is SafeText: made by the daemon, checked again here.
 * Dates are ISO 8601 in UTC. `mailbox` is an address everywhere; people are named by their names.
 */
import * as z from 'zod';
import { operations } from './rows.ts';
import { isSafe, type SafeText } from './text.ts';

/** Text that was cleaned for a screen; what was not is refused on receipt, so that no door lets it in. */
export const Safe = z.custom<SafeText>((value) => typeof value === 'string' && isSafe(value), {
  error: 'text was not made safe for a screen',
});

export const IsoDate = z.iso.datetime({ offset: false });
/** A name that a person typed: a person, a role. */
export const Name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .refine((name) => isSafe(name) && !name.includes('\n'), 'a name is one line of visible characters');
/** A mailbox is named by its primary address, one of its aliases, or its id. */
export const MailboxName = z.string().trim().min(1).max(320);
export const Revision = z.int().min(0);
export const Cursor = z.string().max(500).nullable().default(null);
export const Limit = z.int().min(1).max(200).default(50);
/** Events up to `seq` are in the picture; apply those after it, in order, ask again on a gap. */
export const Seq = z.int().min(0);

export const Address = z.object({ name: Safe.nullable(), address: Safe });
/** An address list as a person typed it: `Jane <jane@example.com>, bob@example.com`. */
export const AddressText = z.string().max(20_000);

export const Operation = z.enum(operations);
export const Rights = z.object({ access: z.boolean(), send: z.boolean(), setup: z.boolean() });
/** What a person reaches on a mailbox. */
export const Surfaces = z.object({ panel: z.boolean(), timeline: z.boolean(), send: z.boolean(), settings: z.boolean() });

export const PersonStatus = z.enum(['invited', 'active', 'disabled']);
export const Person = z.object({ id: z.string(), name: Safe, email: Safe.nullable(), status: PersonStatus });
export const Key = z.object({
  fingerprint: z.string(),
  person: Safe,
  label: Safe,
  addedAt: IsoDate,
  revokedAt: IsoDate.nullable(),
  /** It is the one that this session was opened with. */
  current: z.boolean(),
  /** Who invited it, where that was somebody else and its person had joined before. */
  invitedBy: Safe.nullable(),
  /** It opens nothing until its person or another people manager has confirmed it. */
  waits: z.boolean(),
});
/** One that can still be used. */
export const Invitation = z.object({
  id: z.string(),
  person: Safe,
  by: Safe,
  expiresAt: IsoDate,
  /** For somebody who has never joined; otherwise for one more key. */
  newcomer: z.boolean(),
});
export const PersonDetail = Person.extend({
  plan: Safe.nullable(),
  operations: z.array(Operation),
  roles: z.array(Safe),
  keys: z.array(Key),
  /** Whom they count as where nobody does something alone: whoever invited them, until somebody else has confirmed the person. */
  countsAs: z.array(Safe),
  /** Mailboxes that they own and the asker may see, by address. */
  owns: z.array(Safe),
  /** Owned mailboxes that the asker cannot see. */
  ownsHidden: z.int(),
});
export const GranteeKind = z.enum(['person', 'role']);
export const Grantee = z.object({ kind: GranteeKind, name: Safe });
export const Role = z.object({
  id: z.string(),
  name: Safe,
  members: z.array(Grantee),
  operations: z.array(Operation),
  people: z.array(Safe),
});
const Refused = z.object({ code: z.string(), why: Safe.nullable(), message: Safe }).nullable();
/** Whom a role comes to and through what, and what it carries. */
export const RoleDetail = Role.extend({
  /** `via`: the roles between, this one left out; none for a member of its own. */
  effective: z.array(z.object({ person: Safe, via: z.array(Safe), status: PersonStatus })),
  /** The roles that hold it. */
  within: z.array(Safe),
  /** What was given to it on mailboxes whose grants the asker may see. */
  carries: z.array(z.object({ mailbox: Safe, ...Rights.shape, from: IsoDate.nullable(), until: IsoDate.nullable() })),
  /** On how many others something was given to it. */
  carriesHidden: z.int(),
});
/** What a change of a role would give and take. */
export const RolePreview = z.object({
  role: Safe,
  reach: z.array(
    z.object({
      person: Safe,
      /** Null: on `mailboxes` mailboxes whose grants the asker cannot see. */
      mailbox: Safe.nullable(),
      mailboxes: z.int(),
      gains: z.array(Surfaces.keyof()),
      loses: z.array(Surfaces.keyof()),
    }),
  ),
  operations: z.array(z.object({ person: Safe, gains: z.array(Operation), loses: z.array(Operation) })),
  /** Grants that end with it. */
  grants: z.int(),
  refused: Refused,
});
/** What hangs on a person, and what the choices that were given would do with it. */
export const Leaving = z.object({
  person: Person,
  successor: Safe.nullable(),
  owns: z.array(Safe),
  ownsHidden: z.int(),
  /** Conversations of theirs that are not done, those of them that are snoozed, and those that the successor would have. */
  assigned: z.int(),
  snoozed: z.int(),
  handed: z.int(),
  /** Their mail that has not left. */
  unsent: z.int(),
  roles: z.array(Safe),
  operations: z.array(Operation),
  keys: z.int(),
  /** Open ones: for them, and made by them for others. All of them end. */
  invitations: z.object({ own: z.int(), made: z.int() }),
  /** What was given to them ends; what they gave to others (`gave`) stays. */
  grants: z.array(z.object({ mailbox: Safe, ...Rights.shape })),
  grantsHidden: z.int(),
  gave: z.int(),
  /** What nothing was chosen for yet. */
  wants: z.array(z.enum(['mailboxes', 'work', 'mail'])),
  refused: Refused,
});

export const MailboxState = z.enum(['connecting', 'syncing', 'idle', 'offline', 'auth-failed', 'error']);
export const MailboxSettings = z.object({
  name: Safe.nullable(),
  signature: Safe.nullable(),
  readState: z.enum(['never', 'on-reply-or-done', 'on-first-read']),
  done: z.enum(['keep', 'archive', 'keyword']),
  followServer: z.boolean(),
  outgoingInPanel: z.boolean(),
});
/** What of a mailbox has a history: what `mailbox set` writes, and what has verbs of its own. */
export const SettingField = z.enum([
  'name',
  'signature',
  'readState',
  'done',
  'followServer',
  'outgoingInPanel',
  'workFrom',
  'addresses',
  'owner',
  'shared',
  'imap',
  'smtp',
  'user',
  'ca',
  'secret',
]);
export type SettingField = z.output<typeof SettingField>;
/** As `mailbox show` has it. Of the secret no more than that it was `changed`. */
const SettingValue = z.union([Safe, z.boolean(), z.array(Safe)]).nullable();
export const SettingChange = z.object({
  at: IsoDate,
  /** By the name of that day; null: the daemon itself. */
  by: Safe.nullable(),
  field: SettingField,
  before: SettingValue,
  after: SettingValue,
});
export type SettingChange = z.output<typeof SettingChange>;
/** How far back the history of a mailbox goes. */
export const HistoryBegin = z.object({
  at: IsoDate,
  by: Safe.nullable(),
  /** False: the mailbox is older than the journal, and what was changed before `at` is told nowhere. */
  added: z.boolean(),
});
export type HistoryBegin = z.output<typeof HistoryBegin>;

/**
 * How far the mail store is behind the server; `total` is null before the folders were counted, and for those who may open nothing there.
 * `folder`, and an error about folders, are for those who may see which folders there are.
 */
export const SyncProgress = z.object({
  done: z.int(),
  total: z.int().nullable(),
  folder: Safe.nullable(),
  error: Safe.nullable(),
  syncedAt: IsoDate.nullable(),
  retryAt: IsoDate.nullable(),
});
export const Mailbox = z.object({
  id: z.string(),
  address: Safe,
  addresses: z.array(Safe),
  name: Safe.nullable(),
  owner: Safe,
  kind: z.enum(['imap', 'hosted']),
  shared: z.boolean(),
  workFrom: IsoDate.nullable(),
  state: MailboxState,
  sync: SyncProgress,
  rights: Surfaces,
  /** Null for those who hold no Setup. */
  settings: MailboxSettings.nullable(),
  server: z
    .object({
      imap: Safe.nullable(),
      smtp: Safe.nullable(),
      user: Safe.nullable(),
      secret: z.enum(['sealed', 'command', 'missing']),
      /** Who vouches for the certificates: those whom everybody trusts, or an authority of one's own. */
      ca: z.enum(['public', 'own']).optional(),
    })
    .nullable(),
  revision: Revision,
  /** Null for those who may not see which folders there are, and for those who may open nothing. */
  folders: z.int().nullable(),
  messages: z.int().nullable(),
  watch: z.enum(['all', 'mine', 'none']),
});

export const Grant = z.object({
  id: z.string(),
  grantee: Grantee,
  access: z.boolean(),
  send: z.boolean(),
  setup: z.boolean(),
  from: IsoDate.nullable(),
  until: IsoDate.nullable(),
  note: Safe.nullable(),
  by: Safe,
  at: IsoDate,
  /** Why the sharing policy would refuse it today; what was given before a rule came counts all the same. */
  policy: Safe.nullable(),
});

const Right = z.enum(['access', 'send', 'setup']);
/** The chain that gives or denies each right of one person. */
export const Explanation = z.object({
  mailbox: Safe,
  person: Safe,
  rights: Surfaces,
  because: z.array(
    z.object({
      right: Right,
      via: z.array(Safe),
      from: IsoDate.nullable(),
      until: IsoDate.nullable(),
      /** Null: ownership. */
      grant: z.string().nullable(),
      /** Why the sharing policy would refuse the grant today; it counts all the same. */
      policy: Safe.nullable(),
    }),
  ),
  denied: z.array(
    z.object({
      right: Right,
      why: Safe,
      /** What reaches the person and does not count: not begun, ended, kept by a personal mailbox, or the person is disabled. */
      through: z.array(z.object({ via: z.array(Safe), from: IsoDate.nullable(), until: IsoDate.nullable(), grant: z.string().nullable() })),
    }),
  ),
});
/** A right of a grant that none of those who hold it through the grant has used. */
export const UnusedRight = z.object({
  mailbox: Safe,
  grant: z.string(),
  grantee: Grantee,
  right: Right,
  /** Since when somebody could have used it and been seen: the grant, the newest way in to its role, or the begin of the watch. */
  since: IsoDate,
  /** The day of the last use, before that time; null: none was seen. */
  lastUsed: IsoDate.nullable(),
  /** How many persons hold it through the grant. */
  people: z.int(),
});
/** A grant on a mailbox, or somebody whom rights reach without one of their own (`grant` null). */
export const MatrixRow = z.object({
  grantee: Grantee,
  owner: z.boolean(),
  /** How many persons it comes to. */
  people: z.int(),
  grant: z.string().nullable(),
  access: z.boolean(),
  send: z.boolean(),
  setup: z.boolean(),
  /** What reaches the grantee beside grants of their own, and from where: `role agents`, `owner`. */
  inherited: z.object({ access: z.array(Safe), send: z.array(Safe), setup: z.array(Safe) }),
  state: z.enum(['live', 'coming', 'ended']).nullable(),
  from: IsoDate.nullable(),
  until: IsoDate.nullable(),
  note: Safe.nullable(),
  by: Safe.nullable(),
  at: IsoDate.nullable(),
});
export const Matrix = z.object({ mailbox: Safe, revision: Revision, shared: z.boolean(), owner: Safe, rows: z.array(MatrixRow) });
const note = z.string().max(500).nullable().default(null);
/** One staged edit of grants. Edits of one request happen together or not at all. */
export const GrantEdit = z.discriminatedUnion('kind', [
  /** The standing grant: exactly these rights. */
  z.strictObject({ kind: z.literal('set'), grantee: Name, ...Rights.shape, note }),
  /** One more, with an end. */
  z.strictObject({ kind: z.literal('add'), grantee: Name, ...Rights.shape, from: IsoDate.nullable().default(null), until: IsoDate, note }),
  /** Another content for a grant that is there; without an end it stands. */
  z.strictObject({
    kind: z.literal('change'),
    grant: z.string().max(100),
    ...Rights.shape,
    from: IsoDate.nullable().default(null),
    until: IsoDate.nullable().default(null),
    note,
  }),
  /** One grant, or all of the grantee's. */
  z.strictObject({ kind: z.literal('remove'), grantee: Name, grant: z.string().max(100).nullable().default(null) }),
]);
/** What staged edits would do. */
export const GrantPreview = z.object({
  mailbox: Safe,
  revision: Revision,
  /** Who gains and who loses what there; `from` is the first moment at which it differs, null: with the write. */
  differences: z.array(
    z.object({ person: Safe, gains: z.array(Surfaces.keyof()), loses: z.array(Surfaces.keyof()), from: IsoDate.nullable() }),
  ),
  /** Who holds Setup afterwards, the owner first. */
  holders: z.array(Grantee.extend({ people: z.int() })),
  /** Of the person that was asked about, now. */
  present: Explanation.nullable(),
  /** The same afterwards. */
  effective: Explanation.nullable(),
  /** Why the write would be refused. */
  refused: Refused,
});

export const WorkState = z.enum(['open', 'waiting', 'snoozed', 'done']);
export const Assignee = Grantee;
export const Conversation = z.object({
  conversation: z.string(),
  mailbox: Safe,
  subject: Safe,
  from: Address.nullable(),
  addressedTo: Safe.nullable(),
  lastAt: IsoDate,
  waitingSince: IsoDate.nullable(),
  direction: z.enum(['in', 'out']),
  unread: z.int(),
  messages: z.int(),
  assignee: Assignee.nullable(),
  /** Who had it until they lost the right to answer. */
  had: Assignee.nullable().optional(),
  state: WorkState,
  revision: Revision,
  snippet: Safe,
  attachments: z.int(),
  starred: z.boolean(),
});

const ReportKind = z.enum(['failed', 'delayed', 'delivered', 'read']);
/** A report about a mail that was sent: on its delivery, or that it was read. */
export const MailReport = z.object({
  /** The report as a message, and its conversation; null when it is gone from the mailbox. */
  message: z.string(),
  conversation: z.string().nullable(),
  mailbox: Safe,
  /** The worst that it says. */
  kind: ReportKind,
  at: IsoDate,
  from: Address.nullable(),
  subject: Safe,
  /** The message that it is about, and that one's row of the outbox; null: it fits no mail of ours, or one that was sent elsewhere. */
  about: z.string().nullable(),
  outbox: z.string().nullable(),
  recipients: z.array(z.object({ address: Safe, action: ReportKind, text: Safe.nullable() })),
});

export const Attachment = z.object({ index: z.int(), filename: Safe, type: Safe, size: z.int() });
export const OutboxState = z.enum([
  'held',
  'waiting-approval',
  'queued',
  'sending',
  'accepted',
  'unknown',
  'failed',
  'bounced',
  'cancelled',
]);
/** What a held mail waits for: its time (undo window, send later), or a right that its author lost. */
const HeldFor = z.enum(['time', 'right']).nullable();
export const Message = z.object({
  id: z.string(),
  messageId: Safe.nullable(),
  date: IsoDate,
  from: z.array(Address),
  to: z.array(Address),
  cc: z.array(Address),
  replyTo: z.array(Address),
  subject: Safe,
  /** Readable text; HTML as text with numbered links. Lines end in LF. */
  text: Safe,
  /** Targets of the numbered links, `[1]` first. */
  links: z.array(Safe),
  direction: z.enum(['in', 'out']),
  automatic: z.boolean(),
  /**
   * What should be known of who wrote it: `claims-ours` (From is an address of the mailbox, and nothing else says that it is ours),
   * `new-sender`, `outside-postroom` (ours, sent by another program), `by-subject` (no id says that it belongs to the conversation).
   */
  marks: z.array(Safe).optional(),
  /** The person who sent it through Postroom. */
  author: Safe.nullable(),
  attachments: z.array(Attachment),
  /** Where it lies; empty for those who may not see which folders there are. */
  folders: z.array(Safe),
  /** The state of one that is on its way out. */
  outbox: z.object({ id: z.string(), state: OutboxState, heldFor: HeldFor, sendAt: IsoDate, error: Safe.nullable() }).nullable(),
  /** Reports about this mail of ours, oldest first. */
  reports: z.array(MailReport).optional(),
  /** What this mail reports, when it is a report. */
  report: MailReport.nullable().optional(),
  /** The mail defeated the parser: headers and what could be read; the original can be saved. */
  defeated: z.boolean(),
  headers: Safe.nullable(),
});
/** What is kept of a mail that is no longer on the server; the first few of `to`. */
export const GoneMail = z.object({
  id: z.string(),
  date: IsoDate,
  direction: z.enum(['in', 'out']),
  from: z.array(Address),
  to: z.array(Address),
  subject: Safe,
});
export const Note = z.object({ id: z.string(), at: IsoDate, author: Safe, text: Safe });

/** What the audit journal keeps about an act: JSON whose texts were all made safe. */
const SafeDetails = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && isSafeThroughout(value),
  { error: 'text was not made safe for a screen' },
);
function isSafeThroughout(value: unknown): boolean {
  if (typeof value === 'string') return isSafe(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, field]) => isSafe(key) && isSafeThroughout(field));
}
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/**
 * One line of the audit journal. `hash` is the SHA-256 of all other fields as JSON with sorted keys and without blanks; `previous` is that of
 * the line before. A field of a later release is kept by clients that do not know it: it is hashed too.
 */
export const AuditRow = z.looseObject({
  seq: z.int(),
  at: IsoDate,
  /** By the name of that day; null: the daemon itself. */
  actor: Safe.nullable(),
  actorId: z.string().nullable(),
  session: Safe.nullable(),
  /** The fingerprint of the key that the session was opened with. */
  key: Safe.nullable(),
  /** `ipc uid 1000`, `tcp 192.0.2.7`. */
  from: Safe.nullable(),
  action: Safe,
  subject: Safe,
  personId: z.string().nullable(),
  mailbox: Safe.nullable(),
  mailboxId: z.string().nullable(),
  summary: Safe,
  details: SafeDetails,
  previous: z.string(),
  hash: z.string(),
});
export type AuditRow = z.output<typeof AuditRow>;
export const AuditHead = z.object({ seq: z.int().min(1), hash: Sha256 });

export const ActivityKind = z.enum(['mail-in', 'mail-out', 'note', 'assign', 'state', 'grant', 'delivery', 'system']);
/** A mail as it lies in its mailbox, or one record of the journal. */
export const TimelineRow = z.object({
  id: z.string(),
  at: IsoDate,
  kind: ActivityKind,
  mailbox: Safe,
  /** Null when it is about the mailbox, or the conversation is gone. */
  conversation: z.string().nullable(),
  /** Of the conversation, when this was read. */
  revision: Revision.nullable(),
  /** Who did it here; null: somebody outside, another client, or the daemon by itself. */
  actor: Safe.nullable(),
  /** Of a mail and a delivery; the first few of `to`. */
  from: Address.nullable(),
  to: z.array(Address),
  /** Of the mail, or of the conversation. */
  subject: Safe,
  /** What was done, in words; of a mail and a note the beginning of its text. */
  summary: Safe,
  /** The mail, as `conversation.show` names it. */
  message: z.string().nullable(),
  /** True: the mail is no longer on the server; who wrote to whom, the subject and the date are all that is kept. */
  gone: z.boolean().optional(),
  /** What became of a mail that was sent from here. */
  outbox: z.object({ id: z.string(), state: OutboxState }).nullable(),
  /** `assign`: who has it since; null: nobody. */
  assignee: Grantee.nullable(),
  /** `state`: what it came to. */
  state: WorkState.nullable(),
});

/** A mail that a search found, or a note with the mail it was written about. */
export const SearchHit = z.object({
  kind: z.enum(['mail', 'note']),
  conversation: z.string(),
  /** Of the conversation, when it was found. */
  revision: Revision,
  message: z.string().nullable(),
  note: z.string().nullable(),
  /** Who wrote the note. */
  author: Safe.nullable(),
  mailbox: Safe,
  subject: Safe,
  from: Address.nullable(),
  date: IsoDate,
  snippet: Safe,
  /** Where the words that were asked for stand in `snippet`, in UTF-16 units. */
  hits: z.array(z.tuple([z.int(), z.int()])),
});

export const Folder = z.object({
  path: Safe,
  /** Names the folder exactly, also where its name cannot be shown; `move` and `list` take it like a path. */
  key: z.string(),
  role: z.enum(['inbox', 'sent', 'drafts', 'junk', 'trash', 'archive', 'all']).nullable(),
  /** False: a name that only holds other folders (\\Noselect) and never mail. */
  selectable: z.boolean().default(true),
  uidvalidity: z.int().nullable(),
  server: z.int().nullable(),
  stored: z.int(),
  error: Safe.nullable(),
});

export const OutboxEntry = z.object({
  id: z.string(),
  mailbox: Safe,
  conversation: z.string().nullable(),
  author: Safe,
  state: OutboxState,
  heldFor: HeldFor,
  to: z.array(Safe),
  subject: Safe,
  createdAt: IsoDate,
  sendAt: IsoDate,
  attempts: z.int(),
  lastError: Safe.nullable(),
  messageId: Safe,
  recipients: z.array(
    z.object({ address: Safe, state: z.enum(['pending', 'accepted', 'failed', 'unknown', 'bounced']), reply: Safe.nullable() }),
  ),
  sentCopy: z.enum(['pending', 'filed', 'failed']),
  nextAttemptAt: IsoDate.nullable(),
  /** The reports about it, oldest first, and what its server said that a person should know. */
  details: z.object({ reports: z.array(MailReport), remark: Safe.nullable() }).optional(),
});

/** A server as a person writes it: `imaps://host:993`, `imap://host:143`, `smtps://host:465`, `smtp://host:587`; `?tls=no` only when asked for. */
export const ServerUrl = z.string().max(500);
/** A password given once and sealed, or the name of a command of the daemon's config. */
export const SecretSource = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('password'), password: z.string().min(1).max(10_000) }),
  z.strictObject({ kind: z.literal('command'), name: z.string().min(1).max(200) }),
]);

export type Address = z.output<typeof Address>;
export type Operation = z.output<typeof Operation>;
export type Surfaces = z.output<typeof Surfaces>;
export type Person = z.output<typeof Person>;
export type PersonDetail = z.output<typeof PersonDetail>;
export type Role = z.output<typeof Role>;
export type RoleDetail = z.output<typeof RoleDetail>;
export type RolePreview = z.output<typeof RolePreview>;
export type Leaving = z.output<typeof Leaving>;
export type Key = z.output<typeof Key>;
export type Invitation = z.output<typeof Invitation>;
export type Mailbox = z.output<typeof Mailbox>;
export type MailboxState = z.output<typeof MailboxState>;
export type SyncProgress = z.output<typeof SyncProgress>;
export type Grant = z.output<typeof Grant>;
export type Explanation = z.output<typeof Explanation>;
export type Matrix = z.output<typeof Matrix>;
export type MatrixRow = z.output<typeof MatrixRow>;
export type GrantEdit = z.input<typeof GrantEdit>;
export type GrantPreview = z.output<typeof GrantPreview>;
export type Conversation = z.output<typeof Conversation>;
export type WorkState = z.output<typeof WorkState>;
export type Message = z.output<typeof Message>;
export type Attachment = z.output<typeof Attachment>;
export type Note = z.output<typeof Note>;
export type GoneMail = z.output<typeof GoneMail>;
export type ActivityKind = z.output<typeof ActivityKind>;
export type TimelineRow = z.output<typeof TimelineRow>;
export type SearchHit = z.output<typeof SearchHit>;
export type Folder = z.output<typeof Folder>;
export type OutboxEntry = z.output<typeof OutboxEntry>;
export type MailReport = z.output<typeof MailReport>;
export type OutboxState = z.output<typeof OutboxState>;

/** What a test of a mailbox's servers did, in order, until a step failed. Steps are `connect`, `greeting`, `tls`, `login` or `sign in`, …. */
export const TestSteps = z.array(z.object({ server: z.enum(['imap', 'smtp']), step: Safe, ok: z.boolean(), message: Safe }));
