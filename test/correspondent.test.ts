/** Who a mail is from, and who an answer to it goes to: by heads alone, and through a real daemon. */
import { describe, expect, test } from 'vitest';
import { type Address, wireAddress } from '../daemon/mail/address-list.ts';
import { answerTo, isOneOf, writerOf } from '../daemon/mail/correspondent.ts';
import { readMessage } from '../daemon/mail/message.ts';
import { outcome, startPostroom } from './support/postroom.ts';

const own = ['support@postroom.example', 'help@postroom.example'];
const others = ['sales@postroom.example'];
const head = (lines: Record<string, string>, text = '') =>
  readMessage(
    Buffer.from(
      `${Object.entries(lines)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n${text}\r\n`,
    ),
  );
const addressesOf = (list: readonly Address[]) => list.map(({ address }) => address);

const jane = 'Jane <jane@customer.example>';
const toUs = { To: 'support@postroom.example' };
const cases: [what: string, lines: Record<string, string>, text: string, to: string[], offered: 'name' | 'text' | null][] = [
  ['From alone', { From: jane, ...toUs }, '', ['jane@customer.example'], null],
  ['Reply-To before From', { From: jane, 'Reply-To': 'desk@customer.example', ...toUs }, '', ['desk@customer.example'], null],
  ['Reply-To without an address', { From: jane, 'Reply-To': 'Jane Cooper', ...toUs }, '', ['jane@customer.example'], null],
  ['Reply-To that is empty', { From: jane, 'Reply-To': '', ...toUs }, '', ['jane@customer.example'], null],
  ['Reply-To that is us', { From: jane, 'Reply-To': 'support@postroom.example', ...toUs }, '', ['jane@customer.example'], null],
  ['Reply-To that is our alias', { From: jane, 'Reply-To': 'Help <HELP@Postroom.example>', ...toUs }, '', ['jane@customer.example'], null],
  [
    'Reply-To that is a sub-address of ours',
    { From: jane, 'Reply-To': 'support+77@postroom.example', ...toUs },
    '',
    ['jane@customer.example'],
    null,
  ],
  [
    'Reply-To with us among others',
    { From: jane, 'Reply-To': 'support@postroom.example, b@x.example', ...toUs },
    '',
    ['b@x.example'],
    null,
  ],
  [
    'Reply-To that is another mailbox of ours',
    { From: jane, 'Reply-To': 'sales@postroom.example', ...toUs },
    '',
    ['jane@customer.example'],
    null,
  ],
  [
    'Reply-To that is another mailbox of ours by a sub-address',
    { From: jane, 'Reply-To': 'Sales <SALES+a@postroom.example>', ...toUs },
    '',
    ['jane@customer.example'],
    null,
  ],
  ['another mailbox of ours writes', { From: 'sales@postroom.example', ...toUs }, '', ['sales@postroom.example'], null],
  [
    'another mailbox of ours writes for a customer',
    { From: 'sales@postroom.example', 'Reply-To': jane, ...toUs },
    '',
    ['jane@customer.example'],
    null,
  ],
  ['an unquoted comma', { From: 'Cooper, Jane <jane@customer.example>', ...toUs }, '', ['jane@customer.example'], null],
  ['a name and a bare address', { From: 'Jane Cooper, jane@customer.example', ...toUs }, '', ['jane@customer.example'], null],
  ['dots in odd places', { From: 'Taro <ta..ro.@docomo.example>', ...toUs }, '', ['ta..ro.@docomo.example'], null],
  ['a quoted local part', { From: 'Jane <"jane cooper"@customer.example>', ...toUs }, '', ['"jane cooper"@customer.example'], null],
  ['mailto: in brackets', { From: 'Jane <mailto:jane@customer.example>', ...toUs }, '', ['jane@customer.example'], null],
  ['an underscore in the domain', { From: 'jane@pc_1.customer.example', ...toUs }, '', ['jane@pc_1.customer.example'], null],
  ['Sender alone', { Sender: jane, ...toUs }, '', ['jane@customer.example'], null],
  [
    'From wholly in an encoded-word',
    { From: '=?utf-8?B?SmFuZSA8amFuZUBjdXN0b21lci5leGFtcGxlPg==?=', ...toUs },
    '',
    ['jane@customer.example'],
    'name',
  ],
  [
    'our form with Reply-To',
    { From: 'Shop <support@postroom.example>', 'Reply-To': jane, ...toUs },
    'x@y.example',
    ['jane@customer.example'],
    null,
  ],
  [
    'our form, the customer in the text',
    { From: 'support@postroom.example', ...toUs },
    'From: support@postroom.example\nMail: jane@customer.example.',
    ['jane@customer.example'],
    'text',
  ],
  ['our form, nobody in the text', { From: 'support@postroom.example', ...toUs }, 'Call me.', [], null],
  ['a stranger without an address is not guessed from the text', { From: 'Jane', ...toUs }, 'x@y.example', [], null],
  ['Reply-To that cannot be sent to', { From: jane, 'Reply-To': 'Desk <desk>', ...toUs }, '', ['jane@customer.example'], null],
  ['Reply-To with two signs', { From: jane, 'Reply-To': 'a@b@customer.example', ...toUs }, '', ['jane@customer.example'], null],
  ['nothing that can be sent to: named, to be refused', { From: 'Jane <jane>', ...toUs }, '', ['jane'], null],
  ['an encoded-word in brackets', { From: 'Jane <=?utf-8?Q?jane=40customer.example?=>', ...toUs }, '', ['jane@customer.example'], 'name'],
  [
    'our form, Reply-To wholly in an encoded-word',
    { From: 'support@postroom.example', 'Reply-To': '=?utf-8?Q?Jane_=3Cjane=40customer.example=3E?=', ...toUs },
    'x@y.example',
    ['jane@customer.example'],
    'name',
  ],
  [
    'From without an address, a Sender',
    { From: 'Jane Cooper', Sender: 'jane@customer.example', ...toUs },
    '',
    ['jane@customer.example'],
    null,
  ],
  [
    'From in an encoded-word, a Sender: the author is offered',
    { From: '=?utf-8?Q?Jane_=3Cjane=40customer.example=3E?=', Sender: 'list@x.example', ...toUs },
    '',
    ['jane@customer.example'],
    'name',
  ],
  ['single quotes around', { From: "'jane@customer.example'", ...toUs }, '', ['jane@customer.example'], null],
  ['square brackets around', { From: 'Jane [mailto:jane@customer.example]', ...toUs }, '', ['jane@customer.example'], null],
  ['the dot of the root', { From: 'Jane <jane@customer.example.>', ...toUs }, '', ['jane@customer.example'], null],
  ['blanks around signs', { From: 'jane . cooper @ customer . example', ...toUs }, '', ['jane.cooper@customer.example'], null],
  ['blanks that leave the beginning open', { From: 'Jane Cooper @ customer.example', ...toUs }, '', [], null],
  ['our form: an apostrophe', { From: own[0] ?? '', ...toUs }, "Mail: o'brien@customer.example", ["o'brien@customer.example"], 'text'],
  ['our form: quotes', { From: own[0] ?? '', ...toUs }, "Mail='jane@customer.example'", ['jane@customer.example'], 'text'],
  [
    'our form: no piece of a longer address',
    { From: own[0] ?? '', 'Content-Type': 'text/plain; charset=utf-8', ...toUs },
    'jürgen@customer.example a@customer.example-x- b@c@customer.example "x y"@',
    [],
    null,
  ],
  [
    'our form: a domain in letters',
    { From: own[0] ?? '', 'Content-Type': 'text/plain; charset=utf-8', ...toUs },
    'jane@bücher.example, later@x.example',
    ['jane@bücher.example'],
    'text',
  ],
  ['another mailbox of ours that wrote', { From: 'sales@postroom.example', ...toUs }, '', ['sales@postroom.example'], null],
];

