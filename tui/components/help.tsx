/** The keys of this view, and on a second `?` those of all views. Made from the command table: nothing is written twice. */
import { Box } from 'ink';
import { type ReactElement, useState } from 'react';
import { type CommandId, commandIds, commandRow, disabledReason, type Scope, scopes } from '../commands.ts';
import { showKeys } from '../keys.ts';
import { useCommands, useShell, useViewport } from '../screen.tsx';
import type { Situation } from '../shell.ts';
import { type Chrome, chrome, cutToWidth, join, padEndTo } from '../text.ts';
import { emptyList, follow, move } from './list-state.ts';
import { Modal } from './modal.tsx';
import { Row, T } from './text.tsx';

const headings: Record<Scope, Chrome> = {
  everywhere: chrome`Everywhere`,
  goto: chrome`Go to`,
  list: chrome`Lists`,
  mail: chrome`Mail and conversations`,
  panel: chrome`Panel`,
  conversation: chrome`Conversation`,
  review: chrome`Review before sending`,
  note: chrome`Note`,
  outbox: chrome`In the outbox`,
  stuck: chrome`A mail that did not arrive`,
  settings: chrome`In settings`,
  matrix: chrome`Grants`,
  people: chrome`People`,
  leaving: chrome`Somebody leaves`,
  invitations: chrome`Invitations`,
  roles: chrome`Roles`,
  mailboxes: chrome`Mailboxes`,
  timeline: chrome`Timeline`,
  search: chrome`Search`,
  audit: chrome`Audit journal`,
  field: chrome`In a text field`,
  modal: chrome`In a box like this`,
  question: chrome`In a question`,
  always: chrome`Always`,
};

const order: readonly Scope[] = [...scopes.filter((scope) => scope !== 'always'), 'always'];

/** Rows of the help: a heading by its scope, a command by its id. */
export function helpRows(ids: Iterable<CommandId>): string[] {
  const all = [...ids];
  return order.flatMap((scope) => {
    const inScope = all.filter((id) => commandRow(id).scope === scope && commandRow(id).keys.length > 0);
    return inScope.length === 0 ? [] : [scope, ...inScope];
  });
}

function isCommand(row: string): row is CommandId {
  return Object.hasOwn(headings, row) === false;
}

export function Help({ below }: { below: Situation }): ReactElement {
  const shell = useShell();
  const { available, facts } = below;
  const viewport = useViewport();
  const columns = Math.min(76, viewport.columns - 2);
  const height = Math.max(3, viewport.rows - 1);
  const [all, setAll] = useState(false);
  const [here] = useState(() => helpRows(available.keys()));
  const [everything] = useState(() => helpRows(commandIds));
  const rows = all ? everything : here;
  const [stored, setStored] = useState(() => follow(emptyList(height), rows, height));
  const state = follow(stored, rows, height);
  if (state !== stored) setStored(state);

  useCommands({
    'modal.down': (count) => setStored((before) => move(before, { by: 'row', steps: count })),
    'modal.up': (count) => setStored((before) => move(before, { by: 'row', steps: -count })),
    'modal.more': () => setAll((before) => !before),
    'modal.close': () => shell.close(),
    'modal.accept': () => {
      const { cursor } = state;
      if (cursor === null || !isCommand(cursor)) return shell.flash(chrome`that is a heading`);
      if (!available.has(cursor)) return shell.flash(chrome`not in this view`);
      shell.close();
      shell.run(cursor);
    },
  });
  return (
    <Modal title={all ? chrome`Keys of all views` : chrome`Keys of this view   ? all views`} rows={height} columns={columns}>
      <Box flexDirection="column">
        {rows.slice(state.top, state.top + height).map((row) => (
          <Row key={row}>
            <HelpRow
              row={row}
              selected={row === state.cursor}
              columns={columns - 4}
              reason={isCommand(row) ? disabledReason(row, facts) : null}
            />
          </Row>
        ))}
      </Box>
    </Modal>
  );
}

function HelpRow({
  row,
  selected,
  columns,
  reason,
}: {
  row: string;
  selected: boolean;
  columns: number;
  reason: Chrome | null;
}): ReactElement {
  const mark = selected ? chrome`▌` : chrome` `;
  if (!isCommand(row)) {
    return (
      <T tone="accent">
        {mark}
        {headings[row as Scope]}
      </T>
    );
  }
  const { keys, title } = commandRow(row);
  const words = reason === null ? title : chrome`${title} — ${reason}`;
  return (
    <T tone={selected ? 'cursor' : reason === null ? 'plain' : 'muted'}>
      {mark}
      {padEndTo(join(keys.map(showKeys), chrome` `), 18)}
      {cutToWidth(words, columns - 19)}
    </T>
  );
}
