import PostalMime from 'postal-mime';
import { describe, expect, test } from 'vitest';
import { placeInThread, threadKeys } from '../daemon/mail/conversation.ts';
import { type Message, readMessage } from '../daemon/mail/message.ts';
import { attachment } from '../demo/attachments.ts';
import { arrivals, thanks } from '../demo/content/later.ts';
import type { BoxName, Talk } from '../demo/content/talk.ts';
import { after, type Before, boxes, datesOf, deliveryOf, isLive, nothingBefore, said, talks } from '../demo/mails.ts';
import { compose } from '../demo/mime.ts';
import { arrival, replyTo } from '../demo/replies.ts';
import { listen, Senders, SmtpError } from '../demo/smtp.ts';

const now = new Date('2026-11-20T12:00:00Z');

/** A talk's mails as they would be delivered; what people answer through Postroom has an id all the same. */
function mailsOf(talk: Talk) {
  const dates = datesOf(talk, now);
  let before: Before = nothingBefore;
  return talk.turns.flatMap((turn, i) => {
    const at = dates[i] ?? now;
    if (isLive(said(turn))) {
      before = after(before, `live-${talks.indexOf(talk)}-${i}@harbour.example`, 'Harbour Books', at, said(turn).text);
      return [];
    }
    const delivery = deliveryOf(talk, i, at, before);
    before = after(before, delivery.mail.id, 'somebody', at, said(turn).text);
    return [{ talk, turn: said(turn), at, ...delivery }];
  });
}

const all = talks.flatMap(mailsOf);

describe('the correspondence', () => {
  test('is some two hundred mails, in many languages, in all three mailboxes', () => {
    expect(talks.length).toBeGreaterThanOrEqual(80);
    expect(talks.reduce((sum, talk) => sum + talk.turns.length, 0)).toBeGreaterThanOrEqual(190);
    expect(new Set(talks.map((talk) => talk.language)).size).toBeGreaterThanOrEqual(14);
    expect(new Set(talks.map((talk) => talk.box))).toEqual(new Set(Object.keys(boxes)));
  });

  test('no text is there twice', () => {
    const texts = [...talks.flatMap((talk) => [...talk.turns.map((turn) => said(turn).text), ...(talk.next ? [talk.next] : [])])];
    texts.push(...arrivals.flatMap(({ text, next }) => [text, ...(next ? [next] : [])]), ...Object.values(thanks).flat());
    expect(texts.filter((text, i) => texts.indexOf(text) !== i)).toEqual([]);
  });

  test('every mail is read by an independent parser as it was written', async () => {
    for (const { turn, mail, octets } of all) {
      const read = await PostalMime.parse(octets);
      expect(read.messageId).toBe(`<${mail.id}>`);
      expect(read.subject).toBe(mail.subject);
      expect(read.from).toMatchObject({ name: mail.from.name ?? '', address: mail.from.address });
      expect(read.to?.map(({ address }) => address)).toEqual(mail.to.map(({ address }) => address));
      expect(read.text?.replace(/\r\n/g, '\n').trim().startsWith(turn.text.trim())).toBe(true);
      expect(Date.parse(read.date ?? '')).toBe(Math.floor(mail.date.getTime() / 1_000) * 1_000);
      expect(read.attachments.filter(({ disposition }) => disposition === 'attachment').map(({ filename }) => filename)).toEqual(
        turn.files ?? [],
      );
    }
  });

  test('every mail is plain on the wire: ASCII, CRLF, short lines', () => {
    for (const { octets, mail } of all) {
      const text = octets.toString('latin1');
      expect(text, mail.subject).toMatch(/^[\t\r\n\x20-\x7e]*$/);
      expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
      expect(Math.max(...text.split('\r\n').map((line) => line.length))).toBeLessThan(998);
      expect(text.endsWith('\r\n')).toBe(true);
    }
  });

  test('nothing is dated after now, and conversations run forward', () => {
    for (const talk of talks) {
      const dates = datesOf(talk, now).map((date) => date.getTime());
      expect(dates).toEqual(dates.toSorted((a, b) => a - b));
      expect(dates.at(-1)).toBeLessThanOrEqual(now.getTime());
    }
  });

  test('ids are unique', () => {
    expect(new Set(all.map(({ mail }) => mail.id)).size).toBe(all.length);
  });

  test.each(Object.keys(boxes) as BoxName[])('threads of %s resolve: one conversation for each talk', (box) => {
    const own = [boxes[box].address, ...boxes[box].aliases];
    const mails = all.filter(({ talk }) => talk.box === box);
    expect(
      conversationsOf(
        mails.map(({ octets }) => readMessage(octets)),
        own,
      ),
    ).toEqual(numbered(mails.map(({ talk }) => talks.indexOf(talk))));
  });

  test('has what mailboxes have: attachments, HTML, quotes, machines, a list, a delivery report', () => {
    const read = all.map(({ octets }) => readMessage(octets));
    expect(read.filter((message) => message.attachments.length > 0).length).toBeGreaterThan(8);
    expect(all.filter(({ mail }) => mail.html !== undefined).length).toBeGreaterThan(2);
    expect(all.filter(({ mail }) => /^> /m.test(mail.text)).length).toBeGreaterThan(40);
    expect(read.filter((message) => message.automatic).length).toBe(3);
    expect(all.some(({ mail }) => mail.fields?.['List-Id'] !== undefined)).toBe(true);
    expect(all.some(({ mail }) => mail.deliveryStatus !== undefined)).toBe(true);
    expect(all.some(({ mail }) => mail.charset === 'iso-8859-1')).toBe(true);
  });

  test('everybody who speaks a language can say thank you in it', () => {
    for (const { language } of [...talks, ...arrivals]) expect(thanks[language].length).toBeGreaterThan(0);
  });
});

