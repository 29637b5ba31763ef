import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attachmentBytes, composedText, readMessage } from '../daemon/mail/message.ts';
import { compose, type Draft, newMessageId, newPostroomId, normalisedBody } from '../daemon/outbox/compose.ts';

const draft = (change: Partial<Draft> = {}): Draft => ({
  from: { name: 'Support', address: 'support@example.org' },
  to: [{ name: 'Anna Nowak', address: 'anna@example.com' }],
  cc: [],
  bcc: [],
  subject: 'Your order',
  body: 'It is on its way.\n',
  attachments: [],
  inReplyTo: null,
  references: [],
  date: Date.UTC(2026, 10, 21, 12, 0, 0),
  messageId: '<1@example.org>',
  postroomId: '0123456789abcdef',
  ...change,
});
const text = (change: Partial<Draft> = {}): string => compose(draft(change)).octets.toString('latin1');

test('a plain mail reads like one written by hand', () => {
  expect(text({ cc: [{ name: null, address: 'cc@example.com' }], inReplyTo: '<a@b>', references: ['<x@y>', '<a@b>'] })).toBe(
    [
      'From: Support <support@example.org>',
      'To: Anna Nowak <anna@example.com>',
      'Cc: cc@example.com',
      'Subject: Your order',
      'Date: Sat, 21 Nov 2026 12:00:00 +0000',
      'Message-ID: <1@example.org>',
      'In-Reply-To: <a@b>',
      'References: <x@y>',
      ' <a@b>',
      'X-Postroom-Id: 0123456789abcdef',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=us-ascii',
      'Content-Transfer-Encoding: 7bit',
      '',
      'It is on its way.',
      '',
    ].join('\r\n'),
  );
});

test('ids are ours: unguessable, in the domain of From', () => {
  expect(newMessageId('support@Example.org')).toMatch(/^<[0-9a-f]{32}@example\.org>$/);
  expect(newMessageId('a@bücher.example')).toMatch(/@xn--bcher-kva\.example>$/);
  expect(newPostroomId()).not.toBe(newPostroomId());
});

test('Bcc is in the envelope and in no octet', () => {
  const composed = compose(draft({ bcc: [{ name: 'Secret Reader', address: 'hidden@example.net' }] }));
  expect(composed.recipients).toEqual(['anna@example.com', 'hidden@example.net']);
  expect(composed.octets.toString('latin1')).not.toMatch(/hidden|Secret|bcc/i);
});

test('Bcc alone is a mail too; nobody at all is none', () => {
  expect(compose(draft({ to: [], bcc: [{ name: null, address: 'b@example.net' }] })).recipients).toEqual(['b@example.net']);
  expect(() => compose(draft({ to: [] }))).toThrow(/at least one recipient/);
});

test('each address is in the envelope once', () => {
  const to = ['a@Example.com', 'a@example.com', 'A@example.com'].map((address) => ({ name: null, address }));
  expect(compose(draft({ to })).recipients).toEqual(['a@example.com', 'A@example.com']);
});

test('the same draft gives the same octets', () => {
  const one = draft({ attachments: [{ filename: 'a.txt', type: 'text/plain', bytes: Buffer.from('a') }] });
  expect(compose(one).octets).toEqual(compose(one).octets);
});

test('too large is refused with both numbers', () => {
  const limit = { octets: 2_000, server: 'smtp.example.org' };
  expect(() => compose(draft({ body: 'x'.repeat(5_000) }), limit)).toThrow(
    expect.objectContaining({
      code: 'invalid',
      message: expect.stringMatching(/^The mail has 5\.\d kB as it is sent.*; smtp\.example\.org takes at most 2\.0 kB\./),
      details: { sizeOctets: expect.any(Number), limitOctets: 2_000, server: 'smtp.example.org' },
    }),
  );
  const fits = compose(draft({ body: 'x' })).octets.length;
  expect(compose(draft({ body: 'x' }), { octets: fits, server: null }).octets.length).toBe(fits);
  expect(() => compose(draft({ body: 'x' }), { octets: fits - 1, server: null })).toThrow(/Postroom takes at most/);
});

test('a message goes as a message when it can, and as a file with the same octets when not', () => {
  const clean = Buffer.from('Subject: x\r\n\r\nhello\r\n');
  const foreign = Buffer.from('Subject: \xfc\n\nhello', 'latin1');
  const { octets } = compose(
    draft({ attachments: [clean, foreign].map((bytes) => ({ filename: 'm.eml', type: 'message/rfc822', bytes })) }),
  );
  expect([0, 1].map((index) => attachmentBytes(octets, index)?.type)).toEqual(['message/rfc822', 'application/octet-stream']);
  expect(Buffer.from(attachmentBytes(octets, 1)?.bytes ?? [])).toEqual(foreign);
});

