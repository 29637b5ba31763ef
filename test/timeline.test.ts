/** Timelines over the store: both sources in one order, whole after merges and imports in any order, fast among very many mails. */
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseQuery } from '../daemon/mail/query.ts';
import type { ActivityKind, SearchQuery, Store, TimelineRow, TimelineScope } from '../daemon/store/types.ts';
import { answer, batch, letter, minute, storeStory } from './support/store.ts';

const everyKind: readonly ActivityKind[] = ['mail-in', 'mail-out', 'note', 'assign', 'state', 'grant', 'delivery', 'system'];

/** All pages of a timeline, oldest row first: a story is read forwards. */
async function told(store: Store, scope: TimelineScope, { kinds = everyKind, limit = 50 } = {}): Promise<TimelineRow[]> {
  const all: TimelineRow[] = [];
  let cursor: string | null = null;
  do {
    const page = await store.timeline({ scope, kinds, since: null, limit, cursor });
    expect(page.rows.length).toBeLessThanOrEqual(limit);
    all.push(...page.rows);
    cursor = page.next;
  } while (cursor !== null);
  return all.reverse();
}

const searchFor = (text: string): SearchQuery => ({
  session: 's',
  typing: false,
  person: 'ann',
  roles: [],
  reach: [{ mailbox: 'support', unreadSince: 0, folders: true }],
  query: parseQuery(text, { typing: false }),
  named: { mailboxes: new Map(), assignees: new Map() },
  limit: 50,
  cursor: null,
  now: minute(60),
});
const words = ({ kind, actor, summary }: TimelineRow): string =>
  kind === 'mail-in' || kind === 'mail-out' ? kind : `${kind} ${actor ?? '-'} ${summary}`;
const support: TimelineScope = { kind: 'mailbox', mailbox: 'support' };
const jane: TimelineScope = { kind: 'contact', address: ' Jane@Customer.example', mailboxes: ['support'] };

test('what people, mail and the outbox do is told once each, with its actor and its reason', async () => {
  await using story = await storeStory();
  const { store } = story;
  const { conversation } = await story.one('INBOX', 'live', letter({ id: 'a' }), minute(1));
  await store.work(conversation, { kind: 'assign', to: { kind: 'person', id: 'ann' } }, 'ann', minute(2), null);
  await store.work(conversation, { kind: 'assign', to: { kind: 'person', id: 'ann' } }, 'ann', minute(3), null); // has it already
  await store.work(conversation, { kind: 'note', text: 'Called her.' }, 'ann', minute(4), null);
  const sent = await story.send(answer({ id: 's', answers: 'a' }), { conversation, now: minute(5), sendAt: minute(5) });
  if (!sent.ok) throw new Error('not queued');
  await store.outboxMove(sent.row.id, 'queued', { state: 'sending', phase: 'claimed' });
  await store.outboxMove(sent.row.id, 'sending', { state: 'failed', phase: null, lastError: '550 no such user' });
  // An answer that did not arrive answers nothing: they wait as long as before it.
  expect((await story.detail(conversation)).row).toMatchObject({ state: 'open', waitingSince: minute(1) });
  await store.outboxMove(sent.row.id, 'failed', { sentCopyAttempts: 1 }); // no state: no event
  await store.work(conversation, { kind: 'done' }, 'ben', minute(6), null);
  await store.work(conversation, { kind: 'done' }, 'ben', minute(7), null);
  await story.one('INBOX', 'live', letter({ id: 'b', answers: 'a' }), minute(8));
  await store.work(conversation, { kind: 'assign', to: null }, 'ben', minute(9), null);

  const byTime = (await told(store, { kind: 'conversation', conversation })).map(words).sort();
  expect(byTime).toEqual(
    [
      'mail-in',
      'assign ann assigned',
      'note ann Called her.',
      'mail-out',
      'state ann open → waiting: answered',
      'delivery - failed: 550 no such user',
      'state - waiting → open: a mail of ours did not leave: 550 no such user',
      'state ben open → done',
      'mail-in',
      'state - done → open: a mail came in',
      'assign ben released',
    ].sort(),
  );
  expect(await told(store, support)).toEqual(await told(store, { kind: 'conversation', conversation }));
  expect(await told(store, jane)).toEqual(await told(store, support));
  const out = (await told(store, support, { kinds: ['mail-out'] }))[0];
  expect(out).toMatchObject({
    actor: 'ann',
    at: minute(5),
    outbox: { id: sent.row.id, state: 'failed' },
    to: [{ address: 'jane@customer.example' }],
  });
  // What each record told its followers is what the timeline has.
  const live = story.changes.flatMap((change) => (change.kind === 'activity' ? [change.id] : []));
  expect(live.sort()).toEqual((await told(store, support)).map(({ id }) => id).sort());
});

