/**
 * What differs between two states of the facts. Facts never change in place and a change makes only what it changes: so what is the same
 * object is the same, and the cost of looking is that of walking along two lists.
 */

export interface Changed<T> {
  /** Of the old list alone: gone, or replaced. */
  readonly gone: readonly T[];
  /** Of the new list alone. */
  readonly come: readonly T[];
}

const nothing: Changed<never> = Object.freeze({ gone: [], come: [] });

/** The last answer about a list: everything that follows from a change asks the same. */
const answers = new WeakMap<readonly unknown[], { readonly before: WeakRef<readonly unknown[]>; readonly changed: Changed<unknown> }>();

export function changed<T>(before: readonly T[], after: readonly T[]): Changed<T> {
  if (before === after) return nothing;
  const known = answers.get(after);
  if (known?.before.deref() === before) return known.changed as Changed<T>;
  const found = compared(before, after);
  answers.set(after, { before: new WeakRef(before), changed: found });
  return found;
}

function compared<T>(before: readonly T[], after: readonly T[]): Changed<T> {
  const { start, end } = commonEnds(before, after);
  if (start === before.length && start === after.length) return nothing;
  const [had, has] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
  if (had.length === 0 || has.length === 0) return { gone: had, come: has };
  const [old, next] = [new Set(had), new Set(has)];
  // Something that is in a list twice must be seen twice, or nobody would notice.
  if (old.size < had.length || next.size < has.length) return { gone: had, come: has };
  return { gone: had.filter((one) => !next.has(one)), come: has.filter((one) => !old.has(one)) };
}

/** How many elements two lists share at their begin, and then at their end. */
export function commonEnds<T>(before: readonly T[], after: readonly T[]): { readonly start: number; readonly end: number } {
  const shorter = Math.min(before.length, after.length);
  let start = before === after ? shorter : 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return { start, end };
}

/** A map kept up with its list: what is gone leaves it, what has come enters it. The map itself when nothing has changed. */
export function followed<K, V, T>(
  map: ReadonlyMap<K, V>,
  { gone, come }: Changed<T>,
  entriesOf: (one: T) => Iterable<readonly [K, V]>,
): ReadonlyMap<K, V> {
  if (gone.length === 0 && come.length === 0) return map;
  const next = new Map(map);
  for (const one of gone) for (const [key] of entriesOf(one)) next.delete(key);
  for (const one of come) for (const [key, value] of entriesOf(one)) next.set(key, value);
  return next;
}

/** Groups kept up likewise. What replaces something of the same id takes its place, so that they stay in the order of the list. */
export function regrouped<K, T extends { readonly id: string }>(
  groups: ReadonlyMap<K, readonly T[]>,
  { gone, come }: Changed<T>,
  keyOf: (one: T) => K,
): ReadonlyMap<K, readonly T[]> {
  if (gone.length === 0 && come.length === 0) return groups;
  const next = new Map(groups);
  const [left, entered] = [Map.groupBy(gone, keyOf), Map.groupBy(come, keyOf)];
  for (const key of new Set([...left.keys(), ...entered.keys()])) {
    const out = new Set(left.get(key) ?? []);
    const waiting = new Map((entered.get(key) ?? []).map((one) => [one.id, one]));
    const group: T[] = [];
    for (const one of groups.get(key) ?? []) {
      const instead = out.has(one) ? waiting.get(one.id) : one;
      if (instead === undefined) continue;
      group.push(instead);
      if (instead !== one) waiting.delete(one.id);
    }
    group.push(...waiting.values());
    if (group.length > 0) next.set(key, group);
    else next.delete(key);
  }
  return next;
}
