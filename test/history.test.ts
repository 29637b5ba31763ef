/** The history of a mailbox's settings: every field, by whom, for whoever holds Setup there; nothing else of the journal, and never a secret. */
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { Client } from '../protocol/client.ts';
import type { Params, Result } from '../protocol/methods.ts';
import { domain, outcome, type Postroom, startPostroom } from './support/postroom.ts';

type Rows = Result<'mailbox.history'>['rows'];

const told = (rows: Rows) => rows.map(({ by, field, before, after }) => [by, field, before, after]);

async function everything(client: Client, asked: Params<'mailbox.history'>): Promise<Rows> {
  const rows: Rows = [];
  let cursor: string | null = null;
  do {
    const page: Result<'mailbox.history'> = await client.call('mailbox.history', { ...asked, cursor });
    rows.push(...page.rows);
    cursor = page.next;
  } while (cursor !== null);
  return rows;
}

const journal = (postroom: Postroom) => {
  const filter = { mailbox: null, persons: null, since: null, until: null, action: null };
  return postroom.daemon.world.store.audit({ filter, before: null, after: null, oldestFirst: true, limit: 10_000 });
};

test('every field, newest first, as mailbox show has it; the secret only as changed; looking leaves no line', async () => {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  const eva = await postroom.as('eva');
  const address = 'box@elsewhere.example';
  const servers = { imap: 'imaps://localhost:9', smtp: 'smtps://localhost:9' };
  await eva.call('mailbox.add', { address, ...servers, workFrom: null, secret: { kind: 'password', password: 'canary-one' } });
  const set = (params: Omit<Params<'mailbox.set'>, 'mailbox'>) => eva.call('mailbox.set', { mailbox: address, ...params });
  await set({ settings: { name: 'Box', signature: 'Yours,\nthe crew', readState: 'on-first-read', done: 'archive' } });
  await set({ settings: { followServer: false, outgoingInPanel: false }, workFrom: '2026-11-01T10:20:30.456Z' });
  await set({ secret: { kind: 'password', password: 'canary-two' } });
  await set({ imap: 'imap://localhost:8', user: 'other', ca: 'PEM' });
  await eva.call('mailbox.address.add', { mailbox: address, alias: 'help@elsewhere.example' });
  await eva.call('mailbox.share', { mailbox: address });
  await eva.call('mailbox.address.remove', { mailbox: address, alias: 'help@elsewhere.example' });
  await eva.call('mailbox.transfer', { mailbox: address, person: 'ben' });

  await postroom.daemon.world.journalSettled();
  const before = (await journal(postroom)).length;
  const ben = await postroom.as('ben');
  const { rows, next, begin } = await ben.call('mailbox.history', { mailbox: address });
  expect([next, begin]).toEqual([null, { at: expect.any(String), by: 'eva', added: true }]);
  expect(told(rows)).toEqual([
    ['eva', 'owner', 'eva', 'ben'],
    ['eva', 'addresses', [address, 'help@elsewhere.example'], [address]],
    ['eva', 'shared', false, true],
    ['eva', 'addresses', [address], [address, 'help@elsewhere.example']],
    ['eva', 'imap', 'imaps://localhost:9', 'imap://localhost:8'],
    ['eva', 'user', address, 'other'],
    ['eva', 'ca', 'public', expect.stringMatching(/^own [0-9a-f]{16}$/)],
    ['eva', 'secret', null, 'changed'],
    ['eva', 'secret', null, 'changed'],
    ['eva', 'followServer', true, false],
    ['eva', 'outgoingInPanel', true, false],
    ['eva', 'workFrom', null, '2026-11-01T10:20:30.456Z'],
    ['eva', 'name', null, 'Box'],
    ['eva', 'signature', null, 'Yours,\nthe crew'],
    ['eva', 'readState', 'on-reply-or-done', 'on-first-read'],
    ['eva', 'done', 'keep', 'archive'],
  ]);
  expect(rows.every((row) => Object.keys(row).sort().join(' ') === 'after at before by field')).toBe(true);
  expect(JSON.stringify(rows)).not.toContain('canary');
  // Pages cut acts in two, and come to the same; one field comes alone.
  for (const limit of [1, 2, 3, 5]) expect(await everything(ben, { mailbox: address, limit })).toEqual(rows);
  const secrets = await everything(ben, { mailbox: address, field: 'secret', limit: 1 });
  expect(secrets).toEqual(rows.filter(({ field }) => field === 'secret'));
  expect(await journal(postroom)).toHaveLength(before);
});

