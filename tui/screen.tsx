/** The hooks by which a screen plugs into the shell, and the rows above its body. What is drawn around them is app-shell.tsx. */
import { Box } from 'ink';
import { createContext, type ReactElement, type ReactNode, use, useLayoutEffect, useRef } from 'react';
import type { Facts } from './commands.ts';
import { type Pieces, Row, T } from './components/text.tsx';
import { frameRows, type Viewport } from './layout.ts';
import type { Capture, Handlers, Shell } from './shell.ts';
import { chrome } from './text.ts';

/** Where the terminal's own cursor stands: the focused field says so, and input methods follow it. */
export class CursorCell {
  owner: object | null = null;
  position: { x: number; y: number } | undefined;

  place(owner: object, position: { x: number; y: number }): void {
    this.owner = owner;
    this.position = position;
  }

  leave(owner: object): void {
    if (this.owner !== owner) return;
    this.owner = null;
    this.position = undefined;
  }
}

export const ShellContext = createContext<Shell | null>(null);
export const LayerContext = createContext<number>(0);
export const ViewportContext = createContext<Viewport>({ columns: 80, rows: 24 - frameRows, mode: 'single' });
export const CursorContext = createContext(new CursorCell());
export const FlashContext = createContext(false);

export function useShell(): Shell {
  const shell = use(ShellContext);
  if (shell === null) throw new Error('useShell is for components inside ShellView');
  return shell;
}

/** Room that a screen has between its filter row and the toast row. */
export function useViewport(): Viewport {
  return use(ViewportContext);
}

/** True for the moment after a key that did nothing. */
export function useFlashing(): boolean {
  return use(FlashContext);
}

export function useCursorCell(): CursorCell {
  return use(CursorContext);
}

/**
 * Puts commands, facts and a field's capture into the layer that the component is in, as long as it is mounted and `active`.
 * What a screen gives wins over what the components in it give. Handlers see the state of the last commit.
 */
export function useCommands(handlers: Handlers, given: { facts?: Partial<Facts>; capture?: Capture; active?: boolean } = {}): void {
  const shell = useShell();
  const layer = use(LayerContext);
  const entry = useRef<Parameters<Shell['enter']>[1]>({});
  useLayoutEffect(() => shell.enter(layer, entry.current), [shell, layer]);
  useLayoutEffect(() => {
    const { active = true, facts, capture } = given;
    Object.assign(entry.current, active ? { handlers, facts, capture } : { handlers: undefined, facts: undefined, capture: undefined });
    shell.entered();
  });
}

/** The title row, the filter row and the body of a screen. The body has exactly `useViewport().rows` rows. */
export function Screen({
  title,
  right,
  filter,
  field,
  children,
}: {
  title: Pieces;
  right?: Pieces;
  filter?: Pieces;
  /** Stands in the filter row in place of words. */
  field?: ReactElement | undefined;
  children?: ReactNode;
}): ReactElement {
  const { columns, rows } = useViewport();
  return (
    <Box flexDirection="column" width={columns}>
      <Row>
        <Box flexGrow={1} flexShrink={1}>
          <T tone="accent">
            {chrome` `}
            {title}
          </T>
        </Box>
        <Box flexShrink={0}>
          <T>{right ?? null}</T>
        </Box>
      </Row>
      <Row>
        {field ?? (
          <T tone="muted">
            {chrome` `}
            {filter ?? null}
          </T>
        )}
      </Row>
      <Box flexDirection="column" height={rows} overflow="hidden">
        {children}
      </Box>
    </Box>
  );
}
