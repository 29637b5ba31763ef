/**
 * What an iCalendar object says, as text for people who have no calendar at hand: what, when, where, who invites (RFC 5545, 5546). Only the
 * first event is read, and nothing is expanded: a rule that repeats is told in words, alarms and attachments are left out.
 */

const maxOctets = 256 * 1024;
const maxLines = 4_000;

type Line = { name: string; parameters: Map<string, string>; value: string };

/** The facts, a line for each; null when there is no event in it. `method` is that of the part's own header. */
export function invitationText(ics: string, method: string | null): string | null {
  const lines = linesOf(ics);
  const begin = lines.findIndex(({ name, value }) => name === 'BEGIN' && /^V(?:EVENT|TODO)$/i.test(value));
  if (begin < 0) return null;
  const after = lines.slice(begin + 1);
  const end = after.findIndex(({ name, value }) => name === 'END' && /^V(?:EVENT|TODO)$/i.test(value));
  const others = after.filter(({ name, value }) => name === 'BEGIN' && /^V(?:EVENT|TODO)$/i.test(value)).length;
  const event: Line[] = [];
  let depth = 0; // alarms and what else lies in it
  for (const line of end < 0 ? after : after.slice(0, end)) {
    if (line.name === 'BEGIN') depth++;
    else if (line.name === 'END') depth--;
    else if (depth === 0) event.push(line);
  }
  const find = (name: string): Line | undefined => event.find((line) => line.name === name);
  const text = (name: string): string => unescaped(find(name)?.value ?? '').trim();
  const told = (method ?? lines.find(({ name }) => name === 'METHOD')?.value ?? '').toUpperCase();
  const attendees = event.filter(({ name }) => name === 'ATTENDEE');
  const rules = event.filter(({ name }) => name === 'RRULE').map(({ value }) => ruleWords(value));
  const start = find('DTSTART');
  const facts: [string, string][] = [
    [headOf(told, text('STATUS'), attendees), text('SUMMARY') || '(no title)'],
    ['When', whenOf(start, find('DTEND') ?? find('DUE'), find('DURATION'))],
    ['One of a series', occurrenceOf(find('RECURRENCE-ID'))],
    ['Repeats', rules.join('; and ')],
    ['Also on', datesOf(event, 'RDATE', start)],
    [
      'Not on',
      [datesOf(event, 'EXDATE', start), ...(find('EXRULE') === undefined ? [] : ['more dates, by a rule'])].filter(Boolean).join('; '),
    ],
    ['Where', text('LOCATION')],
    ['Organiser', personOf(find('ORGANIZER'))],
    ['Invited', attendees.length === 0 ? '' : attendees.length === 1 ? personOf(attendees[0]) : `${attendees.length} people`],
    ['Note', text('COMMENT')],
    ['More', others === 0 ? '' : `${others} more ${others === 1 ? 'entry' : 'entries'} in this calendar file, not shown here`],
  ];
  const description = text('DESCRIPTION').slice(0, 4_000);
  return `${facts
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value.slice(0, 1_000)}`)
    .join('\n')}${description === '' ? '' : `\n\n${description}`}`;
}

function headOf(method: string, status: string, attendees: readonly Line[]): string {
  if (method === 'CANCEL' || /^cancelled$/i.test(status)) return 'Cancelled';
  if (method === 'REQUEST') return 'Invitation';
  if (method === 'COUNTER') return 'Another time is proposed';
  if (method === 'REPLY') {
    const answer = attendees[0]?.parameters.get('PARTSTAT')?.toLowerCase() ?? '';
    return `Answer to an invitation${/^[a-z-]{1,30}$/.test(answer) ? ` (${answer})` : ''}`;
  }
  return 'Event';
}

/** Unfolded content lines (RFC 5545, 3.1), bounded. */
function linesOf(ics: string): Line[] {
  const unfolded = ics
    .slice(0, maxOctets)
    .replace(/\r\n?/g, '\n')
    .replace(/\n[ \t]/g, '');
  return unfolded.split('\n', maxLines).flatMap((line) => {
    const head = /^([A-Za-z0-9-]{1,60})((?:;[^":;]*(?:"[^"]*"[^":;]*)*)*):(.*)$/.exec(line.slice(0, 20_000));
    if (head === null) return [];
    const parameters = new Map<string, string>();
    for (const [, key = '', quoted, bare = ''] of (head[2] ?? '').matchAll(/;([A-Za-z0-9-]{1,60})=(?:"([^"]*)"|([^;]*))/g))
      if (!parameters.has(key.toUpperCase())) parameters.set(key.toUpperCase(), quoted ?? bare);
    return [{ name: (head[1] ?? '').toUpperCase(), parameters, value: head[3] ?? '' }];
  });
}

const unescaped = (value: string): string =>
  value.replace(/\\([nN,;\\])/g, (_, character: string) => (character === 'n' || character === 'N' ? '\n' : character));

function personOf(line: Line | undefined): string {
  if (line === undefined) return '';
  const address = line.value.trim().replace(/^mailto:/i, '');
  const name = line.parameters.get('CN')?.trim() ?? '';
  return name === '' || name === address ? address : `${name} <${address}>`;
}

// --- when ----------------------------------------------------------------------------------------------------------

type Moment = { date: Date; allDay: boolean; zone: string };

function momentOf(line: Line | undefined): Moment | null {
  const found = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})?(Z)?)?$/.exec(line?.value.trim() ?? '');
  if (line === undefined || found === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = found.slice(1, 6).map((digits) => Number(digits ?? 0));
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute));
  if (Number.isNaN(date.getTime()) || date.getUTCMonth() !== month - 1) return null;
  const zone = found[7] === 'Z' ? 'UTC' : (line.parameters.get('TZID')?.replace(/^\/+/, '').trim() ?? '');
  return { date, allDay: found[4] === undefined, zone };
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const dayText = (date: Date): string =>
  `${days[date.getUTCDay()]} ${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
const clockText = (date: Date): string => `${String(date.getUTCHours()).padStart(2, '0')}:${String(date.getUTCMinutes()).padStart(2, '0')}`;

/** In the zone that the invitation names, since that is what its sender meant; the times are not moved. */
function whenOf(from: Line | undefined, to: Line | undefined, length: Line | undefined): string {
  const start = momentOf(from);
  if (start === null) return '';
  const end = momentOf(to) ?? afterwards(start, length);
  const zone = start.zone === '' ? 'no time zone given' : start.zone;
  if (start.allDay) {
    // The end of a day is the one after it (RFC 5545, 3.6.1).
    const last = end === null ? start.date : new Date(end.date.getTime() - 86_400_000);
    return last.getTime() > start.date.getTime()
      ? `${dayText(start.date)} to ${dayText(last)}, all day`
      : `${dayText(start.date)}, all day`;
  }
  const begins = `${dayText(start.date)}, ${clockText(start.date)}`;
  if (end === null) return `${begins} (${zone})`;
  if (end.zone !== start.zone)
    return `${begins} (${zone}) to ${dayText(end.date)}, ${clockText(end.date)} (${end.zone || 'no time zone given'})`;
  const sameDay = dayText(end.date) === dayText(start.date);
  return `${begins}${sameDay ? `–${clockText(end.date)}` : ` to ${dayText(end.date)}, ${clockText(end.date)}`} (${zone})`;
}

/** A duration (RFC 5545, 3.3.6) after a moment. */
function afterwards(start: Moment, length: Line | undefined): Moment | null {
  const found = /^\+?P(?:(\d{1,4})W|(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:\d{1,6}S)?)?)$/.exec(length?.value.trim() ?? '');
  if (found === null) return null;
  const [weeks = 0, inDays = 0, hours = 0, minutes = 0] = found.slice(1, 5).map((digits) => Number(digits ?? 0));
  return { ...start, date: new Date(start.date.getTime() + (((weeks * 7 + inDays) * 24 + hours) * 60 + minutes) * 60_000) };
}

