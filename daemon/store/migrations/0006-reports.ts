/**
 * Reports about mails that were sent, and what else is known of outgoing mail and of work that lost its holder. What an entry is said to
 * be here it was not before: mail of before stays as it was read.
 */
export const sql = `
-- 1: it says that a mail of ours did not arrive.
ALTER TABLE entry ADD COLUMN bounced INTEGER NOT NULL DEFAULT 0;
-- 1: a mail of ours that answers nobody who waits: a forward, or to others only.
ALTER TABLE entry ADD COLUMN aside INTEGER NOT NULL DEFAULT 0;

CREATE TABLE report (
  num INTEGER PRIMARY KEY,
  mailbox TEXT NOT NULL,
  -- the report as it came; it may be gone from the mailbox since
  entry TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('failed', 'delayed', 'delivered', 'read')),
  received_at INTEGER NOT NULL,
  noted_at INTEGER NOT NULL,
  -- the mail that it is about, as an entry and where there is one as a row of the outbox; null: it fits none
  about TEXT,
  outbox TEXT,
  recipients TEXT NOT NULL
) STRICT;
CREATE INDEX report_mailbox ON report (mailbox, num);
CREATE INDEX report_about ON report (about) WHERE about IS NOT NULL;
CREATE INDEX report_outbox ON report (outbox) WHERE outbox IS NOT NULL;
CREATE INDEX report_entry ON report (entry);

-- Which mails a report names that fits none so far: one of them may come in later.
CREATE TABLE report_id (
  mailbox TEXT NOT NULL,
  id TEXT NOT NULL,
  report INTEGER NOT NULL REFERENCES report (num) ON DELETE CASCADE,
  PRIMARY KEY (mailbox, id, report)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS message_message_id ON message (message_id) WHERE message_id IS NOT NULL;

-- The mail that it answers, and whether its mark on the server was seen to.
ALTER TABLE outbox ADD COLUMN answers TEXT;
ALTER TABLE outbox ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;
-- What its conversation comes to when it is accepted, and when it was opened because it was not.
ALTER TABLE outbox ADD COLUMN afterwards TEXT NOT NULL DEFAULT '{"state":"waiting","waitingSince":null,"snoozedUntil":null}';
ALTER TABLE outbox ADD COLUMN opened_at INTEGER;
-- What the server said that a person should know, though it changed nothing.
ALTER TABLE outbox ADD COLUMN remark TEXT;
CREATE INDEX outbox_unanswered ON outbox (num) WHERE answered = 0 AND answers IS NOT NULL AND state = 'accepted';

-- Who had it until they lost the right to answer.
ALTER TABLE conversation ADD COLUMN had TEXT NOT NULL DEFAULT '';
`;
