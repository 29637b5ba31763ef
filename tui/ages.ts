/** Time as people say it: how long something waits, how old a picture is, the hour of the day. Pure. */
import { type Chrome, chrome } from './text.ts';
import { months, two, weekdays } from './units.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `now`, `41m`, `2h14`, `3d`, `12w`, `2y`: at most four columns. */
export function shortAge(ms: number): Chrome {
  if (ms < minute) return chrome`now`;
  if (ms < hour) return chrome`${Math.floor(ms / minute)}m`;
  if (ms < 10 * hour) return chrome`${Math.floor(ms / hour)}h${two(Math.floor((ms % hour) / minute))}`;
  if (ms < 2 * day) return chrome`${Math.floor(ms / hour)}h`;
  if (ms < 14 * day) return chrome`${Math.floor(ms / day)}d`;
  if (ms < 365 * day) return chrome`${Math.floor(ms / (7 * day))}w`;
  return chrome`${Math.floor(ms / (365 * day))}y`;
}

/** `12 s`, `3 min`, `5 h`, `2 days`: for sentences. */
export function ageWords(ms: number): Chrome {
  if (ms < minute) return chrome`${Math.max(0, Math.floor(ms / 1_000))} s`;
  if (ms < hour) return chrome`${Math.floor(ms / minute)} min`;
  if (ms < 2 * day) return chrome`${Math.floor(ms / hour)} h`;
  return chrome`${Math.floor(ms / day)} days`;
}

/** `12:03`, in the time zone of this terminal. */
export function clockOf(ms: number): Chrome {
  const at = new Date(ms);
  return chrome`${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** `Tue 21 Nov`, with the year when it is not that of `now`; in the time zone of this terminal. */
export function dayWords(ms: number, now: number): Chrome {
  const at = new Date(ms);
  const year = at.getFullYear() === new Date(now).getFullYear() ? chrome`` : chrome` ${at.getFullYear()}`;
  return chrome`${weekdays[at.getDay()] ?? chrome``} ${at.getDate()} ${months[at.getMonth()] ?? chrome``}${year}`;
}
