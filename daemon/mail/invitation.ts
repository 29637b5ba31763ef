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
  const rule = find('RRULE');
  const facts: [string, string][] = [
    [headOf(told, text('STATUS'), attendees), text('SUMMARY') || '(no title)'],
    ['When', whenOf(find('DTSTART'), find('DTEND') ?? find('DUE'), find('DURATION'))],
    ['Repeats', rule === undefined ? '' : ruleWords(rule.value)],
    ['Where', text('LOCATION')],
    ['Organiser', personOf(find('ORGANIZER'))],
    ['Invited', attendees.length === 0 ? '' : attendees.length === 1 ? personOf(attendees[0]) : `${attendees.length} people`],
    ['Note', text('COMMENT')],
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

/** `every 2 weeks on Mon, Wed, 10 times` */
function ruleWords(rule: string): string {
  const parts = new Map(
    rule
      .slice(0, 1_000)
      .split(';')
      .map((part) => [part.slice(0, part.indexOf('=')).toUpperCase(), part.slice(part.indexOf('=') + 1)] as const),
  );
  const unit = units[(parts.get('FREQ') ?? '').toUpperCase()];
  if (unit === undefined) return 'by a rule that is not understood';
  const every = Number(parts.get('INTERVAL') ?? 1);
  const on = (parts.get('BYDAY') ?? '').split(',', 20).flatMap((one) => {
    const found = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(one.trim().toUpperCase());
    const name = dayNames[found?.[2] ?? ''];
    return name === undefined ? [] : found?.[1] === undefined ? [name] : [`${name} (number ${Number(found[1])})`];
  });
  const until = momentOf({ name: 'UNTIL', parameters: new Map(), value: parts.get('UNTIL') ?? '' });
  const count = /^\d{1,9}$/.exec(parts.get('COUNT') ?? '')?.[0];
  return [
    `every ${every > 1 && every < 10_000 ? `${every} ${unit}s` : unit}`,
    on.length === 0 ? '' : ` on ${on.join(', ')}`,
    until === null ? '' : `, until ${dayText(until.date)}`,
    count === undefined ? '' : `, ${count} times`,
  ].join('');
}
