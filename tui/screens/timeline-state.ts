/**
 * How one moves in a timeline: the cursor, the window, what is expanded, which kinds show, whether it follows. Pure.
 *
 * Invariants
 * - The cursor is the id of an event, and its row keeps its line on the screen when others come or go around it.
 * - Following holds as long as the cursor is on the newest event: moving up lets go, and what comes then is only announced.
 * - Lines are laid out for what is loaded, a page for each scroll to the edge: never for a whole history.
 */
import type { ActivityKind, TimelineRow } from '../../protocol/schema.ts';
import type { SafeText } from '../../protocol/text.ts';
import type { TimelineOf } from '../mirror.ts';

/** Kinds as people pick them; each stands for what belongs together. */
export const kindGroups = {
  mail: ['mail-in', 'mail-out', 'delivery'],
  note: ['note'],
  assign: ['assign', 'state'],
  grant: ['grant'],
  system: ['system'],
} as const satisfies Record<string, readonly ActivityKind[]>;
export type KindGroup = keyof typeof kindGroups;
export const groupNames = Object.keys(kindGroups) as KindGroup[];

/** What the daemon is asked for; null is everything. */
export const kindsOf = (groups: ReadonlySet<KindGroup>): readonly ActivityKind[] | null =>
  groups.size === groupNames.length ? null : groupNames.filter((name) => groups.has(name)).flatMap((name) => [...kindGroups[name]]);

export type Line =
  | { readonly kind: 'day'; readonly day: string; readonly at: number }
  | { readonly kind: 'event'; readonly row: TimelineRow }
  /** One line of an expanded event. */
  | { readonly kind: 'more'; readonly id: string; readonly text: SafeText };

/** The calendar day of this terminal. */
export function dayOf(at: string): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** Rows under the heads of their days, expanded ones with their lines below them. */
export function linesOf(
  rows: readonly TimelineRow[],
  expanded: ReadonlySet<string>,
  more: (row: TimelineRow) => readonly SafeText[],
): Line[] {
  const lines: Line[] = [];
  let day = '';
  for (const row of rows) {
    const own = dayOf(row.at);
    if (own !== day) lines.push({ kind: 'day', day: own, at: Date.parse(row.at) });
    day = own;
    lines.push({ kind: 'event', row });
    if (expanded.has(row.id)) for (const text of more(row)) lines.push({ kind: 'more', id: row.id, text });
  }
  return lines;
}

export type TimelineState = {
  readonly cursor: string | null;
  readonly index: number;
  /** When the event under the cursor was: when it is gone, the next one takes over. */
  readonly at: string | null;
  /** The line of the window that the cursor's row is on. */
  readonly line: number;
  readonly following: boolean;
  readonly expanded: ReadonlySet<string>;
  /** The newest event that was in the window. */
  readonly seen: string | null;
};

export const atTheEnd: TimelineState = { cursor: null, index: 0, at: null, line: 0, following: true, expanded: new Set(), seen: null };

export type TimelineStep =
  | { readonly do: 'event' | 'half' | 'page' | 'day'; readonly by: number }
  | { readonly do: 'first' | 'last' | 'follow' | 'expand' };

export type Laid = { readonly lines: readonly Line[]; readonly height: number };

const eventAt = ({ lines }: Laid, id: string | null): number => lines.findIndex((line) => line.kind === 'event' && line.row.id === id);
const rowsOf = ({ lines }: Laid): TimelineRow[] => lines.flatMap((line) => (line.kind === 'event' ? [line.row] : []));
const idsOf = (laid: Laid): string[] => rowsOf(laid).map(({ id }) => id);

/** The index of the window's first line. */
export function topOf({ cursor, line }: TimelineState, laid: Laid): number {
  const at = eventAt(laid, cursor);
  return clamp(at - line, 0, Math.max(0, laid.lines.length - laid.height));
}

