/** The command palette: everything that can be done here, by words. Its right column teaches the keys. */
import { Box } from 'ink';
import { type ReactElement, useState } from 'react';
import { type CommandId, commandRow, disabledReason, relevance } from '../commands.ts';
import { showKeys } from '../keys.ts';
import { useCommands, useShell, useViewport } from '../screen.tsx';
import type { Situation } from '../shell.ts';
import { type Chrome, chrome, cutToWidth, padEndTo, widthOf } from '../text.ts';
import { Field, useField } from './field.tsx';
import { Modal } from './modal.tsx';
import { Row, T } from './text.tsx';

type Entry = { readonly id: CommandId; readonly keys: Chrome; readonly reason: Chrome | null };

/** The commands of the layer below, taken when the palette opened: while it is open only its own keys exist. */
function entriesOf({ available, facts }: Situation): Entry[] {
  return [...available.keys()]
    .filter((id) => commandRow(id).keyOnly !== true)
    .map((id) => ({ id, keys: firstKeys(id), reason: disabledReason(id, facts) }));
}

function firstKeys(id: CommandId): Chrome {
  const [first] = commandRow(id).keys;
  return first === undefined ? chrome`` : showKeys(first);
}

/** Best first; what cannot be done now comes after what can. */
export function ranked(entries: readonly Entry[], typed: string): Entry[] {
  return entries
    .flatMap((entry) => {
      const points = relevance(typed, entry.id);
      return points === null ? [] : [{ entry, points: points - (entry.reason === null ? 0 : 10) }];
    })
    .sort((a, b) => b.points - a.points)
    .map(({ entry }) => entry);
}

export function Palette({ below }: { below: Situation }): ReactElement {
  const shell = useShell();
  const viewport = useViewport();
  const columns = Math.min(72, viewport.columns - 2);
  const rows = Math.max(3, Math.min(14, viewport.rows - 4));
  const [entries] = useState(() => entriesOf(below));
  const field = useField('', { columns: columns - 6, focused: true });
  const [picked, setPicked] = useState<{ typed: string; index: number }>({ typed: '', index: 0 });
  const hits = ranked(entries, field.text);
  // Other words are another list: its first hit is the one meant.
  const index = picked.typed === field.text ? Math.min(picked.index, Math.max(0, hits.length - 1)) : 0;
  const top = Math.max(0, index - rows + 1);
  const step = (by: number): void => setPicked({ typed: field.text, index: Math.max(0, Math.min(hits.length - 1, index + by)) });

  useCommands({
    'modal.down': (count) => step(count),
    'modal.up': (count) => step(-count),
    'modal.close': () => shell.close(),
    'modal.accept': () => {
      const hit = hits[index];
      if (hit === undefined) return shell.flash(chrome`no command is called so`);
      if (hit.reason !== null) return shell.flash(hit.reason);
      shell.close();
      shell.run(hit.id);
    },
  });
  return (
    <Modal title={chrome`Commands`} rows={rows + 1} columns={columns}>
      <Row>
        <T tone="accent">{chrome`: `}</T>
        <Field field={field} />
      </Row>
      <Box flexDirection="column">
        {hits.slice(top, top + rows).map((hit, line) => (
          <Row key={hit.id}>
            <Choice entry={hit} selected={top + line === index} columns={columns - 4} />
          </Row>
        ))}
        {hits.length === 0 && <T tone="muted">{chrome`  nothing fits`}</T>}
      </Box>
    </Modal>
  );
}

function Choice({ entry, selected, columns }: { entry: Entry; selected: boolean; columns: number }): ReactElement {
  const { title } = commandRow(entry.id);
  const keys = widthOf(entry.keys);
  const words = entry.reason === null ? title : chrome`${title} — ${entry.reason}`;
  return (
    <T tone={selected ? 'cursor' : entry.reason === null ? 'plain' : 'muted'}>
      {selected ? chrome`▌` : chrome` `}
      {padEndTo(cutToWidth(words, columns - keys - 2), columns - keys - 1)}
      <T tone="strong">{entry.keys}</T>
    </T>
  );
}
