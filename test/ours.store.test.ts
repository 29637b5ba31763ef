/** What is ours and what only says so; forms of one mail; two customers in one mailbox. On a real store, whose invariants hold at the end. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QueueResult } from '../daemon/store/types.ts';
import { type MailInput, mail } from './support/message.ts';
import { answer, customer, type FolderPath, letter, listed, minute, storeStory, support } from './support/store.ts';

type Story = Awaited<ReturnType<typeof storeStory>>;
let host: Story;
let mailboxes = 0;
beforeAll(async () => {
  host = await storeStory();
});
afterAll(() => host[Symbol.asyncDispose]());
const story = (): Promise<Story> => storeStory({ mailbox: `box-${++mailboxes}`, beside: host.store });

function queued(result: QueueResult) {
  if (!result.ok) throw new Error('refused');
  return result.row;
}
const view = async (box: Story, conversation: string) => {
  const { row, entries } = await box.detail(conversation);
  return { state: row.state, mails: entries.map(({ direction, marks }) => [direction, ...marks].join(' ')) };
};
const rows = async (box: Story): Promise<string[]> =>
  (await box.store.list({ person: 'ann', mailbox: box.seen, folder: null, state: 'any', limit: 50, cursor: null })).rows
    .map((row) => `${row.subject}: ${row.state} ${row.messages}`)
    .sort();
const form = (more: Partial<MailInput> = {}) =>
  mail({ from: `Website <${support}>`, to: support, subject: 'Form', text: 'Mail: jane@customer.example', messageId: 'form@x', ...more });

describe('a From line proves nothing', () => {
  test.each<[string, FolderPath, string, string]>([
    ['a form', 'INBOX', 'open', 'in claims-ours'],
    ['in a folder of users', 'Projects', 'open', 'in claims-ours'],
    ['filed', 'Archive', 'done', 'in claims-ours'],
    ['in Sent', 'Sent', 'waiting', 'out outside-postroom'],
  ])('%s, in %s: %s', async (_, folder, state, mark) => {
    for (const origin of ['live', 'import'] as const) {
      const box = await story();
      const { conversation } = await box.one(folder, origin, form(), minute(1));
      expect(await view(box, conversation)).toEqual({ state, mails: [mark] });
    }
  });

  test('a sub-address of ours claims as well', async () => {
    const box = await story();
    const { conversation } = await box.one('INBOX', 'live', form({ from: 'support+web@example.com' }), minute(1));
    expect(await view(box, conversation)).toEqual({ state: 'open', mails: ['in claims-ours'] });
  });

  test('a draft in Drafts is ours, and is nobody’s first form', async () => {
    const box = await story();
    const draft = answer({ id: 'd', date: minute(1) });
    await box.one('Drafts', 'live', draft, minute(1));
    const sent = await box.one('Sent', 'live', answer({ id: 'd', date: minute(1), headers: { 'X-Sent': '1' } }), minute(2));
    expect(await view(box, sent.conversation)).toEqual({ state: 'waiting', mails: ['out outside-postroom'] });
  });

  test('forged as ourselves it answers nothing and closes nothing', async () => {
    const box = await story();
    const { conversation } = await box.one('INBOX', 'live', letter({ id: 'q' }), minute(1));
    await box.one('INBOX', 'live', answer({ id: 'forged', answers: 'q' }), minute(2));
    expect(await view(box, conversation)).toEqual({ state: 'open', mails: ['in new-sender', 'in claims-ours'] });
    await box.one('Sent', 'live', answer({ id: 'real', answers: 'q' }), minute(3));
    expect((await view(box, conversation)).state).toBe('waiting');
    await box.one('INBOX', 'live', answer({ id: 'again', answers: 'real' }), minute(4));
    expect((await view(box, conversation)).state).toBe('open');
  });

  test('our ids, replayed with other words, other files or another hand, hide nothing', async () => {
    const box = await story();
    const headers = { 'X-Postroom-Id': 'postroom-1' };
    const ours: Parameters<typeof answer>[0] = {
      id: 'ours',
      date: minute(1),
      headers,
      attachments: [{ filename: 'a.txt', content: 'fine' }],
    };
    const { conversation } = queued(await box.send(answer(ours), { messageId: '<ours@example.test>', now: minute(1), sendAt: minute(1) }));
    const replays = [
      { text: 'Pay to another account.' },
      { attachments: [{ filename: 'a.txt', content: 'else' }] },
      { text: 'This is ours.\n\nPay to another account.' },
      { text: 'This is ours.\n\n____\nPay to another account.', headers },
      { date: minute(2) },
      { subject: 'Bank' },
      { html: '<b>Pay</b>' },
      { from: customer },
      { from: 'eve@else.example', to: support },
    ];
    for (const [n, replay] of replays.entries()) {
      const got = await box.one('INBOX', 'live', answer({ ...ours, ...replay }), minute(3 + n));
      const detail = await box.detail(got.conversation);
      expect(detail.entries.find(({ id }) => id === got.entry)).toMatchObject({ direction: 'in' });
      expect(detail.row.state).toBe('open');
    }
    expect((await box.detail(conversation)).entries.filter(({ direction }) => direction === 'out')).toHaveLength(1);
  });

  test.each<[string, (first: Parameters<typeof answer>[0]) => Buffer]>([
    ['with trace headers', (it) => answer({ ...it, headers: { ...it.headers, Received: 'from a by b' } })],
    [
      'over a list: tag and footer',
      (it) =>
        answer({
          ...it,
          subject: '[help] Order',
          text: 'This is ours.\n\n_____\nLeave the list: x',
          headers: { ...it.headers, 'List-Id': '<h.x>' },
        }),
    ],
    ['with other line ends', (it) => Buffer.from(answer(it).toString('utf8').replaceAll('\r\n', '\n'))],
    ['with another Message-ID', (it) => answer({ ...it, messageId: '<other@relay.example>' })],
  ])('what we queued comes to ourselves %s: it is shown once', async (_, copy) => {
    const box = await story();
    const ours = { id: 'ours', date: minute(1), headers: { 'X-Postroom-Id': 'postroom-1' } };
    const row = queued(await box.send(answer(ours), { messageId: '<ours@example.test>', now: minute(1), sendAt: minute(1) }));
    const got = await box.one('INBOX', 'live', copy(ours), minute(2));
    expect(got.entry).toBe(row.entry);
    expect(await view(box, row.conversation)).toEqual({ state: 'waiting', mails: ['out'] });
    expect((await box.store.entry(row.entry))?.placements.map(({ path }) => path)).toEqual(['INBOX']);
  });

  test.each<[string, ['Sent' | 'INBOX', 'Sent' | 'INBOX']]>([
    ['first in Sent', ['Sent', 'INBOX']],
    ['first in the inbox', ['INBOX', 'Sent']],
  ])('another program’s mail with ourselves in Cc is one, %s', async (_, order) => {
    for (const [same, origin] of [
      [true, 'live'],
      [true, 'import'],
      [false, 'live'],
      [false, 'import'],
    ] as const) {
      const box = await story();
      const it = { id: 'own', date: minute(1), cc: support };
      let conversation = '';
      for (const folder of order) {
        const octets = answer(folder === 'INBOX' && !same ? { ...it, headers: { Received: 'from a by b' } } : it);
        ({ conversation } = await box.one(folder, origin, octets, minute(folder === 'INBOX' ? 2 : 1)));
      }
      expect(await rows(box)).toEqual(['Order: waiting 1']);
      expect(await view(box, conversation)).toEqual({ state: 'waiting', mails: ['out outside-postroom'] });
    }
  });

  test('a mail that claimed to be ours and is moved to Sent is ours; what people decided stays', async () => {
    const box = await story();
    const got = await box.one('INBOX', 'live', answer({ id: 'own' }), minute(1));
    await box.store.work(got.conversation, { kind: 'done' }, 'ann', minute(2), null);
    await box.one('Sent', 'live', answer({ id: 'own' }), minute(1));
    expect(await view(box, got.conversation)).toEqual({ state: 'done', mails: ['out outside-postroom'] });
  });

  test('a folder that turns out to be Sent makes ours what claimed to be; a mail from outside in it stays one', async () => {
    const box = await story();
    const q = await box.one('INBOX', 'live', letter({ id: 'q' }), minute(1));
    await box.one('Projects', 'live', answer({ id: 'own', answers: 'q' }), minute(2));
    await box.one('Projects', 'live', letter({ id: 'kept', subject: 'Kept' }), minute(3));
    expect((await view(box, q.conversation)).state).toBe('open');
    const folders = listed.map((it) => ({ ...it, name: it.path, delimiter: '/', selectable: true }));
    await box.store.putFolders(
      box.mailbox,
      folders.map((it) => (it.path === 'Projects' ? { ...it, role: 'sent' } : it)),
    );
    expect(await view(box, q.conversation)).toMatchObject({ state: 'waiting', mails: ['in new-sender', 'out outside-postroom'] });
    expect(await rows(box)).toEqual(['Kept: done 1', 'Order: waiting 2']);
  });

  test('a copy in Sent under another Message-ID folds, and who answers that id answers us', async () => {
    for (const begun of [true, false]) {
      const box = await story();
      const headers = { 'X-Postroom-Id': 'postroom-1' };
      const q = begun ? null : await box.one('INBOX', 'live', letter({ id: 'q' }), minute(0));
      const ours = { id: 'ours', date: minute(1), headers, subject: 'Offer', ...(begun ? {} : { answers: 'q' }) };
      const row = queued(
        await box.send(answer(ours), {
          messageId: '<ours@example.test>',
          conversation: q?.conversation ?? null,
          now: minute(1),
          sendAt: minute(1),
        }),
      );
      await box.one('Sent', 'live', answer(ours), minute(1));
      const copy = await box.one('Sent', 'live', answer({ ...ours, messageId: '<other@prod.example>' }), minute(1));
      expect(copy).toMatchObject({ entry: row.entry, conversation: row.conversation });
      const back = mail({
        from: 'colleague@customer.example',
        to: support,
        subject: 'Yes',
        text: 'Yes.',
        inReplyTo: '<other@prod.example>',
      });
      expect((await box.one('INBOX', 'live', back, minute(3))).conversation).toBe(row.conversation);
      const { row: shown, entries } = await box.detail(row.conversation);
      expect([shown.state, entries.length]).toEqual(['open', begun ? 2 : 3]);
    }
  });

  test('an answer to that other id that comes before the copy waits apart, and is joined by it', async () => {
    const box = await story();
    const ours = { id: 'ours', date: minute(1), headers: { 'X-Postroom-Id': 'postroom-1' }, subject: 'Offer' };
    const row = queued(await box.send(answer(ours), { messageId: '<ours@example.test>', now: minute(1), sendAt: minute(1) }));
    const back = mail({ from: 'colleague@customer.example', to: support, subject: 'Yes', text: 'Yes.', inReplyTo: '<other@prod.example>' });
    const apart = await box.one('INBOX', 'live', back, minute(3));
    expect(apart.conversation).not.toBe(row.conversation);
    await box.one('Sent', 'live', answer({ ...ours, messageId: '<other@prod.example>' }), minute(1));
    expect(await rows(box)).toEqual(['Offer: open 2']);
  });

  test('two mails of ours in Sent with one Message-ID are two', async () => {
    const box = await story();
    await box.one('Sent', 'live', answer({ id: 'same', subject: 'Hats' }), minute(1));
    await box.one('Sent', 'live', answer({ id: 'same', subject: 'Socks', to: 'tom@buyer.example' }), minute(2));
    expect(await rows(box)).toEqual(['Hats: waiting 1', 'Socks: waiting 1']);
    await box.one('INBOX', 'live', letter({ id: 'a', answers: 'same', subject: 'Re: Hats' }), minute(3));
    expect(await rows(box)).toEqual(['Hats: open 2', 'Socks: waiting 1']);
  });
});

describe('two customers never share a state', () => {
  const jane = 'jane@customer.example';
  const tom = 'tom@buyer.example';
  test.each<[string, Partial<MailInput>, Partial<MailInput>]>([
    ['our address in In-Reply-To', { inReplyTo: support }, { inReplyTo: support }],
    ['one Message-ID', { messageId: 'form@x' }, { messageId: 'form@x' }],
    ['one root', { references: ['root@x'] }, { references: ['root@x'] }],
    ['one root, which is the first of them', { messageId: 'root@x' }, { references: ['root@x'] }],
    [
      'a form that writes as us',
      { from: support, messageId: 'f@x', headers: { 'Reply-To': jane } },
      { from: support, messageId: 'f@x', headers: { 'Reply-To': tom } },
    ],
  ])('%s', async (_, one, other) => {
    const box = await story();
    const write = (from: string, more: Partial<MailInput>): Buffer =>
      mail({ from, to: support, subject: 'Question', text: `By ${from}.`, messageId: `${from}@x`, ...more });
    const a = await box.one('INBOX', 'live', write(jane, one), minute(1));
    const b = await box.one('INBOX', 'live', write(tom, other), minute(2));
    expect(b.conversation).not.toBe(a.conversation);
    // Who answers the second has not answered the first, here or elsewhere.
    const id = (await box.store.answerable(b.conversation))?.messageId ?? '';
    await box.one(
      'Sent',
      'live',
      mail({ from: support, to: tom, subject: 'Re: Question', text: 'So.', messageId: 'so@x', inReplyTo: id }),
      minute(3),
    );
    expect([(await box.detail(a.conversation)).row.state, (await box.detail(b.conversation)).row.state]).toEqual(['open', 'waiting']);
  });

  test('ids that a relay wrote anew: by subject, marked, where one alone fits; whichever comes first', async () => {
    for (const late of [false, true]) {
      const box = await story();
      const sent = () => box.one('Sent', 'live', answer({ id: 'offer', subject: 'Offer', date: minute(1) }), minute(1));
      const back = () =>
        box.one(
          'INBOX',
          'live',
          letter({ id: 'back', subject: 'Re: Offer', date: minute(5), inReplyTo: '<anew@relay.example>' }),
          minute(5),
        );
      const first = await (late ? back() : sent());
      const second = await (late ? sent() : back());
      expect(second.conversation).toBe(first.conversation);
      expect((await view(box, first.conversation)).mails.toSorted()).toEqual(['in by-subject', 'out outside-postroom'].toSorted());
      const other = mail({
        from: tom,
        to: support,
        subject: 'Re: Offer',
        text: 'No.',
        inReplyTo: '<anew2@relay.example>',
        date: minute(6),
      });
      expect((await box.one('INBOX', 'live', other, minute(6))).conversation).not.toBe(first.conversation);
    }
    const box = await story();
    const one = await box.one('INBOX', 'live', letter({ id: 'one', date: minute(1) }), minute(1));
    const two = await box.one('INBOX', 'live', letter({ id: 'two', date: minute(2) }), minute(2));
    const which = await box.one(
      'INBOX',
      'live',
      letter({ id: 'which', subject: 'Re: Order', date: minute(3), inReplyTo: '<anew@x>' }),
      minute(3),
    );
    expect(new Set([one, two, which].map(({ conversation }) => conversation)).size).toBe(3);
  });
});

test('what the first release stored is joined by whom it is with; nothing of it is changed', async () => {
  await using box = await storeStory();
  const write = (id: string, more: Partial<MailInput> = {}): Buffer =>
    mail({ from: customer, to: support, subject: id, text: id, messageId: `${id}@x`, ...more });
  const question = await box.one('INBOX', 'live', write('q'), minute(1));
  const sent = await box.one('Sent', 'live', write('s', { from: support, to: 'tom@buyer.example' }), minute(2));
  await box.store.close();
  // As it was then: ids alone, and what had our From was ours wherever it lay.
  const db = new DatabaseSync(join(box.home, 'mail.db'));
  db.exec(`DELETE FROM thread_key;
    INSERT INTO thread_key SELECT e.mailbox, 'id ' || trim(m.message_id, '<>'), e.conversation FROM entry e JOIN message m ON m.num = e.message;
    INSERT INTO thread_key SELECT mailbox, 'id root@x', conversation FROM entry LIMIT 1`);
  db.close();
  await box.reopen();
  const arrive = async (id: string, more: Partial<MailInput>, at: number) =>
    (await box.one('INBOX', 'live', write(id, more), minute(at))).conversation;
  expect(await arrive('again', { inReplyTo: 'q@x' }, 3)).toBe(question.conversation);
  expect(await arrive('colleague', { from: 'eve@buyer.example', inReplyTo: 's@x' }, 4)).toBe(sent.conversation);
  expect(await arrive('stranger', { from: 'eve@else.example', references: ['root@x'] }, 5)).not.toBe(question.conversation);
  expect(await arrive('replayed', { from: 'eve@else.example', messageId: 's@x' }, 6)).not.toBe(sent.conversation);
  expect(await arrive('same', { from: 'eve@else.example', messageId: 'q@x' }, 6)).not.toBe(question.conversation);
});
