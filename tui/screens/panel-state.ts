/**
 * What a list of conversations adds to what the daemon says: a filter, marks, and rows that a verb just took away. Pure.
 *
 * Invariant: a row that a verb takes from the list is hidden as soon as the key is pressed, so that the next key acts on the next row; it
 * stays hidden until a picture that is younger than the daemon's answer speaks, and comes back at once when the daemon refused.
 */
import type { Conversation } from '../../protocol/schema.ts';

export type PanelState = {
  readonly filter: string;
  /** The filter is being typed. */
  readonly typing: boolean;
  readonly marks: ReadonlySet<string>;
  /** The last row marked; `X` marks from it. */
  readonly anchor: string | null;
  /** Hidden rows, and when the daemon answered; null while it has not. */
  readonly leaving: ReadonlyMap<string, number | null>;
};

export type PanelChange =
  | { readonly kind: 'type' }
  | { readonly kind: 'filter'; readonly text: string }
  | { readonly kind: 'accept' }
  | { readonly kind: 'clear' }
  | { readonly kind: 'mark'; readonly id: string }
  | { readonly kind: 'range'; readonly to: string; readonly ids: readonly string[] }
  | { readonly kind: 'unmark' }
  /** Rows that left the list by themselves. */
  | { readonly kind: 'gone'; readonly ids: readonly string[] }
  | { readonly kind: 'leave'; readonly ids: readonly string[] }
  | { readonly kind: 'left'; readonly id: string; readonly at: number }
  | { readonly kind: 'stay'; readonly id: string };

export const emptyPanel: PanelState = { filter: '', typing: false, marks: new Set(), anchor: null, leaving: new Map() };

export function change(state: PanelState, what: PanelChange): PanelState {
  switch (what.kind) {
    case 'type':
      return { ...state, typing: true };
    case 'filter':
      return { ...state, filter: what.text };
    case 'accept':
      return { ...state, typing: false };
    case 'clear':
      return { ...state, filter: '', typing: false };
    case 'mark': {
      const marks = new Set(state.marks);
      if (!marks.delete(what.id)) marks.add(what.id);
      return { ...state, marks, anchor: what.id };
    }
    case 'range': {
      const [from, to] = [what.ids.indexOf(state.anchor ?? what.to), what.ids.indexOf(what.to)];
      const between = from === -1 ? [what.to] : what.ids.slice(Math.min(from, to), Math.max(from, to) + 1);
      return { ...state, marks: new Set([...state.marks, ...between]), anchor: what.to };
    }
    case 'unmark':
      return { ...state, marks: new Set(), anchor: null };
    case 'gone':
      return { ...state, marks: new Set([...state.marks].filter((id) => !what.ids.includes(id))) };
    case 'leave':
      return { ...state, leaving: new Map([...state.leaving, ...what.ids.map((id) => [id, null] as const)]) };
    case 'left':
      // Not every verb takes its row away: a star leaves it where it is.
      return state.leaving.has(what.id) ? { ...state, leaving: new Map(state.leaving).set(what.id, what.at) } : state;
    case 'stay': {
      const leaving = new Map(state.leaving);
      leaving.delete(what.id);
      return { ...state, leaving };
    }
    default:
      return what satisfies never;
  }
}

/** The rows to draw: without those that are leaving, and only those that hold every word of the filter. */
export function visible(rows: readonly Conversation[], at: number | null, { filter, leaving }: PanelState): readonly Conversation[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0 && leaving.size === 0) return rows;
  return rows.filter((row) => {
    const left = leaving.get(row.conversation);
    if (left === null || (left !== undefined && (at ?? 0) <= left)) return false;
    return words.length === 0 || holds(row, words);
  });
}

function holds({ subject, snippet, from, mailbox, assignee }: Conversation, words: readonly string[]): boolean {
  const text = [subject, snippet, from?.name, from?.address, mailbox, assignee?.name].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}

/** The next row with something unread after (or before) a place, or null. */
export function unreadFrom(rows: readonly Conversation[], index: number, step: 1 | -1): string | null {
  for (let at = index + step; at >= 0 && at < rows.length; at += step) {
    const row = rows[at];
    if (row !== undefined && row.unread > 0) return row.conversation;
  }
  return null;
}
