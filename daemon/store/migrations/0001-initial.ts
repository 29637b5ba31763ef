/**
 * `entry.row` is `seconds since 1970 x 2^20 + n`: row order is date order, for lists and for full text to come. What a list row of a
 * conversation needs stands in `conversation` itself; `work.ts` writes it, `check.ts` counts it again. Times are milliseconds
 * since 1970, truth values 0 and 1.
 */
export const sql = `
CREATE TABLE folder (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  mailbox TEXT NOT NULL,
  path TEXT NOT NULL,
  name TEXT NOT NULL,
  delimiter TEXT,
  role TEXT CHECK (role IN ('inbox', 'sent', 'drafts', 'junk', 'trash', 'archive', 'all')),
  selectable INTEGER NOT NULL,
  uid_validity INTEGER,
  uid_next INTEGER,
  highest_mod_seq TEXT,
  server_count INTEGER,
  stored_count INTEGER NOT NULL DEFAULT 0,
  parked TEXT,
  UNIQUE (mailbox, path)
) STRICT;

-- What the directory said with the last ingest: the writer needs it when it acts by itself (a grace that ends, a snooze).
CREATE TABLE policy (
  mailbox TEXT PRIMARY KEY,
  work_from INTEGER,
  follow_server INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Mailboxes whose rows are being removed.
CREATE TABLE forgetting (mailbox TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE message (
  num INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  pack INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  size INTEGER NOT NULL,
  codec INTEGER NOT NULL,
  message_id TEXT,
  postroom_id TEXT,
  automatic INTEGER NOT NULL,
  date INTEGER,
  subject TEXT NOT NULL,
  snippet TEXT NOT NULL,
  attachments INTEGER NOT NULL,
  head TEXT NOT NULL
) STRICT;
CREATE INDEX message_end ON message (pack, offset);
CREATE INDEX message_postroom_id ON message (postroom_id) WHERE postroom_id IS NOT NULL;

CREATE TABLE conversation (
  num INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  mailbox TEXT NOT NULL,
  merged_into INTEGER REFERENCES conversation (num),
  revision INTEGER NOT NULL DEFAULT 1,
  state TEXT NOT NULL DEFAULT 'done' CHECK (state IN ('open', 'waiting', 'snoozed', 'done')),
  decided_at INTEGER,
  waiting_since INTEGER,
  snoozed_until INTEGER,
  assignee TEXT NOT NULL DEFAULT '',
  shown INTEGER NOT NULL DEFAULT 0 CHECK (shown IN (0, 1, 2)),
  messages INTEGER NOT NULL DEFAULT 0,
  attachments INTEGER NOT NULL DEFAULT 0,
  last_row INTEGER NOT NULL DEFAULT 0,
  last_in_row INTEGER NOT NULL DEFAULT 0,
  last_at INTEGER NOT NULL DEFAULT 0,
  direction TEXT NOT NULL DEFAULT 'in',
  subject TEXT NOT NULL DEFAULT '',
  sender TEXT,
  addressed_to TEXT,
  snippet TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX conversation_assigned ON conversation (mailbox, state, assignee, waiting_since, num, shown, last_in_row) WHERE shown > 0;
CREATE INDEX conversation_waiting ON conversation (mailbox, state, waiting_since, num, shown, last_in_row) WHERE shown > 0;
CREATE INDEX conversation_last ON conversation (mailbox, state, last_row, num, shown) WHERE shown > 0;
CREATE INDEX conversation_newest ON conversation (mailbox, last_row, num, shown) WHERE shown > 0;
CREATE INDEX conversation_assignee ON conversation (assignee) WHERE assignee <> '';
CREATE INDEX conversation_snoozed ON conversation (snoozed_until) WHERE snoozed_until IS NOT NULL;
CREATE INDEX conversation_merged ON conversation (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE entry (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  mailbox TEXT NOT NULL,
  message INTEGER NOT NULL REFERENCES message (num),
  conversation INTEGER NOT NULL REFERENCES conversation (num),
  received_at INTEGER NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
  automatic INTEGER NOT NULL,
  counted INTEGER NOT NULL,
  feeds INTEGER NOT NULL,
  attachments INTEGER NOT NULL,
  addressed_to TEXT,
  author TEXT,
  outbox TEXT,
  same_as INTEGER REFERENCES entry (row),
  unplaced_at INTEGER,
  UNIQUE (message, mailbox)
) STRICT;
CREATE INDEX entry_conversation ON entry (conversation, row);
CREATE INDEX entry_feeding ON entry (conversation, row) WHERE feeds = 1 AND same_as IS NULL;
CREATE INDEX entry_mailbox ON entry (mailbox, row);
CREATE INDEX entry_unplaced ON entry (unplaced_at) WHERE unplaced_at IS NOT NULL;
CREATE INDEX entry_same ON entry (same_as) WHERE same_as IS NOT NULL;

CREATE TABLE placement (
  folder INTEGER NOT NULL REFERENCES folder (id),
  uid_validity INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  entry INTEGER NOT NULL REFERENCES entry (row),
  flags TEXT NOT NULL,
  mod_seq TEXT,
  PRIMARY KEY (folder, uid_validity, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX placement_entry ON placement (entry);
CREATE INDEX placement_newest ON placement (folder, entry);

CREATE TRIGGER placement_stored AFTER INSERT ON placement BEGIN
  UPDATE folder SET stored_count = stored_count + 1 WHERE id = new.folder AND uid_validity = new.uid_validity;
END;
CREATE TRIGGER placement_gone AFTER DELETE ON placement BEGIN
  UPDATE folder SET stored_count = stored_count - 1 WHERE id = old.folder AND uid_validity = old.uid_validity;
END;
CREATE TRIGGER folder_generation AFTER UPDATE OF uid_validity ON folder WHEN old.uid_validity IS NOT new.uid_validity BEGIN
  UPDATE folder SET stored_count = (SELECT count(*) FROM placement WHERE folder = new.id AND uid_validity = new.uid_validity) WHERE id = new.id;
END;

CREATE TABLE unfetchable (
  folder INTEGER NOT NULL REFERENCES folder (id),
  uid_validity INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (folder, uid_validity, uid)
) STRICT, WITHOUT ROWID;

-- A subject key may name several conversations, an id key never more than one.
CREATE TABLE thread_key (
  mailbox TEXT NOT NULL,
  key TEXT NOT NULL,
  conversation INTEGER NOT NULL REFERENCES conversation (num),
  PRIMARY KEY (mailbox, key, conversation)
) STRICT, WITHOUT ROWID;
CREATE INDEX thread_key_conversation ON thread_key (conversation);

CREATE TABLE note (
  id TEXT PRIMARY KEY,
  conversation INTEGER NOT NULL REFERENCES conversation (num),
  author TEXT NOT NULL,
  at INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX note_conversation ON note (conversation, at);

CREATE TABLE read_mark (
  person TEXT NOT NULL,
  conversation INTEGER NOT NULL REFERENCES conversation (num),
  upto INTEGER NOT NULL,
  PRIMARY KEY (person, conversation)
) STRICT, WITHOUT ROWID;
CREATE INDEX read_mark_conversation ON read_mark (conversation);

CREATE TABLE star (
  person TEXT NOT NULL,
  conversation INTEGER NOT NULL REFERENCES conversation (num),
  PRIMARY KEY (person, conversation)
) STRICT, WITHOUT ROWID;
CREATE INDEX star_conversation ON star (conversation);

CREATE TABLE outbox (
  num INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  mailbox TEXT NOT NULL,
  author TEXT NOT NULL,
  sender TEXT NOT NULL,
  conversation INTEGER NOT NULL REFERENCES conversation (num),
  entry TEXT NOT NULL,
  message INTEGER NOT NULL REFERENCES message (num),
  state TEXT NOT NULL CHECK (state IN ('held', 'waiting-approval', 'queued', 'sending', 'accepted', 'unknown', 'failed', 'bounced', 'cancelled')),
  phase TEXT CHECK (phase IN ('claimed', 'data')),
  held_for TEXT CHECK (held_for IN ('time', 'right')),
  message_id TEXT NOT NULL,
  postroom_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  recipients TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  send_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER,
  last_error TEXT,
  sent_copy TEXT NOT NULL DEFAULT 'pending' CHECK (sent_copy IN ('pending', 'filed', 'failed')),
  sent_copy_attempts INTEGER NOT NULL DEFAULT 0,
  idempotency_key TEXT,
  -- the conversation's work state before it was queued, given back when it is cancelled
  before TEXT NOT NULL,
  UNIQUE (author, idempotency_key)
) STRICT;
CREATE INDEX outbox_due ON outbox (max(send_at, coalesce(next_attempt_at, 0)), num) WHERE state = 'queued' OR (state = 'held' AND held_for = 'time');
CREATE INDEX outbox_mailbox ON outbox (mailbox, num);
CREATE INDEX outbox_conversation ON outbox (conversation);
CREATE INDEX outbox_sending ON outbox (num) WHERE state = 'sending';
CREATE INDEX outbox_unfiled ON outbox (num) WHERE state = 'accepted' AND sent_copy = 'pending';

CREATE TABLE activity (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  mailbox TEXT,
  conversation TEXT,
  actor TEXT,
  summary TEXT NOT NULL,
  details TEXT NOT NULL,
  key TEXT UNIQUE
) STRICT;
CREATE INDEX activity_mailbox ON activity (mailbox, seq);
CREATE INDEX activity_conversation ON activity (conversation, seq);
CREATE TRIGGER activity_fixed BEFORE UPDATE ON activity BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER activity_kept BEFORE DELETE ON activity BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
`;
