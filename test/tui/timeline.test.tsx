/** The timeline screen on values: what is drawn, what the keys do, and what it says to whom it is closed. */
import { describe, expect, test } from 'vitest';
import { PostroomError } from '../../protocol/errors.ts';
import { safeText } from '../../protocol/text.ts';
import { ConversationList } from '../../tui/screens/panel.tsx';
import { Timeline } from '../../tui/screens/timeline.tsx';
import { eventually } from '../support/eventually.ts';
import { FakeMirror } from './fake-mirror.ts';
import { openOn } from './open-screen.tsx';
import { conversation, event, mailbox } from './values.ts';

const address = 'support@x.example';
const of = { kind: 'mailbox', mailbox: address } as const;
const full = mailbox(address);
const observed = mailbox(address, { rights: { panel: false, timeline: true, send: false, settings: false } });
const local = (day: number, hour: number): string => new Date(2026, 10, day, hour, 27).toISOString();
const rows = [
  event('a', local(20, 11), { kind: 'note', actor: safeText('ben'), summary: safeText('carrier ref 77-12') }),
  event('b', local(21, 9), {
    kind: 'grant',
    actor: safeText('eva'),
    summary: safeText('gave ben Send'),
    conversation: null,
    from: null,
    to: [],
  }),
  event('c', local(21, 10)),
];

function open(box = full) {
  const fake = new FakeMirror([box]);
  fake.tell(of, rows);
  const start = { scopes: { mailbox: safeText(address), contact: null, conversation: null }, name: 'mailbox' } as const;
  return { fake, ...openOn(fake, <Timeline start={start} />) };
}

test('days, times, kinds, who, to whom, and what was said last', async () => {
  const { sees } = open();
  await sees(/TIMELINE ‹mailbox support@›contact Jane Cooper│conversation subject c/);
  await sees(/── Fri 20 Nov ─+\n 11:27 note {3}ben +team only +carrier ref 77-12/);
  await sees(/── Sat 21 Nov ─+\n 09:27 grant {2}eva +support@ +gave ben Send\n▌10:27 in +Jane Cooper {2}→ support@ +subject c/);
  await sees('F live ●');
});

test('moving up lets go, what comes is announced, G sees it', async () => {
  const { fake, press, sees } = open();
  await sees('F live ●');
  press('k');
  await sees('F live ○');
  await sees('▌09:27 grant');
  // More than the window holds.
  fake.tell(of, [...rows, ...Array.from({ length: 40 }, (_, at) => event(`n${at}`, local(21, 11)))]);
  await sees(/↓ \d+ newer · G/);
  press('G');
  await sees('subject n39');
});

test('to who holds Access alone no number comes', async () => {
  const { fake, press, sees, frame } = open(observed);
  await sees('F live ●');
  press('k');
  fake.tell(of, [...rows, ...Array.from({ length: 40 }, (_, at) => event(`n${at}`, local(21, 11)))]);
  await sees('↓ newer · G');
  expect(frame()).not.toMatch(/\d newer/);
});

test('Space expands in place, Tab goes to the contact with the same event under the cursor', async () => {
  const { fake, press, sees } = open();
  const contact = { kind: 'contact', address: 'jane@example.org' } as const;
  fake.tell(contact, rows);
  await sees('▌10:27');
  press('space');
  await sees(/▌10:27.*\n +Jane Cooper <jane@example.org>\n +text of c/);
  press('tab');
  await sees('‹contact Jane Cooper›');
  await sees(/▌10:27 in {5}support/);
});

test('kinds are switched off and on', async () => {
  const { fake, press, sees } = open();
  fake.tell(of, rows.slice(0, 2), ['note', 'assign', 'state', 'grant', 'system']);
  await sees('▌10:27');
  press('\\');
  await sees('[x] mail');
  press('space');
  await sees('[ ] mail');
  press('enter');
  await sees('kinds: note assign grant system');
  await sees('▌09:27 grant');
});

test('a timeline that closed says why and whom to ask', async () => {
  const { fake, sees } = open(mailbox(address, { rights: { panel: true, timeline: false, send: true, settings: false } }));
  fake.timeline(of, null).put(null, new PostroomError('forbidden', 'On support@x.example this needs Access. Ask its owner.'));
  await sees('On support@x.example this needs Access. Ask its owner. That is eva.');
});

test('Send without Access: the key says what is missing', async () => {
  const sendOnly = mailbox(address, { rights: { panel: true, timeline: false, send: true, settings: false } });
  const fake = new FakeMirror([sendOnly]);
  fake.fill({ kind: 'panel', view: 'team', mailbox: null }, [conversation('a')]);
  const { press, sees, went } = openOn(fake, <ConversationList place={{ kind: 'panel', view: 'team', mailbox: null }} />);
  await sees('subject a');
  press('g', 't');
  await sees('you do not hold Access here');
  press('g', 'c');
  await sees('you do not hold Access here');
  expect(went).toEqual([]);
});

