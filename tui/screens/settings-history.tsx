/** The history of a mailbox's settings: over the settings with what can be put back, and beside them where there is room. */
import { type ReactElement, useCallback, useEffect, useMemo, useState } from 'react';
import type { Result } from '../../protocol/methods.ts';
import type { HistoryBegin, Mailbox, SettingChange, SettingField } from '../../protocol/schema.ts';
import { type SafeText, safeText } from '../../protocol/text.ts';
import { List, useList } from '../components/list.tsx';
import { Lines, type Pieces, Row, T, ToneLines } from '../components/text.tsx';
import type { Mirror } from '../mirror.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, join, padEndTo, type Safe, widthOf, wrap } from '../text.ts';
import type { Tone } from '../theme.ts';
import { moment } from '../units.ts';
import { useApp } from './contract.ts';
import { beginWords, changeWords, type PutBack, putBack, settingLabels, settingWords } from './history-words.ts';
import type { Able } from './settings-state.ts';
import { useNow } from './use-now.ts';

// --- what is asked -----------------------------------------------------------------------------------------------------

const pageRows = 100;
/** Older ones are asked for when so few are left below the window. */
const olderWithin = 20;

type Told = { readonly rows: readonly SettingChange[]; readonly more: boolean; readonly begin: HistoryBegin };
type History = { readonly told: Told | null; readonly error: SafeText | null };
const nothingYet: History = { told: null, error: null };

async function read(mirror: Mirror, mailbox: string, field: SettingField | null, wanted: number): Promise<Told> {
  const rows: SettingChange[] = [];
  let cursor: string | null = null;
  for (;;) {
    const page: Result<'mailbox.history'> = await mirror.call('mailbox.history', { mailbox, field, limit: pageRows, cursor });
    rows.push(...page.rows);
    cursor = page.next;
    if (cursor === null || rows.length >= wanted) return { rows, more: cursor !== null, begin: page.begin };
  }
}

/** The newest `wanted` changes of a field, of all for `field` null; asked again when the directory changes. */
function useHistory(mailbox: string, field: SettingField | null, wanted: number): History {
  const { mirror } = useApp();
  const of = `${mailbox} ${field}`;
  const [known, setKnown] = useState<History & { readonly of: string }>({ ...nothingYet, of });
  useEffect(() => {
    let last = 0;
    const ask = (): void => {
      const question = ++last;
      const hear = (history: History): void => {
        if (question === last) setKnown({ ...history, of });
      };
      read(mirror, mailbox, field, wanted).then(
        (told) => hear({ told, error: null }),
        (error: unknown) => hear({ told: null, error: safeText(error instanceof Error ? error.message : String(error)) }),
      );
    };
    ask();
    const stop = mirror.onEvent(({ name }) => {
      if (name === 'directory.changed' || name === 'resync') ask();
    });
    return () => {
      last = -1;
      stop();
    };
  }, [mirror, mailbox, field, wanted, of]);
  return known.of === of ? known : nothingYet;
}

const nothingWords = ({ told, error }: History): Safe => error ?? (told === null ? chrome`loading…` : chrome`Nothing of it was changed.`);

// --- over the settings -------------------------------------------------------------------------------------------------

type HistoryProps = {
  readonly mailbox: Mailbox;
  /** Null: all fields. */
  readonly field: SettingField | null;
  readonly able: Able;
  readonly onPutBack: (edits: Extract<PutBack, { kind: 'stage' }>['edits']) => void;
};

const detailRows = 8;

export function SettingsHistory({ mailbox, field, able, onPutBack }: HistoryProps): ReactElement {
  const shell = useShell();
  const { columns, rows: height } = useViewport();
  const [wanted, setWanted] = useState(pageRows);
  const history = useHistory(mailbox.address, field, wanted);
  const { told } = history;
  const lines = useMemo(() => linesOf(told), [told]);
  const ids = useMemo(() => [...lines.keys()], [lines]);
  const all = useMemo(() => [...lines.values()], [lines]);
  const list = useList(ids, Math.max(1, height - detailRows));
  const { top, index } = list.state;
  useEffect(() => {
    if (told?.more === true && told.rows.length >= wanted && top + height + olderWithin > told.rows.length) setWanted(wanted + pageRows);
  }, [told, wanted, top, height]);
  const current = all[index] ?? null;
  const back = current === null || 'added' in current ? null : putBack(current, mailbox, able);
  useCommands(
    {
      'settings.put-back': () => {
        if (back === null) return shell.flash(chrome`there is nothing before it`);
        if (back.kind === 'refused') return shell.flash(back.why);
        shell.close();
        onPutBack(back.edits);
      },
    },
    { facts: { mailbox: mailbox.address } },
  );
  const now = useNow(60_000);
  const draw = useCallback(
    (line: Line, row: { columns: number }): Pieces => <DrawnLine line={line} withField={field === null} now={now} columns={row.columns} />,
    [field, now],
  );
  return (
    <Screen
      title={chrome`HISTORY  ${mailbox.address}  ${field === null ? chrome`all settings` : settingLabels[field]}`}
      right={told === null ? chrome`` : chrome`${told.rows.length}${told.more ? chrome`+` : chrome``} `}
      filter={chrome`newest first · Enter puts the old value back into the form, where W saves it`}
    >
      <List
        list={list}
        columns={columns}
        rowAt={(at) => all[at]}
        draw={draw}
        empty={<Lines tone={history.error === null ? 'muted' : 'danger'} lines={[chrome`  ${nothingWords(history)}`]} />}
      />
      {current !== null && !('added' in current) && <Detail change={current} back={back} columns={columns} />}
    </Screen>
  );
}

