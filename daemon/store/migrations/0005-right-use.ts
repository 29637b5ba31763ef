/**
 * When a person last used a right on a mailbox, to the day, and since when that is noted: what is older than the watch is not known, and a
 * right that was not seen in use for a shorter time is not called unused.
 */
export const sql = `
CREATE TABLE right_use (
  mailbox TEXT NOT NULL,
  person TEXT NOT NULL,
  of_right TEXT NOT NULL CHECK (of_right IN ('access', 'send', 'setup')),
  last_at INTEGER NOT NULL,
  PRIMARY KEY (mailbox, person, of_right)
) STRICT, WITHOUT ROWID;
CREATE INDEX right_use_person ON right_use (person);
CREATE TABLE right_watch (since INTEGER NOT NULL) STRICT;
INSERT INTO right_watch (since) VALUES (CAST(unixepoch('subsec') * 1000 AS INTEGER));
`;
