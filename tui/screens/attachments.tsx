/** The files of a conversation, and saving them: to a new file of the person's own, never over another one. */
import { Box } from 'ink';
import { type ReactElement, useMemo, useState } from 'react';
import type { Attachment, Message } from '../../protocol/schema.ts';
import { displayAddress, safeFileName, safeText } from '../../protocol/text.ts';
import { Field, useField } from '../components/field.tsx';
import { List, useList } from '../components/list.tsx';
import { Modal } from '../components/modal.tsx';
import { Row, T } from '../components/text.tsx';
import { FileProblem, saveNew } from '../files.ts';
import type { Shown } from '../mirror.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, join, padEndTo, padStartTo, type Safe } from '../text.ts';
import { moment, octets } from '../units.ts';
import { type AppContext, useApp } from './contract.ts';

type FileRow = { readonly mail: Message; readonly file: Attachment };

/** Those of `first` first, then the newest. */
export function filesOf({ messages }: Pick<Shown, 'messages'>, first: string | null): FileRow[] {
  const newest = messages.toReversed();
  const ordered = [...newest.filter(({ id }) => id === first), ...newest.filter(({ id }) => id !== first)];
  return ordered.flatMap((mail) => mail.attachments.map((file) => ({ mail, file })));
}

/** Opens the list; a conversation that is not on the screen is asked for first. */
export function openFiles(
  { mirror, shell }: Pick<AppContext, 'mirror' | 'shell'>,
  of: Shown | string,
  message: string | null = null,
): Promise<void> {
  return shell.opening(async () => {
    const shown = typeof of === 'string' ? await mirror.call('conversation.show', { conversation: of }) : of;
    const files = filesOf(shown, message);
    if (files.length === 0) return shell.flash(chrome`it has no attachments`);
    shell.open({ name: 'attachments', element: <Files subject={shown.subject} files={files} /> });
  });
}

function Files({ subject, files }: { subject: Safe; files: readonly FileRow[] }): ReactElement {
  const shell = useShell();
  const { columns, rows } = useViewport();
  const [now] = useState(Date.now);
  const ids = useMemo(() => files.map(({ mail, file }) => `${mail.id} ${file.index}`), [files]);
  const list = useList(ids, rows, {
    onOpen: (id) => {
      const row = files[ids.indexOf(id)];
      if (row !== undefined) shell.openModal({ name: 'save', element: <Save {...row} /> });
    },
  });
  const draw = useMemo(
    () =>
      ({ mail, file }: FileRow, room: { columns: number }): Safe => {
        const from = mail.from[0] === undefined ? chrome`` : displayAddress(mail.from[0]);
        const head = chrome`${padStartTo(octets(file.size), 8)}  ${padEndTo(moment(mail.date, now), 12)}  ${padEndTo(from, 18)}  `;
        return cutToWidth(chrome`${head}${file.filename}`, room.columns);
      },
    [now],
  );
  return (
    <Screen
      title={chrome`‹ FILES  ${subject}`}
      filter={chrome`${files.length} ${files.length === 1 ? chrome`file` : chrome`files`} · Enter saves one`}
    >
      <List list={list} columns={columns} rowAt={(index) => files[index]} draw={draw} />
    </Screen>
  );
}

type Saving = { readonly at: 'path' } | { readonly at: 'busy'; readonly got: number } | { readonly at: 'problem'; readonly words: Safe };

function Save({ mail, file }: FileRow): ReactElement {
  const { mirror } = useApp();
  const shell = useShell();
  const viewport = useViewport();
  const columns = Math.min(76, viewport.columns - 2);
  const name = safeFileName(file.filename, `attachment-${file.index + 1}`);
  const [state, setState] = useState<Saving>({ at: 'path' });
  const busy = state.at === 'busy';
  const field = useField(`~/${name}`, { columns: columns - 4, focused: !busy });

  const save = async (): Promise<void> => {
    if (busy) return;
    setState({ at: 'busy', got: 0 });
    try {
      const path = await saveNew(field.text, name, async (write) => {
        let got = 0;
        let drawn = 0;
        await mirror.call(
          'message.attachment',
          { message: mail.id, index: file.index },
          {
            onChunk: async (chunk) => {
              await write(chunk);
              got += chunk.byteLength;
              // Ten steps are enough to see that it moves.
              if (got - drawn < file.size / 10) return;
              drawn = got;
              setState({ at: 'busy', got });
            },
          },
        );
      });
      shell.close();
      shell.toast({ text: chrome`Saved ${octets(file.size)} as ${safeText(path)}` });
    } catch (error) {
      const words = error instanceof FileProblem ? error.words : safeText(error instanceof Error ? error.message : String(error));
      setState({ at: 'problem', words });
    }
  };
  useCommands({
    'modal.accept': save,
    // It is a matter of moments, and a half file is taken away by whoever began it.
    'modal.close': () => (busy ? shell.flash(chrome`it is being saved`) : shell.close()),
  });
  return (
    <Modal title={chrome`Save ${cutToWidth(file.filename, columns - 24)} (${octets(file.size)}) as`} rows={3} columns={columns}>
      <Field field={field} />
      <Row>
        {state.at === 'busy' && <T tone="accent">{progressBar(state.got, file.size)}</T>}
        {state.at === 'problem' && <T tone="danger">{cutToWidth(chrome`! ${state.words}`, columns - 4)}</T>}
        {state.at === 'path' && <T tone="muted">{chrome`a new file, for you alone; nothing is overwritten`}</T>}
      </Row>
      <Box>
        <T tone="strong">{chrome`Enter save   Esc leave it`}</T>
      </Box>
    </Modal>
  );
}

function progressBar(got: number, all: number): Chrome {
  const cells = all === 0 ? 20 : Math.min(20, Math.round((20 * got) / all));
  const bar = join([...Array<Chrome>(cells).fill(chrome`█`), ...Array<Chrome>(20 - cells).fill(chrome`▁`)]);
  return chrome`▕${bar}▏ ${all === 0 ? 100 : Math.round((100 * got) / all)} %`;
}
