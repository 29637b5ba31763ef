/** A page of fifty of each kind of timeline among 100,000 mails, beside a scan of them: what an index that is not used would cost. */
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../daemon/store/store.ts';
import type { ActivityKind, TimelineScope } from '../daemon/store/types.ts';
import { tempDir } from '../test/support/tempdir.ts';
import { ms, print, quantiles, ratio, timed } from './figures.ts';

const everyKind: readonly ActivityKind[] = ['mail-in', 'mail-out', 'note', 'assign', 'state', 'grant', 'delivery', 'system'];
const support: TimelineScope = { kind: 'mailbox', mailbox: 'support' };

/** 100,000 mails of 20,000 correspondents in 40,000 conversations, 60,000 records; written as rows, since only reading is measured. */
export async function timeline(): Promise<void> {
  await using dir = await tempDir();
  const home = `${dir.path}/home`;
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
  const scan = quantiles(await timed(10, async () => void db.prepare('SELECT sum(length(subject)) FROM message').get())).p50;
  db.close();
  const store = await openStore({ home });
  try {
    const scopes: Record<string, { scope: TimelineScope; kinds?: readonly ActivityKind[] }> = {
      'the mailbox': { scope: support },
      'its grants alone, of which there are none': { scope: support, kinds: ['grant'] },
      'a conversation': { scope: { kind: 'conversation', conversation: 'c7' } },
      'a contact': { scope: { kind: 'contact', address: 'c7@customer.example', mailboxes: ['support'] } },
      'grants with a contact with 20,000 mails, of which there are none': {
        scope: { kind: 'contact', address: 'list@customer.example', mailboxes: ['support'] },
        kinds: ['grant', 'note'],
      },
      'what was assigned to a contact with 20,000 mails': {
        scope: { kind: 'contact', address: 'list@customer.example', mailboxes: ['support'] },
        kinds: ['assign'],
      },
      'a contact with 20,000 mails': { scope: { kind: 'contact', address: 'list@customer.example', mailboxes: ['support'] } },
    };
    for (const [name, { scope, kinds = everyKind }] of Object.entries(scopes)) {
      let cursor: string | null = null;
      const took = await timed(40, async () => {
        const page: { next: string | null } = await store.timeline({ scope, kinds, since: null, limit: 50, cursor });
        cursor = page.next;
      });
      const { p50, p95 } = quantiles(took);
      print(name, `p50 / p95 ${ms(p50)} / ${ms(p95)}  (a scan of all mails: ${ratio(p50, scan)})`);
    }
  } finally {
    await store.close();
  }
}
