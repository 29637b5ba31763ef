/**
 * Counts, names and events that are nobody's business: what a person may not see does not show by how often or when something is said
 * either. A real Dovecot, whose folders have names that only those with Access may learn.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { syncOf } from '../daemon/service/wire.ts';
import type { Client, DaemonEvent } from '../protocol/client.ts';
import { events } from '../protocol/events.ts';
import { type Dovecot, startDovecot } from './support/dovecot.ts';
import { mail } from './support/message.ts';
import { domain, outcome, type Postroom, startPostroom } from './support/postroom.ts';
import { answerOf, methodNames, type Place, requests } from './support/requests.ts';
import { type Submission, startSubmission } from './support/submission.ts';

const hidden = 'hidden@example.org';
const password = 'correct horse';
const secretFolder = 'Zqxlawsuit';
const cleanup = new AsyncDisposableStack();
let office: Postroom;
let dovecot: Dovecot;
let submission: Submission;
let eva: Client;
const clients = new Map<string, Client>();
let heard: { who: string; event: DaemonEvent }[] = [];
/** Nothing, one right each, and somebody who manages people. */
const people = ['nobody', 'access', 'send', 'setup', 'pat'] as const;

beforeAll(async () => {
  [office, dovecot, submission] = await Promise.all([startPostroom(), startDovecot(), startSubmission({ users: { [hidden]: password } })]);
  for (const one of [submission, dovecot, office]) cleanup.use(one);
  await dovecot.addUser(hidden, password);
  await dovecot.createFolder(hidden, secretFolder);
  for (const folder of ['INBOX', secretFolder])
    await dovecot.deliver(
      hidden,
      mail({
        from: 'Jane <jane@example.net>',
        to: hidden,
        subject: folder === 'INBOX' ? 'First' : 'Second',
        text: 'Hello.\n',
        date: Date.now(),
      }),
      folder,
    );
  eva = await office.as('eva');
  for (const name of people) await office.person(name, name === 'pat' ? ['people.manage'] : []);
  await office.role('desk', 'nobody');
  await eva.call('mailbox.add', {
    address: hidden,
    imap: `imaps://localhost:${dovecot.ports.imaps}`,
    smtp: submission.url,
    ca: `${dovecot.ca}\n${submission.ca}`,
    secret: { kind: 'password', password },
    shared: true,
    workFrom: null,
  });
  for (const right of ['access', 'send', 'setup']) await office.grant(right, hidden, { [right]: true });
  await eva.call('mailbox.sync', { mailbox: hidden, wait: true }, { timeoutMs: 60_000 });
  for (const who of [...people, 'eva']) {
    const client = await office.connect(who, (event) => heard.push({ who, event }));
    await client.subscribe(Object.keys(events) as (keyof typeof events)[]);
    clients.set(who, client);
  }
});
afterAll(async () => {
  for (const client of clients.values()) await client.close();
  await cleanup.disposeAsync();
});
beforeEach(async () => {
  await told();
  heard = [];
});

const as = (who: string): Client => {
  const client = clients.get(who);
  if (client === undefined) throw new Error(`${who} is not connected`);
  return client;
};
/** All that was published so far has come: answers come after the events that were before them. */
const told = () => Promise.all([...clients.values()].map((client) => client.call('session.whoami', {})));
/** Who heard which events of `run`. */
async function hearing(run: () => Promise<unknown>): Promise<Record<string, string[]>> {
  heard = [];
  await run();
  await told();
  const names = Map.groupBy(heard, ({ who }) => who);
  return Object.fromEntries([...names].map(([who, all]) => [who, [...new Set(all.map(({ event }) => event.name))].sort()]));
}

test('a role tells what was given to it to those who see it there, and a number to those who manage people', async () => {
  await eva.call('grant.set', { mailbox: hidden, grantee: 'desk', access: true });
  const shown = async (who: string) => {
    const { carries, carriesHidden } = await as(who).call('role.show', { name: 'desk' });
    return [carries.map(({ mailbox }) => mailbox), carriesHidden];
  };
  expect(await shown('eva')).toEqual([[hidden], 0]);
  expect(await shown('setup')).toEqual([[hidden], 0]);
  expect(await shown('pat')).toEqual([[], 1]);
  for (const who of ['nobody', 'access', 'send']) expect([who, ...(await shown(who))]).toEqual([who, [], 0]);
  await eva.call('grant.remove', { mailbox: hidden, grantee: 'desk' });
});

