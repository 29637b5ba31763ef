/**
 * What only says that it is ours, and what stands in its conversation without an id that says so. Mail of before stays as it was read.
 */
export const sql = `
-- 1: From is an address of ours, and nothing else says that we wrote it.
ALTER TABLE entry ADD COLUMN claims INTEGER NOT NULL DEFAULT 0 CHECK (claims IN (0, 1));
-- 1: it joined by correspondent, subject and time.
ALTER TABLE entry ADD COLUMN by_subject INTEGER NOT NULL DEFAULT 0 CHECK (by_subject IN (0, 1));
`;
