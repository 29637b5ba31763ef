/**
 * The journal of what was done: append-only (the database refuses anything else), written in the transaction of the effect that it
 * tells, so that neither is there without the other. It holds ids and reasons, never contents of mails or notes: those stay where they
 * can be deleted. Names are looked up when it is read.
 */
import { recordAudit } from './audit.ts';
import type { ActivityRecord, AuditDraft } from './types.ts';
import type { Writing } from './work.ts';

/** A record whose `key` is there already changes nothing. */
export function record({ db, changed }: Writing, it: ActivityRecord): void {
  const { at, kind, mailbox, conversation, actor, summary, details, key } = it;
  const written = db.get<{ id: string }>(
    `INSERT INTO activity (id, at, kind, mailbox, conversation, actor, summary, details, key)
     SELECT lower(hex(randomblob(12))), ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM activity WHERE key = ?) RETURNING id`,
    at,
    kind,
    mailbox,
    conversation,
    actor,
    summary,
    JSON.stringify(details),
    key,
    key,
  );
  // Timelines show a mail as the mailbox has it, and tell it when it comes in.
  const isMail = kind === 'mail-in' || kind === 'mail-out';
  if (written !== undefined && mailbox !== null && !isMail)
    changed({ kind: 'activity', mailbox, id: written.id, what: kind, at, conversation });
}

/** What was done, for timelines, and in the same transaction for whoever must be able to answer for it. */
export function recordActivity(writing: Writing, activities: readonly ActivityRecord[], audits: readonly AuditDraft[] = []): void {
  for (const activity of activities) record(writing, activity);
  recordAudit(writing, audits);
}
