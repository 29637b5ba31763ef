/**
 * Full text. One row for each entry and each note, under the row number that they have themselves: newest first is row order. Its
 * text stands nowhere else but in the packs (contentless); `text.ts` writes it, folded, so the tokenizer has only to split.
 *
 * - `mailbox` holds the token of its mailbox: who may open what is a word of every MATCH.
 * - What is removed leaves the index by trigger, whoever removes it.
 * - Mail that was here before is taken in from the newest down: what lies below `text_backlog.below` is still to come.
 */
export const sql = `
ALTER TABLE note ADD COLUMN row INTEGER;
UPDATE note SET row = placed.row FROM (
  SELECT id, at / 1000 * 1048576 + row_number() OVER (PARTITION BY at / 1000 ORDER BY at, id) +
    coalesce((SELECT max(e.row) FROM entry e WHERE e.row >= at / 1000 * 1048576 AND e.row < (at / 1000 + 1) * 1048576) % 1048576, -1) AS row
  FROM note) AS placed WHERE placed.id = note.id;
CREATE UNIQUE INDEX note_row ON note (row);

CREATE VIRTUAL TABLE mail_text USING fts5(
  mailbox, subject, sender, recipients, copies, body, files, note,
  content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '2 3'
);

-- A slice of an import fits into memory, and pages of 16 kB: both cost a seventh less per mail.
INSERT INTO mail_text (mail_text, rank) VALUES ('hashsize', 8388608);
INSERT INTO mail_text (mail_text, rank) VALUES ('pgsz', 16000);

CREATE TABLE text_backlog (below INTEGER NOT NULL) STRICT;
INSERT INTO text_backlog SELECT max(row) + 1 FROM (SELECT row FROM entry UNION ALL SELECT row FROM note) HAVING count(*) > 0;

CREATE TRIGGER entry_text_gone AFTER DELETE ON entry BEGIN DELETE FROM mail_text WHERE rowid = old.row; END;
CREATE TRIGGER note_text_gone AFTER DELETE ON note BEGIN DELETE FROM mail_text WHERE rowid = old.row; END;
`;
