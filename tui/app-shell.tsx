/**
 * The view of the shell: the frame around every screen and the layers in it. Title and filter row belong to the screen
 * (`Screen`), toast, status and hints rows are here, once.
 */
import { Box, useCursor, usePaste, useWindowSize } from 'ink';
import {
  type ReactElement,
  type RefObject,
  useEffect,
  useInsertionEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import { commandRow, disabledReason } from './commands.ts';
import { Help } from './components/help.tsx';
import { Question } from './components/modal.tsx';
import { Palette } from './components/palette.tsx';
import { Lines, Row, T } from './components/text.tsx';
import { showKeys } from './keys.ts';
import { frameRows, type Mode, modeOf } from './layout.ts';
import { CursorCell, CursorContext, FlashContext, LayerContext, ShellContext, ViewportContext } from './screen.tsx';
import type { Shell, ShellState, Surroundings, Toast } from './shell.ts';
import type { Keyboard } from './terminal.ts';
import { type Chrome, chrome, cutToWidth, join, widthOf, wrap } from './text.ts';

/** A layout mode holds this long before it is drawn: dragging a window's corner does not rebuild the panes at every step. */
const modeDelayMs = 50;

type ShellViewProps = {
  readonly shell: Shell;
  readonly keyboard: Keyboard;
  /** The status row: connection, mailboxes, what waits. */
  readonly status: ReactElement;
  readonly surroundings: Pick<Surroundings, 'exit' | 'redraw' | 'suspend'>;
  /** Called when nothing tells when a frame was written (tests without a terminal). */
  readonly paintsOnCommit?: boolean;
};

export function ShellView({ shell, keyboard, status, surroundings, paintsOnCommit = false }: ShellViewProps): ReactElement {
  const [state, setState] = useState<ShellState>(shell.state);
  const { columns, rows } = useWindowSize();
  const mode = useSettledMode(columns, rows);
  const cursor = useMemo(() => new CursorCell(), []);

  useLayoutEffect(() => {
    shell.attach({
      ...surroundings,
      openPalette: () => shell.openModal({ name: 'palette', element: <Palette below={shell.situation()} /> }),
      openHelp: () => shell.openModal({ name: 'help', element: <Help below={shell.situation()} /> }),
      ask: (question) => shell.openModal({ name: 'question', asks: true, element: <Question {...question} /> }),
    });
  }, [shell, surroundings]);
  useLayoutEffect(() => {
    setState(shell.state);
    return shell.subscribe(setState);
  }, [shell]);
  useEffect(() => keyboard.listen((token) => shell.take(token)), [shell, keyboard]);
  // Before Ink paints the commit, which it does before layout effects.
  useInsertionEffect(() => {
    shell.blind = modeOf(columns, rows) === 'notice';
    shell.committing(state);
  });
  useLayoutEffect(() => {
    shell.committed(state);
    shell.paintsOnCommit = paintsOnCommit;
    shell.drew();
  });
  // Ink sets raw mode and bracketed paste for it, and takes both back around an editor; the text itself comes from our own parser.
  usePaste(ignore);
  useTerminalCursor(cursor);

  const viewport = useMemo(() => ({ columns, rows: Math.max(0, rows - frameRows), mode }), [columns, rows, mode]);
  const topScreen = state.layers.findLast((layer) => layer.kind === 'screen')?.id;
  const tooSmall = modeOf(columns, rows) === 'notice';
  return (
    <ShellContext value={shell}>
      <ViewportContext value={viewport}>
        <CursorContext value={cursor}>
          <FlashContext value={state.flashing}>
            <Box width={columns} height={rows} flexDirection="column" overflow="hidden">
              {tooSmall && (
                <Lines
                  lines={wrap(chrome`Postroom needs 40x10; this is ${columns}x${rows}`, columns).slice(0, rows)}
                  tone={state.flashing ? 'cursor' : 'plain'}
                />
              )}
              <Box flexDirection="column" height={rows - 3} overflow="hidden" display={tooSmall ? 'none' : 'flex'}>
                {state.layers.map((layer) => (
                  <LayerContext key={layer.id} value={layer.id}>
                    {layer.kind === 'screen' ? (
                      <Box display={layer.id === topScreen ? 'flex' : 'none'}>{layer.element}</Box>
                    ) : (
                      <Box position="absolute" width={columns} height={rows - 3} justifyContent="center" alignItems="flex-start">
                        {layer.element}
                      </Box>
                    )}
                  </LayerContext>
                ))}
              </Box>
              <Box flexDirection="column" height={3} flexShrink={0} display={tooSmall ? 'none' : 'flex'}>
                <Row>
                  <ToastRow state={state} now={shell.now} columns={columns} />
                </Row>
                <Row>{status}</Row>
                <Row>
                  <Hints shell={shell} columns={columns} />
                </Row>
              </Box>
            </Box>
          </FlashContext>
        </CursorContext>
      </ViewportContext>
    </ShellContext>
  );
}

function ignore(): void {}

/** The mode of the size, once the size has stood still for a moment; at once when it no longer fits. */
function useSettledMode(columns: number, rows: number): Mode {
  const wanted = modeOf(columns, rows);
  const [settled, setSettled] = useState({ mode: wanted, columns });
  useEffect(() => {
    const timer = setTimeout(() => setSettled({ mode: wanted, columns }), modeDelayMs);
    return () => clearTimeout(timer);
  }, [wanted, columns]);
  // Panes that no longer fit may not wait.
  return columns < settled.columns ? wanted : settled.mode;
}

/**
 * Hands the focused field's place to Ink in the same commit. The shell draws with every key, and its insertion effect runs after
 * those of the fields below it: the order in which fields mount and go does not matter.
 */
function useTerminalCursor(cell: CursorCell): void {
  const place: RefObject<((position: CursorCell['position']) => void) | null> = useRef(null);
  useInsertionEffect(() => place.current?.(cell.position));
  const { setCursorPosition } = useCursor();
  place.current = setCursorPosition;
}

const whose = { team: chrome`TEAM  `, me: chrome`ME  ` };

/** The newest notice and how many wait behind it; the keys that may follow while a chord hangs. */
function ToastRow({ state, now, columns }: { state: ShellState; now: number; columns: number }): ReactElement {
  const { chord } = state;
  if (chord?.shown === true) {
    const next = chord.next.map(({ keys, id }) => chrome`${showKeys(keys)} ${commandRow(id).title}`);
    return <T tone="accent">{cutToWidth(chrome` ${join(next, chrome` · `)}`, columns - 1)}</T>;
  }
  const toast: Toast | undefined = state.toasts.at(-1);
  if (toast === undefined) return <T />;
  const more = state.toasts.length > 1 ? chrome` (+${state.toasts.length - 1})` : chrome``;
  const seconds = Math.max(0, Math.ceil((toast.untilMs - now) / 1_000));
  const tail = toast.undo === null ? more : chrome`${more}  z undo ${seconds}s `;
  const text = cutToWidth(chrome`${toast.who === null ? chrome`` : whose[toast.who]}${toast.text}`, columns - 2 - widthOf(tail));
  return (
    <Box width={columns} justifyContent="space-between">
      <T tone={toast.tone}>{chrome` ${text}`}</T>
      <T tone="strong">{tail}</T>
    </Box>
  );
}

/** The keys of this view that can be used now, as many as fit. */
function Hints({ shell, columns }: { shell: Shell; columns: number }): ReactElement {
  const line = useSyncExternalStore(
    (listener) => shell.subscribeHints(listener),
    () => hintLine(shell, columns),
  );
  return <T tone="muted">{chrome` ${line}`}</T>;
}

function hintLine(shell: Shell, columns: number): Chrome {
  const { facts } = shell;
  const keymap = shell.keymap();
  const parts: Chrome[] = [];
  const last: Chrome[] = [];
  for (const id of shell.available().keys()) {
    const { hint, keys } = commandRow(id);
    const first = keys[0];
    if (hint === undefined || first === undefined || keymap.get(first) !== id || disabledReason(id, facts) !== null) continue;
    const words = id === 'view.back' && shell.backLeaves ? chrome`quit` : hint;
    (id === 'palette.open' ? last : parts).push(chrome`${showKeys(first)} ${words}`);
  }
  if (keymap.get('?') === 'help.open') last.push(chrome`?`);
  const end = join(last, chrome`  `);
  let line = chrome``;
  for (const part of parts) {
    const longer = line === '' ? part : chrome`${line}  ${part}`;
    if (widthOf(longer) + widthOf(end) + 4 > columns) break;
    line = longer;
  }
  return end === '' ? line : line === '' ? end : chrome`${line}  ${end}`;
}
