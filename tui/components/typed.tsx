/** One thing to type, in a box. */
import { Box } from 'ink';
import { type ReactElement, useState } from 'react';
import { useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, type Safe, wrap } from '../text.ts';
import { Field, useField } from './field.tsx';
import { Modal } from './modal.tsx';
import { Lines, Row, T } from './text.tsx';

type TypedProps = {
  readonly label: Safe;
  readonly help: Safe;
  readonly initial: string;
  readonly block?: boolean;
  readonly masked?: boolean;
  /** Why this cannot be meant, or null. */
  readonly refuse: (text: string) => Chrome | null;
  readonly onAccept: (text: string) => void;
};

/** A box with one field: Enter takes it, Esc does not. In a block Enter is a new line, and Esc takes what was typed. */
export function Typed({ label, help, initial, block = false, masked = false, refuse, onAccept }: TypedProps): ReactElement {
  const shell = useShell();
  const viewport = useViewport();
  const columns = Math.min(76, viewport.columns - 2);
  const rows = block ? 8 : 1;
  const field = useField(initial, { kind: block ? 'block' : 'line', columns: columns - 4, focused: true });
  const [wrong, setWrong] = useState<Chrome | null>(null);
  const accept = (): void => {
    const why = refuse(field.text);
    setWrong(why);
    if (why !== null) return;
    shell.close();
    onAccept(field.text);
  };
  useCommands({
    ...(block ? {} : { 'field.accept': accept }),
    'field.submit': accept,
    'field.leave': block ? accept : () => shell.close(),
  });
  const said = wrong === null ? wrap(help, columns - 4).slice(0, 3) : [chrome`! ${wrong}`];
  return (
    <Modal title={label} rows={rows + said.length + 1} columns={columns}>
      <Box flexDirection="column">
        <Field field={field} rows={rows} masked={masked} />
        <Row>
          <T tone="muted">{block ? chrome`Esc keeps it` : chrome`Enter keeps it   Esc does not`}</T>
        </Row>
        <Lines lines={said} tone={wrong === null ? 'muted' : 'danger'} />
      </Box>
    </Modal>
  );
}
