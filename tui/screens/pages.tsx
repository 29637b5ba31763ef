/** A long text on the whole screen, to be scrolled: the source of a mail. Only what is seen is wrapped and drawn. */
import { type ReactElement, useState } from 'react';
import { type SafeText, safeText } from '../../protocol/text.ts';
import { Lines } from '../components/text.tsx';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { chrome, type Safe, wrap } from '../text.ts';
import { LazyRows, type ThreadRow } from './thread-layout.ts';

function* wrapped(text: SafeText, columns: number): Generator<ThreadRow> {
  for (const line of text.split('\n')) for (const part of wrap(safeText(line), columns)) yield { text: part, tone: 'plain' };
}

export function Pages({ title, note, text }: { title: Safe; note: Safe; text: SafeText }): ReactElement {
  const shell = useShell();
  const { columns, rows } = useViewport();
  const [lazy, setLazy] = useState(() => ({ columns, lines: new LazyRows(wrapped(text, columns - 2), 0) }));
  if (lazy.columns !== columns) setLazy({ columns, lines: new LazyRows(wrapped(text, columns - 2), 0) });
  const [wish, setTop] = useState(0);
  const { lines } = lazy;
  const lastTop = (): number => Math.max(0, lines.count - rows);
  const top = lines.at(wish + rows - 1) === undefined ? Math.min(wish, lastTop()) : wish;
  const go = (by: number): void =>
    setTop((before) => (lines.at(before + by + rows - 1) === undefined ? lastTop() : Math.max(0, before + by)));
  const half = Math.max(1, Math.floor(rows / 2));
  useCommands({
    'move.down': (count) => go(count),
    'move.up': (count) => go(-count),
    'move.half-down': (count) => go(count * half),
    'move.half-up': (count) => go(-count * half),
    'move.page-down': (count) => go(count * (rows - 1)),
    'move.page-up': (count) => go(-count * (rows - 1)),
    'move.first': () => setTop(0),
    'move.last': () => setTop(lastTop()),
    'read.on': () => (top >= lastTop() ? shell.flash(chrome`that is the end`) : go(rows - 1)),
  });
  return (
    <Screen title={title} filter={note}>
      <Lines lines={Array.from({ length: rows }, (_, line) => chrome` ${lines.at(top + line)?.text ?? chrome``}`)} />
    </Screen>
  );
}