test('how many mails there are is for those who open them, which folders there are for those with Access', async () => {
  const shown = async (who: string) => {
    const listed = (await as(who).call('mailbox.list', {})).rows.find(({ address }) => address === hidden);
    const { folders, messages, sync } = await as(who).call('mailbox.show', { mailbox: hidden });
    expect(listed).toMatchObject({ folders, messages, sync });
    return { folders: folders !== null && folders > 1, messages, done: sync.done, total: sync.total };
  };
  expect(await shown('access')).toEqual({ folders: true, messages: 2, done: 2, total: 2 });
  expect(await shown('send')).toEqual({ folders: false, messages: 2, done: 2, total: 2 });
  expect(await shown('setup')).toEqual({ folders: false, messages: null, done: 0, total: null });
});

test('no answer names a folder to somebody without Access', async () => {
  const page = await eva.call('conversation.list', { mailbox: hidden });
  const { conversation = '' } = page.rows.find(({ subject }) => subject === 'First') ?? {};
  const shown = await eva.call('conversation.show', { conversation });
  await eva.call('conversation.move', { conversation, to: { folder: secretFolder } });
  const own: Place = {
    ...{ mailbox: hidden, spare: hidden, conversation, message: shown.messages[0]?.id ?? '', outbox: 'none', retry: 'none', grant: 'none' },
    ...{ key: 'AAAAA', invitation: 'none', cursor: page.next ?? '', timelineCursor: '', sender: 'eva', alias: `more@${domain}` },
  };
  const spellings = [secretFolder, secretFolder.toLowerCase(), Buffer.from(secretFolder, 'utf16le').toString('base64url')];
  const taking = ['person.join', 'mailbox.remove', 'mailbox.transfer', 'mailbox.set', 'conversation.move', 'outbox.send'];
  for (const who of ['nobody', 'send', 'setup', 'pat']) {
    for (const method of methodNames.filter((name) => !taking.includes(name) && !/^(?:grant|person|role)\.(?!list|show)/.test(name))) {
      const answer = await answerOf(as(who), method, (requests[method].ask as (at: Place, own: Place) => object)(own, own));
      for (const spelling of spellings) expect([who, method, answer.raw.includes(spelling)]).toEqual([who, method, false]);
    }
  }
  expect((await as('access').call('conversation.show', { conversation })).messages[0]?.folders).toEqual([secretFolder]);
  // Where a mail was before it was moved is not told either, and still it goes back there.
  const { back, folder } = await as('send').call('conversation.move', { conversation, to: { role: 'trash' } });
  expect(folder).toBe('trash');
  for (const spelling of spellings) expect(JSON.stringify(back)).not.toContain(spelling);
  const undone = await as('send').call('conversation.move', { conversation, to: { back } });
  expect(undone).toMatchObject({ moved: 1, folder: '' });
  expect((await eva.call('conversation.show', { conversation })).messages[0]?.folders).toEqual([secretFolder]);
  expect(await outcome(as('send').call('conversation.move', { conversation, to: { back: { ...back, out: '0' } } }))).toBe('not-found');
  for (const { who, event } of heard)
    if (['nobody', 'send', 'setup', 'pat'].includes(who)) expect(JSON.stringify(event)).not.toContain(secretFolder);
});

test('what cannot be read is told by its folder to those with Access alone', () => {
  const status = {
    ...({ state: 'error', done: 3, total: 7, folder: secretFolder, error: `selecting ${secretFolder}: NO` } as const),
    ...{ syncedAt: null, retryAt: null },
  };
  const none = { panel: false, timeline: false, open: false, send: false, settings: false, owner: false, any: true };
  const seen = (sight: object, inFolders: boolean) => JSON.stringify(syncOf({ ...status, inFolders }, { ...none, ...sight }));
  for (const sight of [{}, { open: true, send: true, panel: true }, { settings: true }])
    expect(seen(sight, true)).not.toContain(secretFolder);
  expect(seen({ open: true, timeline: true }, true)).toContain(`selecting ${secretFolder}`);
  expect(syncOf({ ...status, folder: null, error: 'connecting to mail.example.net:993: refused', inFolders: false }, none).error).toContain(
    'refused',
  );
});

