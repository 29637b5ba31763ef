/** How much is drawn side by side. Pure. */

export type Mode =
  | 'notice' // below 40x10: one line that says so
  | 'narrow' // below 80: the list alone, fewer columns
  | 'single' // one pane at a time
  | 'double' // list and reader
  | 'triple'; // sidebar, list and reader

export type Viewport = {
  readonly columns: number;
  /** Rows between the filter row and the toast row: the screen's own. */
  readonly rows: number;
  readonly mode: Mode;
};

/** Title and filter above; toast, status and hints below. */
export const frameRows = 5;

export function modeOf(columns: number, rows: number): Mode {
  if (columns < 40 || rows < 10) return 'notice';
  if (columns < 80) return 'narrow';
  if (columns < 120) return 'single';
  return columns < 160 ? 'double' : 'triple';
}

export type PaneWidths = { readonly sidebar: number; readonly list: number; readonly reader: number };

/** Columns of each pane without the dividers; 0 for one that is not drawn. */
export function paneWidths({ columns, mode }: Pick<Viewport, 'columns' | 'mode'>): PaneWidths {
  switch (mode) {
    case 'triple':
      return { sidebar: 24, list: 58, reader: columns - 24 - 58 - 2 };
    case 'double':
      return { sidebar: 0, list: 58, reader: columns - 58 - 1 };
    default:
      return { sidebar: 0, list: columns, reader: 0 };
  }
}
