/** The search screen on values: live hits, errors under the field, verbs, reading through hits, saved views. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PostroomError } from '../../protocol/errors.ts';
import type { Result } from '../../protocol/methods.ts';
import { safeText } from '../../protocol/text.ts';
import type { Shown } from '../../tui/mirror.ts';
import { SavedViews } from '../../tui/saved-views.ts';
import { ConversationList } from '../../tui/screens/panel.tsx';
import { Search } from '../../tui/screens/search.tsx';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/tempdir.ts';
import { type Call, FakeMirror } from './fake-mirror.ts';
import { openOn } from './open-screen.tsx';
import { conversation, hit, mailbox } from './values.ts';

const hits = [hit('one'), hit('two', { conversation: 'c-one' }), hit('three', { kind: 'note', note: 'n-1', author: safeText('ben') })];
const found = (rows = hits): Result<'search.run'> => ({ rows, next: null, total: rows.length, exact: true, complete: true, seq: 0 });

function open(answer: (call: Call) => Promise<unknown> = async () => found()) {
  const fake = new FakeMirror([mailbox('support@x.example'), mailbox('sales@x.example')]);
  fake.answer = answer;
  return { fake, ...openOn(fake, <Search />) };
}
const asked = (fake: FakeMirror) => fake.calls.filter(({ method }) => method === 'search.run').map(({ params }) => params);

test('hits come while one types; Enter runs the query and goes to them', async () => {
  const { fake, press, sees } = open();
  await sees('SEARCH');
  press('o', 'r', 'd');
  await sees(/Fri 20 Nov +sup +Jane Cooper +subject one +found in one/);
  await sees(/note ben +subject three/);
  press('enter');
  await sees('▌Fri 20 Nov');
  await sees('1/3');
  // The last word may go on in both: hits that were seen while it was typed stay.
  expect(asked(fake).at(-1)).toMatchObject({ query: 'ord', typing: true });
  expect(asked(fake)[0]).toMatchObject({ typing: true });
});

test('an error of the query stands under its place; the hits stay', async () => {
  const { press, sees } = open(async ({ params }) => {
    if (params.query === 'ord is:x') throw new PostroomError('invalid', 'There is no is:x (at character 8 of the query).', { position: 7 });
    return found();
  });
  await sees('SEARCH');
  press('o', 'r', 'd');
  await sees('subject one');
  press('space', 'i', 's', ':', 'x');
  await sees(/ \/ ord is:x\n {10}↑ There is no is:x/);
  await sees('subject one');
});

test('Esc leaves the field and keeps the hits; / is back in it; n and N go through them', async () => {
  const { press, sees } = open();
  await sees('SEARCH');
  press('o');
  await sees('subject one');
  press('esc');
  await sees('1/3');
  press('n', 'n');
  await sees('3/3');
  press('N');
  await sees('2/3');
  press('/', 'x');
  await sees(' / ox');
});

test('Tab completes a key; ↑ brings what was searched before', async () => {
  const { press, sees } = open();
  await sees('SEARCH');
  press('f', 'r', 'tab');
  await sees(' / from:');
  press('j', 'enter');
  await sees('1/3');
  press('/', 'ctrl-u', 'up');
  await sees(' / from:j');
});

test.each([
  ['as it was when it was found', 7, true],
  ['it moved on before the cursor came to rest', 6, false],
])('a verb on a hit carries the revision that it was drawn from: %s', async (_what, drawnFrom, goes) => {
  const hits = [hit('one', { revision: drawnFrom }), hit('two')];
  const { fake, press, sees } = open(async ({ method }) => (method === 'search.run' ? found(hits) : { revision: 8 }));
  const { conversation: id, mailbox: box, subject, revision, state, assignee, starred, unread } = conversation('c-one', { revision: 7 });
  const rights = { panel: true, timeline: true, send: true, settings: false };
  fake.conversation('c-one').put({
    ...{ conversation: id, mailbox: box, subject, revision, state, assignee, starred, unread, rights },
    ...{ waitingSince: null, notes: [], messages: [], gone: [], earlier: null, seq: 0 },
  });
  await sees('SEARCH');
  press('o');
  await sees('subject one');
  press('esc');
  await sees('e done');
  press('e');
  if (goes)
    await eventually(() =>
      expect(fake.calls.at(-1)).toMatchObject({
        method: 'conversation.mark',
        params: { conversation: 'c-one', as: 'done', ifRevision: 7 },
      }),
    );
  else {
    await sees('Nothing changed: what came meanwhile to "subject c-one"');
    expect(fake.calls.filter(({ method }) => method === 'conversation.mark')).toEqual([]);
  }
});

test('what may not be seen any more leaves before the daemon is asked', async () => {
  let answers = found();
  const { fake, press, sees, misses } = open(async () => answers);
  await sees('SEARCH');
  press('o', 'enter');
  await sees('1/3');
  answers = found([]);
  fake.say({ name: 'rights.changed', payload: { lost: ['support@x.example'], gained: [], why: safeText('a grant ended') }, seq: 1 });
  await misses('subject one');
  await sees('Nothing fits, in what you may open.');
});

test('S saves a view; it is a tab of the panel and opens with its digit', async () => {
  await using folder = await tempDir();
  const views = new SavedViews(join(folder.path, 'views.json'), 'key');
  await views.load();
  const fake = new FakeMirror([mailbox('support@x.example')]);
  fake.answer = async () => found();
  const search = openOn(fake, <Search query="from:jane" />, { views });
  await search.sees('subject one');
  search.press('enter', 'S');
  await search.sees('Save as a view of my panel');
  search.press('V', 'I', 'P', 'enter');
  await search.sees('Saved for this terminal: 5 VIP');
  fake.fill({ kind: 'panel', view: 'team', mailbox: null }, [conversation('a')]);
  const panel = openOn(fake, <ConversationList place={{ kind: 'panel', view: 'team', mailbox: null }} />, { views });
  await panel.sees('5 VIP');
  // Large counts take the room of the words before the tabs, not that of a saved view.
  fake.count({ mine: 1_000_000, unassigned: 20_000_000, team: 300_000_000, unread: 0 });
  await panel.sees(/ POSTROOM {2} 1 Mine 1000000│2 Unassigned 20000000‹3 Team 300000000›4 Done 5 VIP +anna ●/);
  panel.press('5');
  await panel.sees('VIEW VIP');
  await panel.sees('subject one');
});

test('n and N go from hit to hit in the opened conversation, and on to the next one', async () => {
  const { fake, press, sees } = open();
  const rights = { panel: true, timeline: true, send: true, settings: false };
  const mailOf = (id: string): Shown['messages'][number] => ({
    id,
    messageId: null,
    from: [{ name: safeText('Jane Cooper'), address: safeText('jane@example.org') }],
    to: [],
    cc: [],
    replyTo: [],
    date: '2026-11-20T11:00:00Z',
    direction: 'in',
    subject: safeText(id),
    text: safeText(`text of ${id}`),
    links: [],
    author: null,
    folders: [],
    defeated: false,
    attachments: [],
    automatic: false,
    outbox: null,
    headers: null,
  });
  for (const [id, mails] of [
    ['c-one', ['m-one', 'm-two', 'm-last']],
    ['c-three', ['m-three']],
  ] as const) {
    const row = conversation(id);
    fake.conversation(id).put({
      ...{ conversation: id, mailbox: row.mailbox, subject: row.subject, revision: 1, state: 'open', assignee: null, starred: false },
      ...{ unread: 0, rights, waitingSince: null, notes: [], messages: mails.map(mailOf), gone: [], earlier: null, seq: 0 },
    });
  }
  await sees('SEARCH');
  press('o', 'enter');
  await sees('1/3');
  press('enter');
  await sees(/▌▾.*\n +text of m-one/);
  press('n');
  await sees(/▌▾.*\n +text of m-two/);
  press('n');
  await sees(/▌▾.*\n +text of m-three/);
  press('n');
  await sees('that was the last hit');
  press('N');
  await sees(/▌▾.*\n +text of m-two/);
  press('q');
  await sees('2/3');
});
