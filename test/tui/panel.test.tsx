/** The panel on values: what a key does before, and after, the daemon has answered. */
import { expect, test } from 'vitest';
import { PostroomError } from '../../protocol/errors.ts';
import { safeText } from '../../protocol/text.ts';
import { ConversationList } from '../../tui/screens/panel.tsx';
import type { ListPlace } from '../../tui/screens/places.ts';
import { eventually } from '../support/eventually.ts';
import { FakeMirror } from './fake-mirror.ts';
import { openOn } from './open-screen.tsx';
import { conversation, mailbox } from './values.ts';

const support = mailbox('support@x.example');
const place: ListPlace = { kind: 'panel', view: 'team', mailbox: null };
const of = { kind: 'panel', view: 'team', mailbox: null } as const;

const open = async (fake: FakeMirror, at: ListPlace = place) => openOn(fake, <ConversationList place={at} />);

function furnished(): FakeMirror {
  const fake = new FakeMirror([support, mailbox('sales@x.example')]);
  const assignee = { kind: 'person', name: safeText('anna') } as const;
  fake.fill(of, [
    conversation('a', { unread: 1, assignee }),
    conversation('b', { starred: true, attachments: 2, messages: 3 }),
    conversation('c', { mailbox: safeText('sales@x.example') }),
    conversation('d', { subject: safeText('') }),
  ]);
  return fake;
}

test('a row says what is waited for, where, by whom, and the subject last', async () => {
  const { sees } = await open(furnished());
  await sees(/▌● +\S+ sup me +Jane Cooper +subject a/);
  await sees(/★ +\S+ sup - +Jane Cooper +3 \[2 files\] subject b/);
  await sees(/\S+ sal - +Jane Cooper +subject c/);
  await sees('(no subject)');
  await sees('1/4');
});

test('the row leaves with the key, before the daemon has answered', async () => {
  const fake = furnished();
  const answers: (() => void)[] = [];
  fake.answer = () => new Promise((resolve) => answers.push(() => resolve({ revision: 2 })));
  const { press, sees, misses, frame } = await open(fake);
  await sees('▌● ');
  press('e', 'e');
  await misses('subject a');
  await misses('subject b');
  expect(fake.calls.map(({ params }) => [params.conversation, params.ifRevision])).toEqual([
    ['a', 1],
    ['b', 1],
  ]);
  expect(frame()).not.toContain('Done for the whole team');
  for (const answer of answers) answer();
  await sees('Done for the whole team: "subject b"');
  expect(frame()).toContain('▌');
});

test('a conflict brings the row back with the cursor on it and says what is new', async () => {
  const fake = furnished();
  fake.answer = () => Promise.reject(new PostroomError('conflict', 'moved', { latest: { kind: 'note', who: 'ben' } }));
  const { press, sees } = await open(fake);
  await sees('subject a');
  press('e');
  await sees('Nothing changed: a note by ben came meanwhile');
  await sees(/▌● .*subject a/);
});

test('what the daemon does not do is said, and z is not offered for it', async () => {
  const fake = furnished();
  fake.answer = () => Promise.reject(new PostroomError('forbidden', 'On support@x.example this needs Send.'));
  const { press, sees, frame } = await open(fake);
  await sees('subject a');
  press('e');
  await sees('this needs Send');
  expect(frame()).not.toContain('z undo');
});

test('a star leaves the cursor on its row, also before a younger picture speaks', async () => {
  const { press, sees, frame } = await open(furnished());
  await sees('subject a');
  press('s');
  await sees('Starred: "subject a"');
  expect(frame()).toMatch(/▌● .*subject a/);
  expect(frame()).not.toContain('new');
});

test('z asks for the way back', async () => {
  const fake = furnished();
  const { press, sees } = await open(fake);
  await sees('subject a');
  press('j', 's');
  await sees('Star taken off: "subject b"');
  press('z');
  await eventually(() => expect(fake.calls.map(({ params }) => params.as)).toEqual(['unstar', 'star']));
});

test('arrivals leave the cursor on its row', async () => {
  const fake = furnished();
  const { press, sees } = await open(fake);
  await sees('subject a');
  press('j');
  await sees(/▌.*subject b/);
  fake.fill(of, [conversation('new'), ...(fake.list(of).picture.data?.rows ?? [])]);
  await sees('subject new');
  await sees(/▌.*subject b/);
});

test('verbs that one may not do give their reason', async () => {
  const fake = new FakeMirror([mailbox('support@x.example', { rights: { panel: false, timeline: true, send: false, settings: false } })]);
  const list = { kind: 'mailbox', mailbox: 'support@x.example', state: 'open' } as const;
  fake.fill(list, [conversation('a')]);
  const { press, sees } = await open(fake, { kind: 'open', mailbox: safeText('support@x.example') });
  await sees('OPEN support@x.example');
  press('t');
  await sees('you do not hold Send here');
  press('c');
  await sees('c does nothing here');
  expect(fake.calls).toEqual([]);
});

