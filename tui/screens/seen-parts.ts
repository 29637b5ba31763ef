/** What the rows of a search or a timeline show of their conversations, for the revision that verbs carry. */
import { use, useEffect, useInsertionEffect, useLayoutEffect, useMemo } from 'react';
import { LayerContext } from '../screen.tsx';
import type { Look } from '../sight.ts';
import { useApp } from './contract.ts';

/** Verbs on rows that name one mail or note carry what was on the screen of their conversation. `rows`: all there are, oldest first. */
export function useSeenParts(rows: readonly Part[], drawn: ReadonlySet<string>): void {
  const { shell, me } = useApp();
  const layer = use(LayerContext);
  const looks = useMemo(() => looksOf(rows, drawn, me), [rows, drawn, me]);
  // Before Ink paints the commit.
  useInsertionEffect(() => shell.sight.parts(layer, looks));
  useLayoutEffect(() => shell.drew());
  useEffect(() => () => shell.sight.leaveList(layer), [shell, layer]);
}

/** `row`: of the screen; `item`: the mail or note that it is, where it is one. */
export type Part = {
  readonly row: string;
  readonly item: string | null;
  readonly conversation: string;
  readonly revision: number;
  readonly by: string | null;
};

function looksOf(rows: readonly Part[], drawn: ReadonlySet<string>, me: string): Look[] {
  const inSight = new Set(rows.flatMap(({ row, conversation }) => (drawn.has(row) ? conversation : [])));
  const looks = new Map<string, { revision: number; items: string[]; own: Set<string>; drawn: Set<string> }>();
  for (const { row, item, conversation, revision, by } of rows) {
    if (!inSight.has(conversation)) continue;
    const look = looks.get(conversation) ?? { revision: 0, items: [], own: new Set(), drawn: new Set() };
    looks.set(conversation, look);
    look.revision = Math.max(look.revision, revision);
    if (drawn.has(row)) look.drawn.add(item ?? row);
    if (item === null) continue;
    look.items.push(item);
    if (by === me) look.own.add(item);
  }
  return [...looks].map(([conversation, look]) => ({ conversation, ...look }));
}
