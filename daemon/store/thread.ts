/** The conversation of a mail: the rule of `mail/conversation.ts` over the keys that a mailbox has stored. */
import { placeInThread, type Threaded, type ThreadKeys, threadKeys } from '../mail/conversation.ts';
import type { Db } from './sqlite.ts';
import type { MailboxId } from './types.ts';
import type { Touched, Writing } from './work.ts';

type Threading = {
  mailbox: MailboxId;
  message: Threaded;
  own: readonly string[];
  /** Queued here, or in Sent. */
  ours: boolean;
  /** A conversation that it belongs to whatever it names. */
  joins: number | null;
};

/** Finds or begins it, and joins all that the mail connects. `bySubject`: no id says that it belongs there. */
export function threadOf(
  { db }: Writing,
  touched: Touched,
  { mailbox, message, own, ours, joins }: Threading,
): { conversation: number; bySubject: boolean } {
  const keys = threadKeys(message, own, ours);
  const certain = [...(joins === null ? [] : [joins]), ...ofFirstFormat(db, mailbox, keys)];
  const { join, merge, store, bySubject, settles } = placeInThread(keys, (key) => storedBy(db, mailbox, key), certain);
  const conversation = join ?? touched.begin(mailbox);
  for (const loser of merge) touched.merge(conversation, loser);
  if (join !== null && settles) {
    db.run("DELETE FROM thread_key WHERE conversation = ? AND key >= 'claim ' AND key < 'claim!'", conversation);
    if (bySubject === 'those') db.run('UPDATE entry SET by_subject = 1 WHERE conversation = ?', conversation);
  }
  putKeys(db, mailbox, store, conversation);
  return { conversation, bySubject: bySubject === 'this' };
}

/** The id of a report, for whoever answers it; whatever else its header names joins nothing. */
export function nameReport(db: Db, mailbox: MailboxId, message: Threaded, own: readonly string[], conversation: number): void {
  putKeys(db, mailbox, threadKeys({ ...message, inReplyTo: [], references: [], report: null }, own, false).store, conversation);
}

const storedBy = (db: Db, mailbox: MailboxId, key: string): number[] =>
  db
    .all<{ conversation: number }>('SELECT conversation FROM thread_key WHERE mailbox = ? AND key = ?', mailbox, key)
    .map(({ conversation }) => conversation);

function putKeys(db: Db, mailbox: MailboxId, keys: readonly string[], conversation: number): void {
  for (const key of keys)
    db.run('INSERT OR IGNORE INTO thread_key (mailbox, key, conversation) VALUES (?, ?, ?)', mailbox, key, conversation);
}

/**
 * The first release stored ids alone (`id …`), one conversation for each. One of those is meant where somebody of the mail is in it,
 * or where the mail answers one of ours.
 */
function ofFirstFormat(db: Db, mailbox: MailboxId, { id, names, people }: ThreadKeys): number[] {
  const found = new Set([...(id === null ? [] : [id]), ...names].flatMap((one) => storedBy(db, mailbox, `id ${one}`)));
  const fits = (conversation: number): boolean =>
    db.get(
      `SELECT 1 WHERE EXISTS (SELECT 1 FROM entry e JOIN message m ON m.num = e.message WHERE e.conversation = ? AND e.direction = 'out'
         AND trim(m.message_id, '<>') IN (SELECT value FROM json_each(?)))
       OR EXISTS (SELECT 1 FROM entry e JOIN entry_correspondent x ON x.entry = e.row JOIN correspondent k ON k.num = x.correspondent
         WHERE e.conversation = ? AND k.address IN (SELECT value FROM json_each(?)))`,
      conversation,
      JSON.stringify(names),
      conversation,
      JSON.stringify(people),
    ) !== undefined;
  return [...found].filter(fits);
}
