/** The screen of the audit journal on values: its rows, what is told about one, what comes meanwhile, what is asked for, and what is refused. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PostroomError } from '../../protocol/errors.ts';
import type { AuditRow } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { AuditFeed, everything } from '../../tui/audit-feed.ts';
import { Audit } from '../../tui/screens/audit.tsx';
import { detailOf, linesOf, questionTyped, questionWords, textsOf } from '../../tui/screens/audit-state.ts';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/tempdir.ts';
import { type Call, FakeMirror } from './fake-mirror.ts';
import { openOn } from './open-screen.tsx';

const auditRow = (seq: number, given: Partial<AuditRow> = {}): AuditRow => ({
  seq,
  at: '2026-11-21T12:00:00.000Z',
  actor: safeText('eva'),
  actorId: 'p_eva',
  session: safeText('ab12'),
  key: safeText('AAAA-BBBB'),
  from: safeText('ipc uid 1000'),
  action: safeText('grant.set'),
  subject: safeText('ben'),
  personId: null,
  mailbox: safeText('support@x.example'),
  mailboxId: 'm',
  summary: safeText(`gave person ${seq} Send`),
  details: { send: true, changed: { name: { before: null, after: 'Help' } } },
  previous: '0'.repeat(64),
  hash: 'f'.repeat(64),
  ...given,
});

/** A journal of `last` lines that answers as the daemon does: cursors, newest first. */
function journal(last: number) {
  const rows = Array.from({ length: last }, (_, n) => auditRow(last - n));
  const asked: Readonly<Record<string, unknown>>[] = [];
  const list = async (params: Call['params']) => {
    asked.push(params);
    const { cursor = null, limit = 50 } = params as { cursor?: string | null; limit?: number };
    if (params.for === 'export') return { rows: [...rows].reverse(), next: null, newer: null };
    const [towards, seq] = cursor === null ? [null, 0] : [cursor[0], Number(cursor.slice(1))];
    if (towards === '>') {
      const newer = rows.filter((row) => row.seq > seq).slice(-limit);
      return { rows: newer, next: null, newer: `>${newer[0]?.seq ?? seq}` };
    }
    const page = rows.filter((row) => towards === null || row.seq < seq).slice(0, limit);
    const next = page.length < limit ? null : `<${page.at(-1)?.seq ?? 0}`;
    return { rows: page, next, newer: towards === null ? `>${page[0]?.seq ?? 0}` : null };
  };
  return { rows, asked, list, add: (row: AuditRow) => void rows.unshift(row) };
}

function open(last = 5) {
  const on = journal(last);
  const fake = new FakeMirror([]);
  let report: unknown = { ok: true, rows: last, head: null, findings: [] };
  const breaks = (next: unknown): void => {
    report = next;
  };
  fake.answer = async ({ method, params }) => (method === 'audit.verify' ? report : on.list(params));
  return { on, fake, breaks, ...openOn(fake, <Audit />) };
}

