/** How large a mail a mailbox's submission server takes, as it said when it last greeted us. NULL: it names no limit; no row: nobody asked. */
export const sql = `
CREATE TABLE size_limit (
  mailbox TEXT PRIMARY KEY,
  server TEXT NOT NULL,
  octets INTEGER CHECK (octets > 0)
) STRICT, WITHOUT ROWID;
`;