/** The state for lines that changed by themselves. Gives the same object when there is nothing to do. */
export function settled(state: TimelineState, laid: Laid): TimelineState {
  const ids = idsOf(laid);
  // Nothing is here yet, or nothing any more: the cursor waits for its event.
  if (ids.length === 0) return state;
  const newest = ids.length - 1;
  const found = state.cursor === null ? -1 : ids.indexOf(state.cursor);
  const index = state.following || state.cursor === null ? newest : found === -1 ? survivor(state, laid) : found;
  return shown(state, laid, ids, index);
}

/** In place of an event that is gone: the next one, else the newest. */
function survivor({ at }: TimelineState, laid: Laid): number {
  const rows = rowsOf(laid);
  const next = at === null ? -1 : rows.findIndex((row) => row.at >= at);
  return next === -1 ? rows.length - 1 : next;
}

export function stepped(state: TimelineState, laid: Laid, step: TimelineStep): TimelineState {
  const ids = idsOf(laid);
  if (ids.length === 0) return state;
  const { index, cursor } = state;
  const moved = (to: number): TimelineState => {
    const next = clamp(to, 0, ids.length - 1);
    return shown({ ...state, following: state.following && next === ids.length - 1 }, laid, ids, next);
  };
  switch (step.do) {
    case 'event':
      return moved(index + step.by);
    case 'half':
      return moved(index + step.by * Math.max(1, Math.floor(laid.height / 2)));
    case 'page':
      return moved(index + step.by * Math.max(1, laid.height - 1));
    case 'day':
      return moved(indexOfDay(laid, ids, cursor, step.by));
    case 'first':
      return moved(0);
    case 'last':
      return moved(ids.length - 1);
    case 'follow':
      return state.following ? { ...state, following: false } : shown({ ...state, following: true }, laid, ids, ids.length - 1);
    case 'expand': {
      if (cursor === null) return state;
      const expanded = new Set(state.expanded);
      if (!expanded.delete(cursor)) expanded.add(cursor);
      return { ...state, expanded };
    }
    default:
      return step satisfies never;
  }
}

/** How many events came below what was seen. */
export function newerThanSeen({ seen }: TimelineState, laid: Laid): number {
  const ids = idsOf(laid);
  const at = seen === null ? -1 : ids.indexOf(seen);
  return at === -1 ? 0 : ids.length - 1 - at;
}

/** The first event of the day so many days on; upwards first to the beginning of one's own. */
function indexOfDay(laid: Laid, ids: readonly string[], cursor: string | null, by: number): number {
  const starts = laid.lines.flatMap((line, at) => {
    const next = laid.lines[at + 1];
    return line.kind === 'day' && next?.kind === 'event' ? [ids.indexOf(next.row.id)] : [];
  });
  const index = cursor === null ? 0 : ids.indexOf(cursor);
  if (by > 0) return starts.filter((start) => start > index)[by - 1] ?? ids.length - 1;
  return starts.filter((start) => start < index).at(by) ?? 0;
}

/** With the cursor on a row: the window moves only so far that all of the event is seen. */
function shown(state: TimelineState, laid: Laid, ids: readonly string[], index: number): TimelineState {
  const id = ids[index] ?? null;
  const at = eventAt(laid, id);
  const top = state.cursor === null ? laid.lines.length : topIn(state, laid);
  let end = at;
  for (let next = laid.lines[end + 1]; next?.kind === 'more'; next = laid.lines[end + 1]) end++;
  // The head of a day belongs to its first event.
  const begin = laid.lines[at - 1]?.kind === 'day' ? at - 1 : at;
  const wanted = clamp(clamp(top, end - laid.height + 1, begin), 0, Math.max(0, laid.lines.length - laid.height));
  const line = clamp(at - wanted, 0, Math.max(0, laid.height - 1));
  const row = laid.lines[at];
  const next = { ...state, cursor: id, index, at: row?.kind === 'event' ? row.row.at : null, line };
  const seen = newestSeen(next, laid, ids);
  const same = next.cursor === state.cursor && next.index === state.index && next.line === state.line && seen === state.seen;
  return same && next.following === state.following ? state : { ...next, seen };
}

