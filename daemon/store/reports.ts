/**
 * Reports that come in, tied to the mails of ours that they are about: what becomes of the recipient, the outbox row, the conversation.
 *
 * A report proves nothing by itself (anybody can write one), so it touches a mail only when both fit: an id of that mail and somebody it
 * went to. Without any id it may be tied by recipient and subject, when all that fits is one conversation. One that fits nothing is kept
 * with the ids that it names, for the mail may come in later (Sent is read after the inbox).
 */
import { domainToASCII } from 'node:url';
import { type Address, addressKey } from '../mail/address-list.ts';
import { readSubject } from '../mail/conversation.ts';
import type { Report, ReportAction } from '../mail/report.ts';
import { reported } from '../outbox/state.ts';
import { record } from './journal.ts';
import { outboxMove, outboxRow } from './outbox.ts';
import type { Db } from './sqlite.ts';
import type { EntryId, MailboxId, MailReport, Millis, OutboxId, OutboxRow, ReportedTo } from './types.ts';
import { openAgain } from './verbs.ts';
import type { Touched, Writing } from './work.ts';

/** How far back a mail may lie that is only known by its subject. */
const bySubjectMs = 30 * 86_400_000;
const mostBySubject = 2_000;

/** A mail of ours, and what a report says of those it went to. */
export type About = { entry: EntryId; conversation: number; outbox: OutboxId | null; recipients: ReportedTo[] };

type Sent = { id: EntryId; conversation: number; outbox: OutboxId | null; head: string; subject: string; recipients: string | null };

const selectSent = `SELECT e.id, e.conversation, o.id AS outbox, m.head, m.subject, o.recipients FROM message m
  JOIN entry e ON e.message = m.num AND e.direction = 'out' AND e.same_as IS NULL LEFT JOIN outbox o ON o.entry = e.id AND o.state <> 'cancelled'`;

/** The mail that a report is about; null when none fits. */
export function aboutOf(db: Db, mailbox: MailboxId, report: Report, now: Millis): About | null {
  const { postroomId, ids, subject } = report;
  const named = [
    ...(postroomId === null ? [] : db.all<Sent>(`${selectSent} WHERE m.postroom_id = ? AND e.mailbox = ?`, postroomId, mailbox)),
    ...ids.flatMap((id) => db.all<Sent>(`${selectSent} WHERE m.message_id = ? AND e.mailbox = ?`, id, mailbox)),
  ];
  const found = named.flatMap((sent) => fits(sent, report) ?? [])[0];
  if (found !== undefined || ids.length > 0 || postroomId !== null) return found ?? null;

  const topic = readSubject(subject).base.toLowerCase();
  if (topic === '') return null;
  const since = Math.floor((now - bySubjectMs) / 1_000) * 2 ** 20;
  const recent = db.all<Sent>(
    `${selectSent} WHERE e.mailbox = ? AND e.row >= ? ORDER BY e.row DESC LIMIT ?`,
    mailbox,
    since,
    mostBySubject,
  );
  const alike = recent.filter((sent) => readSubject(sent.subject).base.toLowerCase() === topic).flatMap((sent) => fits(sent, report) ?? []);
  return new Set(alike.map(({ conversation }) => conversation)).size === 1 ? (alike[0] ?? null) : null;
}

/** What the report says of the recipients of this mail; null when it names none of them. */
function fits(sent: Sent, report: Report): About | null {
  const { to = [], cc = [] } = JSON.parse(sent.head) as { to?: Address[]; cc?: Address[] };
  const went = sent.recipients === null ? [...to, ...cc] : (JSON.parse(sent.recipients) as { address: string }[]);
  const by = new Map(went.map(({ address }) => [comparable(address), address]));
  const recipients = report.recipients.flatMap(({ addresses, action, text }): ReportedTo[] => {
    const address = addresses.map((one) => by.get(comparable(one))).find((one) => one !== undefined);
    return address === undefined ? [] : [{ address, action, text }];
  });
  const { id: entry, conversation, outbox } = sent;
  return recipients.length === 0 ? null : { entry, conversation, outbox, recipients };
}

