/** Second thoughts: a mail that another one takes the place of, one that is given up, a move that is undone; with real servers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attachmentBytes, readMessage } from '../daemon/mail/message.ts';
import { openClient } from '../protocol/client.ts';
import type { Payload } from '../protocol/events.ts';
import type { OutboxState } from '../protocol/schema.ts';
import { type Dovecot, startDovecot } from './support/dovecot.ts';
import { mail } from './support/message.ts';
import { outcome, type Postroom, startPostroom } from './support/postroom.ts';
import { type Submission, startSubmission } from './support/submission.ts';

const support = 'support@example.org';
const password = 'correct horse';
const cleanup = new AsyncDisposableStack();
let office: Postroom;
let dovecot: Dovecot;
let submission: Submission;
let eva: Awaited<ReturnType<Postroom['as']>>;

beforeAll(async () => {
  [office, dovecot, submission] = await Promise.all([
    startPostroom({ config: { sync: { retryMinMs: 50 }, outbox: { retryAfterMs: [600_000] } } }),
    startDovecot(),
    startSubmission({ users: { [support]: password } }),
  ]);
  for (const one of [submission, dovecot, office]) cleanup.use(one);
  await dovecot.addUser(support, password);
  for (const folder of ['Projects/One', 'Later']) await dovecot.createFolder(support, folder);
  eva = await office.as('eva');
  await eva.call('mailbox.add', {
    address: support,
    imap: `imaps://localhost:${dovecot.ports.imaps}`,
    smtp: submission.url,
    ca: `${dovecot.ca}\n${submission.ca}`,
    secret: { kind: 'password', password },
    shared: true,
    workFrom: null,
  });
  await office.person('ben');
  await office.grant('ben', support, { access: true, send: true });
});
afterAll(() => cleanup.disposeAsync());

const synced = () => eva.call('mailbox.sync', { mailbox: support, wait: true }, { timeoutMs: 60_000 });
async function arrives(subject: string, folder?: string, headers: Record<string, string> = {}): Promise<void> {
  const raw = mail({ from: 'Jane <jane@example.net>', to: support, subject, text: 'Hello.\n', date: Date.now(), ...headers });
  await dovecot.deliver(support, raw, folder);
}
async function conversation(subject: string): Promise<string> {
  const { rows } = await eva.call('conversation.list', { mailbox: support });
  const found = rows.find((row) => row.subject === subject);
  if (found === undefined) throw new Error(`There is no conversation "${subject}"`);
  return found.conversation;
}
type Send = Parameters<typeof eva.call<'outbox.send'>>[1];
async function queue(asked: Partial<Send>, upload: readonly Uint8Array[] = []): Promise<string> {
  const { outbox } = await eva.call('outbox.send', { from: support, body: 'Hi.', ...asked }, { upload });
  if (outbox === null) throw new Error('nothing was queued');
  return outbox;
}
const stateOf = async (outbox: string): Promise<OutboxState> => (await eva.call('outbox.show', { outbox })).state;
const comesTo = (outbox: string, state: OutboxState) => expect.poll(() => stateOf(outbox)).toBe(state);
const leftTo = (address: string) => submission.ledger.filter(({ rcptTo }) => rcptTo.includes(address));

describe('a mail that takes the place of one that did not leave', () => {
  test('goes to the mended address, in the same conversation, as the answer that it was, with its files', async () => {
    await arrives('Where is it?');
    await synced();
    const at = await conversation('Where is it?');
    submission.fail({ at: 'rcpt', reply: '550 5.1.1 No such user', times: 2 });
    const file = Buffer.from('a label');
    const body = 'Dear Jané 👨‍👩‍👧,\n\nit comes.\n';
    const refused = await queue(
      {
        ...{ in: at, kind: 'reply', to: 'Jane <jana@example.net>', bcc: 'boss@example.net', body },
        attachments: ['label.txt', 'other.txt'].map((filename) => ({ filename, sizeOctets: file.byteLength })),
      },
      [file, file],
    );
    await comesTo(refused, 'failed');
    expect((await eva.call('conversation.show', { conversation: at })).state).toBe('open');

    const again = await eva.call('compose.again', { outbox: refused });
    expect(again).toMatchObject({
      ...{ mailbox: support, from: support, to: ['"Jane" <jana@example.net>'], cc: [], bcc: ['boss@example.net'] },
      ...{ subject: 'Re: Where is it?', body: expect.stringContaining('it comes.'), conversation: at },
      attachments: [{ filename: 'label.txt' }, { filename: 'other.txt' }],
    });
    const asked = { to: 'jane@example.net', body: null, instead: { outbox: refused, attachments: [1] }, ifRevision: again.revision };
    const mended = await queue({ ...asked, idempotencyKey: 'once' });
    await comesTo(mended, 'accepted');
    // The same question again is the same mail, though the old one is out of the way by now.
    expect(await queue({ ...asked, idempotencyKey: 'once' })).toBe(mended);
    expect(await stateOf(refused)).toBe('cancelled');

    const [sent, ...more] = leftTo('jane@example.net');
    expect([more, leftTo('jana@example.net')]).toEqual([[], []]);
    expect(sent?.rcptTo).toEqual(['jane@example.net', 'boss@example.net']);
    const message = readMessage(sent?.octets ?? new Uint8Array());
    expect(message).toMatchObject({ subject: 'Re: Where is it?', text: body, attachments: [{ filename: 'other.txt' }] });
    expect(Buffer.from(attachmentBytes(sent?.octets ?? new Uint8Array(), 0)?.bytes ?? [])).toEqual(file);
    const shown = await eva.call('conversation.show', { conversation: at });
    expect(message.inReplyTo).toEqual([shown.messages[0]?.messageId]);
    expect(shown.messages.map(({ direction, to }) => `${direction} ${to[0]?.address}`)).toEqual([`in ${support}`, 'out jane@example.net']);
    expect(shown.state).toBe('waiting');
  });

  test('goes to nobody who got the first; for them that one stays sent', async () => {
    submission.fail({ at: 'rcpt', reply: '550 5.1.1 No such user', recipient: 'wrong@example.net' });
    const partly = await queue({ to: 'wrong@example.net, kim@example.net', subject: 'For two' });
    await comesTo(partly, 'failed');
    const again = await eva.call('compose.again', { outbox: partly });
    expect([again.to, again.conversation]).toEqual([['wrong@example.net'], null]);
    const mended = await queue({ to: 'right@example.net', body: null, instead: { outbox: partly } });
    await comesTo(mended, 'accepted');
    const old = await eva.call('outbox.show', { outbox: partly });
    expect([old.state, old.recipients.map(({ state }) => state)]).toEqual(['accepted', ['failed', 'accepted']]);
    expect([leftTo('kim@example.net').length, leftTo('right@example.net').length]).toEqual([1, 1]);
    const { rows } = await eva.call('outbox.list', { mailbox: support });
    expect(new Set(rows.filter(({ subject }) => subject === 'For two').map((row) => row.conversation)).size).toBe(1);
  });

  test('is not queued when the first left meanwhile: never both', async () => {
    submission.fail({ at: 'rcpt', reply: '550 5.1.1 No such user' });
    const first = await queue({ to: 'late@example.net', subject: 'Too late' });
    await comesTo(first, 'failed');
    await eva.call('outbox.retry', { outbox: first });
    await comesTo(first, 'accepted');
    const count = submission.ledger.length;
    expect(await outcome(eva.call('compose.again', { outbox: first }))).toBe('conflict');
    expect(await outcome(queue({ to: 'other@example.net', body: null, instead: { outbox: first } }))).toBe('conflict');
    expect([submission.ledger.length, await stateOf(first)]).toEqual([count, 'accepted']);
  });

  test('of two who edit it at once one wins', async () => {
    const at = new Date(Date.now() + 86_400_000).toISOString();
    const first = await queue({ to: 'one@example.net', subject: 'Two minds', at });
    const ben = await office.as('ben');
    const ask = (client: typeof eva) =>
      outcome(client.call('outbox.send', { from: support, body: 'Changed.', at, instead: { outbox: first } }));
    expect((await Promise.all([ask(eva), ask(ben)])).sort()).toEqual(['conflict', 'yes']);
    const { rows } = await eva.call('outbox.list', { mailbox: support, states: ['held'] });
    expect(rows.map(({ subject, to }) => [subject, to])).toEqual([['Two minds', ['one@example.net']]]);
    for (const { id } of rows) await eva.call('outbox.cancel', { outbox: id });
  });

  test('is one of the same mailbox; any other does not exist', async () => {
    const sales = await office.mailbox('sales');
    const at = new Date(Date.now() + 86_400_000).toISOString();
    const theirs = await queue({ from: sales, to: sales, subject: 'Secret', at });
    const ben = await office.as('ben');
    for (const outbox of [theirs, 'no-such-mail']) {
      expect(await outcome(ben.call('compose.again', { outbox }))).toBe('not-found');
      const asked = { from: support, to: 'ben@example.net', body: null, instead: { outbox } };
      expect(await outcome(ben.call('outbox.send', asked))).toBe('not-found');
      expect(await outcome(ben.call('outbox.send', { ...asked, from: null }))).toBe('not-found');
    }
    expect(await stateOf(theirs)).toBe('held');
    await eva.call('outbox.cancel', { outbox: theirs });
  });

  test('taken back itself, it can take its own place', async () => {
    submission.fail({ at: 'rcpt', reply: '550 5.1.1 No such user' });
    const first = await queue({ to: 'a@example.net', subject: 'Again and again', attachments: [{ filename: 'x', sizeOctets: 1 }] }, [
      Buffer.from('x'),
    ]);
    await comesTo(first, 'failed');
    const held = await queue({ body: null, to: 'b@example.net', holdMs: 600_000, instead: { outbox: first } });
    await eva.call('outbox.cancel', { outbox: held });
    const last = await queue({ body: null, to: 'c@example.net', instead: { outbox: held } });
    await comesTo(last, 'accepted');
    expect(readMessage(leftTo('c@example.net')[0]?.octets ?? new Uint8Array()).attachments).toHaveLength(1);
    expect([leftTo('a@example.net'), leftTo('b@example.net')]).toEqual([[], []]);
  });
});

test('a mail of unknown fate, or one that came back, is given up by a person and bothers nobody any more', async () => {
  submission.fail({ at: 'dot', end: 'drop', accept: true });
  const lost = await queue({ to: 'nobody-knows@example.net', subject: 'Lost' });
  await comesTo(lost, 'unknown');
  expect(await outcome(eva.call('compose.again', { outbox: lost }))).toBe('conflict');
  expect((await eva.call('outbox.settle', { outbox: lost, as: 'discard' })).state).toBe('cancelled');
  submission.fail({ at: 'rcpt', reply: '550 5.1.1 No such user' });
  const refused = await queue({ to: 'gone@example.net', subject: 'Refused' });
  await comesTo(refused, 'failed');
  expect((await eva.call('outbox.settle', { outbox: refused, as: 'discard' })).state).toBe('cancelled');
  expect(await outcome(eva.call('outbox.settle', { outbox: refused, as: 'discard' }))).toBe('conflict');
  const { rows } = await eva.call('outbox.list', { mailbox: support, states: ['failed', 'unknown', 'bounced'] });
  expect(rows).toEqual([]);
});

test('who did it is told with the change', async () => {
  await arrives('Who was it?');
  await synced();
  const at = await conversation('Who was it?');
  const heard: Payload<'conversation.changed'>[] = [];
  const listener = openClient({
    identity: office.identity('eva'),
    onEvent: (event) => void (event.name === 'conversation.changed' && event.payload.conversation === at && heard.push(event.payload)),
  });
  await listener.subscribe(['conversation.changed']);
  const ben = await office.as('ben');
  await ben.call('conversation.take', { conversation: at });
  await ben.call('conversation.mark', { conversation: at, as: 'done' });
  await arrives('Re: Who was it?', undefined, { subject: 'Re: Who was it?' });
  await expect.poll(() => heard.map(({ what, by }) => `${what} ${by}`)).toEqual(expect.arrayContaining(['assign ben', 'state ben']));
  await listener.close();
});

test('a name that only holds folders is one, and no trouble; no mail goes there', async () => {
  await synced();
  const { rows } = await eva.call('mailbox.folders', { mailbox: support });
  const folders = new Map(rows.map((row) => [row.path, row]));
  expect(folders.get('Projects' as never)).toMatchObject({ selectable: false, error: null });
  expect(folders.get('Projects/One' as never)).toMatchObject({ selectable: true, error: null });
  expect(
    await outcome(eva.call('conversation.move', { conversation: await conversation('Where is it?'), to: { folder: 'Projects' } })),
  ).toBe('invalid');
});

test('a move that is undone leads each mail back to the folder that it came from', async () => {
  const first = mail({ from: 'Kim <kim@example.net>', to: support, subject: 'Spread', text: '1\n', date: Date.now(), messageId: '<s1@x>' });
  const second = mail({
    ...{ from: 'Kim <kim@example.net>', to: support, subject: 'Re: Spread', text: '2\n', date: Date.now(), messageId: '<s2@x>' },
    ...{ inReplyTo: '<s1@x>', references: ['<s1@x>'] },
  });
  await dovecot.deliver(support, first, 'Projects/One');
  await dovecot.deliver(support, second);
  await synced();
  const at = await conversation('Spread').catch(() => conversation('Re: Spread'));
  const where = async () => {
    const shown = await eva.call('conversation.show', { conversation: at });
    return shown.messages.map(({ folders }) => folders.join()).sort();
  };
  expect(await where()).toEqual(['INBOX', 'Projects/One']);
  for (const to of [{ folder: 'Later' }, { role: 'trash' }] as const) {
    const moved = await eva.call('conversation.move', { conversation: at, to });
    expect(moved.moved).toBe(2);
    const folder = (await eva.call('mailbox.folders', { mailbox: support })).rows.find(({ key }) => key === moved.back.out)?.path;
    await expect.poll(where).toEqual([folder, folder]);
    expect((await eva.call('conversation.move', { conversation: at, to: { back: moved.back } })).moved).toBe(2);
    await expect.poll(where).toEqual(['INBOX', 'Projects/One']);
  }
  expect((await dovecot.messages(support, 'Projects/One')).length).toBe(1);
});
