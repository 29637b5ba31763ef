/**
 * Editing of text by graphemes. Pure: keys in, state out. What is edited is a person's own text and stays as typed; `drawn` says
 * how a grapheme of it looks on a screen.
 */
import { type SafeText, safeBlock } from '../../protocol/text.ts';
import { type Chrome, chrome, graphemes, type Safe, widthOf } from '../text.ts';

type Snapshot = { readonly text: string; readonly at: number };

export type FieldState = Snapshot & {
  /** `at` is an offset in UTF-16 units, always between two graphemes. */
  readonly undo: readonly Snapshot[];
  readonly redo: readonly Snapshot[];
  /** Typing goes on in one undo step until something else happens. */
  readonly typing: boolean;
  readonly killed: string;
  /** Up and down keep the column they began in. */
  readonly column: number | null;
};

export type FieldKind = 'line' | 'block';

const undoLimit = 500;

export function fieldOf(text: string): FieldState {
  return { text, at: text.length, undo: [], redo: [], typing: false, killed: '', column: null };
}

/** Text that came in one piece: one undo step. In a field of one line its line ends become blanks. */
export function paste(state: FieldState, text: string, kind: FieldKind): FieldState {
  const flat = kind === 'line' ? text.replaceAll(/\s*\n\s*/g, ' ') : text;
  return flat === '' ? state : replace(state, state.at, state.at, flat);
}

/** The state after a key, or null when the key is none of a field's. `width` is the columns of the field. */
export function edit(state: FieldState, key: { name: string; text: string }, kind: FieldKind, width: number): FieldState | null {
  const { text, at } = state;
  switch (key.name) {
    case 'left':
      return goTo(state, previousStop(text, at));
    case 'right':
    case 'ctrl-f':
      return goTo(state, nextStop(text, at));
    case 'alt-b':
    case 'ctrl-left':
    case 'alt-left':
      return goTo(state, wordStart(text, at));
    case 'alt-f':
    case 'ctrl-right':
    case 'alt-right':
      return goTo(state, wordEnd(text, at));
    case 'home':
    case 'ctrl-a':
      return goTo(state, lineStart(text, at));
    case 'end':
    case 'ctrl-e':
      return goTo(state, lineEnd(text, at));
    case 'up':
      return kind === 'block' ? vertical(state, -1, width) : null;
    case 'down':
      return kind === 'block' ? vertical(state, 1, width) : null;
    case 'backspace':
    case 'ctrl-h':
      return replace(state, previousStop(text, at), at, '');
    case 'delete':
    case 'ctrl-d':
      return replace(state, at, nextStop(text, at), '');
    case 'ctrl-w':
      return kill(state, blankStart(text, at), at);
    case 'alt-backspace':
      return kill(state, wordStart(text, at), at);
    case 'alt-d':
      return kill(state, at, wordEnd(text, at));
    case 'ctrl-u':
      return kill(state, lineStart(text, at), at);
    case 'ctrl-k':
      // At the end of a line: the line end itself, as readline's users of editors expect.
      return kill(state, at, lineEnd(text, at) === at ? nextStop(text, at) : lineEnd(text, at));
    case 'ctrl-y':
      return replace(state, at, at, state.killed);
    case 'ctrl-_':
      return undo(state);
    case 'alt-_':
      return redo(state);
    case 'enter':
      return kind === 'block' ? replace(state, at, at, '\n') : null;
    default:
      return key.text === '' ? null : typed(state, key.text);
  }
}

function typed(state: FieldState, text: string): FieldState {
  const next = replace(state, state.at, state.at, text);
  return { ...next, undo: state.typing ? state.undo : next.undo, typing: true };
}

function replace(state: FieldState, from: number, to: number, by: string): FieldState {
  if (from === to && by === '') return { ...state, typing: false };
  const text = state.text.slice(0, from) + by + state.text.slice(to);
  return {
    ...state,
    text,
    // A combining mark joins the grapheme before it: the cursor goes behind the whole.
    at: boundary(text, from + by.length),
    undo: [...state.undo.slice(-undoLimit), { text: state.text, at: state.at }],
    redo: [],
    typing: false,
    column: null,
  };
}

function kill(state: FieldState, from: number, to: number): FieldState {
  return from === to ? state : { ...replace(state, from, to, ''), killed: state.text.slice(from, to) };
}

function undo(state: FieldState): FieldState {
  const last = state.undo.at(-1);
  if (last === undefined) return state;
  const now = { text: state.text, at: state.at };
  return { ...state, ...last, undo: state.undo.slice(0, -1), redo: [...state.redo, now], typing: false, column: null };
}

function redo(state: FieldState): FieldState {
  const last = state.redo.at(-1);
  if (last === undefined) return state;
  const now = { text: state.text, at: state.at };
  return { ...state, ...last, redo: state.redo.slice(0, -1), undo: [...state.undo, now], typing: false, column: null };
}

function goTo(state: FieldState, at: number): FieldState {
  return { ...state, at, typing: false, column: null };
}

/** Stops are looked for inside the line only: a long text is never segmented whole for one key. */
function previousStop(text: string, at: number): number {
  if (at === 0) return 0;
  const start = lineStart(text, at);
  if (start === at) return at - 1;
  return at - (graphemes(text.slice(start, at)).at(-1)?.length ?? 1);
}

function nextStop(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const end = lineEnd(text, at);
  if (end === at) return at + 1;
  return at + (graphemes(text.slice(at, end))[0]?.length ?? 1);
}

