/** Mail that was deleted on the server, as people meet it: `timeline` and `show`, for whom, and never more than who and what. */
import { writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { cli, identityFile } from './support/cli.ts';
import { type Postroom, startPostroom } from './support/postroom.ts';

/** Another client deletes what a conversation holds; the grace of the sweep is over. */
async function deleted(postroom: Postroom, mailbox: string, conversation: string): Promise<void> {
  const { store } = postroom.daemon.world;
  const id = (await store.mailboxOf('conversation', conversation)) ?? '';
  const places = await store.placed(conversation);
  const policy = { addresses: [mailbox], workFrom: null, followServer: true, seenBy: null };
  for (const { placement } of places) {
    const { folder, uidValidity, uid } = placement;
    await store.applyChanges({ mailbox: id, policy, folder, uidValidity, flags: [], gone: [uid], checkpoint: {} });
  }
  const db = new DatabaseSync(`${postroom.home}/mail.db`);
  db.exec('PRAGMA busy_timeout = 10000; UPDATE entry SET unplaced_at = 0 WHERE unplaced_at IS NOT NULL');
  db.close();
  const eva = await postroom.as('eva');
  await expect.poll(async () => (await eva.call('conversation.show', { conversation })).messages).toEqual([]);
}

test('who and what stay for those with Access, by every door that tells history, and by no other', async () => {
  await using postroom = await startPostroom();
  for (const name of ['ben', 'li', 'kim']) {
    await postroom.person(name);
    await writeFile(identityFile(postroom.home, name), JSON.stringify(postroom.identity(name)), { mode: 0o600 });
  }
  const mailbox = await postroom.mailbox('support');
  await postroom.grant('ben', mailbox, { access: true });
  await postroom.grant('li', mailbox, { send: true });
  await postroom.deliver(mailbox, { subject: 'Pump P-17 leaks', text: 'canary words\n', cc: 'Bob <bob@example.net>' });
  const { conversation } = await postroom.newest(mailbox);
  const ben = await postroom.as('ben');
  await (await postroom.as('eva')).call('conversation.note', { conversation, text: 'Called Jane.' });
  const [before] = (await ben.call('conversation.show', { conversation })).messages;
  await deleted(postroom, mailbox, conversation);

  const shown = await ben.call('conversation.show', { conversation });
  expect(shown.gone).toEqual([
    {
      id: before?.id,
      date: expect.any(String),
      direction: 'in',
      from: [{ name: 'Jane Cooper', address: 'jane@example.org' }],
      to: [{ name: null, address: mailbox }],
      subject: 'Pump P-17 leaks',
    },
  ]);
  expect([shown.subject, shown.notes.length, shown.earlier]).toEqual(['Pump P-17 leaks', 1, null]);
  const scopes = [
    ['timeline.mailbox', { mailbox }],
    ['timeline.conversation', { conversation }],
    ['timeline.contact', { address: 'bob@example.net' }],
  ] as const;
  for (const [method, params] of scopes) {
    const { rows } = await ben.call(method, params as never);
    expect([method, rows.filter(({ gone }) => gone).map(({ subject, message, summary }) => [subject, message, summary])]).toEqual([
      method,
      [['Pump P-17 leaks', null, 'No longer on the server.']],
    ]);
  }
  // Send opens the conversation, not its history; no right opens nothing.
  const li = await (await postroom.as('li')).call('conversation.show', { conversation });
  expect([li.gone, li.notes.length, li.earlier]).toEqual([[], 1, null]);
  expect((await (await postroom.as('kim')).call('timeline.contact', { address: 'bob@example.net' })).rows).toEqual([]);

  const postroomCli = cli(postroom.home);
  const [line, thread] = [await postroomCli.as('ben')('timeline', '--mailbox', mailbox), await postroomCli.as('ben')('show', conversation)];
  expect(line.out).toMatch(/mail-in +Jane Cooper .*\[no longer on the server\] +Pump P-17 leaks/);
  expect(thread.out).toMatch(
    /Jane Cooper <jane@example\.org> → support@\S+\n +Pump P-17 leaks\n +\[no longer on the server\]\n[\s\S]*NOTE by eva/,
  );
  expect((await postroomCli.as('ben')('show', conversation, '--json')).json).toMatchObject({ gone: [{ subject: 'Pump P-17 leaks' }] });
  expect((await postroomCli.as('li')('show', conversation)).out).not.toContain('no longer on the server');
  expect((await postroomCli.as('kim')('show', conversation)).code).toBe(4);
  for (const query of ['canary', 'pump', 'subject:P-17', 'from:jane@example.org'])
    expect((await postroomCli('search', query, '--json')).json).toMatchObject({ rows: [] });
  expect(line.out + thread.out).not.toContain('canary');
});

test('a long history is read in parts that leave none out', async () => {
  await using postroom = await startPostroom();
  await postroom.person('li');
  const mailbox = await postroom.mailbox('support');
  await postroom.grant('li', mailbox, { send: true });
  const root = { messageId: 'root@example.net', text: 'x' };
  await postroom.deliver(mailbox, { subject: 'Long', ...root });
  const { conversation } = await postroom.newest(mailbox);
  await deleted(postroom, mailbox, conversation);
  const eva = await postroom.as('eva');
  for (let n = 0; n < 205; n++) await eva.call('conversation.note', { conversation, text: `${n}` });
  const first = await eva.call('conversation.show', { conversation });
  expect([first.gone, first.notes.length, first.earlier]).toEqual([[], 200, { messages: 1, notes: 5, cursor: expect.any(String) }]);
  const rest = await eva.call('conversation.show', { conversation, before: first.earlier?.cursor ?? '' });
  expect([rest.gone.map(({ subject }) => subject), rest.notes.length, rest.earlier]).toEqual([['Long'], 5, null]);
  // Whoever may not read history learns of no number either.
  const li = await postroom.as('li');
  expect((await li.call('conversation.show', { conversation })).earlier).toMatchObject({ messages: 0, notes: 5 });
});
