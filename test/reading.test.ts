/** Mails as customers send them, from the store to the list, the command line, search and the rows of a screen. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../protocol/methods.ts';
import { itemsOf, rowsOf } from '../tui/screens/thread-layout.ts';
import { cli } from './support/cli.ts';
import { startPostroom } from './support/postroom.ts';
import { batch, minute } from './support/store.ts';

type Sent = {
  head: string;
  type: string;
  body: string;
  subject: string;
  snippet: string;
  date?: string;
  shown: string[];
  rows?: Record<number, string[]>;
};

const order =
  '<div style="display:none;max-height:0">Your parcel is on its way</div><p>Dear Jane,</p><table><tr><th>Article</th><th>Number</th><th>Price</th></tr><tr><td>Teapot of cast iron</td><td>2</td><td>19.00</td></tr><tr><td>Tray</td><td>1</td><td>145.50</td></tr></table><p>Pay at <a href="https://evil.example/pay">bank.example</a>, please.</p>';
/** Octets are written as characters; the text is what must be read. */
const mails: Record<string, Sent> = {
  table: {
    head: 'Subject: Your order',
    type: 'text/html; charset=utf-8',
    body: order,
    subject: 'Your order',
    snippet: 'Dear Jane, Article Number Price Teapot of cast iron 2 19.00 Tray 1 145.50 Pay at bank.example, please.',
    shown: [
      'Dear Jane,',
      'Article              Number  Price',
      'Teapot of cast iron  2       19.00',
      'Tray                 1       145.50',
      'Pay at bank.example (goes to evil.example) [1], please.',
    ],
    rows: {
      160: ['  Teapot of cast iron  2       19.00', '  Tray                 1       145.50'],
      80: ['  Teapot of cast iron  2       19.00', '  Tray                 1       145.50'],
      36: ['  Teapot of cast iron  2  19.00', '  Tray  1  145.50'],
    },
  },
  russian: {
    head: 'Subject: \xC7\xE0\xEA\xE0\xE7',
    type: 'text/plain; charset=windows-1251',
    body: '\xC3\xE4\xE5 \xE7\xE0\xEA\xE0\xE7?',
    subject: 'Заказ',
    snippet: 'Где заказ?',
    shown: ['Где заказ?'],
  },
  japanese: {
    head: 'Subject: =?ISO-2022-JP?B?GyRCO0QbKEI=?= =?ISO-2022-JP?B?GyRCOjYbKEI=?=\r\nDate: Tue, 03 Mar 2026 10:15:00 GMT+0900',
    type: 'text/plain',
    body: '\x1b$BF|K\\8l\x1b(B',
    subject: '残唆',
    snippet: '日本語',
    date: '2026-03-03T01:15:00.000Z',
    shown: ['日本語'],
  },
  stub: {
    head: 'Subject: =?utf-7?Q?Gr+APYA3w-e?=',
    type: 'multipart/alternative; boundary=b',
    body: '--b\r\nContent-Type: text/plain\r\n\r\nYour program does not support HTML.\r\n--b\r\nContent-Type: text/html\r\n\r\n<meta charset=gb2312><p>\xB6\xA9\xB5\xA5 4711, and more than the other half says</p>\r\n--b--',
    subject: 'Größe',
    snippet: '订单 4711, and more than the other half says',
    shown: ['订单 4711, and more than the other half says'],
  },
  reply: {
    head: 'Subject: Delivery on Friday',
    type: 'text/html; charset=utf-8',
    body: '<p>Yes, please.</p><div class="gmail_quote"><div class="gmail_attr">Tue, 3 Mar 2026 kell 10:15 kirjutas Support &lt;s@x.example&gt;:</div><blockquote><p>Your order comes on Friday.</p><blockquote><p>When?</p></blockquote></blockquote></div>',
    subject: 'Delivery on Friday',
    snippet: 'Yes, please.',
    shown: ['Yes, please.', '> Your order comes on Friday.', '>> When?'],
    rows: { 80: ['  Yes, please.', '  ‹ 5 quoted lines — Q ›'], 160: ['  Yes, please.', '  ‹ 5 quoted lines — Q ›'] },
  },
};
const octetsOf = (id: string, { head, type, body }: Sent): Buffer =>
  Buffer.from(
    `From: Jane <jane@example.com>\r\nTo: support@example.org\r\nMessage-ID: <${id}@example.com>\r\n${head}\r\nContent-Type: ${type}\r\n\r\n${body}`,
    'latin1',
  );

let place: Awaited<ReturnType<typeof start>>;
async function start() {
  const postroom = await startPostroom();
  const address = await postroom.mailbox('reading', { workFrom: null });
  const { store, directory, accountOf } = postroom.daemon.world;
  const mailbox = directory.snapshot().mailboxByAddress(address);
  if (mailbox === undefined) throw new Error('the mailbox is not there');
  const inbox = (await store.folders(mailbox.id)).find(({ role }) => role === 'inbox');
  if (inbox === undefined) throw new Error('the mailbox has no inbox');
  const taken = Object.entries(mails).map(([id, sent], n) => ({ octets: octetsOf(id, sent), at: minute(n) }));
  await store.ingest({
    mailbox: mailbox.id,
    policy: accountOf(mailbox).policy,
    folder: inbox.id,
    uidValidity: inbox.uidValidity ?? 1,
    origin: 'import',
    ...batch(taken),
  });
  const eva = await postroom.as('eva');
  const { rows } = await eva.call('conversation.list', { mailbox: mailbox.id, limit: 50 });
  const shown = new Map<string, Result<'conversation.show'>>();
  for (const { conversation } of rows) {
    const one = await eva.call('conversation.show', { conversation });
    for (const { messageId } of one.messages) shown.set(`${messageId}`.replace(/[<>]|@.*/g, ''), one);
  }
  return { postroom, rows, shown };
}
beforeAll(async () => {
  place = await start();
});
afterAll(() => place.postroom[Symbol.asyncDispose]());

describe.each(Object.entries(mails))('%s', (id, sent) => {
  test('the row, the command line and the screens read the same', async () => {
    const shown = place.shown.get(id);
    const message = shown?.messages[0];
    if (shown === undefined || message === undefined) throw new Error(`${id} is not there`);
    const row = place.rows.find(({ conversation }) => conversation === shown.conversation);
    expect(row).toMatchObject({ subject: sent.subject, snippet: sent.snippet });
    if (sent.date !== undefined) expect(message.date).toBe(sent.date);
    const { out } = await cli(place.postroom.home)('show', shown.conversation);
    for (const line of sent.shown) {
      expect(message.text.split('\n')).toContain(line);
      expect(out).toContain(line);
    }
    expect(message.text).not.toMatch(/\uFFFD|parcel/);
    const [item] = itemsOf({ messages: [message], notes: [] });
    if (item === undefined) throw new Error('no item');
    for (const [columns, rows] of Object.entries(sent.rows ?? {})) {
      const look = { folded: false, quotes: false, headers: null, columns: Number(columns), now: minute(100) };
      const drawn = [...rowsOf(item, look)].map(({ text }) => text as string);
      expect(drawn).toEqual(expect.arrayContaining(rows));
    }
  });
});