describe('a reply goes to', () => {
  test.each(cases)('%s', (_what, lines, text, to, offered) => {
    const mail = head(lines, text);
    const answer = answerTo({ ...mail, direction: 'in' }, { all: false, own, others, text: mail.text });
    expect([addressesOf(answer.to), addressesOf(answer.cc), answer.offered]).toEqual([to, [], offered]);
  });
});

test('a reply to all leaves us out, under every address that we have', () => {
  const mail = head({
    From: jane,
    To: 'support+orders@postroom.example, bob@customer.example, JANE@customer.example',
    Cc: 'Help <help@postroom.example>, sales@postroom.example, li@customer.example, bob@customer.example',
  });
  const answer = answerTo({ ...mail, direction: 'in' }, { all: true, own, others, text: '' });
  expect([addressesOf(answer.to), addressesOf(answer.cc)]).toEqual([
    ['jane@customer.example', 'bob@customer.example'],
    ['li@customer.example'],
  ]);
  // A mailbox that the asker does not know of is a stranger like any other: nothing tells that it is ours.
  expect(addressesOf(answerTo({ ...mail, direction: 'in' }, { all: true, own, others: [], text: '' }).cc)).toEqual([
    'sales@postroom.example',
    'li@customer.example',
  ]);
});

test('further mail to those we wrote to; to ourselves only when there is nobody else', () => {
  const out = (to: string) => ({
    ...head({ From: 'support@postroom.example', To: to, Cc: 'help@postroom.example' }),
    direction: 'out' as const,
  });
  const rules = { all: true, own, others, text: '' };
  expect(answerTo(out('jane@customer.example, support@postroom.example'), rules)).toMatchObject({
    to: [{ address: 'jane@customer.example' }],
    cc: [],
  });
  expect(addressesOf(answerTo(out('support@postroom.example'), rules).to)).toEqual(['support@postroom.example']);
});

