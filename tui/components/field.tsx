/** A text field, of one line or a block: graphemes, readline's keys, and the terminal's own cursor, which input methods follow. */
import { Box, type DOMElement } from 'ink';
import { type ReactElement, useInsertionEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Token } from '../input.ts';
import { useCommands, useCursorCell, useShell } from '../screen.tsx';
import { chrome, graphemes, join } from '../text.ts';
import {
  cursorAt,
  drawn,
  edit,
  type FieldKind,
  type FieldLine,
  type FieldState,
  fieldOf,
  linesOf,
  maxPastedLines,
  paste,
  pastedLines,
  windowOf,
} from './field-state.ts';
import { Row, T } from './text.tsx';

export type FieldHandle = {
  readonly text: string;
  readonly set: (text: string) => void;
  readonly state: FieldState;
  readonly kind: FieldKind;
  readonly columns: number;
  readonly focused: boolean;
};

/**
 * The text and cursor of a field, and the keys that edit it while it is `focused`. Keys that are none of a field's (Enter in one
 * line, Tab, Esc) go on to the commands of scope `field`.
 */
export function useField(
  initial: string,
  given: { kind?: FieldKind; columns: number; focused: boolean; cursor?: 'start' | 'end' },
): FieldHandle {
  const { kind = 'line', columns, focused, cursor = 'end' } = given;
  const [state, setState] = useState(() => (cursor === 'start' ? { ...fieldOf(initial), at: 0 } : fieldOf(initial)));
  const shell = useShell();
  const capture = (token: Token): boolean => {
    if (token.kind === 'paste') {
      if (kind === 'line' && pastedLines(token.text) > maxPastedLines) {
        shell.flash(chrome`a paste of ${pastedLines(token.text)} lines is not for a field of one line`);
        return true;
      }
      setState((before) => paste(before, token.text, kind));
      return true;
    }
    if (token.kind !== 'key') return false;
    const next = edit(state, token, kind, columns);
    if (next === null) return false;
    // From the newest state: input methods commit several characters in one tick.
    setState((before) => edit(before, token, kind, columns) ?? before);
    return true;
  };
  useCommands({}, { capture, active: focused });
  return { text: state.text, set: (text) => setState(fieldOf(text)), state, kind, columns, focused };
}

/** Draws the field (`masked`: a star for each character) in its columns and in `rows` lines (a block scrolls, a line moves sideways). */
export function Field({ field: given, rows = 1, masked = false }: { field: FieldHandle; rows?: number; masked?: boolean }): ReactElement {
  const field = masked ? { ...given, state: maskOf(given.state) } : given;
  const box = useRef<DOMElement>(null);
  const [origin, setOrigin] = useState<{ x: number; y: number } | null>(null);
  const scroll = useRef(0);
  const cell = useCursorCell();
  const shell = useShell();
  const owner = useRef({});
  const { state, columns, focused } = field;

  const view = field.kind === 'line' ? lineView(state, columns, scroll.current) : blockView(state, columns, rows, scroll.current);
  scroll.current = view.scroll;

  // The layout is known only after a commit; a field seldom moves, so this draws twice once.
  useLayoutEffect(() => {
    const next = placeOf(box.current);
    if (next === null || (next.x === origin?.x && next.y === origin.y)) return;
    setOrigin(next);
    // The shell hands the cursor on in the commit that it takes part in.
    shell.redrawn();
  });
  useInsertionEffect(() => {
    if (focused && origin !== null) cell.place(owner.current, { x: origin.x + view.cursor.x, y: origin.y + view.cursor.y });
    else cell.leave(owner.current);
  });
  useInsertionEffect(() => () => cell.leave(owner.current), [cell]);

  return (
    <Box ref={box} flexDirection="column" width={columns} height={rows} flexShrink={0} overflow="hidden">
      {view.lines.map(({ from, to }) => (
        // An empty line is a row as well.
        <Row key={from}>
          <T>{join(graphemes(state.text.slice(from, to)).map(drawn), chrome``)}</T>
        </Row>
      ))}
    </Box>
  );
}

/** As many stars as there are characters, the cursor where it was. */
function maskOf({ text, at }: FieldState): FieldState {
  return { ...fieldOf('*'.repeat(graphemes(text).length)), at: graphemes(text.slice(0, at)).length };
}

type View = { readonly lines: readonly FieldLine[]; readonly cursor: { x: number; y: number }; readonly scroll: number };

/** `scroll` is the first line drawn. */
function blockView(state: FieldState, columns: number, rows: number, scroll: number): View {
  const lines = linesOf(state.text, columns);
  const { line, column } = cursorAt(state, lines);
  const first = Math.max(0, Math.min(Math.max(scroll, line - rows + 1), line));
  return { lines: lines.slice(first, first + rows), cursor: { x: column, y: line - first }, scroll: first };
}

/** `scroll` is the offset of the first character drawn. */
function lineView(state: FieldState, columns: number, scroll: number): View {
  const { from, to, column } = windowOf(state, columns, scroll);
  return { lines: [{ from, to }], cursor: { x: column, y: 0 }, scroll: from };
}

/** Where a box stands on the screen: the sum of its places in the boxes around it. */
function placeOf(node: DOMElement | null): { x: number; y: number } | null {
  if (node === null) return null;
  let x = 0;
  let y = 0;
  for (let at: DOMElement | undefined = node; at !== undefined; at = at.parentNode) {
    x += at.yogaNode?.getComputedLeft() ?? 0;
    y += at.yogaNode?.getComputedTop() ?? 0;
  }
  return { x, y };
}
