/**
 * The row under the cursor stays where it is when it leaves its view (taken, assigned, dealt with by a colleague), until the cursor moves: the
 * next key means the conversation that one looks at, never the one that moved up under it. Pure.
 *
 * What a verb of one's own took away (done, trash, spam) is no such row, nor what a filter hides or a right that went.
 */
import type { Conversation } from '../../protocol/schema.ts';

/** The cursor's row as it was drawn last. `reach` is the list's number for what one may see. */
export type Held = { readonly row: Conversation; readonly at: number; readonly reach: number };

export type Listed = { readonly ids: readonly string[]; readonly reach: number };

/** The row to keep in the list, or null. `frozen` is the one that is kept already, `last` the cursor's of the last frame. */
export function frozenRow(
  frozen: Held | null,
  last: Held | null,
  listed: Listed | null,
  leaving: ReadonlyMap<string, unknown>,
): Held | null {
  const held = frozen ?? last;
  if (held === null || listed === null || listed.reach !== held.reach) return null;
  const { conversation } = held.row;
  return leaving.has(conversation) || listed.ids.includes(conversation) ? null : held;
}

/** A list with the row put back to where it was. */
export const withRow = <T>(list: readonly T[], one: T, at: number): readonly T[] => [
  ...list.slice(0, Math.min(at, list.length)),
  one,
  ...list.slice(Math.min(at, list.length)),
];
