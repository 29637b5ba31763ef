/** A small program on the real shell, for tests in a pseudo-terminal: a long list, a screen behind it, a field and a question. */
import { type ReactElement, useMemo, useState } from 'react';
import { safeBlock, safeText } from '../../protocol/text.ts';
import { Field, useField } from '../../tui/components/field.tsx';
import { List, useList } from '../../tui/components/list.tsx';
import { Panes, usePanes } from '../../tui/components/panes.tsx';
import { Lines, T } from '../../tui/components/text.tsx';
import { Screen, useCommands, useShell, useViewport } from '../../tui/screen.tsx';
import { type Running, startShell } from '../../tui/start.tsx';
import { chrome, cutToWidth, wrap } from '../../tui/text.ts';

type Mail = { subject: string; index: number };

const count = Number(process.env.ROWS ?? 100_000);
const ids = Array.from({ length: count }, (_, index) => `c${index}`);
const loaded = new Map<number, Mail>();
const rowAt = (index: number): Mail => {
  const known = loaded.get(index) ?? {
    subject: `Order ${index} never arrived — where is it? ${'ご注文について '.repeat(index % 4)}`,
    index,
  };
  loaded.set(index, known);
  return known;
};

let running: Running;

function Work(): ReactElement {
  const shell = useShell();
  const { columns, rows } = useViewport();
  const list = useList(ids, rows, { onOpen: (id) => shell.open({ name: 'reader', element: <Reader id={id} /> }) });
  const [done, setDone] = useState<readonly string[]>([]);
  const draw = useMemo(
    () => (mail: Mail, row: { columns: number }) => cutToWidth(safeText(` ${mail.index}  ${mail.subject}`), row.columns),
    [],
  );
  const cursor = list.state.cursor ?? '';
  useCommands(
    {
      'work.done': () => {
        setDone((before) => [...before, cursor]);
        shell.toast({ who: 'team', text: chrome`Done: ${safeText(cursor)}`, undo: () => setDone((before) => before.slice(0, -1)) });
      },
      'mail.compose': () => shell.open({ name: 'write', element: <Write /> }),
      'go.panel': () => list.select('c0'),
      'go.folders': () => shell.open({ name: 'panes', element: <Three /> }),
      'sync.now': () => {
        throw new Error('\u001b]0;evil\u0007the server said no');
      },
    },
    { facts: { conversation: { send: true, state: 'open', assigned: 'nobody', attachments: 0 } } },
  );
  return (
    <Screen title={chrome`WORK`} right={chrome`${list.state.index + 1}/${ids.length} `} filter={chrome`done: ${safeText(done.join(' '))}`}>
      <List list={list} columns={columns} rowAt={rowAt} draw={draw} />
    </Screen>
  );
}

function Reader({ id }: { id: string }): ReactElement {
  const [scroll, setScroll] = useState(0);
  useCommands({ 'move.down': (steps) => setScroll((before) => before + steps) });
  return <Screen title={chrome`READER ${safeText(id)} scrolled ${scroll}`} />;
}

function Three(): ReactElement {
  const panes = usePanes(['sidebar', 'list', 'reader']);
  return (
    <Screen title={chrome`PANES ${safeText(panes.focused)} of ${panes.shown.length}`}>
      <Panes panes={panes}>{{ sidebar: <Named name="sidebar" />, list: <Named name="list" />, reader: <Named name="reader" /> }}</Panes>
    </Screen>
  );
}

function Named({ name }: { name: string }): ReactElement {
  const { columns } = useViewport();
  return <T>{chrome`${safeText(name)} ${columns}`}</T>;
}

function Write(): ReactElement {
  const shell = useShell();
  const { columns, rows } = useViewport();
  const field = useField('', { kind: 'block', columns: columns - 4, focused: true });
  useCommands({
    'field.leave': () => shell.close(),
    'field.editor': async () => {
      const edited = await running.edit(field.text);
      shell.toast({ text: chrome`editor: ${safeText(edited.kind)}` });
      if (edited.kind === 'edited') field.set(edited.text);
    },
  });
  if (process.env.THROW !== undefined && field.text.includes('boom')) throw new Error('thrown in a component');
  return (
    <Screen title={chrome`WRITE ${field.text.length} characters, ${field.text.split('\n').length} lines`}>
      <Field field={field} rows={rows - 4} />
      <Lines lines={wrap(safeBlock(JSON.stringify(field.text.slice(0, 200))), columns - 4).slice(0, 4)} />
    </Screen>
  );
}

running = startShell({
  status: <T>{chrome` ● online`}</T>,
});
running.shell.goTo({ name: 'work', element: <Work /> });
if (process.env.TITLE !== undefined) running.setTitle(safeText(process.env.TITLE));
running.ended.then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${safeBlock(String(error))}\n`);
    process.exit(70);
  },
);
