/**
 * The settings of one mailbox: sections, one field on a row, edits staged until `W` writes them. What a person may not change is shown
 * with the reason.
 */
import { Box } from 'ink';
import { type ReactElement, useCallback, useEffect, useMemo, useReducer, useState } from 'react';
import { PostroomError } from '../../protocol/errors.ts';
import type { Result } from '../../protocol/methods.ts';
import type { Mailbox, SettingField } from '../../protocol/schema.ts';
import { type SafeText, safeText } from '../../protocol/text.ts';
import { List, useList } from '../components/list.tsx';
import { Lines, Row, T, ToneLines } from '../components/text.tsx';
import { Typed } from '../components/typed.tsx';
import { authorityIn, FileProblem } from '../files.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, join, padEndTo, type Safe, wrap } from '../text.ts';
import type { Tone } from '../theme.ts';
import { useView } from '../use-mirror.ts';
import { useApp } from './contract.ts';
import { useGoing } from './going.tsx';
import { historyOf } from './history-words.ts';
import { Picker } from './pickers.tsx';
import type { Place } from './places.ts';
import { HistoryBeside, SettingsHistory } from './settings-history.tsx';
import {
  change,
  choicesOf,
  currentOf,
  type FieldId,
  type FieldRow,
  fieldOfError,
  nothingStaged,
  type Request,
  requestsOf,
  rowsOf,
  type Section,
  type Staged,
  sections,
  stagedAuthority,
  stagedSecret,
  workFromOf,
} from './settings-state.ts';

type Steps = Result<'mailbox.test'>['steps'];
type Probe = 'never' | 'running' | Steps;

const titles: Readonly<Record<Section, Chrome>> = {
  server: chrome`Server`,
  addresses: chrome`Addresses`,
  identity: chrome`Identity`,
  work: chrome`Work`,
  sharing: chrome`Sharing`,
  danger: chrome`Danger`,
};
const labelColumns = 14;
/** Rows of fields that are seen at once; help, errors and the connection test are below them. */
const listRows = 7;
/** Of the history beside, from 160 columns on. */
const besideColumns = 64;

export function Settings({ place }: { place: Extract<Place, { kind: 'settings' }> }): ReactElement {
  const { mirror } = useApp();
  const { columns } = useViewport();
  const { data, error } = useView(mirror.mailboxes);
  const mailbox = data?.find(({ address }) => address === place.mailbox) ?? null;
  const editable = mailbox?.rights.settings === true;
  useGoing(place.mailbox, { active: !editable });
  useCommands({}, { facts: { mailbox: place.mailbox } });
  if (mailbox !== null && editable) return <Editable mailbox={mailbox} />;
  const why: Safe =
    mailbox !== null
      ? chrome`You do not hold Setup on ${place.mailbox}. Its owner ${mailbox.owner} can give it to you, and so can whoever holds it.`
      : error !== null
        ? safeText(error.message)
        : data === null
          ? chrome`loading…`
          : chrome`${place.mailbox} is not there, or you reach it no more.`;
  return (
    <Screen title={chrome`SETTINGS  ${place.mailbox}`}>
      <Lines lines={wrap(why, columns - 4).map((line) => chrome`  ${line}`)} />
    </Screen>
  );
}

