/**
 * Which mail is ours, and other forms of it: a Sent copy that a server or another program wrote, a copy over a list or in Cc to
 * ourselves. They are kept as octets and placement, and shown once (`same_as`).
 *
 * - Ours is what was queued here or lies in Sent, whenever it is found there. What lies elsewhere with our From only claims to be.
 * - Another form is known by its ids (Message-ID, X-Postroom-Id), and by more than those unless it lies in Sent (`mail/same-mail.ts`).
 *   Whichever of the two comes first, the one that is ours is shown.
 * - A form's own Message-ID leads to the conversation as well: whoever got that form answers that id.
 */
import { oursKey, type Threaded } from '../mail/conversation.ts';
import { isOneOf } from '../mail/correspondent.ts';
import type { Address, Message } from '../mail/message.ts';
import { isSameMail, sameHeading } from '../mail/same-mail.ts';
import { readPackNow } from './packs.ts';
import { adoptReports } from './reports.ts';
import type { Db } from './sqlite.ts';
import { threadOf } from './thread.ts';
import type { Direction, EntryId, MailboxId } from './types.ts';
import { type Touched, type Writing, workOf } from './work.ts';

/** How a mail came to be known. In Drafts lies what we write, and nobody was sent it yet. */
export type FoundIn = 'queued' | 'in-sent' | 'in-drafts' | 'elsewhere';

type People = { from: readonly Address[]; to: readonly Address[]; cc: readonly Address[] };
type Ids = Pick<Message, 'messageId' | 'postroomId'>;
type Mail = Threaded & Ids;
const isOf =
  (own: readonly string[]) =>
  ({ address }: Address): boolean =>
    isOneOf(own, address);

/**
 * What lies in Sent is ours though From be an address unknown to us, unless it was written to us: somebody filed it there. `claims`: it
 * has our From and nothing else to show for it.
 */
export function whoWrote(
  { from, to, cc }: People,
  found: FoundIn,
  own: readonly string[],
): { direction: Direction; ours: boolean; claims: boolean } {
  const fromUs = from.some(isOf(own));
  const ours = found === 'queued' || (found === 'in-sent' && (fromUs || ![...to, ...cc].some(isOf(own))));
  const direction = ours || (found === 'in-drafts' && fromUs) ? 'out' : 'in';
  return { direction, ours, claims: direction === 'in' && fromUs };
}

export function addressedTo({ from, to, cc }: People, direction: Direction, own: readonly string[]): string | null {
  const addresses = (direction === 'out' ? from : [...to, ...cc]).map(({ address }) => address.toLowerCase());
  return addresses.find((address) => own.includes(address)) ?? null;
}

type Known = {
  row: number;
  id: EntryId;
  conversation: number;
  message_id: string | null;
  postroom_id: string | null;
  date: number | null;
  subject: string;
  snippet: string;
  automatic: number;
  head: string;
  pack: number;
  offset: number;
  stored: number;
  size: number;
  codec: 0 | 1;
  hash: string;
};

const selectKnown = `SELECT coalesce(s.row, e.row) AS row, coalesce(s.id, e.id) AS id, e.conversation, m.message_id, m.postroom_id, m.date, m.subject,
  m.snippet, m.automatic, m.head, m.pack, m.offset, m.stored, m.size, m.codec, lower(hex(m.hash)) AS hash
  FROM message m JOIN entry e ON e.message = m.num LEFT JOIN entry s ON s.row = e.same_as`;

/** Mails of the mailbox with one of these ids; at most a few are looked at, since anybody may write mails with our ids. */
const withIds = (db: Db, mailbox: MailboxId, { messageId, postroomId }: Ids, which: string): Known[] =>
  db.all<Known>(
    `${selectKnown} WHERE e.mailbox = ? AND ${which} AND e.row IN (
       SELECT e.row FROM message m JOIN entry e ON e.message = m.num WHERE m.message_id = ? AND e.mailbox = ?
       UNION SELECT e.row FROM message m JOIN entry e ON e.message = m.num WHERE m.postroom_id = ? AND e.mailbox = ?) ORDER BY e.row LIMIT 20`,
    mailbox,
    messageId,
    mailbox,
    postroomId,
    mailbox,
  );

const octetsOf = ({ packs }: Writing, known: Known): Uint8Array | null => readPackNow(packs.dir, known, known.hash);

/** The mail of ours of which this one is another form. */
export function firstForm(
  writing: Writing,
  mailbox: MailboxId,
  message: Mail,
  octets: () => Uint8Array | null,
  found: FoundIn,
  but: number | null = null,
): { row: number; conversation: number } | null {
  if (found === 'queued') return null;
  for (const known of withIds(writing.db, mailbox, message, "e.direction = 'out'")) {
    if (known.row !== but && isOurs(writing.db, mailbox, known) && isFormOf(writing, known, message, octets, found)) return known;
  }
  return null;
}

function isFormOf(writing: Writing, known: Known, message: Mail, octets: () => Uint8Array | null, found: FoundIn): boolean {
  if (found === 'in-sent') {
    const byPostroom = message.postroomId !== null && message.postroomId === known.postroom_id;
    if (byPostroom || sameHeading(mailOf(known), message)) return true;
  }
  const [ours, other] = [octetsOf(writing, known), octets()];
  return ours !== null && other !== null && isSameMail(ours, other);
}

