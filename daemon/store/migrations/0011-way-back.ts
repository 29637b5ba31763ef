/** What an undo needs: which mails arrived once, and what a conversation was before it was done. */
export const sql = `
-- 1: it counted once. When it counts again (out of Trash, say) it comes back, and nothing new has come.
ALTER TABLE entry ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0 CHECK (arrived IN (0, 1));
UPDATE entry SET arrived = 1 WHERE counted = 1;

-- What is done: its state, waiting_since, snoozed_until and decided_at of before, as JSON; null where that is not known.
ALTER TABLE conversation ADD COLUMN was TEXT;
CREATE TRIGGER conversation_closed AFTER UPDATE OF state ON conversation WHEN new.state = 'done' AND old.state <> 'done' BEGIN
  UPDATE conversation SET was = json_object('state', old.state, 'waitingSince', old.waiting_since,
    'snoozedUntil', old.snoozed_until, 'decidedAt', old.decided_at) WHERE num = new.num;
END;
CREATE TRIGGER conversation_reopened AFTER UPDATE OF state ON conversation WHEN new.state <> 'done' AND new.was IS NOT NULL BEGIN
  UPDATE conversation SET was = NULL WHERE num = new.num;
END;
`;
