import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lockHome } from '../daemon/store/lock.ts';
import { openStore } from '../daemon/store/store.ts';
import type { ConversationRow, OutboxRow, PanelQuery, QueueResult, StoreChange } from '../daemon/store/types.ts';
import { answer, letter, minute, storeStory } from './support/store.ts';
import { table } from './support/table.ts';
import { tempDir } from './support/tempdir.ts';

const child = fileURLToPath(new URL('./support/store-child.ts', import.meta.url));
const subjects = (rows: readonly ConversationRow[]): string[] => rows.map(({ subject }) => subject);
const queued = (result: QueueResult): OutboxRow => {
  if (!result.ok) throw new Error(`not queued: ${JSON.stringify(result)}`);
  return result.row;
};

describe('mail in', () => {
  test('the same octets are one message and an entry in each mailbox', async () => {
    await using story = await storeStory();
    await using sales = await storeStory({ mailbox: 'sales', beside: story.store });
    const octets = letter({ id: 'both', attachments: [{ filename: 'bill.pdf', content: 'a bill' }] });
    const here = await story.one('INBOX', 'live', octets, minute(1));
    const there = await sales.one('INBOX', 'live', octets, minute(1));
    const copy = await story.one('Archive', 'live', octets, minute(1));
    expect(copy).toMatchObject({ entry: here.entry, conversation: here.conversation, fresh: false });
    expect(there.conversation).not.toBe(here.conversation);

    const [entry, other] = [await story.store.entry(here.entry), await story.store.entry(there.entry)];
    expect(entry?.hash).toBe(createHash('sha256').update(octets).digest('hex'));
    expect(other?.hash).toBe(entry?.hash);
    expect(entry?.placements.map(({ path }) => path)).toEqual(['INBOX', 'Archive']);
    expect(entry?.attachments).toMatchObject([{ filename: 'bill.pdf' }]);
    expect(Buffer.compare(await story.store.octets(entry?.hash ?? ''), octets)).toBe(0);
    await expect(story.store.octets('00'.repeat(32))).rejects.toMatchObject({ code: 'not-found' });
    expect(await story.store.mailboxOf('message', there.entry)).toBe('sales');
    expect(await story.store.mailboxOf('conversation', 'guessed')).toBeNull();
    await expect(story.store.setFolder(story.folder('INBOX').id, { uidValidity: 1 })).resolves.toBeUndefined();
    await expect(
      sales.store.applyChanges({
        mailbox: 'sales',
        policy: sales.policy,
        folder: story.folder('INBOX').id,
        uidValidity: 1,
        flags: [],
        gone: [1],
        checkpoint: {},
      }),
    ).rejects.toMatchObject({ code: 'not-found' });
  });

  test('coming again changes nothing', async () => {
    await using story = await storeStory();
    const arriving = { octets: letter({ id: 'a' }), at: minute(1), uid: 7 };
    const [first] = await story.ingest('INBOX', 'live', arriving);
    const [again] = await story.ingest('INBOX', 'live', arriving);
    expect(again).toEqual({ ...first, fresh: false });
    expect((await story.detail(first?.conversation ?? '')).row).toMatchObject({ messages: 1, revision: 1, unread: 1 });
    expect(await story.store.uids(story.folder('INBOX').id, 1)).toEqual([7]);
    const inbox = (await story.store.folders('support')).find(({ path }) => path === 'INBOX');
    expect(inbox).toMatchObject({ storedCount: 1, uidValidity: 1 });
  });

  test('a mail that makes no sense is stored and listed', async () => {
    await using story = await storeStory();
    const odd = [Buffer.alloc(0), Buffer.from([0, 255, 13, 10, 13]), Buffer.from('no header at all'), Buffer.from('From: x\r\n')];
    const got = await story.ingest('INBOX', 'import', ...odd.map((octets, n) => ({ octets, at: [0, -5, minute(1), 9e15][n] ?? 0 })));
    const { rows } = await story.store.list({ person: 'ann', mailbox: story.seen, folder: null, state: 'any', limit: 9, cursor: null });
    expect(rows).toHaveLength(4);
    for (const [n, { entry }] of got.entries()) {
      const hash = (await story.store.entry(entry))?.hash ?? '';
      expect(Buffer.compare(await story.store.octets(hash), odd[n] ?? Buffer.alloc(1))).toBe(0);
    }
  });

  test('what has lost its place stays for a grace, then leaves; notes stay', async () => {
    await using story = await storeStory({ graceMs: 100 });
    const kept = await story.one('INBOX', 'live', letter({ id: 'kept' }), minute(1));
    const lost = await story.one('INBOX', 'live', letter({ id: 'lost', subject: 'Other', from: 'x@other.example' }), minute(2));
    await story.store.work(kept.conversation, { kind: 'note', text: 'Keep me.' }, 'ann', minute(3), null);
    await story.gone('INBOX', kept.uid, lost.uid);
    expect((await story.detail(lost.conversation)).entries).toHaveLength(1);
    await story.told((it) => it.kind === 'conversation' && it.what === 'gone' && it.conversation === lost.conversation);
    await story.told((it) => it.kind === 'conversation' && it.what === 'gone' && it.conversation === kept.conversation);
    expect(await story.detail(lost.conversation)).toMatchObject({ row: { state: 'done', messages: 0, subject: 'Other' }, entries: [] });
    expect(await story.detail(kept.conversation)).toMatchObject({
      row: { state: 'done', messages: 0 },
      entries: [],
      notes: [{ text: 'Keep me.' }],
    });
    const back = await story.one('INBOX', 'live', letter({ id: 'kept' }), minute(1));
    expect(back.conversation).toBe(kept.conversation);
    expect((await story.detail(kept.conversation)).row).toMatchObject({ state: 'open', messages: 1 });
  });

  test('a new UIDVALIDITY re-links what is known and drops the rest', async () => {
    await using story = await storeStory({ graceMs: 60 });
    const inbox = story.folder('INBOX').id;
    const [a, b] = await story.ingest(
      'INBOX',
      'live',
      { octets: letter({ id: 'a' }), at: minute(1), uid: 1 },
      { octets: letter({ id: 'b', subject: 'B', from: 'b@other.example' }), at: minute(2), uid: 2 },
    );
    await story.store.work(a?.conversation ?? '', { kind: 'note', text: 'A note.' }, 'ann', minute(3), null);
    expect((await story.store.identities(inbox)).map(({ uid, messageId }) => [uid, messageId])).toEqual([
      [1, '<a@example.test>'],
      [2, '<b@example.test>'],
    ]);
    await story.store.setFolder(inbox, { uidValidity: 9 });
    await story.store.relink('support', {
      folder: inbox,
      uidValidity: 9,
      pairs: [{ from: { uidValidity: 1, uid: 1 }, uid: 501, flags: ['\\Seen'], modSeq: '77' }],
    });
    await story.store.dropStale('support', inbox, story.policy);
    expect(await story.store.uids(inbox, 9)).toEqual([501]);
    expect(await story.store.uids(inbox, 1)).toEqual([]);
    expect((await story.detail(a?.conversation ?? '')).notes).toHaveLength(1);
    await story.told((it) => it.kind === 'conversation' && it.what === 'gone' && it.conversation === b?.conversation);
  });

  test('a UID that the server does not give is noted until it comes', async () => {
    await using story = await storeStory();
    const inbox = story.folder('INBOX').id;
    await story.store.setUnfetchable(inbox, 1, 5, 'NO System Error');
    await story.store.setUnfetchable(inbox, 1, 5, 'NO still');
    expect(await story.store.unfetchable('support')).toEqual([{ folder: inbox, uidValidity: 1, uid: 5, why: 'NO still' }]);
    await story.ingest('INBOX', 'live', { octets: letter({ id: 'a' }), at: minute(1), uid: 5 });
    expect(await story.store.unfetchable('support')).toEqual([]);
  });

  test('other octets under a UID that we know take its place', async () => {
    await using story = await storeStory();
    const a = await story.one('INBOX', 'live', letter({ id: 'a' }), minute(1));
    const [b] = await story.ingest('INBOX', 'live', {
      octets: letter({ id: 'b', from: 'b@x.example', subject: 'B' }),
      at: minute(2),
      uid: a.uid,
    });
    expect((await story.store.entry(a.entry))?.placements).toEqual([]);
    expect((await story.store.entry(b?.entry ?? ''))?.placements).toMatchObject([{ uid: a.uid }]);
  });

  test('a hosted mailbox numbers its own mail and moves it', async () => {
    await using story = await storeStory();
    const [a, b] = await story.ingest(
      'INBOX',
      'live',
      { octets: letter({ id: 'a' }), at: minute(1), uid: null },
      { octets: letter({ id: 'b', answers: 'a' }), at: minute(2), uid: null },
    );
    expect([a?.uid, b?.uid]).toEqual([1, 2]);
    await story.store.moveHosted('support', story.policy, [a?.entry ?? '', b?.entry ?? ''], story.folder('Trash').id);
    expect((await story.store.entry(b?.entry ?? ''))?.placements).toMatchObject([{ path: 'Trash', uid: 2 }]);
    expect(await story.store.conversation(a?.conversation ?? '', 'ann', story.seen, { limit: 100 })).toMatchObject({
      row: { state: 'done' },
    });
    const [next] = await story.ingest('INBOX', 'live', { octets: letter({ id: 'c', answers: 'a' }), at: minute(3), uid: null });
    expect(next?.uid).toBe(3);
  });

  test('a listing without a folder parks it and drops nothing; an empty one means nothing', async () => {
    await using story = await storeStory();
    await story.one('Projects', 'live', letter({ id: 'a' }), minute(1));
    const inbox = { path: 'INBOX', name: 'Inbox', delimiter: '/', role: 'inbox' as const, selectable: true };
    await story.store.putFolders('support', []);
    expect((await story.store.folders('support')).every(({ parked }) => parked === null)).toBe(true);
    const parked = await story.store.putFolders('support', [inbox]);
    expect(parked.find(({ path }) => path === 'Projects')).toMatchObject({
      parked: 'The server no longer lists this folder.',
      storedCount: 1,
    });
    // Listed again, now as junk: what lies there no longer is anybody's work.
    const again = await story.store.putFolders('support', [inbox, { ...inbox, path: 'Projects', name: 'Projects', role: 'junk' }]);
    expect(again.find(({ path }) => path === 'Projects')).toMatchObject({ parked: null, role: 'junk' });
    expect(await story.store.panelCounts({ person: 'ann', roles: [], mailboxes: [story.seen] })).toMatchObject({ team: 0 });
  });
});

