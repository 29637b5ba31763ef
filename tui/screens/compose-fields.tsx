/** The rows above the text of a mail, one of them a field while it is edited; and the text as a field. */
import { Box } from 'ink';
import { type ReactElement, useEffect, useRef } from 'react';
import { safeText } from '../../protocol/text.ts';
import { Field, useField } from '../components/field.tsx';
import { Lines, Row, T } from '../components/text.tsx';
import type { Draft } from '../drafts.ts';
import { useCommands } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, join, padEndTo, type Safe, widthOf, wrap } from '../text.ts';
import type { Tone } from '../theme.ts';
import { octets } from '../units.ts';
import { addressFields, type ComposeState, type LineField, outsiders } from './compose-state.ts';

export type HeadWords = { readonly draft: Draft; readonly errors: ComposeState['errors']; readonly lost: ComposeState['lost'] };

const labels: Readonly<Record<LineField | 'from', Chrome>> = {
  from: chrome`From`,
  to: chrome`To`,
  cc: chrome`Cc`,
  bcc: chrome`Bcc`,
  subject: chrome`Subj`,
  attach: chrome`Files`,
  later: chrome`Later`,
};
const labelColumns = 7;
/** Rows of an explanation below a field. */
const maxRemark = 3;

type Editing = { readonly field: LineField; readonly checking: boolean };

type HeadRow =
  | { readonly key: string; readonly shown: ShownRowProps }
  | { readonly key: LineField; readonly initial: string; readonly remark: readonly Safe[]; readonly wrong: boolean };

/** The rows to draw; a field that is edited has its hint or error below it, and a shown one its remark. */
export function headRows({ draft, errors, lost }: HeadWords, editing: Editing | null, columns: number): HeadRow[] {
  const held = lost === null ? chrome`you hold Send ✓` : chrome`no Send ✗`;
  const below = (text: Safe | null): readonly Safe[] => (text === null ? [] : wrap(text, columns - labelColumns - 1).slice(0, maxRemark));
  const rows: HeadRow[] = [{ key: 'from', shown: { label: labels.from, value: safeText(draft.from), right: held, remark: below(lost) } }];
  const put = (field: LineField, value: Safe, optional: boolean, remark: Safe | null): void => {
    const error = errors[field];
    const shown = { label: labels[field], value, remark: below(error === undefined ? remark : chrome`! ${error}`) };
    if (editing?.field !== field) {
      if (!optional || value !== '' || error !== undefined) rows.push({ key: field, shown });
      return;
    }
    // A path is typed below the files that are there already.
    if (field === 'attach' && value !== '') rows.push({ key: 'files', shown: { ...shown, remark: [] } });
    const hint = editing.checking ? chrome`asking the daemon…` : error === undefined ? fieldHints[field] : chrome`! ${error}`;
    rows.push({
      key: field,
      initial: field === 'attach' || field === 'later' ? '' : draft[field],
      remark: below(hint),
      wrong: error !== undefined && !editing.checking,
    });
  };
  for (const field of addressFields) {
    const strange = outsiders(draft, field);
    const remark = strange.length === 0 ? null : chrome`! outside the conversation: ${safeText(strange.join(', '))}`;
    put(field, safeText(draft[field]), field !== 'to', remark);
  }
  put('subject', safeText(draft.subject), false, draft.subject === '' ? chrome`! no subject yet` : null);
  put('attach', filesWords(draft), true, null);
  put('later', chrome``, true, null);
  return rows;
}

export function heightOf(rows: readonly HeadRow[]): number {
  return rows.reduce((sum, row) => sum + 1 + ('shown' in row ? row.shown.remark : row.remark).length, 0);
}

type HeadProps = {
  readonly rows: readonly HeadRow[];
  readonly columns: number;
  readonly checking: boolean;
  readonly onAccept: (field: LineField, text: string) => void;
  readonly onLeave: () => void;
};

export function Head({ rows, columns, checking, onAccept, onLeave }: HeadProps): ReactElement {
  return (
    <Box flexDirection="column" flexShrink={0}>
      {rows.map((row) =>
        'shown' in row ? (
          <ShownRow key={row.key} {...row.shown} columns={columns} />
        ) : (
          <EditRow
            key={`edit ${row.key}`}
            field={row.key}
            initial={row.initial}
            remark={row.remark}
            wrong={row.wrong}
            columns={columns}
            checking={checking}
            onAccept={(text) => onAccept(row.key, text)}
            onLeave={onLeave}
          />
        ),
      )}
    </Box>
  );
}