test('a mail that is taken back leaves who took it back, and the state it had', async () => {
  await using story = await storeStory();
  const { conversation } = await story.one('INBOX', 'live', letter({ id: 'a' }), minute(1));
  const sent = await story.send(answer({ id: 's', answers: 'a' }), { conversation, sendAt: minute(90) });
  if (!sent.ok) throw new Error('not queued');
  await story.store.outboxMove(sent.row.id, 'held', { state: 'cancelled', heldFor: null }, 'ben');
  const rows = await told(story.store, support);
  expect(rows.map(words).sort()).toEqual([
    'delivery ben taken back before it was sent',
    'mail-in',
    'state ann open → waiting: answered',
    'state ben waiting → open: what was sent is taken back',
  ]);
  expect(rows.find(({ kind }) => kind === 'delivery')).toMatchObject({
    subject: 'Re: Order',
    message: null,
    to: [{ address: 'jane@customer.example' }],
  });
  expect((await story.detail(conversation)).row).toMatchObject({ state: 'open', waitingSince: minute(1) });
});

test('who was in Bcc is told to nobody', async () => {
  await using story = await storeStory();
  const sent = await story.send(answer({ id: 's' }), { recipients: ['jane@customer.example', 'hidden@canary.example'] });
  if (!sent.ok) throw new Error('not queued');
  await story.store.outboxMove(sent.row.id, 'queued', { state: 'cancelled' });
  expect(JSON.stringify(await told(story.store, support))).not.toContain('canary');
  const contact: TimelineScope = { kind: 'contact', address: 'hidden@canary.example', mailboxes: ['support'] };
  expect(await told(story.store, contact)).toEqual([]);
});

test('drafts and junk are not told, trash is', async () => {
  await using story = await storeStory();
  for (const [n, folder] of (['INBOX', 'Drafts', 'Junk', 'Trash', 'Archive'] as const).entries()) {
    await story.one(folder, 'import', letter({ id: folder, subject: folder }), minute(n));
  }
  expect((await told(story.store, support)).map(({ subject }) => subject)).toEqual(['INBOX', 'Trash', 'Archive']);
});

