/** The boxes of the grants matrix: whom to add, until when, and what somebody would hold. */
import { type ReactElement, useState } from 'react';
import { type SafeText, safeText } from '../../protocol/text.ts';
import { Field, useField } from '../components/field.tsx';
import { Modal } from '../components/modal.tsx';
import { Row, T, ToneLines } from '../components/text.tsx';
import type { Trial } from '../mirror.ts';
import { useCommands, useShell, useViewport } from '../screen.tsx';
import { chrome, padEndTo, type Safe, wrap } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { useApp } from './contract.ts';
import { effectiveLines, policyLines } from './grants-rows.ts';
import { dateTyped, type Grantee, type Preset, type RowView } from './grants-state.ts';
import { granteeWords } from './grants-words.ts';
import { Picker } from './pickers.tsx';

const levels = [
  { key: 'full', label: chrome`full`, detail: chrome`Access and Send`, value: 'full' },
  { key: 'observe', label: chrome`observe`, detail: chrome`Access: timeline and list`, value: 'observe' },
  { key: 'reply', label: chrome`reply`, detail: chrome`Send: panel, and From`, value: 'reply' },
  { key: 'manage', label: chrome`manage`, detail: chrome`Access, Send and Setup`, value: 'manage' },
] as const satisfies readonly { key: string; label: Safe; detail: Safe; value: Preset }[];

/** Whom, then how much. */
export function GranteePicker({ title, onPick }: { title: Safe; onPick: (grantee: Grantee, level: Preset) => void }): ReactElement {
  const { mirror } = useApp();
  const shell = useShell();
  const load = async () => {
    const [people, roles] = await Promise.all([mirror.call('person.list', {}), mirror.call('role.list', {})]);
    return [
      ...roles.rows.map(({ name, people: held }) => ({
        key: `role ${name}`,
        label: name,
        detail: chrome`role of ${held.length}`,
        value: { kind: 'role', name } as Grantee,
      })),
      ...people.rows.map(({ name, status }) => ({
        key: `person ${name}`,
        label: name,
        detail: status === 'active' ? chrome`` : safeText(status),
        value: { kind: 'person', name } as Grantee,
      })),
    ];
  };
  const pickLevel = (grantee: Grantee): void =>
    shell.openModal({
      name: 'level',
      element: (
        <Picker<Preset>
          title={chrome`Give ${granteeWords(grantee)}`}
          load={async () => levels}
          nothing={chrome``}
          onPick={(level) => onPick(grantee, level)}
        />
      ),
    });
  return <Picker title={title} load={load} nothing={chrome`There is nobody.`} onPick={pickLevel} />;
}

/** One of the people whom a role comes to. */
export function PersonOfRole({
  role,
  people,
  onPick,
}: {
  role: SafeText;
  people: readonly SafeText[];
  onPick: (name: SafeText) => void;
}): ReactElement {
  const load = async () => people.map((name) => ({ key: name, label: name, detail: chrome``, value: name }));
  return <Picker title={chrome`Somebody in the role ${role}`} load={load} nothing={chrome`Nobody is in it.`} onPick={onPick} />;
}

type Dates = Pick<RowView, 'from' | 'until' | 'note'>;

const shownDate = (iso: string | null, edge: 'begin' | 'end'): string => {
  if (iso === null) return '';
  if (!iso.endsWith('T00:00:00.000Z')) return iso;
  return edge === 'begin' ? iso.slice(0, 10) : new Date(Date.parse(iso) - 1).toISOString().slice(0, 10);
};

/** From when until when, and why. `needsEnd`: a second grant of one who has one. */
export function DatesOfGrant({
  row,
  needsEnd,
  onAccept,
}: {
  row: RowView;
  needsEnd: boolean;
  onAccept: (dates: Dates) => void;
}): ReactElement {
  const shell = useShell();
  const viewport = useViewport();
  const columns = Math.min(64, viewport.columns - 2);
  const [focus, setFocus] = useState(0);
  const [wrong, setWrong] = useState<Safe | null>(null);
  const room = columns - 14;
  const until = useField(shownDate(row.until, 'end'), { columns: room, focused: focus === 0 });
  const from = useField(shownDate(row.from, 'begin'), { columns: room, focused: focus === 1 });
  const note = useField(row.note ?? '', { columns: room, focused: focus === 2 });
  useCommands({
    'field.next': () => setFocus((before) => (before + 1) % 3),
    'modal.down': () => setFocus((before) => (before + 1) % 3),
    'modal.up': () => setFocus((before) => (before + 2) % 3),
    'modal.close': () => shell.close(),
    'modal.accept': () => {
      const dates = { until: dateTyped(until.text, 'end'), from: dateTyped(from.text, 'begin') };
      if (dates.until === undefined || dates.from === undefined) return setWrong(chrome`a date is written like 2026-11-30`);
      if (needsEnd && dates.until === null) return setWrong(chrome`they have a grant here: one beside it has an end`);
      if (dates.from !== null && dates.until === null) return setWrong(chrome`a grant that begins at a date ends at one`);
      shell.close();
      onAccept({ until: dates.until, from: dates.from, note: note.text.trim() === '' ? null : safeText(note.text.trim()) });
    },
  });
  const fields = [
    { label: chrome`until`, field: until },
    { label: chrome`from`, field: from },
    { label: chrome`note`, field: note },
  ];
  return (
    <Modal title={chrome`Dates of the grant to ${row.grantee.name}`} rows={5} columns={columns}>
      {fields.map(({ label, field }, index) => (
        <Row key={label}>
          <T tone={focus === index ? 'accent' : 'muted'}>{padEndTo(label, 8)}</T>
          <Field field={field} />
        </Row>
      ))}
      <T tone={wrong === null ? 'muted' : 'danger'}>{wrong ?? chrome`2026-11-30: the whole of that day, UTC; empty: no date`}</T>
      <T tone="strong">{chrome`Enter stage it   Tab next   Esc leave it`}</T>
    </Modal>
  );
}

/** Every surface of one person with each chain that opens it or would: as it is, and after what is staged. */
export function Effective({ trial, now }: { trial: Trial; now: number }): ReactElement {
  const { mirror } = useApp();
  const shell = useShell();
  const viewport = useViewport();
  const { data, error } = useView(mirror.preview(trial));
  useCommands({ 'modal.close': () => shell.close(), 'modal.accept': () => shell.close() });
  const columns = Math.min(76, viewport.columns - 2);
  const why = data?.effective ?? null;
  const shown = (why === null ? [] : [...effectiveLines(why, data?.present ?? null, now), ...policyLines(why)]).flatMap(({ text, tone }) =>
    wrap(text, columns - 4).map((line) => ({ text: line, tone })),
  );
  const waiting = error === null ? chrome`asking the daemon…` : safeText(error.message);
  const staged = trial.edits.length > 0 ? chrome`after what is staged` : chrome`as it is`;
  const name = safeText(trial.person ?? '');
  return (
    <Modal title={chrome`EFFECTIVE ${name} @ ${safeText(trial.mailbox)}, ${staged}`} rows={Math.max(2, shown.length + 1)} columns={columns}>
      <ToneLines lines={shown.length > 0 ? shown : [{ text: waiting, tone: error === null ? 'muted' : 'danger' }]} />
      <T tone="muted">{chrome`Rights add up: direct and through roles.   Esc closes`}</T>
    </Modal>
  );
}
