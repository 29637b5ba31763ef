/** Dates of mails: RFC 5322 with its old forms, asctime, ISO 8601, and what programs write instead. Pure; linear in 500 characters. */

/** Hours from UTC. Those of RFC 5322 4.3, and names that mail programs print although the RFC knows them not. */
const zones: Readonly<Record<string, number>> = {
  ut: 0,
  utc: 0,
  gmt: 0,
  z: 0,
  wet: 0,
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
  akst: -9,
  akdt: -8,
  hst: -10,
  ast: -4,
  adt: -3,
  nst: -3.5,
  ndt: -2.5,
  brt: -3,
  art: -3,
  bst: 1,
  west: 1,
  cet: 1,
  met: 1,
  mez: 1,
  cest: 2,
  mest: 2,
  mesz: 2,
  eet: 2,
  sast: 2,
  eest: 3,
  msk: 3,
  ist: 5.5,
  hkt: 8,
  sgt: 8,
  awst: 8,
  jst: 9,
  kst: 9,
  acst: 9.5,
  aest: 10,
  aedt: 11,
  nzst: 12,
  nzdt: 13,
};
/** In other languages of Europe, where three letters tell; some programs print a date in that of their user. */
const monthsElsewhere: Readonly<Record<string, number>> = {
  ...{ ene: 0, gen: 0, fev: 1, mrz: 2, mrt: 2, abr: 3, avr: 3, mai: 4, mei: 4, mag: 4, giu: 5 },
  ...{ lug: 6, ago: 7, set: 8, okt: 9, ott: 9, out: 9, dez: 11, dic: 11 },
};
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

const time = /(?:^|[ T,])(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,]\d{1,9})?)?(?: ?([ap])\.?m\b\.?)?/i;
/** Dots also stand in dates: only behind a year are they those of a time. */
const dottedTime = /(?<=\b\d{2,4},? )(\d{1,2})\.(\d{2})(?:\.(\d{2}))?(?: ?([ap])\.?m\b\.?)?/i;

type Day = { year: string; month: number; day: number };

