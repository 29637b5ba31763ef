/**
 * The arithmetic of a windowed list of one-line rows. Pure.
 *
 * Invariants:
 * - The cursor is an id, never an index: rows that come, go or change places never move it to another row by themselves.
 * - The row under the cursor keeps its line on the screen when the list changes around it.
 * - Every cost is that of the window or of one pass over what changed, never of a table per row.
 */

export type ListState = {
  readonly ids: readonly string[];
  /** Rows of the window. */
  readonly height: number;
  /** The row under the cursor; null only in an empty list. `index` is where it stands. */
  readonly cursor: string | null;
  readonly index: number;
  /** Index of the window's first row. */
  readonly top: number;
  /** Rows that came in above the window and were not scrolled to since. */
  readonly newAbove: number;
  /** What `follow` was told last: rows that come with another number were there before, out of one's reach. */
  readonly reach: number;
  /** A row that was to be selected before it came: it gets the cursor when it does, unless the cursor moved since. */
  readonly wish: string | null;
};

export type ListMove =
  | { readonly by: 'row' | 'half' | 'page'; readonly steps: number }
  | { readonly to: 'first' }
  | { readonly to: 'last' }
  | { readonly to: 'id'; readonly id: string };

export function emptyList(height: number): ListState {
  return { ids: [], height, cursor: null, index: 0, top: 0, newAbove: 0, reach: 0, wish: null };
}

/** The cursor moves inside the window; the window follows at its edges. */
export function move(state: ListState, step: ListMove): ListState {
  const wish = 'to' in step && step.to === 'id' && !state.ids.includes(step.id) ? step.id : null;
  if (state.ids.length === 0 || wish !== null) return { ...state, wish };
  return showing({ ...state, wish: null }, target(state, step));
}

function target(state: ListState, step: ListMove): number {
  if ('by' in step) {
    const unit = step.by === 'row' ? 1 : step.by === 'half' ? Math.max(1, Math.floor(state.height / 2)) : Math.max(1, state.height - 1);
    return state.index + step.steps * unit;
  }
  switch (step.to) {
    case 'first':
      return 0;
    case 'last':
      return state.ids.length - 1;
    case 'id': {
      const found = state.ids.indexOf(step.id);
      return found === -1 ? state.index : found;
    }
    default:
      return step satisfies never;
  }
}

function showing(state: ListState, wanted: number): ListState {
  const index = clamp(wanted, 0, state.ids.length - 1);
  const top = clamp(clampTop(state, state.top), index - state.height + 1, index);
  return { ...state, index, cursor: state.ids[index] ?? null, top, newAbove: Math.min(state.newAbove, top) };
}

/** The state for a changed list or window. The same arguments give the same object back, so it may be called on every render. */
export function follow(state: ListState, ids: readonly string[], height: number, reach = 0): ListState {
  if (ids === state.ids && height === state.height && reach === state.reach) return state;
  const resized = { ...state, height, reach };
  if (ids === state.ids) return ids.length === 0 ? resized : showing(resized, state.index);
  if (ids.length === 0) return { ...emptyList(height), ids, reach, wish: state.wish };
  if (state.cursor === null) {
    const first: ListState = { ids, height, cursor: ids[0] ?? null, index: 0, top: 0, newAbove: 0, reach, wish: null };
    return state.wish === null ? first : move(first, { to: 'id', id: state.wish });
  }

  const change = difference(state.ids, ids);
  const index = survivor(state, change);
  // The cursor's line on the screen stays.
  const top = index - (state.index - state.top);
  const settled = showing({ ...resized, ids, top: Math.max(0, top), newAbove: 0 }, index);
  const arrived = reach === state.reach ? arrivalsBefore(settled.top, change) : 0;
  const counted = { ...settled, newAbove: Math.min(settled.top, state.newAbove + arrived) };
  return state.wish !== null && ids.includes(state.wish) ? move(counted, { to: 'id', id: state.wish }) : counted;
}

/** Where two lists differ: equal up to `head`, equal again for the last `tail` rows. */
type Change = { readonly before: readonly string[]; readonly after: readonly string[]; readonly head: number; readonly tail: number };

function difference(before: readonly string[], after: readonly string[]): Change {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { before, after, head, tail };
}

/** Where a row of the old list stands in the new one, or -1. */
function placeOf(index: number, { before, after, head, tail }: Change): number {
  if (index < head) return index;
  if (index >= before.length - tail) return index - before.length + after.length;
  const id = before[index];
  return id === undefined ? -1 : after.indexOf(id, head);
}

/** The cursor's row, else the next one of the old order that is still there, else the one before it. */
function survivor(state: ListState, change: Change): number {
  const { before, after, head, tail } = change;
  const present = new Set(after.slice(head, after.length - tail));
  const stays = (index: number): boolean => index < head || index >= before.length - tail || present.has(before[index] ?? '');
  for (let index = state.index; index < before.length; index++) if (stays(index)) return placeOf(index, change);
  for (let index = state.index - 1; index >= 0; index--) if (stays(index)) return placeOf(index, change);
  return 0;
}

function arrivalsBefore(top: number, { before, after, head, tail }: Change): number {
  const until = Math.min(top, after.length - tail);
  if (until <= head) return 0;
  const known = new Set(before.slice(head, before.length - tail));
  let arrived = 0;
  for (let index = head; index < until; index++) if (!known.has(after[index] ?? '')) arrived++;
  return arrived;
}

/** Indices that should be loaded: the window and two pages either side; `to` is exclusive. */
export function wanted(state: ListState): { from: number; to: number } {
  const reach = 2 * state.height;
  return { from: Math.max(0, state.top - reach), to: Math.min(state.ids.length, state.top + state.height + reach) };
}

function clampTop(state: ListState, top: number): number {
  return clamp(top, 0, Math.max(0, state.ids.length - state.height));
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
