/** Reports about mails of ours: what becomes of the outbox, the recipient, the conversation and its history. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OutboxPatch, OutboxRow } from '../daemon/store/types.ts';
import { answer, letter, minute, storeStory, support } from './support/store.ts';

type Story = Awaited<ReturnType<typeof storeStory>>;
let host: Story;
let mailboxes = 0;
beforeAll(async () => {
  host = await storeStory();
});
afterAll(() => host[Symbol.asyncDispose]());
const story = (options: Parameters<typeof storeStory>[0] = {}): Promise<Story> =>
  storeStory({ ...options, mailbox: `box-${++mailboxes}`, beside: host.store });

const jane = 'jane@customer.example';
let sends = 0;

/** Jane's question in the inbox, and our answer, which a server took (or is not done with). */
async function answered(story: Story, more: { to?: string[]; accepted?: boolean; subject?: string; postroomId?: string } = {}) {
  const { to = [jane], accepted = true, subject = 'Re: Order', postroomId = `pr-${sends}` } = more;
  const id = `sent-${++sends}`;
  const { conversation } = await story.one(
    'INBOX',
    'live',
    letter({ id: `question-${sends}`, subject: subject.replace(/^Re: /, '') }),
    minute(1),
  );
  const octets = answer({ id, answers: `question-${sends}`, to, subject, headers: { 'X-Postroom-Id': postroomId } });
  const queued = await story.send(octets, {
    conversation,
    recipients: to,
    now: minute(2),
    sendAt: minute(2),
    messageId: `<${id}@example.test>`,
    postroomId,
  });
  if (!queued.ok) throw new Error('refused');
  if (accepted) await accept(story, queued.row);
  return { id, conversation, outbox: queued.row.id, messageId: `<${id}@example.test>` };
}

async function accept(story: Story, row: OutboxRow, patch: OutboxPatch = {}): Promise<void> {
  await story.store.outboxMove(row.id, row.state, { state: 'sending', phase: 'claimed' });
  await story.store.outboxMove(row.id, 'sending', {
    state: 'accepted',
    phase: null,
    recipients: row.recipients.map((one) => ({ ...one, state: 'accepted', reply: '250 taken' })),
    ...patch,
  });
}

type Dsn = { about?: string | null; who?: string[]; action?: string; head?: string[]; returned?: string[] };
let reports = 0;
function dsn({ about = null, who = [jane], action = 'failed', head = [], returned }: Dsn): Buffer {
  const copy = returned ?? (about === null ? [] : [`Message-ID: ${about}`, `From: ${support}`, 'Subject: Re: Order']);
  return Buffer.from(
    [
      'Return-Path: <>',
      'From: MAILER-DAEMON@mx.customer.example (Mail Delivery System)',
      `To: ${support}`,
      'Subject: Undelivered Mail Returned to Sender',
      `Message-ID: <report-${++reports}@mx.customer.example>`,
      'Date: Mon, 02 Nov 2026 09:10:00 +0000',
      ...head,
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain',
      '',
      'It came back.',
      '--b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.customer.example',
      ...who.flatMap((address) => [
        '',
        `Final-Recipient: rfc822; ${address}`,
        `Action: ${action}`,
        'Status: 5.1.1',
        'Diagnostic-Code: smtp; 550 no such user',
      ]),
      ...(copy.length === 0 ? [] : ['--b', 'Content-Type: text/rfc822-headers', '', ...copy]),
      '--b--',
      '',
    ].join('\r\n'),
  );
}
const inWords = (head: string[], text: string): Buffer =>
  Buffer.from(
    ['From: MAILER-DAEMON@mx.customer.example', `Message-ID: <report-${++reports}@mx.customer.example>`, ...head, '', text, ''].join(
      '\r\n',
    ),
  );

const row = async (story: Story, id: string): Promise<OutboxRow> => {
  const found = await story.store.outboxRow(id);
  if (found === null) throw new Error('no row');
  return found;
};

