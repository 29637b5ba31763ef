/** Moments and sizes in words, for rows of a screen. Pure: the clock is handed in. */
import { safeText } from '../protocol/text.ts';
import { type Chrome, chrome } from './text.ts';

export const weekdays = [chrome`Sun`, chrome`Mon`, chrome`Tue`, chrome`Wed`, chrome`Thu`, chrome`Fri`, chrome`Sat`] as const;
export const months = [
  chrome`Jan`,
  chrome`Feb`,
  chrome`Mar`,
  chrome`Apr`,
  chrome`May`,
  chrome`Jun`,
  chrome`Jul`,
  chrome`Aug`,
  chrome`Sep`,
  chrome`Oct`,
  chrome`Nov`,
  chrome`Dec`,
] as const;
const dayMs = 86_400_000;

/** Two digits. */
export const two = (number: number): Chrome => (number < 10 ? chrome`0${number}` : chrome`${number}`);

/** `Tue 10:27` in the last days, ` 4 Mar 10:27` in the last months, ` 4 Mar 2024` before; at most 12 columns, in local time. */
export function moment(iso: string, now: number): Chrome {
  const date = new Date(iso);
  const age = now - date.getTime();
  const time = chrome`${two(date.getHours())}:${two(date.getMinutes())}`;
  if (age > -dayMs && age < 6 * dayMs) return chrome`${weekdays[date.getDay()] ?? chrome``} ${time}`;
  const day = date.getDate();
  const named = chrome`${day < 10 ? chrome` ` : chrome``}${day} ${months[date.getMonth()] ?? chrome``}`;
  return age < 300 * dayMs && age > -60 * dayMs ? chrome`${named} ${time}` : chrome`${named} ${date.getFullYear()}`;
}

/** The whole of it: `Tue 4 Mar 2026 10:27`. */
export function fullMoment(at: number): Chrome {
  const date = new Date(at);
  const day = chrome`${weekdays[date.getDay()] ?? chrome``} ${date.getDate()} ${months[date.getMonth()] ?? chrome``} ${date.getFullYear()}`;
  return chrome`${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `12 B`, `240 kB`, `2.1 MB`. */
export function octets(size: number): Chrome {
  if (size < 1_000) return chrome`${size} B`;
  if (size < 999_500) return chrome`${Math.round(size / 1_000)} kB`;
  return chrome`${safeText((size / 1_000_000).toFixed(1))} MB`;
}
