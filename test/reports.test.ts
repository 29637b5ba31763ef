/** What comes back over SMTP to a mailbox that the daemon keeps itself, as clients are told it. */
import { expect, test } from 'vitest';
import { smtpSession } from './support/hosted.ts';
import { startPostroom } from './support/postroom.ts';

const report = (id: string, who: string, head: readonly string[] = []): string =>
  [
    'From: MAILER-DAEMON@mx.example (Mail Delivery System)',
    'Subject: failure notice',
    `Message-ID: <report-${id}@mx.example>`,
    ...head,
    '',
    'Hi. This is the qmail-send program at mx.example.',
    '',
    `<${who}>:`,
    'Sorry, no mailbox here by that name. (#5.1.1)',
    '',
    '--- Below this line is a copy of the message.',
    '',
    `Message-ID: ${id}`,
    'Subject: Offer',
    '',
    'Hello',
  ].join('\r\n');

test('a new mail that came back, to a hosted mailbox with a null sender', async () => {
  await using postroom = await startPostroom();
  const [support, sales] = [await postroom.mailbox('support'), await postroom.mailbox('sales')];
  const eva = await postroom.as('eva');
  const sent = await eva.call('outbox.send', { from: support, to: sales, subject: 'Offer', body: 'Hello.' });
  const outbox = sent.outbox ?? '';
  const show = () => eva.call('outbox.show', { outbox });
  await expect.poll(async () => (await show()).state).toBe('accepted');
  const state = async () => (await eva.call('conversation.show', { conversation: sent.conversation ?? '' })).state;
  expect(await state()).toBe('waiting');

  using session = await smtpSession(postroom.daemon.smtpPort);
  expect((await session.send('', [support], report(sent.messageId, sales))).at(-1)).toMatch(/^250/);
  const bounced = await show();
  expect(bounced).toMatchObject({
    state: 'bounced',
    recipients: [{ address: sales, state: 'bounced', reply: 'Sorry, no mailbox here by that name. (#5.1.1)' }],
    details: { reports: [{ kind: 'failed', conversation: sent.conversation }] },
  });
  const shown = await eva.call('conversation.show', { conversation: sent.conversation ?? '' });
  expect(shown.state).toBe('open');
  const [mail, itself] = shown.messages;
  expect(mail).toMatchObject({ id: bounced.details?.reports[0]?.about, outbox: { state: 'bounced' }, reports: [{ message: itself?.id }] });
  expect(itself).toMatchObject({ automatic: true, report: { about: mail?.id, outbox } });
  const told = await eva.call('timeline.conversation', { conversation: sent.conversation ?? '', kinds: ['delivery'] });
  expect(told.rows.map(({ summary }) => summary)).toContain(`${sales}: did not arrive (Sorry, no mailbox here by that name. (#5.1.1))`);
  expect((await eva.call('outbox.list', { states: ['bounced'] })).rows.map(({ id }) => id)).toEqual([outbox]);

  // Forged: an id that is ours and somebody it never went to, somebody it went to and an id that is not ours.
  await eva.call('outbox.retry', { outbox });
  await expect.poll(state).toBe('waiting');
  await session.send('', [support], report(sent.messageId, 'other@example.org', ['X-Try: 1']));
  await session.send('', [support], report(`<guess@${support.split('@')[1]}>`, sales));
  expect(await show()).toMatchObject({ state: 'accepted', recipients: [{ state: 'accepted' }] });
  expect(await state()).toBe('waiting');
  const { reports } = await eva.call('outbox.list', {});
  expect(reports.map(({ about, mailbox }) => [about, mailbox])).toEqual([
    [null, support],
    [null, support],
  ]);
});