describe('a report about a mail of ours', () => {
  test.each<[string, (sent: { id: string; messageId: string; n: number }) => Buffer]>([
    ['names it by the header that it returns', ({ messageId }) => dsn({ about: messageId })],
    ['names it by what it answers', ({ messageId }) => dsn({ head: [`In-Reply-To: ${messageId}`] })],
    ['names it last in its references', ({ messageId }) => dsn({ head: [`References: <question@x.example> ${messageId}`] })],
    [
      'returns it with an id that a server wrote',
      ({ n }) => dsn({ returned: ['Message-ID: <other@relay.example>', `X-Postroom-Id: words-${n}`] }),
    ],
    [
      'is written in words',
      ({ messageId }) => inWords([`In-Reply-To: ${messageId}`, 'Subject: failure notice'], `<${jane}>:\r\n550 no such user`),
    ],
  ])('%s', async (_, write) => {
    const box = await story();
    const n = sends;
    const sent = await answered(box, { postroomId: `words-${n}` });
    expect((await box.detail(sent.conversation)).row).toMatchObject({ state: 'waiting', revision: 2 });
    const got = await box.one('INBOX', 'live', write({ ...sent, n }), minute(10));
    expect(got.conversation).toBe(sent.conversation);
    expect(await row(box, sent.outbox)).toMatchObject({
      state: 'bounced',
      lastError: '550 no such user',
      recipients: [{ address: jane, state: 'bounced', reply: '550 no such user' }],
    });
    const { row: conversation, entries } = await box.detail(sent.conversation);
    expect(conversation).toMatchObject({ state: 'open', revision: 3, waitingSince: minute(1), from: { address: jane } });
    expect(entries.at(-1)).toMatchObject({ automatic: true, report: 'delivery' });
    expect(await box.store.reportsAbout(entries.map(({ id }) => id))).toMatchObject([
      {
        message: got.entry,
        kind: 'failed',
        outbox: sent.outbox,
        recipients: [{ address: jane, action: 'failed', text: '550 no such user' }],
      },
    ]);
    const { rows } = await box.store.timeline({
      scope: { kind: 'conversation', conversation: sent.conversation },
      kinds: ['delivery', 'state'],
      since: null,
      limit: 20,
      cursor: null,
    });
    const told = rows.map(({ summary }) => summary);
    expect(told).toContain(`${jane}: did not arrive (550 no such user)`);
    expect(told).toContain('waiting → open: a mail of ours came back: 550 no such user');
  });

  test('without an id is tied by recipient and subject, when one conversation fits', async () => {
    const box = await story();
    const sent = await answered(box, { subject: 'Re: Parcel 17' });
    await answered(box, { subject: 'Re: Parcel 18' });
    const got = await box.one(
      'INBOX',
      'live',
      inWords(['Subject: Undeliverable: Re: Parcel 17'], `Your message to ${jane} could not be delivered.`),
      minute(10),
    );
    expect(got.conversation).toBe(sent.conversation);
    expect((await row(box, sent.outbox)).state).toBe('bounced');
  });

  test.each<[string, (sent: { messageId: string }) => Buffer, string]>([
    [
      'an id that is ours, and a recipient that is not',
      ({ messageId }) => dsn({ about: messageId, who: ['other@customer.example'] }),
      'Re: Order',
    ],
    ['a recipient of ours, and an id that is not', () => dsn({ about: '<guessed@example.test>' }), 'Re: Order'],
    [
      'two conversations of that subject with that recipient',
      () => inWords(['Subject: Re: Twice'], `<${jane}> could not be reached`),
      'Re: Twice',
    ],
    ['a subject of nothing', () => inWords(['Subject: Re:'], `<${jane}> could not be reached`), ''],
  ])('fits none when it has %s', async (_, write, subject) => {
    const box = await story();
    const first = await answered(box, { subject });
    const second = await answered(box, { subject });
    const got = await box.one('INBOX', 'live', write(first), minute(10));
    for (const { outbox, conversation } of [first, second]) {
      expect(await row(box, outbox)).toMatchObject({ state: 'accepted', recipients: [{ state: 'accepted' }] });
      expect((await box.detail(conversation)).row.state).toBe('waiting');
    }
    expect(await box.store.strayReports([box.mailbox], 0, 10)).toMatchObject([
      { message: got.entry, conversation: got.conversation, about: null },
    ]);
  });

  test('about one of two recipients marks that one, and the second report the other', async () => {
    const box = await story();
    const sent = await answered(box, { to: [jane, 'Bob@Customer.example'] });
    await box.one('INBOX', 'live', dsn({ about: sent.messageId, who: ['bob@customer.example'] }), minute(10));
    expect((await row(box, sent.outbox)).recipients.map(({ state }) => state)).toEqual(['accepted', 'bounced']);
    await box.store.work(sent.conversation, { kind: 'done' }, 'ann', minute(11), null);
    await box.one('INBOX', 'live', dsn({ about: sent.messageId }), minute(12));
    expect((await row(box, sent.outbox)).recipients.map(({ state }) => state)).toEqual(['bounced', 'bounced']);
    expect((await box.detail(sent.conversation)).row.state).toBe('open');
  });

  test('names a domain of another script as it goes over the wire', async () => {
    const box = await story();
    const sent = await answered(box, { to: ['gone@Bücher.example'] });
    await box.one('INBOX', 'live', dsn({ about: sent.messageId, who: ['gone@xn--bcher-kva.example'] }), minute(10));
    expect((await row(box, sent.outbox)).recipients).toMatchObject([{ address: 'gone@Bücher.example', state: 'bounced' }]);
  });

  test('that it is delayed is noted, and moves nothing; that it failed in the end does', async () => {
    const box = await story();
    const sent = await answered(box);
    await box.one('INBOX', 'live', dsn({ about: sent.messageId, action: 'delayed' }), minute(10));
    expect(await row(box, sent.outbox)).toMatchObject({
      state: 'accepted',
      recipients: [{ state: 'accepted', reply: 'delayed: 550 no such user' }],
    });
    expect((await box.detail(sent.conversation)).row.state).toBe('waiting');
    await box.one('INBOX', 'live', dsn({ about: sent.messageId }), minute(20));
    expect((await row(box, sent.outbox)).state).toBe('bounced');
    expect((await box.detail(sent.conversation)).row.state).toBe('open');
  });

  test('that it was read is noted, and opens nothing, nor does one about no mail of ours', async () => {
    const box = await story();
    const sent = await answered(box);
    const receipt = (id: string) =>
      Buffer.from(
        [
          `From: ${jane}`,
          'Subject: Read: Order',
          `Message-ID: <receipt-${id.slice(1)}`,
          'MIME-Version: 1.0',
          'Content-Type: multipart/report; report-type=disposition-notification; boundary=b',
          '',
          '--b',
          'Content-Type: message/disposition-notification',
          '',
          `Final-Recipient: rfc822; ${jane}`,
          `Original-Message-ID: ${id}`,
          'Disposition: manual-action/MDN-sent-manually; displayed',
          '--b--',
        ].join('\r\n'),
      );
    const got = await box.one('INBOX', 'live', receipt(sent.messageId), minute(10));
    expect(got.conversation).toBe(sent.conversation);
    expect(await row(box, sent.outbox)).toMatchObject({ state: 'accepted', recipients: [{ state: 'accepted', reply: 'read' }] });
    expect((await box.detail(sent.conversation)).row.state).toBe('waiting');
    const stray = await box.one('INBOX', 'live', receipt('<unknown@example.test>'), minute(11));
    expect((await box.detail(stray.conversation)).row.state).toBe('done');
  });

  test('that overtakes the answer of the server is looked at when that came', async () => {
    const box = await story();
    const sent = await answered(box, { accepted: false });
    await box.store.outboxMove(sent.outbox, 'queued', { state: 'sending', phase: 'data' });
    await box.one('INBOX', 'live', dsn({ about: sent.messageId }), minute(10));
    expect((await row(box, sent.outbox)).state).toBe('sending');
    await box.store.outboxMove(sent.outbox, 'sending', {
      state: 'accepted',
      phase: null,
      recipients: [{ address: jane, state: 'accepted', reply: '250' }],
    });
    expect(await row(box, sent.outbox)).toMatchObject({ state: 'bounced', recipients: [{ state: 'bounced' }] });
  });

  test('in Junk counts as well: it is where many lie', async () => {
    const box = await story();
    const sent = await answered(box);
    await box.one('Junk', 'live', dsn({ about: sent.messageId }), minute(10));
    expect((await row(box, sent.outbox)).state).toBe('bounced');
    expect((await box.detail(sent.conversation)).row.state).toBe('open');
  });

  test('stays told when somebody removes it from the mailbox', async () => {
    const box = await story({ graceMs: 0 });
    const sent = await answered(box);
    const { uid } = await box.one('INBOX', 'live', dsn({ about: sent.messageId }), minute(10));
    await box.gone('INBOX', uid);
    expect((await row(box, sent.outbox)).state).toBe('bounced');
    const entries = (await box.detail(sent.conversation)).entries.map(({ id }) => id);
    expect(await box.store.reportsAbout(entries)).toHaveLength(1);
  });
});

