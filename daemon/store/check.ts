/** Every invariant of the store that is data, as a query that must return nothing. Tests end with it; `doctor` runs it. */
import { packSizes, recordEnd } from './packs.ts';
import type { Db } from './sqlite.ts';
import { tells } from './timeline-index.ts';

const counted = `coalesce((SELECT max(f.role IS NULL OR f.role IN ('inbox', 'sent', 'archive', 'all')) AND NOT max(f.role IS 'drafts' OR ' ' || p.flags || ' ' LIKE '% \\Draft %')
  FROM placement p JOIN folder f ON f.id = p.folder WHERE p.entry = e.row), 0)`;
const feeding = `coalesce((SELECT max(f.role IS NULL OR f.role = 'inbox') AND NOT max(f.role IS 'drafts' OR ' ' || p.flags || ' ' LIKE '% \\Draft %')
  FROM placement p JOIN folder f ON f.id = p.folder WHERE p.entry = e.row), 0)`;

/** What does not hold when a row comes back -> the rows. */
const invariants: Record<string, string> = {
  'a page or an index of the file is damaged': "SELECT * FROM pragma_quick_check WHERE quick_check <> 'ok'",
  'a row names one that is not there': 'SELECT * FROM pragma_foreign_key_check',
  'the row order of entries is their date order': `SELECT row, received_at FROM entry
    WHERE row / 1048576 < min(max(received_at / 1000, 0), 8589934590) OR row / 1048576 > min(max(received_at / 1000, 0), 8589934590) + 1000`,
  'an entry counts as its placements say': `SELECT e.row FROM entry e WHERE e.unplaced_at IS NULL AND e.counted <> (e.outbox IS NOT NULL OR ${counted})`,
  'an entry feeds as its placements say': `SELECT e.row FROM entry e WHERE e.unplaced_at IS NULL AND e.feeds <> (e.direction = 'in' AND ${feeding})`,
  'an entry without placement is on its way in, out or away': `SELECT e.row FROM entry e
    WHERE (e.unplaced_at IS NOT NULL) <> (e.outbox IS NULL AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.entry = e.row))`,
  'a placement is in a folder of the mailbox of its entry': `SELECT p.folder, p.uid FROM placement p JOIN folder f ON f.id = p.folder
    JOIN entry e ON e.row = p.entry WHERE f.mailbox <> e.mailbox`,
  'an entry is in a conversation of its mailbox that lives': `SELECT e.row FROM entry e JOIN conversation c ON c.num = e.conversation
    WHERE c.mailbox <> e.mailbox OR c.merged_into IS NOT NULL`,
  'another form of a mail is beside the first, and only one step away': `SELECT e.row FROM entry e JOIN entry s ON s.row = e.same_as
    WHERE s.same_as IS NOT NULL OR s.mailbox <> e.mailbox OR s.conversation <> e.conversation OR e.direction <> 'out'`,
  'what only claims to be ours is from outside, and nothing is hidden behind it': `SELECT e.row FROM entry e
    WHERE e.claims = 1 AND (e.direction <> 'in' OR e.same_as IS NOT NULL OR EXISTS (SELECT 1 FROM entry f WHERE f.same_as = e.row))`,
  'a merged conversation resolves in one step, in its mailbox, and holds nothing': `SELECT c.num FROM conversation c JOIN conversation i ON i.num = c.merged_into
    WHERE i.merged_into IS NOT NULL OR i.mailbox <> c.mailbox OR c.shown <> 0
      OR EXISTS (SELECT 1 FROM thread_key WHERE conversation = c.num) OR EXISTS (SELECT 1 FROM note WHERE conversation = c.num)
      OR EXISTS (SELECT 1 FROM read_mark WHERE conversation = c.num) OR EXISTS (SELECT 1 FROM star WHERE conversation = c.num)
      OR EXISTS (SELECT 1 FROM outbox WHERE conversation = c.num) OR EXISTS (SELECT 1 FROM gone WHERE conversation = c.num)`,
  'what is gone is in a conversation of its mailbox, and not there under the same id or octets': `SELECT g.row FROM gone g
    JOIN conversation c ON c.num = g.conversation WHERE c.mailbox <> g.mailbox OR EXISTS (SELECT 1 FROM entry WHERE id = g.id OR row = g.row)
      OR EXISTS (SELECT 1 FROM message m JOIN entry e ON e.message = m.num AND e.mailbox = g.mailbox WHERE m.hash = g.hash)`,
  'what is gone is found by whom it was exchanged with, in its mailbox and at its date': `SELECT x.gone FROM gone_correspondent x
    JOIN gone g ON g.row = x.gone WHERE x.mailbox <> g.mailbox OR x.direction <> g.direction OR x.at <> g.received_at`,
  'a conversation without mail had some, or has notes or something in the outbox': `SELECT c.num FROM conversation c
    WHERE c.merged_into IS NULL AND NOT EXISTS (SELECT 1 FROM entry WHERE conversation = c.num)
      AND NOT EXISTS (SELECT 1 FROM gone WHERE conversation = c.num)
      AND NOT EXISTS (SELECT 1 FROM note WHERE conversation = c.num) AND NOT EXISTS (SELECT 1 FROM outbox WHERE conversation = c.num)`,
  'a conversation counts its entries right': `SELECT c.num FROM conversation c WHERE c.merged_into IS NULL AND (
      c.messages <> (SELECT count(*) FROM entry WHERE conversation = c.num AND counted = 1 AND same_as IS NULL)
      OR c.attachments <> (SELECT coalesce(sum(attachments), 0) FROM entry WHERE conversation = c.num AND counted = 1 AND same_as IS NULL)
      OR c.last_in_row <> (SELECT coalesce(max(row), 0) FROM entry WHERE conversation = c.num AND feeds = 1 AND same_as IS NULL)
      OR c.shown <> CASE WHEN c.messages = 0 THEN 0
        WHEN EXISTS (SELECT 1 FROM entry WHERE conversation = c.num AND counted = 1 AND direction = 'in' AND same_as IS NULL) THEN 2 ELSE 1 END
      OR (c.shown > 0 AND c.last_row <> (SELECT max(row) FROM entry WHERE conversation = c.num AND counted = 1 AND same_as IS NULL)))`,
  'who waits is known exactly for what is open': "SELECT num FROM conversation WHERE (state = 'open') <> (waiting_since IS NOT NULL)",
  'what is snoozed has an end, nothing else does': "SELECT num FROM conversation WHERE (state = 'snoozed') <> (snoozed_until IS NOT NULL)",
  'a thread key is of the mailbox of its conversation': `SELECT t.key FROM thread_key t JOIN conversation c ON c.num = t.conversation WHERE c.mailbox <> t.mailbox`,
  'an id of the first format names one conversation': `SELECT mailbox, key FROM thread_key WHERE key >= 'id ' AND key < 'id!'
    GROUP BY mailbox, key HAVING count(*) > 1`,
  'a folder counts what is stored': `SELECT id FROM folder f
    WHERE stored_count <> (SELECT count(*) FROM placement WHERE folder = f.id AND uid_validity = f.uid_validity)`,
  'what goes out has its entry, what was cancelled has none': `SELECT o.id FROM outbox o LEFT JOIN entry e ON e.id = o.entry
    WHERE o.state <> 'cancelled' AND (e.outbox IS NOT o.id OR e.conversation <> o.conversation OR e.message <> o.message)
      OR o.state = 'cancelled' AND e.outbox IS NOT NULL`,
  'an entry on its way out has its outbox row': 'SELECT row FROM entry WHERE outbox IS NOT NULL AND outbox NOT IN (SELECT id FROM outbox)',
  'only what is being sent has a phase, only what is held a reason': `SELECT id FROM outbox
    WHERE (phase IS NOT NULL AND state <> 'sending') OR (held_for IS NOT NULL AND state <> 'held')`,
  'an entry is told as its placements say': `SELECT row FROM entry
    WHERE unplaced_at IS NULL AND told <> ${tells} AND NOT EXISTS (SELECT 1 FROM timeline_backfill)`,
  'a mail is found by whom it was exchanged with, in its mailbox and at its date': `SELECT x.entry FROM entry_correspondent x
    JOIN entry e ON e.row = x.entry WHERE x.mailbox <> e.mailbox OR x.direction <> e.direction OR x.at <> e.received_at`,
  'a mail from outside is found by its sender': `SELECT e.row FROM entry e JOIN message m ON m.num = e.message
    WHERE e.direction = 'in' AND NOT EXISTS (SELECT 1 FROM timeline_backfill)
      AND NOT EXISTS (SELECT 1 FROM entry_correspondent WHERE entry = e.row)
      AND EXISTS (SELECT 1 FROM json_each(m.head, '$.from') f WHERE trim(lower(f.value ->> 'address')) NOT IN ('', coalesce(e.addressed_to, ''))
        AND length(f.value ->> 'address') <= 320)`,
  'the journal names conversations of the mailbox it names': `SELECT a.seq FROM activity a JOIN conversation c ON c.id = a.conversation
    WHERE a.mailbox IS NOT c.mailbox`,
  'a mail or note can be found by its words once its turn has come': `SELECT row FROM (SELECT row FROM entry UNION ALL SELECT row FROM note)
    WHERE (row IS NULL OR row >= coalesce((SELECT below FROM text_backlog), 0)) AND row NOT IN (SELECT id FROM mail_text_docsize)`,
  'words lead to a mail or note': `SELECT id FROM mail_text_docsize
    WHERE id NOT IN (SELECT row FROM entry) AND id NOT IN (SELECT row FROM note WHERE row IS NOT NULL)`,
  'words are in the scope of their mailbox, and in no other': `SELECT t.rowid FROM (SELECT DISTINCT mailbox FROM conversation) m CROSS JOIN mail_text t
    LEFT JOIN entry e ON e.row = t.rowid LEFT JOIN note n ON n.row = t.rowid LEFT JOIN conversation c ON c.num = n.conversation
    WHERE t.mail_text MATCH '"§' || lower(hex(m.mailbox)) || '"' AND coalesce(e.mailbox, c.mailbox) IS NOT m.mailbox`,
  'a mailbox finds as much as the index has of it': `SELECT m.mailbox FROM (SELECT DISTINCT mailbox FROM conversation) m
    WHERE (SELECT count(*) FROM mail_text WHERE mail_text MATCH '"§' || lower(hex(m.mailbox)) || '"') <>
      (SELECT count(*) FROM entry e JOIN mail_text_docsize d ON d.id = e.row WHERE e.mailbox = m.mailbox) +
      (SELECT count(*) FROM conversation c JOIN note n ON n.conversation = c.num JOIN mail_text_docsize d ON d.id = n.row WHERE c.mailbox = m.mailbox)`,
  'a report is about a mail of its mailbox, sent by us': `SELECT r.num FROM report r JOIN entry e ON e.id = r.about
    WHERE e.mailbox <> r.mailbox OR e.direction <> 'out'`,
  'what says that a mail did not arrive came from outside': "SELECT row FROM entry WHERE bounced = 1 AND direction <> 'in'",
  'uses of rights are watched from one moment on': 'SELECT count(*) AS moments FROM right_watch HAVING moments <> 1',
  'a mailbox that is being forgotten has no uses of its rights':
    'SELECT mailbox, person FROM right_use WHERE mailbox IN (SELECT mailbox FROM forgetting)',
  'a mailbox that is being forgotten has no limit of its server':
    'SELECT mailbox FROM size_limit WHERE mailbox IN (SELECT mailbox FROM forgetting)',
  'the journal has no gap': 'SELECT max(seq) AS last, count(*) AS kept FROM activity HAVING coalesce(last, 0) <> kept',
  'no record of a pack overlaps the next': `SELECT num FROM (SELECT num, pack, offset + 45 + stored AS ends,
    lead(offset) OVER (PARTITION BY pack ORDER BY offset) AS next FROM message) WHERE next < ends`,
};

/** One step for each invariant, so that a caller may pause in between; a line for each that does not hold. */
export function* check(db: Db, packsDir: string): Generator<void, string[]> {
  const broken: string[] = [];
  for (const [what, sql] of Object.entries(invariants)) {
    const rows = db.all<Record<string, unknown>>(`${sql} LIMIT 5`);
    if (rows.length > 0) broken.push(`not so: ${what}: ${JSON.stringify(rows)}`);
    yield;
  }
  const sizes = packSizes(packsDir);
  const ends = db.all<{ pack: number; offset: number; stored: number }>(
    'SELECT pack, offset, stored FROM message WHERE (pack, offset) IN (SELECT pack, max(offset) FROM message GROUP BY pack)',
  );
  for (const last of ends) {
    const size = sizes.get(last.pack) ?? 0;
    if (size < recordEnd(last)) broken.push(`not so: pack ${last.pack} is long enough: ${size} octets, rows name ${recordEnd(last)}`);
  }
  return broken;
}