test('what is ours: aliases, sub-addresses, any case, a domain in letters or in ASCII', () => {
  const ours = ['support@postroom.example', 'büro+eu@bücher.example'];
  for (const address of ['SUPPORT@Postroom.Example', 'support+a+b@postroom.example', 'büro+eu@xn--bcher-kva.example'])
    expect([address, isOneOf(ours, address)]).toEqual([address, true]);
  for (const address of ['support@postroom.example.net', '+support@postroom.example', 'xsupport@postroom.example', 'support', ''])
    expect([address, isOneOf(ours, address)]).toEqual([address, false]);
});

test('a list names who wrote: of our own form the one whom Reply-To names', () => {
  const of = (lines: Record<string, string>) => writerOf(head(lines), own)?.address ?? null;
  expect(of({ From: 'Shop <support@postroom.example>', 'Reply-To': jane })).toBe('jane@customer.example');
  expect(of({ From: 'Shop <support@postroom.example>' })).toBe('support@postroom.example');
  expect(of({ From: jane, 'Reply-To': 'desk@customer.example' })).toBe('jane@customer.example');
  expect(of({ From: 'Jane Cooper', 'Reply-To': jane })).toBe('jane@customer.example');
  expect(head({ From: 'Jane Cooper @ customer.example' }).from).toEqual([{ name: 'Jane Cooper @ customer.example', address: '' }]);
  expect(of({})).toBeNull();
});

test('an address with dots in odd places is quoted on the wire, and nowhere else', () => {
  expect(['ta..ro.@x.example', '.a@x.example', 'a.b@x.example', '"jane cooper"@x.example'].map(wireAddress)).toEqual([
    '"ta..ro."@x.example',
    '".a"@x.example',
    'a.b@x.example',
    '"jane cooper"@x.example',
  ]);
});

