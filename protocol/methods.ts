/**
 * Every request as one row. `needs` names surfaces and operations, never rights; `names` says what of mailboxes a request touches.
 * Both are enforced in server.ts before any handler runs. A row over many mailboxes needs only a `session`: its handler asks the
 * store for just those mailboxes that the person reaches.
 */
import * as z from 'zod';
import { type AskedOf, method, type ParamsOf, type ResultInputOf, type ResultOf } from './rows.ts';
import {
  ActivityKind,
  AddressText,
  Attachment,
  AuditHead,
  AuditRow,
  Conversation,
  Cursor,
  Explanation,
  Folder,
  GoneMail,
  Grant,
  GrantEdit,
  GrantPreview,
  HistoryBegin,
  Invitation,
  IsoDate,
  Key,
  Leaving,
  Limit,
  Mailbox,
  MailboxName,
  MailboxSettings,
  MailReport,
  Matrix,
  Message,
  Name,
  Note,
  Operation,
  OutboxEntry,
  OutboxState,
  Person,
  PersonDetail,
  Revision,
  Role,
  RoleDetail,
  RolePreview,
  Safe,
  SearchHit,
  SecretSource,
  Seq,
  ServerUrl,
  SettingChange,
  SettingField,
  Surfaces,
  TestSteps,
  TimelineRow,
  UnusedRight,
  WorkState,
} from './schema.ts';

const none = z.object({});
const done = z.object({ ok: z.literal(true) });
const named = z.object({ name: Name });
const mailbox = z.object({ mailbox: MailboxName });
const conversationId = z.string().min(1).max(100);
const ofMailbox = (asked: { mailbox: string }) => [{ mailbox: asked.mailbox }];
const ofConversation = (asked: { conversation: string }) => [{ conversation: asked.conversation }];
const ofMessage = (asked: { message: string }) => [{ message: asked.message }];
const ofOutbox = (asked: { outbox: string }) => [{ outbox: asked.outbox }];
/** A conversation, and where it is named a mail of it. */
const ofMailIn = (asked: { conversation: string; message: string | null }) => [
  ...ofConversation(asked),
  ...(asked.message === null ? [] : [{ message: asked.message }]),
];
/**
 * Where the mails of a move lie now, and where each came from: folders by key, or by number. A mail that lay in two is named twice.
 * `state`: that of the conversation before.
 */
const WayBack = z.strictObject({
  out: z.string().max(2_000),
  state: WorkState.default('open'),
  to: z.array(z.strictObject({ folder: z.string().min(1).max(2_000), messages: z.array(z.string().max(100)).max(100_000) })).max(1_000),
});
const invitation = z.object({
  person: Person,
  invitation: z.string(),
  expiresAt: IsoDate,
  warning: Safe.nullable(),
  /** The key that comes of it opens nothing until its person or another people manager has confirmed it. */
  confirm: z.boolean(),
});
const departure = {
  name: Name,
  /** Who owns what they owned, and has their conversations wherever they may send. */
  successor: Name.nullable().default(null),
  /** Their conversations go back to the team. */
  release: z.boolean().default(false),
  /** What becomes of their mail that has not left. */
  mail: z.enum(['hold', 'cancel']).default('hold'),
};
const worked = z.object({
  conversation: z.string(),
  revision: Revision,
  state: WorkState,
  assignee: Conversation.shape.assignee,
  /** False: it was so already, and there is nothing to undo. */
  changed: z.boolean().default(true),
});
const rights = { access: z.boolean().default(false), send: z.boolean().default(false), setup: z.boolean().default(false) };
const StateFilter = z.enum(['open', 'waiting', 'snoozed', 'done', 'any']).default('any');
const conversations = z.object({ rows: z.array(Conversation), next: z.string().nullable(), unread: z.int(), seq: Seq });
const timelinePage = {
  /** null: every kind. */
  kinds: z.array(ActivityKind).min(1).max(8).nullable().default(null),
  /** Nothing that is older. */
  since: IsoDate.nullable().default(null),
  limit: Limit,
  cursor: Cursor,
};
const timeline = z.object({ rows: z.array(TimelineRow), next: z.string().nullable(), seq: Seq });
/** `shared` false: the grants are kept and do not count. */
const grants = z.object({ revision: Revision, shared: z.boolean(), rows: z.array(Grant) });
const edits = z.array(GrantEdit).max(200);
const staged = { mailbox: MailboxName, ifRevision: Revision.nullable().default(null) };

