/** A box to pick one of some things: type to narrow it down, Enter takes it. */
import { Box } from 'ink';
import { type ReactElement, useEffect, useLayoutEffect, useState } from 'react';
import type { Mailbox } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { Field, useField } from '../components/field.tsx';
import { Modal } from '../components/modal.tsx';
import { Row, T } from '../components/text.tsx';
import { useCommands, useShell, useViewport } from '../screen.tsx';
import { chrome, cutToWidth, padEndTo, type Safe, widthOf } from '../text.ts';

export type PickerEntry<Value> = { readonly key: string; readonly label: Safe; readonly detail: Safe; readonly value: Value };

type PickerProps<Value> = {
  readonly title: Safe;
  readonly load: () => Promise<readonly PickerEntry<Value>[]>;
  /** Said in place of an empty list. */
  readonly nothing: Safe;
  readonly onPick: (value: Value) => void;
};

type Loaded<Value> = { readonly entries: readonly PickerEntry<Value>[] | null; readonly error: Safe | null };

export function Picker<Value>({ title, load, nothing, onPick }: PickerProps<Value>): ReactElement {
  const shell = useShell();
  const viewport = useViewport();
  const columns = Math.min(60, viewport.columns - 2);
  const rows = Math.max(3, Math.min(12, viewport.rows - 4));
  const field = useField('', { columns: columns - 6, focused: true });
  const [loaded, setLoaded] = useState<Loaded<Value>>({ entries: null, error: null });
  const [picked, setPicked] = useState<{ typed: string; index: number }>({ typed: '', index: 0 });
  /** Enter came before the list did: whoever knows what stands first need not wait for it. */
  const [hurried, setHurried] = useState(false);
  // Once: what can be picked is that of the moment in which it was asked.
  const [asked] = useState(() => load);
  useEffect(() => {
    let open = true;
    asked().then(
      (entries) => {
        if (open) setLoaded({ entries, error: null });
      },
      (error: unknown) => {
        if (open) setLoaded({ entries: [], error: safeText(error instanceof Error ? error.message : String(error)) });
      },
    );
    return () => {
      open = false;
    };
  }, [asked]);

  const typed = field.text.toLowerCase();
  const hits = (loaded.entries ?? []).filter(({ label, detail }) => `${label} ${detail}`.toLowerCase().includes(typed));
  const index = picked.typed === field.text ? Math.min(picked.index, Math.max(0, hits.length - 1)) : 0;
  const top = Math.max(0, index - rows + 1);
  const step = (by: number): void => setPicked({ typed: field.text, index: Math.max(0, Math.min(hits.length - 1, index + by)) });
  const accept = (): void => {
    const hit = hits[index];
    if (loaded.entries === null) setHurried(true);
    else if (hit === undefined) shell.flash(chrome`nothing is picked`);
    else {
      shell.close();
      onPick(hit.value);
    }
  };
  useCommands({
    'modal.down': (count) => step(count),
    'modal.up': (count) => step(-count),
    'modal.close': () => shell.close(),
    'modal.accept': accept,
  });
  useLayoutEffect(() => {
    if (!hurried || loaded.entries === null) return;
    setHurried(false);
    accept();
  });
  const empty = loaded.error ?? (loaded.entries === null ? chrome`asking…` : loaded.entries.length === 0 ? nothing : chrome`nothing fits`);
  return (
    <Modal title={title} rows={rows + 1} columns={columns}>
      <Row>
        <T tone="accent">{chrome`> `}</T>
        <Field field={field} />
      </Row>
      <Box flexDirection="column">
        {hits.slice(top, top + rows).map((hit, line) => (
          <Row key={hit.key}>
            <Choice entry={hit} selected={top + line === index} columns={columns - 4} />
          </Row>
        ))}
        {hits.length === 0 && <T tone={loaded.error === null ? 'muted' : 'danger'}>{chrome`  ${empty}`}</T>}
      </Box>
    </Modal>
  );
}

function Choice({ entry, selected, columns }: { entry: PickerEntry<unknown>; selected: boolean; columns: number }): ReactElement {
  const detail = cutToWidth(entry.detail, Math.floor(columns / 2));
  const room = columns - widthOf(detail) - 2;
  return (
    <T tone={selected ? 'cursor' : 'plain'}>
      {selected ? chrome`▌` : chrome` `}
      {padEndTo(entry.label, room)}
      <T tone="muted">{chrome` ${detail}`}</T>
    </T>
  );
}

/** What one holds on a mailbox, in the words of grants. */
export function rightsWords({ rights }: Pick<Mailbox, 'rights'>): Safe {
  const held = [rights.timeline ? chrome`Access` : null, rights.send ? chrome`Send` : null, rights.settings ? chrome`Setup` : null].filter(
    (word) => word !== null,
  );
  const [first, ...others] = held;
  return first === undefined ? chrome`nothing` : others.reduce((words, word) => chrome`${words} ${word}`, first);
}

/** Picks one of the mailboxes. */
export function MailboxPicker({
  title,
  mailboxes,
  onPick,
}: {
  title: Safe;
  mailboxes: readonly Mailbox[];
  onPick: (mailbox: Mailbox) => void;
}): ReactElement {
  return (
    <Picker
      title={title}
      load={async () =>
        mailboxes.map((mailbox) => ({ key: mailbox.id, label: mailbox.address, detail: rightsWords(mailbox), value: mailbox }))
      }
      nothing={chrome`You hold no right on any mailbox.`}
      onPick={onPick}
    />
  );
}
