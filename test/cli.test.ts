/** Every command of the contract on hosted mailboxes: what it prints for people, its JSON document, its exit codes. */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type * as z from 'zod';
import { connect } from '../protocol/client.ts';
import { readIdentity } from '../protocol/keys.ts';
import { at, type Cli, cli, identityFile, type Ran } from './support/cli.ts';
import * as contract from './support/cli-contract.ts';
import { mail } from './support/message.ts';
import { type Postroom, startPostroom } from './support/postroom.ts';
import { table } from './support/table.ts';

const support = 'support@harbour.example';
const sales = 'sales@harbour.example';

let office: Postroom;
/** eva, the administrator. ben answers through a role; li observes. */
let postroom: Cli;
let ben: Cli;
let li: Cli;

beforeAll(async () => {
  office = await startPostroom({ config: { organisation: 'Harbour Books' } });
  postroom = cli(office.home);
  [ben, li] = [postroom.as('ben'), postroom.as('li')];
});
afterAll(() => office[Symbol.asyncDispose]());

/** The document of a command that succeeded, in the contract's shape. */
function document<T extends z.ZodType>(shape: T, ran: Ran): z.output<T> {
  expect(`${ran.code} ${ran.err}`).toBe('0 ');
  return shape.parse(ran.json);
}

/** The exit code and the error code of a command that failed: in its document, with nothing on standard error. */
function failure(ran: Ran): string {
  const { error } = contract.Failure.parse(ran.json);
  expect(ran.err).toBe('');
  return `${ran.code} ${error.code}`;
}

async function newest(mailbox: string): Promise<{ conversation: string; revision: number }> {
  const { rows } = document(contract.Conversations, await postroom('list', mailbox, '--limit', '1', '--json'));
  const [row] = rows;
  if (row === undefined) throw new Error(`${mailbox} is empty`);
  return row;
}

test('person add, join, whoami, person list, show, set', async () => {
  const added = await postroom('person', 'add', 'ben', '--email', 'ben@harbour.example', '--operation', 'audit.read', '--json');
  expect(added.code).toBe(0);
  expect(added.err).toContain('listen.tcp'); // nobody outside of this account reaches its endpoint
  const { person, invitation } = contract.Invited.parse(added.json);
  expect(person).toMatchObject({ name: 'ben', email: 'ben@harbour.example', status: 'invited' });

  const joined = await postroom('join', invitation, '--identity', identityFile(office.home, 'ben'), '--json');
  expect(joined.json).toMatchObject({ person: { name: 'ben', status: 'active' }, identity: identityFile(office.home, 'ben') });
  expect(document(contract.Whoami, await ben('whoami', '--json'))).toMatchObject({
    person: { id: person.id, name: 'ben' },
    operations: ['audit.read'],
    daemon: { name: 'Harbour Books', version: '0.1.0' },
  });

  const words = await postroom('person', 'add', 'li');
  expect(words.out).toMatch(/^li is invited.* until .* UTC:\n\n {2}postroom1\.[\w-]+\n\nThey run "postroom join" and paste it\.\n$/);
  const token = /postroom1\.[\w-]+/.exec(words.out)?.[0] ?? '';
  // As it should be given: an argument can be read by everybody on the machine while the command runs.
  expect((await li.with({ stdin: `${token}\n` })('join', '-')).out).toContain('Welcome, li. You belong to Harbour Books now');

  const listed = await postroom('person', 'list', '--json');
  expect((listed.json as { rows: { name: string }[] }).rows.map((row) => row.name)).toEqual(['ben', 'eva', 'li']);
  expect((await postroom('person', 'set', 'li', 'plan=basic', 'email=li@harbour.example')).out).toBe('li is changed.\n');
  expect((await postroom('person', 'show', 'li', '--json')).json).toMatchObject({ plan: 'basic', email: 'li@harbour.example', keys: [{}] });
  await postroom('person', 'set', 'li', 'email=');
  expect((await postroom('person', 'show', 'li')).out).not.toContain('email');
});

test('an invitation works once, whole, and where no identity is', async () => {
  const { invitation } = contract.Invited.parse((await ben('person', 'invite', 'ben', '--json')).json);
  const [taken, garbled] = await Promise.all([ben('join', invitation, '--json'), ben('join', invitation.slice(0, -3), '--json')]);
  expect([failure(taken), failure(garbled)]).toEqual(['5 conflict', '2 invalid']); // the first cost nothing
  const laptop = postroom.as('ben-laptop');
  expect((await laptop('join', invitation)).code).toBe(0);
  expect(at((await laptop('whoami', '--json')).json, 'person', 'name')).toBe('ben');
  const again = await postroom.as('ben-third')('join', invitation, '--json');
  expect(failure(again)).toBe('7 unauthenticated');
  expect(at(again.json, 'error', 'message')).toContain('used already');
});