describe('a mail that another program sent', () => {
  test.each(['live', 'import'] as const)('is marked and its conversation opened, %s', async (origin) => {
    const box = await story();
    const { conversation } = await box.one('INBOX', origin, letter({ id: `asked-${origin}` }), minute(1));
    const sent = await box.one('Sent', origin, answer({ id: `foreign-${origin}`, answers: `asked-${origin}` }), minute(2));
    expect((await box.detail(conversation)).row.state).toBe('waiting');
    await box.one('INBOX', origin, dsn({ about: `<foreign-${origin}@example.test>` }), minute(10));
    expect((await box.detail(conversation)).row).toMatchObject({ state: 'open', waitingSince: minute(1) });
    expect(await box.store.reportsAbout([sent.entry])).toMatchObject([{ kind: 'failed', outbox: null }]);
  });

  test('is found though Sent is read after the inbox', async () => {
    const box = await story();
    const report = await box.one('INBOX', 'import', dsn({ about: '<later@example.test>' }), minute(10));
    expect(await box.store.strayReports([box.mailbox], 0, 10)).toHaveLength(1);
    const sent = await box.one('Sent', 'import', answer({ id: 'later' }), minute(2));
    expect(sent.conversation).toBe(report.conversation);
    expect((await box.detail(sent.conversation)).row.state).toBe('open');
    expect(await box.store.reportsAbout([sent.entry])).toMatchObject([{ message: report.entry, kind: 'failed' }]);
    expect(await box.store.strayReports([box.mailbox], 0, 10)).toEqual([]);
  });

  test('a report older than the answer that followed it opens nothing', async () => {
    const box = await story();
    const { conversation } = await box.one('INBOX', 'import', letter({ id: 'old' }), minute(1));
    await box.one('Sent', 'import', answer({ id: 'wrong', answers: 'old' }), minute(2));
    await box.one('INBOX', 'import', dsn({ about: '<wrong@example.test>' }), minute(3));
    await box.one('Sent', 'import', answer({ id: 'right', answers: 'old' }), minute(4));
    expect((await box.detail(conversation)).row.state).toBe('waiting');
  });
});

