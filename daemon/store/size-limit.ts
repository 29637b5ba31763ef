/** How large a mail the submission server of each mailbox takes. The name of the server stands beside it: a mailbox may be given another one. */
import type { Db } from './sqlite.ts';
import type { MailboxId, ServerLimit } from './types.ts';
import type { Writing } from './work.ts';

/** What it said last stands. A mailbox that is being forgotten takes no more. */
export function noteSizeLimit({ db }: Writing, mailbox: MailboxId, { server, octets }: ServerLimit): void {
  db.run(
    `INSERT INTO size_limit (mailbox, server, octets) SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM forgetting WHERE mailbox = ?)
     ON CONFLICT (mailbox) DO UPDATE SET server = excluded.server, octets = excluded.octets`,
    mailbox,
    server,
    octets,
    mailbox,
  );
}

export const sizeLimitOf = (db: Db, mailbox: MailboxId): ServerLimit | null =>
  db.get<ServerLimit>('SELECT server, octets FROM size_limit WHERE mailbox = ?', mailbox) ?? null;