describe('shown', () => {
  test('rows carry what a list shows', async () => {
    await using story = await storeStory();
    const { conversation } = await story.one('INBOX', 'live', letter({ id: 'a', to: 'help@example.com', text: 'Where is it?' }), minute(1));
    const { row } = await story.detail(conversation);
    expect(row).toEqual({
      id: conversation,
      mailbox: 'support',
      subject: 'Order',
      from: { name: 'Jane Cooper', address: 'jane@customer.example' },
      addressedTo: 'help@example.com',
      lastAt: minute(1),
      waitingSince: minute(1),
      direction: 'in',
      unread: 1,
      messages: 1,
      attachments: 0,
      assignee: null,
      state: 'open',
      revision: 1,
      snippet: 'Where is it?',
      starred: false,
      had: null,
    });
    expect(conversation).toMatch(/^[a-z2-7]{24}$/);
  });

  test('the panel: who sees what in which view, over two mailboxes', async () => {
    await using story = await storeStory();
    await using sales = await storeStory({ mailbox: 'sales', beside: story.store });
    const { store } = story;
    const plan = table<{ subject: string; box: string; at: string; to: string; state: string }>(`
      subject     box      at  to            state
      first       support  1   -             open
      anns        sales    2   person:ann    open
      agents      support  3   role:agents   open
      bens        sales    4   person:ben    open
      finished    support  5   -             done
      finished 2  sales    6   person:ann    done
      last        sales    7   -             open
    `);
    for (const { subject, box, at, to, state } of plan) {
      const where = box === 'support' ? story : sales;
      const { conversation } = await where.one(
        'INBOX',
        'live',
        letter({ id: subject.replace(' ', ''), subject, from: `${at}@x.example` }),
        minute(Number(at)),
      );
      const [kind, id = ''] = to.split(':');
      if (kind === 'person' || kind === 'role')
        await store.work(conversation, { kind: 'assign', to: { kind, id } }, 'ann', minute(9), null);
      if (state === 'done') await store.work(conversation, { kind: 'done' }, 'ann', minute(9), null);
    }
    await story.one('Sent', 'live', answer({ id: 'ours', subject: 'ours', to: 'x@y.example' }), minute(8));
    await story.one('Junk', 'live', letter({ id: 'spam', subject: 'spam', from: 's@spam.example' }), minute(8));
    await story.one('Drafts', 'live', answer({ id: 'draft', subject: 'draft', to: 'd@y.example' }), minute(8), ['\\Draft']);

    const query: PanelQuery = {
      person: 'ann',
      roles: ['agents'],
      mailboxes: [story.seen, sales.seen],
      view: 'team',
      limit: 50,
      cursor: null,
    };
    const view = async (more: Partial<PanelQuery>): Promise<string[]> => subjects((await store.panel({ ...query, ...more })).rows);
    expect(await view({ view: 'mine' })).toEqual(['anns', 'agents']);
    expect(await view({ view: 'unassigned' })).toEqual(['first', 'last']);
    expect(await view({ view: 'team' })).toEqual(['first', 'anns', 'agents', 'bens', 'last']);
    expect(await view({ view: 'done' })).toEqual(['finished 2', 'finished']);
    expect(await view({ view: 'mine', roles: [] })).toEqual(['anns']);
    expect(await view({ view: 'team', mailboxes: [story.seen] })).toEqual(['first', 'agents']);
    expect(await view({ view: 'team', mailboxes: [] })).toEqual([]);

    const counts = (watch: 'all' | 'mine' | 'none') =>
      store.panelCounts({ ...query, mailboxes: [story.seen, sales.seen].map((seen) => ({ ...seen, watch })) });
    expect(await counts('all')).toEqual({ mine: 2, unassigned: 2, team: 5, unread: 5 });
    expect(await counts('mine')).toEqual({ mine: 2, unassigned: 2, team: 5, unread: 4 });
    expect(await counts('none')).toEqual({ mine: 2, unassigned: 2, team: 5, unread: 0 });
    // However much is watched, a number is that of the rows behind it.
    for (const [here, there] of [
      ['all', 'none'],
      ['none', 'mine'],
      ['mine', 'all'],
    ] as const) {
      const mailboxes = [
        { ...story.seen, watch: here },
        { ...sales.seen, watch: there },
      ];
      const { unread: _, ...views } = await store.panelCounts({ ...query, mailboxes });
      for (const name of ['mine', 'unassigned', 'team'] as const)
        expect((await store.panel({ ...query, mailboxes, view: name })).rows).toHaveLength(views[name]);
    }

    const folder = async (path: 'Junk' | 'Drafts' | 'INBOX', state: 'any' | 'open' | 'done' | 'waiting' = 'any'): Promise<string[]> =>
      subjects(
        (await store.list({ person: 'ann', mailbox: story.seen, folder: story.folder(path).id, state, limit: 50, cursor: null })).rows,
      );
    expect(await folder('Junk')).toEqual(['spam']);
    expect(await folder('Drafts')).toEqual(['draft']);
    expect(await folder('INBOX')).toEqual(['finished', 'agents', 'first']);
    expect(await folder('INBOX', 'open')).toEqual(['first', 'agents']);
    expect(await folder('INBOX', 'done')).toEqual(['finished']);
    expect(await folder('INBOX', 'waiting')).toEqual([]);

    await store.handOver({ kind: 'person', id: 'ben' }, null);
    expect(await view({ view: 'unassigned' })).toEqual(['first', 'bens', 'last']);
  });

  test('what was closed last comes first, over mailboxes and pages of any size', async () => {
    await using story = await storeStory();
    await using sales = await storeStory({ mailbox: 'sales', beside: story.store });
    const { store } = story;
    // Mail at n minutes, closed at `closed`.
    const plan = table<{ subject: string; box: string; at: string; closed: string }>(`
      subject   box      at   closed
      old       support  1    90
      middle    sales    20   50
      new       support  30   40
      same      sales    31   40
      between   support  39   45
      ancient   sales    2    3
    `);
    const closing: [string, number][] = [];
    for (const { subject, box, at, closed } of plan) {
      const where = box === 'support' ? story : sales;
      const mail = letter({ id: subject, subject, from: `${subject}@x.example` });
      const { conversation } = await where.one('INBOX', 'live', mail, minute(Number(at)));
      closing.push([conversation, minute(Number(closed))]);
    }
    for (const [conversation, at] of closing) await store.work(conversation, { kind: 'done' }, 'ann', at, null);
    const query = { person: 'ann', roles: [], mailboxes: [story.seen, sales.seen], view: 'done' as const };
    for (const limit of [1, 2, 3, 50]) {
      const found: string[] = [];
      for (let cursor: string | null = null, more = true; more; more = cursor !== null) {
        const page: Awaited<ReturnType<typeof store.panel>> = await store.panel({ ...query, limit, cursor });
        found.push(...subjects(page.rows));
        cursor = page.next;
      }
      expect(found).toEqual(['old', 'middle', 'between', 'same', 'new', 'ancient']);
    }
    const { rows } = await store.list({ person: 'ann', mailbox: story.seen, folder: null, state: 'done', limit: 50, cursor: null });
    expect(subjects(rows)).toEqual(['old', 'between', 'new']);
    // Open again it is there no more; closed once more it is the first.
    const again = rows.at(-1)?.id ?? '';
    await store.work(again, { kind: 'open' }, 'ann', minute(95), null);
    expect(subjects((await store.panel({ ...query, limit: 2, cursor: null })).rows)).toEqual(['old', 'middle']);
    await store.work(again, { kind: 'done' }, 'ben', minute(96), null);
    expect(subjects((await store.panel({ ...query, limit: 2, cursor: null })).rows)).toEqual(['new', 'old']);
  });

  test('outgoing mail alone is left out of the panel when the mailbox says so', async () => {
    await using story = await storeStory();
    const ours = await story.one('Sent', 'live', answer({ id: 'ours' }), minute(1));
    await story.store.work(ours.conversation, { kind: 'open' }, 'ann', minute(2), null);
    const view = async (outgoingInPanel: boolean): Promise<number> => {
      const mailboxes = [{ ...story.seen, outgoingInPanel }];
      const { rows } = await story.store.panel({ person: 'ann', roles: [], mailboxes, view: 'team', limit: 9, cursor: null });
      expect((await story.store.panelCounts({ person: 'ann', roles: [], mailboxes })).team).toBe(rows.length);
      return rows.length;
    };
    expect([await view(true), await view(false)]).toEqual([1, 0]);
  });

  test('pages of any size make the whole list, in order', async () => {
    await using story = await storeStory();
    // Several wait since the same second.
    const mails = Array.from({ length: 23 }, (_, n) => ({
      octets: letter({ id: `m${n}`, subject: `S${n}`, from: `c${n}@x.example` }),
      at: minute(n >> 2),
    }));
    await story.ingest('INBOX', 'live', ...mails);
    const base = { person: 'ann', roles: [], mailboxes: [story.seen], view: 'team' as const };
    const whole = subjects((await story.store.panel({ ...base, limit: 50, cursor: null })).rows);
    expect(whole).toHaveLength(23);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 25 }), async (limit) => {
        const panel: string[] = [];
        for (let cursor: string | null = null; ; ) {
          const page = await story.store.panel({ ...base, limit, cursor });
          panel.push(...subjects(page.rows));
          cursor = page.next;
          if (cursor === null) break;
        }
        expect(panel).toEqual(whole);
        const inFolder: string[] = [];
        for (let cursor: string | null = null; ; ) {
          const page = await story.store.list({
            person: 'ann',
            mailbox: story.seen,
            folder: story.folder('INBOX').id,
            state: 'any',
            limit,
            cursor,
          });
          inFolder.push(...subjects(page.rows));
          cursor = page.next;
          if (cursor === null) break;
        }
        expect([...inFolder].sort()).toEqual([...whole].sort());
      }),
      { numRuns: 25 },
    );
    const { next } = await story.store.panel({ ...base, limit: 2, cursor: null });
    for (const cursor of ['', 'x', 'W10', Buffer.from('["team",1]').toString('base64url'), `${next}x`.slice(3)]) {
      await expect(story.store.panel({ ...base, limit: 2, cursor })).rejects.toMatchObject({ code: 'invalid' });
    }
    await expect(story.store.panel({ ...base, view: 'done', limit: 2, cursor: next })).rejects.toMatchObject({ code: 'invalid' });
  });

  test('read marks and stars are each person’s own', async () => {
    await using story = await storeStory();
    const { conversation } = await story.one('INBOX', 'live', letter({ id: 'a' }), minute(1));
    await story.one('INBOX', 'live', letter({ id: 'b', answers: 'a' }), minute(2));
    await story.one('INBOX', 'live', letter({ id: 'c', answers: 'a' }), minute(3), ['\\Seen']);
    await story.one('Sent', 'live', answer({ id: 'd', answers: 'a' }), minute(4));
    const unread = async (person: string, unreadSince = 0): Promise<number | undefined> =>
      (await story.store.conversation(conversation, person, { ...story.seen, unreadSince }, { limit: 1 }))?.row.unread;
    expect([await unread('ann'), await unread('ben'), await unread('ben', minute(2)), await unread('ben', minute(9))]).toEqual([
      3, 3, 2, 0,
    ]);
    await story.store.markRead(conversation, 'ann', true);
    await story.store.star(conversation, 'ann', true);
    expect([await unread('ann'), await unread('ben')]).toEqual([0, 3]);
    await story.store.markRead(conversation, 'ann', false);
    expect(await unread('ann')).toBe(1);
    expect([(await story.detail(conversation, 'ann')).row.starred, (await story.detail(conversation, 'ben')).row.starred]).toEqual([
      true,
      false,
    ]);
    expect((await story.detail(conversation)).row.revision).toBe(4);
    await story.store.star(conversation, 'ann', false);
    expect((await story.detail(conversation, 'ann')).row.starred).toBe(false);
  });

  test('in a personal mailbox the owner’s mark follows \\Seen, nobody else’s', async () => {
    await using story = await storeStory({ seenBy: 'ann' });
    const a = await story.one('INBOX', 'import', letter({ id: 'a' }), minute(1), ['\\Seen']);
    const b = await story.one('INBOX', 'import', letter({ id: 'b', answers: 'a' }), minute(2));
    const unread = async (person: string): Promise<number> => (await story.detail(a.conversation, person)).row.unread;
    expect([await unread('ann'), await unread('ben')]).toEqual([1, 2]);
    const flag = (uid: number, ...flags: string[]): Promise<void> =>
      story.store.applyChanges({
        mailbox: 'support',
        policy: story.policy,
        folder: story.folder('INBOX').id,
        uidValidity: 1,
        flags: [{ uid, flags, modSeq: '9' }],
        gone: [],
        checkpoint: { highestModSeq: '9' },
      });
    await flag(b.uid, '\\Seen', '\\Answered');
    expect(await unread('ann')).toBe(0);
    await flag(a.uid);
    expect([await unread('ann'), await unread('ben')]).toEqual([2, 2]);
    expect((await story.store.folders('support')).find(({ path }) => path === 'INBOX')).toMatchObject({ highestModSeq: '9' });
  });
});

