/** Nothing that a mail says is lost: broken and odd parts, files in texts, mails in mails, invitations, and what cannot be opened here. */
import { describe, expect, test } from 'vitest';
import { invitationText } from '../daemon/mail/invitation.ts';
import { attachmentBytes, readMessage } from '../daemon/mail/message.ts';
import { uuFilesIn } from '../daemon/mail/uuencode.ts';
import { isSafe } from '../protocol/text.ts';
import { startPostroom } from './support/postroom.ts';
import { startSubmission } from './support/submission.ts';

const mail = (type: string, body: string, more = '') =>
  Buffer.from(
    `From: jane@x.example\r\nSubject: S\r\nMIME-Version: 1.0\r\n${type === '' ? '' : `Content-Type: ${type}\r\n`}${more}\r\n${body}`,
    'latin1',
  );
const mixed = (...parts: string[]) => mail('multipart/mixed; boundary=b', `${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`);

describe('the text is shown', () => {
  test.each<[what: string, octets: Buffer, text: RegExp]>([
    ['of a multipart without a boundary', mail('multipart/mixed', 'The parcel is here.\r\n'), /^The parcel is here\./],
    ['whose boundary never occurs', mail('multipart/mixed; boundary=zz', 'The parcel is here.\r\n'), /^The parcel is here\./],
    ['whose end is missing', mail('multipart/mixed; boundary=b', '--b\r\n\r\nThe parcel is here.\r\n'), /^The parcel is here\./],
    ['of an unknown kind of text', mail('text/markdown', '# Call me\r\n'), /^# Call me/],
    ['of a list of addresses', mail('text/uri-list', 'https://x.example/a\r\n'), /x\.example\/a/],
    ['that is enriched', mail('text/enriched', '<bold>Call</bold> me at <<3\r\n'), /^Call me at <3/],
    ['of a type that is none', mail('text', 'Call me\r\n'), /^Call me/],
    ['of a type that is garbage', mail('garbage;;', 'Call me\r\n'), /^Call me/],
    ['in capitals, with a stray semicolon', mail('TEXT/PLAIN; CHARSET="UTF-8";', 'Call me\r\n'), /^Call me/],
    [
      'beside a file that is named and inline',
      mixed('\r\nSee below.', 'Content-Type: text/plain; name=log.txt\r\nContent-Disposition: inline\r\n\r\nline 1'),
      /^See below\.[\s\S]*line 1/,
    ],
    [
      'of a mail in a mail',
      mail('message/rfc822', 'From: Sam <sam@x.example>\r\nSubject: =?utf-8?Q?Wo_ist_es=3F?=\r\n\r\nNothing came.\r\n'),
      /From: Sam <sam@x\.example>\nSubject: Wo ist es\?\n\nNothing came\./,
    ],
    [
      'of a mail in a mail in a mail',
      mail('message/rfc822', 'Subject: outer\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nDeep down.\r\n'),
      /Subject: outer[\s\S]*Subject: inner[\s\S]*Deep down\./,
    ],
    [
      'under the text that forwards it',
      mixed('\r\nPlease see to it.', 'Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nNothing came.'),
      /^Please see to it\.\s+-+ Forwarded message -+\nSubject: x\n\nNothing came\./,
    ],
  ])('%s', (_what, octets, text) => expect(readMessage(octets).text).toMatch(text));

  test('a returned mail in a report is no forwarded one', () => {
    const octets = mail(
      'multipart/report; boundary=b',
      '--b\r\n\r\nIt came back.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nOur own words.\r\n--b--\r\n',
    );
    expect(readMessage(octets).text).not.toContain('Our own words');
  });
});

describe('what cannot be opened says what it is, and its parts are listed', () => {
  test.each<[what: string, octets: Buffer, says: RegExp, files: number]>([
    [
      'PGP/MIME',
      mail(
        'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b',
        '--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n--b--',
      ),
      /encrypted \(PGP\/MIME\)/,
      2,
    ],
    [
      'a PGP message in the text',
      mail('', '-----BEGIN PGP MESSAGE-----\r\n\r\nhQ==\r\n-----END PGP MESSAGE-----\r\n'),
      /encrypted \(OpenPGP\)/,
      0,
    ],
    ['S/MIME', mail('application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m', 'x'), /encrypted \(S\/MIME\)/, 1],
    ['S/MIME of old programs', mail('application/x-pkcs7-mime; name=smime.p7m', 'x'), /encrypted \(S\/MIME\)/, 1],
    ['an opaque signature', mail('application/pkcs7-mime; smime-type=signed-data', 'x'), /inside its signature/, 1],
    ['winmail.dat', mixed('\r\nHello.', 'Content-Type: application/ms-tnef; name=winmail.dat\r\n\r\nx'), /winmail\.dat[\s\S]*Hello\./, 1],
    ['a piece of a mail', mail('message/partial; number=2; total=3; id=x', 'x'), /part 2 of 3/, 1],
    [
      'contents elsewhere',
      mail('message/external-body; access-type=URL; url="https://x.example/f"', 'x'),
      /elsewhere \(URL: https:\/\/x\.example\/f\)/,
      1,
    ],
  ])('%s', (_what, octets, says, files) => {
    const { text, attachments, snippet } = readMessage(octets);
    expect([text, attachments.length, snippet !== '']).toEqual([expect.stringMatching(says), files, true]);
  });
});

test('files in a text are files, and no text; what only looks like one stays text', () => {
  const { rest, files } = uuFilesIn('See it.\nbegin 644 note.txt\n%:&5L;&\\*\n`\nend\nBye.\n') ?? { rest: '', files: [] };
  expect([rest, files.map(({ name, bytes }) => [name, bytes.toString()])]).toEqual(['See it.\nBye.\n', [['note.txt', 'hello']]]);
  for (const text of ['begin 644 the work\nwith words.\n', 'begin 644 a.txt\n%:&5L;&\\*\n', 'we begin 644 x\nend\n'])
    expect(uuFilesIn(text)).toBeNull();
  const octets = mail('', 'See it.\r\nbegin 644 a b.pdf\r\n%:&5L;&\\*\r\n`\r\nend\r\nBye.\r\n');
  const { text, attachments } = readMessage(octets);
  expect(text).toBe('See it.\nBye.\n');
  expect(attachments).toMatchObject([{ index: 0, filename: 'a b.pdf', type: 'application/pdf', sizeOctets: 5 }]);
  expect(Buffer.from(attachmentBytes(octets, 0)?.bytes ?? []).toString()).toBe('hello');
});

test('files keep the numbers of the first release; what it did not list comes after them', () => {
  const octets = mixed(
    'Content-Type: text/plain; name=a.txt\r\n\r\na',
    'Content-Type: application/pdf; name=b.pdf\r\n\r\nb',
    'Content-Type: text/plain\r\nContent-Disposition: attachment; filename=c.txt\r\n\r\nc',
  );
  expect(readMessage(octets).attachments.map(({ index, filename }) => [index, filename])).toEqual([
    [0, 'b.pdf'],
    [1, 'c.txt'],
    [2, 'a.txt'],
  ]);
  expect([0, 1, 2].map((index) => Buffer.from(attachmentBytes(octets, index)?.bytes ?? []).toString())).toEqual(['b', 'c', 'a']);
});

test('a text that says where it lies is a text without a name', () => {
  const octets = mail('text/html', '<p>Hello</p>', 'Content-Location: https://x.example/index.html\r\nContent-Description: page.html\r\n');
  expect(readMessage(octets)).toMatchObject({ text: 'Hello', attachments: [] });
});

test.each([
  ['attachment; filename*0="=?UTF-8?Q?R=C3=A4tsel_und_"; filename*1="Worte.pdf?="', 'Rätsel und Worte.pdf', 'Rätsel und Worte.pdf'],
  ["attachment; filename*1*=%20b.pdf; filename*0*=UTF-8''a%C3%A4", 'aä b.pdf', 'aä b.pdf'],
  ['attachment; filename="R&D #12.pdf"', 'R&D #12.pdf', 'R_D _12.pdf'],
  ['attachment; filename="=?utf-8?B?44CQ6YeN6KaB44CRLnBkZg==?="', '【重要】.pdf', '_重要_.pdf'],
  ['attachment; filename="C:\\\\docs\\\\a.pdf"', 'C:\\docs\\a.pdf', 'a.pdf'],
  ['attachment', 'attachment-1.pdf', 'attachment-1.pdf'],
  ['attachment; filename*0="Ein "; filename*1*=utf-8\'\'R%C3%A4t; filename*2="sel.pdf"', 'Ein Rätsel.pdf', 'Ein Rätsel.pdf'],
  ['attachment; filename="R%C3%A4tsel.pdf"', 'Rätsel.pdf', 'Rätsel.pdf'],
  ['attachment; filename="100%25 %20 %C3.pdf"', '100%25 %20 %C3.pdf', '100_25 _20 _C3.pdf'],
  ['attachment; filename="&#20013;&#x6587;&#38;.pdf"', '中文&#38;.pdf', '中文__38_.pdf'],
  ["attachment; filename='single.pdf'", 'single.pdf', 'single.pdf'],
  ['attachment; filename="it\'s [draft].pdf"', "it's [draft].pdf", 'it_s _draft_.pdf'],
  ['attachment; name="n.pdf"', 'n.pdf', 'n.pdf'],
  ['filename="none.pdf"', 'none.pdf', 'none.pdf'],
  ['attachment filename="=?utf-8?Q?R=C3=A4tsel.pdf?="', 'Rätsel.pdf', 'Rätsel.pdf'],
  ['inline\r\nContent-Location: https://x.example/a/R%C3%A4tsel.pdf?v=1', 'Rätsel.pdf', 'Rätsel.pdf'],
  ['attachment; filename=""\r\nContent-Description: =?utf-8?Q?Pl=C3=A4ne.pdf?=', 'Pläne.pdf', 'Pläne.pdf'],
  ['attachment\r\nContent-Description: the plans of May', 'attachment-1.pdf', 'attachment-1.pdf'],
])('a name as it came, and as a disk takes it: %s', (disposition, name, filename) => {
  const octets = mail('application/pdf', 'x', `Content-Disposition: ${disposition}\r\n`);
  const found = attachmentBytes(octets, 0);
  expect([found?.name, found?.filename]).toEqual([name, filename]);
});

describe('an invitation in words', () => {
  const event = (lines: string, method = 'REQUEST') =>
    invitationText(`BEGIN:VCALENDAR\r\nMETHOD:${method}\r\nBEGIN:VEVENT\r\n${lines}\r\nEND:VEVENT\r\nEND:VCALENDAR`, null);
  test.each([
    ['DTSTART:20261210T140000Z\r\nDTEND:20261210T150000Z', 'When: Thu 10 Dec 2026, 14:00–15:00 (UTC)'],
    [
      'DTSTART;TZID=Europe/Berlin:20261210T233000\r\nDURATION:PT1H',
      'When: Thu 10 Dec 2026, 23:30 to Fri 11 Dec 2026, 00:30 (Europe/Berlin)',
    ],
    ['DTSTART;TZID="W. Europe Standard Time":20261210T100000', 'When: Thu 10 Dec 2026, 10:00 (W. Europe Standard Time)'],
    ['DTSTART:20261210T100000', 'When: Thu 10 Dec 2026, 10:00 (no time zone given)'],
    ['DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227', 'When: Thu 24 Dec 2026 to Sat 26 Dec 2026, all day'],
    ['DTSTART;VALUE=DATE:20261224', 'When: Thu 24 Dec 2026, all day'],
    ['DTSTART:20260230T100000', 'Invitation: (no title)'],
    ['RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=10', 'Repeats: every 2 weeks on Mon, Wed, 10 times'],
    ['RRULE:FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20271231T000000Z', 'Repeats: every month on the last Fri, until Fri 31 Dec 2027'],
    ['RRULE:FREQ=MONTHLY;BYDAY=2TU,+3TH', 'Repeats: every month on the 2nd Tue, the 3rd Thu'],
    ['RRULE:FREQ=MONTHLY;BYMONTHDAY=1,15,-1', 'Repeats: every month on day 1, day 15, the last day'],
    ['RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', 'Repeats: every month on Mon, Tue, Wed, Thu, Fri, the last of these only'],
    ['RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,-2', 'Repeats: every month on Mon, the 1st, 2nd last of these only'],
    ['RRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13', 'Repeats: every month on day 13, if it is Fri'],
    ['RRULE:FREQ=YEARLY;BYMONTH=3,12;BYMONTHDAY=24', 'Repeats: every year in Mar, Dec on day 24'],
    ['RRULE:FREQ=YEARLY;BYWEEKNO=20;WKST=MO', 'Repeats: every year (and only as its rule says: BYWEEKNO=20)'],
    ['RRULE:FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0', 'Repeats: every day (and only as its rule says: BYHOUR=9,17; BYMINUTE=0)'],
    ['RRULE:FREQ=MONTHLY;BYMONTHDAY=first', 'Repeats: every month (and only as its rule says: BYMONTHDAY=first)'],
    ['RRULE:FREQ=DAILY;INTERVAL=often;COUNT=many', 'Repeats: every day (and only as its rule says: INTERVAL=often; COUNT=many)'],
    ['RRULE:FREQ=DAILY;UNTIL=someday', 'Repeats: every day (and only as its rule says: UNTIL=someday)'],
    ['RRULE:FREQ=DAILY\r\nRRULE:FREQ=YEARLY', 'Repeats: every day; and every year'],
    ['DTSTART:20261210T140000Z\r\nEXDATE:20261217T140000Z,20261224T140000Z', 'Not on: Thu 17 Dec 2026; Thu 24 Dec 2026'],
    ['DTSTART;VALUE=DATE:20261210\r\nEXDATE;VALUE=DATE:20261217\r\nEXDATE;VALUE=DATE:20261224', 'Not on: Thu 17 Dec 2026; Thu 24 Dec 2026'],
    ['DTSTART:20261210T140000Z\r\nEXDATE:nonsense', 'Not on: a date that is not understood (nonsense)'],
    ['DTSTART:20261210T140000Z\r\nEXRULE:FREQ=DAILY', 'Not on: more dates, by a rule'],
    ['DTSTART:20261210T140000Z\r\nRDATE:20261217T160000Z', 'Also on: Thu 17 Dec 2026, 16:00 (UTC)'],
    ['DTSTART:20261210T140000Z\r\nRDATE;VALUE=PERIOD:20261217T140000Z/PT2H', 'Also on: Thu 17 Dec 2026, 14:00 (UTC)'],
    [
      `EXDATE;VALUE=DATE:${Array.from({ length: 15 }, (_, n) => 20261201 + n).join(',')}`,
      expect.stringMatching(/^Not on: .*; and 3 more$/),
    ],
    ['RECURRENCE-ID:20261217T140000Z\r\nDTSTART:20261217T150000Z', 'One of a series: that of Thu 17 Dec 2026, 14:00 (UTC)'],
    ['RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20261217', 'One of a series: that of Thu 17 Dec 2026, and all after it'],
    ['SUMMARY:x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:y', 'More: 1 more entry in this calendar file, not shown here'],
    ['RRULE:FREQ=NONSENSE', 'Repeats: by a rule that is not understood'],
    ['SUMMARY:A\\, b\\; c\r\n  folded', 'Invitation: A, b; c folded'],
    ['ORGANIZER;CN="Cooper; Jane":mailto:jane@x.example', 'Organiser: Cooper; Jane <jane@x.example>'],
    ['ATTENDEE:mailto:a@x.example\r\nATTENDEE:mailto:b@x.example', 'Invited: 2 people'],
    ['SUMMARY:x\r\nBEGIN:VALARM\r\nDESCRIPTION:ring\r\nEND:VALARM\r\nLOCATION:Pier', 'Where: Pier'],
  ])('%j says %s', (lines, says) => expect(event(lines)?.split('\n')).toContainEqual(says));
  test.each([
    ['CANCEL', 'Cancelled: x'],
    ['COUNTER', 'Another time is proposed: x'],
    ['PUBLISH', 'Event: x'],
    ['REPLY', 'Answer to an invitation (accepted): x'],
  ])('%s is %s', (method, says) =>
    expect(event('SUMMARY:x\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:a@x.example', method)?.split('\n')[0]).toBe(says),
  );
  test('nothing in it: no words; bombs end', () => {
    expect(invitationText('BEGIN:VCALENDAR\r\nEND:VCALENDAR', null)).toBeNull();
    expect(event(`SUMMARY:${'x'.repeat(1_000_000)}`)?.length).toBeLessThan(2_000);
    expect(event('DTSTART:20261210T100000\r\n'.repeat(100_000))).toContain('When:');
  });
});

test('a forward passes files on under the names that they came with, of the right type, and what is shown stays clean', async () => {
  await using submission = await startSubmission({ security: 'plain', users: null });
  const port = Number(new URL(submission.url.replace('smtp:', 'http:')).port);
  await using postroom = await startPostroom({
    config: { hosted: { domains: ['harbour.example'], relay: { host: 'localhost', port, tls: 'none' } } },
  });
  const support = await postroom.mailbox('support');
  await postroom.deliver(
    support,
    mixed(
      '\r\nSee the files.',
      'Content-Type: application/pdf; name="R&D #12.pdf"\r\n\r\nb',
      `Content-Type: text/plain; name="=?utf-8?B?${Buffer.from('見積書【重要】.txt').toString('base64')}?="\r\nContent-Disposition: inline\r\n\r\nc`,
      'Content-Type: application/octet-stream; name="a\u001b[31m\r\n\tb.png"\r\n\r\nd',
    ),
  );
  const { conversation } = await postroom.newest(support);
  const eva = await postroom.as('eva');
  const [shown] = (await eva.call('conversation.show', { conversation })).messages;
  for (const { filename } of shown?.attachments ?? []) expect(isSafe(filename)).toBe(true);
  expect(shown?.attachments.length).toBe(3);
  await eva.call('outbox.send', { in: conversation, kind: 'forward', to: 'sam@x.example', body: 'For you.' });
  const [sent] = await submission.accepted(1);
  const received = readMessage(sent?.octets ?? Buffer.alloc(0));
  const names = received.attachments.map(({ index }) => attachmentBytes(sent?.octets ?? Buffer.alloc(0), index)?.name);
  expect(names).toEqual(['R&D #12.pdf', 'a[31m b.png', '見積書【重要】.txt']);
  expect(/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(sent?.octets.toString('latin1') ?? '\0')).toBe(false);
});
