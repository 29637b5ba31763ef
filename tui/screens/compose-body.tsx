/** The text of a mail as it will leave, to be read before it does. */
import { Box } from 'ink';
import { type ReactElement, useMemo } from 'react';
import { safeBlock } from '../../protocol/text.ts';
import { Row, T, ToneLines } from '../components/text.tsx';
import { useCommands } from '../screen.tsx';
import { chrome } from '../text.ts';
import { bodyRows, LazyRows } from './thread-layout.ts';

export type BodyScroll = { readonly top: number; readonly quotes: boolean };

type ReviewBodyProps = {
  readonly text: string;
  readonly columns: number;
  readonly rows: number;
  readonly scroll: BodyScroll;
  readonly onScroll: (scroll: BodyScroll) => void;
  readonly active: boolean;
};

export function ReviewBody({ text, columns, rows, scroll, onScroll, active }: ReviewBodyProps): ReactElement {
  const { quotes } = scroll;
  const lines = useMemo(() => {
    const safe = safeBlock(text);
    return new LazyRows(bodyRows(safe, quotes, Math.min(96, columns - 3), chrome` `), safe.split('\n').length);
  }, [text, quotes, columns]);
  // The last row says how much is below.
  const height = Math.max(1, rows - 1);
  const lastTop = (): number => Math.max(0, lines.count - height);
  const top = lines.at(scroll.top + height - 1) === undefined ? Math.min(scroll.top, lastTop()) : scroll.top;
  const go = (by: number): void => onScroll({ quotes, top: Math.max(0, by > 0 ? Math.min(top + by, lastTop()) : top + by) });
  const half = Math.max(1, Math.floor(height / 2));
  useCommands(
    {
      'move.down': (count) => go(count),
      'move.up': (count) => go(-count),
      'move.half-down': (count) => go(count * half),
      'move.half-up': (count) => go(-count * half),
      'move.page-down': (count) => go(count * height),
      'move.page-up': (count) => go(-count * height),
      'move.first': () => onScroll({ quotes, top: 0 }),
      'move.last': () => onScroll({ quotes, top: lastTop() }),
      'read.on': () => go(height),
    },
    { active },
  );
  const shown = Array.from({ length: height }, (_, line) => lines.at(top + line) ?? { text: chrome``, tone: 'plain' as const });
  const below = Math.max(0, lines.about - top - height);
  return (
    <Box flexDirection="column" width={columns} height={rows} flexShrink={0} overflow="hidden">
      <Box height={height} flexShrink={0}>
        <ToneLines lines={shown} />
      </Box>
      <Row>
        <T tone="muted">{below > 0 ? chrome`⋮ ${below}` : null}</T>
      </Row>
    </Box>
  );
}
