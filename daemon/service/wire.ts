/** Rows of the store and the directory as the protocol's nouns: dates as ISO 8601, ids as names, foreign text as SafeText. */
import { PostroomError } from '../../protocol/errors.ts';
import { fingerprint } from '../../protocol/keys.ts';
import type * as wire from '../../protocol/schema.ts';
import { type SafeText, safeBlock, safeText } from '../../protocol/text.ts';
import type { Surfaces } from '../access/decide.ts';
import type { Grant, Key, Mailbox, Person, Role, Server } from '../directory/document.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import type { MailboxStatus } from '../engines.ts';
import type { Attachment } from '../mail/message.ts';
import type { OpenedMail } from '../open.ts';
import { shownState } from '../outbox/state.ts';
import type {
  Assignee,
  ConversationRow,
  EntryRow,
  Folder,
  GoneRow,
  MailReport,
  Millis,
  NoteRow,
  OutboxRow,
  TimelineRow,
} from '../store/types.ts';

export const iso = (at: Millis): string => new Date(at).toISOString();
export const isoOrNull = (at: Millis | null): string | null => (at === null ? null : iso(at));
export const safeOrNull = (text: string | null): SafeText | null => (text === null ? null : safeText(text));

export const addressOf = (one: { name: string | null; address: string }): wire.Address => ({
  name: safeOrNull(one.name),
  address: safeText(one.address),
});

export const surfacesOf = ({ panel, timeline, send, settings }: Surfaces): wire.Surfaces => ({ panel, timeline, send, settings });

export const personOf = ({ id, name, email, status }: Person): wire.Person => ({
  id,
  name: safeText(name),
  email: safeOrNull(email),
  status,
});

export function keyOf(snapshot: Snapshot, person: Person, key: Key, current: string) {
  return {
    fingerprint: fingerprint(key.public),
    person: safeText(person.name),
    label: safeText(key.label),
    addedAt: iso(key.addedAt),
    revokedAt: isoOrNull(key.revokedAt),
    current: key.public === current,
    invitedBy: key.invitedBy === undefined ? null : safeText(snapshot.nameOf(key.invitedBy)),
    waits: key.unconfirmed === true,
  };
}

/** Why a change would be refused, for its preview. */
export const refusedOf = (refused: PostroomError | null): wire.GrantPreview['refused'] =>
  refused === null
    ? null
    : {
        code: refused.code,
        why: typeof refused.details.why === 'string' ? safeText(refused.details.why) : null,
        message: safeText(refused.message),
      };

export const granteeOf = (snapshot: Snapshot, { kind, id }: Assignee) => ({ kind, name: safeText(snapshot.nameOf(id)) });

export function roleOf(snapshot: Snapshot, role: Role, people: Iterable<string>): wire.Role {
  return {
    id: role.id,
    name: safeText(role.name),
    members: role.members.map((member) => granteeOf(snapshot, member)),
    operations: [...role.operations],
    people: [...people].map((id) => safeText(snapshot.nameOf(id))).sort(),
  };
}

/** `policy`: why the configuration would refuse it today. */
export function grantOf(snapshot: Snapshot, grant: Grant, policy: PostroomError | null): wire.Grant {
  return {
    id: grant.id,
    grantee: granteeOf(snapshot, grant.grantee),
    access: grant.access,
    send: grant.send,
    setup: grant.setup,
    from: isoOrNull(grant.from),
    until: isoOrNull(grant.until),
    note: safeOrNull(grant.note),
    by: safeText(snapshot.nameOf(grant.by)),
    at: iso(grant.at),
    policy: policy === null ? null : safeText(policy.message),
  };
}

const schemes = {
  imap: { implicit: 'imaps', starttls: 'imap', none: 'imap' },
  smtp: { implicit: 'smtps', starttls: 'smtp', none: 'smtp' },
} as const;
const standardPorts: Readonly<Record<string, number>> = { imaps: 993, imap: 143, smtps: 465, smtp: 587 };

export function serverUrl(kind: 'imap' | 'smtp', server: Pick<Server, 'host' | 'port' | 'tls'>): string {
  const host = server.host.includes(':') ? `[${server.host}]` : server.host;
  return `${schemes[kind][server.tls]}://${host}:${server.port}${server.tls === 'none' ? '?tls=no' : ''}`;
}

/** `imaps://host:993`, `imap://host:143` (STARTTLS required unless `?tls=no`), and the same for smtp. */
export function parseServerUrl(kind: 'imap' | 'smtp', text: string): Pick<Server, 'host' | 'port' | 'tls'> {
  const wanted = new PostroomError(
    'invalid',
    `A server is written like ${kind}s://mail.example.org:${standardPorts[`${kind}s`]} or ${kind}://mail.example.org:${standardPorts[kind]}, not "${safeText(text)}".`,
    { field: kind },
  );
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wanted;
  }
  const scheme = url.protocol.slice(0, -1);
  if ((scheme !== kind && scheme !== `${kind}s`) || url.hostname === '' || (url.pathname !== '' && url.pathname !== '/') || url.hash !== '')
    throw wanted;
  if (url.username !== '' || url.password !== '') {
    throw new PostroomError(
      'invalid',
      'A server URL holds no user and no password: give --user and one of --password-env, --password-file, --password-command.',
      { field: kind },
    );
  }
  const tls = url.searchParams.get('tls');
  if ([...url.searchParams.keys()].some((key) => key !== 'tls') || (tls !== null && tls !== 'no')) throw wanted;
  if (tls === 'no' && scheme === `${kind}s`)
    throw new PostroomError('invalid', `${scheme}:// is encrypted from the first octet; ?tls=no contradicts it.`, { field: kind });
  const port = url.port === '' ? (standardPorts[scheme] ?? 0) : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, tls: scheme === `${kind}s` ? 'implicit' : tls === 'no' ? 'none' : 'starttls' };
}