describe('mail out', () => {
  test('two colleagues answer at once: one wins, the other learns the new revision', async () => {
    await using story = await storeStory();
    const { conversation } = await story.one('INBOX', 'live', letter({ id: 'a' }), minute(1));
    const [ann, ben] = await Promise.all([
      story.send(answer({ id: 's1', answers: 'a' }), { conversation, ifRevision: 1, author: 'ann' }),
      story.send(answer({ id: 's2', answers: 'a' }), { conversation, ifRevision: 1, author: 'ben' }),
    ]);
    expect(queued(ann)).toMatchObject({ state: 'queued', conversation, author: 'ann', recipients: [{ state: 'pending' }] });
    expect(ben).toEqual({ ok: false, revision: 2 });
    const { row, entries } = await story.detail(conversation);
    expect(row).toMatchObject({ state: 'waiting', revision: 2, messages: 2, direction: 'out' });
    expect(entries[1]).toMatchObject({ author: 'ann', outbox: queued(ann).id, placements: [] });
    await expect(story.send(answer({ id: 's3' }), { conversation: 'guessed' })).rejects.toMatchObject({ code: 'not-found' });
  });

  test('the same key, or the same octets, queue once', async () => {
    await using story = await storeStory();
    const first = queued(await story.send(answer({ id: 's' }), { idempotencyKey: 'k' }));
    const again = await story.send(answer({ id: 'other' }), { idempotencyKey: 'k' });
    expect(again).toMatchObject({ ok: true, repeated: true, row: { id: first.id } });
    expect(await story.send(answer({ id: 's' }))).toMatchObject({ repeated: true, row: { id: first.id } });
    expect(await story.send(answer({ id: 'mine' }), { idempotencyKey: 'k', author: 'ben' })).toMatchObject({ repeated: false });
    expect(await story.store.countMessages('support')).toBe(2);
  });

  test('cancelled: the mail leaves, the state comes back, the revision rises', async () => {
    await using story = await storeStory();
    const { conversation } = await story.one('INBOX', 'live', letter({ id: 'a' }), minute(1));
    const before = (await story.detail(conversation)).row;
    const row = queued(await story.send(answer({ id: 's', answers: 'a' }), { conversation, sendAt: minute(51) }));
    expect(row).toMatchObject({ state: 'held', heldFor: 'time' });
    expect(await story.store.outboxMove(row.id, 'queued', { state: 'cancelled' })).toBe(false);
    expect(await story.store.outboxMove(row.id, 'held', { state: 'cancelled', heldFor: null })).toBe(true);
    expect((await story.detail(conversation)).row).toEqual({ ...before, revision: 3 });
    expect(await story.store.outboxRow(row.id)).toMatchObject({ state: 'cancelled', conversation });

    const begun = queued(await story.send(answer({ id: 'new', subject: 'New', to: 'n@x.example' }), { postroomId: 'postroom-2' }));
    await story.store.outboxMove(begun.id, 'queued', { state: 'cancelled' });
    expect(await story.store.countMessages('support')).toBe(1);
    expect((await story.store.outbox({ mailboxes: ['support'], limit: 9 })).map(({ id }) => id)).toEqual([begun.id, row.id]);
  });

  test('the copy in Sent shows once, rewritten or not', async () => {
    await using story = await storeStory();
    const headers = { 'X-Postroom-Id': 'postroom-1' };
    const octets = answer({ id: 'sent', headers });
    const { conversation, entry } = queued(await story.send(octets, { messageId: '<sent@example.test>' }));
    const same = await story.one('Sent', 'live', octets, minute(51), ['\\Seen']);
    const rewritten = await story.one(
      'Sent',
      'live',
      answer({ id: 'sent', headers: { ...headers, 'X-Footer': 'a provider was here' } }),
      minute(52),
    );
    expect([same.entry, rewritten.entry]).toEqual([entry, entry]);
    expect(await story.detail(conversation)).toMatchObject({
      row: { messages: 1, revision: 1, state: 'waiting' },
      entries: [{ id: entry }],
    });
    expect((await story.store.entry(entry))?.placements).toHaveLength(2);
    // From outside, nobody hides a mail behind ours.
    const forged = await story.one('INBOX', 'live', letter({ id: 'sent', headers }), minute(53));
    expect(forged.entry).not.toBe(entry);
    expect((await story.detail(conversation)).row).toMatchObject({ messages: 2, state: 'open', unread: 1 });
  });

  test('what is due, what was interrupted, what lacks its copy', async () => {
    await using story = await storeStory();
    const { store } = story;
    const now = queued(await story.send(answer({ id: 'now', to: 'a@x.example' })));
    const later = queued(await story.send(answer({ id: 'later', to: 'b@x.example' }), { sendAt: minute(60) }));
    expect((await store.outboxDue(minute(55), 9)).map(({ id }) => id)).toEqual([now.id]);
    expect((await store.outboxDue(minute(60), 9)).map(({ id }) => id)).toEqual([now.id, later.id]);
    expect(await store.nextOutboxAt()).toBe(minute(50));
    expect(await store.outboxMove(now.id, 'queued', { attempts: 1, nextAttemptAt: minute(90), lastError: '451 later' })).toBe(true);
    expect(await store.nextOutboxAt()).toBe(minute(60));
    expect(await store.outboxMove(later.id, 'held', { heldFor: 'right' })).toBe(true);
    expect(await store.nextOutboxAt()).toBe(minute(90));
    await store.outboxMove(now.id, 'queued', { state: 'sending', phase: 'data' });
    const reopened = await story.reopen();
    expect(await reopened.outboxInterrupted()).toMatchObject([{ id: now.id, phase: 'data', lastError: '451 later' }]);
    await reopened.outboxMove(now.id, 'sending', {
      state: 'accepted',
      phase: null,
      recipients: [{ address: 'a@x.example', state: 'accepted', reply: '250 ok' }],
    });
    expect(await reopened.outboxUnfiled(9)).toMatchObject([{ id: now.id, recipients: [{ reply: '250 ok' }] }]);
    await reopened.outboxMove(now.id, 'accepted', { sentCopy: 'filed', sentCopyAttempts: 1 });
    expect(await reopened.outboxUnfiled(9)).toEqual([]);
    expect(await reopened.outbox({ mailboxes: ['support'], states: ['held'], limit: 9 })).toMatchObject([
      { id: later.id, heldFor: 'right' },
    ]);
    expect(await reopened.outbox({ mailboxes: ['elsewhere'], limit: 9 })).toEqual([]);
  });
});

