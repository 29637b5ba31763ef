import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../../daemon/store/store.ts';

/** 100,000 mails of 20,000 correspondents in 40,000 conversations, 60,000 records; written as rows, since only reading is measured. */
export async function fillTimelines(home: string): Promise<{ scan: () => void; close: () => void }> {
  await (await openStore({ home })).close();
  const db = new DatabaseSync(`${home}/mail.db`);
  db.exec(`BEGIN;
    CREATE TEMP TABLE n AS WITH RECURSIVE c (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 99999) SELECT i FROM c;
    INSERT INTO message (num, hash, pack, offset, stored, size, codec, automatic, subject, snippet, attachments, head)
      SELECT i + 1, randomblob(32), 1, i, 0, 0, 0, 0, 'Order ' || i, 'It has not come.', 0,
        '{"from":[{"name":"Jane","address":"c' || (i % 20000) || '@customer.example"}],"to":[{"name":null,"address":"support@example.com"}]}' FROM n;
    INSERT INTO conversation (num, id, mailbox, decided_at, messages, shown) SELECT i + 1, 'c' || i, 'support', 1, 2, 2 FROM n WHERE i < 40000;
    INSERT INTO entry (row, id, mailbox, message, conversation, received_at, direction, automatic, counted, feeds, attachments, told)
      SELECT (i + 1) * 60 * 1048576, 'e' || i, 'support', i + 1, 1 + i % 40000, (i + 1) * 60000, CASE WHEN i % 5 = 4 THEN 'out' ELSE 'in' END, 0, 1, 1, 0, 1 FROM n;
    INSERT INTO correspondent SELECT i + 1, 'c' || i || '@customer.example' FROM n WHERE i < 20000;
    INSERT INTO entry_correspondent SELECT 1 + i % 20000, 'support', CASE WHEN i % 5 = 4 THEN 'out' ELSE 'in' END, (i + 1) * 60000, (i + 1) * 60 * 1048576 FROM n;
    -- the one who wrote a fifth of it all
    INSERT INTO correspondent VALUES (30000, 'list@customer.example');
    INSERT INTO entry_correspondent SELECT 30000, 'support', 'in', (i + 1) * 60000, (i + 1) * 60 * 1048576 FROM n WHERE i % 5 = 0;
    INSERT INTO activity (id, at, kind, mailbox, conversation, actor, summary, details)
      SELECT 'a' || i, (i + 1) * 60000 + 5, CASE i % 3 WHEN 0 THEN 'assign' WHEN 1 THEN 'state' ELSE 'system' END, 'support', 'c' || (i % 40000), 'ann', 'x', '{}'
      FROM n WHERE i < 60000;
    COMMIT`);
  const all = db.prepare('SELECT sum(length(subject)) FROM message');
  return { scan: () => void all.get(), close: () => db.close() };
}
