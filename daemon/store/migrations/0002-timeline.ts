/**
 * What timelines need: which mails they tell, who a mail was exchanged with, and a journal that is read by date. Rows of before are
 * filled in by the writer in slices (`backfillTimeline`), newest first, while the daemon works.
 */
export const sql = `
-- 1: its mailbox's timelines tell it. It is on its way out, or lies somewhere else than only in Junk or Drafts.
ALTER TABLE entry ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entry_told ON entry (mailbox, direction, received_at, row) WHERE told = 1 AND same_as IS NULL;

-- Lower case, as they are compared.
CREATE TABLE correspondent (num INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE) STRICT;
-- Mailbox, direction and date stand here too: a contact's mail in one mailbox is one range of the key.
CREATE TABLE entry_correspondent (
  correspondent INTEGER NOT NULL REFERENCES correspondent (num),
  mailbox TEXT NOT NULL,
  direction TEXT NOT NULL,
  at INTEGER NOT NULL,
  entry INTEGER NOT NULL REFERENCES entry (row) ON DELETE CASCADE,
  PRIMARY KEY (correspondent, mailbox, direction, at, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_correspondent_entry ON entry_correspondent (entry, correspondent);

-- Entries below this row have yet to be filled in.
CREATE TABLE timeline_backfill (below INTEGER NOT NULL) STRICT;
INSERT INTO timeline_backfill SELECT max(row) + 1 FROM entry HAVING count(*) > 0;

-- The journal's number would tell everybody how much happens elsewhere: what leaves the daemon is an id of its own.
DROP TRIGGER activity_fixed;
ALTER TABLE activity ADD COLUMN id TEXT NOT NULL DEFAULT '';
UPDATE activity SET id = lower(hex(randomblob(12)));
CREATE UNIQUE INDEX activity_id ON activity (id);
CREATE TRIGGER activity_fixed BEFORE UPDATE ON activity BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
DROP INDEX activity_mailbox;
DROP INDEX activity_conversation;
CREATE INDEX activity_mailbox ON activity (mailbox, kind, at, seq);
CREATE INDEX activity_conversation ON activity (conversation, at, seq);
`;