/** Reports name a domain as it goes over the wire, in any case; people write it as it is read. */
function comparable(address: string): string {
  const key = addressKey(address);
  const at = key.lastIndexOf('@');
  const domain = key.slice(at + 1);
  return `${key.slice(0, at)}@${domainToASCII(domain) || domain}`;
}

const worstAction = (recipients: readonly { action: ReportAction }[]): ReportAction =>
  (['failed', 'delayed', 'read', 'delivered'] as const).find((action) => recipients.some((one) => one.action === action)) ?? 'failed';

/**
 * Keeps a report that came in, and does what follows from it: `row` and `id` are its own entry's. `counts`: it came after work began,
 * so what it says of mail that another program sent is news as well.
 */
export function noteReport(
  writing: Writing,
  touched: Touched,
  report: Report,
  about: About | null,
  it: { mailbox: MailboxId; row: number; id: EntryId; conversation: number; receivedAt: Millis; live: boolean },
): void {
  const { db, now } = writing;
  const recipients =
    about?.recipients ??
    report.recipients.slice(0, 50).map(({ addresses, action, text }) => ({ address: addresses[0] ?? '', action, text }));
  const kind = report.kind === 'read' && recipients.length === 0 ? 'read' : worstAction(recipients);
  const { row: num } = db.run(
    'INSERT INTO report (mailbox, entry, kind, received_at, noted_at, about, outbox, recipients) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    it.mailbox,
    it.id,
    kind,
    it.receivedAt,
    now(),
    about?.entry ?? null,
    about?.outbox ?? null,
    JSON.stringify(recipients),
  );
  if (about !== null) {
    follow(writing, touched, { ...it, kind, about });
    return;
  }
  for (const id of report.ids) db.run('INSERT OR IGNORE INTO report_id (mailbox, id, report) VALUES (?, ?, ?)', it.mailbox, id, num);
  if (it.live) tell(writing, it.mailbox, it.conversation, `${words(recipients)}; it fits no mail of ours`, { report: it.id });
}

/** A mail of ours that came in later than reports about it (Sent is read after the inbox): they are its own from now on. */
export function adoptReports(writing: Writing, touched: Touched, mailbox: MailboxId, messageId: string | null): void {
  if (messageId === null) return;
  const { db } = writing;
  const waiting = db.all<{ num: number; entry: EntryId; kind: Report['kind']; recipients: string }>(
    'SELECT r.num, r.entry, r.kind, r.recipients FROM report_id i JOIN report r ON r.num = i.report WHERE i.mailbox = ? AND i.id = ?',
    mailbox,
    messageId,
  );
  for (const { num, entry, recipients } of waiting) {
    const said = (JSON.parse(recipients) as ReportedTo[]).map((one) => ({ ...one, addresses: [one.address] }));
    const about = aboutOf(db, mailbox, { kind: 'delivery', ids: [messageId], postroomId: null, subject: '', recipients: said }, 0);
    const own = db.get<{ row: number; conversation: number }>('SELECT row, conversation FROM entry WHERE id = ?', entry);
    if (about === null) continue;
    db.run(
      'UPDATE report SET about = ?, outbox = ?, recipients = ? WHERE num = ?',
      about.entry,
      about.outbox,
      JSON.stringify(about.recipients),
      num,
    );
    db.run('DELETE FROM report_id WHERE report = ?', num);
    if (own !== undefined)
      follow(writing, touched, { mailbox, ...own, id: entry, live: false, kind: worstAction(about.recipients), about });
  }
}

function follow(
  writing: Writing,
  touched: Touched,
  it: { mailbox: MailboxId; row: number; id: EntryId; live: boolean; kind: ReportAction; about: About },
): void {
  const { about, kind } = it;
  if (kind === 'failed') writing.db.run('UPDATE entry SET bounced = 1 WHERE row = ?', it.row);
  touched.touch(about.conversation);
  if (about.outbox === null) {
    if (it.live) tell(writing, it.mailbox, about.conversation, words(about.recipients), { report: it.id });
    return;
  }
  tell(writing, it.mailbox, about.conversation, words(about.recipients), { outbox: about.outbox, report: it.id });
  const row = outboxRow(writing.db, about.outbox);
  if (row === null) return;
  apply(writing, row, about.recipients);
  if (kind === 'failed' && it.live)
    openAgain(writing, about.conversation, writing.now(), `a mail of ours came back, ${words(about.recipients)}`);
}