/** The last line says how far back the history goes. */
type Line = SettingChange | HistoryBegin;

function linesOf(told: Told | null): Map<string, Line> {
  const lines = new Map<string, Line>();
  for (const row of told?.rows ?? []) {
    let id = `${row.at} ${row.field}`;
    while (lines.has(id)) id += '+'; // twice in a millisecond
    lines.set(id, row);
  }
  if (told?.more === false) lines.set('begin', told.begin);
  return lines;
}

function DrawnLine({ line, withField, now, columns }: { line: Line; withField: boolean; now: number; columns: number }): ReactElement {
  const head = chrome` ${padEndTo(moment(line.at, now), 12)} `;
  if ('added' in line) return <T tone="muted">{cutToWidth(chrome`${line.added ? head : chrome` `}${beginWords(line)}`, columns)}</T>;
  const what = withField ? chrome`${padEndTo(settingLabels[line.field], 14)} ` : chrome``;
  const start = chrome`${head}${padEndTo(line.by ?? chrome`-`, 12)} ${what}`;
  return <T>{chrome`${start}${cutToWidth(changeWords(line), Math.max(0, columns - widthOf(start)))}`}</T>;
}

function Detail({ change, back, columns }: { change: SettingChange; back: PutBack | null; columns: number }): ReactElement {
  const put = (name: Chrome, value: Safe, tone: Tone, room: number) =>
    wrap(value, columns - 11)
      .slice(0, room)
      .map((text, n) => ({ text: chrome`  ${padEndTo(n === 0 ? name : chrome``, 7)} ${text}`, tone }));
  const lines = [
    ...(change.field === 'secret'
      ? []
      : [
          ...put(chrome`before`, settingWords(change, change.before), 'plain', 3),
          ...put(chrome`after`, settingWords(change, change.after), 'muted', 2),
        ]),
    ...(back?.kind === 'refused' ? [{ text: chrome`  not to be put back: ${back.why}`, tone: 'warning' as const }] : []),
  ];
  return (
    <>
      <Row>
        <T tone="muted">{chrome` ${join(Array<Chrome>(Math.max(0, columns - 2)).fill(chrome`─`))}`}</T>
      </Row>
      <ToneLines lines={lines.slice(0, detailRows - 1)} />
    </>
  );
}

// --- beside the settings -----------------------------------------------------------------------------------------------

type BesideProps = { readonly mailbox: SafeText; readonly field: SettingField; readonly columns: number; readonly rows: number };

/** What became of the field under the cursor, as far as there is room. */
export function HistoryBeside({ mailbox, field, columns, rows }: BesideProps): ReactElement {
  const history = useHistory(mailbox, field, rows);
  const now = useNow(60_000);
  const { told } = history;
  const lines: { text: Safe; tone: Tone }[] =
    told === null
      ? wrap(nothingWords(history), columns - 2).map((text) => ({ text, tone: 'muted' as const }))
      : [
          ...told.rows.flatMap((row) => [
            { text: chrome`${moment(row.at, now)}  ${row.by ?? chrome`-`}`, tone: 'muted' as const },
            ...wrap(changeWords(row), columns - 4)
              .slice(0, 3)
              .map((text) => ({ text: chrome`  ${text}`, tone: 'plain' as const })),
          ]),
          ...(told.more ? [] : [{ text: chrome`${beginWords(told.begin)}`, tone: 'muted' as const }]),
        ];
  return (
    <>
      <Row>
        <T tone="accent">{chrome` HISTORY  ${settingLabels[field]}`}</T>
      </Row>
      <ToneLines lines={lines.slice(0, rows - 1).map(({ text, tone }) => ({ text: chrome` ${text}`, tone }))} />
    </>
  );
}