/** What cannot be read of a mailbox, to somebody who may not see which folders there are. */
export const somewhere = 'Not everything of this mailbox can be read. Somebody with Access sees where it fails.';

/** As far as the surfaces let somebody know: how many mails there are, and which folders. */
export const syncOf = (status: MailboxStatus, { open, timeline }: Surfaces): wire.SyncProgress => ({
  done: open ? status.done : 0,
  total: open ? status.total : null,
  folder: timeline ? safeOrNull(status.folder) : null,
  error: safeOrNull(status.error !== null && status.inFolders && !timeline ? somewhere : status.error),
  syncedAt: isoOrNull(status.syncedAt),
  retryAt: isoOrNull(status.retryAt),
});

export function mailboxOf(
  snapshot: Snapshot,
  mailbox: Mailbox,
  rights: Surfaces,
  status: MailboxStatus,
  counts: { folders: number; messages: number },
  watch: 'all' | 'mine' | 'none',
): wire.Mailbox {
  const { settings } = mailbox;
  return {
    id: mailbox.id,
    address: safeText(mailbox.address),
    addresses: mailbox.addresses.map((address) => safeText(address)),
    name: safeOrNull(settings.name),
    owner: safeText(snapshot.nameOf(mailbox.owner)),
    kind: mailbox.kind,
    shared: mailbox.shared,
    workFrom: isoOrNull(mailbox.workFrom),
    state: status.state,
    sync: syncOf(status, rights),
    rights: surfacesOf(rights),
    settings: rights.settings
      ? { ...settings, name: safeOrNull(settings.name), signature: settings.signature === null ? null : safeBlock(settings.signature) }
      : null,
    server: !rights.settings
      ? null
      : mailbox.kind === 'hosted'
        ? { imap: null, smtp: null, user: null, secret: 'missing' }
        : {
            imap: safeText(serverUrl('imap', mailbox.imap)),
            smtp: safeText(serverUrl('smtp', mailbox.smtp)),
            user: safeText(mailbox.imap.user),
            secret: mailbox.secret?.kind ?? 'missing',
            ca: mailbox.imap.ca === null && mailbox.smtp.ca === null ? 'public' : 'own',
          },
    revision: mailbox.revision,
    folders: rights.timeline ? counts.folders : null,
    messages: rights.open ? counts.messages : null,
    watch,
  };
}

export function conversationOf(snapshot: Snapshot, row: ConversationRow): wire.Conversation {
  return {
    conversation: row.id,
    mailbox: safeText(snapshot.mailbox(row.mailbox)?.address ?? ''),
    subject: safeText(row.subject),
    from: row.from === null ? null : addressOf(row.from),
    addressedTo: safeOrNull(row.addressedTo),
    lastAt: iso(row.lastAt),
    waitingSince: isoOrNull(row.waitingSince),
    direction: row.direction,
    unread: row.unread,
    messages: row.messages,
    assignee: row.assignee === null ? null : granteeOf(snapshot, row.assignee),
    had: row.had === null ? null : granteeOf(snapshot, row.had),
    state: row.state,
    revision: row.revision,
    snippet: safeText(row.snippet),
    attachments: row.attachments,
    starred: row.starred,
  };
}

export const attachmentOf = ({ index, filename, type, sizeOctets }: Attachment): wire.Attachment => ({
  index,
  filename: safeText(filename),
  type: safeText(type),
  size: sizeOctets,
});

/** What is told of reports: those about a mail of ours, and what a mail reports itself. */
export type Reported = { about: readonly MailReport[]; itself: MailReport | null };

export function messageOf(
  snapshot: Snapshot,
  entry: EntryRow,
  opened: OpenedMail,
  outbox: OutboxRow | null,
  headers: string | null,
  folders: readonly string[],
  reported: Reported = { about: [], itself: null },
): wire.Message {
  return {
    id: entry.id,
    messageId: safeOrNull(entry.messageId),
    date: iso(entry.date),
    from: entry.from.map(addressOf),
    to: entry.to.map(addressOf),
    cc: entry.cc.map(addressOf),
    replyTo: entry.replyTo.map(addressOf),
    subject: safeText(entry.subject),
    text: safeBlock(opened.text),
    links: opened.links.map((link) => safeText(link)),
    direction: entry.direction,
    automatic: entry.automatic,
    marks: entry.marks.map((mark) => safeText(mark)),
    author: entry.author === null ? null : safeText(snapshot.nameOf(entry.author)),
    attachments: entry.attachments.map(attachmentOf),
    folders: folders.map((path) => safeText(path)),
    outbox:
      outbox === null
        ? null
        : {
            id: outbox.id,
            state: shownState(outbox),
            heldFor: outbox.heldFor,
            sendAt: iso(outbox.sendAt),
            error: safeOrNull(outbox.lastError),
          },
    reports: reported.about.map((report) => reportOf(snapshot, report)),
    report: reported.itself === null ? null : reportOf(snapshot, reported.itself),
    defeated: opened.defeated,
    headers: headers === null ? null : safeBlock(headers),
  };
}