test.each([
  ['blanks at line ends', 'a \r\n', 'message/rfc822'],
  ['a From line and a dot', 'From here\r\n.\r\n', 'message/rfc822'],
  ['no end to its last line', 'a', 'message/rfc822'],
  ['a line of 998', `${'x'.repeat(998)}\r\n`, 'message/rfc822'],
  ['a line of 999', `${'x'.repeat(999)}\r\n`, 'application/octet-stream'],
  ['a line feed alone', 'a\nb\r\n', 'application/octet-stream'],
  ['a NUL', 'a\0\r\n', 'application/octet-stream'],
])('a message with %s keeps its octets', (_what, body, type) => {
  const bytes = Buffer.from(`Subject: x\r\n\r\n${body}`);
  const { octets } = compose(draft({ attachments: [{ filename: 'm.eml', type: 'message/rfc822', bytes }] }));
  const read = attachmentBytes(octets, 0);
  expect([read?.type, Buffer.from(read?.bytes ?? []).toString()]).toEqual([type, bytes.toString()]);
});

describe('what could become a header, a recipient or a command is refused', () => {
  const poisons = ['\r\nBcc: v@example.net', '\n', '\r', '\0', '\r\n\r\nbody', '\n.\nMAIL FROM:<x@y>'];
  const places: Record<string, (poison: string) => Partial<Draft>> = {
    'name of From': (poison) => ({ from: { name: `Support${poison}`, address: 'support@example.org' } }),
    'address of From': (poison) => ({ from: { name: null, address: `support@example.org${poison}` } }),
    'name of To': (poison) => ({ to: [{ name: `Anna${poison}`, address: 'anna@example.com' }] }),
    'address of To': (poison) => ({ to: [{ name: null, address: `anna@example.com${poison}` }] }),
    'address of Cc': (poison) => ({ cc: [{ name: null, address: `${poison}anna@example.com` }] }),
    'address of Bcc': (poison) => ({ bcc: [{ name: null, address: `anna${poison}@example.com` }] }),
    subject: (poison) => ({ subject: `Hello${poison}` }),
    'In-Reply-To': (poison) => ({ inReplyTo: `<a@b>${poison}` }),
    References: (poison) => ({ references: [`<a@b>${poison}`] }),
    'Message-ID': (poison) => ({ messageId: `<a@b>${poison}` }),
    'X-Postroom-Id': (poison) => ({ postroomId: `0123456789${poison}` }),
    'file name': (poison) => ({ attachments: [{ filename: `a${poison}.txt`, type: 'text/plain', bytes: Buffer.from('x') }] }),
    type: (poison) => ({ attachments: [{ filename: 'a.txt', type: `text/plain${poison}`, bytes: Buffer.from('x') }] }),
  };
  for (const [place, at] of Object.entries(places)) {
    test(place, () => {
      for (const poison of poisons)
        expect(() => compose(draft(at(poison))), JSON.stringify(poison)).toThrow(expect.objectContaining({ code: 'invalid' }));
    });
  }

  test.each([
    'b@example.org>\r\nRCPT TO:<v@example.com',
    'a@b@example.com',
    '"xclow3n@gmail.com x"@internal.domain',
    'a <b@example.com>',
    'a@example.com, b@example.com',
    'a@[127.0.0.1]',
    'a@exa mple.com',
    'a@exam%70le.com',
    'a@example.com\t',
    '@example.com',
    'a@',
    'ü@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}.com`,
    '<a@example.com>',
    'a@example.com\u2028',
  ])('address %j', (address) => {
    expect(() => compose(draft({ to: [{ name: null, address }] }))).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});

test('an encoded-word look-alike in a subject or a name stays text', () => {
  const subject = '=?utf-8?q?=0d=0aBcc:_v@example.net?=';
  const message = readMessage(compose(draft({ subject, to: [{ name: subject, address: 'a@example.com' }] })).octets);
  expect([message.subject, message.to[0]?.name, message.to.length]).toEqual([subject, subject, 1]);
});

test('ids of foreign mail that no header can hold are left out', () => {
  expect(text({ inReplyTo: '<with blank@x>', references: ['<ok@x>', '<ünicode@x>', 'naked'] })).toMatch(
    /\r\nReferences: <ok@x>\r\n(?!In-Reply)/,
  );
});

test('half a character becomes the sign for one that is missing', () => {
  expect(text({ body: 'half a \ud800 character' })).toContain('half a =EF=BF=BD character');
});

// --- round trip ----------------------------------------------------------------------------------------------------

const nasty = fc.constantFrom(
  'ä',
  'ß',
  '漢',
  '\u{1F468}\u200D\u{1F469}',
  '\u{1F600}',
  '\u202E',
  '\u0085',
  '\u2028',
  '=',
  '=?',
  '?=',
  '"',
  '\\',
  ';',
  '%',
  "'",
  ' ',
  '  ',
  '\t',
  '.',
  '(',
  ')',
  '<',
  '>',
  ',',
  ':',
  '@',
  'a',
  'Zz',
  '\x1b',
  '\x7f',
  'e\u0301',
);
const lineText = fc.array(nasty, { maxLength: 60 }).map((parts) => parts.join(''));
const bodyText = fc
  .array(fc.oneof(nasty, fc.constantFrom('\r\n', '\n', '\r', 'From ', '.\r\n', '\0', 'x'.repeat(90), '--', 'word ')), {
    maxLength: 80,
  })
  .map((parts) => parts.join(''));
const address = fc
  .tuple(fc.stringMatching(/^[a-z0-9!#$&'*+/=?^_`{|}~-]{1,20}$/), fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\.(com|example)$/))
  .map(([local, domain]) => `${local}@${domain}`);
const people = fc.array(fc.record({ name: fc.option(lineText), address }), { maxLength: 4 });
const attached = fc.record({
  filename: lineText.filter((name) => name !== ''),
  type: fc.constantFrom('text/plain', 'application/pdf', 'image/png', 'message/rfc822', 'multipart/mixed'),
  bytes: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(Buffer.from('Subject: x\r\n\r\n..\r\n'))),
});
const drafts = fc
  .record({
    to: people.filter((list) => list.length > 0),
    cc: people,
    bcc: people,
    subject: lineText,
    body: bodyText,
    attachments: fc.array(attached, { maxLength: 3 }),
    references: fc.array(fc.stringMatching(/^<[a-z0-9.]{1,30}@[a-z]{1,10}>$/), { maxLength: 5 }),
    date: fc.integer({ min: 1, max: 4_000_000_000 }).map((seconds) => seconds * 1000),
  })
  .map((fields) => draft(fields));

const named = ({ name, address }: { name: string | null; address: string }) => ({ name: name?.toWellFormed().trim() || null, address });

test('what was composed reads back as it was', () => {
  fc.assert(
    fc.property(drafts, (given) => {
      const { octets, recipients } = compose(given);
      const message = readMessage(octets);
      expect(message.subject.trim()).toBe(given.subject.toWellFormed().trim());
      expect(message.to).toEqual(given.to.map(named));
      expect(message.cc).toEqual(given.cc.map(named));
      expect(message.references).toEqual(given.references);
      expect(message.date).toBe(given.date);
      expect([message.messageId, message.postroomId]).toEqual([given.messageId, given.postroomId]);
      expect(composedText(octets).trimEnd()).toBe(normalisedBody(given.body).trimEnd());
      // Of a mail that says nothing itself its files are shown, or named.
      if (given.attachments.length === 0 || /[\p{L}\p{N}]/u.test(given.body))
        expect(message.text.trimEnd()).toBe(normalisedBody(given.body).trimEnd());
      expect(given.attachments.map((_, index) => Buffer.from(attachmentBytes(octets, index)?.bytes ?? []))).toEqual(
        given.attachments.map(({ bytes }) => Buffer.from(bytes)),
      );
      expect(new Set(recipients)).toEqual(new Set([...given.to, ...given.cc, ...given.bcc].map((it) => it.address)));
    }),
    { numRuns: 300 },
  );
});

test('every mail is ASCII in lines that any server carries, and no line is a dot', () => {
  fc.assert(
    fc.property(drafts, (given) => {
      const octets = compose(given).octets.toString('latin1');
      expect(octets.endsWith('\r\n')).toBe(true);
      expect(octets.replaceAll('\r\n', '')).not.toMatch(/[\r\n\0\x80-\xff]/);
      const lines = octets.split('\r\n');
      expect(lines.every((line) => line.length <= 998 && line !== '.')).toBe(true);
      const end = lines.indexOf('');
      expect(lines.slice(0, end).filter((line) => !/^([A-Za-z-]+:|[ \t]\S)/.test(line))).toEqual([]);
      expect(lines.slice(0, end).every((line) => line.length <= 320)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('a local part with a blank or with dots in odd places is quoted, in the header and for the server', () => {
  const to = ['"jane cooper"@example.com', 'ta..ro.@docomo.example', 'j.c@exam_ple.com'].map((address) => ({ name: null, address }));
  const { octets, recipients } = compose(draft({ to }));
  const wire = ['"jane cooper"@example.com', '"ta..ro."@docomo.example', 'j.c@exam_ple.com'];
  expect(recipients).toEqual(wire);
  expect(octets.toString()).toContain(`To: ${wire.join(',\r\n ')}\r\n`);
});
