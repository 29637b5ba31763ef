import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answer, type FolderPath, letter, minute, start, storeStory } from './support/store.ts';
import { table } from './support/table.ts';

/**
 * A story in steps, all in one thread; `@n` is the minute. `in`, `out`, `auto` come live, with `!` they are imported; `junk` is live
 * mail in Junk, `filed!` imported mail in Archive. `move:A>B` takes the first mail from folder A to B, gone first as a sync finds it;
 * `copy:A>B` is seen in B before it is gone from A. `done` `open` `note` `take` `send` are ours.
 */
const stories = table<{ steps: string; state: string; waits: string; revision: string }>(`
  steps                                           state    waits  revision
  in@1                                            open     1      1
  in@1 in@2                                       open     1      2
  in@1 send@2                                     waiting  -      2
  in@1 send@2 in@3                                open     3      3
  in@1 done@2                                     done     -      1
  in@1 done@2 in@3                                open     3      2
  in@1 done@2 open@3                              open     1      1
  in@1 send@2 open@3                              open     3      2
  in@1 done@2 auto@3                              done     -      2
  in@1 send@2 auto@3                              waiting  -      3
  auto@1                                          open     1      1
  auto@1 in@2                                     open     1      2
  in@1 out@2                                      waiting  -      2
  in@1 in@3 out@2                                 open     1      3
  out@2 in@1                                      waiting  -      2
  in@1 done@3 out@2                               done     -      2
  in@1 done@2 out@3                               waiting  -      2
  in@1 note@2                                     open     1      2
  in@1 take@2                                     open     1      1
  in@1 junk@2                                     open     1      1
  in@1 done@2 junk@3                              done     -      1
  in@1!                                           open     1      1
  in@1! out@2!                                    waiting  -      1
  out@2! in@1!                                    waiting  -      1
  in@1! out@2! in@3!                              open     3      1
  in@3! in@4! out@2! in@1!                        open     3      1
  in@1! auto@2!                                   open     1      1
  in@1! out@2! auto@3!                            waiting  -      1
  auto@2! in@1!                                   open     1      1
  filed@1!                                        done     -      1
  in@1! filed@2!                                  open     1      1
  in@1! done@5 in@2!                              done     -      1
  in@1! done@5 in@6!                              open     6      1
  in@1 move:INBOX>Archive                         done     -      1
  in@1 copy:INBOX>Archive                         done     -      1
  in@1 move:INBOX>Trash                           done     -      1
  in@1 move:INBOX>Projects                        open     1      1
  in@1 copy:INBOX>Projects                        open     1      1
  in@1 send@2 move:INBOX>Projects                 waiting  -      2
  in@1 send@2 move:INBOX>Archive                  done     -      2
  in@1 in@2 move:INBOX>Archive                    open     1      2
  in@1 move:INBOX>Archive move:Archive>INBOX      open     1      1
  in@1 move:INBOX>Trash move:Trash>INBOX          open     1      1
  in@1 in@2 done@3 open@4                         open     1      2
  auto@1 in@2 done@3 open@4                       open     1      2
  in@1 send@2 open@3 done@4 open@5                open     3      2
  in@1 done@3 out@2 open@4                        open     4      2
  auto@1 move:INBOX>Trash move:Trash>INBOX        open     1      1
  in@1 done@2 move:INBOX>Trash move:Trash>INBOX   open     1      1
  in@1 send@2 move:INBOX>Trash move:Trash>INBOX   waiting  -      2
  junk@1 move:Junk>INBOX                          open     1      2
  in@1 move:INBOX>Junk move:Junk>Projects         open     1      1
`);

type Story = Awaited<ReturnType<typeof storeStory>>;

/** One store for all stories, a mailbox for each: starting a writer costs more than a story. */
let host: Story;
let mailboxes = 0;
beforeAll(async () => {
  host = await storeStory();
});
afterAll(() => host[Symbol.asyncDispose]());
const story = (options: Parameters<typeof storeStory>[0] = {}): Promise<Story> =>
  storeStory({ ...options, mailbox: `box-${++mailboxes}`, beside: host.store });