describe('the store itself', () => {
  test('changes are told after the commit, in its order, before the answer', async () => {
    await using story = await storeStory();
    const told: StoreChange[] = [];
    const seen: (number | undefined)[] = [];
    const stop = story.store.onChange((changes) => {
      told.push(...changes);
      seen.push(changes.length);
    });
    const { conversation } = await story.one('INBOX', 'live', letter({ id: 'a' }), minute(1));
    await story.store.work(conversation, { kind: 'note', text: 'x' }, 'ann', minute(2), null);
    await story.store.markRead(conversation, 'ann', true);
    stop();
    await story.store.work(conversation, { kind: 'done' }, 'ann', minute(3), null);
    expect(told.filter(({ kind }) => kind !== 'folders' && kind !== 'activity')).toEqual([
      { kind: 'conversation', mailbox: 'support', conversation, revision: 1, what: 'mail-in', live: true, by: null },
      { kind: 'conversation', mailbox: 'support', conversation, revision: 2, what: 'note', live: true, by: 'ann' },
      { kind: 'read', mailbox: 'support', conversation, person: 'ann' },
    ]);
  });

  test('urgent work does not wait for bulk', async () => {
    await using story = await storeStory();
    const { conversation } = await story.one('INBOX', 'live', letter({ id: 'a' }), minute(1));
    const mails = Array.from({ length: 600 }, (_, n) => ({ octets: letter({ id: `m${n}`, from: `c${n}@x.example` }), at: minute(n) }));
    let bulkDone = false;
    const bulk = story.ingest('Projects', 'import', ...mails).then(() => {
      bulkDone = true;
    });
    await story.store.work(conversation, { kind: 'done' }, 'ann', minute(2), null);
    expect(bulkDone).toBe(false);
    await bulk;
    expect(await story.store.countMessages('support')).toBe(601);
  });

  test('a mailbox is forgotten whole, and only that', async () => {
    await using story = await storeStory();
    await using sales = await storeStory({ mailbox: 'sales', beside: story.store });
    const octets = letter({ id: 'a' });
    const a = await story.one('INBOX', 'live', octets, minute(1));
    await story.one('INBOX', 'live', letter({ id: 'c', answers: 'b' }), minute(1));
    await story.one('INBOX', 'live', letter({ id: 'b', answers: 'a' }), minute(1));
    await sales.one('INBOX', 'live', octets, minute(1));
    await story.store.work(a.conversation, { kind: 'note', text: 'x' }, 'ann', minute(2), null);
    await story.store.markRead(a.conversation, 'ann', true);
    queued(await story.send(answer({ id: 's', answers: 'a' }), { conversation: a.conversation }));
    await story.store.forgetMailbox('support');
    expect(await story.store.conversation(a.conversation, 'ann', story.seen, { limit: 100 })).toBeNull();
    expect([await story.store.countMessages('support'), await story.store.countMessages('sales')]).toEqual([0, 1]);
    expect(await story.store.folders('support')).toEqual([]);
  });

  test('the journal only grows', async () => {
    await using story = await storeStory();
    const record = {
      at: minute(1),
      kind: 'system' as const,
      mailbox: null,
      conversation: null,
      actor: 'ann',
      summary: 'Began.',
      details: { n: 1 },
      key: null,
    };
    await story.store.recordActivity([record, { ...record, key: 'once' }]);
    await story.store.recordActivity([{ ...record, key: 'once' }]);
    const db = new DatabaseSync(`${story.home}/mail.db`);
    try {
      for (const sql of ["UPDATE activity SET summary = ''", 'DELETE FROM activity']) expect(() => db.exec(sql)).toThrow('append-only');
      expect(db.prepare('SELECT seq FROM activity').all()).toHaveLength(2);
    } finally {
      db.close();
    }
  });

  test('check names what does not hold', async () => {
    const story = await storeStory();
    await story.one('INBOX', 'live', letter({ id: 'a' }), minute(1));
    const db = new DatabaseSync(`${story.home}/mail.db`);
    db.exec('UPDATE conversation SET messages = 9; UPDATE message SET stored = stored + 1000');
    db.close();
    expect(await story.store.check()).toEqual([
      expect.stringContaining('a conversation counts its entries right'),
      expect.stringContaining('pack 1 is long enough'),
    ]);
    const again = new DatabaseSync(`${story.home}/mail.db`);
    again.exec('UPDATE conversation SET messages = 1; UPDATE message SET stored = stored - 1000');
    again.close();
    await story[Symbol.asyncDispose]();
  });

  test('a database of a newer Postroom is refused', async () => {
    await using dir = await tempDir();
    const db = new DatabaseSync(`${dir.path}/mail.db`);
    db.exec('PRAGMA user_version = 999');
    db.close();
    await expect(openStore({ home: dir.path })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('newer Postroom'),
    });
  });

  test('a closed store says so', async () => {
    await using dir = await tempDir();
    const store = await openStore({ home: dir.path });
    await store.close();
    await store.close();
    await expect(store.markRead('x', 'ann', true)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('files are the owner’s alone whatever the umask', async () => {
    await using dir = await tempDir();
    const home = `${dir.path}/home`;
    const before = process.umask(0);
    let store: Awaited<ReturnType<typeof openStore>>;
    try {
      store = await openStore({ home });
    } finally {
      process.umask(before);
    }
    for (const name of await readdir(home)) {
      const { mode } = await stat(`${home}/${name}`);
      expect([name, mode & 0o777]).toEqual([name, name === 'packs' ? 0o700 : 0o600]);
    }
    await store.close();
  });

  test('one daemon for a home; a lock dies with its process', async () => {
    await using dir = await tempDir();
    const run = `${dir.path}/run`;
    await mkdir(run);
    const source = `import { lockHome } from ${JSON.stringify(new URL('../daemon/store/lock.ts', import.meta.url).href)}; lockHome(${JSON.stringify(run)}); gc(); console.log('locked'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
    const gone = once(holder, 'exit');
    try {
      await once(holder.stdout, 'data');
      expect(() => lockHome(run)).toThrow(`Another daemon (pid ${holder.pid}) uses this home`);
    } finally {
      holder.kill('SIGKILL');
      await gone;
    }
    const lock = lockHome(run);
    expect(() => lockHome(run)).toThrow(`pid ${process.pid}`);
    expect((await stat(`${run}/lock.db`)).mode & 0o777).toBe(0o600);
    lock.release();
    lockHome(run).release();
  });

  test('killed again and again while mail comes in: nothing told as stored is lost, nothing is half there', async () => {
    await using dir = await tempDir();
    const home = `${dir.path}/home`;
    const told = new Set<string>();
    for (let round = 0; round < 24; round++) {
      // Each begins a little before the last one's end, so that mail comes again too.
      const writer = spawn(process.execPath, [child, home, String(1 + Math.max(0, told.size - 100))], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const lines = createInterface({ input: writer.stdout });
      const after = round % 5; // batches told, then a moment of the next
      let seen = 0;
      lines.on('line', (hash) => {
        told.add(hash);
        seen += 1;
        if (seen === 1 + 150 * after) setTimeout(() => writer.kill('SIGKILL'), (round * 7) % 60);
      });
      await once(writer, 'exit');
    }
    const store = await openStore({ home });
    expect(await store.check()).toEqual([]);
    const [inbox] = await store.folders('support');
    const identities = await store.identities(inbox?.id ?? 0);
    const stored = new Set(identities.map(({ hash }) => hash));
    expect([...told].filter((hash) => !stored.has(hash))).toEqual([]);
    for (const { hash } of identities) await store.octets(hash); // throws when they do not hash to it
    await store.close();
  });
});
