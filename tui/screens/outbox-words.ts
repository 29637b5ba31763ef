/** A mail on its way out, in words: where it is, why, what comes next, and who got it. Pure: the clock is handed in. */
import type { OutboxEntry } from '../../protocol/schema.ts';
import { ageWords } from '../ages.ts';
import { reportLine } from '../report-words.ts';
import { type Chrome, chrome, type Safe } from '../text.ts';
import type { Tone } from '../theme.ts';
import { fullMoment } from '../units.ts';

type Standing = Pick<OutboxEntry, 'state' | 'heldFor' | 'sendAt' | 'attempts' | 'nextAttemptAt' | 'lastError' | 'author' | 'recipients'>;
type Going = Pick<OutboxEntry, 'state' | 'heldFor' | 'sendAt' | 'recipients'>;

/** A closer moment than this is told by how long it lasts, a further one by its date. */
const soonMs = 3_600_000;

/** It does not go on by itself: a person has to decide. */
export function needsSomebody({ state, heldFor }: Pick<OutboxEntry, 'state' | 'heldFor'>): boolean {
  return state === 'failed' || state === 'unknown' || state === 'bounced' || (state === 'held' && heldFor === 'right');
}

/** It has not left and will go by itself. */
export function isWaiting(entry: Pick<OutboxEntry, 'state' | 'heldFor'>): boolean {
  const { state } = entry;
  return state === 'queued' || state === 'sending' || state === 'waiting-approval' || (state === 'held' && !needsSomebody(entry));
}

/** How long it can still be taken back by `z`, while that is a matter of seconds; null otherwise. */
export function secondsLeft({ state, heldFor, sendAt }: Pick<OutboxEntry, 'state' | 'heldFor' | 'sendAt'>, now: number): number | null {
  if (state !== 'held' || heldFor !== 'time') return null;
  const left = Math.ceil((Date.parse(sendAt) - now) / 1_000);
  return left <= 60 ? Math.max(0, left) : null;
}

/** Nobody got it, and it was not tried for anybody. */
const untried = ({ recipients }: Pick<OutboxEntry, 'recipients'>): boolean => recipients.every(({ state }) => state === 'pending');

/** The glyph and the word of a row; every tone has both. At most ten columns. */
export function stateWord(entry: Going, now: number): { glyph: Chrome; word: Chrome; tone: Tone } {
  const { state, heldFor } = entry;
  switch (state) {
    case 'held': {
      if (heldFor === 'right') return { glyph: chrome`✗`, word: chrome`held`, tone: 'danger' };
      const left = secondsLeft(entry, now);
      return { glyph: chrome`◌`, word: left === null ? chrome`later` : chrome`in ${left} s`, tone: 'plain' };
    }
    case 'waiting-approval':
      return { glyph: chrome`◌`, word: chrome`approval`, tone: 'plain' };
    case 'queued':
      return { glyph: chrome`↑`, word: chrome`queued`, tone: 'plain' };
    case 'sending':
      return { glyph: chrome`↑`, word: chrome`sending`, tone: 'accent' };
    case 'accepted':
      return { glyph: chrome`✓`, word: chrome`sent`, tone: 'good' };
    case 'unknown':
      return { glyph: chrome`✗`, word: chrome`unknown`, tone: 'danger' };
    case 'failed':
      return { glyph: chrome`✗`, word: chrome`not sent`, tone: 'danger' };
    case 'bounced':
      return { glyph: chrome`✗`, word: chrome`came back`, tone: 'danger' };
    case 'cancelled':
      return { glyph: chrome`○`, word: untried(entry) ? chrome`taken back` : chrome`given up`, tone: 'muted' };
    default:
      return state satisfies never;
  }
}

/** `in 5 min`, or the date; `now` when it is over. */
function when(iso: string, now: number): Chrome {
  const at = Date.parse(iso);
  if (at <= now) return chrome`now`;
  return at - now < soonMs ? chrome`in ${ageWords(at - now)}` : chrome`on ${fullMoment(at)}`;
}