/** Milliseconds since 1970, or null when it is no date between 1970 and 2199. `value` is a header's binary string without comments. */
export function parseDate(value: string): number | null {
  const text = value
    .slice(0, 500)
    .replace(/\(.*$/s, '') // a comment that never closes
    .replace(/\xE2\x88\x92|\xE2\x80\x93/g, '-') // a minus or a dash, in UTF-8
    .replace(/[\0"]/g, '')
    .replace(/[\s\xA0]+/g, ' ')
    .trim()
    .replace(/^date: ?/i, '');
  const compact = /^(\d{4})(\d{2})(\d{2})T?(\d{2})(\d{2})(\d{2})? ?(.*)$/i.exec(text);
  if (compact !== null) {
    const [year = '', month, day, hour = '', minute = '', second, zone = ''] = compact.slice(1);
    return moment({ year, month: Number(month) - 1, day: Number(day) }, [hour, minute, second], undefined, zone);
  }
  const clock = time.exec(text) ?? dottedTime.exec(text);
  const before = (clock === null ? text : text.slice(0, clock.index)).trim();
  const after = clock === null ? '' : text.slice(clock.index + clock[0].length).trim();
  const day = readDay(before);
  if (day !== null) return moment(day, clock === null ? ['0', '0'] : clock.slice(1, 4), clock?.[4], after);
  // asctime: the year stands behind the time, and a zone before it or after
  const late = /^(.*?)\b(\d{4})\b(.*)$/.exec(
    after.replace(/(?<=[+-])\d{3,6}\b/g, (digits) => digits.replace(/^(\d{1,2})(\d{2})$/, '$1:$2')),
  );
  const lateDay = late === null ? null : readDay(`${before} ${late[2]}`);
  return lateDay === null || clock === null ? null : moment(lateDay, clock.slice(1, 4), clock[4], `${late?.[1]}${late?.[3]}`);
}

/** Whatever names the day of the week, in any language, is not looked at: it is often wrong. */
function readDay(text: string): Day | null {
  const bare = text
    .replace(/[,\s]+$/, '')
    .replace(/^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}[.,]{0,2} ?/i, '')
    // `mar.` is a Tuesday in French where another month follows.
    .replace(/^[^\d\s,]{1,20}[.,]{0,2} (?=\d{1,2}\.?[ -])/, (word, at: number, all: string) =>
      monthOf(word) < 0 || /^\d{1,2}\.?[ -][a-z]{3}/i.test(all.slice(at + word.length)) ? '' : word,
    );
  const european = /^(\d{1,2})(?:st|nd|rd|th|\.)?[ -]?([a-z]{3,9})\.?[ ,-]{0,2}(\d{2,4})$/i.exec(bare);
  if (european !== null) return { day: Number(european[1]), month: monthOf(european[2] ?? ''), year: european[3] ?? '' };
  const american = /^([a-z]{3,9})\.?[ -](\d{1,2})(?:st|nd|rd|th)?,?[ -](\d{4})$/i.exec(bare);
  if (american !== null) return { day: Number(american[2]), month: monthOf(american[1] ?? ''), year: american[3] ?? '' };
  const iso = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$/.exec(bare);
  if (iso !== null) return { day: Number(iso[3]), month: Number(iso[2]) - 1, year: iso[1] ?? '' };
  const numbers = /^(\d{1,2})([./-])(\d{1,2})\2(\d{4})$/.exec(bare);
  if (numbers === null) return null;
  const [one, two] = [Number(numbers[1]), Number(numbers[3])];
  // With slashes it depends on the country which of them is the day: only one that can be no month tells.
  if (numbers[2] !== '.' && one <= 12 && two <= 12 && one !== two) return null;
  return one > 12 || numbers[2] === '.'
    ? { day: one, month: two - 1, year: numbers[4] ?? '' }
    : { day: two, month: one - 1, year: numbers[4] ?? '' };
}

function monthOf(word: string): number {
  const name = word.slice(0, 3).toLowerCase();
  return Object.hasOwn(monthsElsewhere, name) ? (monthsElsewhere[name] ?? -1) : months.indexOf(name);
}

function moment({ year, month, day }: Day, clock: readonly (string | undefined)[], half: string | undefined, zone: string): number | null {
  const written = Number(year);
  const fullYear = year.length > 3 ? written : written + (written < 50 ? 2000 : 1900); // RFC 5322 4.3
  const [hourWritten = 0, minute = 0, second = 0] = clock.map((digits) => Number(digits ?? 0));
  const hour = half === undefined ? hourWritten : (hourWritten % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  if (fullYear < 1970 || fullYear > 2199 || month < 0 || month > 11 || day < 1 || minute > 59 || second > 60) return null;
  if (hour > 23 && (hour !== 24 || minute > 0 || second > 0)) return null;
  if (new Date(Date.UTC(fullYear, month, day)).getUTCDate() !== day) return null; // 31 February
  const local = Date.UTC(fullYear, month, day, hour, minute, Math.min(second, 59)); // a leap second is shown as the one before
  const at = local - offsetMinutes(zone) * 60_000;
  return at < 0 ? null : at;
}

/**
 * `+0100`, `+01:00`, `+1`, `GMT+0100`, `GMT +0100`, `UTC+2`, `CET`, `Pacific Standard Time`. Figures count before a name; unknown names
 * and impossible offsets are UTC, as RFC 5322 4.3 says of military zones.
 */
function offsetMinutes(zone: string): number {
  const figures = /^[^+-]{0,40}([+-]) ?(\d{1,2}?)(?:[:.]?(\d{2}))?(?:[:.]?00)?(?!\d)/.exec(zone);
  if (figures !== null) {
    const minutes = Number(figures[2]) * 60 + Number(figures[3] ?? 0);
    return minutes > 15 * 60 || Number(figures[3] ?? 0) > 59 ? 0 : figures[1] === '-' ? -minutes : minutes;
  }
  const long = /^(eastern|central|mountain|pacific) (standard|daylight)/i.exec(zone);
  const name = long === null ? (/^[a-z]+/i.exec(zone)?.[0] ?? '') : `${long[1]?.[0]}${long[2]?.[0]}t`;
  // `MET DST`: the hour of summer that the name leaves out.
  const summer = /^[a-z]{2,4}[ -]dst\b/i.test(zone) ? 1 : 0;
  return Object.hasOwn(zones, name.toLowerCase()) ? ((zones[name.toLowerCase()] ?? 0) + summer) * 60 : 0;
}
