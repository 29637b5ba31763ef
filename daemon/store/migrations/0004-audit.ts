/**
 * The audit journal: one row for each act that somebody may have to answer for, chained by hashes (`audit.ts`). `once` names an act
 * whose record is handed over until it is there; it belongs to the hand-over, not to the record.
 */
export const sql = `
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT,
  actor_id TEXT,
  session TEXT,
  key TEXT,
  origin TEXT,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  person_id TEXT,
  mailbox TEXT,
  mailbox_id TEXT,
  summary TEXT NOT NULL,
  details TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL,
  once TEXT UNIQUE
) STRICT;
CREATE INDEX audit_actor ON audit (actor_id, seq);
CREATE INDEX audit_person ON audit (person_id, seq) WHERE person_id IS NOT NULL;
CREATE INDEX audit_mailbox ON audit (mailbox_id, seq) WHERE mailbox_id IS NOT NULL;
CREATE INDEX audit_address ON audit (lower(mailbox)) WHERE mailbox IS NOT NULL;
CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit journal is append-only'); END;
CREATE TRIGGER audit_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit journal is append-only'); END;
`;