describe('a mail that is no longer on the server', () => {
  const swept = { graceMs: 20 };
  const isGone = (row: TimelineRow) => row.gone;
  const counts = (rows: readonly TimelineRow[]) => [
    rows.filter(isGone).length,
    rows.filter(({ kind, gone }) => kind.startsWith('mail') && !gone).length,
  ];
  /** Waits until so many mails are told as gone, and so many as they are. */
  const until = (store: Store, gone: number, there: number) =>
    expect.poll(async () => counts(await told(store, support))).toEqual([gone, there]);

  test('leaves who, what and when in every timeline: no text, nobody in Bcc, nothing that a search finds', async () => {
    await using story = await storeStory(swept);
    const { store } = story;
    const copy = { cc: 'Bob <bob@customer.example>', headers: { Bcc: 'hidden@canary.example' }, text: 'canary words' };
    const asked = await story.one('INBOX', 'live', letter({ id: 'a', subject: 'Pump P-17', ...copy }), minute(1));
    await story.one('Sent', 'import', answer({ id: 'b', answers: 'a', subject: 'Re: Pump P-17', ...copy }), minute(2));
    await story.one('INBOX', 'live', letter({ id: 'c', subject: 'Other' }), minute(3));
    const before = await told(store, support);
    await story.gone('INBOX', 1);
    await story.gone('Sent', 2);
    await until(store, 2, 1);

    const { conversation } = asked;
    const all = await told(store, support);
    const known = ({ id, at, kind, from, to, subject, conversation: of }: TimelineRow) => ({ id, at, kind, from, to, subject, of });
    expect(all.filter(({ kind }) => kind.startsWith('mail')).map(known)).toEqual(before.map(known));
    expect(all.filter(isGone).map(({ summary, message, actor, outbox }) => [summary, message, actor, outbox])).toEqual([
      ['', null, null, null],
      ['', null, null, null],
    ]);
    expect(counts(await told(store, { kind: 'conversation', conversation }))).toEqual([2, 0]);
    expect(counts(await told(store, jane))).toEqual([2, 1]);
    expect(counts(await told(store, { ...jane, address: 'bob@customer.example' } as TimelineScope))).toEqual([2, 0]);
    expect(await told(store, { ...jane, address: 'hidden@canary.example' } as TimelineScope)).toEqual([]);
    expect(JSON.stringify(all)).not.toContain('canary');
    for (const query of ['canary', 'Pump', 'from:jane@customer.example', 'subject:P-17']) {
      const { rows } = await store.search(searchFor(query));
      expect([query, rows.map(({ subject }) => subject)]).toEqual([query, query.startsWith('from') ? ['Other'] : []]);
    }
    // Pages go on across it, in both directions of time.
    for (const limit of [1, 2, 3]) expect(await told(store, support, { limit })).toEqual(all);
    expect((await told(store, support, { kinds: ['mail-out'] })).map(({ subject }) => subject)).toEqual(['Re: Pump P-17']);
    // Whoever answers such a mail later is in the same conversation.
    const late = await story.one('INBOX', 'live', letter({ id: 'd', answers: 'b', subject: 'Re: Pump P-17' }), minute(9));
    expect(late.conversation).toBe(conversation);
    expect((await story.detail(conversation)).entries).toHaveLength(1);
  });

  test.each([
    ['only in Junk', 'Junk', []],
    ['a draft', 'Drafts', []],
    ['a draft by its mark', 'INBOX', ['\\Draft']],
  ] as const)('leaves nothing that was never told: %s', async (_what, folder, flags) => {
    await using story = await storeStory(swept);
    const { conversation } = await story.one(folder, 'import', letter({ id: 'a' }), minute(1), flags);
    await story.gone(folder, 1);
    await story.told((change) => change.kind === 'conversation' && change.what === 'gone');
    expect(await told(story.store, support)).toEqual([]);
    expect(await story.store.conversation(conversation, 'ann', story.seen, { limit: 1 })).toBeNull();
  });

  test('is told once by what is left of it: another folder, another form; when that goes too it is gone', async () => {
    await using story = await storeStory(swept);
    const [here, there] = [letter({ id: 'a', subject: 'Twice' }), letter({ id: 'z', subject: 'Mark' })];
    await story.ingest('INBOX', 'import', { octets: here, at: minute(1) });
    await story.ingest('Archive', 'import', { octets: here, at: minute(1) });
    await story.ingest('Sent', 'import', { octets: answer({ id: 'own', subject: 'Ours' }), at: minute(2) });
    await story.ingest('Sent', 'import', { octets: answer({ id: 'own', subject: 'Ours', headers: { 'X-Copy': '2' } }), at: minute(2) });
    await story.ingest('INBOX', 'import', { octets: letter({ id: 'r', subject: 'Rewritten' }), at: minute(3) });
    await story.ingest('Archive', 'import', {
      octets: letter({ id: 'r', subject: 'Rewritten', headers: { 'X-Scan': 'ok' } }),
      at: minute(3),
    });
    await story.ingest('INBOX', 'import', { octets: there, at: minute(4) });
    const subjects = async () => (await told(story.store, support)).map(({ subject, gone }) => `${subject}${gone ? ' (gone)' : ''}`);
    const gone = async (...at: ['INBOX' | 'Archive' | 'Sent', number][]) => {
      for (const [folder, uid] of at) await story.gone(folder, uid);
    };
    expect(await subjects()).toEqual(['Twice', 'Ours', 'Rewritten', 'Rewritten', 'Mark']);
    await gone(['INBOX', 1], ['Sent', 3], ['INBOX', 5], ['INBOX', 7]);
    await until(story.store, 1, 3);
    expect(await subjects()).toEqual(['Twice', 'Ours', 'Rewritten', 'Mark (gone)']);
    await gone(['Archive', 2], ['Sent', 4], ['Archive', 6]);
    await until(story.store, 4, 0);
    expect(await subjects()).toEqual(['Twice (gone)', 'Ours (gone)', 'Rewritten (gone)', 'Mark (gone)']);
  });

  test.each([
    ['in another folder', 'Archive', 1, {}, true],
    ['under another UIDVALIDITY', 'INBOX', 2, {}, true],
    ['at another date of receipt', 'INBOX', 1, { at: minute(40) }, true],
    ['with a header that the server wrote anew', 'Archive', 1, { wording: { headers: { 'X-Moved': 'yes' } } }, true],
    ['but only its Message-ID: another sender', 'INBOX', 1, { wording: { from: 'Mallory <m@evil.example>' } }, false],
    ['but only its Message-ID: another subject', 'INBOX', 1, { wording: { subject: 'Something else' } }, false],
    ['but only its Message-ID: another date', 'INBOX', 1, { wording: { date: new Date(minute(77)) } }, false],
  ] as const)('comes back %s', async (_how, folder, uidValidity, more: { at?: number; wording?: object }, isIt) => {
    await using story = await storeStory(swept);
    const wording = { id: 'a', subject: 'Pump', date: new Date(minute(0)) };
    const first = await story.one('INBOX', 'live', letter(wording), minute(1));
    await story.store.work(first.conversation, { kind: 'note', text: 'Called.' }, 'ann', minute(4), null);
    await story.gone('INBOX', 1);
    await until(story.store, 1, 0);
    const octets = letter({ ...wording, ...more.wording });
    const [again] = await story.store.ingest({
      mailbox: story.mailbox,
      policy: story.policy,
      folder: story.folder(folder).id,
      uidValidity,
      origin: 'live',
      ...batch([{ octets, at: more.at ?? minute(1), uid: 50 }]),
    });
    await until(story.store, isIt ? 0 : 1, 1);
    if (isIt) expect(again?.conversation).toBe(first.conversation);
    if (more.wording === undefined) expect(again?.entry).toBe(first.entry);
  });

  test('goes with its mailbox, and follows its conversation into another', async () => {
    await using story = await storeStory(swept);
    const older = await story.one('INBOX', 'live', letter({ id: 'a', answers: 'root', subject: 'A' }), minute(2));
    const newer = await story.one('INBOX', 'live', letter({ id: 'b', answers: 'middle', subject: 'B' }), minute(3));
    await story.gone('INBOX', 2);
    await until(story.store, 1, 1);
    await story.one('INBOX', 'import', letter({ id: 'middle', answers: 'root', subject: 'Re: A' }), minute(1));
    const history = await told(story.store, { kind: 'conversation', conversation: newer.conversation });
    expect(history.filter(isGone).map(({ conversation, subject }) => [conversation, subject])).toEqual([[older.conversation, 'B']]);
    await story.store.forgetMailbox('support');
    expect([counts(await told(story.store, support)), await told(story.store, jane)]).toEqual([[0, 0], []]);
    await story.store.close();
    const db = new DatabaseSync(`${story.home}/mail.db`);
    const left = ['gone', 'gone_correspondent', 'correspondent'].map((table) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
    db.close();
    await story.reopen();
    expect(left).toEqual([0, 0, 0]);
  });

  test('leaves the sender known: a later mail is not the first', async () => {
    await using story = await storeStory(swept);
    await story.one('INBOX', 'live', letter({ id: 'a', subject: 'One' }), minute(1));
    await story.gone('INBOX', 1);
    await until(story.store, 1, 0);
    const later = await story.one('INBOX', 'live', letter({ id: 'b', subject: 'Two' }), minute(2));
    const other = await story.one('INBOX', 'live', letter({ id: 'c', subject: 'Three', from: 'new@customer.example' }), minute(3));
    const marks = async (conversation: string) => (await story.detail(conversation)).entries.map((entry) => entry.marks);
    expect([await marks(later.conversation), await marks(other.conversation)]).toEqual([[[]], [['new-sender']]]);
  });
});

test('the history of conversations that became one is whole, under both ids', async () => {
  await using story = await storeStory();
  const { store } = story;
  const older = await story.one('INBOX', 'live', letter({ id: 'a', answers: 'root', subject: 'A' }), minute(2));
  const newer = await story.one('INBOX', 'live', letter({ id: 'b', answers: 'middle', subject: 'B' }), minute(3));
  await store.work(older.conversation, { kind: 'note', text: 'one' }, 'ann', minute(4), null);
  await store.work(newer.conversation, { kind: 'note', text: 'two' }, 'ben', minute(5), null);
  await story.one('INBOX', 'import', letter({ id: 'middle', answers: 'root', subject: 'Re: A' }), minute(1));

  const history = await told(store, { kind: 'conversation', conversation: newer.conversation });
  expect(history.map(words).sort()).toEqual(
    [
      'mail-in',
      'mail-in',
      'mail-in',
      'note ann one',
      'note ben two',
      'system - two conversations became one: a mail belongs to both',
    ].sort(),
  );
  expect(new Set(history.map(({ conversation }) => conversation))).toEqual(new Set([older.conversation]));
  expect(await told(store, { kind: 'conversation', conversation: older.conversation })).toEqual(history);
  expect(await told(store, jane)).toEqual(history);
});

describe('the order', () => {
  /** Imports in any order, several mails in one second, verbs in between. */
  const steps = fc.array(
    fc.record({ second: fc.nat(4), ours: fc.boolean(), noted: fc.boolean(), answers: fc.option(fc.nat(9), { nil: null }) }),
    {
      minLength: 1,
      maxLength: 10,
    },
  );

  test('is that of time whatever came first, and no page tells a row twice or leaves one out', async () => {
    await using host = await storeStory();
    let boxes = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (all, limit) => {
        await using story = await storeStory({ mailbox: `box-${++boxes}`, beside: host.store });
        const scope: TimelineScope = { kind: 'mailbox', mailbox: story.mailbox };
        for (const [n, { second, ours, noted, answers }] of all.entries()) {
          const at = minute(0) + second * 1_000;
          const wording = { id: `m${n}`, subject: `Question ${n}`, ...(answers === null ? {} : { answers: `m${answers}` }) };
          const got = await story.one(ours ? 'Sent' : 'INBOX', 'import', ours ? answer(wording) : letter(wording), at);
          if (noted) await story.store.work(got.conversation, { kind: 'note', text: `${n}` }, 'ann', at, null);
        }
        const whole = await told(story.store, scope, { limit: 200 });
        expect(whole.filter(({ kind }) => kind !== 'system')).toHaveLength(all.length + all.filter(({ noted }) => noted).length);
        expect(whole.map(({ at }) => at)).toEqual(whole.map(({ at }) => at).sort((a, b) => a - b));
        expect(await told(story.store, scope, { limit })).toEqual(whole);
        const contact: TimelineScope = { kind: 'contact', address: 'jane@customer.example', mailboxes: [story.mailbox] };
        expect(await told(story.store, contact, { limit })).toEqual(whole);
      }),
      { numRuns: 40 },
    );
  });

  test('a cursor of another timeline is refused, one whose row was deleted goes on', async () => {
    await using story = await storeStory({ graceMs: 20 });
    const got = [];
    for (let n = 0; n < 4; n++) got.push(await story.one('INBOX', 'import', letter({ id: `m${n}`, subject: `${n}` }), minute(n)));
    const page = (scope: TimelineScope, cursor: string | null) =>
      story.store.timeline({ scope, kinds: everyKind, since: null, limit: 2, cursor });
    const { next } = await page(support, null);
    await expect(page(jane, next)).rejects.toMatchObject({ code: 'invalid' });
    await expect(page(support, 'x')).rejects.toMatchObject({ code: 'invalid' });
    await story.gone('INBOX', 3);
    await expect.poll(async () => (await told(story.store, support)).map(({ gone }) => gone)).toEqual([false, false, true, false]);
    expect((await page(support, next)).rows.map(({ subject }) => subject)).toEqual(['1', '0']);
  });
});