/** Where the window stands before the cursor moves; a cursor that is gone leaves it where its neighbour is. */
function topIn(state: TimelineState, laid: Laid): number {
  const at = eventAt(laid, state.cursor);
  if (at !== -1) return at - state.line;
  return eventAt(laid, rowsOf(laid)[survivor(state, laid)]?.id ?? null) - state.line;
}

function newestSeen(state: TimelineState, laid: Laid, ids: readonly string[]): string | null {
  const inWindow = laid.lines.slice(0, topOf(state, laid) + laid.height).findLast((line) => line.kind === 'event');
  const last = inWindow?.kind === 'event' ? inWindow.row.id : null;
  const before = state.seen === null ? -1 : ids.indexOf(state.seen);
  return last !== null && ids.indexOf(last) > before ? last : state.seen;
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

// --- whose history ---------------------------------------------------------------------------------------------------

export type Contact = { readonly name: SafeText; readonly address: string };
export type ScopeName = TimelineOf['kind'];
/** What each scope would show; null for one that nothing leads to. */
export type Scopes = {
  readonly mailbox: SafeText | null;
  readonly contact: Contact | null;
  readonly conversation: { readonly id: string; readonly subject: SafeText } | null;
};
/** Where a timeline begins, and what else it can turn to. */
export type TimelineStart = { readonly scopes: Scopes; readonly name: ScopeName };
export const scopeNames = ['mailbox', 'contact', 'conversation'] as const satisfies readonly ScopeName[];

export function timelineOf(scopes: Scopes, name: ScopeName): TimelineOf | null {
  if (name === 'mailbox') return scopes.mailbox === null ? null : { kind: 'mailbox', mailbox: scopes.mailbox };
  if (name === 'contact') return scopes.contact === null ? null : { kind: 'contact', address: scopes.contact.address };
  return scopes.conversation === null ? null : { kind: 'conversation', conversation: scopes.conversation.id };
}

/**
 * Where Tab leads: the scope in view stays, the others are those of the event under the cursor, and what it does not tell is as it was.
 * Going from a conversation to its contact and back ends where it began.
 */
export function scopesAt(
  scopes: Scopes,
  name: ScopeName,
  row: TimelineRow | null,
  contactOf: (row: TimelineRow) => Contact | null,
): Scopes {
  if (row === null) return scopes;
  const conversation = row.conversation === null ? null : { id: row.conversation, subject: row.subject };
  return {
    mailbox: name === 'mailbox' ? scopes.mailbox : row.mailbox,
    contact: name === 'contact' ? scopes.contact : (contactOf(row) ?? scopes.contact),
    conversation: name === 'conversation' ? scopes.conversation : (conversation ?? scopes.conversation),
  };
}

/** The next scope that shows something. */
export function nextScope(scopes: Scopes, name: ScopeName, by: 1 | -1): ScopeName {
  const count = scopeNames.length;
  for (let step = 1; step < count; step++) {
    const next = scopeNames[(scopeNames.indexOf(name) + by * step + count * 2) % count];
    if (next !== undefined && timelineOf(scopes, next) !== null) return next;
  }
  return name;
}

/** Columns for words that stand beside each other: all they need, or an equal share of what the shorter ones leave. */
export function shares(needs: readonly number[], room: number): readonly number[] {
  let left = room;
  let count = needs.length;
  const given = needs.map(() => 0);
  for (const at of needs.map((_, index) => index).toSorted((a, b) => (needs[a] ?? 0) - (needs[b] ?? 0))) {
    given[at] = Math.max(1, Math.min(needs[at] ?? 0, Math.floor(left / count)));
    left -= given[at] ?? 0;
    count--;
  }
  return given;
}
