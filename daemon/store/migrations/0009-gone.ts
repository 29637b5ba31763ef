/**
 * Mails that are no longer on the server: who, what and when, for timelines. Nothing of their text, and nobody who was in Bcc. A row
 * keeps the number and the id that its entry had.
 */
export const sql = `
CREATE TABLE gone (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  mailbox TEXT NOT NULL,
  conversation INTEGER NOT NULL REFERENCES conversation (num),
  received_at INTEGER NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
  -- by what it is known again when it comes back
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  message_id TEXT,
  date INTEGER,
  subject TEXT NOT NULL,
  head TEXT NOT NULL,
  UNIQUE (mailbox, hash)
) STRICT;
CREATE INDEX gone_mailbox ON gone (mailbox, direction, received_at, row);
CREATE INDEX gone_conversation ON gone (conversation, row);
CREATE INDEX gone_message_id ON gone (mailbox, message_id) WHERE message_id IS NOT NULL;

CREATE TABLE gone_correspondent (
  correspondent INTEGER NOT NULL REFERENCES correspondent (num),
  mailbox TEXT NOT NULL,
  direction TEXT NOT NULL,
  at INTEGER NOT NULL,
  gone INTEGER NOT NULL REFERENCES gone (row) ON DELETE CASCADE,
  PRIMARY KEY (correspondent, mailbox, direction, at, gone)
) STRICT, WITHOUT ROWID;
CREATE INDEX gone_correspondent_gone ON gone_correspondent (gone, correspondent);
`;