function filesWords({ files, forwarded, instead }: Draft): Chrome {
  const kept = (instead?.files ?? []).map(({ name, size }) => chrome`${safeText(name)} ${octets(size)}`);
  const own = files.map(({ name, size }) => chrome`${safeText(name)} ${octets(size)}`);
  return join([...forwarded.map((name) => chrome`${safeText(name)} (forwarded)`), ...kept, ...own], chrome` · `);
}

type ShownRowProps = {
  readonly label: Chrome;
  readonly value: Safe;
  /** At the right edge, of our own words. */
  readonly right?: Chrome;
  /** On rows of their own, below. */
  readonly remark: readonly Safe[];
};

function ShownRow({ label, value, right, remark, columns }: ShownRowProps & { columns: number }): ReactElement {
  const room = columns - labelColumns - 2 - (right === undefined ? 0 : widthOf(right) + 1);
  return (
    <>
      <Row>
        <Box width={columns} justifyContent="space-between">
          <T>
            <T tone="muted">{chrome` ${padEndTo(label, labelColumns - 1)}`}</T>
            {cutToWidth(value, room)}
          </T>
          {right !== undefined && <T tone="good">{chrome`${right} `}</T>}
        </Box>
      </Row>
      <Remark lines={remark} tone="warning" columns={columns} />
    </>
  );
}

function Remark({ lines, tone, columns }: { lines: readonly Safe[]; tone: Tone; columns: number }): ReactElement {
  const indent = padEndTo(chrome``, labelColumns);
  return <Lines lines={lines.map((line) => cutToWidth(chrome`${indent}${line}`, columns - 1))} tone={tone} />;
}

const fieldHints: Readonly<Record<LineField, Chrome>> = {
  to: chrome`Jane <jane@example.com>, bob@example.com`,
  cc: chrome`everybody sees who gets a copy`,
  bcc: chrome`nobody sees who gets a copy`,
  subject: chrome`what it is about`,
  attach: chrome`the path of a file; ~ is your home`,
  later: chrome`14:30 · tomorrow 9:00 · mon 9:00 · in 2 h · 2026-03-04 09:30`,
};

type EditRowProps = {
  readonly field: LineField;
  readonly initial: string;
  readonly columns: number;
  readonly checking: boolean;
  readonly remark: readonly Safe[];
  readonly wrong: boolean;
  readonly onAccept: (text: string) => void;
  readonly onLeave: () => void;
};

function EditRow({ field: name, initial, columns, checking, remark, wrong, onAccept, onLeave }: EditRowProps): ReactElement {
  const field = useField(initial, { columns: columns - labelColumns - 1, focused: !checking });
  const accept = (): void => onAccept(field.text);
  useCommands({ 'field.accept': accept, 'field.next': accept, 'field.leave': onLeave }, { active: !checking });
  return (
    <>
      <Row>
        <T tone="accent">{chrome`▌${padEndTo(labels[name], labelColumns - 1)}`}</T>
        <Field field={field} />
      </Row>
      <Remark lines={remark} tone={wrong ? 'danger' : 'muted'} columns={columns} />
    </>
  );
}

type BodyFieldProps = {
  readonly text: string;
  readonly columns: number;
  readonly rows: number;
  readonly onText: (text: string) => void;
  readonly onLeave: () => void;
  readonly onEditor: () => Promise<void>;
};

export function BodyField({ text, columns, rows, onText, onLeave, onEditor }: BodyFieldProps): ReactElement {
  const field = useField(text, { kind: 'block', columns: columns - 2, focused: true, cursor: 'start' });
  const told = useRef(text);
  useEffect(() => {
    if (field.text === told.current) return;
    told.current = field.text;
    onText(field.text);
  });
  useCommands({ 'field.leave': onLeave, 'field.next': onLeave, 'field.submit': onLeave, 'field.editor': onEditor });
  return (
    <Box height={rows} flexShrink={0} overflow="hidden" paddingLeft={1}>
      <Field field={field} rows={rows} />
    </Box>
  );
}