/** Marks the recipients of a row as a report says; while it is being sent, what is said waits for what the server says. */
function apply(writing: Writing, row: OutboxRow, told: readonly ReportedTo[]): void {
  const patch = reported(row, told);
  if (patch === null)
    writing.changed({
      kind: 'outbox',
      mailbox: row.mailbox,
      outbox: row.id,
      state: row.state,
      author: row.author,
      conversation: row.conversation,
    });
  else outboxMove(writing, row.id, row.state, patch);
}

/** A row that was being sent came to rest: reports that overtook the server's own answer are looked at now. */
export function catchUpReports(writing: Writing, id: OutboxId): void {
  const row = outboxRow(writing.db, id);
  if (row === null) return;
  const told = writing.db
    .all<{ recipients: string }>('SELECT recipients FROM report WHERE outbox = ? AND noted_at >= ? ORDER BY num', id, row.sendAt)
    .flatMap(({ recipients }) => JSON.parse(recipients) as ReportedTo[]);
  if (told.length > 0 && reported(row, told) !== null) apply(writing, row, told);
}

/** `gone@example.org: 550 no such user` */
function words(recipients: readonly ReportedTo[]): string {
  const said = { failed: 'did not arrive', delayed: 'is delayed', delivered: 'arrived', read: 'was read' } as const;
  const shown = recipients
    .slice(0, 3)
    .map(({ address, action, text }) => `${address}: ${said[action]}${text === null ? '' : ` (${text})`}`);
  return shown.length === 0
    ? 'a report that names nobody'
    : `${shown.join(', ')}${recipients.length > 3 ? ` and ${recipients.length - 3} more` : ''}`;
}

function tell(writing: Writing, mailbox: MailboxId, conversation: number, summary: string, details: Record<string, unknown>): void {
  const id = writing.db.get<{ id: string }>('SELECT id FROM conversation WHERE num = ?', conversation)?.id ?? null;
  record(writing, { at: writing.now(), kind: 'delivery', mailbox, conversation: id, actor: null, summary, details, key: null });
}

// --- read ----------------------------------------------------------------------------------------------------------

type Row = Omit<MailReport, 'recipients' | 'from'> & { recipients: string; from: string | null };

const selectReport = `SELECT r.entry AS message, c.id AS conversation, r.mailbox, r.kind, r.received_at AS at, r.about, r.outbox, r.recipients,
  coalesce(m.subject, '') AS subject, json_extract(m.head, '$.from[0]') AS "from"
  FROM report r LEFT JOIN entry e ON e.id = r.entry LEFT JOIN message m ON m.num = e.message LEFT JOIN conversation c ON c.num = e.conversation`;

const toReport = ({ recipients, from, ...rest }: Row): MailReport => ({
  ...rest,
  from: from === null ? null : (JSON.parse(from) as Address),
  recipients: JSON.parse(recipients) as ReportedTo[],
});

/** About these mails of ours, oldest first. */
export const reportsAbout = (db: Db, entries: readonly EntryId[]): MailReport[] =>
  db.all<Row>(`${selectReport} WHERE r.about IN (SELECT value FROM json_each(?)) ORDER BY r.num`, JSON.stringify(entries)).map(toReport);

/** Those that came in as these mails. */
export const reportsIn = (db: Db, entries: readonly EntryId[]): MailReport[] =>
  db.all<Row>(`${selectReport} WHERE r.entry IN (SELECT value FROM json_each(?))`, JSON.stringify(entries)).map(toReport);

/** Reports of a failure or a delay that fit no mail of these mailboxes, newest first. */
export const strayReports = (db: Db, mailboxes: readonly MailboxId[], since: Millis, limit: number): MailReport[] =>
  db
    .all<Row>(
      `${selectReport} WHERE r.mailbox IN (SELECT value FROM json_each(?)) AND r.about IS NULL AND r.kind IN ('failed', 'delayed')
       AND r.received_at >= ? AND e.row IS NOT NULL ORDER BY r.num DESC LIMIT ?`,
      JSON.stringify(mailboxes),
      since,
      limit,
    )
    .map(toReport);
