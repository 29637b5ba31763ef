/** How a mailbox stands, in words: for the status row, the sidebar and the list of mailboxes. Pure. */
import type { Mailbox } from '../../protocol/schema.ts';
import { ageWords } from '../ages.ts';
import { type Chrome, chrome, join, type Safe } from '../text.ts';
import type { Tone } from '../theme.ts';

type Standing = Pick<Mailbox, 'state' | 'sync' | 'kind'>;

/** The glyph and the word; every colour has both. */
export function stateWords({ state, kind }: Standing): { glyph: Chrome; word: Chrome; tone: Tone } {
  switch (state) {
    case 'idle':
      return { glyph: chrome`●`, word: kind === 'hosted' ? chrome`hosted` : chrome`ok`, tone: 'good' };
    case 'syncing':
      return { glyph: chrome`⟳`, word: chrome`syncing`, tone: 'accent' };
    case 'connecting':
      return { glyph: chrome`◌`, word: chrome`connecting`, tone: 'muted' };
    case 'offline':
      return { glyph: chrome`○`, word: chrome`offline`, tone: 'warning' };
    case 'auth-failed':
      return { glyph: chrome`✗`, word: chrome`sign-in refused`, tone: 'danger' };
    case 'error':
      return { glyph: chrome`✗`, word: chrome`error`, tone: 'danger' };
    default:
      return state satisfies never;
  }
}

export const isTroubled = ({ state }: Standing): boolean => state === 'offline' || state === 'auth-failed' || state === 'error';

/** Whole percent, never 100 before all is here; null while nobody has counted, or nothing is missing. */
export function percentOf({ state, sync: { done, total } }: Standing): number | null {
  if (state !== 'syncing' || total === null || total === 0 || done >= total) return null;
  return Math.min(99, Math.floor((100 * done) / total));
}

const full = chrome`█`;
const empty = chrome`▁`;

/** `▕███████▁▁▁▏` */
export function bar(percent: number, width: number): Chrome {
  const filled = Math.round((percent / 100) * width);
  return chrome`▕${join(Array<Safe>(filled).fill(full))}${join(Array<Safe>(width - filled).fill(empty))}▏`;
}

/** `14 201`: groups of three, as the rest of the screen has it. */
export function grouped(value: number): Chrome {
  const groups: Chrome[] = [];
  for (let rest = Math.floor(value); ; rest = Math.floor(rest / 1_000)) {
    const part = rest % 1_000;
    if (rest < 1_000) {
      groups.unshift(chrome`${part}`);
      return join(groups, chrome` `);
    }
    groups.unshift(part < 10 ? chrome`00${part}` : part < 100 ? chrome`0${part}` : chrome`${part}`);
  }
}

/** `▕███▁▏ 71% 14 201/19 800`, or how old what one sees is, or what is wrong. */
export function syncWords(mailbox: Standing, now: number, barWidth: number): Safe {
  const { sync, state, kind } = mailbox;
  const percent = percentOf(mailbox);
  if (percent !== null && sync.total !== null)
    return chrome`${bar(percent, barWidth)} ${percent}% ${grouped(sync.done)}/${grouped(sync.total)}`;
  if (isTroubled(mailbox)) {
    const wait = sync.retryAt === null ? null : Date.parse(sync.retryAt) - now;
    const retry = wait === null ? chrome`` : wait < 1_000 ? chrome` · trying again` : chrome` · next try in ${ageWords(wait)}`;
    const since = sync.syncedAt === null ? chrome`` : chrome` · as of ${ageWords(now - Date.parse(sync.syncedAt))} ago`;
    return chrome`${stateWords(mailbox).word}${since}${retry}`;
  }
  if (state === 'syncing' || state === 'connecting') return stateWords(mailbox).word;
  if (kind === 'hosted') return chrome`hosted here`;
  return sync.syncedAt === null ? chrome`not synced yet` : chrome`synced ${ageWords(now - Date.parse(sync.syncedAt))} ago`;
}
