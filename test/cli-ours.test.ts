/** What is ours, and who a conversation is with, through the commands: a real Dovecot, and another program that files into Sent beside us. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cli, cli } from './support/cli.ts';
import { type Dovecot, startDovecot } from './support/dovecot.ts';
import { eventually } from './support/eventually.ts';
import { type MailInput, mail } from './support/message.ts';
import { startPostroom } from './support/postroom.ts';
import { startSubmission } from './support/submission.ts';

const support = 'support@example.org';
const password = 'correct horse';
const cleanup = new AsyncDisposableStack();
let postroom: Cli;
let dovecot: Dovecot;

beforeAll(async () => {
  const [office, imap, smtp] = await Promise.all([
    startPostroom({ config: { sync: { retryMinMs: 50 } } }),
    startDovecot(),
    startSubmission({ users: { [support]: password } }),
  ]);
  for (const one of [smtp, imap, office]) cleanup.use(one);
  dovecot = imap;
  postroom = cli(office.home);
  await dovecot.addUser(support, password);
  await writeFile(join(office.home, 'ca.pem'), `${dovecot.ca}\n${smtp.ca}`);
  const servers = ['--imap', `imaps://localhost:${dovecot.ports.imaps}`, '--smtp', smtp.url, '--tls-ca', join(office.home, 'ca.pem')];
  const add = postroom.with({ env: { MAIL_PASSWORD: password } });
  const added = await add('mailbox', 'add', support, ...servers, '--password-env', 'MAIL_PASSWORD', '--work-from', 'all', '--json');
  expect([added.code, added.err]).toEqual([0, '']);
});
afterAll(() => cleanup.disposeAsync());

type Row = { conversation: string; subject: string; state: string };
type Shown = { state: string; messages: { id: string; messageId: string; direction: string; marks: string[]; folders: string[] }[] };
const panel = async (): Promise<Row[]> => ((await postroom('panel', '--view', 'team', '--json')).json as { rows: Row[] }).rows;
const rows = async (): Promise<Row[]> => ((await postroom('list', support, '--json')).json as { rows: Row[] }).rows;
const show = async (conversation: string): Promise<Shown> => (await postroom('show', conversation, '--json')).json as Shown;
const synced = async (): Promise<void> => expect((await postroom('sync', support, '--wait')).code).toBe(0);
const write = (input: Partial<MailInput> & { subject: string }): Buffer =>
  mail({ from: 'Jane <jane@customer.example>', to: support, text: `${input.subject}.`, date: Date.now(), ...input });
const about = async (subject: string): Promise<string> =>
  await eventually(async () => {
    const found = (await rows()).filter((row) => row.subject === subject);
    expect(found).toHaveLength(1);
    return found[0]?.conversation ?? '';
  });

test('mail with our From is work, and says what it is; an answer in Sent is ours', async () => {
  await dovecot.deliver(support, write({ subject: 'Form', from: `Website <${support}>`, messageId: 'form-1@shop.example' }));
  await synced();
  const conversation = await about('Form');
  expect((await panel()).find((row) => row.conversation === conversation)).toMatchObject({ state: 'open' });
  expect((await show(conversation)).messages.map(({ marks }) => marks)).toEqual([['claims-ours']]);
  expect((await postroom('show', conversation)).out).toContain('! claims to be from us: only its From line says so');

  const answer = write({
    subject: 'Re: Form',
    from: support,
    to: 'jane@customer.example',
    inReplyTo: 'form-1@shop.example',
    messageId: 'tb@x',
    cc: support,
  });
  await dovecot.deliver(support, answer, 'INBOX');
  await synced();
  expect((await show(conversation)).state).toBe('open');
  await dovecot.deliver(support, answer, 'Sent', ['\\Seen']);
  await synced();
  const shown = await show(conversation);
  expect(shown.messages.map(({ marks, folders }) => [...marks, ...folders.toSorted()].join(' '))).toEqual([
    'claims-ours INBOX',
    'outside-postroom INBOX Sent',
  ]);
  expect(shown.state).toBe('waiting');
  expect((await postroom('show', conversation)).out).toContain('sent outside Postroom');
});

test('a provider files its own copy under another id: one mail, and the answer finds it', async () => {
  const sent = await postroom(
    'send',
    '--from',
    support,
    '--to',
    'jane@customer.example',
    '--subject',
    'Offer',
    '--body',
    'Ten lamps.',
    '--wait',
    '--json',
  );
  expect(sent.code).toBe(0);
  const [copy] = await eventually(async () => {
    const stored = await dovecot.messages(support, 'Sent');
    const all = await Promise.all(stored.map(({ uid }) => dovecot.octets(support, 'Sent', uid)));
    const found = all.filter((octets) => octets.includes('Subject: Offer'));
    expect(found).toHaveLength(1);
    return found;
  });
  const rewritten = (copy ?? Buffer.alloc(0)).toString('latin1').replace(/^Message-ID: .*$/im, 'Message-ID: <other@prod.example>');
  await dovecot.deliver(support, Buffer.from(rewritten, 'latin1'), 'Sent', ['\\Seen']);
  await dovecot.deliver(support, write({ subject: 'Re: Offer', inReplyTo: 'other@prod.example', references: ['other@prod.example'] }));
  await synced();
  const shown = await show(await about('Offer'));
  expect([shown.state, ...shown.messages.map(({ direction, marks }) => [direction, ...marks].join(' '))]).toEqual(['open', 'out', 'in']);
});

test('two customers of one form are two conversations, and who answers one has not answered the other', async () => {
  const id = { messageId: 'form@shop.example', inReplyTo: support };
  await dovecot.deliver(support, write({ subject: 'Socks', from: 'g@c7.example', ...id }));
  await dovecot.deliver(support, write({ subject: 'Hats', from: 'h@c8.example', ...id }));
  await synced();
  const [socks, hats] = [await about('Socks'), await about('Hats')];
  expect((await postroom('reply', hats, '--body', 'On their way.', '--wait')).code).toBe(0);
  expect([(await show(socks)).state, (await show(hats)).state]).toEqual(['open', 'waiting']);
  await dovecot.deliver(
    support,
    write({ subject: 'Re: Hats', from: 'h@c8.example', inReplyTo: (await show(hats)).messages.at(-1)?.messageId ?? '' }),
  );
  await synced();
  expect([(await show(socks)).messages.length, (await show(hats)).messages.length]).toEqual([1, 3]);
});