test('g t and g c from a list', async () => {
  const fake = new FakeMirror([full]);
  fake.fill({ kind: 'panel', view: 'team', mailbox: null }, [conversation('a')]);
  const { press, sees, went } = openOn(fake, <ConversationList place={{ kind: 'panel', view: 'team', mailbox: null }} />);
  await sees('subject a');
  press('g', 't', 'g', 'c');
  await eventually(() => expect(went).toHaveLength(2));
  expect(went).toMatchObject([
    { kind: 'timeline', start: { name: 'mailbox', scopes: { mailbox: address } } },
    { kind: 'timeline', start: { name: 'contact', scopes: { contact: { address: 'jane@example.org' } } } },
  ]);
});

describe('an event that leaves', () => {
  const mails = (ids: string) =>
    [...ids].map((id) => event(id, local(21, id.charCodeAt(0) - 87), { subject: safeText(`row ${id}`), revision: 7 }));
  function opened(ids: string) {
    const fake = new FakeMirror([full]);
    const start = { scopes: { mailbox: safeText(address), contact: null, conversation: null }, name: 'mailbox' } as const;
    fake.tell(of, mails(ids));
    for (const id of ids) {
      const row = conversation(`c-${id}`, { revision: 7 });
      const { conversation: key, mailbox: box, subject, revision, state, assignee, starred, unread } = row;
      const rights = { panel: true, timeline: true, send: true, settings: false };
      fake.conversation(key).put({
        ...{ conversation: key, mailbox: box, subject, revision, state, assignee, starred, unread, rights },
        ...{ waitingSince: null, notes: [], messages: [], gone: [], earlier: null, seq: 0 },
      });
    }
    return { fake, ...openOn(fake, <Timeline start={start} />) };
  }
  for (const [before, ups, after, up] of [
    ['bcd', 0, 'bc', 'c'],
    ['bcd', 1, 'bd', 'b'],
    ['bcd', 2, 'cd', null],
    // Older ones are loaded meanwhile, and what stood beside it left too.
    ['efgh', 1, 'abch', 'c'],
    ['efgh', 2, 'abcdghi', 'd'],
  ] as const) {
    test(`${before}, ${ups} above the newest, becomes ${after}: it stays and verbs mean it`, async () => {
      const { fake, press, sees, misses, frame } = opened(before);
      await sees(`row ${before.at(-1)}`);
      for (let step = 0; step < ups; step++) press('k');
      const id = before.at(-1 - ups) ?? '';
      await sees(new RegExp(`▌.*row ${id}`));
      fake.tell(of, mails(after));
      await sees(new RegExp(`▌gone .*row ${id}`));
      // Its conversation is asked for once the cursor stands still; until then the key does nothing.
      await eventually(() => {
        press('e');
        expect(fake.calls).not.toEqual([]);
      });
      for (const call of fake.calls)
        expect(call).toMatchObject({ method: 'conversation.mark', params: { conversation: `c-${id}`, as: 'done' } });
      press('k');
      if (up === null) return;
      await sees(new RegExp(`▌.*row ${up}`));
      await misses('▌gone');
      expect(frame()).not.toContain(`row ${id}`);
    });
  }

  test('what a right took away stays nowhere', async () => {
    const { fake, sees, misses } = opened('bcd');
    await sees(/▌.*row d/);
    fake.timeline(of, null).put({ rows: mails('bc'), older: null, wholeAt: 0 }, null, 1);
    await misses('row d');
    await sees(/▌.*row c/);
  });
});

test('a mail whose event is below the window holds a verb back, until its row was on the screen', async () => {
  const { fake, press, sees, frame } = open();
  fake.answer = async () => ({ revision: 2 });
  const first = event('first', local(21, 12), { conversation: 'c-one', revision: 1 });
  const fillers = Array.from({ length: 40 }, (_, at) => event(`f${at}`, local(21, 13)));
  const { mailbox: box, subject, state, assignee, starred, unread } = conversation('c-one');
  const rights = { panel: true, timeline: true, send: true, settings: false };
  const holds = (revision: number): void =>
    fake.conversation('c-one').put({
      ...{ conversation: 'c-one', mailbox: box, subject, revision, state, assignee, starred, unread, rights, had: null },
      ...{ waitingSince: null, notes: [], messages: [], gone: [], earlier: null, seq: 0 },
    });
  holds(1);
  const other = event('other', local(21, 12));
  fake.tell(of, [first, other]);
  await sees(/▌12:27.*subject other/);
  press('k');
  await sees(/▌12:27.*subject first/);
  const met = event('first', local(21, 12), { conversation: 'c-one', revision: 2 });
  fake.tell(of, [met, other, ...fillers, event('second', local(21, 14), { conversation: 'c-one', revision: 2 })]);
  holds(2);
  await sees('25 newer');
  // Until the cursor has come to rest, the key does nothing.
  await eventually(() => {
    press('e');
    expect(frame()).toContain('Nothing changed: what came meanwhile to "subject c-one" was not on the screen');
  });
  expect(fake.calls.filter(({ method }) => method === 'conversation.mark')).toEqual([]);
  press('G');
  await sees(/▌14:27.*subject second/);
  await eventually(() => {
    press('e');
    const marks = fake.calls.filter(({ method }) => method === 'conversation.mark');
    expect(marks[0]).toMatchObject({ params: { conversation: 'c-one', as: 'done', ifRevision: 2 } });
  });
});