function Editable({ mailbox }: { mailbox: Mailbox }): ReactElement {
  const { mirror, me } = useApp();
  const shell = useShell();
  const viewport = useViewport();
  const { rows: height } = viewport;
  const wide = viewport.columns >= 160;
  const columns = wide ? viewport.columns - besideColumns - 1 : viewport.columns;
  const operations = useView(mirror.me).data?.operations ?? [];
  const [section, setSection] = useState<Section>('server');
  const [staged, dispatch] = useReducer(change, nothingStaged);
  const [probe, setProbe] = useState<Probe>('never');
  const able = { me, operations };
  const rows = rowsOf(section, mailbox, staged, able);
  const order = rows.map(({ id }) => id).join('\n');
  const ids = useMemo(() => (order === '' ? [] : order.split('\n')), [order]);
  const byId = useMemo(() => new Map<string, FieldRow>(rows.map((row) => [row.id, row])), [rows]);

  const stage = (field: FieldId, value: string): void => dispatch({ do: 'edit', field, value, mailbox });
  const type = (row: FieldRow, masked = false, source: 'password' | 'command' = 'password'): void =>
    shell.openModal({
      name: 'field',
      element: (
        <Typed
          label={row.id === 'secret' ? (masked ? chrome`New password` : chrome`Name of the command`) : row.label}
          help={row.help}
          block={row.kind === 'block'}
          masked={masked}
          initial={row.id === 'secret' ? '' : (staged.edits.get(row.id) ?? currentOf(mailbox, row.id))}
          refuse={(text) => refusalOf(row.id, text)}
          onAccept={(text) => {
            if (row.id !== 'secret') stage(row.id, text);
            else if (text !== '') stage('secret', stagedSecret(source, text));
          }}
        />
      ),
    });
  const choose = (row: FieldRow): void =>
    shell.openModal({
      name: 'choice',
      element: (
        <Picker
          title={row.label}
          load={async () => choicesOf(row.id).map(([key, detail]) => ({ key, label: safeText(key), detail, value: key }))}
          nothing={chrome``}
          onPick={(value) => stage(row.id, value)}
        />
      ),
    });
  const flip = (row: FieldRow): void => {
    const now = staged.edits.get(row.id) ?? currentOf(mailbox, row.id);
    stage(row.id, row.id.startsWith('alias ') ? (now === 'kept' ? 'gone' : 'kept') : now === 'on' ? 'off' : 'on');
  };
  const edit = (row: FieldRow): void => {
    if (row.refused !== null) {
      shell.flash(row.refused);
      return;
    }
    switch (row.kind) {
      case 'fixed':
        shell.flash(row.help);
        return;
      case 'line':
      case 'block':
        type(row);
        return;
      case 'switch':
        flip(row);
        return;
      case 'choice':
        choose(row);
        return;
      case 'act':
        if (row.id === 'secret') askSecret(row);
        else if (row.id === 'ca') askAuthority();
        else if (row.id === 'owner') transfer();
        else remove();
        return;
      default:
        row.kind satisfies never;
    }
  };
  const askSecret = (row: FieldRow): void =>
    shell.openModal({
      name: 'secret',
      element: (
        <Picker
          title={chrome`Where the password comes from`}
          load={async () => [
            { key: 'password', label: chrome`Type it`, detail: chrome`the daemon keeps it sealed`, value: 'password' as const },
            { key: 'command', label: chrome`Name a command`, detail: chrome`the daemon runs it when needed`, value: 'command' as const },
          ]}
          nothing={chrome``}
          onPick={(source) => type(row, source === 'password', source)}
        />
      ),
    });
  const askAuthority = (): void =>
    shell.openModal({
      name: 'authority',
      element: (
        <Picker
          title={chrome`Whom the certificates must be from`}
          load={async () => [
            { key: 'public', label: chrome`The public ones`, detail: chrome`those that everybody trusts`, value: 'public' as const },
            { key: 'own', label: chrome`One of your own`, detail: chrome`from a file (PEM) on this machine`, value: 'own' as const },
          ]}
          nothing={chrome``}
          onPick={(whose) => (whose === 'public' ? stage('ca', 'public') : typeAuthority())}
        />
      ),
    });
  const typeAuthority = (): void =>
    shell.openModal({
      name: 'authority file',
      element: (
        <Typed
          label={chrome`File with the certificates (PEM)`}
          help={chrome`it is read now, here; ~ is your home`}
          initial=""
          refuse={(text) => (text.trim() === '' ? chrome`type a path` : null)}
          onAccept={(path) =>
            shell.attempt(async () => {
              try {
                stage('ca', stagedAuthority(await authorityIn(path)));
              } catch (error) {
                if (!(error instanceof FileProblem)) throw error;
                shell.toast({ tone: 'danger', text: chrome`Not taken: ${error.words}` });
              }
            })
          }
        />
      ),
    });
  const transfer = (): void =>
    shell.openModal({
      name: 'owner',
      element: (
        <Picker
          title={chrome`New owner of ${mailbox.address}`}
          load={async () =>
            (await mirror.call('person.list', {})).rows
              .filter(({ name, status }) => name !== mailbox.owner && status !== 'disabled')
              .map(({ id, name, email }) => ({ key: id, label: name, detail: email ?? chrome``, value: name }))
          }
          nothing={chrome`There is nobody else.`}
          onPick={(person) =>
            shell.ask({
              title: chrome`Give ${mailbox.address} to ${person}?`,
              consequence: chrome`Only ${person} can give it back. You keep what grants give you.`,
              onAccept: async () => {
                await mirror.call('mailbox.transfer', { mailbox: mailbox.address, person });
                mirror.refresh();
                shell.toast({ who: 'team', text: chrome`${mailbox.address} belongs to ${person} now` });
              },
            })
          }
        />
      ),
    });
  const remove = (): void =>
    shell.openModal({
      name: 'remove',
      element: (
        <Typed
          label={chrome`Type the address to remove it`}
          help={byId.get('remove')?.help ?? chrome``}
          initial=""
          refuse={(text) => (text.trim() === mailbox.address ? null : chrome`that is not ${mailbox.address}`)}
          onAccept={() =>
            shell.attempt(async () => {
              await mirror.call('mailbox.remove', { mailbox: mailbox.address });
              mirror.refresh();
              shell.toast({ who: 'team', text: chrome`${mailbox.address} is removed` });
            })
          }
        />
      ),
    });
  const list = useList(ids, listRows, {
    onOpen: (id) => {
      const row = byId.get(id);
      if (row !== undefined) edit(row);
    },
  });
  const current = byId.get(list.state.cursor ?? '') ?? null;
  const currentHistory = current === null ? null : historyOf(current.id);

  const write = async (): Promise<void> => {
    const now = Date.now();
    for (const request of requestsOf(mailbox, staged, now)) {
      try {
        await send(request);
        dispatch({ do: 'written', fields: request.fields });
      } catch (error) {
        if (!(error instanceof PostroomError)) throw error;
        mirror.refresh();
        const field = fieldOfError(error.details, request.fields);
        if (error.code === 'conflict' && typeof error.details.revision === 'number') {
          dispatch({ do: 'conflict', revision: error.details.revision });
          shell.toast({
            tone: 'danger',
            text: chrome`Somebody changed ${mailbox.address} meanwhile: look again. Your edits are kept, W writes them over it.`,
            forMs: 15_000,
          });
        } else if (field !== null) {
          dispatch({ do: 'refused', field, why: safeText(error.message) });
          setSection(sectionOf(field, mailbox));
          shell.toast({ tone: 'danger', text: chrome`Not saved: ${safeText(error.message)}` });
        } else throw error;
        return;
      }
    }
    mirror.refresh();
    setProbe('never'); // what was tested is not what is set now
    shell.toast({ who: 'team', text: chrome`Settings of ${mailbox.address} are saved` });
  };
  const send = ({ method, params }: Request): Promise<unknown> => mirror.call(method, params);
  const probeNow = async (): Promise<void> => {
    setProbe('running');
    try {
      setProbe((await mirror.call('mailbox.test', { mailbox: mailbox.address }, { timeoutMs: 90_000 })).steps);
    } catch (error) {
      setProbe('never');
      throw error;
    }
  };
  const leave = (): void =>
    shell.ask({
      title: chrome`Leave without saving?`,
      consequence: chrome`${staged.edits.size} ${staged.edits.size === 1 ? chrome`edit is` : chrome`edits are`} not written; they are gone then.`,
      onAccept: () => {
        dispatch({ do: 'written', fields: [...staged.edits.keys()] });
        shell.close();
      },
    });
  const openHistory = (field: SettingField | null): void =>
    shell.open({
      name: 'history',
      element: (
        <SettingsHistory
          mailbox={mailbox}
          field={field}
          able={able}
          onPutBack={(edits) => {
            for (const [id, value] of edits) stage(id, value);
            const [first] = edits[0] ?? [];
            if (first === undefined) return;
            setSection(sectionOf(first, mailbox));
            list.select(first);
            shell.toast({ text: chrome`Put back into the form: W saves it` });
          }}
        />
      ),
    });
  const turn = (by: number): void => setSection(sections[(sections.indexOf(section) + by + sections.length) % sections.length] ?? 'server');
  const edited = current !== null && staged.edits.has(current.id) ? current.id : null;
  useCommands({
    'settings.next': () => turn(1),
    'settings.previous': () => turn(-1),
    ...(mailbox.kind === 'imap' ? { 'settings.test': probeNow } : {}),
    ...(current === null
      ? {}
      : { 'settings.history': () => (currentHistory === null ? shell.flash(chrome`it has no history`) : openHistory(currentHistory)) }),
    'settings.history-all': () => openHistory(null),
    ...(staged.edits.size > 0
      ? {
          'settings.write': () =>
            shell.ask({
              title: chrome`Save ${staged.edits.size} ${staged.edits.size === 1 ? chrome`edit` : chrome`edits`} of ${mailbox.address}?`,
              consequence: consequenceOf(staged),
              onAccept: write,
            }),
        }
      : {}),
    ...(edited === null ? {} : { 'settings.revert': () => dispatch({ do: 'revert', field: edited }) }),
    ...(staged.edits.size > 0 ? { 'view.back': leave, 'layer.close': leave } : {}),
  });
  const unsaved = staged.edits.size;
  // Going elsewhere would drop what is staged without a word.
  useGoing(mailbox.address, { active: unsaved === 0 });
  useEffect(() => shell.keepOpen(() => (unsaved === 0 ? null : chrome`${unsaved} edits of a mailbox are not saved.`)), [shell, unsaved]);

  const { errors } = staged;
  const draw = useCallback(
    (row: FieldRow, { columns: room }: { columns: number }) => <DrawnRow row={row} wrong={errors.has(row.id)} columns={room} />,
    [errors],
  );
  const tabs = sections.flatMap((one) => [
    one === section ? <T key={one} tone="accent">{chrome`‹${titles[one]}›`}</T> : chrome` ${titles[one]} `,
  ]);
  return (
    <Screen
      title={[chrome`SETTINGS  ${cutToWidth(mailbox.address, columns - 30)}`]}
      right={unsaved === 0 ? chrome`` : chrome`${unsaved} not saved * `}
      filter={tabs}
    >
      <Box height={height}>
        <Box flexDirection="column" width={columns}>
          <List
            list={list}
            columns={columns}
            rowAt={(index) => rows[index]}
            draw={draw}
            empty={<T tone="muted">{chrome`  This daemon keeps the mailbox itself: there is no server to set.`}</T>}
          />
          {current !== null && (
            <Below
              row={current}
              error={errors.get(current.id) ?? null}
              probe={section === 'server' ? probe : 'never'}
              columns={columns}
              rows={height - listRows}
            />
          )}
        </Box>
        {wide && (
          <>
            <Lines tone="muted" lines={Array<Safe>(height).fill(chrome`│`)} />
            <Box flexDirection="column" width={besideColumns} height={height} overflow="hidden">
              {currentHistory !== null && (
                <HistoryBeside mailbox={mailbox.address} field={currentHistory} columns={besideColumns} rows={height} />
              )}
            </Box>
          </>
        )}
      </Box>
    </Screen>
  );
}

