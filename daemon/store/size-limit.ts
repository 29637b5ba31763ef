/** How large a mail the submission server of each mailbox takes. The name of the server stands beside it: a mailbox may be given another one. */
import type { Db } from './sqlite.ts';
import type { MailboxId, ServerLimit } from './types.ts';
import type { Writing } from './work.ts';

/** Null: the server names no limit. A mailbox that is being forgotten takes no more. */
export function noteSizeLimit({ db }: Writing, mailbox: MailboxId, limit: ServerLimit | null): void {
  db.run('DELETE FROM size_limit WHERE mailbox = ?', mailbox);
  if (limit === null) return;
  db.run(
    'INSERT INTO size_limit (mailbox, server, octets) SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM forgetting WHERE mailbox = ?)',
    mailbox,
    limit.server,
    limit.octets,
    mailbox,
  );
}

export const sizeLimitOf = (db: Db, mailbox: MailboxId): ServerLimit | null =>
  db.get<ServerLimit>('SELECT server, octets FROM size_limit WHERE mailbox = ?', mailbox) ?? null;
