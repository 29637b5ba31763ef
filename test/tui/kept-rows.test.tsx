/** Rows that leave a list: the one under the cursor stays there until the cursor moves, in every list, and no verb reaches its neighbour. */
import { type ReactElement, useEffect } from 'react';
import { describe, expect, test } from 'vitest';
import { PostroomError } from '../../protocol/errors.ts';
import type { Result } from '../../protocol/methods.ts';
import type { MailReport, SearchHit } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import type { Folders, Me } from '../../tui/mirror.ts';
import { Screen } from '../../tui/screen.tsx';
import { type AppContext, useApp } from '../../tui/screens/contract.ts';
import { FolderList } from '../../tui/screens/folders.tsx';
import { openInvitations } from '../../tui/screens/invitations.tsx';
import { MailboxList } from '../../tui/screens/mailboxes.tsx';
import { OutboxList } from '../../tui/screens/outbox.tsx';
import { openPeople } from '../../tui/screens/people.tsx';
import { openRoles } from '../../tui/screens/roles.tsx';
import { Search } from '../../tui/screens/search.tsx';
import { eventually } from '../support/eventually.ts';
import { FakeMirror } from './fake-mirror.ts';
import { openOn } from './open-screen.tsx';
import { conversation, hit, mailbox, outboxEntry } from './values.ts';

function Opening({ open }: { open: (app: AppContext) => void }): ReactElement {
  const app = useApp();
  useEffect(() => open(app), [app, open]);
  return <Screen title={safeText('below')} />;
}

const manager = {
  person: { id: 'p-anna', name: safeText('anna') },
  operations: ['people.manage'],
} as unknown as Me;

const report = (id: string): MailReport => ({
  message: id,
  conversation: `c of ${id}`,
  mailbox: safeText('support@x.example'),
  kind: 'failed',
  at: '2026-11-21T12:00:00Z',
  from: { name: null, address: safeText('mailer-daemon@mx.example') },
  subject: safeText(`row ${id}`),
  about: null,
  outbox: null,
  recipients: [{ address: safeText('gone@x.example'), action: 'failed', text: safeText('550') }],
});
const folder = (id: string): Folders[number] => ({
  path: safeText(`row ${id}`),
  key: id,
  role: null,
  selectable: true,
  uidvalidity: 1,
  server: 1,
  stored: 1,
  error: null,
});

/** Each list: how it is opened, how it comes to hold these rows, and keys that would do something to the row under the cursor. */
const lists: readonly {
  readonly name: string;
  readonly element: ReactElement;
  readonly put: (fake: FakeMirror, ids: readonly string[], reach?: number) => void;
  readonly verbs: readonly string[];
  /** What is said of a verb on a row that is gone. */
  readonly refusal?: string;
}[] = [
  {
    name: 'people',
    element: <Opening open={openPeople} />,
    put: (fake, ids, reach) =>
      fake.people.put(
        ids.map((id) => ({ id, name: safeText(`row ${id}`), email: null, status: 'active' })),
        null,
        reach,
      ),
    verbs: ['d', 'i', '#'],
  },
  {
    name: 'roles',
    element: <Opening open={openRoles} />,
    put: (fake, ids, reach) =>
      fake.roles.put(
        ids.map((id) => ({ id, name: safeText(`row ${id}`), members: [], operations: [], people: [] })),
        null,
        reach,
      ),
    verbs: ['#', '+', 'enter'],
  },
  {
    name: 'invitations',
    element: <Opening open={openInvitations} />,
    put: (fake, ids, reach) =>
      fake.invitations.put(
        ids.map((id) => ({ id, person: safeText(`row ${id}`), by: safeText('eva'), expiresAt: '2026-12-01T00:00:00Z', newcomer: true })),
        null,
        reach,
      ),
    verbs: ['#'],
  },
  {
    name: 'outbox',
    element: <OutboxList place={{ kind: 'outbox' }} />,
    put: (fake, ids, reach) =>
      fake.wholeOutbox.put(
        ids.map((id) => outboxEntry(id, { state: 'failed', subject: safeText(`row ${id}`) })),
        null,
        reach,
      ),
    verbs: ['y', 'e', 'D', '@'],
  },
  {
    name: 'reports in the outbox',
    element: <OutboxList place={{ kind: 'outbox' }} />,
    put: (fake, ids, reach) => fake.strayReports.put(ids.map(report), null, reach),
    verbs: [],
  },
  {
    name: 'mailboxes',
    element: <MailboxList place={{ kind: 'mailboxes', mailbox: null }} />,
    put: (fake, ids, reach) =>
      fake.mailboxes.put(
        ids.map((id) => mailbox(`row ${id}`, { id })),
        null,
        reach,
      ),
    verbs: ['enter'],
    refusal: 'this mailbox is gone',
  },
  {
    name: 'folders',
    element: <FolderList place={{ kind: 'folders', mailbox: safeText('support@x.example') }} />,
    put: (fake, ids, reach) => fake.folders('support@x.example').put(ids.map(folder), null, reach),
    verbs: ['enter'],
    refusal: 'this folder is gone',
  },
];

const underCursor = (frame: string): string => /▌.*row (\S+)/.exec(frame)?.[1] ?? 'nothing';

