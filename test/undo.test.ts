/** Undo of what a verb did to a conversation: everything is as before, in a hosted mailbox and in one with a server of its own. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../protocol/client.ts';
import { type Dovecot, startDovecot } from './support/dovecot.ts';
import { mail } from './support/message.ts';
import { type Postroom, startPostroom } from './support/postroom.ts';

const cleanup = new AsyncDisposableStack();
let office: Postroom;
let eva: Client;
let dovecot: Dovecot;
/** Puts a mail into the inbox and waits until it is there. */
type Place = { address: string; deliver: (raw: Buffer) => Promise<void> };
const placed = new Map<string, Place>();

beforeAll(async () => {
  [office, dovecot] = await Promise.all([startPostroom({ config: { sync: { retryMinMs: 50 } } }), startDovecot()]);
  cleanup.use(dovecot);
  cleanup.use(office);
  eva = await office.as('eva');
  await office.person('ben');
  const hosted = await office.mailbox('support');
  placed.set('hosted', { address: hosted, deliver: (raw) => office.deliver(hosted, raw) });
  const address = 'desk@example.org';
  await dovecot.addUser(address, 'correct horse');
  await eva.call('mailbox.add', {
    address,
    imap: `imaps://localhost:${dovecot.ports.imaps}`,
    smtp: 'smtps://localhost:1',
    ca: dovecot.ca,
    secret: { kind: 'password', password: 'correct horse' },
    shared: true,
  });
  const deliver = async (raw: Buffer): Promise<void> => {
    // Delivery there would put a null Return-Path before it, which says that a machine wrote it.
    await dovecot.fill(address, [raw]);
    await eva.call('mailbox.sync', { mailbox: address, wait: true }, { timeoutMs: 60_000 });
  };
  placed.set('with a server', { address, deliver });
  for (const mailbox of [hosted, address]) await office.grant('ben', mailbox, { access: true, send: true });
});
afterAll(() => cleanup.disposeAsync());

let letters = 0;
type Thread = { conversation: string; mailbox: string; more: () => Promise<void> };
/** A thread of so many mails; `automatic`: by a machine, which reopens nothing. */
async function thread(kind: string, mails: number, automatic = false): Promise<Thread> {
  const place = placed.get(kind);
  if (place === undefined) throw new Error(`no mailbox is ${kind}`);
  const subject = `Order ${++letters}`;
  const id = (n: number): string => `<o${subject.slice(6)}-${n}@example.net>`;
  let next = 0;
  const more = async (): Promise<void> => {
    const n = next++;
    const answers = n === 0 ? {} : { inReplyTo: id(0), references: [id(0)] };
    const headers: Record<string, string> = automatic ? { 'Auto-Submitted': 'auto-generated' } : {};
    const it = { from: 'Jane <jane@example.net>', to: place.address, subject, text: `${n}\n`, messageId: id(n), headers, ...answers };
    await place.deliver(mail(it));
  };
  while (next < mails) await more();
  const { rows } = await eva.call('conversation.list', { mailbox: place.address });
  const found = rows.find((row) => row.subject === subject);
  if (found === undefined) throw new Error(`there is no conversation ${subject}`);
  return { conversation: found.conversation, mailbox: place.address, more };
}
const stand = async (conversation: string) => {
  const { state, waitingSince, assignee, revision } = await eva.call('conversation.show', { conversation });
  return { state, waitingSince, assignee, revision };
};

describe.each(['hosted', 'with a server'])('%s', (kind) => {
  for (const to of ['trash', 'junk', 'archive'] as const)
    test.each([
      [2, false, 'open'],
      [1, true, 'open'],
      [1, false, 'done'],
    ] as const)(`${to} and back: %i mails, automatic %s, %s`, async (mails, automatic, state) => {
      const { conversation, more } = await thread(kind, mails, automatic);
      await eva.call('conversation.take', { conversation });
      if (state === 'done') await eva.call('conversation.mark', { conversation, as: 'done' });
      const before = await stand(conversation);
      // And once more, as undo, redo and undo do.
      for (let round = 0; round < 2; round++) {
        const { back, moved } = await eva.call('conversation.move', { conversation, to: { role: to }, ifRevision: before.revision });
        expect([moved, (await stand(conversation)).state]).toEqual([mails, 'done']);
        expect((await eva.call('conversation.move', { conversation, to: { back } })).moved).toBe(mails);
        expect(await stand(conversation)).toEqual(before);
      }
      await more();
      expect((await stand(conversation)).revision).toBe(before.revision + 1);
    });

  test('a mail that came after the move keeps what it moved', async () => {
    const { conversation, more } = await thread(kind, 1);
    const { back } = await eva.call('conversation.move', { conversation, to: { role: 'trash' } });
    await more();
    const since = await stand(conversation);
    expect(since).toMatchObject({ state: 'open', revision: 2 });
    await eva.call('conversation.move', { conversation, to: { back } });
    expect(await stand(conversation)).toMatchObject({ state: 'open', revision: 2 });
  });

  for (const as of ['undone', 'open'] as const)
    test(`done and ${as}: the customer keeps their place in the queue, whoever wrote first`, async () => {
      const { conversation, mailbox, more } = await thread(kind, 1, true);
      await more();
      const later = await thread(kind, 1);
      const before = await stand(conversation);
      const queue = async () => {
        const { rows } = await eva.call('panel.list', { mailbox, limit: 200 });
        return rows.map((row) => row.conversation);
      };
      const order = await queue();
      expect(order.indexOf(conversation)).toBeLessThan(order.indexOf(later.conversation));
      expect((await eva.call('conversation.mark', { conversation, as: 'done' })).changed).toBe(true);
      expect(await eva.call('conversation.mark', { conversation, as })).toMatchObject({ changed: true, state: 'open' });
      expect([await stand(conversation), await queue()]).toEqual([before, order]);
    });

  test('what a colleague closed is theirs: done says that it was so, and undo leaves it', async () => {
    const { conversation } = await thread(kind, 1);
    const ben = await office.as('ben');
    expect((await ben.call('conversation.mark', { conversation, as: 'done' })).changed).toBe(true);
    expect(await eva.call('conversation.mark', { conversation, as: 'done' })).toMatchObject({ changed: false, state: 'done' });
    expect(await eva.call('conversation.mark', { conversation, as: 'undone' })).toMatchObject({ changed: false, state: 'done' });
    // One's own, which a colleague opened and closed since.
    await eva.call('conversation.mark', { conversation, as: 'open' });
    await eva.call('conversation.mark', { conversation, as: 'done' });
    for (const as of ['open', 'done'] as const) await ben.call('conversation.mark', { conversation, as });
    expect(await eva.call('conversation.mark', { conversation, as: 'undone' })).toMatchObject({ changed: false, state: 'done' });
    expect(await ben.call('conversation.mark', { conversation, as: 'undone' })).toMatchObject({ changed: true, state: 'open' });
    // And what is open is nothing to undo.
    expect(await ben.call('conversation.mark', { conversation, as: 'undone' })).toMatchObject({ changed: false, state: 'open' });
  });
});