/** The state with its reason, as a sentence. */
export function stateSentence(entry: Standing, now: number): Safe {
  const { state, heldFor, sendAt, attempts, nextAttemptAt, lastError, author, recipients } = entry;
  const why = lastError === null ? chrome`` : chrome`: ${lastError}`;
  switch (state) {
    case 'held':
      return heldFor === 'right'
        ? chrome`Held, it does not leave by itself: ${author} lost a right that it needs${why}`
        : chrome`Held for its time: leaves ${when(sendAt, now)}. Until then it can be taken back.`;
    case 'waiting-approval':
      return chrome`Waits for approval.`;
    case 'queued':
      return attempts === 0 && nextAttemptAt === null
        ? lastError === null
          ? chrome`Queued: leaves when the mails before it have left.`
          : chrome`Queued${why}`
        : chrome`Queued: next attempt ${nextAttemptAt === null ? chrome`now` : when(nextAttemptAt, now)}${why}`;
    case 'sending':
      return lastError === null ? chrome`It is being handed to the server.` : chrome`Sending${why}`;
    case 'accepted':
      return recipients.some((one) => one.state !== 'accepted')
        ? chrome`Sent to those who are marked ✓; given up for the others.`
        : chrome`Sent: the server took it.`;
    case 'unknown':
      return chrome`Nobody knows whether it left${why}. It is never sent again by itself: find out whether it arrived, then say so with @.`;
    case 'failed':
      return chrome`Not sent${why}`;
    case 'bounced':
      return chrome`It came back${why}`;
    case 'cancelled':
      return untried(entry) ? chrome`Taken back before it left.` : chrome`Given up: it is not sent again.`;
    default:
      return state satisfies never;
  }
}

const recipientWords = {
  pending: { glyph: chrome`◌`, word: chrome`waits`, tone: 'plain' },
  accepted: { glyph: chrome`✓`, word: chrome`taken`, tone: 'good' },
  failed: { glyph: chrome`✗`, word: chrome`refused`, tone: 'danger' },
  unknown: { glyph: chrome`✗`, word: chrome`unknown`, tone: 'danger' },
  bounced: { glyph: chrome`✗`, word: chrome`came back`, tone: 'danger' },
} as const;

/** `✗ refused  jane@example.org: 550 No such user` */
export function recipientLine({ address, state, reply }: OutboxEntry['recipients'][number]): { text: Safe; tone: Tone } {
  const { glyph, word, tone } = recipientWords[state];
  const said = reply === null || state === 'accepted' ? chrome`` : chrome`: ${reply}`;
  return { text: chrome`${glyph} ${word}  ${address}${said}`, tone };
}

/** The copy in Sent has a fate of its own; null while there is nothing to file, and when it is there. */
export function copyWords({ recipients, sentCopy }: Pick<OutboxEntry, 'recipients' | 'sentCopy'>): { text: Chrome; tone: Tone } | null {
  if (!recipients.some(({ state }) => state === 'accepted' || state === 'bounced')) return null;
  switch (sentCopy) {
    case 'filed':
      return null;
    case 'pending':
      return { text: chrome`its copy is not in Sent yet`, tone: 'warning' };
    case 'failed':
      return { text: chrome`its copy could not be put into Sent`, tone: 'danger' };
    default:
      return sentCopy satisfies never;
  }
}

/** What is known beyond state and recipients: reports about it, and what its server said. */
export function detailLines({ details }: Pick<OutboxEntry, 'details'>): { text: Safe; tone: Tone }[] {
  if (details === undefined) return [];
  const { reports, remark } = details;
  return [...(remark === null ? [] : [{ text: remark, tone: 'warning' as const }]), ...reports.map(reportLine)];
}

/** For the status row of every screen: what needs somebody, by what happened to it; null when nothing does. */
export function troubleWords(entries: readonly Pick<OutboxEntry, 'state' | 'heldFor'>[]): Chrome | null {
  const count = (...states: readonly OutboxEntry['state'][]): number =>
    entries.filter((entry) => needsSomebody(entry) && states.includes(entry.state)).length;
  const counted = [
    [count('failed'), chrome`not sent`],
    [count('bounced'), chrome`came back`],
    [count('unknown'), chrome`of unknown fate`],
    [count('held'), chrome`held`],
  ] as const;
  const words = counted.flatMap(([number, word]) => (number > 0 ? [chrome`${number} ${word}`] : []));
  const [first, ...others] = words;
  if (first === undefined) return null;
  return chrome`✗ ${others.reduce((all, one) => chrome`${all}, ${one}`, first)} · g o`;
}