export const methods = {
  // --- who am I, is the daemon well ------------------------------------------------------------------------------
  'session.whoami': method({
    doc: 'The person behind this session, what they may do to the whole system, and the daemon they talk to.',
    needs: 'session',
    params: none,
    result: z.object({
      person: z.object({ id: z.string(), name: Safe }),
      operations: z.array(Operation),
      roles: z.array(Safe),
      daemon: z.object({ name: Safe, version: z.string(), fingerprint: z.string() }),
      fingerprint: z.string(),
    }),
    errors: [],
  }),
  'daemon.status': method({
    doc: 'The daemon itself: version, since when, sessions, and how many mailboxes need attention among those the person sees.',
    needs: 'session',
    params: none,
    result: z.object({
      version: z.string(),
      pid: z.int(),
      startedAt: IsoDate,
      sessions: z.int(),
      mailboxes: z.int(),
      troubled: z.int(),
      eventLoopP99Ms: z.number(),
    }),
    errors: [],
  }),
  'daemon.doctor': method({
    doc: 'Looks at everything that could be wrong and says how to mend it: mailboxes as far as the person sees them, the daemon itself for those who manage people.',
    needs: 'session', // the handler looks at just those mailboxes that the person reaches
    params: none,
    result: z.object({
      ok: z.boolean(),
      findings: z.array(z.object({ level: z.enum(['error', 'warning', 'info']), code: z.string(), message: Safe, mend: Safe })),
      version: z.string(),
      at: IsoDate,
    }),
    errors: [],
  }),
  'person.join': method({
    doc: "Turns an invitation into an identity: registers the newcomer's own public key. Works once.",
    needs: 'invitation',
    params: z.object({ publicKey: z.string().length(40), label: z.string().max(100).default('') }),
    /** `waits`: the key opens nothing until somebody has confirmed it. */
    result: z.object({ person: Person, daemon: z.object({ name: Safe, version: z.string() }), waits: z.boolean() }),
    errors: ['conflict'],
  }),

  // --- people ----------------------------------------------------------------------------------------------------
  'person.add': method({
    doc: 'Adds a person and gives an invitation that they turn into an identity with `postroom join`.',
    needs: 'people.manage',
    params: z.object({
      name: Name,
      email: z.string().max(320).nullable().default(null),
      operations: z.array(Operation).max(10).default([]),
    }),
    result: invitation,
    errors: ['conflict'],
  }),
  'person.invite': method({
    doc: 'One more key for a person (a second laptop): oneself, or anybody for people managers.',
    needs: 'session', // oneself; the handler asks for people.manage for everybody else
    params: named,
    result: invitation,
    errors: [],
  }),
  'person.list': method({
    doc: 'Everybody, by name.',
    needs: 'session',
    params: none,
    result: z.object({ rows: z.array(Person) }),
    errors: [],
  }),
  'person.show': method({
    doc: 'One person: roles, operations, keys; details only for people managers and for oneself.',
    needs: 'session',
    params: named,
    result: PersonDetail,
    errors: [],
  }),
  'person.set': method({
    doc: 'Changes the plan or the e-mail address of a person.',
    needs: 'people.manage',
    params: z.object({ name: Name, plan: z.string().max(100).nullable().optional(), email: z.string().max(320).nullable().optional() }),
    result: Person,
    errors: [],
  }),
  'person.disable': method({
    doc: 'Ends their sessions at once; everything of theirs is kept.',
    needs: 'people.manage',
    params: named,
    result: Person,
    errors: ['conflict'],
  }),
  'person.enable': method({
    doc: 'Lets a disabled person in again.',
    needs: 'people.manage',
    params: named,
    result: Person,
    errors: ['conflict'],
  }),
  'person.confirm': method({
    doc: 'Says that there is such a person: until then they count as whoever invited them. Not for oneself, and not for those whom one invited.',
    needs: 'people.manage',
    params: named,
    result: done,
    errors: ['conflict'],
  }),
  'person.leaving': method({
    doc: 'Everything that hangs on a person who leaves, and what the choices given would do with it. Writes nothing.',
    needs: 'people.manage',
    params: z.object(departure),
    result: Leaving,
    errors: [],
  }),
  'person.remove': method({
    doc: 'Removes a person. What they own needs a successor, their work and unsent mail a successor or a release. Their name stays on what they wrote.',
    needs: 'people.manage',
    params: z.object(departure),
    result: done,
    errors: ['conflict'],
  }),
  'person.allow': method({
    doc: 'Gives a system operation; never to oneself.',
    needs: 'people.manage',
    params: z.object({ name: Name, operation: Operation }),
    result: done,
    errors: ['conflict'],
  }),
  'person.deny': method({
    doc: 'Takes a system operation away.',
    needs: 'people.manage',
    params: z.object({ name: Name, operation: Operation }),
    result: done,
    errors: ['conflict'],
  }),
  'key.list': method({
    doc: "One's own keys; everybody's for people managers.",
    needs: 'session',
    params: none,
    result: z.object({ rows: z.array(Key) }),
    errors: [],
  }),
  'key.revoke': method({
    doc: 'Revokes a key: its sessions end at once.',
    needs: 'session',
    params: z.object({ fingerprint: z.string().min(4).max(100) }),
    result: done,
    errors: ['conflict'],
  }),

  'key.confirm': method({
    doc: "Says that a key which somebody else invited is that person's: one's own, from another device; anybody's for people managers who did not invite it.",
    needs: 'session',
    params: z.object({ fingerprint: z.string().min(4).max(100) }),
    result: done,
    errors: ['conflict'],
  }),
  'invitation.list': method({
    doc: "Invitations that can still be used: one's own and those one made, all of them for people managers.",
    needs: 'session',
    params: none,
    result: z.object({ rows: z.array(Invitation) }),
    errors: [],
  }),
  'invitation.withdraw': method({
    doc: "An invitation opens nothing any more: one's own, one that one made, anybody's for people managers.",
    needs: 'session',
    params: z.object({ invitation: z.string().min(1).max(100) }),
    result: done,
    errors: ['conflict'],
  }),

  // --- roles -----------------------------------------------------------------------------------------------------
  'role.add': method({
    doc: 'A named set of persons and roles.',
    needs: 'people.manage',
    params: named,
    result: Role,
    errors: ['conflict'],
  }),
  'role.list': method({
    doc: 'All roles, by name.',
    needs: 'session',
    params: none,
    result: z.object({ rows: z.array(Role) }),
    errors: [],
  }),
  'role.show': method({
    doc: 'Members of a role, the people it comes to and through what, and what was given to it.',
    needs: 'session',
    params: named,
    result: RoleDetail,
    errors: [],
  }),
  'role.preview': method({
    doc: 'What it would give and take when a member joins or leaves a role, or the role is removed. Writes nothing.',
    needs: 'people.manage',
    params: z.object({
      role: Name,
      edit: z.enum(['join', 'leave', 'remove']),
      /** Who joins or leaves. */
      member: Name.nullable().default(null),
    }),
    result: RolePreview,
    errors: [],
  }),
  'role.remove': method({
    doc: 'Removes a role and the grants that were given to it.',
    needs: 'people.manage',
    params: named,
    result: done,
    errors: ['conflict'],
  }),
  'role.allow': method({
    doc: 'Gives a system operation to a role.',
    needs: 'people.manage',
    params: z.object({ name: Name, operation: Operation }),
    result: done,
    errors: ['conflict'],
  }),
  'role.deny': method({
    doc: 'Takes a system operation from a role.',
    needs: 'people.manage',
    params: z.object({ name: Name, operation: Operation }),
    result: done,
    errors: ['conflict'],
  }),
  'role.member.add': method({
    doc: 'A person or a role joins; a cycle is refused.',
    needs: 'people.manage',
    params: z.object({ role: Name, member: Name }),
    result: Role,
    errors: ['conflict'],
  }),
  'role.member.remove': method({
    doc: 'A member leaves; what the role gave them ends at once.',
    needs: 'people.manage',
    params: z.object({ role: Name, member: Name }),
    result: Role,
    errors: ['conflict'],
  }),

  // --- mailboxes -------------------------------------------------------------------------------------------------
  'mailbox.add': method({
    doc: 'Adds a mailbox; who adds it owns it. Without `imap` the daemon receives for it itself.',
    needs: 'session',
    params: z.object({
      address: z.string().min(3).max(320),
      imap: ServerUrl.nullable().default(null),
      smtp: ServerUrl.nullable().default(null),
      user: z.string().max(320).nullable().default(null),
      secret: SecretSource.nullable().default(null),
      /** PEM of a certificate authority of one's own. */
      ca: z.string().max(200_000).nullable().default(null),
      shared: z.boolean().default(false),
      /** Older conversations start done and read; null = all mail is work. */
      workFrom: IsoDate.nullable().optional(),
      name: z.string().max(200).nullable().default(null),
      /** Tries both servers first, and adds nothing when one does not work: `unavailable`, with the steps in its details. */
      test: z.boolean().default(false),
    }),
    result: Mailbox,
    errors: ['conflict'],
  }),
  'mailbox.list': method({
    doc: 'Mailboxes on which the person has any right.',
    needs: 'session',
    params: none,
    result: z.object({ rows: z.array(Mailbox), seq: Seq }),
    errors: [],
  }),
  'mailbox.show': method({
    doc: 'One mailbox: state, rights, settings.',
    needs: 'any',
    names: ofMailbox,
    params: mailbox,
    result: Mailbox,
    errors: [],
  }),
  'mailbox.set': method({
    doc: 'Changes settings, the server, or the secret. Another server clears the secret until it is entered again.',
    needs: 'settings',
    names: ofMailbox,
    params: z.object({
      mailbox: MailboxName,
      settings: MailboxSettings.extend({ name: z.string().max(200).nullable(), signature: z.string().max(5_000).nullable() })
        .partial()
        .strict()
        .default({}),
      workFrom: IsoDate.nullable().optional(),
      imap: ServerUrl.optional(),
      smtp: ServerUrl.optional(),
      user: z.string().max(320).optional(),
      ca: z.string().max(200_000).nullable().optional(),
      secret: SecretSource.optional(),
      ifRevision: Revision.nullable().default(null),
    }),
    result: Mailbox,
    errors: ['conflict'],
  }),
  'mailbox.history': method({
    doc: 'What was changed of the settings of a mailbox, newest first: each field before and after, by whom. No look at the audit journal.',
    needs: 'settings',
    names: ofMailbox,
    /** `field` null: all of them. */
    params: z.object({ mailbox: MailboxName, field: SettingField.nullable().default(null), limit: Limit, cursor: Cursor }),
    result: z.object({ rows: z.array(SettingChange), next: z.string().nullable(), begin: HistoryBegin }),
    errors: [],
  }),
  'mailbox.test': method({
    doc: 'Connects to both servers with what is set, and says what happened step by step.',
    needs: 'settings',
    names: ofMailbox,
    params: mailbox,
    result: z.object({
      ok: z.boolean(),
      steps: TestSteps,
    }),
    errors: [],
  }),
  'mailbox.share': method({
    doc: 'Allows shared access: from now on its grants count.',
    needs: ['settings', 'shared-mailbox.share', 'shared-mailbox.sync'],
    names: ofMailbox,
    params: mailbox,
    result: Mailbox,
    errors: ['conflict'],
  }),
  'mailbox.unshare': method({
    doc: 'Makes it personal: grants are kept and do not count.',
    needs: ['settings', 'shared-mailbox.share'],
    names: ofMailbox,
    params: mailbox,
    result: Mailbox,
    errors: ['conflict'],
  }),
  'mailbox.transfer': method({
    doc: 'Gives the mailbox to another owner.',
    needs: 'owner',
    names: ofMailbox,
    params: z.object({ mailbox: MailboxName, person: Name }),
    result: done,
    errors: ['conflict'],
  }),
  'mailbox.remove': method({
    doc: "Forgets the mailbox here: conversations, notes and grants go. Nothing changes on an IMAP server; a hosted mailbox's mail is gone.",
    needs: 'owner',
    names: ofMailbox,
    params: mailbox,
    result: done,
    errors: ['conflict'],
  }),
  'mailbox.address.add': method({
    doc: 'One more address of the mailbox.',
    needs: 'settings',
    names: ofMailbox,
    params: z.object({ mailbox: MailboxName, alias: z.string().min(3).max(320) }),
    result: Mailbox,
    errors: ['conflict'],
  }),
  'mailbox.address.remove': method({
    doc: 'An alias goes; the primary address stays.',
    needs: 'settings',
    names: ofMailbox,
    params: z.object({ mailbox: MailboxName, alias: z.string().min(3).max(320) }),
    result: Mailbox,
    errors: ['conflict'],
  }),
  'mailbox.sync': method({
    doc: 'Looks at the server now. With `wait` answers when stored = server.',
    needs: 'open',
    names: ofMailbox,
    params: z.object({ mailbox: MailboxName, wait: z.boolean().default(false) }),
    result: Mailbox,
    errors: [],
  }),
  'mailbox.folders': method({
    doc: 'Every folder with what the server says it holds and what is stored.',
    needs: 'timeline',
    names: ofMailbox,
    params: mailbox,
    result: z.object({ rows: z.array(Folder), seq: Seq }),
    errors: [],
  }),
  'mailbox.watch': method({
    doc: 'How much of a mailbox counts as unread for one and notifies one; never changes rights, nor what a view holds.',
    needs: 'panel',
    names: ofMailbox,
    params: z.object({ mailbox: MailboxName, level: z.enum(['all', 'mine', 'none']) }),
    result: done,
    errors: [],
  }),

  // --- grants ----------------------------------------------------------------------------------------------------
  'grant.list': method({
    doc: 'Who was given what on a mailbox.',
    needs: 'settings',
    names: ofMailbox,
    params: mailbox,
    result: grants,
    errors: [],
  }),
  'grant.set': method({
    doc: 'The standing grant of a person or role: exactly these rights.',
    needs: 'settings',
    names: ofMailbox,
    params: z.object({
      mailbox: MailboxName,
      grantee: Name,
      ...rights,
      note: z.string().max(500).nullable().default(null),
      ifRevision: Revision.nullable().default(null),
    }),
    result: grants,
    errors: ['conflict'],
  }),
  'grant.add': method({
    doc: 'One more grant beside the standing one, with an end.',
    needs: 'settings',
    names: ofMailbox,
    params: z.object({
      mailbox: MailboxName,
      grantee: Name,
      ...rights,
      from: IsoDate.nullable().default(null),
      until: IsoDate,
      note: z.string().max(500).nullable().default(null),
      ifRevision: Revision.nullable().default(null),
    }),
    result: grants,
    errors: ['conflict'],
  }),
  'grant.remove': method({
    doc: 'Takes one grant away, or all of a grantee.',
    needs: 'settings',
    names: ofMailbox,
    params: z.object({
      mailbox: MailboxName,
      grantee: Name,
      grant: z.string().max(100).nullable().default(null),
      ifRevision: Revision.nullable().default(null),
    }),
    result: grants,
    errors: ['conflict'],
  }),
  'grant.explain': method({
    doc: 'The chain that gives or denies each surface. For the owner, holders of Setup, and oneself.',
    needs: 'any', // the handler lets others than owner and Setup holders ask only about themselves
    names: ofMailbox,
    params: z.object({ mailbox: MailboxName, person: Name }),
    result: Explanation,
    errors: [],
  }),
  'grant.unused': method({
    doc: 'Rights that nobody who holds them through a grant has used for some days: on one mailbox, or on all of which one holds Setup.',
    needs: 'session', // the handler looks at mailboxes of which the person holds Setup, and at no other
    params: z.object({
      mailbox: MailboxName.nullable().default(null),
      days: z.int().min(1).max(3_650).default(90),
      limit: z.int().min(1).max(1_000).default(500),
    }),
    /** By mailbox; `total` is their number without the limit. Nothing is called unused for longer than uses are noted: since `watchedSince`. */
    result: z.object({ days: z.int(), watchedSince: IsoDate, rows: z.array(UnusedRight), total: z.int() }),
    errors: [],
  }),
  'grant.matrix': method({
    doc: 'Everybody whom rights on a mailbox reach: what each was given, what comes to them through roles, and from where.',
    needs: 'settings',
    names: ofMailbox,
    params: mailbox,
    result: Matrix,
    errors: [],
  }),
  'grant.preview': method({
    doc: 'What edits of grants would do: who gains and who loses what, who holds Setup afterwards, why they would be refused.',
    needs: 'settings',
    names: ofMailbox,
    params: z.object({
      ...staged,
      edits: edits.default([]),
      /** Also what this person holds and would hold, and through what. */
      person: Name.nullable().default(null),
    }),
    result: GrantPreview,
    errors: [],
  }),
  'grant.write': method({
    doc: 'Several edits of grants in one change: all of them or none.',
    needs: 'settings',
    names: ofMailbox,
    params: z.object({ ...staged, edits: edits.min(1) }),
    result: Matrix,
    errors: ['conflict'],
  }),

  // --- mail ------------------------------------------------------------------------------------------------------
  'panel.list': method({
    doc: "The person's own work list over all mailboxes they may send from; longest waiting first, Done in the order in which it was closed, last first.",
    needs: 'session',
    params: z.object({
      mailbox: MailboxName.nullable().default(null),
      view: z.enum(['mine', 'unassigned', 'team', 'done']).default('team'),
      limit: Limit,
      cursor: Cursor,
    }),
    result: z.object({
      rows: z.array(Conversation),
      next: z.string().nullable(),
      unread: z.int(),
      counts: z.object({ mine: z.int(), unassigned: z.int(), team: z.int() }),
      seq: Seq,
    }),
    errors: [],
  }),
  'conversation.list': method({
    doc: 'Conversations of a mailbox, newest first; with a state of open, longest waiting first; of done, closed last first.',
    needs: 'open',
    names: ofMailbox,
    params: z.object({ mailbox: MailboxName, state: StateFilter, limit: Limit, cursor: Cursor }),
    result: conversations,
    errors: [],
  }),
  'folder.list': method({
    doc: 'Conversations that have a mail in one folder, in the order of `conversation.list`.',
    needs: 'timeline', // what lies in which folder is the record of the mailbox, not the work of the panel
    names: ofMailbox,
    params: z.object({ mailbox: MailboxName, folder: z.string().min(1).max(2_000), state: StateFilter, limit: Limit, cursor: Cursor }),
    result: conversations,
    errors: [],
  }),
  'conversation.show': method({
    doc: 'The thread: mails as readable text, and notes. Of a long one the newest; what came before is asked for with the cursor of `earlier`.',
    needs: 'open',
    names: ofMailIn,
    params: z.object({
      conversation: conversationId,
      message: z.string().max(100).nullable().default(null),
      headers: z.boolean().default(false),
      before: Cursor,
    }),
    result: z.object({
      conversation: z.string(),
      mailbox: Safe,
      subject: Safe,
      state: WorkState,
      assignee: Conversation.shape.assignee,
      had: Conversation.shape.had,
      revision: Revision,
      unread: z.int(),
      starred: z.boolean(),
      waitingSince: IsoDate.nullable(),
      notes: z.array(Note),
      messages: z.array(Message),
      /** Mails that are no longer on the server; for holders of Access, as all of history. */
      gone: z.array(GoneMail).default([]),
      /** What came before these: how much, and the `before` to ask for it with; null: they are all. */
      earlier: z.object({ messages: z.int(), notes: z.int(), cursor: z.string() }).nullable().default(null),
      /** What the person may do here. */
      rights: Surfaces,
      seq: Seq,
    }),
    errors: [],
  }),
  'message.raw': method({
    doc: 'The octets of a mail, as they came.',
    needs: 'open',
    names: ofMessage,
    params: z.object({ message: z.string().max(100) }),
    result: z.object({ sizeOctets: z.int() }),
    errors: [],
    download: true,
  }),
  'message.attachment': method({
    doc: 'The decoded octets of one attachment.',
    needs: 'open',
    names: ofMessage,
    params: z.object({ message: z.string().max(100), index: z.int().min(0).max(100_000) }),
    result: z.object({ filename: Safe, type: Safe, sizeOctets: z.int() }),
    errors: [],
    download: true,
  }),
  'conversation.mark': method({
    doc: "Read and star are one's own; done and open are the team's. `undone`: as it was before one made it done oneself; else it changes nothing.",
    needs: 'open',
    names: ofConversation,
    params: z.object({
      conversation: conversationId,
      as: z.enum(['read', 'unread', 'done', 'open', 'undone', 'star', 'unstar']),
      ifRevision: Revision.nullable().default(null),
    }),
    result: worked,
    errors: ['conflict'],
  }),
  'conversation.take': method({
    doc: 'Assigns it to oneself; needs Send, as every assignee does. What another person has is a `conflict` that names them, unless `over`.',
    needs: 'open',
    names: ofConversation,
    params: z.object({ conversation: conversationId, ifRevision: Revision.nullable().default(null), over: z.boolean().default(false) }),
    result: worked,
    errors: ['conflict'],
  }),
  'conversation.release': method({
    doc: 'Nobody has it.',
    needs: 'open',
    names: ofConversation,
    params: z.object({ conversation: conversationId, ifRevision: Revision.nullable().default(null) }),
    result: worked,
    errors: ['conflict'],
  }),
  'conversation.assign': method({
    doc: 'To a person or a role that holds Send on the mailbox. To oneself it is `conversation.take`.',
    needs: 'open',
    names: ofConversation,
    params: z.object({
      conversation: conversationId,
      to: Name,
      ifRevision: Revision.nullable().default(null),
      over: z.boolean().default(false),
    }),
    result: worked,
    errors: ['conflict'],
  }),
  'conversation.assignees': method({
    doc: 'Whom a conversation can be given to: every person and role that holds Send.',
    needs: 'open',
    names: ofConversation,
    params: z.object({ conversation: conversationId }),
    result: z.object({ rows: z.array(z.object({ kind: z.enum(['person', 'role']), name: Safe })) }),
    errors: [],
  }),
  'conversation.note': method({
    doc: 'A note for the team; never leaves the house.',
    needs: 'open',
    names: ofConversation,
    params: z.object({
      conversation: conversationId,
      text: z.string().trim().min(1).max(20_000),
      ifRevision: Revision.nullable().default(null),
    }),
    result: worked.extend({ note: Note }),
    errors: ['conflict'],
  }),
  'conversation.move': method({
    doc: 'Moves its mails to a folder, on the server as well.',
    needs: 'send',
    names: ofConversation,
    params: z.object({
      conversation: conversationId,
      /** A folder's path or key, or the role of one. */
      to: z.union([
        z.strictObject({ role: z.enum(['trash', 'junk', 'archive', 'inbox']) }),
        z.strictObject({ folder: z.string().min(1).max(2_000) }),
        /** What such a move answered with: each mail goes to where it lay. */
        z.strictObject({ back: WayBack }),
      ]),
      ifRevision: Revision.nullable().default(null),
    }),
    result: z.object({ conversation: z.string(), moved: z.int(), folder: Safe, revision: Revision, back: WayBack }),
    errors: ['conflict'],
  }),

  // --- what happened ---------------------------------------------------------------------------------------------
  'timeline.mailbox': method({
    doc: 'Everything that happened in a mailbox, newest first: mails, notes, assignments, states, grants, deliveries.',
    needs: 'timeline',
    names: ofMailbox,
    params: mailbox.extend(timelinePage),
    result: timeline,
    errors: [],
  }),
  'timeline.conversation': method({
    doc: 'The history of one conversation, of those that were joined to it as well.',
    needs: 'timeline',
    names: ofConversation,
    params: z.object({ conversation: conversationId, ...timelinePage }),
    result: timeline,
    errors: [],
  }),
  'timeline.contact': method({
    doc: 'All mail with an address, and what was done about it, over the mailboxes whose timeline is open to the person.',
    needs: 'session',
    params: z.object({ address: z.string().trim().min(1).max(320), ...timelinePage }),
    result: timeline,
    errors: [],
  }),

  // --- who must answer for what ----------------------------------------------------------------------------------
  'audit.list': method({
    doc: 'The audit journal, newest first: every change of rights, people, mailboxes and rules, every send and its fate, every look at the journal.',
    needs: 'audit.read',
    params: z.object({
      mailbox: MailboxName.nullable().default(null),
      /** What they did, and what was done about them; a removed person too. */
      person: Name.nullable().default(null),
      since: IsoDate.nullable().default(null),
      until: IsoDate.nullable().default(null),
      /** `grant.set`, or `grant` for all that begin so. */
      action: z.string().trim().min(1).max(100).nullable().default(null),
      /** An export begins with the oldest. */
      for: z.enum(['reading', 'export']).default('reading'),
      limit: Limit,
      cursor: Cursor,
    }),
    result: z.object({
      rows: z.array(AuditRow),
      next: z.string().nullable(),
      /** A cursor to what comes after these; asking with it is no new look at the journal. */
      newer: z.string().nullable(),
    }),
    errors: [],
  }),
  'audit.verify': method({
    doc: 'Walks the whole chain of the audit journal and says which lines were changed, removed, moved or cut off.',
    needs: 'audit.read',
    /** `head`: an end of the journal that was noted down elsewhere. */
    params: z.object({ head: AuditHead.nullable().default(null) }),
    result: z.object({
      ok: z.boolean(),
      rows: z.int(),
      head: z.object({ seq: z.int(), hash: z.string() }).nullable(),
      findings: z.array(z.object({ seq: z.int(), kind: z.enum(['changed', 'removed', 'reordered', 'cut']), message: Safe })),
    }),
    errors: [],
  }),

  // --- search ----------------------------------------------------------------------------------------------------
  'search.run': method({
    doc: 'Mails and notes that fit a query, over everything the person may open, newest first; `` fits all.',
    needs: 'session',
    params: z.object({
      /** In the query language of search. */
      query: z.string().max(1_000).default(''),
      /** As somebody types: the last word may go on, and a newer search of the session takes the place of this one (`rate-limited`). */
      typing: z.boolean().default(false),
      limit: Limit,
      cursor: Cursor,
    }),
    result: z.object({
      rows: z.array(SearchHit),
      next: z.string().nullable(),
      total: z.int(),
      /** False: there are at least `total`. */
      exact: z.boolean(),
      /** False: the time was over before the page was full. */
      complete: z.boolean(),
      seq: Seq,
    }),
    errors: [],
  }),

  // --- sending ---------------------------------------------------------------------------------------------------
  'compose.from': method({
    doc: 'Exactly the addresses the person may send from.',
    needs: 'session',
    params: none,
    result: z.object({ rows: z.array(z.object({ mailbox: Safe, address: Safe, name: Safe.nullable(), signature: Safe.nullable() })) }),
    errors: [],
  }),
  'compose.reply': method({
    doc: 'How a reply or a forward of a mail would begin: addresses, subject, quoted text, and the revision to send against.',
    needs: 'send',
    names: ofMailIn,
    params: z.object({
      conversation: conversationId,
      message: z.string().max(100).nullable().default(null),
      kind: z.enum(['reply', 'reply-all', 'forward']),
    }),
    result: z.object({
      mailbox: Safe,
      from: Safe,
      to: z.array(Safe),
      cc: z.array(Safe),
      /** `to` is a guess, from the name of the sender or from the text: nobody else is named. To be looked at by a person. */
      offered: z.enum(['name', 'text']).nullable().default(null),
      subject: Safe,
      quote: Safe,
      signature: Safe.nullable(),
      attachments: z.array(Safe),
      revision: Revision,
      message: z.string(),
    }),
    errors: [],
  }),
  'compose.again': method({
    doc: 'A mail that did not leave, or did not reach everybody, as a draft of one that takes its place: to those whom it did not reach.',
    needs: 'send',
    names: ofOutbox,
    params: z.object({ outbox: z.string().max(100) }),
    result: z.object({
      mailbox: Safe,
      from: Safe,
      to: z.array(Safe),
      cc: z.array(Safe),
      bcc: z.array(Safe),
      subject: Safe,
      body: Safe,
      attachments: z.array(Attachment),
      /** The conversation that it is part of, and its revision to send against; null: it began one. */
      conversation: z.string().nullable(),
      revision: Revision.nullable(),
    }),
    errors: ['conflict'],
  }),
  'outbox.send': method({
    doc: 'Composes once, makes the octets durable, queues. Attachments follow as chunks, one file after the other, in the order of `attachments`.',
    needs: 'send',
    names: ({ from, in: conversation, message, instead }) => [
      ...(from === null ? [] : [{ mailbox: from }]),
      ...(conversation === null ? [] : [{ conversation }]),
      ...(message === null ? [] : [{ message }]),
      ...(instead === null ? [] : [{ outbox: instead.outbox }]),
    ],
    params: z.object({
      /** null: the address that was written to. */
      from: z.string().max(320).nullable().default(null),
      kind: z.enum(['new', 'reply', 'reply-all', 'forward']).default('new'),
      to: AddressText.nullable().default(null),
      cc: AddressText.nullable().default(null),
      bcc: AddressText.nullable().default(null),
      /** null: that of the conversation, with Re: or Fwd:. */
      subject: z.string().max(2_000).nullable().default(null),
      /** null, with `instead` alone: the text of that mail. */
      body: z.string().max(5_000_000).nullable(),
      /** Forward: the forwarded text is appended to the body. An editor that shows it already says false. */
      quote: z.boolean().default(true),
      in: conversationId.nullable().default(null),
      /** The mail that is answered or forwarded; null: the last one from outside. */
      message: z.string().max(100).nullable().default(null),
      attachments: z
        .array(
          z.object({
            filename: z.string().min(1).max(500),
            type: z.string().max(200).default('application/octet-stream'),
            sizeOctets: z.int().min(0),
          }),
        )
        .max(100)
        .default([]),
      ifRevision: Revision.nullable().default(null),
      at: IsoDate.nullable().default(null),
      /** The undo window: not handed to SMTP before. */
      holdMs: z.int().min(0).max(600_000).default(0),
      /** Authorizes and composes, queues nothing. The sizes of files are enough for it: they need not follow. */
      dryRun: z.boolean().default(false),
      /** The same key again answers with the same outbox entry. */
      idempotencyKey: z.string().max(100).nullable().default(null),
      afterwards: z.enum(['waiting', 'done']).default('waiting'),
      /**
       * The mail of this mailbox that this one takes the place of, in its conversation: with the new one queued it is given up, or, where it
       * moved on meanwhile, nothing is queued. What is null here is as it was there. `attachments`: which of its files go along; null: all.
       */
      instead: z
        .strictObject({ outbox: z.string().max(100), attachments: z.array(z.int().min(0)).max(1_000).nullable().default(null) })
        .nullable()
        .default(null),
    }),
    result: z.object({
      outbox: z.string().nullable(),
      state: OutboxState.nullable(),
      messageId: Safe,
      conversation: z.string().nullable(),
      recipients: z.array(Safe),
      sizeOctets: z.int(),
    }),
    errors: ['conflict'],
    upload: true,
  }),
  'outbox.list': method({
    doc: 'Everything on its way out of the mailboxes one may send from, newest first.',
    needs: 'session',
    params: z.object({
      mailbox: MailboxName.nullable().default(null),
      /** Only those in one of these states; null: all. */
      states: z.array(OutboxState).min(1).max(20).nullable().default(null),
      limit: Limit,
    }),
    result: z.object({
      rows: z.array(OutboxEntry),
      /** Mails of one's own that are held where one may not send any more: whoever may send from there decides about them. */
      outOfReach: z.int().default(0),
      /** Reports of a failure or a delay, of the last 30 days, that fit no mail of ours; newest first. */
      reports: z.array(MailReport).default([]),
      seq: Seq,
    }),
    errors: [],
  }),
  'outbox.show': method({
    doc: 'One mail on its way out.',
    needs: 'send',
    names: ofOutbox,
    params: z.object({ outbox: z.string().max(100) }),
    result: OutboxEntry,
    errors: [],
  }),
  'outbox.cancel': method({
    doc: 'Takes it back while it is held, queued, or failed.',
    needs: 'send',
    names: ofOutbox,
    params: z.object({ outbox: z.string().max(100) }),
    result: OutboxEntry,
    errors: ['conflict'],
  }),
  'outbox.retry': method({
    doc: 'Sends now what is held or waits for its next attempt, and again what failed or what a person knows did not arrive (unknown).',
    needs: 'send',
    names: ofOutbox,
    params: z.object({ outbox: z.string().max(100) }),
    result: OutboxEntry,
    errors: ['conflict'],
  }),
  'outbox.settle': method({
    doc: 'What a person decides about a mail that stays: one of unknown fate did arrive; one that is unknown, failed or came back is given up.',
    needs: 'send',
    names: ofOutbox,
    params: z.object({ outbox: z.string().max(100), as: z.enum(['arrived', 'discard']).default('arrived') }),
    result: OutboxEntry,
    errors: ['conflict'],
  }),
};

export type MethodTable = typeof methods;
export type Method = keyof MethodTable;
/** What a client writes: fields with a default may be left out. */
export type Params<M extends Method> = ParamsOf<MethodTable[M]>;
/** What a handler is given. */
export type Asked<M extends Method> = AskedOf<MethodTable[M]>;
/** What a handler returns. */
export type ResultInput<M extends Method> = ResultInputOf<MethodTable[M]>;
/** What a client gets. */
export type Result<M extends Method> = ResultOf<MethodTable[M]>;
