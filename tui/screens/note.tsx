/** A note for the team. Its own frame, the word NOTE, nobody to send it to: it never leaves the house. */
import { Box } from 'ink';
import { type ReactElement, useEffect, useRef, useState } from 'react';
import { PostroomError } from '../../protocol/errors.ts';
import { safeBlock } from '../../protocol/text.ts';
import { Field, useField } from '../components/field.tsx';
import { Lines, Row, T } from '../components/text.tsx';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { chrome, cutToWidth, wrap } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { type AppContext, type Target, useApp } from './contract.ts';
import { newsIn } from './news-words.ts';

const maxNote = 20_000;

export function openNote(
  { shell }: Pick<AppContext, 'shell'>,
  { conversation, revision }: Pick<Target, 'conversation' | 'revision'>,
): void {
  const seen = shell.sight.revisionOf(conversation, revision);
  shell.open({ name: 'note', element: <NoteEditor conversation={conversation} seen={seen} /> });
}

/** `seen`: the revision of what was on the screen when the key was pressed. */
function NoteEditor({ conversation, seen }: { conversation: string; seen: number }): ReactElement {
  const { mirror, running } = useApp();
  const { data: about, error } = useView(mirror.conversation(conversation));
  const lost = error?.code === 'not-found' || error?.code === 'forbidden';
  const shell = useShell();
  const { columns, rows } = useViewport();
  const [writing, setWriting] = useState(true);
  const [saving, setSaving] = useState(false);
  /** The revision that the next save is against: after a conflict, what one was told of. */
  const against = useRef(seen);
  const width = Math.min(100, columns) - 4;
  const field = useField('', { kind: 'block', columns: width, focused: writing });
  const empty = field.text.trim() === '';

  const save = async (): Promise<void> => {
    if (saving) return;
    if (empty) return shell.flash(chrome`there is nothing in it yet`);
    if (lost) return shell.flash(chrome`you may not write there any more: copy what you wrote`);
    if (field.text.length > maxNote)
      return shell.flash(chrome`a note has at most ${maxNote} characters; this one has ${field.text.length}`);
    setSaving(true);
    try {
      const ifRevision = against.current;
      const { revision } = await mirror.call('conversation.note', { conversation, text: field.text, ifRevision });
      shell.sight.did(conversation, { from: ifRevision, to: revision });
      shell.close();
      shell.toast({ who: 'team', text: chrome`Note added, for the team only` });
    } catch (error) {
      // The text stays where it is.
      setSaving(false);
      if (!(error instanceof PostroomError) || error.code !== 'conflict' || typeof error.details.revision !== 'number') throw error;
      against.current = error.details.revision;
      setWriting(false);
      shell.toast({ tone: 'warning', text: chrome`Not saved: ${newsIn(error)} came meanwhile. y saves it anyway.`, forMs: 8_000 });
    }
  };
  const edit = async (): Promise<void> => {
    const edited = await running.edit(field.text);
    if (edited.kind === 'edited') field.set(edited.text.replace(/\n+$/, ''));
    else if (edited.kind === 'failed') shell.toast({ tone: 'danger', text: edited.reason });
    else if (edited.kind === 'no-editor') shell.flash(chrome`set $EDITOR to write in a program of yours`);
    setWriting(false);
  };
  const leave = (): void =>
    empty
      ? shell.close()
      : shell.ask({
          title: chrome`Discard this note?`,
          consequence: chrome`Nobody has seen it; what you wrote is gone.`,
          onAccept: () => shell.close(),
        });
  useCommands(
    {
      'field.submit': save,
      'field.editor': edit,
      'field.leave': () => (empty ? shell.close() : setWriting(false)),
    },
    { active: writing },
  );
  useCommands(
    {
      'note.save': save,
      'review.inline': () => setWriting(true),
      'review.editor': edit,
      'review.discard': leave,
      'view.back': leave,
      'layer.close': leave,
    },
    { active: !writing },
  );
  useEffect(
    () => shell.keepOpen(() => (field.text.trim() === '' ? null : chrome`A note that you are writing is not saved.`)),
    [shell, field.text],
  );

  const height = Math.max(3, Math.min(rows - 3, 24));
  const of = about === null ? chrome`` : chrome` · about ${about.subject} · ${about.mailbox}`;
  const rest = cutToWidth(chrome`team only, never sent${of}`, columns - 2);
  return (
    <Screen
      title={<T tone="note">{chrome`NOTE`}</T>}
      filter={lost ? <T tone="danger">{chrome`You may not write there any more: copy what you wrote, it is kept nowhere else`}</T> : rest}
    >
      <Box flexDirection="column" width={Math.min(100, columns)} height={height + 2} borderStyle="single" paddingX={1}>
        {writing ? (
          <Field field={field} rows={height} />
        ) : (
          <Lines lines={wrap(safeBlock(field.text), width).slice(0, height)} tone="note" />
        )}
      </Box>
      <Row>
        <T tone="muted">{saving ? chrome` saving…` : writing ? chrome` Esc, then y saves it` : chrome` y saves it for the team`}</T>
      </Row>
    </Screen>
  );
}
