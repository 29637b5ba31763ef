/** No mail is shown empty that says something, or has a file: odd encodings, files that are text, winmail.dat, and whole sets of mails. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { attachmentBytes, readMessage } from '../daemon/mail/message.ts';
import { rtfToText } from '../daemon/mail/rtf.ts';
import { readTnef } from '../daemon/mail/tnef.ts';
import { isBlank } from '../daemon/mail/versions.ts';
import { Opener } from '../daemon/open.ts';

const opener = new Opener();
afterAll(() => opener.close());

const crlf = (text: string): string => text.replace(/\r?\n/g, '\r\n');
const mail = (fields: string, body: string | Buffer) =>
  Buffer.concat([Buffer.from(crlf(`From: jane@x.example\nSubject: S\nMIME-Version: 1.0\n${fields}\n\n`)), Buffer.from(body)]);
const b64 = (text: string | Buffer): string => Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\r\n');
const attached = (type: string, name: string, more = '') =>
  `Content-Type: ${type}\nContent-Disposition: attachment; filename="${name}"${more === '' ? '' : `\n${more}`}`;
const asBase64 = 'Content-Transfer-Encoding: base64';
const long = 'The parcel of order 4711 left on Friday and should be with you by Monday. '.repeat(4);
const footer = '\r\n_______________________________________________\r\nsupport mailing list\r\nhttp://lists.x.example/unsubscribe\r\n';

describe('the only part is a file: its words are shown, and it is listed', () => {
  test.each<[what: string, octets: Buffer, text: RegExp]>([
    ['a table of values', mail('Content-Type: text/csv; name=a.csv', 'item;price\r\nSea map;19.00\r\n'), /^item;price\nSea map;19\.00/],
    ['markup', mail('Content-Type: text/xml; name=a.xml', '<order id="4711"/>'), /^<order id="4711"\/>/],
    ['rich text', mail('Content-Type: text/rtf; name=a.rtf', "{\\rtf1\\ansi Gr\\'fc\\'dfe\\par Jane}"), /^Grüße\nJane$/],
    ['rich text of another name', mail(attached('application/rtf', 'a.rtf'), '{\\rtf1 Hello}'), /^Hello$/],
    [
      'a text marked attachment',
      mail(attached('text/plain; charset=koi8-r', 'a.txt', asBase64), b64(Buffer.from('f0d2c9d7c5d4', 'hex'))),
      /^Привет$/,
    ],
    ['HTML marked attachment', mail(attached('text/html', 'a.html'), '<p>Order <b>4711</b></p>'), /^Order 4711$/],
    ['a text of no type', mail(attached('application/octet-stream', 'notes.txt'), 'Call me'), /^Call me$/],
    ['a type that nobody knows', mail('Content-Type: foo/bar', 'Call me'), /^Call me$/],
    ['a text of a made-up type', mail('Content-Type: application/text', 'Grüße'), /^Grüße$/],
    ['a log of a wrong type', mail(attached('application/x-download', 'a.csv'), 'a;b'), /^a;b$/],
    ['a card', mail('Content-Type: text/x-vcard; name=a.vcf', 'BEGIN:VCARD\r\nFN:Jane\r\nEND:VCARD'), /FN:Jane/],
  ])('%s', async (_what, octets, text) => {
    const read = readMessage(octets);
    expect([read.text, read.attachments.length, isBlank(read.snippet)]).toEqual([expect.stringMatching(text), 1, false]);
    expect((await opener.open(octets)).text).toMatch(text);
  });

  test.each<[what: string, octets: Buffer, says: string]>([
    [
      'a picture',
      mail(attached('image/png', 'map.png', asBase64), b64('\x89PNG')),
      '[This mail has no text of its own. Its file: map.png]',
    ],
    [
      'a text that is none',
      mail(attached('text/plain', 'a.txt'), Buffer.alloc(500)),
      '[This mail has no text of its own. Its file: a.txt]',
    ],
    [
      'two files under a blank text',
      mail(
        'Content-Type: multipart/mixed; boundary=b',
        '--b\r\n\r\n \r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n--b\r\nContent-Type: image/gif\r\n\r\nx\r\n--b--\r\n',
      ),
      '[This mail has no text of its own. Its files: a.pdf, attachment-2.gif]',
    ],
    [
      'pictures of a server',
      mail('Content-Type: text/html', '<p><img src="https://x.example/a.png"></p>'),
      '[This mail consists of pictures that lie on a server. They are not fetched.]',
    ],
  ])('%s says so', async (_what, octets, says) => {
    expect(readMessage(octets).text.trim()).toBe(says);
    expect((await opener.open(octets)).text.trim()).toBe(says);
  });

  test('beside a text a file is only listed', () => {
    const octets = mail(
      'Content-Type: multipart/mixed; boundary=b',
      '--b\r\n\r\nSee it.\r\n--b\r\nContent-Type: text/csv; name=a.csv\r\n\r\na;b\r\n--b--',
    );
    expect(readMessage(octets)).toMatchObject({ text: 'See it.', attachments: [{ filename: 'a.csv' }] });
  });
});

describe('what is not encoded as it says', () => {
  test.each<[what: string, octets: Buffer, text: string]>([
    ['a footer behind padded base64', mail(asBase64, `${b64(`${long}.`)}${footer}`), `${long}.\n${crlf(footer)}`],
    [
      'a footer behind base64 without padding',
      mail(asBase64, `${b64(long.slice(0, 300))}\r\n${footer}`),
      `${long.slice(0, 300)}\n${footer}`,
    ],
    [
      'a footer that begins with one word',
      mail(asBase64, `${b64('Hello Jane')}\r\nUnsubscribe\r\nhttp://x.example/u`),
      'Hello Jane\nUnsubscribe\nhttp://x.example/u',
    ],
    ['plain text under base64', mail(asBase64, 'Hello Jane,\r\nit is here.\r\n'), 'Hello Jane,\nit is here.\n'],
    ['a plain greeting of one word', mail(asBase64, 'Hello\r\n\r\nYour parcel is here.'), 'Hello\n\nYour parcel is here.'],
    ['plain words alone', mail(asBase64, 'Call\r\nme\r\nback\r\nplease'), 'Call\nme\nback\nplease'],
    ['short base64 stays base64', mail(asBase64, b64('Yes')), 'Yes'],
    ['base64 with letters alone', mail(asBase64, 'SGVsbG8gSmFuZSB5b3Vy'), 'Hello Jane your'],
    ['base64 with a damaged octet', mail(asBase64, `${b64(long).slice(0, 90)}!${b64(long).slice(90)}`), long],
    ['UTF-16 in base64', mail(`Content-Type: text/plain; charset=utf-16le\n${asBase64}`, b64(Buffer.from('Grüße', 'utf16le'))), 'Grüße'],
  ])('%s', (_what, octets, text) => {
    expect(readMessage(octets).text.replace(/\n+/g, '\n').trim()).toBe(text.replace(/(\r?\n)+/g, '\n').trim());
  });

  test.each<[what: string, octets: Buffer, text: RegExp, files: string[]]>([
    [
      'multipart without the second half',
      mail('Content-Type: multipart; boundary=b', '--b\r\n\r\nHello\r\n--b\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n--b--'),
      /^Hello$/,
      ['a.png'],
    ],
    ['multipart with nothing behind the stroke', mail('Content-Type: multipart/; boundary=b', '--b\r\n\r\nHello\r\n--b--'), /^Hello$/, []],
    [
      'a multipart in base64',
      mail(
        `Content-Type: multipart/mixed; boundary=b\n${asBase64}`,
        b64('--b\r\n\r\nHello\r\n--b\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n--b--'),
      ),
      /^Hello$/,
      ['a.png'],
    ],
    [
      'a multipart in quoted-printable',
      mail(
        'Content-Type: multipart/mixed; boundary="=b"\nContent-Transfer-Encoding: quoted-printable',
        '--=3Db\r\n\r\nHello\r\n--=3Db--\r\n',
      ),
      /^Hello$/,
      [],
    ],
    ['text without its second half', mail('Content-Type: text/', 'Hello'), /^Hello$/, []],
    ['a header without its empty line', mail('X-Mailer: y\nThe parcel is here.', 'Bye'), /^The parcel is here\.\s+Bye$/, []],
    [
      'an empty line with a blank in it',
      Buffer.from('Subject: S\r\nX-Mailer: y\r\n \r\nThe parcel is here.\r\nBye\r\n'),
      /^The parcel is here\.\s+Bye\s*$/,
      [],
    ],
    ['a line in the header that is no field', Buffer.from('Subject: S\r\nsome garbage\r\nX-Mailer: y\r\n\r\nHello\r\n'), /^Hello\s*$/, []],
  ])('%s', (_what, octets, text, files) => {
    const read = readMessage(octets);
    expect([read.subject, read.text, read.attachments.map(({ filename }) => filename)]).toEqual(['S', expect.stringMatching(text), files]);
  });

  test.each([
    ['under text/plain', 'Content-Type: text/plain', '<!DOCTYPE html><html><body><p>Order <b>4711</b></p></body></html>', 'Order 4711'],
    ['under nothing', 'X-Mailer: y', '\r\n<html>\r\n<p>Order <b>4711</b></p></html>', 'Order 4711'],
    ['in base64', asBase64, b64('\ufeff<?xml version="1.0"?>\n<html><p>Order <b>4711</b></p></html>'), 'Order 4711'],
    ['that is only spoken of', 'X-Mailer: y', 'Use <html> first.', 'Use <html> first.'],
  ])('a document in HTML %s', async (_what, fields, body, text) => {
    const octets = mail(fields, body);
    expect([readMessage(octets).text, (await opener.open(octets)).text]).toEqual([text, text]);
  });

  test.each(['BASE64', '"base64"', 'base-64', 'base64;', 'x-base64', ' Base 64 (x)'])('%s is base64', (encoding) =>
    expect(readMessage(mail(`Content-Transfer-Encoding: ${encoding}`, b64('Grüße'))).text).toBe('Grüße'),
  );
  test.each(['Quoted-Printable', 'quoted printable', 'quotedprintable', '"quoted-printable"', 'QP'])('%s is quoted-printable', (encoding) =>
    expect(readMessage(mail(`Content-Transfer-Encoding: ${encoding}`, 'Gr=C3=BC=C3=9Fe')).text).toBe('Grüße'),
  );
  test.each(['8-bit', '7bit', 'binary', 'x-unknown', ''])('%s is as it stands', (encoding) =>
    expect(readMessage(mail(`Content-Transfer-Encoding: ${encoding}`, 'a=20b')).text).toBe('a=20b'),
  );

  test.each(['x-uuencode', 'uuencode', 'X-UUE'])('%s as an encoding', (encoding) => {
    const uu = 'begin 644 note.txt\r\n%:&5L;&\\*\r\n`\r\nend\r\n';
    const octets = mail(`Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: ${encoding}`, uu);
    expect(readMessage(octets).attachments).toMatchObject([{ filename: 'a.pdf', sizeOctets: 5 }]);
    expect(Buffer.from(attachmentBytes(octets, 0)?.bytes ?? []).toString()).toBe('hello');
    expect(readMessage(mail(`Content-Type: text/plain\nContent-Transfer-Encoding: ${encoding}`, uu)).text).toBe('hello');
  });

  test('a mail in base64 is called by its subject and shown', () => {
    const inner = 'From: Sam <sam@x.example>\r\nSubject: Where is it?\r\n\r\nNothing came.\r\n';
    const read = readMessage(mail(`Content-Type: message/rfc822\n${asBase64}`, b64(inner)));
    expect([read.attachments[0]?.filename, read.text]).toEqual([
      'Where is it_.eml',
      expect.stringMatching(/Subject: Where is it\?\s+Nothing came\./),
    ]);
  });
});

describe('what its name says', () => {
  const signed = Buffer.from('308006092a864886f70d010702a080', 'hex');
  const enveloped = Buffer.from('308006092a864886f70d010703a080', 'hex');
  test.each<[name: string, type: string, content: Buffer, says: RegExp]>([
    ['smime.p7m', 'application/octet-stream', enveloped, /encrypted \(S\/MIME\)/],
    ['smime.p7m', 'application/octet-stream', signed, /inside its signature/],
    ['SMIME.P7M', 'application/x-unknown', enveloped, /encrypted \(S\/MIME\)/],
    ['smime.p7m', 'application/pkcs7-mime', signed, /inside its signature/],
    ['winmail.dat', 'application/octet-stream', Buffer.from('no tnef'), /winmail\.dat \(TNEF\).*damaged/],
    [
      'meeting.ics',
      'application/octet-stream',
      Buffer.from('BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Pier\r\nEND:VEVENT\r\nEND:VCALENDAR'),
      /^Event: Pier$/,
    ],
    ['lost.eml', 'application/octet-stream', Buffer.from('Subject: Lost\r\n\r\nNothing came.'), /Subject: Lost\s+Nothing came\./],
  ])('%s as %s', (name, type, content, says) => {
    expect(readMessage(mail(attached(type, name, asBase64), b64(content))).text).toMatch(says);
  });
});

describe('winmail.dat', () => {
  const u32 = (value: number): Buffer => {
    const octets = Buffer.alloc(4);
    octets.writeUInt32LE(value);
    return octets;
  };
  const attribute = (id: number, data: Buffer, level = 2): Buffer =>
    Buffer.concat([Buffer.from([level]), u32(id), u32(data.length), data, Buffer.alloc(2)]);
  const padded = (data: Buffer): Buffer => Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
  const value = (id: number, type: number, data: Buffer): Buffer =>
    Buffer.concat([u32(id * 0x10000 + type), u32(1), u32(data.length), padded(data)]);
  const properties = (...all: Buffer[]): Buffer => Buffer.concat([u32(all.length), ...all]);
  const head = Buffer.concat([u32(0x223e9f78), Buffer.from([1, 0])]);
  const namedProperty = Buffer.concat([
    u32(0x8001 * 0x10000 + 3),
    Buffer.alloc(16),
    u32(1),
    u32(6),
    padded(Buffer.from('abc', 'utf16le')),
    u32(7),
  ]);
  const numbers = Buffer.concat([u32(0x1234 * 0x10000 + 0x1003), u32(2), u32(1), u32(2)]);
  const file = (name: string, content: string): Buffer =>
    Buffer.concat([
      attribute(0x00069002, Buffer.alloc(14)),
      attribute(0x00018010, Buffer.from(`${name.slice(0, 8)}\0`)),
      attribute(0x0006800f, Buffer.from(content)),
      attribute(
        0x00069005,
        properties(
          namedProperty,
          numbers,
          value(0x3707, 0x1f, Buffer.from(`${name}\0`, 'utf16le')),
          value(0x370e, 0x1e, Buffer.from('Application/PDF\0')),
        ),
      ),
    ]);
  const codePage = attribute(0x00069007, Buffer.concat([u32(1251), u32(0)]), 1);
  const body = attribute(0x0002800c, Buffer.concat([Buffer.from('cff0e8e2e5f2', 'hex'), Buffer.from([0])]), 1);
  const tnef = Buffer.concat([head, codePage, body, file('Rätsel und Karte.pdf', '%PDF'), file('../../evil.sh', 'rm')]);

  test('its files are listed and can be saved, after those of the mail; its text is shown where there is no other', async () => {
    const part = `Content-Type: application/octet-stream; name=winmail.dat\r\n${asBase64}\r\n\r\n${b64(tnef)}`;
    const alone = mail('Content-Type: multipart/mixed; boundary=b', `--b\r\n${part}\r\n--b--`);
    const octets = mail(
      'Content-Type: multipart/mixed; boundary=b',
      `--b\r\n\r\nSee it.\r\n--b\r\n${part}\r\n--b\r\nContent-Type: text/plain; name=log.txt\r\n\r\nlog\r\n--b--`,
    );
    const read = readMessage(octets);
    expect(read.attachments.map(({ filename, type }) => `${filename} ${type}`)).toEqual([
      'winmail.dat application/octet-stream',
      'log.txt text/plain',
      'Rätsel und Karte.pdf application/pdf',
      'evil.sh application/x-sh',
    ]);
    expect(Buffer.from(attachmentBytes(octets, 2)?.bytes ?? []).toString()).toBe('%PDF');
    expect(read.text).toBe('See it.\nlog');
    expect((await opener.open(octets)).attachments).toEqual(read.attachments);
    expect(readMessage(alone).text).toBe('Привет');
  });

  test('cut or lying anywhere it ends, and gives what stood before', () => {
    for (let length = 0; length < tnef.length; length++) {
      const cut = tnef.subarray(0, length);
      expect(readTnef(cut)?.files.length ?? 0).toBeLessThanOrEqual(2);
    }
    for (let at = 6; at < tnef.length; at++) {
      const lying = Buffer.from(tnef);
      lying.writeUInt8(0xff, at);
      expect(readTnef(lying)?.files.length ?? 0).toBeLessThanOrEqual(3);
    }
    const many = Buffer.concat([head, ...Array.from({ length: 5_000 }, () => attribute(0x00069002, Buffer.alloc(14)))]);
    expect(readTnef(many)?.files.length).toBe(0);
    expect(
      readTnef(Buffer.concat([head, attribute(0x00069003, properties(...Array.from({ length: 100 }, () => u32(0xffffffff))), 1)])),
    ).not.toBeNull();
  });
});

describe('rich text', () => {
  test.each([
    ["{\\rtf1\\ansi\\ansicpg1251{\\fonttbl{\\f0 Arial;}}{\\*\\generator Riched20;}\\pard\\f0 \\'cf\\'f0\\'e8\\par}", 'При'],
    ['{\\rtf1 \\u1055?\\u1088?i\\line next\\tab x}', 'Прi\nnext\tx'],
    ['{\\rtf1\\uc2 \\u8364??5}', '€5'],
    ['{\\rtf1 a\\{b\\}c\\\\d \\endash\\~e}', 'a{b}c\\d –\u00A0e'],
    ["{\\rtf1\\ansicpg932 \\'93\\'fa\\'96\\'7b}", '日本'],
    ['{\\rtf1 {\\pict 0102ff}seen{\\info{\\title hidden}}', 'seen'],
  ])('%s', (source, text) => expect(rtfToText(Buffer.from(source, 'latin1'), 1_000)).toBe(text));
  test('what is none is none, and bombs end', () => {
    expect(rtfToText(Buffer.from('Dear {\\rtf'), 100)).toBeNull();
    expect(rtfToText(Buffer.from(`{\\rtf1 ${'{'.repeat(200_000)}x`), 100)).toBe('');
    expect(rtfToText(Buffer.from(`{\\rtf1 ${'x'.repeat(2_000_000)}}`), 100)?.length).toBe(100);
  });
});

const fixtures = new URL('./fixtures/', import.meta.url).pathname;
const corpus = process.env.POSTROOM_CORPUS ?? '';
const absent = corpus === '' ? ' (left out: POSTROOM_CORPUS names no folder of mails)' : '';
const mailsIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.eml'))
    .sort();

/** Mails that are shown empty though their row has words, or though they have a file. */
async function emptyOnes(folder: string): Promise<string[]> {
  const found = await Promise.all(
    mailsIn(folder).map(async (name) => {
      const octets = readFileSync(join(folder, name));
      const { snippet, attachments } = readMessage(octets);
      const { text } = await opener.open(octets);
      return isBlank(text) && (!isBlank(snippet) || attachments.length > 0) ? [name] : [];
    }),
  );
  return found.flat();
}

test('no mail of this repository is shown empty while its row has words', async () => {
  expect(mailsIn(fixtures).length).toBeGreaterThan(15);
  expect(await emptyOnes(fixtures)).toEqual([]);
});
test.skipIf(corpus === '')(`nor any of the corpus${absent}`, async () => expect(await emptyOnes(corpus)).toEqual([]));
