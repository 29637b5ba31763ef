/** A thread that somebody made long by naming it: it is read in parts, and nothing of it is missing. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '../protocol/client.ts';
import type { Result } from '../protocol/methods.ts';
import { cli } from './support/cli.ts';
import { startPostroom } from './support/postroom.ts';
import { batch, letter, minute, storeStory } from './support/store.ts';
import { tempDir } from './support/tempdir.ts';

const count = 450;
const at = (n: number): number => minute(-1_000 + n);
const mails = Array.from({ length: count }, (_, n) => ({
  octets: letter({ id: `m${n}`, date: at(n), ...(n === 0 ? {} : { references: ['<m0@example.test>'] }) }),
  at: at(n),
}));

type Shown = Result<'conversation.show'>;
const texts = ({ messages }: Pick<Shown, 'messages'>): string[] => messages.map(({ text }) => text.trim());
const all = mails.map((_, n) => `This is m${n}.`);

async function startLongThread() {
  const postroom = await startPostroom();
  const address = await postroom.mailbox('long', { workFrom: null });
  const { store, directory, accountOf } = postroom.daemon.world;
  const mailbox = directory.snapshot().mailboxByAddress(address);
  if (mailbox === undefined) throw new Error('the mailbox is not there');
  const folders = await store.folders(mailbox.id);
  const inbox = folders.find(({ role }) => role === 'inbox');
  if (inbox === undefined) throw new Error('the mailbox has no inbox');
  await store.ingest({
    mailbox: mailbox.id,
    policy: accountOf(mailbox).policy,
    folder: inbox.id,
    uidValidity: inbox.uidValidity ?? 1,
    origin: 'import',
    ...batch(mails),
  });
  const { conversation } = await postroom.newest(address);
  return { postroom, address, conversation, eva: await postroom.as('eva') };
}

let place: Awaited<ReturnType<typeof startLongThread>>;
beforeAll(async () => {
  place = await startLongThread();
});
afterAll(async () => {
  await place.postroom[Symbol.asyncDispose]();
});

async function parts(client: Client, conversation: string): Promise<Shown[]> {
  const found = [await client.call('conversation.show', { conversation })];
  for (;;) {
    const earlier = found.at(-1)?.earlier ?? null;
    if (earlier === null) return found;
    found.push(await client.call('conversation.show', { conversation, before: earlier.cursor }));
  }
}

test('a long thread is shown in parts, the newest first, with what is still to come', async () => {
  const { conversation, eva } = place;
  const note = await eva.call('conversation.note', { conversation, text: 'called them' });
  const shown = await parts(eva, conversation);
  expect(shown.map(({ messages, notes }) => messages.length + notes.length)).toEqual([200, 200, 51]);
  expect(shown.map(({ earlier }) => earlier && [earlier.messages, earlier.notes])).toEqual([[251, 0], [51, 0], null]);
  expect(shown.toReversed().flatMap(texts)).toEqual(all);
  expect(shown.flatMap(({ notes }) => notes.map(({ id }) => id))).toEqual([note.note.id]);

  // What comes in between moves no part.
  const [first] = shown;
  await eva.call('conversation.note', { conversation, text: 'called them again' });
  const second = await eva.call('conversation.show', { conversation, before: first?.earlier?.cursor ?? null });
  expect(texts(second)).toEqual(all.slice(51, 251));
  await expect(eva.call('conversation.show', { conversation, before: 'bm90IG91cnM' })).rejects.toMatchObject({ code: 'invalid' });
});

test('an old mail of it is shown and answered by itself; done, moved and back concerns them all', async () => {
  const { address, conversation, eva } = place;
  const oldest = (await parts(eva, conversation)).at(-1)?.messages[0]?.id ?? '';
  expect(texts(await eva.call('conversation.show', { conversation, message: oldest }))).toEqual(['This is m0.']);
  expect(await eva.call('compose.reply', { conversation, kind: 'reply', message: oldest })).toMatchObject({ message: oldest });
  const newest = await eva.call('compose.reply', { conversation, kind: 'reply' });
  expect(newest.quote).toContain('This is m449.');

  const moved = await eva.call('conversation.move', { conversation, to: { role: 'archive' } });
  expect(moved.moved).toBe(count);
  const stored = async () =>
    Object.fromEntries((await eva.call('mailbox.folders', { mailbox: address })).rows.map(({ role, stored }) => [role, stored]));
  expect(await stored()).toMatchObject({ inbox: 0, archive: count });
  expect(await eva.call('conversation.move', { conversation, to: { back: moved.back } })).toMatchObject({ moved: count });
  expect(await stored()).toMatchObject({ inbox: count, archive: 0 });
});

test('`show` prints all of it', async () => {
  const { postroom, conversation } = place;
  await using dir = await tempDir();
  const identity = join(dir.path, 'eva.json');
  await writeFile(identity, JSON.stringify(postroom.identity('eva')), { mode: 0o600 });
  const { code, json } = await cli(dir.path)('show', conversation, '--json', '--identity', identity);
  expect(code).toBe(0);
  expect(json).toMatchObject({ earlier: null });
  expect(texts(json as Shown)).toEqual(all);
});

test('somebody’s draft in another client is no part of a thread, nor counted among what came before', async () => {
  await using story = await storeStory();
  const [first] = await story.ingest('INBOX', 'import', ...mails.slice(0, 20));
  const conversation = first?.conversation ?? '';
  await story.one('Drafts', 'import', letter({ id: 'draft', answers: 'm0', date: at(5) }), at(5));
  const detail = await story.store.conversation(conversation, 'ann', story.seen, { limit: 5 });
  expect(detail?.entries.map(({ messageId }) => messageId)).toEqual([15, 16, 17, 18, 19].map((n) => `<m${n}@example.test>`));
  expect(detail?.earlier).toMatchObject({ messages: 15, notes: 0 });
  expect((await story.store.placed(conversation)).filter(({ placement }) => placement.role === 'drafts')).toHaveLength(1);
});
