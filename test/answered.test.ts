/** The mark of what was answered: set where the mail lies, again after a server that was away, never against a server that refuses. */
import { expect, test } from 'vitest';
import { parseConfig } from '../daemon/config.ts';
import type { MailboxAccount, OutboxDeps } from '../daemon/engines.ts';
import { silentLog } from '../daemon/log.ts';
import { markAnswered } from '../daemon/outbox/answered.ts';
import type { EntryRow, OutboxRow, Placement } from '../daemon/store/types.ts';
import { PostroomError } from '../protocol/errors.ts';

const at = (folder: number, uid: number, more: Partial<Placement> = {}): Placement => ({
  ...{ folder, uid, path: `folder ${folder}`, role: null, uidValidity: 7, flags: [] },
  ...more,
});

type Given = { row?: Partial<OutboxRow>; account?: Partial<MailboxAccount> | null; fails?: readonly Error[]; closes?: boolean };

async function marked({ row: more = {}, account = {}, fails = [], closes = false }: Given) {
  const done: string[] = [];
  const failures = [...fails];
  let row: Partial<OutboxRow> = { id: 'o1', mailbox: 'm', answers: 'e1', answered: false, state: 'accepted', sendAt: 0, ...more };
  const placements = [at(1, 5), at(2, 6, { flags: ['\\Seen', '\\answered'] }), at(3, 7, { role: 'drafts' }), at(1, 8)];
  const deps = {
    store: {
      outboxRow: async () => row as OutboxRow,
      entry: async () => ({ placements }) as unknown as EntryRow,
      outboxMove: async (_id: string, _expected: string, patch: Partial<OutboxRow>) => {
        row = { ...row, ...patch };
        return true;
      },
    },
    sync: {
      setFlags: async (_mailbox: string, { folder, uids }: { folder: number; uids: number[] }, { add }: { add?: string[] }) => {
        const failure = failures.shift();
        done.push(`${failure === undefined ? '' : 'not '}${folder}: ${uids} ${add}`);
        if (failure !== undefined) throw failure;
      },
    },
    account: () => (account === null ? null : { kind: 'imap', policy: { followServer: true }, ...account }),
    config: parseConfig({}, 'test').outbox,
    log: silentLog(),
    now: () => 1_000,
  } as unknown as OutboxDeps;
  await markAnswered(deps, 'o1', async () => !closes);
  return { done, answered: row.answered };
}

const away = new PostroomError('unavailable', 'away');
const mark = '1: 5,8 \\Answered';

test.each<[string, Given, Awaited<ReturnType<typeof marked>>]>([
  ['where it lies and is not marked yet', {}, { done: [mark], answered: true }],
  ['again, after a server that was away', { fails: [away, away] }, { done: [`not ${mark}`, `not ${mark}`, mark], answered: true }],
  [
    'not against a server that refuses',
    { fails: [new PostroomError('forbidden', 'read-only')] },
    { done: [`not ${mark}`], answered: true },
  ],
  ['at the next start, when the outbox closes', { fails: [away], closes: true }, { done: [`not ${mark}`], answered: false }],
  ['not when it was not accepted', { row: { state: 'failed' } }, { done: [], answered: false }],
  ['not when it answers nothing', { row: { answers: null } }, { done: [], answered: false }],
  ['once', { row: { answered: true } }, { done: [], answered: true }],
  ['not where no server is', { account: { kind: 'hosted' } }, { done: [], answered: true }],
  ['not where the server is not followed', { account: { policy: { followServer: false } as never } }, { done: [], answered: true }],
])('%s', async (_, given, wanted) => {
  expect(await marked(given)).toEqual(wanted);
});