async function play(story: Story, steps: string): Promise<string> {
  let first: { uid: number; octets: Uint8Array; at: number } | null = null;
  let conversation = '';
  for (const step of steps.split(' ')) {
    const [, verb = '', from, to, at = '0', imported] = /^([a-z]+)(?::(\w+)>(\w+))?(?:@(\d+))?(!)?$/.exec(step) ?? [];
    const now = minute(Number(at));
    const origin = imported === undefined ? 'live' : 'import';
    const folder = ({ out: 'Sent', junk: 'Junk', filed: 'Archive' } as Record<string, FolderPath | undefined>)[verb] ?? 'INBOX';
    const wording = { id: `${verb}${at}`, answers: 'root', date: now };
    if (verb === 'move' || verb === 'copy') {
      if (first === null) throw new Error('nothing to move');
      const { octets, uid: old } = first;
      if (verb === 'move') await story.gone(from as FolderPath, old);
      const [moved] = await story.ingest(to as FolderPath, 'live', { octets, at: first.at });
      if (verb === 'copy') await story.gone(from as FolderPath, old);
      first.uid = moved?.uid ?? 0;
    } else if (verb === 'done' || verb === 'open') await story.store.work(conversation, { kind: verb }, 'ann', now, null);
    else if (verb === 'note') await story.store.work(conversation, { kind: 'note', text: 'Called her.' }, 'ann', now, null);
    else if (verb === 'take') await story.store.work(conversation, { kind: 'assign', to: { kind: 'person', id: 'ann' } }, 'ann', now, null);
    else if (verb === 'send') await story.send(answer(wording), { conversation, now, sendAt: now });
    else {
      const octets =
        verb === 'out' ? answer(wording) : letter({ ...wording, headers: verb === 'auto' ? { 'Auto-Submitted': 'auto-replied' } : {} });
      const got = await story.one(folder, origin, octets, now);
      conversation = got.conversation;
      first ??= { uid: got.uid, octets, at: now };
    }
  }
  return conversation;
}

describe('a conversation moves', () => {
  for (const { steps, state, waits, revision } of stories) {
    test(steps, async () => {
      await using box = await story();
      const { row } = await box.detail(await play(box, steps));
      expect({ state: row.state, waitingSince: row.waitingSince, revision: row.revision }).toEqual({
        state,
        waitingSince: waits === '' ? null : minute(Number(waits)),
        revision: Number(revision),
      });
    });
  }

  const unfollowed = table<{ steps: string; state: string }>(`
    steps                              state
    in@1 move:INBOX>Archive            open
    in@1 done@2 move:INBOX>Archive     done
    in@1 move:INBOX>Trash              open
  `);
  for (const { steps, state } of unfollowed) {
    test(`without followServer: ${steps}`, async () => {
      await using box = await story({ followServer: false });
      expect((await box.detail(await play(box, steps))).row.state).toBe(state);
    });
  }

  const old = table<{ steps: string; state: string; unread: string }>(`
    steps             state    unread
    in@1!             done     0
    in@1              done     0
    in@1! in@11!      open     1
    in@1! out@2!      done     0
    in@1! out@11!     waiting  0
    in@1 in@11        open     1
  `);
  for (const { steps, state, unread } of old) {
    test(`work begins at minute 10: ${steps}`, async () => {
      await using box = await story({ workFrom: minute(10) });
      const id = await play(box, steps);
      const detail = await box.store.conversation(id, 'ann', { ...box.seen, unreadSince: minute(10) }, { limit: 100 });
      expect({ state: detail?.row.state, unread: detail?.row.unread }).toEqual({ state, unread: Number(unread) });
    });
  }
});

test('a verb carries the revision it saw', async () => {
  await using story = await storeStory();
  const { conversation } = await story.one('INBOX', 'live', letter({ id: 'root' }), minute(1));
  await story.one('INBOX', 'live', letter({ id: 'b', answers: 'root' }), minute(2));
  expect(await story.store.work(conversation, { kind: 'done' }, 'ann', minute(3), 1)).toEqual({ ok: false, revision: 2 });
  expect(await story.store.work(conversation, { kind: 'done' }, 'ann', minute(3), 2)).toMatchObject({
    ok: true,
    state: 'done',
    revision: 2,
  });
  expect(await story.store.work('guessed', { kind: 'done' }, 'ann', minute(3), null)).toBeNull();
});

test('what was waiting or snoozed before it was done is so again', async () => {
  await using story = await storeStory();
  const { conversation } = await story.one('INBOX', 'live', letter({ id: 'root' }), minute(1));
  const until = Date.now() + 3_600_000;
  const around = async () => {
    const { state, waitingSince } = (await story.detail(conversation)).row;
    return { state, waitingSince };
  };
  for (const prepare of [
    () => story.store.work(conversation, { kind: 'snooze', until }, 'ann', minute(2), null),
    () => story.send(answer({ id: 'ours', answers: 'root', date: minute(3) }), { conversation, now: minute(3), sendAt: minute(3) }),
  ]) {
    await prepare();
    const before = await around();
    expect(before.state).not.toBe('open');
    await story.store.work(conversation, { kind: 'done' }, 'ann', minute(4), null);
    expect(await story.store.work(conversation, { kind: 'back', closedBy: 'ben' }, 'ben', minute(5), null)).toMatchObject({
      changed: false,
    });
    await story.store.work(conversation, { kind: 'back', closedBy: 'ann' }, 'ann', minute(5), null);
    expect(await around()).toEqual(before);
  }
});