const units: Readonly<Record<string, string>> = {
  DAILY: 'day',
  WEEKLY: 'week',
  MONTHLY: 'month',
  YEARLY: 'year',
  HOURLY: 'hour',
  MINUTELY: 'minute',
  SECONDLY: 'second',
};
const dayNames: Readonly<Record<string, string>> = { MO: 'Mon', TU: 'Tue', WE: 'Wed', TH: 'Thu', FR: 'Fri', SA: 'Sat', SU: 'Sun' };
/** What is told in words, and what changes nothing that is told. */
const toldParts = new Set(['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY', 'BYMONTH', 'BYSETPOS', 'UNTIL', 'COUNT', 'WKST']);
const mostOfList = 31;

/** `every 2 weeks on Mon, Wed, 10 times`. A part that has no words here is named: nobody takes what is left for the whole. */
function ruleWords(rule: string): string {
  const parts = new Map(
    rule
      .slice(0, 1_000)
      .split(';')
      .filter((part) => part.includes('='))
      .map((part) => [part.slice(0, part.indexOf('=')).trim().toUpperCase(), part.slice(part.indexOf('=') + 1).trim()] as const),
  );
  const unit = units[(parts.get('FREQ') ?? '').toUpperCase()];
  if (unit === undefined) return 'by a rule that is not understood';
  const every = Number(parts.get('INTERVAL') ?? 1);
  const more = [...parts].flatMap(([name, value]) => (toldParts.has(name) || value === '' ? [] : [`${name}=${value}`]));
  /** The words of a list; what does not fit is told as it stands. */
  const list = (name: string, word: (item: string) => string | null): string[] => {
    const value = parts.get(name) ?? '';
    const words = value === '' ? [] : value.split(',', mostOfList + 1).map((item) => word(item.trim().toUpperCase()));
    if (words.length <= mostOfList && words.every((it) => it !== null)) return words;
    more.push(`${name}=${value.slice(0, 200)}`);
    return [];
  };
  const weekdays = list('BYDAY', (item) => {
    const [, number, day = ''] = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(item) ?? [];
    const name = dayNames[day];
    return name === undefined ? null : number === undefined ? name : `the ${ordinal(Number(number))} ${name}`;
  });
  const monthdays = list('BYMONTHDAY', (item) => {
    if (!/^[+-]?\d{1,2}$/.test(item)) return null;
    return Number(item) < 0 ? `the ${ordinal(Number(item))} day` : `day ${Number(item)}`;
  });
  const inMonths = list('BYMONTH', (item) => (/^\d{1,2}$/.test(item) ? (months[Number(item) - 1] ?? null) : null));
  const positions = list('BYSETPOS', (item) => (/^[+-]?\d{1,3}$/.test(item) ? ordinal(Number(item)) : null));
  const until = momentOf({ name: 'UNTIL', parameters: new Map(), value: parts.get('UNTIL') ?? '' });
  const count = /^\d{1,9}$/.exec(parts.get('COUNT') ?? '')?.[0];
  const understood = { INTERVAL: every >= 1 && every < 10_000, UNTIL: until !== null, COUNT: count !== undefined };
  for (const [name, isTold] of Object.entries(understood)) if (!isTold && parts.has(name)) more.push(`${name}=${parts.get(name)}`);
  return [
    `every ${every > 1 && every < 10_000 ? `${every} ${unit}s` : unit}`,
    inMonths.length === 0 ? '' : ` in ${inMonths.join(', ')}`,
    monthdays.length === 0 ? '' : ` on ${monthdays.join(', ')}`,
    weekdays.length === 0 ? '' : `${monthdays.length === 0 ? ' on' : ', if it is'} ${weekdays.join(', ')}`,
    positions.length === 0 ? '' : `, the ${positions.join(', ')} of these only`,
    until === null ? '' : `, until ${dayText(until.date)}`,
    count === undefined ? '' : `, ${count} times`,
    more.length === 0 ? '' : ` (and only as its rule says: ${more.join('; ').slice(0, 300)})`,
  ].join('');
}