/** The number of the conversation of each mail, first come first numbered. */
function conversationsOf(messages: readonly Message[], own: readonly string[]): number[] {
  const stored = new Map<string, Set<number>>();
  const of: number[] = [];
  for (const [i, message] of messages.entries()) {
    const keys = threadKeys(
      message,
      own,
      message.from.some(({ address }) => own.includes(address)),
    );
    const { join, merge, store } = placeInThread(keys, (key) => stored.get(key) ?? []);
    const conversation = join ?? i;
    of.push(conversation);
    for (const [at, other] of of.entries()) if (merge.includes(other)) of[at] = conversation;
    for (const ids of stored.values()) for (const loser of merge) if (ids.delete(loser)) ids.add(conversation);
    for (const key of store) stored.set(key, (stored.get(key) ?? new Set()).add(conversation));
  }
  return numbered(of);
}

function numbered(ids: readonly number[]): number[] {
  const order = [...new Set(ids)];
  return ids.map((id) => order.indexOf(id));
}

test('the files that people attach are what they claim to be', () => {
  expect(attachment('photo.png').octets.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
  const pdf = attachment('invoice.pdf').octets.toString('latin1');
  expect(pdf.startsWith('%PDF-1.4')).toBe(true);
  const table = Number(/startxref\n(\d+)/.exec(pdf)?.[1]);
  expect(pdf.slice(table, table + 4)).toBe('xref');
  for (const [, offset] of pdf.slice(table).matchAll(/^(\d{10}) 00000 n/gm)) expect(pdf.slice(Number(offset))).toMatch(/^\d obj|^\d 0 obj/);
  expect(attachment('order.csv').octets.toString()).toContain('Crosswords for Convalescents');
});

describe('customers', () => {
  const whitlock = talks.find(({ who }) => who[1] === 'jrw@whitlock.example');
  const answerTo = (references: readonly string[], more: { subject?: string; auto?: true } = {}) =>
    compose({
      id: `shop-${references.length}@harbour.example`,
      from: { name: 'Harbour Books', address: 'support@harbour.example' },
      to: [{ name: null, address: 'jrw@whitlock.example' }],
      subject: more.subject ?? 'Re: COMPLAINT regarding your cat',
      date: now,
      references,
      ...(more.auto === undefined ? {} : { fields: { 'Auto-Submitted': 'auto-replied' } }),
      text: 'The atlas is yours.',
    });

  test('say what was written for their conversation, then thank you, then nothing', () => {
    let references = [mailsOf(whitlock ?? expect.fail('no Whitlock'))[0]?.mail.id ?? ''];
    const heard: string[] = [];
    for (;;) {
      const reply = replyTo(answerTo(references), 'JRW@whitlock.example', now);
      if (reply === null) break;
      const { text, references: named, messageId } = readMessage(reply.octets);
      expect(named).toEqual([...references, `shop-${references.length}@harbour.example`].map((id) => `<${id}>`));
      references = [...named, messageId ?? ''].map((id) => id.replace(/^<|>$/g, ''));
      heard.push(text);
    }
    expect(heard[0]).toContain('I accept the statement, and the atlas.');
    expect(heard.slice(1).map((text) => text.trim())).toEqual(thanks.en.slice(0, 2));
  });

  test('keep two conversations apart, and their subject in its spelling', () => {
    const second = arrivals.findIndex(({ who }) => who[1] === 'jrw@whitlock.example');
    const own = readMessage(arrival(second, now)?.octets ?? Buffer.alloc(0)).messageId ?? '';
    const reply = replyTo(answerTo([own.replace(/^<|>$/g, '')], { subject: 'Zweiter Brief über die Katze' }), 'jrw@whitlock.example', now);
    expect(reply?.octets.toString()).toContain('I shall bring a herring');
    expect(readMessage(reply?.octets ?? Buffer.alloc(0)).subject).toBe('Re: Zweiter Brief über die Katze');
  });

  test('do not answer machines, and machines do not answer', () => {
    expect(replyTo(answerTo([], { auto: true }), 'jrw@whitlock.example', now)).toBeNull();
    expect(replyTo(answerTo([]), 'noreply@quayside-carriers.example', now)).toBeNull();
    expect(replyTo(answerTo([]), 'stranger@example.net', now)).toBeNull();
    expect(arrival(arrivals.length, now)).toBeNull();
  });
});

describe('SMTP between the demo and its customers', () => {
  test('a mail arrives octet for octet, dots and all, one after the other on one connection', async () => {
    const taken: { mailFrom: string; rcptTo: readonly string[]; octets: Buffer }[] = [];
    const server = await listen(0, { refuse: () => null, take: (envelope, octets) => taken.push({ ...envelope, octets }) });
    const senders = new Senders(server.port);
    const octets = compose({
      id: 'a@example.net',
      from: { name: null, address: 'a@example.net' },
      to: [{ name: 'Ümläut, "quoted"', address: 'b@example.org' }],
      subject: 'Dots',
      date: now,
      text: '.\n..\n.leading\nplain',
    });
    await senders.send({ mailFrom: 'a@example.net', rcptTo: ['b@example.org', 'c@example.org'] }, octets);
    await senders.send({ mailFrom: '', rcptTo: ['b@example.org'] }, Buffer.from('.\r\n'));
    await senders.close();
    await server.close();
    expect(taken).toEqual([
      { mailFrom: 'a@example.net', rcptTo: ['b@example.org', 'c@example.org'], octets },
      { mailFrom: '', rcptTo: ['b@example.org'], octets: Buffer.from('.\r\n') },
    ]);
  });

  test('who is refused gets nothing, and the sender is told why', async () => {
    const server = await listen(0, { refuse: (address) => `550 5.1.1 <${address}>: gone`, take: () => expect.unreachable() });
    const senders = new Senders(server.port);
    const refused = senders.send({ mailFrom: 'a@example.net', rcptTo: ['b@gone.example'] }, Buffer.from('x\r\n'));
    await expect(refused).rejects.toThrow(new SmtpError('The server said: 550 5.1.1 <b@gone.example>: gone', 550));
    await senders.close();
    await server.close();
  });

  test('a port that is taken is an error, not a second server', async () => {
    const server = await listen(0, { refuse: () => null, take: () => undefined });
    await expect(listen(server.port, { refuse: () => null, take: () => undefined })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await server.close();
  });
});
