/** What is done in the order in which it was closed. What was never decided (history that was taken in) closed with its last mail. */
export const sql = `
CREATE INDEX conversation_closed ON conversation (mailbox, coalesce(decided_at, last_at), num, shown) WHERE shown > 0 AND state = 'done';
`;
