import { expect, test } from 'vitest';
import { readDate } from '../daemon/mail/header.ts';
import { readMessage } from '../daemon/mail/message.ts';

const iso = (value: string): string | null => {
  const at = readDate(value);
  return at === null ? null : new Date(at).toISOString();
};

test.each([
  ['Tue, 03 Mar 2026 10:15:00 +0100', '2026-03-03T09:15:00.000Z'],
  ['Tue 3 Mar 2026 10:15:00 PM EDT', '2026-03-04T02:15:00.000Z'],
  ['3 Mar 26 12:15:00 AM -600', '2026-03-03T06:15:00.000Z'],
  ['3 Mar 26 10:15 EST', '2026-03-03T15:15:00.000Z'],
  ['Tue Mar  3 10:15:00 2026', '2026-03-03T10:15:00.000Z'],
  ['2026-03-03T10:15:00Z', '2026-03-03T10:15:00.000Z'],
  ['Tue, 03 Mar 2026 10:15:60 +0000', '2026-03-03T10:15:59.000Z'],
  ['Tue, 03 Mar 2026 10:15:00 +0000 (((UTC', '2026-03-03T10:15:00.000Z'],
  ['Tue, 03 Mar 2026 10:15:00 +9900', '2026-03-03T10:15:00.000Z'],
  ['Tue, 31 Feb 2026 10:15:00 +0000', null],
  ['Thu, 03 Mar 2026 25:61:00 +0000', null],
  ['4 Mar 99999 10:00 +0000', null],
  ['4 Mar 1601 10:00 +0000', null],
  ['yesterday', null],
  ['', null],
  ['1e309', null],
  // day and month
  ['3 mar 2026 10:15:00 +0000', '2026-03-03T10:15:00.000Z'],
  ['MON, 03 MAR 2026 10:15:00 +0000', '2026-03-03T10:15:00.000Z'],
  ['Tue,3 March 2026 10:15 +0000', '2026-03-03T10:15:00.000Z'],
  ['Tue, 3 Mar 2026 10:15 MET DST', '2026-03-03T08:15:00.000Z'],
  ['Tue, 3 Mar 2026 10:15 EET DST', '2026-03-03T07:15:00.000Z'],
  ['Tue, 3 Mar 2026 10:15 MET', '2026-03-03T09:15:00.000Z'],
  ['Di., 3. Mai 2026 10:15 +0000', '2026-05-03T10:15:00.000Z'],
  ['Do, 03. Dez. 2026 10:15 +0000', '2026-12-03T10:15:00.000Z'],
  ['mar., 3 nov. 2026 10:15 +0000', '2026-11-03T10:15:00.000Z'],
  ['mar, 3 mar 2026 10:15 +0000', '2026-03-03T10:15:00.000Z'],
  ['lun, 3 ago 2026 10:15 +0000', '2026-08-03T10:15:00.000Z'],
  ['Mar 3 2026 10:15 +0000', '2026-03-03T10:15:00.000Z'],
  ['vr 3 okt 2026 10:15 +0000', '2026-10-03T10:15:00.000Z'],
  ['Di., 3 Mar 2026 10:15 +0000', '2026-03-03T10:15:00.000Z'],
  ['Tue, 03-Mar-2026 10:15:00 GMT', '2026-03-03T10:15:00.000Z'],
  ['Tue, 03 (the third) Mar 2026 (of ours) 10:15:00 +0000', '2026-03-03T10:15:00.000Z'],
  ['Tue, 03 Mar 99 10:15:00 +0000', '1999-03-03T10:15:00.000Z'],
  ['Tue, 03 Mar 126 10:15:00 +0000', '2026-03-03T10:15:00.000Z'],
  ['March 3, 2026 10:15:00 PM', '2026-03-03T22:15:00.000Z'],
  ['03.03.2026 10:15', '2026-03-03T10:15:00.000Z'],
  ['03/13/2026 10:15', '2026-03-13T10:15:00.000Z'],
  ['03/04/2026 10:15', null],
  ['2026-03-03 10:15:00.25 +01:00', '2026-03-03T09:15:00.000Z'],
  ['2026-03-03T10:15:00,5+0530', '2026-03-03T04:45:00.000Z'],
  ['20260303T101500Z', '2026-03-03T10:15:00.000Z'],
  ['Tue, 03 Mar 2026', '2026-03-03T00:00:00.000Z'],
  ['Tue, 03 Mar 2026 24:00:00 +0000', '2026-03-04T00:00:00.000Z'],
  ['Date: Tue, 03 Mar 2026 10:15:00 +0000', '2026-03-03T10:15:00.000Z'],
  ['Tue Mar  3 10:15:00 CET 2026', '2026-03-03T09:15:00.000Z'],
  ['Tue Mar 03 2026 10:15:00 GMT+0100 (Central European Standard Time)', '2026-03-03T09:15:00.000Z'],
  ['Tue Mar  3 10:15:00 2026 -0130', '2026-03-03T11:45:00.000Z'],
])('date %s', (value, expected) => {
  expect(iso(value)).toBe(expected);
});

test.each([
  ['+0130', -90],
  ['+01:30', -90],
  ['+1:30', -90],
  ['+ 0130', -90],
  ['+130', -90],
  ['+013000', -90],
  ['\xE2\x88\x9201:30', 90],
  ['-01:30', 90],
  ['GMT+0130', -90],
  ['GMT +0130', -90],
  ['GMT-01:30', 90],
  ['UTC+2', -120],
  ['UTC +02', -120],
  ['UT', 0],
  ['Z', 0],
  ['A', 0],
  ['XYZ', 0],
  ['CET', -60],
  ['cest', -120],
  ['MESZ', -120],
  ['+0100 CET', -60],
  ['CET +0100', -60],
  ['IST', -330],
  ['PDT', 420],
  ['EST5EDT', 300],
  ['Pacific Daylight Time', 420],
  ['-0000', 0],
  ['+2500', 0],
  ['+0199', 0],
])('zone %s', (zone, minutes) => {
  expect(iso(`Tue, 03 Mar 2026 10:15:00 ${zone}`)).toBe(new Date(Date.UTC(2026, 2, 3, 10, 15 + minutes)).toISOString());
});

test('a mail without a date that makes sense has that of its newest Received line', () => {
  const received = 'Received: from a by b; Tue, 03 Mar 2026 10:15:00 +01:00\r\nReceived: from c by a; Mon, 02 Mar 2026 10:15:00 +0100\r\n';
  for (const date of ['', 'Date: soon\r\n', 'Date: \r\n'])
    expect(readMessage(Buffer.from(`${received}${date}\r\nx`)).date).toBe(Date.UTC(2026, 2, 3, 9, 15));
  expect(readMessage(Buffer.from(`${received}Date: Tue, 3 Mar 2026 08:00 GMT\r\n\r\nx`)).date).toBe(Date.UTC(2026, 2, 3, 8));
  expect(readMessage(Buffer.from('Received: from a by b\r\n\r\nx')).date).toBeNull();
});