test('what a colleague has is taken over by a second key, which says so', async () => {
  const fake = furnished();
  const held = { by: { kind: 'person', name: 'ben' }, since: '2026-11-21T11:30:00.000Z' };
  fake.answer = ({ params }) =>
    params.over === true
      ? Promise.resolve({ revision: 1 })
      : Promise.reject(new PostroomError('conflict', 'ben has it', { revision: 1, held }));
  const { press, sees, misses } = await open(fake);
  await sees('subject a');
  press('j', 't');
  await sees('ben has it since');
  await sees(/"subject b"\. Taking over tells them\./);
  await sees('Enter take it over   Esc cancel');
  press('esc');
  await misses('Taking over tells them');
  expect(fake.calls.map(({ method }) => method)).toEqual(['conversation.take']);
  press('t');
  await sees('Enter take it over');
  press('enter');
  await sees('Yours now: "subject b"');
  expect(fake.calls.map(({ params }) => params.over)).toEqual([false, false, true]);
});

test('a row that a verb takes out of its view stays under the cursor until that moves', async () => {
  const fake = furnished();
  const unassigned = { kind: 'panel', view: 'unassigned', mailbox: null } as const;
  fake.fill(unassigned, [conversation('a'), conversation('b'), conversation('c')]);
  const { press, sees, misses, frame } = await open(fake, unassigned);
  await sees(/▌.*subject a/);
  press('j');
  await sees(/▌.*subject b/);
  press('t');
  await eventually(() => expect(fake.calls).toHaveLength(1));
  fake.fill(unassigned, [conversation('a'), conversation('c')]);
  await sees('Yours now: "subject b"');
  await sees(/▌.* me .*subject b/);
  press('s');
  await eventually(() => expect(fake.calls.map(({ params }) => params.conversation)).toEqual(['b', 'b']));
  // What a colleague took away stays as well, under the cursor alone.
  fake.fill(unassigned, [conversation('c')]);
  await misses('subject a');
  expect(frame()).toMatch(/▌.*subject b/);
  // It stands where it stood: above the one that was below it.
  press('j');
  await sees(/▌.*subject c/);
  expect(
    frame()
      .split('\n')
      .some((line) => /sup .*subject b/.test(line)),
  ).toBe(false);
});

test('done moves on, and what a right took away stays nowhere', async () => {
  const fake = furnished();
  const { press, sees, misses } = await open(fake);
  await sees(/▌.*subject a/);
  press('e');
  await sees(/▌.*subject b/);
  fake.fill(of, [conversation('d', { subject: safeText('left over') })], { reach: 1 });
  await sees(/▌.*left over/);
  await misses('subject b');
});

test('a question has a blank line above its keys and none below them', async () => {
  const { press, sees, frame } = await open(furnished());
  await sees('subject a');
  press('x', 'e');
  await sees('Done for the whole team: 1');
  expect(frame()).toMatch(/│ "subject a" +│.*\n.*│ +│.*\n.*│ Enter do it {3}Esc leave it +│.*\n.*└─+┘/);
});

test('a note on what one may not read any more says so, and keeps its words', async () => {
  const fake = furnished();
  const { press, sees } = await open(fake);
  await sees('subject a');
  press('i');
  await sees('Esc, then y saves it');
  press('h', 'o');
  await sees('ho');
  fake.conversation('a').put(null, new PostroomError('not-found', 'No such thing'));
  await sees('You may not write there any more');
  press('esc');
  await sees('y saves it for the team');
  press('y');
  await sees('you may not write there any more: copy what you wrote');
  expect(fake.calls.map(({ method }) => method)).not.toContain('conversation.note');
});

test('places are gone to by letters, and the last one is remembered', async () => {
  const { press, sees, went } = await open(furnished());
  await sees('subject a');
  press('2', 'g', 'u', 'g', 'a', 'g', 'b');
  await eventually(() =>
    expect(went).toEqual([
      { kind: 'panel', view: 'unassigned', mailbox: null },
      { kind: 'panel', view: 'unassigned', mailbox: null },
      { kind: 'open', mailbox: 'support@x.example' },
      { kind: 'mailboxes', mailbox: 'support@x.example' },
    ]),
  );
});

test('an empty view says where there is work; a list that is gone says why', async () => {
  const fake = furnished();
  const mine = { kind: 'panel', view: 'mine', mailbox: null } as const;
  fake.fill(mine, []);
  const { sees } = await open(fake, { kind: 'panel', view: 'mine', mailbox: null });
  await sees('Nothing waits for you. 2 unassigned: press 2.');
  const broken = mailbox('sales@x.example', { state: 'auth-failed' });
  fake.mailboxes.put([support, broken]);
  await sees('New mail may be missing. sales@x.example: sign-in refused');
  fake.mailboxes.put([support]);
  await sees('Nothing waits for you.');
  fake.list(mine).put(null, new PostroomError('not-found', 'No such thing'));
  await sees('You do not reach this any more');
});

