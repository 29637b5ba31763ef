/** Verbs that carry the revision they saw: what comes at the same moment is not moved, and not written past. */
import { expect, test } from 'vitest';
import { outcome, startPostroom } from './support/postroom.ts';

const answer = (support: string, round: number): Buffer =>
  Buffer.from(
    `From: jane@example.net\r\nTo: ${support}\r\nSubject: Re: Order ${round}\r\nMessage-ID: <more-${round}@example.net>\r\n` +
      `In-Reply-To: <first-${round}@example.net>\r\nReferences: <first-${round}@example.net>\r\nDate: ${new Date().toUTCString()}\r\n\r\nPlease cancel it!\r\n`,
  );

test('a move and an arrival at the same moment: the mail that nobody saw is not among those that went', async () => {
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  const eva = await postroom.as('eva');
  const outcomes = new Set<string>();
  for (let round = 0; round < 12; round++) {
    await postroom.deliver(support, { subject: `Order ${round}`, messageId: `<first-${round}@example.net>`, from: 'jane@example.net' });
    const { rows } = await eva.call('conversation.list', { mailbox: support });
    const row = rows.find(({ subject }) => subject === `Order ${round}`);
    const { conversation = '', revision = 0 } = row ?? {};
    const moving = eva.call('conversation.move', { conversation, to: { role: round % 2 === 0 ? 'trash' : 'junk' }, ifRevision: revision });
    const [done] = await Promise.all([outcome(moving), postroom.deliver(support, answer(support, round))]);
    outcomes.add(done);
    const moved = done === 'yes' ? (await moving).moved : 0;
    expect([round, done, moved]).toEqual([round, done, done === 'yes' ? 1 : 0]);
    const { state, messages } = await eva.call('conversation.show', { conversation });
    expect([round, state, messages.length]).toEqual([round, 'open', 2]);
    const { rows: inbox } = await eva.call('folder.list', { mailbox: support, folder: 'INBOX' });
    expect([round, inbox.some((one) => one.conversation === conversation)]).toEqual([round, true]);
  }
  expect([...outcomes].filter((one) => one !== 'yes' && one !== 'conflict')).toEqual([]);
});

test('a move and a note carry what was seen', async () => {
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  const eva = await postroom.as('eva');
  await postroom.deliver(support, { subject: 'Order 0', messageId: '<first-0@example.net>', from: 'jane@example.net' });
  const { conversation, revision } = await postroom.newest(support);
  const noted = await eva.call('conversation.note', { conversation, text: 'called them', ifRevision: revision });
  expect(noted.revision).toBe(revision + 1);
  await postroom.deliver(support, answer(support, 0));
  for (const ifRevision of [revision, noted.revision]) {
    expect(await outcome(eva.call('conversation.note', { conversation, text: 'late', ifRevision }))).toBe('conflict');
    expect(await outcome(eva.call('conversation.mark', { conversation, as: 'done', ifRevision }))).toBe('conflict');
    for (const to of [{ role: 'trash' }, { role: 'junk' }, { role: 'archive' }, { folder: 'INBOX' }] as const)
      expect(await outcome(eva.call('conversation.move', { conversation, to, ifRevision }))).toBe('conflict');
  }
  const { notes, state } = await eva.call('conversation.show', { conversation });
  expect([notes.map(({ text }) => text), state]).toEqual([['called them'], 'open']);
  expect(await outcome(eva.call('conversation.note', { conversation, text: 'now', ifRevision: noted.revision + 1 }))).toBe('yes');
});