test('only with Setup; a cursor is of its mailbox and its field, and counts nothing; an address that comes again is another mailbox', async () => {
  await using postroom = await startPostroom();
  for (const name of ['ben', 'li', 'kim']) await postroom.person(name);
  const [mailbox, sales] = [await postroom.mailbox('support'), await postroom.mailbox('sales')];
  await postroom.grant('ben', mailbox, { setup: true });
  await postroom.grant('li', mailbox, { access: true, send: true });
  const [eva, ben, li, kim] = [await postroom.as('eva'), await postroom.as('ben'), await postroom.as('li'), await postroom.as('kim')];
  await eva.call('person.allow', { name: 'kim', operation: 'audit.read' }); // the journal's readers have the journal
  for (const name of ['One', 'Two', 'Three']) {
    await ben.call('mailbox.set', { mailbox, settings: { name } });
    await eva.call('mailbox.set', { mailbox: sales, settings: { name } });
  }
  const asked = { mailbox, limit: 1 };
  const first = await ben.call('mailbox.history', asked);
  expect(told(first.rows)).toEqual([['ben', 'name', 'Two', 'Three']]);
  const cursor = first.next ?? '';
  expect(told((await eva.call('mailbox.history', { ...asked, cursor })).rows)).toEqual([['ben', 'name', 'One', 'Two']]);
  expect(cursor).not.toEqual((await ben.call('mailbox.history', asked)).next);
  expect(await outcome(eva.call('mailbox.history', { ...asked, mailbox: sales, cursor }))).toBe('invalid');
  expect(await outcome(eva.call('mailbox.history', { ...asked, field: 'name', cursor }))).toBe('invalid');
  expect(await outcome(eva.call('mailbox.history', { ...asked, cursor: `A${cursor.slice(1)}` }))).toBe('invalid');
  expect(await outcome(eva.call('mailbox.history', { ...asked, cursor: '' }))).toBe('invalid');
  expect(await outcome(li.call('mailbox.history', asked))).toBe('forbidden');
  expect(await outcome(kim.call('mailbox.history', asked))).toBe('not-found');
  expect(await outcome(ben.call('mailbox.history', { ...asked, mailbox: sales }))).toBe('not-found');

  await eva.call('mailbox.remove', { mailbox });
  expect(await outcome(eva.call('mailbox.history', asked))).toBe('not-found');
  await postroom.mailbox('support');
  expect(await eva.call('mailbox.history', asked)).toMatchObject({ rows: [], next: null, begin: { by: 'eva', added: true } });
});

test('a successor is a new owner; whoever left is named by their name of then', async () => {
  await using postroom = await startPostroom();
  for (const name of ['ben', 'li']) await postroom.person(name);
  await postroom.person('pat', ['people.manage']);
  const [eva, pat] = [await postroom.as('eva'), await postroom.as('pat')];
  const ben = await postroom.as('ben');
  const address = 'ben@elsewhere.example';
  await ben.call('mailbox.add', { address, imap: 'imaps://localhost:9', smtp: 'smtps://localhost:9' });
  await ben.call('mailbox.set', { mailbox: address, settings: { name: 'Ben' } });
  await pat.call('person.remove', { name: 'ben', successor: 'li' });
  const { rows, begin } = await (await postroom.as('li')).call('mailbox.history', { mailbox: address });
  expect(told(rows)).toEqual([
    ['pat', 'owner', 'ben', 'li'],
    ['ben', 'name', null, 'Ben'],
  ]);
  expect(begin).toMatchObject({ by: 'ben', added: true });
  expect((await eva.call('audit.verify', {})).ok).toBe(true);
});

test('a mailbox that is older than the journal says since when there is a history; a damaged line hides no other', async () => {
  await using postroom = await startPostroom();
  const mailbox = await postroom.mailbox('support');
  const eva = await postroom.as('eva');
  for (const name of ['One', 'Two', 'Three']) await eva.call('mailbox.set', { mailbox, settings: { name } });
  const [start] = await journal(postroom);
  await postroom.stopDaemon();
  const db = new DatabaseSync(`${postroom.home}/mail.db`);
  db.exec(`DROP TRIGGER audit_kept; DROP TRIGGER audit_fixed; DELETE FROM audit WHERE action = 'mailbox.add';
    UPDATE audit SET details = '{' WHERE details LIKE '%"after":"Two"%'`);
  db.close();
  await postroom.startDaemon();
  const again = await postroom.connect('eva');
  const { rows, begin } = await again.call('mailbox.history', { mailbox });
  expect(told(rows)).toEqual([
    ['eva', 'name', 'Two', 'Three'],
    ['eva', 'name', null, 'One'],
  ]);
  expect(begin).toEqual({ at: start?.at, by: null, added: false });
  await again.close();
});

test(`a busy mailbox: changes lie far apart among sends`, async () => {
  await using postroom = await startPostroom();
  const mailbox = await postroom.mailbox('support');
  const eva = await postroom.as('eva');
  const { store, directory } = postroom.daemon.world;
  const id = directory.snapshot().mailboxByAddress(mailbox)?.id ?? '';
  const send = {
    actor: null,
    origin: null,
    action: 'outbox.accepted',
    subject: '<x@y>',
    person: null,
    summary: 'x',
    details: {},
    once: null,
  };
  for (const name of ['One', 'Two', 'Three']) {
    await eva.call('mailbox.set', { mailbox, settings: { name } });
    await store.recordAudit(Array.from({ length: 11_000 }, (_, at) => ({ ...send, at, mailbox: { id, address: `support@${domain}` } })));
  }
  const rows = await everything(eva, { mailbox, limit: 2 });
  expect(rows.map(({ after }) => after)).toEqual(['Three', 'Two', 'One']);
});