describe('the screen', () => {
  test('newest first; Enter tells everything about a line, in place, and folds it again', async () => {
    const { press, sees, misses } = open();
    await sees(/▌ +5 .* eva +grant\.set +support +gave person 5 Send/);
    await sees(/ 1 .* gave person 1 Send/);
    press('j', 'enter');
    await sees(/from +ipc uid 1000/);
    await sees(/key +AAAA-BBBB/);
    await sees(/changed +name - → Help/);
    press('enter');
    await misses('ipc uid 1000');
    await sees(/▌ +4 /);
  });

  test('it is no dead end: the keys that go elsewhere work', async () => {
    const { press, sees, went } = open();
    await sees(/▌ +5 /);
    press('g', 'b');
    await eventually(() => expect(went).toEqual([{ kind: 'mailboxes', mailbox: null }]));
  });

  test('what happens comes in at the top: the cursor follows from the newest line, and stays anywhere else', async () => {
    const { on, fake, press, sees } = open();
    await sees(/▌ +5 /);
    await sees('F live ●');
    on.add(auditRow(6));
    fake.say({ name: 'audit.added', payload: { seq: 6 } });
    await sees(/▌ +6 /);
    press('j', 'j');
    await sees(/▌ +4 /);
    await sees('F live ○');
    on.add(auditRow(7));
    fake.say({ name: 'audit.added', payload: { seq: 7 } });
    await sees(/ 7 .* gave person 7/);
    await sees(/▌ +4 /);
    press('F');
    await sees(/▌ +7 /);
    // One look at the journal is one question: what came was asked for by the cursor of the first.
    expect(on.asked.filter(({ cursor }) => cursor === undefined)).toHaveLength(1);
  });

  test('older lines come as one scrolls to them', async () => {
    const { on, press, sees, frame } = open(350);
    await sees(/▌ +350 /);
    // The end is as far as what is loaded; each time one is there, more comes.
    for (const end of [251, 151, 51, 1]) {
      await expect
        .poll(() => {
          press('G');
          return frame();
        })
        .toMatch(new RegExp(`▌ +${end} `));
    }
    expect(on.asked.length).toBeLessThan(6);
  });

  test('V says that it is whole, or which line is not, and goes there', async () => {
    const { breaks, press, sees } = open();
    await sees(/▌ +5 /);
    press('V');
    await sees('✓ whole: 5 lines');
    breaks({ ok: false, rows: 5, head: null, findings: [{ seq: 2, kind: 'changed', message: safeText('Line 2 was changed.') }] });
    press('V');
    await sees('✗ not whole: Line 2 was changed.');
    await sees(/▌✗ 2 /);
  });

  test('\\ narrows it to a mailbox, a person, days', async () => {
    const { on, press, sees } = open();
    await sees(/▌ +5 /);
    press('\\');
    await sees('an address, also of one that is gone');
    press('a', '@', 'x', 'tab');
    await sees('what was done about them');
    press('b', 'e', 'n', 'tab', 'tab');
    await sees('a day like 2026-12-24');
    press(...'2026-11-xx');
    press('enter');
    await sees('! a date is like');
    press('backspace', 'backspace', '2', '0', 'enter');
    await sees('mailbox a@x · person ben · since 2026-11-20');
    expect(on.asked.at(-1)).toMatchObject({ mailbox: 'a@x', person: 'ben', since: '2026-11-20T00:00:00.000Z', until: null });
  });

  test('P writes what is asked for into a new file', async () => {
    await using dir = await tempDir();
    const { press, sees } = open();
    await sees(/▌ +5 /);
    press('P');
    await sees('Export to a new file');
    press('ctrl-u', ...join(dir.path, 'out.csv'), 'enter');
    await sees('5 lines written');
    expect((await readFile(join(dir.path, 'out.csv'), 'utf8')).split('\r\n')).toHaveLength(7);
  });

  test('without audit.read it says why, and whom to ask; a right that goes takes the lines with it', async () => {
    const { fake, sees, misses } = open();
    await sees('gave person 5');
    const message = 'This needs audit.read. Ask somebody who manages people to allow it to you.';
    fake.answer = () => Promise.reject(new PostroomError('forbidden', message));
    fake.say({ name: 'directory.changed', payload: { revision: 2 } });
    await sees('This needs audit.read');
    await misses('gave person');
  });
});

test('a feed whose cursors are of an older daemon opens anew; one whose daemon is away keeps what it has', async () => {
  const on = journal(3);
  let fails: PostroomError | null = null;
  const feed = new AuditFeed(
    (params) => (fails === null || params.cursor == null ? on.list(params) : Promise.reject(fails)),
    everything,
    (error) => error as PostroomError,
  );
  await expect.poll(() => feed.picture.rows.length).toBe(3);
  fails = new PostroomError('unavailable', 'away');
  on.add(auditRow(4));
  feed.newer();
  await expect.poll(() => feed.picture).toMatchObject({ error: null, loaded: true });
  fails = new PostroomError('invalid', 'another daemon');
  feed.newer();
  await expect.poll(() => feed.picture.rows.map(({ seq }) => seq)).toEqual([4, 3, 2, 1]);
});

test('what is typed becomes a question and back; a day is the whole of it', () => {
  const texts = { mailbox: ' a@x ', person: '', action: 'grant', since: '2026-11-20', until: '2026-11-21' };
  const asked = questionTyped(texts);
  expect(asked).toEqual({
    mailbox: 'a@x',
    person: null,
    action: 'grant',
    since: '2026-11-20T00:00:00.000Z',
    until: '2026-11-21T23:59:59.999Z',
  });
  if (typeof asked === 'string') throw new Error(asked);
  expect(textsOf(asked)).toEqual({ ...texts, mailbox: 'a@x' });
  expect(questionWords(everything)).toContain('everything');
  expect(questionTyped({ ...texts, until: '2026-02-31' })).toContain('a date');
  // What a row shows of a mailbox is not enough to ask for it: that is said instead of an empty journal.
  expect(questionTyped({ ...texts, mailbox: 'support' })).toContain('its whole address');
});

test('lines keep their names when others come above; a detail fits its columns', () => {
  const rows = [auditRow(2), auditRow(1)];
  const before = [...linesOf(rows, new Set([1]), 40).keys()];
  expect(before.slice(0, 3)).toEqual(['2', '1', '1/0']);
  expect([...linesOf([auditRow(3), ...rows], new Set([1]), 40).keys()]).toEqual(['3', ...before]);
  for (const line of detailOf(auditRow(1, { details: { long: 'x '.repeat(200), deep: [{ a: 1 }, []] } }), 40))
    expect(line.length).toBeLessThanOrEqual(41);
});