test('a contact is found only in the mailboxes that are asked', async () => {
  await using story = await storeStory();
  await using other = await storeStory({ mailbox: 'secret', beside: story.store });
  await story.one('INBOX', 'live', letter({ id: 'a' }), minute(1));
  const hidden = await other.one('INBOX', 'live', letter({ id: 'b', subject: 'canary' }), minute(2));
  await story.store.work(hidden.conversation, { kind: 'note', text: 'canary' }, 'eva', minute(3), null);
  expect(JSON.stringify(await told(story.store, jane))).not.toContain('canary');
  expect(await told(story.store, { ...jane, mailboxes: ['support', 'secret'] } as TimelineScope)).toHaveLength(3);
  expect(await told(story.store, { ...jane, mailboxes: [] } as TimelineScope)).toEqual([]);
});

test('of somebody who wrote very often nothing is left out either', async () => {
  await using story = await storeStory();
  const mails = Array.from({ length: 240 }, (_, n) => {
    const wording = { id: `m${n}`, subject: `Question ${n}`, ...(n % 6 === 0 ? { from: 'Bob <bob@customer.example>' } : {}) };
    return { octets: letter(wording), at: minute(n) };
  });
  const got = await story.ingest('INBOX', 'import', ...mails, { octets: letter({ id: 'last' }), at: minute(240) });
  for (const [n, { conversation }] of got.entries()) {
    for (let more = 0; more < (n % 5 === 0 ? 12 : 0); more++) {
      await story.store.work(conversation, { kind: 'note', text: `${n} ${more}` }, 'ann', minute(n) + 1 + more, null);
      if (more % 4 === 0) await story.store.work(conversation, { kind: more === 4 ? 'open' : 'done' }, 'ann', minute(n) + 1 + more, null);
    }
  }
  const bobs = new Set(got.filter((_, n) => n < 240 && n % 6 === 0).map(({ conversation }) => conversation));
  const about = (rows: readonly TimelineRow[]) => rows.filter(({ conversation }) => conversation !== null && !bobs.has(conversation));
  for (const kinds of [everyKind, ['note', 'state'] as const, ['mail-in', 'note'] as const]) {
    const wanted = about(await told(story.store, support, { kinds, limit: 200 }));
    for (const limit of [7, 200]) expect(await told(story.store, jane, { kinds, limit })).toEqual(wanted);
  }
});

test('an older store is filled in while it works', async () => {
  await using story = await storeStory();
  for (let n = 0; n < 600; n += 100) {
    const mails = Array.from({ length: 100 }, (_, i) => ({ octets: letter({ id: `m${n + i}`, subject: `${n + i}` }), at: minute(n + i) }));
    await story.ingest(n === 0 ? 'Junk' : 'INBOX', 'import', ...mails);
  }
  const before = [await told(story.store, support), await told(story.store, jane)];
  expect(before[0]).toHaveLength(500);
  await story.store.close();
  const db = new DatabaseSync(`${story.home}/mail.db`); // as the first format left it
  db.exec('DELETE FROM entry_correspondent; DELETE FROM correspondent; UPDATE entry SET told = 0');
  db.exec('INSERT INTO timeline_backfill SELECT max(row) + 1 FROM entry');
  db.close();
  await story.reopen();
  expect(await story.store.check()).toEqual([]); // after what was begun before it
  expect([await told(story.store, support), await told(story.store, jane)]).toEqual(before);
});