for (const { name, element, put, verbs, refusal = 'it is gone from this list: nothing was done' } of lists) {
  describe(name, () => {
    const opened = (ids: readonly string[]) => {
      const fake = new FakeMirror([mailbox('support@x.example')]);
      fake.me.put(manager);
      put(fake, ids);
      return { fake, ...openOn(fake, element) };
    };

    const leaving: readonly { readonly before: string; readonly downs: number; readonly after: string; readonly below: string }[] = [
      { before: 'abc', downs: 0, after: 'bc', below: 'b' },
      { before: 'abc', downs: 1, after: 'ac', below: 'c' },
      { before: 'abc', downs: 2, after: 'ab', below: 'z' },
      { before: 'abcde', downs: 1, after: 'xacde', below: 'c' },
      { before: 'abcde', downs: 2, after: 'xye', below: 'e' },
      { before: 'abcde', downs: 3, after: 'xyw', below: 'z' },
    ];
    for (const { before, downs, after, below } of leaving) {
      test(`${before} at ${downs} becomes ${after}`, async () => {
        const { fake, press, sees, frame, misses } = opened([...before]);
        await sees(`row ${before[0]}`);
        for (let step = 0; step < downs; step++) press('j');
        const id = before[downs] ?? '';
        await sees(new RegExp(`▌.*row ${id}`));
        put(fake, [...after]);
        await sees(new RegExp(`▌gone .*row ${id}`));
        for (const verb of verbs) {
          const called = fake.calls.length;
          press(verb);
          await sees(refusal);
          expect(fake.calls).toHaveLength(called);
          expect(underCursor(frame())).toBe(id);
        }
        // Another change leaves it where it is.
        put(fake, [...after, 'z']);
        await sees('row z');
        expect(underCursor(frame())).toBe(id);
        press('j');
        await misses(`row ${id}`);
        expect(underCursor(frame())).toBe(below);
      });
    }

    test('a row that comes back is what it was', async () => {
      const { fake, sees, misses, frame } = opened(['a', 'b']);
      await sees(/▌.*row a/);
      put(fake, ['b']);
      await sees(/▌gone .*row a/);
      put(fake, ['a', 'b']);
      await misses('▌gone');
      expect(underCursor(frame())).toBe('a');
    });

    test('what a right took away stays nowhere', async () => {
      const { fake, sees, misses } = opened(['a', 'b']);
      await sees(/▌.*row a/);
      put(fake, ['b'], 1);
      await misses('row a');
      await sees(/▌.*row b/);
    });
  });
}

test('what one takes away oneself moves on; what was refused stays', async () => {
  const fake = new FakeMirror([mailbox('support@x.example')]);
  fake.me.put(manager);
  const put = (ids: string) =>
    fake.invitations.put(
      [...ids].map((id) => ({ id, person: safeText(`row ${id}`), by: safeText('eva'), expiresAt: '2026-12-01T00:00:00Z', newcomer: true })),
    );
  put('ab');
  const { press, sees, misses } = openOn(fake, <Opening open={openInvitations} />);
  await sees(/▌.*row a/);
  fake.answer = () => Promise.reject(new PostroomError('forbidden', 'not yours'));
  press('#');
  await sees('Withdraw the invitation for row a?');
  press('enter');
  await sees('not yours');
  // Somebody else withdraws it.
  put('b');
  await sees(/▌gone .*row a/);
  put('ab');
  await misses('▌gone');
  // The list is without it before the answer is here.
  fake.answer = async () => put('b');
  press('#');
  await sees('Withdraw the invitation for row a?');
  press('enter');
  await sees(/▌ row b/);
  await misses('gone ');
  fake.answer = async () => put('');
  press('#');
  await sees('Withdraw the invitation for row b?');
  press('enter');
  await sees('No invitation is open.');
});

describe('search', () => {
  const found = (ids: string): Result<'search.run'> => {
    const rows: SearchHit[] = [...ids].map((id) => hit(id, { subject: safeText(`row ${id}`), revision: 7 }));
    return { rows, next: null, total: rows.length, exact: true, complete: true, seq: 0 };
  };
  function opened(first: string) {
    const fake = new FakeMirror([mailbox('support@x.example')]);
    const answers = { now: first };
    fake.answer = async ({ method }) => (method === 'search.run' ? found(answers.now) : { revision: 8 });
    for (const id of first) {
      const rights = { panel: true, timeline: true, send: true, settings: false };
      const row = conversation(`c-${id}`, { revision: 7 });
      const { conversation: key, mailbox: box, subject, revision, state, assignee, starred, unread } = row;
      fake.conversation(key).put({
        ...{ conversation: key, mailbox: box, subject, revision, state, assignee, starred, unread, rights },
        ...{ waitingSince: null, notes: [], messages: [], gone: [], earlier: null, seq: 0 },
      });
    }
    return { fake, answers, ...openOn(fake, <Search query="is:open" name="Open" />) };
  }

  test('a hit that answers no more stays, and verbs mean it', async () => {
    const { fake, answers, press, sees, misses } = opened('abc');
    await sees(/▌.*row a/);
    press('j');
    await sees(/▌.*row b/);
    answers.now = 'ac';
    fake.say({ name: 'resync', payload: {}, seq: 1 });
    await sees(/▌gone .*row b/);
    await sees('e done');
    press('e');
    await eventually(() =>
      expect(fake.calls.at(-1)).toMatchObject({ method: 'conversation.mark', params: { conversation: 'c-b', as: 'done' } }),
    );
    press('j');
    await sees(/▌.*row c/);
    await misses('row b');
  });

  test('another question is another list, and a right takes its rows along', async () => {
    const { fake, answers, press, sees, misses } = opened('abc');
    await sees(/▌.*row a/);
    answers.now = 'bc';
    press('/', 'x');
    await sees('is:openx');
    press('enter');
    await misses('row a');
    await sees(/▌.*row b/);
    answers.now = '';
    fake.say({ name: 'rights.changed', payload: { lost: ['support@x.example'], gained: [], why: safeText('a grant ended') }, seq: 1 });
    await misses('row b');
    await sees('Nothing fits');
  });
});