function sectionOf(field: FieldId, mailbox: Mailbox): Section {
  const able = { me: '', operations: [] };
  return sections.find((one) => rowsOf(one, mailbox, nothingStaged, able).some(({ id }) => id === field)) ?? 'server';
}

/** What is not obvious from the edits themselves. */
function consequenceOf({ edits }: Staged): Chrome {
  const words: Chrome[] = [];
  if ((edits.has('imap') || edits.has('smtp') || edits.has('user')) && !edits.has('secret'))
    words.push(chrome`Another server or user clears the password: nothing is fetched or sent before it is given again.`);
  if (edits.get('shared') === 'off') words.push(chrome`Everybody but the owner is locked out at once.`);
  if (edits.get('shared') === 'on') words.push(chrome`Its grants count from now on.`);
  if (edits.has('workFrom')) words.push(chrome`What counts as old changes for everybody.`);
  return words.length === 0 ? chrome`It holds for everybody who works with it.` : join(words, chrome` `);
}

/** Why a typed value cannot be meant; what only the daemon knows it says itself. */
function refusalOf(field: FieldId, text: string): Chrome | null {
  if (field === 'workFrom' && workFromOf(text, Date.now()) === undefined) return chrome`a date like 2026-11-01, "14 days", or "all"`;
  return null;
}

