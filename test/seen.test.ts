/** Verbs that carry the revision they saw: what comes at the same moment is not moved, and not written past. */
import { expect, test, vi } from 'vitest';
import { outcome, startPostroom } from './support/postroom.ts';

const answer = (support: string, round: number): Buffer =>
  Buffer.from(
    `From: jane@example.net\r\nTo: ${support}\r\nSubject: Re: Order ${round}\r\nMessage-ID: <more-${round}@example.net>\r\n` +
      `In-Reply-To: <first-${round}@example.net>\r\nReferences: <first-${round}@example.net>\r\nDate: ${new Date().toUTCString()}\r\n\r\nPlease cancel it!\r\n`,
  );

const asks = ['mailboxOf', 'conversation', 'seenPlaces', 'placed', 'folders', 'moveHosted'] as const;
/** Before which question of the move the mail comes in; one more than a move asks, so that it also comes after the last one. */
const moments = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

test('a mail that comes in anywhere in the middle of a move is not among those that go', async () => {
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  const eva = await postroom.as('eva');
  const { store } = postroom.daemon.world;
  const outcomes = new Set<string>();
  for (const moment of moments) {
    await postroom.deliver(support, { subject: `Order ${moment}`, messageId: `<first-${moment}@example.net>`, from: 'jane@example.net' });
    const { rows } = await eva.call('conversation.list', { mailbox: support });
    const row = rows.find(({ subject }) => subject === `Order ${moment}`);
    const { conversation = '', revision = 0 } = row ?? {};
    let asked = 0;
    const spies = asks.map((name) => {
      const real = store[name].bind(store) as (...given: unknown[]) => Promise<unknown>;
      return vi.spyOn(store, name).mockImplementation((async (...given: unknown[]) => {
        if (asked++ === moment) await postroom.deliver(support, answer(support, moment));
        return real(...given);
      }) as never);
    });
    const moving = eva.call('conversation.move', { conversation, to: { role: moment % 2 === 0 ? 'trash' : 'junk' }, ifRevision: revision });
    const done = await outcome(moving);
    for (const spy of spies) spy.mockRestore();
    if (asked <= moment) await postroom.deliver(support, answer(support, moment));
    outcomes.add(done);
    expect([moment, done, done === 'yes' ? (await moving).moved : 1]).toEqual([moment, done, 1]);
    const { rows: inbox } = await eva.call('folder.list', { mailbox: support, folder: 'INBOX' });
    expect([moment, inbox.find((one) => one.conversation === conversation)?.state]).toEqual([moment, 'open']);
  }
  expect([...outcomes].toSorted()).toEqual(['conflict', 'yes']);
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
