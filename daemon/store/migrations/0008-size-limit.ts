/** How large a mail a mailbox's submission server takes, as it said when it last greeted us; no row: it names no limit, or none is known. */
export const sql = `
CREATE TABLE size_limit (
  mailbox TEXT PRIMARY KEY,
  server TEXT NOT NULL,
  octets INTEGER NOT NULL CHECK (octets > 0)
) STRICT, WITHOUT ROWID;
`;
