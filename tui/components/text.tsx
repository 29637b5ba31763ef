/** The only door to Ink's Text: what is drawn is SafeText, Chrome or a number, never a plain string. */
import { Box, Text } from 'ink';
import { createContext, type ReactElement, type ReactNode, use } from 'react';
import type { Safe } from '../text.ts';
import { type Theme, type Tone, themeFor } from '../theme.ts';

export type Piece = Safe | number | ReactElement | null | false;
export type Pieces = Piece | readonly Pieces[];

const ThemeContext = createContext<Theme>(themeFor({}));
export const ThemeProvider = ThemeContext;

/** Text of one tone on one line; what does not fit is cut. May stand inside another `T` as a span. */
export function T({ tone = 'plain', children }: { tone?: Tone; children?: Pieces }): ReactElement {
  const style = use(ThemeContext)[tone];
  return (
    <Text wrap="truncate-end" {...style}>
      {children as ReactNode}
    </Text>
  );
}

/** A row of fixed height one: whatever it holds, the rows below it stay where they are. An empty one is a blank line. */
export function Row({ children }: { children?: ReactNode }): ReactElement {
  return (
    <Box height={1} flexShrink={0} overflow="hidden">
      {children}
    </Box>
  );
}

/** Lines one below the other. */
export function Lines({ lines, tone = 'plain' }: { lines: readonly Safe[]; tone?: Tone }): ReactElement {
  return <ToneLines lines={lines.map((text) => ({ text, tone }))} />;
}

/** Lines one below the other, each of its own tone. Their keys are their places: scrolling changes texts and mounts nothing. */
export function ToneLines({ lines }: { lines: readonly { readonly text: Safe; readonly tone: Tone }[] }): ReactElement {
  const rows: ReactElement[] = [];
  for (const [line, { text, tone }] of lines.entries()) {
    rows.push(
      <Row key={line}>
        <T tone={tone}>{text}</T>
      </Row>,
    );
  }
  return <Box flexDirection="column">{rows}</Box>;
}