describe('the state after what became of a mail', () => {
  const failed = (row: OutboxRow): OutboxPatch => ({
    state: 'failed',
    phase: null,
    lastError: '550 no',
    recipients: row.recipients.map((one) => ({ ...one, state: 'failed', reply: '550 no' })),
  });
  const state = async (box: Story, conversation: string) => (await box.detail(conversation)).row.state;

  test.each<[string, (row: OutboxRow) => OutboxPatch]>([
    ['failed', failed],
    ['held', () => ({ state: 'held', heldFor: 'right', phase: null, lastError: 'ann may not send here any more' })],
  ])('%s opens with the reason, and a retry that is accepted moves it on', async (_, fate) => {
    const box = await story();
    const sent = await answered(box, { accepted: false });
    const queued = await row(box, sent.outbox);
    await box.store.outboxMove(sent.outbox, 'queued', { state: 'sending', phase: 'claimed' });
    await box.store.outboxMove(sent.outbox, 'sending', fate(queued));
    expect((await box.detail(sent.conversation)).row).toMatchObject({ state: 'open', waitingSince: minute(1) });
    const now = await row(box, sent.outbox);
    await box.store.outboxMove(sent.outbox, now.state, { state: 'queued', heldFor: null, recipients: queued.recipients }, 'ann');
    expect(await state(box, sent.conversation)).toBe('open');
    await accept(box, await row(box, sent.outbox));
    expect(await state(box, sent.conversation)).toBe('waiting');
  });

  test('what came back and is accepted the second time waits again, however long the report took to be read', async () => {
    for (let round = 0; round < 5; round++) {
      const box = await story();
      const sent = await answered(box);
      await box.one('INBOX', 'live', dsn({ about: sent.messageId, head: [`X-Padding: ${'x'.repeat(round * 5_000)}`] }), minute(10));
      const bounced = await row(box, sent.outbox);
      const recipients = bounced.recipients.map((one) => ({ ...one, state: 'pending' as const, reply: null }));
      await box.store.outboxMove(sent.outbox, 'bounced', { state: 'queued', recipients, sendAt: Date.now() + 60_000 });
      await accept(box, await row(box, sent.outbox));
      expect(await state(box, sent.conversation)).toBe('waiting');
    }
  });

  test('held for its time it stays; held for a right, while it waits for its time, it opens', async () => {
    const box = await story();
    const { conversation } = await box.one('INBOX', 'live', letter({ id: 'scheduled-q' }), minute(1));
    const sent = await box.send(answer({ id: 'scheduled', answers: 'scheduled-q' }), {
      conversation,
      now: minute(2),
      sendAt: minute(5_000),
    });
    if (!sent.ok) throw new Error('refused');
    expect([sent.row.state, await state(box, conversation)]).toEqual(['held', 'waiting']);
    await box.store.outboxMove(sent.row.id, 'held', { state: 'held', heldFor: 'right', lastError: 'ann may not send here any more' });
    expect((await box.detail(conversation)).row).toMatchObject({ state: 'open', waitingSince: minute(1) });
    const { rows } = await box.store.timeline({
      scope: { kind: 'conversation', conversation },
      kinds: ['state', 'delivery'],
      since: null,
      limit: 9,
      cursor: null,
    });
    expect(rows.map(({ summary }) => summary)).toEqual(
      expect.arrayContaining([
        'held: ann may not send here any more',
        'waiting → open: a mail of ours is held: ann may not send here any more',
      ]),
    );
  });

  test('what happened meanwhile is stronger: a new mail, a person', async () => {
    const box = await story();
    const sent = await answered(box, { accepted: false });
    const queued = await row(box, sent.outbox);
    await box.store.outboxMove(sent.outbox, 'queued', failed(queued));
    await box.one('INBOX', 'live', letter({ id: `again-${sent.id}`, answers: sent.id }), minute(20));
    await box.store.outboxMove(sent.outbox, 'failed', { state: 'queued', recipients: queued.recipients });
    await accept(box, await row(box, sent.outbox));
    expect(await state(box, sent.conversation)).toBe('open');
  });

  test('of two that failed, the last to be accepted moves it on', async () => {
    const box = await story();
    const first = await answered(box, { accepted: false });
    const second = await box.send(answer({ id: `second-${first.id}` }), {
      conversation: first.conversation,
      now: minute(3),
      sendAt: minute(3),
    });
    if (!second.ok) throw new Error('refused');
    const rows = [await row(box, first.outbox), second.row];
    for (const one of rows) await box.store.outboxMove(one.id, 'queued', failed(one));
    for (const [one, after] of [
      [rows[0], 'open'],
      [rows[1], 'waiting'],
    ] as const) {
      if (one === undefined) continue;
      await box.store.outboxMove(one.id, 'failed', { state: 'queued', recipients: one.recipients });
      await accept(box, await row(box, one.id));
      expect(await state(box, first.conversation)).toBe(after);
    }
  });

  test('sent and done: a retry that is accepted makes it done', async () => {
    const box = await story();
    const { conversation } = await box.one('INBOX', 'live', letter({ id: 'closing' }), minute(1));
    const sent = await box.send(answer({ id: 'closed', answers: 'closing' }), {
      conversation,
      afterwards: 'done',
      now: minute(2),
      sendAt: minute(2),
    });
    if (!sent.ok) throw new Error('refused');
    await box.store.outboxMove(sent.row.id, 'queued', failed(sent.row));
    expect(await state(box, conversation)).toBe('open');
    await box.store.outboxMove(sent.row.id, 'failed', { state: 'queued', recipients: sent.row.recipients });
    await accept(box, await row(box, sent.row.id));
    expect(await state(box, conversation)).toBe('done');
  });

  test.each<[string, { answersThem?: boolean; recipients: string[] }, string]>([
    ['a forward, even to them', { answersThem: false, recipients: [jane] }, 'open'],
    ['a mail to others only', { recipients: ['colleague@partner.example'] }, 'open'],
    ['a mail to them among others', { recipients: ['colleague@partner.example', 'Jane@Customer.example'] }, 'waiting'],
    ['an answer to an address that its text names', { answersThem: true, recipients: ['jane@home.example'] }, 'waiting'],
  ])('%s', async (_, more, after) => {
    const box = await story();
    const { conversation } = await box.one('INBOX', 'live', letter({ id: 'asks' }), minute(1));
    const sent = await box.send(answer({ id: 'aside', answers: 'asks', to: more.recipients }), {
      conversation,
      now: minute(2),
      sendAt: minute(2),
      ...more,
    });
    if (!sent.ok) throw new Error('refused');
    expect((await box.detail(conversation)).row).toMatchObject({
      state: after,
      revision: 2,
      waitingSince: after === 'open' ? minute(1) : null,
    });
    // It fails, is sent again, and leaves the conversation as it found it; and what else happens does not take it for an answer.
    await box.store.outboxMove(sent.row.id, 'queued', failed(sent.row));
    await box.store.outboxMove(sent.row.id, 'failed', { state: 'queued', recipients: sent.row.recipients });
    await accept(box, await row(box, sent.row.id));
    await box.one('INBOX', 'import', letter({ id: 'old', answers: 'asks' }), minute(0));
    expect(await state(box, conversation)).toBe(after);
  });

  test.each(['live', 'import'] as const)('another program’s mail to others only leaves it, %s', async (origin) => {
    const box = await story();
    const { conversation } = await box.one('INBOX', origin, letter({ id: `o-${origin}` }), minute(1));
    await box.one('Sent', origin, answer({ id: `aside-${origin}`, answers: `o-${origin}`, to: 'colleague@partner.example' }), minute(2));
    expect(await state(box, conversation)).toBe('open');
    await box.one('Sent', origin, answer({ id: `them-${origin}`, answers: `o-${origin}` }), minute(3));
    expect(await state(box, conversation)).toBe('waiting');
  });

  test('it is judged by who wrote, in whatever order mail is read in', async () => {
    const box = await story();
    await box.one('Sent', 'import', answer({ id: 'o2', answers: 'o1', to: 'colleague@partner.example' }), minute(2));
    const { conversation } = await box.one('INBOX', 'import', letter({ id: 'o1' }), minute(1));
    expect(await state(box, conversation)).toBe('open');
  });
});
