/**
 * The row under the cursor stays where it is when it leaves its view (taken, dealt with by a colleague, withdrawn, gone from the server), until
 * the cursor moves: the next key means the row that one looks at, never the one that moved up under it. One mechanism for all lists.
 *
 * What a right took away is no such row: it leaves the screen at once.
 */
import { useLayoutEffect, useMemo, useRef, useState } from 'react';

type Held<T> = {
  readonly row: T;
  readonly id: string;
  readonly at: number;
  /** The rows on both sides of it. */
  readonly above: string | undefined;
  readonly below: string | undefined;
  readonly reach: number;
};

export type Kept<T> = {
  /** With the row that is kept. */
  readonly rows: readonly T[];
  readonly ids: readonly string[];
  /** The row that left the view, or null. */
  readonly gone: string | null;
  readonly release: () => void;
  /** Notes what the cursor is on, with each commit. */
  readonly note: (id: string | null, at: number) => void;
};

export type KeepRules<T> = {
  /** Another number when rows come or go because of a right (Picture). */
  readonly reach?: number | undefined;
  /** Whether a row may leave the cursor: a filter hides it, or one's own verb took it away and moves on. */
  readonly letGo?: ((id: string) => boolean) | undefined;
  /** The kept row with what is known of it since. */
  readonly as?: ((row: T) => T) | undefined;
  /** Where it belongs among the others; between its neighbours, unless told. */
  readonly place?: ((row: T, rows: readonly T[]) => number) | undefined;
};

const noRows: readonly never[] = [];

/** `rows` is null while they are not known, and keeps its identity while nothing changed. */
export function useKept<T>(rows: readonly T[] | null, idOf: (row: T) => string, rules: KeepRules<T> = {}): Kept<T> {
  const { reach = 0, letGo, as, place } = rules;
  const last = useRef<Held<T> | null>(null);
  const [kept, setKept] = useState<Held<T> | null>(null);
  const plain = rows ?? noRows;
  const plainIds = useStable(useMemo(() => plain.map(idOf), [plain, idOf]));
  const held = kept ?? last.current;
  const left = held !== null && rows !== null && held.reach === reach && !plainIds.includes(held.id) && letGo?.(held.id) !== true;
  const next = !left ? null : held === kept || as === undefined ? held : { ...held, row: as(held.row) };
  if (next !== kept) setKept(next);

  const all = useMemo(() => {
    if (next === null) return { rows: plain, ids: plainIds };
    const at = place?.(next.row, plain) ?? between(next, plainIds);
    return { rows: plain.toSpliced(at, 0, next.row), ids: plainIds.toSpliced(at, 0, next.id) };
  }, [plain, plainIds, next, place]);
  return {
    ...all,
    gone: next?.id ?? null,
    release: () => {
      last.current = null;
      setKept(null);
    },
    note: (id, at) => {
      const row = all.rows[at];
      last.current =
        id === null || row === undefined || rows === null ? null : { row, id, at, above: all.ids[at - 1], below: all.ids[at + 1], reach };
    },
  };
}

function between({ above, below, at }: Held<unknown>, ids: readonly string[]): number {
  const after = above === undefined ? -1 : ids.indexOf(above);
  if (after !== -1) return after + 1;
  const before = below === undefined ? -1 : ids.indexOf(below);
  return before === -1 ? Math.min(at, ids.length) : before;
}

/** The row under the cursor, `id` at `index` of what is kept. Called once, with the cursor that the list of it has. */
export function useUnder<T>(kept: Kept<T>, id: string | null, index: number): T | null {
  // The cursor left it: it goes where it belongs.
  if (kept.gone !== null && id !== kept.gone) kept.release();
  useLayoutEffect(() => kept.note(id, index));
  return (id === null ? undefined : kept.rows[index]) ?? null;
}

/** The same object as long as it says the same. */
export function useStable<Id extends string>(ids: readonly Id[]): readonly Id[] {
  const before = useRef(ids);
  if (before.current.length !== ids.length || ids.some((id, at) => id !== before.current[at])) before.current = ids;
  return before.current;
}
