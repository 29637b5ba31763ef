/** Of several folders with one role, the one where mail goes that is moved by role; the next listing says which. */
export const sql = `
ALTER TABLE folder ADD COLUMN main INTEGER NOT NULL DEFAULT 1 CHECK (main IN (0, 1));
`;