/** Mail that only claimed to be ours, and is another form of this mail that is. */
export function foldClaims(
  writing: Writing,
  touched: Touched,
  mailbox: MailboxId,
  ours: { row: number; message: Mail; octets: () => Uint8Array | null },
  own: readonly string[],
): void {
  for (const known of withIds(writing.db, mailbox, ours.message, 'e.claims = 1')) {
    const other = known.row === ours.row ? null : octetsOf(writing, known);
    const first = other === null ? null : ours.octets();
    if (other !== null && first !== null && isSameMail(first, other)) becomeOurs(writing, touched, mailbox, known, own, ours.row);
  }
}

/** An entry that is found in Sent only now: it is ours, whatever it was taken for. */
export function foundInSent(writing: Writing, touched: Touched, mailbox: MailboxId, row: number, own: readonly string[]): void {
  const { db } = writing;
  const known = db.get<Known & { same_as: number | null; outbox: string | null; direction: Direction }>(
    `${selectKnown.replace('SELECT ', 'SELECT e.same_as, e.outbox, e.direction, ')} WHERE e.row = ?`,
    row,
  );
  if (known === undefined || known.same_as !== null || known.outbox !== null) return;
  if (known.direction === 'out' && known.message_id !== null) {
    const key = oursKey(known.message_id);
    if (db.get('SELECT 1 FROM thread_key WHERE mailbox = ? AND key = ? AND conversation = ?', mailbox, key, known.conversation)) return;
  }
  const message = mailOf(known);
  if (!whoWrote(message, 'in-sent', own).ours) return;
  const octets = (): Uint8Array | null => octetsOf(writing, known);
  const first = firstForm(writing, mailbox, message, octets, 'in-sent', row);
  becomeOurs(writing, touched, mailbox, known, own, first?.row ?? null);
  if (first === null) foldClaims(writing, touched, mailbox, { row, message, octets }, own);
}

/** A draft that lies in Drafts is nobody's first form: it is not shown. */
const isOurs = (db: Db, mailbox: MailboxId, { row, message_id: id, conversation }: Known): boolean =>
  db.get(
    `SELECT 1 FROM entry e WHERE e.row = ? AND (e.counted = 1 OR e.author IS NOT NULL
       OR EXISTS (SELECT 1 FROM thread_key WHERE mailbox = ? AND key = ? AND conversation = ?))`,
    row,
    mailbox,
    oursKey(id ?? ''),
    conversation,
  ) !== undefined;

/** The same where a folder turned out to be Sent: the addresses that the mail claims were ours when it came. */
export function foundInNewSent(writing: Writing, touched: Touched, mailbox: MailboxId, row: number): void {
  const claim = writing.db.get<{ head: string }>(
    'SELECT m.head FROM entry e JOIN message m ON m.num = e.message WHERE e.row = ? AND e.claims = 1',
    row,
  );
  if (claim === undefined) return;
  const { from } = JSON.parse(claim.head) as Head;
  foundInSent(
    writing,
    touched,
    mailbox,
    row,
    from.map(({ address }) => address.toLowerCase()),
  );
}

type Head = Pick<Message, 'from' | 'replyTo' | 'to' | 'cc' | 'inReplyTo' | 'references'>;

/** What its ids, people and subject say; its text stays where it is. */
function mailOf({ head, message_id: messageId, postroom_id: postroomId, date, subject, snippet, automatic }: Known): Mail {
  const { from, replyTo, to, cc, inReplyTo, references } = JSON.parse(head) as Head;
  return { from, replyTo, to, cc, inReplyTo, references, messageId, postroomId, date, subject, snippet, automatic: automatic === 1 };
}

function becomeOurs(
  writing: Writing,
  touched: Touched,
  mailbox: MailboxId,
  known: Known,
  own: readonly string[],
  first: number | null,
): void {
  const { db } = writing;
  const message = mailOf(known);
  const before = db.get<{ conversation: number; direction: Direction }>(
    'SELECT conversation, direction FROM entry WHERE row = ?',
    known.row,
  );
  const target = first === null ? undefined : db.get<{ conversation: number }>('SELECT conversation FROM entry WHERE row = ?', first);
  if (before === undefined) return;
  const to = addressedTo(message, 'out', own);
  db.run("UPDATE entry SET direction = 'out', claims = 0, feeds = 0, addressed_to = ?, same_as = ? WHERE row = ?", to, first, known.row);
  if (first !== null) db.run('UPDATE entry SET same_as = ? WHERE same_as = ?', first, known.row);
  db.run("UPDATE entry_correspondent SET direction = 'out' WHERE entry = ?", known.row);
  // All of it is one conversation: the mail names the same as its first form does, and its own id leads there too.
  const both = [before.conversation, ...(target === undefined ? [] : [target.conversation])].sort((a, b) => a - b);
  const [older = before.conversation, younger] = both;
  if (younger !== undefined && younger !== older) touched.merge(older, younger);
  const { conversation } = threadOf(writing, touched, { mailbox, message, own, ours: true, joins: older });

  const pending = touched.touch(conversation);
  pending.judge = own;
  const wasHere = pending.arrivals.filter(({ id }) => id !== known.id);
  const isNew = wasHere.length < pending.arrivals.length;
  pending.arrivals.splice(0, pending.arrivals.length, ...wasHere);
  // It was taken for work: what remains says what the conversation is, unless somebody decided that already.
  if (before.direction === 'in' && (isNew || workOf(db, conversation).state === 'open')) pending.rederive = true;
  if (before.direction === 'in') pending.lost = false;
  adoptReports(writing, touched, mailbox, message.messageId);
}
