/** Boxes over a screen. While one is open only its own keys work; the shell sees to that. */
import { Box } from 'ink';
import type { ReactElement, ReactNode } from 'react';
import { useCommands, useShell, useViewport } from '../screen.tsx';
import type { Question as QuestionProps } from '../shell.ts';
import { chrome, cutToWidth, padEndTo, type Safe, wrap } from '../text.ts';
import { Lines, Row, T } from './text.tsx';

/** A box with a fill: Ink's boxes are see-through, so blanks are painted first. `rows` are those of the content. */
export function Modal({
  title,
  rows,
  columns,
  children,
}: {
  title: Safe;
  rows: number;
  columns?: number;
  children?: ReactNode;
}): ReactElement {
  const viewport = useViewport();
  const width = Math.min(columns ?? 72, viewport.columns - 2);
  // Two border rows and the title; the two rows of a screen's own frame may be covered.
  const height = Math.min(rows + 3, viewport.rows + 2);
  const blank = padEndTo(chrome``, width);
  return (
    <Box width={width} height={height} flexShrink={0}>
      <Box position="absolute" flexDirection="column" width={width} height={height} overflow="hidden">
        <Lines lines={Array<Safe>(height).fill(blank)} />
      </Box>
      <Box position="absolute" flexDirection="column" width={width} height={height} borderStyle="single" paddingX={1} overflow="hidden">
        <Row>
          <T tone="accent">{cutToWidth(title, width - 4)}</T>
        </Row>
        {children}
      </Box>
    </Box>
  );
}

/** Asks once. Enter does it, Esc does not; never a letter, which may have been typed for something else. */
export function Question({ title, consequence, accept: named, quits = false, onAccept }: QuestionProps): ReactElement {
  const shell = useShell();
  const { columns } = useViewport();
  const accept = (): void | Promise<void> => {
    shell.close();
    return onAccept();
  };
  useCommands({ 'modal.accept': accept, 'modal.close': () => shell.close(), ...(quits ? { 'question.quit': accept } : {}) });
  const width = Math.min(60, columns - 2);
  const lines = wrap(consequence, width - 4);
  return (
    <Modal title={title} rows={lines.length + 2} columns={width}>
      <Lines lines={[...lines, chrome``]} />
      <T tone="strong">{named === undefined ? chrome`Enter do it   Esc leave it` : chrome`Enter ${named}   Esc cancel`}</T>
    </Modal>
  );
}