/** `2nd`, `last`, `2nd last`. */
function ordinal(number: number): string {
  const size = Math.abs(number);
  const ending = size % 100 > 10 && size % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][size % 10] ?? 'th');
  if (number < 0) return size === 1 ? 'last' : `${size}${ending} last`;
  return `${size}${ending}`;
}

const mostDates = 12;

/** The dates of all lines of that name; with their time where it is another than that of the event. */
function datesOf(event: readonly Line[], name: string, start: Line | undefined): string {
  const usual = momentOf(start);
  const values = event.filter((line) => line.name === name).flatMap((line) => line.value.split(',').map((value) => ({ ...line, value })));
  const dates = values.slice(0, mostDates).map((line) => {
    const [first = '', end] = line.value.split('/');
    const moment = momentOf({ ...line, value: first });
    if (moment === null) return `a date that is not understood (${first.trim().slice(0, 40)})`;
    const sameTime =
      end === undefined &&
      (moment.allDay || (usual !== null && clockText(usual.date) === clockText(moment.date) && usual.zone === moment.zone));
    return sameTime ? dayText(moment.date) : `${dayText(moment.date)}, ${clockText(moment.date)} (${moment.zone || 'no time zone given'})`;
  });
  return `${dates.join('; ')}${values.length > mostDates ? `; and ${values.length - mostDates} more` : ''}`;
}

/** Which one of a series it is that the mail speaks of (RFC 5545, 3.8.4.4). */
function occurrenceOf(line: Line | undefined): string {
  const moment = momentOf(line);
  if (moment === null) return '';
  const when = `that of ${dayText(moment.date)}${moment.allDay ? '' : `, ${clockText(moment.date)} (${moment.zone || 'no time zone given'})`}`;
  return /^THISANDFUTURE$/i.test(line?.parameters.get('RANGE') ?? '') ? `${when}, and all after it` : when;
}