test('key list and revoke: a revoked key ends its session at once', async () => {
  const laptop = readIdentity(identityFile(office.home, 'ben-laptop'));
  if (laptop === null) throw new Error('ben has no second key');
  const over = Promise.withResolvers<string>();
  const session = await connect({
    identity: laptop,
    onEvent: (event) => event.name === 'session.ended' && over.resolve(event.payload.why),
  });
  try {
    const fingerprint = at((await postroom.as('ben-laptop')('whoami', '--json')).json, 'fingerprint');
    expect((await ben('key', 'list')).out).toContain(fingerprint);
    expect((await ben('key', 'revoke', fingerprint)).out).toBe(`${fingerprint} is revoked.\n`);
    expect(await over.promise).not.toBe('');
  } finally {
    await session.close();
  }
  expect(failure(await postroom.as('ben-laptop')('whoami', '--json'))).toBe('7 unauthenticated');
  expect((await ben('key', 'list', '--json')).json).toMatchObject({ rows: [{ revokedAt: null, current: true }, { current: false }] });
});

test('invitation list and withdraw; key confirm; both fingerprints', async () => {
  const open = contract.Invited.parse((await postroom('person', 'invite', 'li', '--json')).json);
  const [row, ...others] = document(contract.Invitations, await postroom('invitation', 'list', '--json')).rows;
  expect([row?.person, row?.by, row?.newcomer, others.length]).toEqual(['li', 'eva', false, 0]);
  expect((await postroom('invitation', 'list')).out).toMatch(/^person +for +until +by +id\nli +one more key +20/);
  expect(failure(await ben('invitation', 'withdraw', row?.id ?? '', '--json'))).toBe('4 not-found');
  expect((await postroom('invitation', 'withdraw', row?.id ?? '')).out).toBe('The invitation is withdrawn.\n');
  expect((await postroom('invitation', 'list')).out).toBe('No invitation is open.\n');
  expect(failure(await postroom.as('li-late')('join', open.invitation, '--json'))).toBe('7 unauthenticated');

  // pat may invite for li, and must not come to what li reaches by it.
  const pat = postroom.as('pat');
  const added = contract.Invited.parse((await postroom('person', 'add', 'pat', '--operation', 'people.manage', '--json')).json);
  await pat('join', added.invitation);
  await postroom('person', 'allow', 'li', 'audit.read');
  expect((await pat('person', 'invite', 'li')).out).toContain('postroom key confirm FINGERPRINT');
  const waiting = contract.Invited.parse((await pat('person', 'invite', 'li', '--json')).json);
  const laptop = postroom.as('li-laptop');
  const joined = await laptop('join', waiting.invitation);
  const key = /postroom key confirm (\S+)/.exec(joined.out)?.[1] ?? '';
  expect(joined.out).toMatch(/The daemon's: +[A-Z2-7]{5}-/);
  expect(failure(await laptop('whoami', '--json'))).toBe('7 unauthenticated');
  expect((await li('key', 'list')).out).toContain('waits to be confirmed, invited by pat');
  expect(failure(await pat('key', 'confirm', key, '--json'))).toBe('3 forbidden');
  expect((await li('key', 'confirm', key)).out).toBe(`${key} is confirmed.\n`);
  const me = document(contract.Whoami, await laptop('whoami', '--json'));
  expect((await laptop('whoami')).out).toContain(me.daemon.fingerprint);
  await li('key', 'revoke', key);
  await postroom('person', 'deny', 'li', 'audit.read');
  for (const { id } of document(contract.Invitations, await postroom('invitation', 'list', '--json')).rows)
    await postroom('invitation', 'withdraw', id);

  // Whom pat invites counts as pat; somebody else says that there is such a person.
  expect((await pat('person', 'add', 'zoe')).code).toBe(0);
  expect(failure(await pat('person', 'confirm', 'zoe', '--json'))).toBe('3 forbidden');
  expect((await postroom('person', 'show', 'zoe')).out).toMatch(/counts as +pat, eva \(not confirmed yet\)/);
  expect((await postroom('person', 'confirm', 'zoe')).out).toBe('zoe is confirmed.\n');
  expect((await postroom('person', 'show', 'zoe')).out).toMatch(/counts as +eva \(not/);
  for (const name of ['zoe', 'pat']) expect((await postroom('person', 'remove', name)).code).toBe(0);
});

test('role add, list, show, member, allow, deny, remove', async () => {
  await postroom('role', 'add', 'agents');
  await postroom('role', 'add', 'team');
  expect((await postroom('role', 'member', 'add', 'team', 'agents')).code).toBe(0);
  expect((await postroom('role', 'member', 'add', 'agents', 'ben', '--json')).json).toMatchObject({ name: 'agents', people: ['ben'] });
  expect(failure(await postroom('role', 'member', 'add', 'agents', 'team', '--json'))).toMatch(/^[25] /); // a cycle
  expect((await postroom('role', 'list')).out).toMatch(/agents +ben\nteam +ben\n$/);
  expect((await postroom('role', 'show', 'team')).out).toMatch(/members +role agents/);
  expect((await postroom('role', 'allow', 'team', 'shared-mailbox.share')).code).toBe(0);
  expect((await ben('whoami', '--json')).json).toMatchObject({
    operations: expect.arrayContaining(['shared-mailbox.share']),
    roles: ['agents', 'team'],
  });
  expect((await postroom('role', 'show', 'team')).out).toMatch(/person +through +status\nben +role agents +active/);
  const looked = await postroom('role', 'remove', 'team', '--dry-run', '--json');
  expect(document(contract.RolePreview, looked).operations).toEqual([{ person: 'ben', gains: [], loses: ['shared-mailbox.share'] }]);
  expect((await postroom('role', 'member', 'remove', 'agents', 'ben', '--dry-run')).out).toContain('ben: -shared-mailbox.share');
  expect((await postroom('role', 'remove', 'team')).out).toMatch(/is removed\. It took:\nben: -shared-mailbox\.share\n$/);
  expect(failure(await postroom('role', 'show', 'team', '--json'))).toBe('4 not-found');
});

test('person allow and deny, and nobody allows themselves', async () => {
  expect((await postroom('person', 'allow', 'li', 'audit.read')).out).toBe('li: audit.read given.\n');
  expect((await postroom('person', 'deny', 'li', 'audit.read')).code).toBe(0);
  expect(failure(await postroom('person', 'allow', 'eva', 'audit.read', '--json'))).toBe('3 forbidden');
  expect(failure(await ben('person', 'allow', 'li', 'audit.read', '--json'))).toBe('3 forbidden');
  expect(failure(await postroom('person', 'allow', 'li', 'everything', '--json'))).toBe('2 invalid');
});

test('mailbox add, list, show, set, address, test, share, unshare', async () => {
  const added = await postroom(
    'mailbox',
    'add',
    support,
    '--hosted',
    '--shared',
    '--name',
    'Harbour Support',
    '--work-from',
    'all',
    '--json',
  );
  expect(document(contract.Mailbox, added)).toMatchObject({
    address: support,
    name: 'Harbour Support',
    owner: 'eva',
    shared: true,
    workFrom: null,
    state: 'idle',
    folders: 6,
    rights: { panel: true, timeline: true, send: true, settings: true },
    settings: { name: 'Harbour Support' },
  });
  const later = await postroom('mailbox', 'add', sales, '--hosted', '--work-from', '2026-01-01', '--json');
  expect(document(contract.Mailbox, later)).toMatchObject({ shared: false, workFrom: '2026-01-01T00:00:00.000Z' });
  expect((await postroom('mailbox', 'list')).out).toMatch(
    /^mailbox .*\nsales@harbour\.example +personal .*\nsupport@harbour\.example +shared /,
  );
  expect(document(contract.Mailboxes, await li('mailbox', 'list', '--json')).rows).toEqual([]);

  const { revision } = document(contract.Mailbox, await postroom('mailbox', 'show', support, '--json'));
  const set = await postroom(
    'mailbox',
    'set',
    support,
    'signature=Yours, Harbour',
    'done=archive',
    'followServer=no',
    '--if-revision',
    `${revision}`,
    '--json',
  );
  expect(document(contract.Mailbox, set).settings).toMatchObject({ signature: 'Yours, Harbour', done: 'archive', followServer: false });
  expect(failure(await postroom('mailbox', 'set', support, 'done=keep', '--if-revision', `${revision}`, '--json'))).toBe('5 conflict');
  expect((await postroom('mailbox', 'show', support)).out).toMatch(/signature +Yours, Harbour/);
  await postroom('mailbox', 'set', support, 'done=keep', 'signature=');

  const alias = await postroom('mailbox', 'address', 'add', support, 'help@harbour.example', '--json');
  expect(document(contract.Mailbox, alias).addresses).toEqual([support, 'help@harbour.example']);
  const gone = await postroom('mailbox', 'address', 'remove', support, 'help@harbour.example', '--json');
  expect(document(contract.Mailbox, gone).addresses).toEqual([support]);
  expect((await postroom('mailbox', 'test', support)).out).toBe('A hosted mailbox has no servers to test.\n');
  expect(document(contract.Mailbox, await postroom('mailbox', 'share', sales, '--json')).shared).toBe(true);
  expect((await postroom('mailbox', 'unshare', sales)).out).toContain('its grants are kept and do not count');
});

test('grant set, add, list, explain, remove', async () => {
  const set = document(
    contract.Grants,
    await postroom('grant', 'set', support, 'agents', '--level', 'full', '--note', 'the team', '--json'),
  );
  expect(set.rows).toMatchObject([
    { grantee: { kind: 'role', name: 'agents' }, access: true, send: true, setup: false, until: null, note: 'the team' },
  ]);
  const stale = ['--if-revision', `${set.revision - 1}`, '--json'];
  expect(failure(await postroom('grant', 'set', support, 'li', '--access', ...stale))).toBe('5 conflict');
  await postroom('grant', 'set', support, 'li', '--access', '--if-revision', `${set.revision}`);
  const before = (await postroom('grant', 'list', support)).out;
  const tried = await postroom('grant', 'set', support, 'li', '--level', 'manage', '--dry-run');
  expect(tried.out).toMatch(/nothing is written/);
  expect(tried.out).toMatch(/li +panel send settings/);
  expect(failure(await postroom('grant', 'remove', support, 'li', '--dry-run', ...stale))).toBe('5 conflict');
  expect((await postroom('grant', 'list', support)).out).toBe(before);
  const dated = await postroom('grant', 'add', support, 'li', '--send', '--from', '2100-01-01', '--until', '2100-01-31', '--json');
  const cover = document(contract.Grants, dated).rows.find((row) => row.until !== null);
  expect(cover).toMatchObject({ send: true, from: '2100-01-01T00:00:00.000Z', until: '2100-01-31T23:59:59.999Z', by: 'eva' });
  expect((await postroom('grant', 'remove', support, 'li', '--grant', cover?.id ?? '')).out).not.toContain('2100-01-31');
  expect((await postroom('grant', 'list', support)).out).toMatch(/role agents +yes +yes +- .*\n(.*\n)?li +yes +- +- /);

  const why = document(contract.Explained, await ben('grant', 'explain', support, 'ben', '--json'));
  expect(why).toMatchObject({ mailbox: support, person: 'ben', rights: { panel: true, timeline: true, send: true, settings: false } });
  expect(why.because.map(({ right, via }) => `${right}: ${via.join(' > ')}`)).toContain('send: role agents');
  expect(why.denied.map(({ right }) => right)).toEqual(['setup']);
  expect((await li('grant', 'explain', support, 'li')).out).toMatch(/access +yes .*\nsend +no /);
  expect(failure(await li('grant', 'explain', support, 'ben', '--json'))).toBe('3 forbidden');
  expect(failure(await li('grant', 'list', support, '--json'))).toBe('3 forbidden');
});

test('grant explain --if: what somebody holds, and would; nothing is written', async () => {
  const before = (await postroom('grant', 'list', support)).out;
  const json = ['--if', 'agents=none', '--if', 'ben=access@2100-12-24', '--json'];
  const { present, effective } = document(contract.WhatIf, await postroom('grant', 'explain', support, 'ben', ...json));
  expect(present.rights).toEqual({ panel: true, timeline: true, send: true, settings: false });
  expect(effective.rights).toEqual({ panel: false, timeline: true, send: false, settings: false });
  expect(effective.because).toMatchObject([{ right: 'access', via: ['person ben'], until: '2100-12-24T23:59:59.999Z' }]);
  const words = await postroom('grant', 'explain', support, 'ben', '--if', 'agents=access+setup');
  expect(words.out).toMatch(/send +yes +role agents +no +no grant\nsetup +no +no grant +yes +role agents/);
  expect((await postroom('grant', 'list', support)).out).toBe(before);
  for (const wrong of ['agents', 'agents=read', 'agents=none@2100-01-01', 'agents=send@soon'])
    expect(failure(await postroom('grant', 'explain', support, 'ben', '--if', wrong, '--json'))).toBe('2 invalid');
  expect(failure(await postroom('grant', 'explain', support, 'ben', '--if', 'nobody=send', '--json'))).toBe('4 not-found');
  expect(failure(await li('grant', 'explain', support, 'li', '--if', 'agents=none', '--json'))).toBe('3 forbidden');
});

test('grant unused', async () => {
  expect(document(contract.Unused, await postroom('grant', 'unused', '--json'))).toMatchObject({ days: 90, rows: [] });
  const words = await postroom('grant', 'unused', support, '--days', '30');
  expect(words.out).toMatch(/^Uses are noted since .*: what was not used for 30 days can be said from .* on\.\n$/);
  expect(failure(await postroom('grant', 'unused', '--days', '0', '--json'))).toBe('2 invalid');
  expect(failure(await postroom('grant', 'unused', '--days', 'ten', '--json'))).toBe('2 invalid');
  expect(failure(await li('grant', 'unused', support, '--json'))).toBe('3 forbidden');
  expect(failure(await li('grant', 'unused', 'nobody@harbour.example', '--json'))).toBe('4 not-found');
});

test('panel and list', async () => {
  await office.deliver(support, { subject: 'Where is my order?', text: 'It has not come.\n', messageId: 'order-1@example.org' });
  await office.deliver(support, {
    subject: 'Opening hours',
    from: 'Kim <kim@example.org>',
    text: 'When?\n',
    messageId: 'hours-1@example.org',
  });
  const panel = document(contract.Conversations, await ben('panel', '--json'));
  expect(panel).toMatchObject({
    unread: 2,
    next: null,
    rows: [
      { mailbox: support, subject: 'Where is my order?', from: { name: 'Jane Cooper', address: 'jane@example.org' }, direction: 'in' },
      { subject: 'Opening hours', state: 'open', assignee: null, messages: 1, attachments: 0, unread: 1, snippet: 'When?' },
    ],
  });
  const first = document(contract.Conversations, await ben('panel', '--limit', '1', '--json'));
  const second = document(contract.Conversations, await ben('panel', '--limit', '1', '--cursor', first.next ?? '', '--json'));
  expect([...first.rows, ...second.rows].map((row) => row.subject)).toEqual(['Where is my order?', 'Opening hours']);
  const words = await ben('panel', '--mailbox', support, '--view', 'unassigned');
  expect(words.out).toMatch(/^conversation .* subject\n.* Where is my order\?\n.* Opening hours\n$/);

  expect((await li('panel')).out).toBe('Nothing waits for you.\n');
  expect(failure(await li('panel', '--mailbox', support, '--json'))).toBe('3 forbidden');
  expect(document(contract.Conversations, await li('list', support, '--state', 'open', '--json'))).toMatchObject({
    unread: 0,
    rows: [{}, {}],
  });
  expect(document(contract.Conversations, await li('list', support, '--folder', 'Junk', '--json')).rows).toEqual([]);
  expect(document(contract.Folders, await li('folders', support, '--json')).rows).toContainEqual(
    expect.objectContaining({ role: 'inbox', stored: 2 }),
  );
  expect((await li('folders', support)).out).toMatch(/^folder +role +server +stored\n/);
  expect((await ben('watch', support, 'all')).out).toBe(`${support}: watching all.\n`);
  expect(failure(await ben('watch', support, 'some', '--json'))).toBe('2 invalid');
});

test('show, attachment: only where nothing is', async () => {
  const invoice = Buffer.from('%PDF-1.4 hardly');
  await office.deliver(support, {
    subject: 'Invoice',
    attachments: [{ filename: 'invoice.pdf', type: 'application/pdf', content: invoice }],
  });
  const { conversation } = await newest(support);
  const shown = document(contract.Shown, await li('show', conversation, '--json'));
  const [message] = shown.messages;
  expect(message).toMatchObject({
    text: 'It has not come.\n',
    attachments: [{ index: 0, filename: 'invoice.pdf', type: 'application/pdf', size: invoice.length }],
  });
  expect((await li('show', conversation)).out).toMatch(
    /^Invoice\nsupport@harbour\.example · open · unassigned · revision 1\n\n.*Jane Cooper <jane@example\.org>/,
  );
  const id = message?.id ?? '';
  expect((await li('show', conversation, '--message', id, '--headers')).out).toContain('Subject: Invoice');
  expect((await li('show', conversation, '--raw')).out).toMatch(/^[\w-]+: [\s\S]*\r\nSubject: Invoice\r\n/);
  const raw = Buffer.from(at((await li('show', conversation, '--raw', '--json')).json, 'raw'), 'base64').toString();
  expect(raw).toContain('\r\nSubject: Invoice\r\n');
  const original = join(office.home, 'original.eml');
  const saved = await li('show', conversation, '--raw', '--output', original, '--json');
  expect(saved.json).toEqual({ message: id, path: original, sizeOctets: Buffer.byteLength(raw) });
  expect(await readFile(original, 'utf8')).toBe(raw);
  expect(failure(await li('show', conversation, '--raw', '--output', original, '--json'))).toBe('2 invalid'); // nothing is overwritten
  expect(failure(await li('show', conversation, '--output', original, '--json'))).toBe('2 invalid');

  const folder = join(office.home, 'saved');
  await mkdir(folder);
  const file = join(folder, 'copy.pdf');
  expect((await li('attachment', id, '0', '--output', file, '--json')).json).toEqual({
    path: file,
    filename: 'invoice.pdf',
    type: 'application/pdf',
    size: invoice.length,
  });
  expect(await readFile(file)).toEqual(invoice);
  expect((await li('attachment', id, '0')).out).toBe(invoice.toString());
  expect((await li('attachment', id, '0', '--output', folder)).out).toContain(join(folder, 'invoice.pdf'));
  await symlink(join(folder, 'nowhere'), join(folder, 'link'));
  for (const taken of ['copy.pdf', 'link', 'invoice.pdf', '.'])
    expect(failure(await li('attachment', id, '0', '--output', join(folder, taken), '--json'))).toBe('2 invalid');
  expect(failure(await li('attachment', id, '7', '--output', join(folder, 'x'), '--json'))).toBe('4 not-found');
  expect(failure(await li('attachment', id, 'first', '--json'))).toBe('2 invalid');
});

test('take, release, assign, note, mark: each with the revision it saw', async () => {
  const { conversation } = await newest(support);
  expect((await ben('take', conversation)).out).toBe('open, with ben, revision 1\n');
  // What a colleague has is theirs until somebody says so.
  const held = await postroom('take', conversation, '--json');
  expect([failure(held), held.json]).toEqual([
    '5 conflict',
    expect.objectContaining({
      error: expect.objectContaining({
        details: { revision: 1, held: { by: { kind: 'person', name: 'ben' }, since: expect.any(String) } },
      }),
    }),
  ]);
  expect((await postroom('take', conversation)).err).toMatch(
    /^postroom: ben has it since .* UTC\. To take it over: postroom take \S+ --over\n$/,
  );
  expect(failure(await postroom('assign', conversation, 'eva', '--json'))).toBe('5 conflict');
  expect((await postroom('take', conversation, '--over')).out).toBe('open, with eva, revision 1\n');
  expect((await postroom('take', conversation)).code).toBe(0); // one's own is no conflict
  expect(failure(await ben('take', conversation, '--json'))).toBe('5 conflict');
  expect((await ben('release', conversation, '--json')).json).toMatchObject({ conversation, state: 'open', assignee: null, revision: 1 });
  expect((await li('assign', conversation, 'agents', '--if-revision', '1', '--json')).json).toMatchObject({
    assignee: { kind: 'role', name: 'agents' },
  });
  expect(failure(await ben('assign', conversation, 'li', '--json'))).toBe('2 invalid'); // who gets work must be able to answer
  expect((await li('note', conversation, 'Paid twice?')).out).toBe('Noted. Revision 2.\n');
  const stale = await ben('mark', conversation, '--done', '--if-revision', '1', '--json');
  expect(failure(stale)).toBe('5 conflict');
  expect(stale.json).toMatchObject({ error: { details: { revision: 2, latest: { kind: 'note', who: 'li' } } } });
  for (const verb of [['take'], ['release'], ['assign', 'ben'], ['trash']])
    expect(failure(await ben(verb[0] ?? '', conversation, ...verb.slice(1), '--if-revision', '1', '--json'))).toBe('5 conflict');
  expect((await ben('mark', conversation, '--done', '--if-revision', '2', '--json')).json).toMatchObject({ state: 'done' });
  expect((await ben('mark', conversation, '--open')).code).toBe(0);
  for (const mark of ['--read', '--star', '--unstar', '--unread']) expect((await ben('mark', conversation, mark)).code).toBe(0);
  expect(failure(await ben('mark', conversation, '--read', '--done', '--json'))).toBe('2 invalid');
  expect((await ben('show', conversation)).out).toContain('NOTE by li (team only)\nPaid twice?');
  expect(document(contract.Shown, await ben('show', conversation, '--json')).notes).toMatchObject([{ author: 'li', text: 'Paid twice?' }]);
});

test('move, trash, spam need Send', async () => {
  const { conversation } = await newest(support);
  expect(failure(await li('trash', conversation, '--json'))).toBe('3 forbidden');
  expect((await ben('trash', conversation)).out).toBe('1 mail moved to Trash.\n');
  expect((await ben('spam', conversation, '--json')).json).toMatchObject({ conversation, moved: 1, folder: 'Junk' });
  expect((await ben('move', conversation, 'Inbox', '--json')).json).toMatchObject({ moved: 1, folder: 'Inbox' });
  expect(failure(await ben('move', conversation, 'Nowhere', '--json'))).toBe('4 not-found');
});

test('from, send, reply, forward, outbox', async () => {
  await postroom('mailbox', 'set', support, 'signature=Yours');
  expect(document(contract.From, await ben('from', '--json')).rows).toEqual([
    { mailbox: support, address: support, name: 'Harbour Support', signature: 'Yours' },
  ]);
  expect((await li('from')).out).toBe('You may not send from any mailbox.\n');

  const plain = ['send', '--from', support, '--to', sales, '--subject', 'Stock', '--body', 'How many?'];
  const dry = document(contract.Sent, await ben(...plain, '--dry-run', '--json'));
  expect(dry).toMatchObject({ outbox: null, state: null });
  expect(failure(await li(...plain, '--dry-run', '--json'))).toBe('3 forbidden');
  expect(failure(await li(...plain, '--json'))).toBe('3 forbidden');
  await writeFile(join(office.home, 'list.txt'), 'one\ntwo\n');
  const queued = document(contract.Sent, await ben(...plain, '--attach', join(office.home, 'list.txt'), '--json'));
  expect(queued.messageId).toMatch(/^<.+@harbour\.example>$/);
  expect(['queued', 'sending', 'accepted']).toContain(queued.state);

  const sent = await ben.with({ stdin: 'Grüße aus der Röhre\n' })(
    ...['send', '--from', support, '--to', sales, support, '--cc', sales, '--subject', 'Piped', '--body-file', '-', '--wait', '--json'],
  );
  const { outbox } = document(contract.Sent, sent);
  expect(sent.json).toMatchObject({ state: 'accepted', recipients: [sales, support] });
  const arrived = await newest(sales);
  const [got] = document(contract.Shown, await postroom('show', arrived.conversation, '--json')).messages;
  expect(got).toMatchObject({ text: 'Grüße aus der Röhre\n', from: [{ name: 'Harbour Support', address: support }] });

  const answered = await postroom('reply', arrived.conversation, '--body', 'Twelve.', '--wait', '--if-revision', `${arrived.revision}`);
  expect(answered.out).toMatch(/^accepted: \w+\n$/);
  expect(failure(await postroom('reply', arrived.conversation, '--body', 'Again.', '--if-revision', `${arrived.revision}`, '--json'))).toBe(
    '5 conflict',
  );
  expect((await postroom('forward', arrived.conversation, '--to', support, '--body', 'FYI', '--wait')).code).toBe(0);
  expect((await newest(support)).conversation).not.toBe(arrived.conversation);
  const inside = await postroom('send', '--in', arrived.conversation, '--body', 'And one more.', '--wait', '--json');
  expect(inside.json).toMatchObject({ state: 'accepted', recipients: [support], conversation: arrived.conversation });
  expect((await postroom('reply', arrived.conversation, '--all', '--message', got?.id ?? '', '--body', 'All', '--dry-run')).out).toContain(
    'Nothing was queued',
  );

  const later = document(contract.Sent, await ben(...plain, '--at', '2100-01-01', '--json'));
  const waiting = later.outbox ?? '';
  expect(document(contract.OutboxEntry, await ben('outbox', 'show', waiting, '--json'))).toMatchObject({
    state: 'held',
    sendAt: '2100-01-01T23:59:59.999Z',
    mailbox: support,
    to: [sales],
    subject: 'Stock',
    attempts: 0,
  });
  expect(document(contract.Outbox, await ben('outbox', 'list', '--json')).rows.map((row) => row.id)).toEqual(
    expect.arrayContaining([waiting, outbox]),
  );
  expect(failure(await li('outbox', 'list', '--mailbox', support, '--json'))).toBe('3 forbidden');
  expect(failure(await li('outbox', 'show', waiting, '--json'))).toBe('4 not-found');
  const edited = document(
    contract.Sent,
    await ben('outbox', 'edit', waiting, '--cc', support, '--subject', 'Stock, again', '--at', '2100-01-02', '--json'),
  );
  expect(document(contract.OutboxEntry, await ben('outbox', 'show', edited.outbox ?? '', '--json'))).toMatchObject({
    ...{ state: 'held', to: [sales, support], subject: 'Stock, again' },
  });
  expect((await ben('outbox', 'show', waiting)).out).toMatch(/state +cancelled/);
  expect(failure(await li('outbox', 'edit', edited.outbox ?? '', '--to', support, '--json'))).toBe('4 not-found');
  expect(failure(await ben('outbox', 'edit', outbox ?? '', '--to', support, '--json'))).toBe('5 conflict');
  expect((await ben('outbox', 'settle', waiting, '--arrived', '--discard')).code).toBe(2);
  expect(failure(await ben('outbox', 'settle', waiting, '--discard', '--json'))).toBe('5 conflict');
  expect((await ben('outbox', 'cancel', edited.outbox ?? '')).out).toMatch(/state +cancelled/);
  expect(failure(await ben('outbox', 'retry', waiting, '--json'))).toBe('5 conflict');
  expect(failure(await ben('outbox', 'cancel', outbox ?? '', '--json'))).toBe('5 conflict');
  expect((await ben('outbox', 'list', '--mailbox', support, '--limit', '1')).out).toMatch(/^outbox .*\n.* Stock, again\n$/);
});

test('sync of a hosted mailbox is always done', async () => {
  expect((await ben('sync', support, '--wait', '--json')).json).toMatchObject({ rows: [{ address: support, state: 'idle' }] });
  expect((await li('sync')).out).toMatch(/^mailbox .*\nsupport@harbour\.example +\d+ +idle\n$/);
});

test('what a mail brings is no terminal command, and JSON has no raw control octets', async () => {
  const hostile = '\u001b]0;owned\u0007\u202ebad\u0000\u009b31m';
  const octets = mail({
    from: 'jane@example.org',
    to: support,
    subject: `Hello ${hostile}`,
    text: `Text ${hostile}\n`,
    attachments: [{ filename: `../..//\u001b[2Jevil.sh`, content: 'x' }],
  });
  await office.deliver(support, octets);
  const { conversation } = await newest(support);
  const said = await Promise.all([
    ben('show', conversation),
    ben('list', support),
    ben('panel'),
    ben('show', conversation, '--headers'),
    ben('show', conversation, '--json'),
  ]);
  // As text, because a literal with control characters is what the linter takes for an accident.
  const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
  for (const { code, out } of said) expect([code, unsafe.exec(out)]).toEqual([0, null]);
  const [message] = document(contract.Shown, said[4]).messages;
  const folder = join(office.home, 'hostile');
  await mkdir(folder);
  expect((await ben('attachment', message?.id ?? '', '0', '--output', folder, '--json')).json).toMatchObject({
    path: expect.stringMatching(/hostile\/[\w ._-]+\.sh$/),
  });
});

test('transfer, disable, enable, remove', async () => {
  expect((await postroom('mailbox', 'transfer', sales, 'ben')).out).toBe(`${sales} belongs to ben now.\n`);
  expect(failure(await postroom('mailbox', 'show', sales, '--json'))).toBe('4 not-found');
  expect((await postroom('person', 'disable', 'ben')).out).toBe('ben is disabled.\n');
  const locked = await ben('whoami');
  expect([locked.code, locked.out]).toEqual([7, '']);
  expect(locked.err).toContain('invitation');
  expect((await postroom('person', 'enable', 'ben', '--json')).json).toMatchObject({ name: 'ben', status: 'active' });
  expect((await ben('whoami')).code).toBe(0);
  expect((await ben('mailbox', 'remove', sales)).code).toBe(0);
  expect(failure(await ben('mailbox', 'show', sales, '--json'))).toBe('4 not-found');
  const leaving = document(contract.Leaving, await postroom('person', 'remove', 'li', '--dry-run', '--release', '--json'));
  expect([leaving.person.name, leaving.keys, leaving.wants]).toEqual(['li', 1, []]);
  expect((await postroom('person', 'remove', 'li', '--dry-run')).out).toMatch(
    /nothing is written\.\n(.*\n)*keys +1 +open nothing any more\n/,
  );
  expect((await postroom('person', 'remove', 'li', '--release', '--mail', 'cancel')).out).toBe('li is removed.\n');
  expect(failure(await postroom('person', 'add', 'li', '--json'))).toBe('5 conflict'); // the name stays on what they wrote
  expect(failure(await li('whoami', '--json'))).toBe('7 unauthenticated');
});

const wrong = table<{ command: string; says: string }>(`
  command                                            says
  nonsense                                           postroom --help
  mailbox                                            add, list, show
  mailbox nonsense                                   postroom mailbox --help
  mailbox show                                       postroom mailbox show --help
  panel --view nobody                                mine, unassigned, team, done
  panel --limit many                                 whole number
  panel --limit 0                                    limit
  panel --limit                                      --limit
  panel --nonsense                                   postroom panel --help
  mailbox add x@harbour.example                      --hosted
  mailbox add x@harbour.example --imap imaps://h     --smtp
  mailbox add x@harbour.example --hosted --imap i    leave --imap
  mailbox add x@elsewhere.example --hosted           hosted.domains
  mailbox set support@harbour.example                KEY=VALUE
  mailbox set support@harbour.example colour=red     signature
  grant set support@harbour.example ben              --access
  grant add support@harbour.example ben --send       --until
  grant add support@harbour.example ben --send --until 2026-02-30    2026-12-24
  send --to a@b.example --subject s --body b         postroom from
  send --from support@harbour.example --to a@b.example --subject s   --body-file
  send --from support@harbour.example --to ben@harbour.example --subject s --body b --attach /nowhere    /nowhere
  join postroom1.nonsense                            whole invitation
`);
test('wrong usage is exit 2, one JSON document, and says what fits', async () => {
  const ran = await Promise.all(wrong.map(({ command }) => postroom(...command.split(' '), '--json')));
  expect(ran.map(failure)).toEqual(wrong.map(() => '2 invalid'));
  expect(ran.map((one) => at(one.json, 'error', 'message'))).toEqual(wrong.map(({ says }) => expect.stringContaining(says)));
  const words = await postroom('mailbox', 'show');
  expect([words.code, words.out]).toEqual([2, '']);
  expect(words.err).toMatch(/^postroom: .*mailbox show --help\n$/);
});

test('help and version', async () => {
  const [help, short, release] = await Promise.all([postroom('--help'), postroom('panel', '-h'), postroom('--version')]);
  for (const noun of ['init', 'daemon', 'demo', 'person', 'mailbox', 'grant', 'panel', 'send', 'outbox'])
    expect(help.out).toMatch(new RegExp(`^  ${noun} `, 'm'));
  expect(help.out.split('\n').every((line) => line.length <= 80)).toBe(true);
  expect(short.out).toContain('--view');
  expect(release.out).toBe('0.1.0\n');
});
