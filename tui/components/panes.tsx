/** Sidebar, list and reader side by side, as many as the screen has room for. Inside a pane `useViewport` is the pane's. */
import { Box } from 'ink';
import { type ReactElement, type ReactNode, useMemo, useState } from 'react';
import { type PaneWidths, paneWidths } from '../layout.ts';
import { useCommands, useViewport, ViewportContext } from '../screen.tsx';
import { chrome, type Safe } from '../text.ts';
import { Lines } from './text.tsx';

export type PaneName = keyof PaneWidths;

export type PanesHandle = {
  readonly widths: PaneWidths;
  /** The panes that are drawn, from the left. */
  readonly shown: readonly PaneName[];
  /** The one that has the keys. */
  readonly focused: PaneName;
  readonly focus: (pane: PaneName) => void;
};

/** Which panes there is room for, and which of them has the keys: Tab goes on, shift-Tab and ← go back. */
export function usePanes(wanted: readonly PaneName[]): PanesHandle {
  const { columns, mode } = useViewport();
  const [chosen, setChosen] = useState<PaneName>('list');
  const room = paneWidths({ columns, mode });
  // The room of a pane that is not wanted goes to the list.
  const missing = (['sidebar', 'reader'] as const).filter((pane) => room[pane] > 0 && !wanted.includes(pane));
  const given = missing.reduce((sum, pane) => sum + room[pane] + 1, 0);
  const widths: PaneWidths = {
    sidebar: missing.includes('sidebar') ? 0 : room.sidebar,
    list: room.list + given,
    reader: missing.includes('reader') ? 0 : room.reader,
  };
  const shown = (['sidebar', 'list', 'reader'] as const).filter((pane) => widths[pane] > 0);
  const focused = shown.includes(chosen) ? chosen : 'list';
  const step = (by: number): void => setChosen(shown[(shown.indexOf(focused) + by + shown.length) % shown.length] ?? 'list');
  useCommands({ 'pane.next': () => step(1), 'pane.previous': () => step(-1) }, { active: shown.length > 1 });
  return { widths, shown, focused, focus: setChosen };
}

/** Draws the panes that are shown. `children` are by name; one that is not shown is not mounted. */
export function Panes({ panes, children }: { panes: PanesHandle; children: Partial<Record<PaneName, ReactNode>> }): ReactElement {
  const { rows } = useViewport();
  return (
    <Box height={rows}>
      {panes.shown.map((name, place) => (
        <Box key={name} height={rows} flexShrink={0}>
          {place > 0 && <Lines tone="muted" lines={Array<Safe>(rows).fill(chrome`│`)} />}
          <Pane columns={panes.widths[name]}>{children[name]}</Pane>
        </Box>
      ))}
    </Box>
  );
}

function Pane({ columns, children }: { columns: number; children?: ReactNode }): ReactElement {
  const { rows, mode } = useViewport();
  const viewport = useMemo(() => ({ columns, rows, mode }), [columns, rows, mode]);
  return (
    <ViewportContext value={viewport}>
      <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
        {children}
      </Box>
    </ViewportContext>
  );
}