test('what is snoozed opens by itself', async () => {
  await using story = await storeStory({ graceMs: 40 });
  const { conversation } = await story.one('INBOX', 'live', letter({ id: 'root' }), minute(1));
  await story.store.work(conversation, { kind: 'snooze', until: Date.now() + 30 }, 'ann', minute(2), null);
  expect((await story.detail(conversation)).row.state).toBe('snoozed');
  const seen = story.changes.length;
  await story.told((change) => story.changes.indexOf(change) === -1 || story.changes.indexOf(change) >= seen);
  expect((await story.detail(conversation)).row).toMatchObject({ state: 'open', waitingSince: minute(1) });
});

// --- threads, whatever the order ------------------------------------------------------------------------------------

type Leaf = { parent: number | null; ours: boolean; automatic: boolean; archived: boolean };
const forest = fc.array(
  fc.record({ parent: fc.option(fc.nat(7), { nil: null }), ours: fc.boolean(), automatic: fc.boolean(), archived: fc.boolean() }),
  { minLength: 1, maxLength: 8 },
);

/** Conversations as sets of Message-IDs, each with its state: what must not depend on the order of arrival. */
async function arrive(leaves: readonly Leaf[], order: readonly number[]): Promise<string[]> {
  const box = await story({ workFrom: minute(3) });
  for (const n of order) {
    const leaf = leaves[n];
    if (leaf === undefined) continue;
    const parent = leaf.parent !== null && leaf.parent < n ? leaf.parent : null;
    const wording: Parameters<typeof letter>[0] = {
      id: `m${n}`,
      subject: `Question ${n}`,
      date: minute(n),
      ...(leaf.automatic ? { headers: { 'Auto-Submitted': 'auto-generated' } } : {}),
      ...(parent === null ? {} : { answers: `m${parent}` }),
    };
    const folder = leaf.ours ? 'Sent' : leaf.archived ? 'Archive' : 'INBOX';
    await box.one(folder, 'import', leaf.ours ? answer(wording) : letter(wording), minute(n));
  }
  const { rows } = await box.store.list({ person: 'ann', mailbox: box.seen, folder: null, state: 'any', limit: 50, cursor: null });
  const facts = await Promise.all(
    rows.map(async ({ id }) => {
      const { row, entries } = await box.detail(id);
      const ids = entries.map(({ messageId }) => messageId).sort();
      return JSON.stringify([ids, row.state, row.waitingSince, row.subject, row.from?.address, row.lastAt, row.messages]);
    }),
  );
  return facts.sort();
}

test('any order of arrival gives the same conversations in the same states', async () => {
  await fc.assert(
    fc.asyncProperty(
      forest.chain((leaves) =>
        fc.tuple(
          fc.constant(leaves),
          fc.shuffledSubarray(
            leaves.map((_, n) => n),
            { minLength: leaves.length },
          ),
        ),
      ),
      async ([leaves, order]) => {
        expect(await arrive(leaves, order)).toEqual(
          await arrive(
            leaves,
            leaves.map((_, n) => n),
          ),
        );
      },
    ),
    { numRuns: 150 },
  );
});

test('a late parent joins two conversations: the older id lives on with everything people made of both', async () => {
  await using story = await storeStory();
  const { store } = story;
  const older = await story.one('INBOX', 'live', letter({ id: 'a', answers: 'root', subject: 'A' }), minute(2));
  const newer = await story.one('INBOX', 'live', letter({ id: 'b', answers: 'middle', subject: 'B' }), minute(3));
  await store.work(older.conversation, { kind: 'note', text: 'one' }, 'ann', minute(4), null);
  await store.work(older.conversation, { kind: 'done' }, 'ann', minute(5), null);
  await store.work(newer.conversation, { kind: 'note', text: 'two' }, 'ben', minute(6), null);
  await store.work(newer.conversation, { kind: 'assign', to: { kind: 'role', id: 'agents' } }, 'ben', minute(6), null);
  await store.markRead(older.conversation, 'ann', true);
  await store.star(newer.conversation, 'ann', true);

  const parent = await story.one('INBOX', 'import', letter({ id: 'middle', answers: 'root', subject: 'Re: A' }), minute(1));
  expect(parent.conversation).toBe(older.conversation);
  const detail = await story.detail(newer.conversation);
  expect(detail.row).toMatchObject({
    id: older.conversation,
    state: 'open',
    waitingSince: minute(3),
    assignee: { kind: 'role', id: 'agents' },
    messages: 3,
    unread: 1,
    starred: true,
    revision: 3,
  });
  expect(detail.notes.map(({ text }) => text)).toEqual(['one', 'two']);
  expect(story.changes).toContainEqual(expect.objectContaining({ kind: 'conversation', conversation: newer.conversation, what: 'merged' }));
  expect(await store.work(newer.conversation, { kind: 'done' }, 'ann', start, 3)).toMatchObject({ ok: true });
});
