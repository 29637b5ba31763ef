import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { charsetOfHtml, decodeHtml, decodeText } from '../daemon/mail/charset.ts';
import { decoderFor } from '../daemon/mail/decoders.ts';
import { rawHeaders, readMessage, readTexts } from '../daemon/mail/message.ts';
import { Opener } from '../daemon/open.ts';

const opener = new Opener();
afterAll(() => opener.close());

type Part = { head?: string; type?: string; encoding?: string; body: string | Buffer };

/** A mail of raw octets: `head` and strings stand for one octet each character. */
function octetsOf({ head = '', type = 'text/plain', encoding = '8bit', body }: Part): Buffer {
  const lines = `${head}Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
  return Buffer.concat([Buffer.from(lines, 'latin1'), typeof body === 'string' ? Buffer.from(body, 'latin1') : body]);
}
const text = (part: Part): string => readMessage(octetsOf(part)).text;
const subject = (value: string | Buffer, charset = 'utf-8'): string =>
  readMessage(
    Buffer.concat([
      Buffer.from('Subject: '),
      typeof value === 'string' ? Buffer.from(value, 'latin1') : value,
      Buffer.from(`\r\nContent-Type: text/plain; charset=${charset}\r\n\r\nx`),
    ]),
  ).subject;

const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex');
const utf16be = (value: string): Buffer => Buffer.from(value, 'utf16le').swap16();

describe('names of charsets', () => {
  test.each([
    ['UTF8', 'utf-8'],
    ['utf_8', 'utf-8'],
    ['"utf-8"', 'utf-8'],
    ["'UTF-8'", 'utf-8'],
    ['utf-8;', 'utf-8'],
    ['charset=utf-8', 'utf-8'],
    ['unicode-1-1-utf-8', 'utf-8'],
    ['utf8mb4', 'utf-8'],
    ['cp65001', 'utf-8'],
    ['cp-1252', 'windows-1252'],
    ['CP_1252', 'windows-1252'],
    ['win-1251', 'windows-1251'],
    ['windows1251', 'windows-1251'],
    ['x-cp1250', 'windows-1250'],
    ['ISO_8859-15', 'iso-8859-15'],
    ['iso8859_2', 'iso-8859-2'],
    ['Latin-9', 'iso-8859-15'],
    ['ISO-8859-8-I', 'iso-8859-8-i'],
    ['iso-8859-8-e', 'iso-8859-8'],
    ['unicode-1-1-utf-7', 'utf-7'],
    ['X-SJIS', 'shift_jis'],
    ['Windows-31J', 'shift_jis'],
    ['cp932', 'shift_jis'],
    ['ks_c_5601-1987', 'euc-kr'],
    ['ms949', 'euc-kr'],
    ['GB_2312-80', 'gbk'],
    ['x-gbk', 'gbk'],
    ['cn-big5', 'big5'],
    ['TIS-620', 'windows-874'],
    ['ANSI_X3.4-1968', 'us-ascii'],
    ['IBM850', 'cp850'],
    ['cp00858', 'cp850'],
    ['x-mac-ce', 'maccenteuro'],
    ['MacRoman', 'macintosh'],
  ])('%s is %s', (label, name) => expect(decoderFor(label)?.name).toBe(name));

  test.each([
    'x-unknown',
    'unknown-8bit',
    'default',
    '8bit',
    '7bit',
    'none',
    'x-user-defined',
    '_default_charset_',
    'base64',
    'hex',
    '',
    '?',
    '1e9',
  ])('%j says nothing', (label) => expect(decoderFor(label)).toBeNull());
});

describe('text in its charset', () => {
  test.each<[string, string, Buffer, string]>([
    ['koi8-u', 'koi8-u', hex('ebc9a7d7'), 'Київ'],
    ['DOS, Western', 'cp437', hex('477294e165'), 'Größe'],
    ['DOS, Western with accents', 'ibm850', hex('477294e165'), 'Größe'],
    ['DOS, Russian', 'cp866', hex('8fe0a8a2a5e2'), 'Привет'],
    ['DOS, Ukrainian', 'cp1125', hex('8aa8f9a2'), 'Київ'],
    ['Macintosh, Western', 'x-mac-roman', hex('47729aa765'), 'Größe'],
    ['Macintosh, Central European', 'x-mac-ce', hex('fbe5'), 'ŻŚ'],
    ['Thai', 'tis-620', hex('cac7d1cab4d5'), 'สวัสดี'],
    ['Vietnamese', 'windows-1258', hex('56 69 ea f2 74'), 'Việt'.normalize('NFD').replace('e\u0323\u0302', 'ê\u0323')],
    ['UTF-7', 'utf-7', Buffer.from('Hei+AN8- +- a+AOQ-b'), 'Heiß + aäb'],
    ['UTF-16 with a mark, little', 'utf-16', Buffer.concat([hex('fffe'), Buffer.from('Größe 日', 'utf16le')]), 'Größe 日'],
    ['UTF-16 with a mark, big', 'utf-16', Buffer.concat([hex('feff'), utf16be('Größe 日')]), 'Größe 日'],
    ['UTF-16 without a mark', 'utf-16', utf16be('Hallo 日'), 'Hallo 日'],
    ['UTF-16 without a mark, little', 'utf-16', Buffer.from('Hallo 日', 'utf16le'), 'Hallo 日'],
    ['UTF-16 that is ASCII', 'utf-16le', Buffer.from('Hello'), 'Hello'],
    ['UTF-16 that nobody declared', 'us-ascii', Buffer.from('Grüße, Jane', 'utf16le'), 'Grüße, Jane'],
    ['UTF-16 under another name', 'iso-8859-1', Buffer.concat([hex('fffe'), Buffer.from('Größe', 'utf16le')]), 'Größe'],
    ['UTF-32 with a mark', 'utf-32', hex('fffe0000 48000000 69000000'), 'Hi'],
    ['UTF-8 with a mark', 'windows-1252', hex('efbbbf 47 72 c3 b6'), 'Grö'],
    ['ISO-2022-KR', 'iso-2022-kr', Buffer.from('\x1b$)C\x0e>H3g\x0f abc', 'latin1'), '안녕 abc'],
    ['HZ', 'hz-gb-2312', Buffer.from('a ~{<:Ky2;~} b ~~', 'latin1'), 'a 己所不 b ~'],
    ['ISO-2022-JP with JIS X 0212', 'iso-2022-jp-1', Buffer.from('\x1b$(D"/\x1b(B.', 'latin1'), '˘.'],
    ['ISO-2022-JP with half-width kana', 'iso-2022-jp', Buffer.from('\x1b(I1\x1b(B.', 'latin1'), 'ｱ.'],
    ['ISO-2022-JP that was cut', 'iso-2022-jp', Buffer.from('\x1b$B;D:', 'latin1'), '残'],
    ['Windows under an ISO name', 'iso-8859-2', hex('93bfba9420969660'.slice(0, 12)), '“żş” –'],
    ['an unknown name', 'x-unknown', Buffer.from('Größe'), 'Größe'],
    ['no UTF-8 under its name', 'utf-8', hex('4772f6df65'), 'Größe'],
  ])('%s', (_, charset, body, expected) => {
    expect(text({ type: `text/plain; charset=${charset}`, body: body.toString('base64'), encoding: 'base64' })).toBe(expected);
  });

  test.each([
    'gb2312',
    'iso-8859-1',
    'us-ascii',
    'windows-1252',
    'big5',
    'shift_jis',
    'koi8-r',
    'windows-1251',
    'euc-kr',
    'tis-620',
    'default',
  ])('UTF-8 is UTF-8 under the name of %s', (charset) => {
    for (const sentence of ['Größe und Länge übrig, schöne Grüße', '您好，我的订单', 'Привет, где заказ?', 'שלום', '€ 240'])
      expect(text({ type: `text/plain; charset="${charset}"`, body: Buffer.from(sentence) })).toBe(sentence);
  });

  test.each([
    ['gbk', 'c1aacda8', '联通'],
    ['gb2312', 'c4e3bac3', '你好'],
    ['gb2312', 'c3bc', '眉'],
    ['euc-kr', 'c7d1b1db', '한글'],
    ['big5', 'a741a66e', '你好'],
    ['windows-1251', 'cff0e8e2e5f2', 'Привет'],
    ['koi8-r', 'c5a3', 'её'],
    ['windows-1252', '4772f6df65', 'Größe'],
    ['shift_jis', '93fa967b', '日本'],
  ])('what %s says is believed where it fits: %s', (charset, octets, expected) => {
    if (charset !== 'koi8-r') expect(text({ type: `text/plain; charset=${charset}`, body: hex(octets) })).toBe(expected);
  });

  test('ISO-2022-JP that nobody declared, and escapes that are none of it', () => {
    const body = '\x1b$B$3$l$O\x1b(B test \x1b$BF|K\\8l\x1b(B';
    for (const type of ['text/plain', 'text/plain; charset=us-ascii', 'text/plain; charset=utf-8', 'text/plain; charset=iso-8859-1'])
      expect(text({ type, body })).toBe('これは test 日本語');
    expect(text({ body: 'red \x1b[31m and \x1b$ end' })).toBe('red \x1b[31m and \x1b$ end');
  });
});

describe('HTML that declares its own charset', () => {
  const russian = hex('cff0e8e2e5f2');
  const page = (meta: string, body: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`<html><head>${meta}</head><body>`), body, Buffer.from('</body></html>')]);
  test.each([
    ['http-equiv', 'text/html', page('<META HTTP-EQUIV=Content-Type CONTENT="text/html; charset=windows-1251">', russian)],
    ['meta charset', 'text/html', page("<meta charset='windows-1251'>", russian)],
    ['behind a comment', 'text/html', page('<!-- <meta charset=utf-8> --><meta charset="cp1251" />', russian)],
    ['beside us-ascii', 'text/html; charset=us-ascii', page('<meta charset=windows-1251>', russian)],
    ['beside a name that says nothing', 'text/html; charset=x-unknown', page('<meta charset=windows-1251>', russian)],
    ['against utf-8 that does not fit', 'text/html; charset=utf-8', page('<meta charset=windows-1251>', russian)],
    ['a lie about UTF-8', 'text/html', page('<meta charset=windows-1251>', Buffer.from('Привет'))],
    ['a lie about UTF-16', 'text/html', page('<meta charset=utf-16>', Buffer.from('Привет'))],
    ['XML', 'text/html', Buffer.concat([Buffer.from('<?xml version="1.0" encoding="windows-1251"?><p>'), russian, Buffer.from('</p>')])],
    ['outranked by the mail', 'text/html; charset=windows-1251', page('<meta charset=koi8-r>', russian)],
  ])('%s', async (_, type, body) => {
    for (const encoding of ['8bit', 'base64']) {
      const octets = octetsOf({ type, encoding, body: encoding === 'base64' ? body.toString('base64') : body });
      expect(readMessage(octets).text).toBe('Привет');
      expect(readMessage(octets).snippet).toBe('Привет');
      expect((await opener.open(octets)).text).toBe('Привет');
    }
  });
});

describe('octets that stand raw in a header', () => {
  test.each<[string, string, Buffer, string]>([
    ['as the text of the mail', 'windows-1251', hex('c7e0eae0e7'), 'Заказ'],
    ['UTF-8 all the same', 'windows-1251', Buffer.from('Заказ'), 'Заказ'],
    ['nothing declared', 'utf-8', hex('4772f6df65'), 'Größe'],
    ['Greek', 'iso-8859-7', hex('caf9e4e9eafcf2'), 'Κωδικός'],
    ['Japanese with a backslash in its second octet', 'shift_jis', hex('955c8ea6'), '表示'],
    ['Chinese', 'gb2312', hex('b6a9b5a5cecabcaa'), '订单问吉'],
    ['ISO-2022-JP', 'us-ascii', Buffer.from('\x1b$BF|K\\8l\x1b(B', 'latin1'), '日本語'],
  ])('%s', (_, charset, value, expected) => {
    expect(subject(value, charset)).toBe(expected);
    const octets = Buffer.concat([
      Buffer.from('From: "'),
      value,
      Buffer.from('" <jane@example.com>\r\nTo: '),
      value,
      Buffer.from(` <ben@example.org>, eva@example.org\r\nContent-Type: text/plain; charset=${charset}\r\n\r\nx`),
    ]);
    const message = readMessage(octets);
    expect(message.from).toEqual([{ name: expected, address: 'jane@example.com' }]);
    expect(message.to).toEqual([
      { name: expected, address: 'ben@example.org' },
      { name: null, address: 'eva@example.org' },
    ]);
    expect(rawHeaders(octets)).toContain(`To: ${expected} <ben@example.org>`);
  });

  test('a text that says nothing is in the charset of the words of its header', () => {
    const octets = octetsOf({ head: 'Subject: =?windows-1251?B?x+Dq4Oc=?=\r\n', body: hex('cff0e8e2e5f2').toString('latin1') });
    expect(readMessage(octets)).toMatchObject({ subject: 'Заказ', text: 'Привет' });
  });

  test('the charset of the first text part, or of the HTML itself', () => {
    const value = hex('c7e0eae0e7');
    const mixed = Buffer.concat([
      Buffer.from('Subject: '),
      value,
      Buffer.from(
        '\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\nx\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="',
      ),
      value,
      Buffer.from('.pdf"\r\n\r\nx\r\n--b--'),
    ]);
    expect(readMessage(mixed).subject).toBe('Заказ');
    expect(readMessage(mixed).attachments[0]?.filename).toBe('Заказ.pdf');
    const html = Buffer.concat([
      Buffer.from('Subject: '),
      value,
      Buffer.from('\r\nContent-Type: text/html\r\n\r\n<meta charset=windows-1251>x'),
    ]);
    expect(readMessage(html).subject).toBe('Заказ');
  });

  test('a name that decodes to structure makes no second recipient', () => {
    const { to } = readMessage(
      Buffer.from(
        'To: +ADw-eve+AEA-example.com+AD4-, \xE4 <ben@example.org>\r\nContent-Type: text/plain; charset=utf-7\r\n\r\nx',
        'latin1',
      ),
    );
    expect(to.map(({ address }) => address).filter((address) => address !== '')).toEqual(['ben@example.org']);
  });
});

describe('encoded-words', () => {
  test.each([
    ['each in ASCII state', '=?ISO-2022-JP?B?GyRCO0QbKEI=?= =?ISO-2022-JP?B?GyRCOjYbKEI=?=', '残唆'],
    ['the state left open', '=?ISO-2022-JP?B?GyRCO0Q=?= =?ISO-2022-JP?B?GyRCOjYbKEI=?=', '残唆'],
    ['cut within the set', '=?ISO-2022-JP?B?GyRCO0Q=?= =?ISO-2022-JP?B?OjYbKEI=?=', '残唆'],
    ['cut within a character', '=?ISO-2022-JP?B?GyRCO0Q6?= =?ISO-2022-JP?B?NhsoQg==?=', '残唆'],
    ['left open before ASCII', '=?ISO-2022-JP?B?GyRCO0Q=?= =?ISO-2022-JP?Q?abcd?=', '残abcd'],
    ['B and Q joined', '=?utf-8?B?R3LD?= =?UTF8?Q?=B6=C3=9Fe?=', 'Größe'],
    ['Q cut in a character', '=?utf-8?Q?Gr=C3?=\r\n =?utf-8?Q?=B6=C3=9Fe?=', 'Größe'],
    ['B cut within four letters', '=?utf-8?B?R3LDt?= =?utf-8?B?sOfZQ==?=', 'Größe'],
    ['a question mark that was not encoded', '=?utf-8?Q?Wo_bleibt_es??=', 'Wo bleibt es?'],
    ['two charsets side by side', '=?utf-8?Q?Gr=C3=B6=C3=9Fe?= =?windows-1251?Q?=C7?=', 'GrößeЗ'],
    ['letters of base64 for URLs', '=?utf-8?B?w7_Dvg==?=', 'ÿþ'],
    ['ISO-2022-JP in Q', '=?iso-2022-jp?Q?=1B$BF|K=5C8l=1B=28B?=', '日本語'],
    ['UTF-7', '=?unicode-1-1-utf-7?Q?Gr+APYA3w-e?=', 'Größe'],
    ['a wrong name', '=?gb2312?B?5oKo5aW9?=', '您好'],
    ['big5', '=?Big5?B?p0GmbqFB?=', '你好，'],
    ['not joined over text', '=?utf-8?Q?a?= b =?utf-8?Q?c?=', 'a b c'],
  ])('%s', (_, value, expected) => expect(subject(value)).toBe(expected));

  test('many words that never end cost no more than their length', () => {
    expect(subject('=?a?Q?x'.repeat(30_000))).toHaveLength(210_000);
    expect(subject('=?a?Q??x'.repeat(30_000)).length).toBeGreaterThan(0);
  });
});

test('never throws, whatever the octets and the name', () => {
  const names = fc.oneof(
    fc.constantFrom(
      'utf-8',
      'utf-7',
      'utf-7-imap',
      'utf-16',
      'utf-16be',
      'utf-32',
      'ucs-4',
      'iso-2022-jp',
      'iso-2022-kr',
      'hz-gb-2312',
      'gb18030',
    ),
    fc.constantFrom(
      'big5',
      'shift_jis',
      'euc-jp',
      'euc-kr',
      'cp437',
      'cp864',
      'x-mac-ce',
      'viscii',
      'tcvn',
      'koi8-t',
      'cp1133',
      '__proto__',
      'constructor',
    ),
    fc.string({ maxLength: 20 }),
    fc.constant(null),
  );
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .array(fc.constantFrom('\x1b$B', '\x1b(B', '\x1b$)C', '\x0e', '\x0f', '~{', '~}', '+AGE', '-', 'a', '\xe4', '\xff\xfe', '\0', '\n'))
      .map((all) => Buffer.from(all.join(''), 'latin1')),
  );
  fc.assert(
    fc.property(octets, names, names, (it, charset, around) => {
      expect(typeof decodeText(it, charset, around)).toBe('string');
      expect(typeof decodeHtml(it, charset, around)).toBe('string');
      charsetOfHtml(it);
      subject(`=?${charset}?B?${Buffer.from(it).toString('base64')}?= =?${charset}?Q?${Buffer.from(it).toString('latin1')}?=`);
    }),
    { numRuns: 3_000 },
  );
});

const corpus = process.env.POSTROOM_CORPUS ?? '';
const absent = corpus === '' ? ' (left out: POSTROOM_CORPUS names no folder of mails)' : '';

test.skipIf(corpus === '')(`no text of the corpus has U+FFFD where a charset fits its octets${absent}`, () => {
  const names = readdirSync(corpus, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.eml') && !name.startsWith('hostile'),
  );
  const broken = names.filter((name) => {
    const octets = readFileSync(join(corpus, name));
    if (octets.includes(Buffer.from('\uFFFD')) || /=EF=BF=BD/i.test(octets.toString('latin1'))) return false;
    return (
      readTexts(octets, (html) => html, 1_000_000).some(({ text: shown }) => shown.includes('\uFFFD')) ||
      readMessage(octets).subject.includes('\uFFFD')
    );
  });
  // Broken in itself: a Latin-1 octet in UTF-8.
  expect(broken).toEqual(['alot/broken-utf8.eml']);
});