test('undo of a reopening closes only what was seen; undo of done brings back whatever came', async () => {
  const fake = furnished();
  const done = { kind: 'panel', view: 'done', mailbox: null } as const;
  fake.fill(done, [conversation('a', { state: 'done' })]);
  fake.answer = () => Promise.resolve({ revision: 4 });
  const { press, sees } = await open(fake, done);
  await sees(/▌.*subject a/);
  press(':');
  await sees('Commands');
  press(...'reopen', 'enter');
  await sees('Open again for the whole team');
  press('z');
  await eventually(() =>
    expect(fake.calls.map(({ params }) => [params.as, params.ifRevision])).toEqual([
      ['open', 1],
      ['done', 4],
    ]),
  );
  const team = await open(fake, place);
  fake.calls.length = 0;
  await team.sees(/▌.*subject a/);
  team.press('e');
  await team.sees('Done for the whole team');
  team.press('z');
  await eventually(() =>
    expect(fake.calls.map(({ params }) => [params.as, params.ifRevision])).toEqual([
      ['done', 1],
      ['undone', undefined],
    ]),
  );
});

test('a note is written on what was seen: what came meanwhile is told, and a second key saves it', async () => {
  const fake = furnished();
  fake.answer = ({ params }) =>
    params.ifRevision === 1
      ? Promise.reject(new PostroomError('conflict', 'moved', { revision: 3, latest: { kind: 'mail-in', who: 'jane' } }))
      : Promise.resolve({ revision: 4 });
  const { press, sees } = await open(fake);
  await sees('subject a');
  press('i');
  await sees('NOTE');
  press('H', 'i', 'esc');
  await sees('y saves it for the team');
  press('y');
  await sees('Not saved: a mail by jane came meanwhile. y saves it anyway.');
  press('y');
  await sees('Note added, for the team only');
  expect(fake.calls.map(({ method, params }) => [method, params.text, params.ifRevision])).toEqual([
    ['conversation.note', 'Hi', 1],
    ['conversation.note', 'Hi', 3],
  ]);
});

const conflict = (who: string) => new PostroomError('conflict', 'moved', { latest: { kind: 'mail-in', who } });
const marks = async (fake: FakeMirror) => {
  const screen = await open(fake);
  await screen.sees('subject a');
  screen.press('x', 'j', 'x');
  await screen.sees('2 marked');
  return screen;
};

test('of several, what was done is counted and undone, and what was not is named with the reason', async () => {
  const fake = furnished();
  fake.answer = ({ params }) => (params.conversation === 'b' ? Promise.reject(conflict('jane')) : Promise.resolve({ revision: 1 }));
  const { press, sees } = await marks(fake);
  press('e');
  await sees('Done for the whole team: 2');
  press('enter');
  await sees('Done for the whole team: 1 of 2. Not "subject b": a mail by jane came');
  press('z');
  await eventually(() => expect(fake.calls.at(-1)?.params).toMatchObject({ conversation: 'a', as: 'undone' }));
  expect(fake.calls).toHaveLength(3);
});

test('what a colleague made so before is no work of mine: it says so, and z leaves it', async () => {
  const fake = furnished();
  fake.answer = async () => ({ revision: 1, changed: false });
  const { press, sees, frame } = await open(fake);
  await sees('subject a');
  press('e');
  await sees('It was so already: "subject a"');
  expect(frame()).not.toContain('z undo');
  press('z');
  await sees('nothing to undo');
  expect(fake.calls).toHaveLength(1);
});

test('an undo that comes after a colleague says that it changed nothing', async () => {
  const fake = furnished();
  fake.answer = async ({ params }) => ({ revision: 1, changed: params.as !== 'undone' });
  const { press, sees } = await open(fake);
  await sees('subject a');
  press('e');
  await sees('Done for the whole team: "subject a"');
  press('z');
  await sees('Not undone: "subject a" changed since');
});

test('a marked row that leaves the list is told', async () => {
  const fake = furnished();
  const { sees } = await marks(fake);
  fake.fill(
    of,
    (fake.list(of).picture.data?.rows ?? []).filter(({ conversation }) => conversation !== 'a'),
  );
  await sees('"subject a" left this list meanwhile: 1 marked');
});

test('a mail to a marked row is asked about before a verb takes it along', async () => {
  const fake = furnished();
  const { press, sees, frame } = await marks(fake);
  const rows = fake.list(of).picture.data?.rows ?? [];
  fake.fill(
    of,
    rows.map((row) => (row.conversation === 'a' ? { ...row, revision: 2, subject: safeText('subject a, more') } : row)),
  );
  await sees('subject a, more');
  press('e');
  await sees('Nothing changed: something came to "subject a, more" since you marked');
  expect(frame()).not.toContain('Esc cancel');
  press('e');
  await sees('Done for the whole team: 2');
  press('enter');
  await eventually(() => expect(fake.calls.map(({ params }) => params.ifRevision)).toEqual([2, 1]));
});