function DrawnRow({ row, wrong, columns }: { row: FieldRow; wrong: boolean; columns: number }): ReactElement {
  const mark = wrong ? chrome`!` : row.staged ? chrome`*` : chrome` `;
  const value = row.value === '' ? chrome`-` : row.value;
  return (
    <>
      <T tone={wrong ? 'danger' : 'warning'}>{mark}</T>
      {chrome`${padEndTo(row.label, labelColumns)} `}
      <T tone={row.refused === null ? 'plain' : 'muted'}>{cutToWidth(value, columns - labelColumns - 3)}</T>
    </>
  );
}

type BelowProps = { row: FieldRow; error: SafeText | null; probe: Probe; columns: number; rows: number };

/** Help, what was wrong, and the log of the connection test. */
function Below({ row, error, probe, columns, rows }: BelowProps): ReactElement {
  const put = (text: Safe, tone: Tone): { text: Safe; tone: Tone }[] =>
    wrap(text, columns - 4).map((line) => ({ text: chrome`  ${line}`, tone }));
  const lines = [
    ...put(row.help, 'muted'),
    ...(row.refused === null ? [] : put(chrome`not yours to change: ${row.refused}`, 'warning')),
    ...(error === null ? [] : put(chrome`! ${error}`, 'danger')),
    ...(probe === 'never' ? [] : [{ text: chrome``, tone: 'plain' as const }]),
    ...probeLines(probe).flatMap(({ text, tone }) => put(text, tone)),
  ];
  return (
    <>
      <Row>
        <T tone="muted">{chrome` ${join(Array<Chrome>(Math.max(0, columns - 2)).fill(chrome`─`))}`}</T>
      </Row>
      <ToneLines lines={lines.slice(0, Math.max(0, rows - 1))} />
    </>
  );
}

/** The steps of a connection test, one on a line. */
export function probeLines(probe: Probe): { text: Safe; tone: Tone }[] {
  if (probe === 'never') return [];
  if (probe === 'running') return [{ text: chrome`◌ connecting with what is saved…`, tone: 'muted' }];
  return probe.map(({ server, step, ok, message }) => ({
    text: chrome`${ok ? chrome`✓` : chrome`✗`} ${safeText(server)} ${step}: ${message}`,
    tone: ok ? 'good' : 'danger',
  }));
}
