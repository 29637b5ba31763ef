/**
 * Which rights are used, by whom and when last: one row for each person, mailbox and right. Rows come a handful at a time, once a day each;
 * they are statistics about rights, no record of what somebody did, and go with the person or the mailbox.
 */
import type { Db } from './sqlite.ts';
import type { MailboxId, Millis, PersonId, RightUse } from './types.ts';
import type { Writing } from './work.ts';

/** What was noted last stands, also after the clock went back. A mailbox that is being forgotten takes no more. */
export function noteUses({ db }: Writing, uses: readonly RightUse[]): void {
  for (const { mailbox, person, right, at } of uses) {
    db.run(
      `INSERT INTO right_use (mailbox, person, of_right, last_at) SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM forgetting WHERE mailbox = ?)
       ON CONFLICT (mailbox, person, of_right) DO UPDATE SET last_at = excluded.last_at`,
      mailbox,
      person,
      right,
      at,
      mailbox,
    );
  }
}

export function forgetUses({ db }: Writing, person: PersonId): void {
  db.run('DELETE FROM right_use WHERE person = ?', person);
}

/** Of these mailboxes. */
export const usesOf = (db: Db, mailboxes: readonly MailboxId[]): RightUse[] =>
  db.all<RightUse>(
    'SELECT mailbox, person, of_right AS "right", last_at AS at FROM right_use WHERE mailbox IN (SELECT value FROM json_each(?))',
    JSON.stringify(mailboxes),
  );

/** Everybody of whom a use is noted, whether they are still here or not. */
export const usersNoted = (db: Db): PersonId[] =>
  db.all<{ person: PersonId }>('SELECT DISTINCT person FROM right_use').map(({ person }) => person);

/** Since when uses are noted. */
export function watchedSince(db: Db): Millis {
  const row = db.get<{ since: Millis }>('SELECT since FROM right_watch');
  if (row === undefined) throw new Error('right_watch is empty: the migration fills it');
  return row.since;
}
