/** What the screens of people and of roles share: asking for a name, switching an operation, and refusals that stay to be read. */
import { type ReactElement, useRef, useState } from 'react';
import { PostroomError } from '../../protocol/errors.ts';
import { type Operation, operations } from '../../protocol/rows.ts';
import { safeText } from '../../protocol/text.ts';
import { Field, useField } from '../components/field.tsx';
import { Modal } from '../components/modal.tsx';
import { Row, T, ToneLines } from '../components/text.tsx';
import { useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, join, padEndTo, type Safe, wrap } from '../text.ts';
import type { Tone } from '../theme.ts';
import { Picker } from './pickers.tsx';

const ruled: Readonly<Record<string, true>> = { forbidden: true, invalid: true, conflict: true, 'not-found': true };

export type Doing = {
  /** Why the last thing was refused, in the daemon's words; null after something that was not. */
  readonly refused: Safe | null;
  /** Does it; what a rule refuses stays on the screen, other failures are toasts. */
  readonly attempt: (done: Safe, action: () => Promise<unknown>) => void;
};

export function useDoing(): Doing {
  const shell = useShell();
  const [refused, setRefused] = useState<Safe | null>(null);
  const attempt = (done: Safe, action: () => Promise<unknown>): void =>
    shell.attempt(async () => {
      try {
        await action();
        setRefused(null);
        shell.toast({ who: 'team', text: done });
      } catch (error) {
        if (!(error instanceof PostroomError) || ruled[error.code] !== true) throw error;
        setRefused(safeText(error.message));
      }
    });
  return { refused, attempt };
}

/** Does what takes a row out of its list. */
export type Taking = <T>(action: () => Promise<T>) => Promise<T>;

/** Rows that one's own act takes away: they leave the cursor at once. */
export function useTaking(): { readonly letGo: (id: string) => boolean; readonly taking: (id: string) => Taking } {
  const taken = useRef(new Set<string>());
  const taking =
    (id: string): Taking =>
    async (action) => {
      // Before it is asked: the list may be without the row before the answer is here.
      taken.current.add(id);
      try {
        return await action();
      } catch (error) {
        taken.current.delete(id);
        throw error;
      }
    };
  return { letGo: (id) => taken.current.has(id), taking };
}

/** A name, and where it makes sense an address of their own. */
export function NameBox({
  title,
  withEmail,
  onAccept,
}: {
  title: Chrome;
  withEmail: boolean;
  onAccept: (name: string, email: string | null) => void;
}): ReactElement {
  const shell = useShell();
  const columns = Math.min(60, useViewport().columns - 2);
  const [focus, setFocus] = useState<'name' | 'email'>('name');
  const name = useField('', { columns: columns - 14, focused: focus === 'name' });
  const email = useField('', { columns: columns - 14, focused: focus === 'email' });
  const other = (): void => setFocus((before) => (withEmail && before === 'name' ? 'email' : 'name'));
  useCommands({
    'field.next': other,
    'modal.down': other,
    'modal.up': other,
    'modal.close': () => shell.close(),
    'modal.accept': () => {
      if (name.text.trim() === '') return shell.flash(chrome`a name is missing`);
      shell.close();
      onAccept(name.text.trim(), email.text.trim() === '' ? null : email.text.trim());
    },
  });
  return (
    <Modal title={title} rows={withEmail ? 3 : 2} columns={columns}>
      <Row>
        <T tone={focus === 'name' ? 'accent' : 'muted'}>{padEndTo(chrome`name`, 8)}</T>
        <Field field={name} />
      </Row>
      {withEmail && (
        <Row>
          <T tone={focus === 'email' ? 'accent' : 'muted'}>{padEndTo(chrome`e-mail`, 8)}</T>
          <Field field={email} />
        </Row>
      )}
      <T tone="strong">{withEmail ? chrome`Enter do it   Tab next   Esc leave it` : chrome`Enter do it   Esc leave it`}</T>
    </Modal>
  );
}

/** What is written down about a person; an empty field clears it. */
export function PersonBox({
  person,
  email: oldEmail,
  plan: oldPlan,
  onAccept,
}: {
  person: Safe;
  email: string | null;
  plan: string | null;
  onAccept: (given: { email: string | null; plan: string | null }) => void;
}): ReactElement {
  const shell = useShell();
  const columns = Math.min(60, useViewport().columns - 2);
  const [focus, setFocus] = useState<'email' | 'plan'>('email');
  const email = useField(oldEmail ?? '', { columns: columns - 14, focused: focus === 'email' });
  const plan = useField(oldPlan ?? '', { columns: columns - 14, focused: focus === 'plan' });
  const other = (): void => setFocus((before) => (before === 'email' ? 'plan' : 'email'));
  const given = (text: string): string | null => (text.trim() === '' ? null : text.trim());
  useCommands({
    'field.next': other,
    'modal.down': other,
    'modal.up': other,
    'modal.close': () => shell.close(),
    'modal.accept': () => {
      shell.close();
      onAccept({ email: given(email.text), plan: given(plan.text) });
    },
  });
  return (
    <Modal title={chrome`What is written down about ${person}`} rows={3} columns={columns}>
      <Row>
        <T tone={focus === 'email' ? 'accent' : 'muted'}>{padEndTo(chrome`e-mail`, 8)}</T>
        <Field field={email} />
      </Row>
      <Row>
        <T tone={focus === 'plan' ? 'accent' : 'muted'}>{padEndTo(chrome`plan`, 8)}</T>
        <Field field={plan} />
      </Row>
      <T tone="strong">{chrome`Enter do it   Tab next   Esc leave it`}</T>
    </Modal>
  );
}

/** Gives one of the system operations, or takes it. */
export function OperationPicker({
  of,
  held,
  onPick,
}: {
  of: Safe;
  held: readonly Operation[];
  onPick: (operation: Operation, verb: 'allow' | 'deny') => void;
}): ReactElement {
  return (
    <Picker<Operation>
      title={chrome`System operations of ${of}`}
      load={async () =>
        operations.map((operation) => ({
          key: operation,
          label: safeText(operation),
          detail: held.includes(operation) ? chrome`held: Enter takes it` : chrome`Enter gives it`,
          value: operation,
        }))
      }
      nothing={chrome``}
      onPick={(operation) => onPick(operation, held.includes(operation) ? 'deny' : 'allow')}
    />
  );
}

export const detailRows = 7;

/** What is known about the row under the cursor, and why the last thing was refused. */
export function Details({ lines, refused }: { lines: readonly Safe[]; refused: Safe | null }): ReactElement {
  const { columns } = useViewport();
  const all: { text: Safe; tone: Tone }[] = [
    ...(refused === null ? [] : [{ text: chrome`✗ ${refused}`, tone: 'danger' as const }]),
    ...lines.map((text) => ({ text, tone: 'plain' as const })),
  ];
  const shown = all.flatMap(({ text, tone }) => wrap(text, columns - 4).map((line) => ({ text: chrome`  ${line}`, tone })));
  return (
    <>
      <T tone="muted">{chrome` ${join(Array<Chrome>(Math.max(0, columns - 2)).fill(chrome`─`))}`}</T>
      <ToneLines lines={shown.slice(0, detailRows - 1)} />
    </>
  );
}