/** The end of the grapheme that `at` is in, or `at` itself between two. */
function boundary(text: string, at: number): number {
  const start = lineStart(text, at);
  let offset = start;
  for (const grapheme of graphemes(text.slice(start, lineEnd(text, at)))) {
    if (offset >= at) break;
    offset += grapheme.length;
  }
  return Math.max(offset, at);
}

/** The beginning of the grapheme that `at` is in: a word may begin with a mark that sits on a blank. */
function floor(text: string, at: number): number {
  const end = boundary(text, at);
  return end === at ? at : previousStop(text, end);
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
}

function wordStart(text: string, at: number): number {
  const match = /[\p{L}\p{N}\p{M}_]+[^\p{L}\p{N}\p{M}_]*$/u.exec(text.slice(0, at));
  return floor(text, match?.index ?? 0);
}

function wordEnd(text: string, at: number): number {
  const match = /^[^\p{L}\p{N}\p{M}_]*[\p{L}\p{N}\p{M}_]+/u.exec(text.slice(at));
  return match === null ? text.length : boundary(text, at + match[0].length);
}

function blankStart(text: string, at: number): number {
  const match = /\S+\s*$/u.exec(text.slice(0, at));
  return floor(text, match?.index ?? 0);
}

/** A line of the field as drawn: the text from `from` to `to`. */
export type FieldLine = { readonly from: number; readonly to: number };

/** How a grapheme looks: cleaned as everything is, and a dot where nothing would be seen, so that the cursor never stands still. */
export function drawn(grapheme: string): Safe {
  const shown: SafeText = safeBlock(grapheme);
  return shown === '' ? hidden : shown;
}

const hidden: Chrome = chrome`·`;

function cells(grapheme: string): number {
  if (grapheme.length === 1 && grapheme >= ' ' && grapheme <= '~') return 1;
  return widthOf(drawn(grapheme));
}

/** The lines of a block in `width` columns: broken at line ends, after blanks, and inside what is longer than a line. */
export function linesOf(text: string, width: number): FieldLine[] {
  const lines: FieldLine[] = [];
  let start = 0;
  for (const line of text.split('\n')) {
    lines.push(...broken(line, start, Math.max(1, width)));
    start += line.length + 1;
  }
  return lines;
}

function broken(line: string, start: number, width: number): FieldLine[] {
  const lines: FieldLine[] = [];
  let from = 0;
  let used = 0;
  let afterBlank = 0;
  let at = 0;
  for (const grapheme of graphemes(line)) {
    const wide = cells(grapheme);
    // The last column is the cursor's, behind the last letter. What follows a blank may be too long for a line of its own.
    while (used + wide > width - 1 && at > from) {
      const to = afterBlank > from ? afterBlank : at;
      lines.push({ from: start + from, to: start + to });
      used = graphemes(line.slice(to, at)).reduce((sum, part) => sum + cells(part), 0);
      from = to;
    }
    used += wide;
    at += grapheme.length;
    if (grapheme === ' ') afterBlank = at;
  }
  lines.push({ from: start + from, to: start + line.length });
  return lines;
}

/** The line and column of the cursor. At a soft break the cursor stands on the lower line. */
export function cursorAt(state: Snapshot, lines: readonly FieldLine[]): { line: number; column: number } {
  const found = lines.findLastIndex((line) => line.from <= state.at);
  const line = Math.max(0, found);
  return { line, column: columnsOf(state.text.slice(lines[line]?.from ?? 0, state.at)) };
}

/**
 * What a field of one line shows in `columns`: the text from `from` to `to`, with the cursor in `column`. `scroll` is where it began
 * before; a third of the field stays before the cursor when it leaves the left edge. One pass over the text, whatever was pasted.
 */
export function windowOf({ text, at }: Snapshot, columns: number, scroll: number): FieldLine & { readonly column: number } {
  let from = Math.min(scroll, at);
  if (from === at && from > 0)
    from = graphemes(text.slice(0, at))
      .slice(0, -Math.floor(columns / 3))
      .join('').length;
  const before = graphemes(text.slice(from, at));
  let column = before.reduce((sum, grapheme) => sum + cells(grapheme), 0);
  for (const grapheme of before) {
    if (column <= columns - 1) break;
    column -= cells(grapheme);
    from += grapheme.length;
  }
  return { from, to: Math.min(text.length, at + longestDrawn * columns), column };
}

/** UTF-16 units behind the cursor that are drawn for each column: more than a grapheme has that people write. */
const longestDrawn = 32;

/** More lines than this in a field of one line were meant for somewhere else. */
export const maxPastedLines = 20;

export const pastedLines = (text: string): number => text.replace(/\n+$/, '').split('\n').length;

function columnsOf(text: string): number {
  return graphemes(text).reduce((sum, grapheme) => sum + cells(grapheme), 0);
}

function vertical(state: FieldState, by: -1 | 1, width: number): FieldState | null {
  const lines = linesOf(state.text, width);
  const { line, column } = cursorAt(state, lines);
  const next = lines[line + by];
  if (next === undefined) return null;
  const wish = state.column ?? column;
  let at = next.from;
  let used = 0;
  for (const grapheme of graphemes(state.text.slice(next.from, next.to))) {
    used += cells(grapheme);
    if (used > wish) break;
    at += grapheme.length;
  }
  // The end of a softly broken line is the beginning of the next one: stay before it.
  if (at === next.to && lines[line + by + 1]?.from === at && at > next.from) at = previousStop(state.text, at);
  return { ...state, at, typing: false, column: wish };
}
