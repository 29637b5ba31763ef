/**
 * Whom a conversation is with: those who wrote to us, else the machines that did. A mail of ours that goes to none of them answers
 * nobody: they wait as before.
 */
import { type Address, addressKey } from '../mail/address-list.ts';
import type { Db } from './sqlite.ts';

/** The newest are looked at: a thread may have any length. */
const most = 100;

/** True as well where nobody wrote yet, so that nobody can wait. */
export function reaches(db: Db, conversation: number, recipients: readonly string[], own: readonly string[]): boolean {
  return isAmong(writersOf(db, conversation, own), recipients);
}

const isAmong = (writers: readonly string[], recipients: readonly string[]): boolean =>
  writers.length === 0 || recipients.some((address) => writers.includes(addressKey(address)));

function writersOf(db: Db, conversation: number, own: readonly string[]): string[] {
  const by = (automatic: 0 | 1): string[] =>
    db
      .all<{ head: string }>(
        `SELECT m.head FROM entry e JOIN message m ON m.num = e.message WHERE e.conversation = ? AND e.direction = 'in' AND e.automatic = ?
         AND e.bounced = 0 ORDER BY e.row DESC LIMIT ?`,
        conversation,
        automatic,
        most,
      )
      .flatMap(({ head }) => {
        const { from = [], replyTo = [] } = JSON.parse(head) as { from?: Address[]; replyTo?: Address[] };
        return [...from, ...replyTo].map(({ address }) => addressKey(address));
      })
      .filter((address) => address !== '' && !own.includes(address));
  const persons = by(0);
  return persons.length > 0 ? persons : by(1);
}

/**
 * Judges anew which mails that another program sent answer them; what was queued here says it itself. One without named recipients was
 * sent to somebody: it counts.
 */
export function judgeForeign(db: Db, conversation: number, own: readonly string[]): void {
  const sent = db.all<{ row: number; aside: number; head: string }>(
    `SELECT e.row, e.aside, m.head FROM entry e JOIN message m ON m.num = e.message
     WHERE e.conversation = ? AND e.direction = 'out' AND e.author IS NULL AND e.same_as IS NULL ORDER BY e.row DESC LIMIT ?`,
    conversation,
    most,
  );
  if (sent.length === 0) return;
  const writers = writersOf(db, conversation, own);
  for (const { row, aside, head } of sent) {
    const { to = [], cc = [] } = JSON.parse(head) as { to?: Address[]; cc?: Address[] };
    const recipients = [...to, ...cc].map(({ address }) => address);
    const now = Number(recipients.length > 0 && !isAmong(writers, recipients));
    if (now !== aside) db.run('UPDATE entry SET aside = ? WHERE row = ?', now, row);
  }
}