test('an event comes only to those who can see the difference', async () => {
  const spare = await office.mailbox('spare');
  const changes: [string, () => Promise<unknown>, readonly string[]][] = [
    [
      'a grant for somebody',
      () => eva.call('grant.set', { mailbox: spare, grantee: 'access', access: true, note: 'x' }),
      ['access', 'pat'],
    ],
    ['another note on it', () => eva.call('grant.set', { mailbox: spare, grantee: 'access', access: true, note: 'y' }), ['access', 'pat']],
    ['it is taken away', () => eva.call('grant.remove', { mailbox: spare, grantee: 'access' }), ['access', 'pat']],
    ['a grant to a role', () => eva.call('grant.set', { mailbox: spare, grantee: 'desk', send: true }), ['nobody', 'pat']],
    ['which ends', () => eva.call('grant.remove', { mailbox: spare, grantee: 'desk' }), ['nobody', 'pat']],
    ['a setting', () => eva.call('mailbox.set', { mailbox: spare, settings: { name: 'Spare' } }), ['pat']],
    ['an address', () => eva.call('mailbox.address.add', { mailbox: spare, alias: `also@${domain}` }), ['pat']],
    ['sharing ends', () => eva.call('mailbox.unshare', { mailbox: spare }), ['pat']],
    ['a mailbox more', () => office.mailbox('another'), ['pat']],
    ['a mailbox less', () => eva.call('mailbox.remove', { mailbox: `another@${domain}` }), ['pat']],
    ['one’s own key', () => as('send').call('person.invite', { name: 'send' }), ['send', 'pat']],
    ['an operation', () => eva.call('person.allow', { name: 'setup', operation: 'shared-mailbox.share' }), ['setup', 'pat']],
    ['a plan', () => eva.call('person.set', { name: 'setup', plan: 'team' }), ['setup', 'pat']],
    ['one’s own watch', () => as('send').call('mailbox.watch', { mailbox: hidden, level: 'none' }), ['send']],
    ['a person more', () => as('pat').call('person.add', { name: 'zoe' }), people],
    ['a role more', () => as('pat').call('role.add', { name: 'leads' }), people],
    ['a member', () => as('pat').call('role.member.add', { role: 'leads', member: 'zoe' }), people],
  ];
  for (const [what, run, who] of changes) {
    const known = new Set([...who, 'eva']);
    const told = await hearing(run);
    const hear = (one: string) => told[one]?.includes('directory.changed') === true;
    // eva hears of all but what is somebody's own.
    expect([what, [...people].filter(hear).sort()]).toEqual([what, [...who].sort()]);
    for (const one of people) if (!known.has(one)) expect([what, one, told[one] ?? []]).toEqual([what, one, []]);
  }
  for (const { event } of heard) if (event.name === 'directory.changed') expect(event.payload).toEqual({});
});

test('whoever has no right there hears nothing of what happens in a mailbox, whatever it is', async () => {
  const told = await hearing(async () => {
    await dovecot.deliver(hidden, mail({ from: 'Jane <jane@example.net>', to: hidden, subject: 'New', text: 'x\n', date: Date.now() }));
    await eva.call('mailbox.sync', { mailbox: hidden, wait: true }, { timeoutMs: 60_000 });
    const { rows } = await eva.call('conversation.list', { mailbox: hidden });
    const { conversation } = rows.find(({ subject }) => subject === 'New') ?? { conversation: '' };
    await eva.call('conversation.note', { conversation, text: 'mine' });
    await eva.call('conversation.take', { conversation });
    await dovecot.createFolder(hidden, `${secretFolder}2`);
    await eva.call('mailbox.sync', { mailbox: hidden, wait: true }, { timeoutMs: 60_000 });
    await eva.call('mailbox.set', { mailbox: hidden, secret: { kind: 'password', password: 'wrong' } });
    await dovecot.kick(hidden);
    await expect.poll(async () => (await eva.call('mailbox.show', { mailbox: hidden })).state).toMatch(/error|auth-failed/);
  });
  expect(told.nobody ?? []).toEqual([]);
  expect(told.pat ?? []).toEqual(['directory.changed']); // the password is another one: a mailbox changed
  expect(told.access).toEqual(expect.arrayContaining(['activity', 'conversation.changed', 'folders.changed', 'mailbox.changed']));
  expect(told.setup).toEqual(['directory.changed', 'mailbox.changed']);
  const numbers = heard.filter(({ who, event }) => who === 'setup' && event.name === 'mailbox.changed').map(({ event }) => event.payload);
  expect(numbers.length).toBeGreaterThan(0);
  for (const payload of numbers) expect(payload).toMatchObject({ sync: { done: 0, total: null, folder: null } });
});
