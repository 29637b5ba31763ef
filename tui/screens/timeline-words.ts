/** The words of an event: in its row, expanded below it, and beside the list. Pure. */
import type { TimelineRow } from '../../protocol/schema.ts';
import { displayAddress, displaySender, type SafeText } from '../../protocol/text.ts';
import { clockOf, dayWords } from '../ages.ts';
import { type Chrome, chrome, headOf, join, type Safe } from '../text.ts';
import type { Tone } from '../theme.ts';
import type { Contact, KindGroup } from './timeline-state.ts';

const kindWords: Readonly<Record<TimelineRow['kind'], Chrome>> = {
  'mail-in': chrome`in`,
  'mail-out': chrome`out`,
  note: chrome`note`,
  assign: chrome`assign`,
  state: chrome`state`,
  grant: chrome`grant`,
  delivery: chrome`sent`,
  system: chrome`system`,
};

export const groupWords: Readonly<Record<KindGroup, Chrome>> = {
  mail: chrome`mails in and out, and what became of them`,
  note: chrome`internal notes`,
  assign: chrome`who has it, and its state`,
  grant: chrome`who was given what`,
  system: chrome`mailbox and settings`,
};
export const groupTitles: Readonly<Record<KindGroup, Chrome>> = {
  mail: chrome`mail`,
  note: chrome`note`,
  assign: chrome`assign`,
  grant: chrome`grant`,
  system: chrome`system`,
};

/** The one outside: who wrote, or the first of those who were written to. */
export function contactOf(row: TimelineRow): Contact | null {
  const outside = row.kind === 'mail-in' ? row.from : row.kind === 'mail-out' || row.kind === 'delivery' ? row.to[0] : undefined;
  return outside === null || outside === undefined || outside.address === ''
    ? null
    : { name: displayAddress(outside), address: outside.address };
}

export type EventWords = {
  readonly time: Chrome;
  readonly kind: Chrome;
  readonly actor: Safe;
  readonly target: Safe;
  /** The subject, or what was said: from outside, so it stands last. */
  readonly last: Safe;
  readonly tone: Tone;
};

const recipients = ({ to }: TimelineRow): Safe => {
  const [first, ...others] = to;
  if (first === undefined) return chrome``;
  return others.length === 0 ? chrome`→ ${displayAddress(first)}` : chrome`→ ${displayAddress(first)} +${others.length}`;
};
const subjectOf = ({ subject }: TimelineRow): Safe => (subject === '' ? chrome`(no subject)` : subject);

const goneWords = (row: TimelineRow): Safe => chrome`[not on the server] ${subjectOf(row)}`;

function doneBy({ actor, from, kind }: TimelineRow): Safe {
  if (actor !== null) return actor;
  if (kind === 'mail-in' || kind === 'mail-out') return from === null ? chrome`no sender` : displayAddress(from);
  return chrome`postroom`;
}

export function eventWords(row: TimelineRow): EventWords {
  const words = { time: clockOf(Date.parse(row.at)), kind: kindWords[row.kind], actor: doneBy(row) };
  switch (row.kind) {
    case 'mail-in':
      return {
        ...words,
        target: chrome`→ ${headOf(row.mailbox, '@', 20)}@`,
        last: row.gone ? goneWords(row) : subjectOf(row),
        tone: row.gone ? 'muted' : 'plain',
      };
    case 'mail-out': {
      if (row.gone) return { ...words, target: recipients(row), last: goneWords(row), tone: 'muted' };
      const fate = row.outbox === null || row.outbox.state === 'accepted' ? chrome`` : chrome`[${fateWords(row)}] `;
      return { ...words, target: recipients(row), last: chrome`${fate}${subjectOf(row)}`, tone: 'plain' };
    }
    case 'delivery':
      return { ...words, target: recipients(row), last: chrome`${row.summary}: ${subjectOf(row)}`, tone: isBad(row) ? 'danger' : 'muted' };
    case 'note':
      return { ...words, target: chrome`team only`, last: row.summary, tone: 'note' };
    case 'assign':
      return {
        ...words,
        target: row.assignee === null ? chrome`→ nobody` : chrome`→ ${row.assignee.name}`,
        last: subjectOf(row),
        tone: 'muted',
      };
    case 'state':
      return {
        ...words,
        target: row.state === null ? row.summary : chrome`→ ${stateNames[row.state]}`,
        last: subjectOf(row),
        tone: 'muted',
      };
    case 'grant':
    case 'system':
      return {
        ...words,
        target: chrome`${headOf(row.mailbox, '@', 20)}@`,
        last: row.summary,
        tone: row.kind === 'grant' ? 'warning' : 'muted',
      };
    default:
      return row.kind satisfies never;
  }
}

const stateNames = { open: chrome`open`, waiting: chrome`waiting`, snoozed: chrome`snoozed`, done: chrome`done` } as const;

const isBad = ({ outbox }: TimelineRow): boolean =>
  outbox !== null && (outbox.state === 'failed' || outbox.state === 'bounced' || outbox.state === 'unknown');

function fateWords({ outbox }: TimelineRow): Chrome {
  switch (outbox?.state) {
    case 'failed':
      return chrome`not sent`;
    case 'bounced':
      return chrome`came back`;
    case 'unknown':
      return chrome`may have been sent`;
    case 'cancelled':
      return chrome`cancelled`;
    default:
      return chrome`on its way`;
  }
}

/** What an expanded event adds to its row. */
export function moreOf(row: TimelineRow): SafeText[] {
  return [...(row.from === null ? [] : [displaySender(row.from)]), ...(row.summary === '' ? [] : [row.summary])];
}

/** Everything that is known of an event, a line for each thing; `null` is a gap. */
export function detailOf(row: TimelineRow, now: number): readonly (Safe | null)[] {
  const at = Date.parse(row.at);
  const words = eventWords(row);
  return [
    chrome`${dayWords(at, now)} ${words.time}  ${row.mailbox}`,
    row.actor === null ? null : chrome`by ${row.actor}`,
    row.from === null ? null : chrome`from ${displaySender(row.from)}`,
    row.to.length === 0 ? null : chrome`to ${join(row.to.map(displaySender), chrome`, `)}`,
    row.kind === 'assign' || row.kind === 'state' ? words.target : null,
    row.outbox === null ? null : chrome`outbox: ${row.outbox.state === 'accepted' ? chrome`sent` : fateWords(row)}`,
    row.subject === '' ? null : chrome`subject: ${row.subject}`,
    chrome``,
    row.summary,
  ].filter((line) => line !== null);
}
