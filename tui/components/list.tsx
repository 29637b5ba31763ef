/** A windowed list of one-line rows: mounts the rows that are seen and no others, however long the list is. */
import { Box } from 'ink';
import { memo, type ReactElement, useEffect, useState } from 'react';
import { useCommands, useFlashing, useShell } from '../screen.tsx';
import type { Handlers } from '../shell.ts';
import { chrome } from '../text.ts';
import { type KeepRules, useKept, useUnder } from './kept.ts';
import { emptyList, follow, type ListState, move, wanted } from './list-state.ts';
import { type Pieces, Row, T } from './text.tsx';

export type ListHandle = {
  readonly state: ListState;
  /** Puts the cursor on a row, also on one that only comes with the next `ids` (undo brings it back). */
  readonly select: (id: string) => void;
};

/**
 * The cursor of a list, bound to an id, with the keys that move it. `ids` must keep its identity while nothing changed.
 * `onOpen` is Enter; `reach` is another number when rows come or go because of a right. With `active` false (another pane has the keys) the cursor stays where it is.
 */
export function useList(
  ids: readonly string[],
  height: number,
  given: { onOpen?: (id: string) => void; active?: boolean; reach?: number | undefined } = {},
): ListHandle {
  const [stored, setStored] = useState<ListState>(() => follow(emptyList(height), ids, height, given.reach));
  const state = follow(stored, ids, height, given.reach);
  if (state !== stored) setStored(state);

  const step = (change: Parameters<typeof move>[1]): void => setStored((before) => move(before, change));
  const { onOpen, active = true } = given;
  const { cursor } = state;
  useCommands(
    {
      'move.down': (count) => step({ by: 'row', steps: count }),
      'move.up': (count) => step({ by: 'row', steps: -count }),
      'move.half-down': (count) => step({ by: 'half', steps: count }),
      'move.half-up': (count) => step({ by: 'half', steps: -count }),
      'move.page-down': (count) => step({ by: 'page', steps: count }),
      'move.page-up': (count) => step({ by: 'page', steps: -count }),
      'move.first': () => step({ to: 'first' }),
      'move.last': () => step({ to: 'last' }),
      ...(onOpen === undefined || cursor === null ? {} : { 'item.open': () => onOpen(cursor) }),
    },
    { active },
  );
  return { state, select: (id) => step({ to: 'id', id }) };
}

export type RowsHandle<T> = {
  readonly list: ListHandle;
  readonly rows: readonly T[];
  readonly ids: readonly string[];
  /** The row under the cursor. */
  readonly current: T | null;
  /** The row under the cursor if it left the list: it stays until the cursor moves. */
  readonly gone: string | null;
};

/** A list of rows that come and go by themselves. `rows` is null while they are not known, and keeps its identity while nothing changed. */
export function useRows<T>(
  rows: readonly T[] | null,
  idOf: (row: T) => string,
  height: number,
  given: KeepRules<T> & { onOpen?: (id: string) => void; active?: boolean } = {},
): RowsHandle<T> {
  const kept = useKept(rows, idOf, given);
  const list = useList(kept.ids, height, given);
  const current = useUnder(kept, list.state.cursor, list.state.index);
  return { list, rows: kept.rows, ids: kept.ids, current, gone: kept.gone };
}

/** Verbs on a row: of one that is gone they say so, and do nothing. */
export function useVerbsOnRow(gone: string | null, verbs: Handlers): Handlers {
  const shell = useShell();
  if (gone === null) return verbs;
  return Object.fromEntries(Object.keys(verbs).map((id) => [id, () => shell.flash(chrome`it is gone from this list: nothing was done`)]));
}

type ListProps<Item> = {
  readonly list: ListHandle;
  /** A row that left, and is marked so. */
  readonly gone?: string | null;
  readonly columns: number;
  /** The row's data, or undefined while it is not loaded. A changed row is a new object. */
  readonly rowAt: (index: number) => Item | undefined;
  /** These rows are about to be seen (`to` exclusive). Called when the range moves. */
  readonly onNeed?: (from: number, to: number) => void;
  /** Draws a row in `columns` columns behind the cursor's column. Outside text goes last. Must keep its identity. */
  readonly draw: (item: Item, row: { readonly selected: boolean; readonly columns: number }) => Pieces;
  /** Drawn in place of an empty list. */
  readonly empty?: ReactElement;
  /** False when another pane has the keys: the row stays marked, not inverted. */
  readonly focused?: boolean;
};

export function List<Item>({ list, gone = null, columns, rowAt, onNeed, draw, empty, focused = true }: ListProps<Item>): ReactElement {
  const { state } = list;
  const { from, to } = wanted(state);
  useEffect(() => onNeed?.(from, to), [onNeed, from, to]);
  const flashing = useFlashing();

  if (state.ids.length === 0) return empty ?? <T tone="muted">{chrome` Nothing here.`}</T>;
  const rows: ReactElement[] = [];
  for (let index = state.top; index < Math.min(state.top + state.height, state.ids.length); index++) {
    const selected = index === state.index;
    rows.push(
      // The key is the line on the screen, not the row: scrolling changes texts and mounts nothing.
      <Line
        key={index - state.top}
        item={rowAt(index)}
        selected={selected}
        gone={gone !== null && state.ids[index] === gone}
        flashing={selected && flashing}
        focused={focused}
        columns={columns}
        draw={draw as (item: unknown, row: { selected: boolean; columns: number }) => Pieces}
      />,
    );
  }
  return (
    <Box flexDirection="column" width={columns} height={state.height} overflow="hidden">
      {rows}
    </Box>
  );
}

type LineProps = {
  readonly item: unknown;
  readonly selected: boolean;
  readonly gone: boolean;
  readonly flashing: boolean;
  readonly focused: boolean;
  readonly columns: number;
  readonly draw: (item: unknown, row: { selected: boolean; columns: number }) => Pieces;
};

/** Before a row that left. */
export const goneMark = chrome`gone `;

const Line = memo(function Line({ item, selected, gone, flashing, focused, columns, draw }: LineProps): ReactElement {
  // `▌` is printed always: without colours, and on terminals that know no inverse, it is the cursor.
  return (
    <Row>
      <T tone={selected && focused && !flashing ? 'cursor' : 'plain'}>
        {selected ? chrome`▌` : chrome` `}
        {gone && <T tone="warning">{goneMark}</T>}
        {item === undefined ? chrome`…` : draw(item, { selected, columns: columns - 1 - (gone ? goneMark.length : 0) })}
      </T>
    </Row>
  );
});