test('through the daemon: rows, replies, offers, and a mailer-daemon in the thread', async () => {
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  const raw = (lines: Record<string, string>, text = 'Hello.') =>
    Buffer.from(
      `${Object.entries({ To: support, Date: 'Tue, 24 Nov 2026 08:10:05 +0000', ...lines })
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n${text}\r\n`,
    );
  const eva = await postroom.as('eva');
  const after = async (lines: Record<string, string>, text?: string) => {
    await postroom.deliver(support, raw(lines, text));
    return postroom.newest(support);
  };

  const quoted = await after({ From: 'Jane <"jane cooper"@customer.example>', Subject: 'Quoted', 'Message-ID': '<q@customer.example>' });
  expect(quoted.from).toMatchObject({ name: 'Jane', address: '"jane cooper"@customer.example' });
  expect((await eva.call('compose.reply', { conversation: quoted.conversation, kind: 'reply' })).to).toEqual([
    '"Jane" <"jane cooper"@customer.example>',
  ]);
  const found = await eva.call('search.run', { query: 'from:cooper' });
  expect(found.rows.map(({ conversation }) => conversation)).toEqual([quoted.conversation]);

  const form = await after({
    From: `Shop form <${support}>`,
    'Reply-To': 'Mo <mo@customer.example>',
    Subject: 'Form',
    'Message-ID': '<f@shop.example>',
  });
  expect(form.from).toMatchObject({ address: 'mo@customer.example' });
  expect((await eva.call('search.run', { query: 'from:mo' })).rows).toMatchObject([
    { conversation: form.conversation, from: { address: 'mo@customer.example' } },
  ]);

  const hidden = await after({
    From: '=?utf-8?q?Jo_=3Cjo=40customer.example=3E?=',
    Subject: 'Hidden',
    'Message-ID': '<h@customer.example>',
  });
  const begun = await eva.call('compose.reply', { conversation: hidden.conversation, kind: 'reply' });
  expect([begun.to, begun.offered]).toEqual([['jo@customer.example'], 'name']);
  const reply = { in: hidden.conversation, kind: 'reply', body: 'x', dryRun: true } as const;
  await expect(eva.call('outbox.send', reply)).rejects.toMatchObject({ code: 'invalid', details: { offered: ['jo@customer.example'] } });
  expect(await outcome(eva.call('outbox.send', { ...reply, to: support }))).toBe('yes');

  // A form may write from an alias, and to a sub-address: neither is who it is about.
  const alias = support.replace('@', '-form@');
  await eva.call('mailbox.address.add', { mailbox: support, alias });
  const aliased = await after({
    From: alias,
    To: support.replace('@', '+form@'),
    'Reply-To': 'Kim <kim@customer.example>',
    Subject: 'Alias',
    'Message-ID': '<a@shop.example>',
  });
  expect(aliased.from).toMatchObject({ address: 'kim@customer.example' });
  expect((await eva.call('search.run', { query: 'from:kim' })).rows).toMatchObject([{ from: { address: 'kim@customer.example' } }]);

  // Others who got a form's mail too do not tell who wrote it; a long name does not keep a reply from being sent.
  const crowd = await after(
    { From: support, To: `${support}, bob@customer.example`, Subject: 'Crowd', 'Message-ID': '<c@shop.example>' },
    'From lee@customer.example',
  );
  const toAll = await eva.call('compose.reply', { conversation: crowd.conversation, kind: 'reply-all' });
  expect([toAll.to, toAll.offered]).toEqual([['lee@customer.example', 'bob@customer.example'], 'text']);
  const long = await after({ From: `${'Long '.repeat(60)}<long@customer.example>`, Subject: 'Long', 'Message-ID': '<l@customer.example>' });
  const { to: shown } = await eva.call('compose.reply', { conversation: long.conversation, kind: 'reply' });
  const again = {
    in: long.conversation,
    kind: 'reply',
    body: 'x',
    dryRun: true,
    to: shown.join(', ').replace('long@customer.example', support),
  } as const;
  expect(await outcome(eva.call('outbox.send', again))).toBe('yes');

  // The report came last, and threads: the answer is still for the customer.
  const asked = await after({ From: 'Pat <pat@customer.example>', Subject: 'Thread', 'Message-ID': '<t1@customer.example>' });
  await postroom.deliver(
    support,
    raw({
      From: 'MAILER-DAEMON@mx.example',
      Subject: 'Undelivered Mail',
      'Message-ID': '<t2@mx.example>',
      'In-Reply-To': '<t1@customer.example>',
      'Auto-Submitted': 'auto-replied',
    }),
  );
  const answer = await eva.call('compose.reply', { conversation: asked.conversation, kind: 'reply-all' });
  expect([answer.to, answer.cc]).toEqual([['"Pat" <pat@customer.example>'], []]);
});
