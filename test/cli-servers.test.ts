/** The commands that need mail servers: a real Dovecot with a certificate authority of its own, and a submission server that can fail. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { at, type Cli, cli, type Ran, start } from './support/cli.ts';
import * as contract from './support/cli-contract.ts';
import { type Dovecot, startDovecot } from './support/dovecot.ts';
import { eventually } from './support/eventually.ts';
import { mail } from './support/message.ts';
import { type Postroom, startPostroom } from './support/postroom.ts';
import { type Submission, startSubmission } from './support/submission.ts';

const support = 'support@example.org';
const password = 'correct horse';

const cleanup = new AsyncDisposableStack();
let office: Postroom;
let postroom: Cli;
let dovecot: Dovecot;
let submission: Submission;
let servers: readonly string[];

beforeAll(async () => {
  [office, dovecot, submission] = await Promise.all([
    startPostroom({ config: { sync: { retryMinMs: 50 }, outbox: { retryAfterMs: [50, 600_000], slowAfterMs: 50 } } }),
    startDovecot(),
    startSubmission({ users: { [support]: password } }),
  ]);
  for (const one of [submission, dovecot, office]) cleanup.use(one);
  postroom = cli(office.home);
  await dovecot.addUser(support, password);
  await writeFile(join(office.home, 'ca.pem'), submission.ca === dovecot.ca ? dovecot.ca : `${dovecot.ca}\n${submission.ca}`);
  servers = ['--imap', `imaps://localhost:${dovecot.ports.imaps}`, '--smtp', submission.url, '--tls-ca', join(office.home, 'ca.pem')];
});
afterAll(() => cleanup.disposeAsync());

const failure = (ran: Ran): string => `${ran.code} ${contract.Failure.parse(ran.json).error.code}`;
async function conversation(subject: string) {
  const { rows } = contract.Conversations.parse((await postroom('list', support, '--json')).json);
  const found = rows.find((row) => row.subject === subject);
  if (found === undefined) throw new Error(`There is no conversation "${subject}" in ${support}`);
  return found;
}
const arrive = (subject: string, from = 'Jane <jane@example.net>') =>
  dovecot.deliver(support, mail({ from, to: support, subject, text: 'Hello.\n', date: Date.now() }));

test('mailbox add takes the password from a file or the environment, and never prints it', async () => {
  const missing = await postroom('mailbox', 'add', support, ...servers, '--password-env', 'NOT_SET', '--json');
  expect(failure(missing)).toBe('2 invalid');
  expect(failure(await postroom('mailbox', 'add', support, ...servers, '--json'))).toBe('2 invalid');
  expect(failure(await postroom('mailbox', 'add', support, ...servers, '--password-command', 'unknown', '--json'))).toMatch(/^[24] /);

  const added = await postroom.with({ env: { MAIL_PASSWORD: password } })(
    ...['mailbox', 'add', support, ...servers, '--password-env', 'MAIL_PASSWORD', '--shared', '--work-from', 'all', '--json'],
  );
  expect([added.code, added.err]).toEqual([0, '']);
  expect(contract.Mailbox.parse(added.json)).toMatchObject({ address: support, shared: true });
  expect(added.json).toMatchObject({ server: { user: support, secret: 'sealed', smtp: submission.url } });
  const shown = await postroom('mailbox', 'show', support);
  expect(shown.out).toMatch(/secret +sealed/);
  expect(added.out + shown.out).not.toContain(password);
});

test('mailbox add tries both servers first: what is wrong is named with its option, and nothing is added', async () => {
  const other = 'other@example.org';
  await dovecot.addUser(other, 'another horse');
  await writeFile(join(office.home, 'other'), 'another horse');
  await writeFile(join(office.home, 'wrong'), 'no horse');
  const urls = servers.slice(0, 4);
  const ca = ['--tls-ca', join(office.home, 'ca.pem')];
  const add = (...args: string[]) => postroom('mailbox', 'add', other, ...args);
  const password = ['--password-file', join(office.home, 'other')];

  const untrusted = await add(...urls, ...password);
  expect([untrusted.code, untrusted.err]).toEqual([
    1,
    expect.stringMatching(/incoming server, tls: .*certificate .*--tls-ca FILE.*--no-test/),
  ]);
  expect(untrusted.err).not.toMatch(/Node|node|npm|--use-system-ca|OpenSSL|_CERT/);
  const wrong = await add(...urls, ...ca, '--password-file', join(office.home, 'wrong'));
  expect([wrong.code, wrong.err]).toEqual([1, expect.stringMatching(/incoming server, login: .*Check --password-file and --user/)]);
  const closed = await add('--imap', 'imaps://localhost:9', '--smtp', submission.url, ...ca, ...password);
  expect([closed.code, closed.err]).toEqual([1, expect.stringMatching(/incoming server, connect: .*Check --imap/)]);
  const told = await add(...urls, ...ca, '--password-file', join(office.home, 'wrong'), '--json');
  expect(failure(told)).toBe('1 unavailable');
  expect((await postroom('mailbox', 'list')).out).not.toContain(other);

  // As it is, for a server that comes later; the panel says that it cannot work, and a trusted CA keeps the password.
  const untested = await add(...urls, ...password, '--no-test', '--json');
  expect([untested.code, contract.Mailbox.parse(untested.json).address]).toEqual([0, other]);
  await eventually(async () => {
    expect((await postroom('panel', '--mailbox', other)).out).toMatch(/^New mail of other@example\.org may be missing: .*certificate/);
  });
  const mended = await postroom('mailbox', 'set', other, ...ca, '--json');
  expect(mended.json).toMatchObject({ server: { secret: 'sealed' } });
  expect((await postroom('sync', other, '--wait')).code).toBe(0);
  expect((await postroom('panel', '--mailbox', other)).out).toBe('Nothing waits for you.\n');
  // The test account of the submission server is another one: the mailbox is still told apart.
  expect((await postroom('mailbox', 'test', other)).out).toMatch(/smtp +sign in +FAILED/);
  expect((await postroom('mailbox', 'remove', other)).code).toBe(0);
});

test('mailbox test says step by step what happened', async () => {
  const good = await postroom('mailbox', 'test', support, '--json');
  expect({ code: good.code, json: good.json }).toMatchObject({ code: 0, json: { ok: true } });
  await writeFile(join(office.home, 'wrong'), 'not it\n');
  expect((await postroom('mailbox', 'set', support, '--password-file', join(office.home, 'wrong'))).code).toBe(0);
  const bad = await postroom('mailbox', 'test', support);
  expect(bad.code).toBe(1);
  expect(bad.out).toMatch(/imap .* FAILED .*\n(.*\n)*smtp .* FAILED /);
  await writeFile(join(office.home, 'right'), `${password}\n`);
  expect((await postroom('mailbox', 'set', support, '--password-file', join(office.home, 'right'))).code).toBe(0);
  expect((await postroom('mailbox', 'test', support)).code).toBe(0);
});

test('sync --wait, folders, list, show', async () => {
  await dovecot.createFolder(support, 'Projects');
  await dovecot.fill(support, [mail({ from: 'kim@example.net', to: support, subject: 'Old plan', text: 'Plan.\n' })], 'Projects');
  await arrive('Fresh question');
  const synced = await postroom('sync', support, '--wait', '--json');
  expect({ code: synced.code, json: synced.json }).toMatchObject({ code: 0, json: { rows: [{ address: support, messages: 2 }] } });
  const { rows } = contract.Folders.parse((await postroom('folders', support, '--json')).json);
  expect(rows.map(({ path, server, stored }) => ({ path, server, stored }))).toEqual(
    expect.arrayContaining([
      { path: 'Projects', server: 1, stored: 1 },
      { path: expect.stringMatching(/^inbox$/i), server: 1, stored: 1 },
    ]),
  );
  expect((await postroom('list', support, '--folder', 'Projects')).out).toContain('Old plan');
  const row = await conversation('Fresh question');
  expect(row).toMatchObject({ direction: 'in', from: { name: 'Jane', address: 'jane@example.net' } });
  expect((await postroom('show', row.conversation)).out).toContain('Hello.');
});

test('move, trash and spam happen on the server', async () => {
  for (const folder of ['Trash', 'Junk'])
    if (!(await dovecot.folders(support)).includes(folder)) await dovecot.createFolder(support, folder);
  await postroom('sync', support, '--wait');
  const { conversation: id } = await conversation('Fresh question');
  const verbs = [
    { command: ['move', id, 'Projects'], holds: 'Projects', count: 2 },
    { command: ['trash', id], holds: 'Trash', count: 1 },
    { command: ['spam', id], holds: 'Junk', count: 1 },
  ];
  for (const { command, holds, count } of verbs) {
    expect((await postroom(...command)).err).toBe('');
    expect({ holds, count: (await dovecot.messages(support, holds)).length }).toEqual({ holds, count });
  }
});

test('send --wait: accepted, tried again, failed, of unknown fate', async () => {
  const send = (subject: string) =>
    postroom('send', '--from', support, '--to', 'jane@example.net', '--subject', subject, '--body', 'Hi.', '--wait', '--json');
  const good = await send('First');
  expect({ code: good.code, json: good.json }).toMatchObject({ code: 0, json: { state: 'accepted' } });
  expect(submission.count(at(good.json, 'messageId'))).toBe(1);

  submission.fail({ at: 'rcpt', reply: '451 4.3.0 Try later' });
  expect((await send('Deferred')).json).toMatchObject({ state: 'accepted' });

  submission.fail({ at: 'rcpt', reply: '550 5.1.1 No such user' });
  const refused = await send('Refused');
  expect({ code: refused.code, json: refused.json }).toMatchObject({
    code: 1,
    json: { state: 'failed', lastError: expect.stringContaining('550') },
  });
  const id = at(refused.json, 'outbox');
  expect((await postroom('outbox', 'show', id)).out).toMatch(/state +failed/);
  expect((await postroom('outbox', 'retry', id, '--json')).json).toMatchObject({ id });
  await submission.accepted(3);

  // A wrong address is mended: what is not given stays as it was.
  submission.fail({ at: 'rcpt', reply: '550 5.1.1 No such user' });
  const wrong = at((await send('Wrong address')).json, 'outbox');
  const mended = await postroom('outbox', 'edit', wrong, '--to', 'jane.right@example.net', '--wait', '--json');
  expect({ code: mended.code, json: mended.json }).toMatchObject({
    code: 0,
    json: { state: 'accepted', recipients: ['jane.right@example.net'] },
  });
  expect((await postroom('outbox', 'show', wrong)).out).toMatch(/state +cancelled/);
  expect(submission.ledger.map(({ rcptTo }) => rcptTo.join()).filter((to) => to !== 'jane@example.net')).toEqual([
    'jane.right@example.net',
  ]);

  submission.fail({ at: 'dot', end: 'drop', accept: true });
  const forgotten = await send('Forgotten');
  expect((await postroom('outbox', 'settle', at(forgotten.json, 'outbox'), '--discard')).out).toMatch(/state +cancelled/);

  submission.fail({ at: 'dot', end: 'drop', accept: true });
  const lost = await send('Lost');
  expect({ code: lost.code, json: lost.json }).toMatchObject({ code: 1, json: { state: 'unknown' } });
  expect((await postroom('outbox', 'settle', at(lost.json, 'outbox'))).out).toMatch(/state +accepted/);
  expect(submission.count(at(lost.json, 'messageId'))).toBe(1);
  expect((await postroom('outbox', 'list', '--json')).json).toMatchObject({ rows: [{}, {}, {}, {}, {}, {}, {}] });
});

test('send --wait says what it waits for while a server has the mail and is silent', async () => {
  submission.fail({ at: 'dot', end: 'stall', accept: true });
  const child = start(
    [
      ...['send', '--from', support, '--to', 'jane@example.net', '--subject', 'Silence', '--body', 'Hello.', '--wait'],
      ...['--home', office.home],
    ],
    { env: { HOME: office.home } },
  );
  let said = '';
  // On a busy machine it may say first that the server has not answered an earlier step.
  while (!said.includes('is being sent: The mail server has this mail and has not answered yet.\n'))
    said += String((await once(child.stderr, 'data'))[0]);
  submission.release();
  expect((await once(child, 'close'))[0]).toBe(0);
});

test('send --wait with a mail server that is away is exit 1 and unavailable; the mail stays, and goes when somebody asks', async () => {
  const send = () =>
    postroom('send', '--from', support, '--to', 'jane@example.net', '--subject', 'Stuck', '--body', 'Hi.', '--wait', '--json');
  await submission.die();
  const away = await send();
  expect(failure(away)).toBe('1 unavailable');
  const { outbox, messageId } = contract.Failure.parse(away.json).error.details as { outbox: string; messageId: string };
  const waiting = contract.Outbox.parse((await postroom('outbox', 'list', '--state', 'queued', '--json')).json);
  expect(waiting.rows.map(({ id, state }) => ({ id, state }))).toEqual([{ id: outbox, state: 'queued' }]);
  const count = submission.ledger.length;
  await submission.revive();
  expect((await postroom('outbox', 'retry', outbox)).code).toBe(0);
  await submission.accepted(count + 1);
  expect(submission.count(messageId)).toBe(1);
  expect((await postroom('outbox', 'list', '--state', 'lost')).code).toBe(2);
});

test('what comes back is told at the mail, in the outbox and in the conversation; what is answered is marked so on the server', async () => {
  await arrive('Lost parcel', 'Gone <gone@customer.example>');
  await postroom('sync', support, '--wait');
  const asked = await conversation('Lost parcel');
  const { outbox, messageId } = contract.Sent.parse(
    (await postroom('reply', asked.conversation, '--body', 'It left on Monday.', '--wait', '--json')).json,
  );
  if (outbox === null) throw new Error('nothing was queued');
  const [question] = (await dovecot.messages(support)).slice(-1);
  expect(question).toBeDefined();
  await expect.poll(async () => (await dovecot.messages(support)).find(({ uid }) => uid === question?.uid)?.flags).toContain('\\Answered');

  const report = (about: string) =>
    [
      'Return-Path: <>',
      'From: MAILER-DAEMON@mx.customer.example (Mail Delivery System)',
      `To: ${support}`,
      'Subject: Undelivered Mail Returned to Sender',
      `Message-ID: <report-${about.slice(1)}`,
      `In-Reply-To: ${about}`,
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
      '',
      '--b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.customer.example',
      '',
      'Final-Recipient: rfc822; gone@customer.example',
      'Action: failed',
      'Diagnostic-Code: smtp; 550 no such user',
      '--b',
      'Content-Type: text/rfc822-headers',
      '',
      `Message-ID: ${about}`,
      '--b--',
      '',
    ].join('\r\n');
  await dovecot.deliver(support, report(messageId));
  await dovecot.deliver(support, report('<never-sent@example.org>'));
  await postroom('sync', support, '--wait');
  const bounced = await postroom('outbox', 'show', outbox, '--json');
  expect(bounced.json).toMatchObject({
    state: 'bounced',
    recipients: [{ address: 'gone@customer.example', state: 'bounced', reply: '550 no such user' }],
    details: { reports: [{ kind: 'failed', conversation: asked.conversation, from: { address: 'MAILER-DAEMON@mx.customer.example' } }] },
  });
  const told = 'gone@customer.example: did not arrive (550 no such user)';
  expect((await postroom('outbox', 'show', outbox)).out).toContain(told);
  expect((await conversation('Lost parcel')).state).toBe('open');
  const shown = (await postroom('show', asked.conversation)).out;
  expect(shown).toContain('[bounced]');
  expect(shown.split(told)).toHaveLength(3); // at the mail, and at the report
  expect((await postroom('timeline', '--conversation', asked.conversation)).out).toContain(told);
  expect((await postroom('outbox', 'list')).out).toContain(`fits no mail of ours, so nothing was marked: ${told}`);

  // An answer goes to whom it is for, not to the machine that spoke last.
  const again = await postroom('reply', asked.conversation, '--body', 'Are you there?', '--dry-run');
  expect(again.out).toContain('It would leave for gone@customer.example ');
  expect((await postroom('outbox', 'retry', outbox)).code).toBe(0);
  await expect.poll(async () => (await conversation('Lost parcel')).state).toBe('waiting');
});

test('refused credentials park the mailbox; a mended password lets its mail go', async () => {
  await writeFile(join(office.home, 'wrong'), 'not it\n');
  expect((await postroom('mailbox', 'set', support, '--password-file', join(office.home, 'wrong'))).code).toBe(0);
  const send = (subject: string, ...flags: string[]) =>
    postroom('send', '--from', support, '--to', 'jane@example.net', '--subject', subject, '--body', 'Hi.', '--json', ...flags);
  expect(failure(await send('Parked', '--wait'))).toBe('1 unavailable');
  await send('Parked too');
  const count = submission.ledger.length;
  await writeFile(join(office.home, 'right'), `${password}\n`);
  expect((await postroom('mailbox', 'set', support, '--password-file', join(office.home, 'right'))).code).toBe(0);
  await submission.accepted(count + 2);
  await postroom('sync', support, '--wait');
});

test('a mail server that is away is exit 1 and unavailable; exit 6 is for the daemon alone', async () => {
  await dovecot.stop();
  const away = await postroom('sync', support, '--wait', '--json');
  expect(failure(away)).toBe('1 unavailable');
  expect(failure(await postroom('trash', (await conversation('Old plan')).conversation, '--json'))).toBe('1 unavailable');
  expect((await postroom('mailbox', 'list')).out).toContain('offline');
  await dovecot.start();
});

test('another server clears the password until it is given again', async () => {
  const { revision } = contract.Mailbox.parse((await postroom('mailbox', 'show', support, '--json')).json);
  const moved = await postroom('mailbox', 'set', support, 'imap=imaps://elsewhere.example:993', '--if-revision', `${revision}`, '--json');
  expect(moved.json).toMatchObject({ server: { imap: 'imaps://elsewhere.example:993', secret: 'missing' } });
  expect((await postroom('mailbox', 'remove', support)).out).toBe(`${support} is removed.\n`);
  expect((await dovecot.messages(support, 'Projects')).length).toBeGreaterThan(0);
});