export const goneOf = (mail: GoneRow): wire.GoneMail => ({
  id: mail.id,
  date: iso(mail.receivedAt),
  direction: mail.direction,
  from: mail.from.slice(0, goneAddresses).map(addressOf),
  to: mail.to.slice(0, goneAddresses).map(addressOf),
  subject: safeText(mail.subject),
});
const goneAddresses = 20;

export const noteOf = (snapshot: Snapshot, note: Omit<NoteRow, 'row'>): wire.Note => ({
  id: note.id,
  at: iso(note.at),
  author: safeText(snapshot.nameOf(note.author)),
  text: safeBlock(note.text),
});

export function timelineOf(snapshot: Snapshot, row: TimelineRow): wire.TimelineRow {
  const after = row.assigned?.after ?? null;
  return {
    id: row.id,
    at: iso(row.at),
    kind: row.kind,
    mailbox: safeText(snapshot.mailbox(row.mailbox)?.address ?? ''),
    conversation: row.conversation,
    revision: row.revision,
    actor: row.actor === null ? null : safeText(snapshot.nameOf(row.actor)),
    from: row.from === null ? null : addressOf(row.from),
    to: row.to.map(addressOf),
    subject: safeText(row.subject),
    summary: safeText(
      row.gone ? 'No longer on the server.' : row.assigned === null ? row.summary : assignment(snapshot, row.actor, row.assigned),
    ),
    message: row.message,
    gone: row.gone,
    outbox: row.outbox,
    assignee: after === null ? null : granteeOf(snapshot, after),
    state: row.state,
  };
}

/** People may be renamed or gone since: the journal has ids, names are those of now. */
function assignment(snapshot: Snapshot, actor: string | null, { before, after }: NonNullable<TimelineRow['assigned']>): string {
  const was = before === null ? '' : `, was ${snapshot.nameOf(before.id)}`;
  if (after === null && actor === null && before !== null)
    return `nobody’s again: ${snapshot.nameOf(before.id)} had it, and may not answer here any more`;
  if (after === null) return `released${was}`;
  return after.id === actor ? `took it${was}` : `to ${snapshot.nameOf(after.id)}${was}`;
}

/** Names a folder exactly, also where its raw name cannot be shown or is no well-formed Unicode. */
export const folderKey = (path: string): string => Buffer.from(path, 'utf16le').toString('base64url');

export const folderOf = (folder: Folder): wire.Folder => ({
  path: safeText(folder.name),
  key: folderKey(folder.path),
  role: folder.role,
  selectable: folder.selectable,
  uidvalidity: folder.uidValidity,
  server: folder.serverCount,
  stored: folder.storedCount,
  // That nothing can be in it is no trouble with it.
  error: folder.selectable ? safeOrNull(folder.parked) : null,
});

export const reportOf = (snapshot: Snapshot, report: MailReport): wire.MailReport => ({
  message: report.message,
  conversation: report.conversation,
  mailbox: safeText(snapshot.mailbox(report.mailbox)?.address ?? ''),
  kind: report.kind,
  at: iso(report.at),
  from: report.from === null ? null : addressOf(report.from),
  subject: safeText(report.subject),
  about: report.about,
  outbox: report.outbox,
  recipients: report.recipients.map(({ address, action, text }) => ({ address: safeText(address), action, text: safeOrNull(text) })),
});

export function outboxOf(snapshot: Snapshot, row: OutboxRow, reports: readonly MailReport[]): wire.OutboxEntry {
  return {
    id: row.id,
    mailbox: safeText(snapshot.mailbox(row.mailbox)?.address ?? ''),
    conversation: row.conversation,
    author: safeText(snapshot.nameOf(row.author)),
    state: shownState(row),
    heldFor: row.heldFor,
    to: row.recipients.map((one) => safeText(one.address)),
    subject: safeText(row.subject),
    createdAt: iso(row.createdAt),
    sendAt: iso(row.sendAt),
    attempts: row.attempts,
    lastError: safeOrNull(row.lastError),
    messageId: safeText(row.messageId),
    recipients: row.recipients.map((one) => ({ address: safeText(one.address), state: one.state, reply: safeOrNull(one.reply) })),
    sentCopy: row.sentCopy,
    nextAttemptAt: isoOrNull(row.nextAttemptAt),
    details: { reports: reports.map((report) => reportOf(snapshot, report)), remark: safeOrNull(row.remark) },
  };
}
