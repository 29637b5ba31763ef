import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddressList } from '../daemon/mail/address.ts';
import { type Address, attachmentBytes, type Message, rawHeaders, readMessage } from '../daemon/mail/message.ts';
import { mail } from './support/message.ts';

const fixtures = new URL('./fixtures/', import.meta.url).pathname;
const fixture = (name: string): Buffer => readFileSync(join(fixtures, `${name}.eml`));
const fixtureNames = readdirSync(fixtures).filter((name) => name.endsWith('.eml'));
const corpus = process.env.POSTROOM_CORPUS ?? '';
const corpusNames = corpus === '' ? [] : readdirSync(corpus, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.eml'));

const raw = (lines: string): Buffer => Buffer.from(lines.replace(/\r?\n/g, '\r\n'), 'utf8');
const header = (name: string, value: string): Message => readMessage(Buffer.from(`${name}: ${value}\r\n\r\n`, 'latin1'));

describe('readMessage', () => {
  test('a plain mail', () => {
    expect(readMessage(fixture('plain-english'))).toEqual({
      messageId: '<parcel-4711@example.com>',
      inReplyTo: [],
      references: [],
      subject: 'Where is parcel 4711?',
      from: [{ name: 'Jane Cooper', address: 'jane.cooper@example.com' }],
      sender: null,
      replyTo: [],
      to: [{ name: 'Support', address: 'support@example.org' }],
      cc: [],
      date: Date.UTC(2026, 2, 3, 9, 15),
      text: 'Hello,\n\nmy parcel 4711 should have come on Friday. Can you tell me where it is?\n\nJane\n-- \nJane Cooper\nExample Ltd.\n',
      snippet: 'Hello, my parcel 4711 should have come on Friday. Can you tell me where it is? Jane',
      attachments: [],
      automatic: false,
      report: null,
      postroomId: null,
      complete: true,
    } satisfies Message);
  });

  test.each([
    ['german-quoted-printable', 'AW: Ihre Rückfrage zur Größe', 'Jürgen Müller', 'Guten Tag, die Größe ist 42, und zwar für beide Paare.'],
    ['japanese-iso-2022-jp', '注文番号1234について', '田中 太郎', '田中太郎です。'],
    ['russian-koi8-r', 'Счёт за март', 'Иван Петров', 'Здравствуйте!'],
    ['chinese-gb18030-base64', '回复: 发票', '王伟', '您好，请问发票'],
    ['greek-split-words', 'Σπασμένη λέξη στη μέση', 'Μαρία', 'Καλημέρα'],
    ['hebrew-alternative', 'הזמנה 77', 'דנה', 'שלום'],
    ['raw-8bit-headers', 'Größe und Länge – übrig', 'Zoë Müller', 'Headers in plain UTF-8'],
    ['lf-only-mbox', 'Line feeds and a folded subject', 'Ben', 'Unix line ends'],
    ['html-only', 'Your order', 'Shop', 'Dear Renée, your order of 3 chairs — € 240 – is on its way.'],
    ['broken-multipart', 'No closing boundary', 'Broken', 'The text is here.'],
    ['flowed-reply', 'Re: Factura', 'Ana', 'Muchas gracias, ya tengo la factura. Una pregunta: el importe no es el que acordamos.'],
    ['outlook-top-post', 'RE: Contract', 'Tom Weber', 'Thank you, signed. Tom'],
  ])('%s is read in its language', (name, subject, from, snippet) => {
    const message = readMessage(fixture(name));
    expect(message).toMatchObject({ subject, from: [{ name: from }], complete: true });
    expect(message.snippet.startsWith(snippet)).toBe(true);
  });

  test('attachments: names in sections and encoded-words, groups of addresses, numbers that attachmentBytes knows', () => {
    const octets = fixture('attachments-2231');
    const message = readMessage(octets);
    expect(message.from).toEqual([{ name: 'Cooper, Jane', address: 'jane.cooper@example.com' }]);
    expect(message.to.map(({ address }) => address)).toEqual(['support@example.org', 'sales@example.org']);
    expect(message.cc).toEqual([]);
    expect(message.text).toBe('The invoice and the photo.');
    expect(message.attachments).toEqual([
      { index: 0, filename: 'Rechnung März 2026 _.pdf', type: 'application/pdf', sizeOctets: 784, inline: false },
      { index: 1, filename: 'Фото.png', type: 'image/png', sizeOctets: 208, inline: true },
    ]);
    expect(attachmentBytes(octets, 0)?.bytes.length).toBe(784);
    expect(Buffer.from(attachmentBytes(octets, 1)?.bytes ?? []).toString('latin1', 0, 4)).toBe('\x89PNG');
    expect(attachmentBytes(octets, 2)).toBeNull();
    expect(attachmentBytes(octets, -1)).toBeNull();
  });

  test('flowed lines are joined, and quoted ones keep one mark', () => {
    expect(readMessage(fixture('flowed-reply')).text).toContain(
      '\n\nEl 10/3/26 a las 9:00, Support escribió:\n> Aquí tiene la factura que nos pidió.',
    );
  });

  test('nested parts, and a mail in a mail stays closed', () => {
    const news = readMessage(fixture('nested-related'));
    expect(news.text).toBe('Spring offers: see https://shop.example.net/spring');
    expect(news.attachments.map(({ filename, inline }) => [filename, inline])).toEqual([
      ['attachment-1.gif', true],
      ['attachment-2.ics', false],
    ]);
    expect(news.automatic).toBe(false); // list headers alone say nothing
    const forward = fixture('forward-attached');
    expect(readMessage(forward).text).toBe('Please see the mail below.');
    expect(readMessage(attachmentBytes(forward, 0)?.bytes ?? new Uint8Array())).toMatchObject({
      subject: 'inner subject',
      text: 'inner text',
    });
  });

  test.each([
    ['delivery-report', true],
    ['vacation', true],
    ['plain-english', false],
  ])('%s is written by a machine: %s', (name, automatic) => {
    expect(readMessage(fixture(name)).automatic).toBe(automatic);
  });

  test('a name of a file is one that may be written', () => {
    expect(readMessage(fixture('broken-multipart')).attachments[0]?.filename).toBe('passwd');
    expect(readMessage(fixture('hostile-escapes')).attachments[0]?.filename).toBe('invoicefdp.exe_2J');
  });

  test('no header, no mail, one octet', () => {
    expect(readMessage(fixture('no-headers'))).toMatchObject({
      subject: '',
      from: [],
      snippet: 'Just some words, without any header. And a second paragraph.',
    });
    expect(readMessage(new Uint8Array())).toMatchObject({ subject: '', text: '', attachments: [] });
    expect(readMessage(Uint8Array.of(0x0a))).toMatchObject({ text: '' });
  });

  test('the first of two From fields counts, and no blank before a colon hides one', () => {
    const message = readMessage(raw('From : a@example.com\nfrom: b@example.com\nSubject: x\n\n'));
    expect(message.from).toEqual([{ name: null, address: 'a@example.com' }]);
  });

  test('rawHeaders', () => {
    expect(rawHeaders(raw('Subject: Größe\nX-A: 1\n 2\n\nbody'))).toBe('Subject: Größe\nX-A: 1\n 2');
  });

  test.each([
    ['Jane <jane@x.org>', [['Jane', 'jane@x.org']]],
    ['jane@x.org (Jane (the first) Cooper)', [['Jane the first Cooper', 'jane@x.org']]],
    ['"a@b.org" <c@d.org>', [['a@b.org', 'c@d.org']]],
    [
      '=?utf-8?Q?a=40b.org=2C?= <c@d.org>, e@f.org',
      [
        ['a@b.org,', 'c@d.org'],
        [null, 'e@f.org'],
      ],
    ],
    ['"john doe"@x.org', [[null, '"john doe"@x.org']]],
    ['Jane <"jane cooper"@x.org>', [['Jane', '"jane cooper"@x.org']]],
    ['Jane <"jane.cooper"@x.org>', [['Jane', 'jane.cooper@x.org']]],
    ['<"a\\"b"@x.org>', [[null, '"a\\"b"@x.org']]],
    ['Taro <ta..ro.@docomo.example>', [['Taro', 'ta..ro.@docomo.example']]],
    ['"ta..ro."@docomo.example', [[null, 'ta..ro.@docomo.example']]],
    ['Cooper, Jane <jane@x.org>', [['Cooper, Jane', 'jane@x.org']]],
    [
      'Cooper, Jane, Dr. <jane@x.org>, Bob <b@x.org>',
      [
        ['Cooper, Jane, Dr.', 'jane@x.org'],
        ['Bob', 'b@x.org'],
      ],
    ],
    [
      'Cooper, Jane <j@x.org>; Smith, Bob <b@x.org>',
      [
        ['Cooper, Jane', 'j@x.org'],
        ['Smith, Bob', 'b@x.org'],
      ],
    ],
    ['=?utf-8?Q?M=C3=BCller?=, Jane <j@x.org>', [['Müller, Jane', 'j@x.org']]],
    [
      'Jane Cooper, j@x.org',
      [
        ['Jane Cooper', ''],
        [null, 'j@x.org'],
      ],
    ],
    ['Cooper, Jane', [['Cooper, Jane', '']]],
    ['<mailto:jane@x.org>', [[null, 'jane@x.org']]],
    ['Jane <MAILTO:jane@x.org?subject=a,b>', [['Jane', 'jane@x.org']]],
    ['mailto:jane@x.org', [[null, 'jane@x.org']]],
    ['< jane @ x.org >', [[null, 'jane@x.org']]],
    ['jane@mail_gate.x.org', [[null, 'jane@mail_gate.x.org']]],
    ['=?utf-8?q?Jane_=3Cjane=40x.org=3E?=', [['Jane <jane@x.org>', '']]],
    [
      'Team: a@x.org, B <b@x.org>; , c@x.org',
      [
        [null, 'a@x.org'],
        ['B', 'b@x.org'],
        [null, 'c@x.org'],
      ],
    ],
    ['undisclosed-recipients:;', []],
    ['<@relay.org,@other.org:a@x.org>', [[null, 'a@x.org']]],
    [
      'A <a@x.org, B <b@x.org>',
      [
        ['A', 'a@x.org'],
        ['B', 'b@x.org'],
      ],
    ],
    ['Just A Name', [['Just A Name', '']]],
    ['"Cooper, \\"J\\"" <j@x.org>', [['Cooper, "J"', 'j@x.org']]],
    ['<<a@x.org>>', [[null, 'a@x.org']]],
    ['Pete <pete(his account)@x.org>', [['Pete', 'pete@x.org']]],
    ['Universit\xC3\xA0 <a@universit\xC3\xA0.it>', [['Università', 'a@università.it']]],
  ])('addresses that came: %s', (value, expected) => {
    expect(header('To', value).to.map(({ name, address }) => [name, address])).toEqual(expected);
  });

  test('limits: deep, broad and long mails are cut, and say so', () => {
    const deep = Array.from({ length: 200 }, (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\n`).join('');
    expect(readMessage(raw(deep)).complete).toBe(false);
    const broad = readMessage(
      raw(`Content-Type: multipart/mixed; boundary=b\n\n${'--b\nContent-Type: image/png\n\nx\n'.repeat(5_000)}--b--`),
    );
    expect(broad.complete).toBe(false);
    expect(broad.attachments.length).toBeGreaterThan(400);
    expect(broad.attachments.length).toBeLessThanOrEqual(500);
    expect(header('To', Array.from({ length: 5_000 }, (_, n) => `a${n}@x.org`).join(', '))).toMatchObject({
      complete: false,
      to: { length: 2_000 },
    });
    expect(readMessage(raw(`${'X-A: b\n'.repeat(2_000)}\n`)).complete).toBe(false);
    expect(readMessage(raw(`Subject: long\n\n${'word '.repeat(200_000)}`)).text.length).toBe(262_144);
  });

  test('never throws: any octets, and fixtures with any octet changed or cut anywhere', () => {
    const sources = fixtureNames.map((name) => readFileSync(join(fixtures, name)));
    const broken = fc.record({
      source: fc.constantFrom(...sources),
      at: fc.nat(4_000),
      octets: fc.uint8Array({ maxLength: 8 }),
      cut: fc.boolean(),
    });
    const damaged = broken.map(({ source, at, octets, cut }) =>
      Buffer.concat([source.subarray(0, at), octets, cut ? Buffer.alloc(0) : source.subarray(at + octets.length)]),
    );
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 400 })), (octets) => {
        const message = readMessage(octets);
        for (const { index, filename } of message.attachments) expect(attachmentBytes(octets, index)?.filename).toBe(filename);
      }),
      { numRuns: 3_000 },
    );
  });

  test('reads what the builder for tests writes', () => {
    fc.assert(
      fc.property(
        fc.record({
          subject: fc.string({ unit: 'grapheme', maxLength: 60 }),
          text: fc.string({ unit: 'grapheme', maxLength: 200 }),
          file: fc.uint8Array({ maxLength: 300 }),
        }),
        ({ subject, text, file }) => {
          const line = subject.replace(/\s+/gu, ' ').trim();
          const octets = mail({
            from: 'Zoë <z@x.org>',
            to: ['a@x.org', 'B C <b@x.org>'],
            subject: line,
            text,
            html: '<p>x</p>',
            attachments: [{ filename: 'a b.bin', content: file }],
          });
          const message = readMessage(octets);
          expect(message.subject).toBe(line);
          expect(message.from).toEqual([{ name: 'Zoë', address: 'z@x.org' }]);
          expect(message.to[1]).toEqual({ name: 'B C', address: 'b@x.org' });
          if (text.trim() !== '') expect(message.text).toBe(text.replace(/\r\n?/g, '\n'));
          expect(Buffer.from(attachmentBytes(octets, 0)?.bytes ?? []).equals(Buffer.from(file))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

// --- beside postal-mime --------------------------------------------------------------------------------------------

const folded = (text: string | undefined | null): string => (text ?? '').replace(/[\s\u00A0]+/g, ' ').trim();

/** Which of subject, from, date, text and attachments the two parsers see differently. */
async function differences(octets: Buffer): Promise<string[]> {
  const lean = readMessage(octets);
  const whole = await PostalMime.parse(octets, { forceRfc822Attachments: true });
  const from: Address | null = lean.from[0] ?? null;
  const other = whole.from?.group === undefined ? whole.from : whole.from.group[0];
  const at = whole.date === undefined ? Number.NaN : Date.parse(whole.date);
  const found: string[] = [];
  if (folded(lean.subject) !== folded(whole.subject)) found.push('subject');
  if (folded(from?.address) !== folded(other?.address) || folded(from?.name) !== folded(other?.name)) found.push('from');
  if ((lean.date ?? -1) !== (Number.isNaN(at) ? -1 : at)) found.push('date');
  // More is shown and listed here on purpose: forwarded mails, invitations, what is sealed, texts with names, files in texts.
  if (whole.html === undefined && !folded(lean.text).includes(folded(whole.text))) found.push('text');
  if (lean.attachments.length < whole.attachments.length) found.push('attachments');
  return found;
}

async function agreement(paths: readonly string[]): Promise<{ share: number; apart: string[] }> {
  const apart: string[] = [];
  for (const path of paths) {
    const found = await differences(readFileSync(path));
    if (found.length > 0) apart.push(`${path}: ${found.join(', ')}`);
  }
  return { share: 1 - apart.length / paths.length, apart };
}

/** Where postal-mime 4.0.0 is the one that is wrong; a test of its own says what we read there. */
const knownApart = new Set([
  'no-headers.eml', // it takes every line for a header
  'greek-split-words.eml', // it does not join a character that is cut between two padded words
  'flowed-reply.eml', // it joins flowed lines of a quote together with their marks
]);

describe('the lean walk and postal-mime', () => {
  test('agree on our own mails', async () => {
    const { share, apart } = await agreement(fixtureNames.filter((name) => !knownApart.has(name)).map((name) => join(fixtures, name)));
    expect(share, apart.join('\n')).toBeGreaterThanOrEqual(0.99);
  });

  const absent = corpus === '' ? ' (left out: POSTROOM_CORPUS names no folder of mails)' : '';

  test.skipIf(corpus === '')(`agree on 90 of 100 mails of the corpus, which are odd on purpose${absent}`, {}, async () => {
    const { share, apart } = await agreement(corpusNames.filter((name) => !name.startsWith('hostile')).map((name) => join(corpus, name)));
    expect(share, apart.join('\n')).toBeGreaterThanOrEqual(0.9);
  });

  test.skipIf(corpus === '')(`every mail of the corpus is read within 500 ms of processor time${absent}`, () => {
    const slow: string[] = [];
    for (const name of corpusNames) {
      const octets = readFileSync(join(corpus, name));
      const begun = process.cpuUsage();
      readMessage(octets);
      const { user, system } = process.cpuUsage(begun);
      if (user + system > 500_000) slow.push(`${name}: ${Math.round((user + system) / 1_000)} ms`);
    }
    expect(slow).toEqual([]);
  });
});

describe('addresses that we send to', () => {
  test.each([
    ['jane@example.com', [{ name: null, address: 'jane@example.com' }]],
    [
      'Jane Cooper <jane@Example.COM>, bob@example.org;',
      [
        { name: 'Jane Cooper', address: 'jane@example.com' },
        { name: null, address: 'bob@example.org' },
      ],
    ],
    ['"Cooper, \\"J\\"" <j.c+tag@example.com>', [{ name: 'Cooper, "J"', address: 'j.c+tag@example.com' }]],
    ['Jürgen Müller <j@münchen.de>', [{ name: 'Jürgen Müller', address: 'j@münchen.de' }]],
    ['root@localhost', [{ name: null, address: 'root@localhost' }]],
    ['"quoted local"@example.com', [{ name: null, address: '"quoted local"@example.com' }]],
    ['Jane <"jane.cooper"@example.com>', [{ name: 'Jane', address: 'jane.cooper@example.com' }]],
    [
      '"ta..ro."@docomo.example, ta..ro.@docomo.example',
      [
        { name: null, address: 'ta..ro.@docomo.example' },
        { name: null, address: 'ta..ro.@docomo.example' },
      ],
    ],
    ['jane@exam_ple.com', [{ name: null, address: 'jane@exam_ple.com' }]],
    ['  ', []],
  ])('%j', (text, expected) => {
    expect(parseAddressList(text)).toEqual(expected);
  });

  test.each([
    'jane',
    '@example.com',
    'jane@',
    'a@b@c',
    'jane@example..com',
    'jane@-example.com',
    'jane@[127.0.0.1]',
    '"a<b"@example.com',
    '"a,b"@example.com',
    '"a\\"b"@example.com',
    'a@example.org>\r\nRCPT TO:<v@example.com',
    'a@example.org\nBcc: v@example.com',
    'a\0@example.org',
    'Jane\u202E <jane@example.com>',
    'Smith, John <john@example.com>',
    'Jane (x) <jane@example.com>',
    '"Jane <jane@example.com>',
    'jane@exa\u200Bmple.com',
    'jürgen@example.com',
    '<<a@example.com>>',
    'xclow3n@gmail.com x@internal.example',
    '"xclow3n@gmail.com x"@internal.example',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}.com`,
  ])('%j is refused with the piece that is wrong', (text) => {
    expect(() => parseAddressList(text)).toThrowError(expect.objectContaining({ code: 'invalid', details: { piece: expect.any(String) } }));
  });

  test('print and parse are the same', () => {
    const names = fc.option(
      fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
        .filter((name) => !/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(name) && name.trim() !== ''),
      { nil: null },
    );
    const local = fc.oneof(
      fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,20}$/),
      fc.stringMatching(/^[a-z0-9.]{1,6} [a-z0-9 .]{0,9}$/).map((words) => `"${words}"`),
    );
    const domain = fc.stringMatching(/^[a-z]([a-z0-9]{0,8}[a-z0-9])?(\.[a-z]{2,6}){1,2}$/);
    const addresses = fc.array(fc.record({ name: names, address: fc.tuple(local, domain).map(([l, d]) => `${l}@${d}`) }), { maxLength: 5 });
    fc.assert(
      fc.property(addresses, (all) => {
        expect(parseAddressList(all.map(formatAddress).join(', '))).toEqual(all);
      }),
    );
  });

  test('what must not stand in a header is not printed', () => {
    expect(() => formatAddress({ name: 'a\r\nBcc: v@example.com', address: 'a@example.com' })).toThrowError(
      expect.objectContaining({ code: 'invalid' }),
    );
    expect(() => formatAddress({ name: null, address: 'a@example.com>\r\nRCPT TO:<v@example.com' })).toThrowError(
      expect.objectContaining({ code: 'invalid' }),
    );
  });
});
