/** Who may do what on a mailbox, or on all: edits are staged, tried out by the daemon, and written as one. */
import { Box } from 'ink';
import { type ReactElement, useCallback, useEffect, useMemo, useState } from 'react';
import type { Mailbox } from '../../protocol/schema.ts';
import { type SafeText, safeBlock, safeText } from '../../protocol/text.ts';
import { useStable } from '../components/kept.ts';
import { List, useList } from '../components/list.tsx';
import { Lines, Row, T, ToneLines } from '../components/text.tsx';
import type { Trial } from '../mirror.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, join, padEndTo, type Safe, wrap } from '../text.ts';
import { useConnection, useView } from '../use-mirror.ts';
import { type AppContext, useApp } from './contract.ts';
import { DatesOfGrant, Effective, GranteePicker, PersonOfRole } from './grants-dialogs.tsx';
import {
  effectiveLine,
  groupColumns,
  headRow,
  nameColumns,
  oneRow,
  paneTitle,
  toldLines,
  whyLines,
  wideRow,
  wrapped,
} from './grants-rows.ts';
import {
  type Effects,
  editsOf,
  heard,
  newsOf,
  noGrants,
  type Preset,
  presets,
  principals,
  type RightName,
  type RowView,
  reached,
  rebased,
  rightNames,
  rowFor,
  rowsOf,
  stage,
  stageBeside,
  stagedIn,
  stagedMailboxes,
  undone,
  written,
} from './grants-state.ts';
import { askForUnused, idleIn, idleWords, type UnusedReport, type UnusedRow } from './grants-unused.tsx';
import { askToWrite, differenceText } from './grants-write.ts';
import { Pages } from './pages.tsx';
import { Picker, type PickerEntry } from './pickers.tsx';
import { useNow } from './use-now.ts';

const paneRows = 8;
/** Room of the reader beside the matrix. */
const whyColumns = 60;
const wideColumns = 160;

export function openGrants({ shell }: Pick<AppContext, 'shell'>, mailbox: SafeText): void {
  shell.open({ name: 'grants', element: <Grants first={mailbox} /> });
}

export function Grants({ first }: { first: SafeText }): ReactElement {
  const app = useApp();
  const { mirror } = app;
  const shell = useShell();
  const { columns, rows: height } = useViewport();
  const now = useNow(60_000);
  const online = useConnection().state.state === 'online';
  const open = (useView(mirror.mailboxes).data ?? []).filter(({ rights }) => rights.settings);
  const [chosen, setChosen] = useState<SafeText | 'all' | null>(null);
  const beside = columns >= wideColumns;
  const wide = beside && (chosen === null || chosen === 'all') && open.length > 1;
  const one = chosen === null || chosen === 'all' ? first : chosen;
  const asked = useStable(wide ? open.map(({ address }) => address) : [one]);
  const view = useView(mirror.matrices(asked));

  const [stored, setState] = useState(noGrants);
  const state = (view.data ?? []).reduce(heard, stored);
  if (state !== stored) setState(state);
  const shown = asked.filter((mailbox) => view.data?.some((matrix) => matrix.mailbox === mailbox) === true || state.bases.has(mailbox));

  const waiting = stagedMailboxes(state);
  const trialOf = (mailbox: SafeText, person: SafeText | null): Trial => ({
    mailbox,
    edits: editsOf(state, mailbox),
    ifRevision: state.bases.get(mailbox)?.revision ?? null,
    person,
  });
  const tried = useView(mirror.previews(waiting.map((each) => trialOf(each, null)))).data;
  const effects: Effects = useMemo(() => new Map((tried ?? []).map((one) => [one.mailbox, one.differences])), [tried]);

  // One row for each grant of one mailbox, or one for each principal of all.
  const rows = wide ? null : rowsOf(state, one);
  const everybody = wide ? principals(state, shown) : null;
  const keys = rows?.map(({ key }) => key) ?? everybody?.map(({ kind, name }) => `${kind} ${name}`) ?? [];
  const ids = useStable(keys);
  const [column, setColumn] = useState<number | null>(null);
  const firstColumn = wide ? Math.max(0, shown.indexOf(first)) * rightNames.length : 0;
  const at = Math.max(0, Math.min(column ?? firstColumn, (wide ? shown.length : 1) * rightNames.length - 1));
  const mailbox = wide ? (shown[Math.floor(at / rightNames.length)] ?? one) : one;
  const right = rightNames[at % rightNames.length] ?? 'access';
  const list = useList(ids, Math.max(1, beside ? height - 1 : height - 1 - paneRows));
  const rowAt = useCallback(
    (index: number): RowView | undefined => {
      const principal = everybody?.[index];
      const row = principal === undefined ? rows?.[index] : rowFor(state, mailbox, principal);
      return row === undefined ? undefined : reached(row, effects);
    },
    [everybody, rows, state, mailbox, effects],
  );
  const current = rowAt(list.state.index);

  const person = current?.grantee.kind === 'person' ? current.grantee.name : null;
  const trial = trialOf(mailbox, person);
  const preview = useView(mirror.preview(trial));
  const [base, latest] = [state.bases.get(mailbox), state.latest.get(mailbox)];
  const news = base === undefined || latest === undefined ? [] : newsOf(base, latest);
  // What was taken in with a conflict stays readable until the next write.
  const [taken, setTaken] = useState<Chrome | null>(null);
  const count = waiting.reduce((sum, each) => sum + stagedIn(state, each), 0);

  const [report, setReport] = useState<UnusedReport | null>(null);
  const isIdle = useMemo(() => idleIn(report), [report]);
  /** To the grant itself: of all mailboxes a principal has one row, which shows their first grant. */
  const goTo = (found: UnusedRow): void => {
    const isFirst = wide && rowFor(state, found.mailbox, found.grantee).grant === found.grant;
    const group = isFirst ? shown.indexOf(found.mailbox) : 0;
    if (!isFirst) setChosen(found.mailbox);
    list.select(isFirst ? `${found.grantee.kind} ${found.grantee.name}` : found.grant);
    setColumn(group * rightNames.length + rightNames.indexOf(found.right));
  };

  const staging = (row: RowView | undefined, change: (row: RowView) => Parameters<typeof stage>[2]): void => {
    if (row === undefined) shell.flash(chrome`no row is selected`);
    else if (row.owner && row.grant === null) shell.flash(chrome`the owner holds everything; ownership is transferred, not granted`);
    else setState((before) => stage(before, row, change(row)));
  };
  const toggle = (which: RightName): void => staging(current, (row) => ({ [which]: !row[which] }));
  const preset = (name: Preset): void => staging(current, () => presets[name]);
  const dates = (row: RowView): void =>
    shell.openModal({
      name: 'dates',
      element: <DatesOfGrant row={row} needsEnd={false} onAccept={(content) => setState((before) => stage(before, row, content))} />,
    });
  const add = (): void =>
    shell.openModal({
      name: 'add',
      element: (
        <GranteePicker
          title={chrome`Share ${mailbox} with`}
          onPick={(grantee, level) => {
            const row = rowFor(state, mailbox, grantee);
            if (row.owner) return shell.flash(chrome`the owner holds everything already`);
            list.select(wide ? `${grantee.kind} ${grantee.name}` : row.key);
            if (row.grant === null) return setState((before) => stage(before, row, presets[level]));
            const beside = { ...row, ...presets[level], until: null, from: null, note: null };
            shell.openModal({
              name: 'dates',
              element: (
                <DatesOfGrant
                  row={beside}
                  needsEnd
                  onAccept={(content) => setState((before) => stageBeside(before, mailbox, grantee, { ...beside, ...content }))}
                />
              ),
            });
          }}
        />
      ),
    });
  const explainTo = (name: SafeText): void =>
    shell.openModal({ name: 'effective', element: <Effective trial={{ ...trial, person: name }} now={now} /> });
  const explain = async (row: RowView | undefined): Promise<void> => {
    if (row === undefined) return shell.flash(chrome`no row is selected`);
    const { kind, name } = row.grantee;
    if (kind === 'person') return explainTo(name);
    const { people } = await mirror.call('role.show', { name });
    const [only, another] = people;
    if (only !== undefined && another === undefined) explainTo(only);
    else shell.openModal({ name: 'person', element: <PersonOfRole role={name} people={people} onPick={explainTo} /> });
  };
  const differ = async (): Promise<void> => {
    const pages = await Promise.all(waiting.map((each) => differenceText(app, state, each, now)));
    const text = safeBlock(pages.flat().join('\n'));
    shell.open({
      name: 'difference',
      element: <Pages title={chrome`STAGED`} note={chrome`what is staged, and what it would do`} text={text} />,
    });
  };
  const write = (): Promise<void> =>
    askToWrite(app, state, now, {
      written: (matrix) => setState((before) => written(before, matrix)),
      conflicted: (matrix, words) => {
        setState((before) => rebased(before, matrix));
        setTaken(words);
      },
      asked: () => setTaken(null),
    });
  const leave = (): void =>
    count === 0
      ? shell.close()
      : shell.ask({
          title: chrome`Leave the grants?`,
          consequence: chrome`${count} staged ${count === 1 ? chrome`edit is` : chrome`edits are`} not written and would be gone.`,
          onAccept: () => shell.close(),
        });
  const pickMailbox = (): void =>
    shell.openModal({
      name: 'mailbox',
      element: (
        <Picker<SafeText | 'all'>
          title={chrome`Grants of`}
          load={async () => mailboxChoices(open, columns >= wideColumns)}
          nothing={chrome`You hold Setup on no mailbox.`}
          onPick={(value) => {
            setChosen(value);
            setColumn(null);
          }}
        />
      ),
    });
  useCommands(
    {
      'matrix.toggle': () => toggle(right),
      'matrix.add': add,
      'matrix.remove': () =>
        current?.grant === null && !current.staged
          ? shell.flash(chrome`there is no grant of their own to remove; what is small comes through a role`)
          : staging(current, () => ({ access: false, send: false, setup: false })),
      'matrix.until': () =>
        current === undefined || !(current.access || current.send || current.setup)
          ? shell.flash(chrome`give a right first: this row has no grant of its own`)
          : dates(current),
      'matrix.preview': () => explain(current),
      'matrix.unused': () => askForUnused(app, { mailbox: wide ? null : one, now, onReport: setReport, onPick: goTo }),
      'matrix.difference': differ,
      'matrix.write': write,
      'matrix.undo': () => setState(undone),
      'matrix.access': () => toggle('access'),
      'matrix.send': () => toggle('send'),
      'matrix.setup': () => toggle('setup'),
      'matrix.mailbox': pickMailbox,
      'matrix.left': (steps) => setColumn(Math.max(0, at - steps)),
      'matrix.right': (steps) => setColumn(at + steps),
      'matrix.observe': () => preset('observe'),
      'matrix.reply': () => preset('reply'),
      'matrix.full': () => preset('full'),
      'matrix.manage': () => preset('manage'),
      'view.back': leave,
      'layer.close': leave,
    },
    { facts: { mailbox, staged: state.steps.length > 0, online } },
  );
  useEffect(
    () =>
      shell.keepOpen(() =>
        count === 0 ? null : chrome`${count} staged ${count === 1 ? chrome`edit of grants is` : chrome`edits of grants are`} not written.`,
      ),
    [shell, count],
  );

  const idle = idleWords(report, current, now);
  const told = [
    ...(idle === null ? [] : [{ text: idle, tone: 'warning' as const }]),
    ...toldLines(preview.data, preview.error, {
      news,
      taken,
      shared: latest?.shared ?? true,
      count: stagedIn(state, mailbox),
      now,
    }),
  ];
  const matrixColumns = beside ? columns - whyColumns - 1 : columns;
  const drawRow = useCallback(
    (row: RowView, { selected }: { selected: boolean }) => oneRow(row, selected ? right : null, now, matrixColumns, isIdle),
    [right, now, matrixColumns, isIdle],
  );
  const groups = Math.max(1, Math.floor((columns - nameColumns - whyColumns - 2) / groupColumns));
  const firstGroup = Math.max(0, Math.min(Math.floor(at / 3) - groups + 1, shown.length - groups));
  const visible = useStable(shown.slice(firstGroup, firstGroup + groups));
  const shortNames = shortened(shown);
  const drawWide = useCallback(
    (row: RowView, { selected }: { selected: boolean }) =>
      wideRow(state, row.grantee, visible, effects, selected ? { mailbox, right } : null, isIdle),
    [state, visible, effects, mailbox, right, isIdle],
  );
  const missing =
    view.error === null
      ? chrome`loading…`
      : view.error.code === 'unavailable'
        ? safeText(view.error.message)
        : chrome`You do not hold Setup on ${mailbox} any more. ${safeText(view.error.message)}`;
  const empty = (
    <Lines tone={view.error === null ? 'muted' : 'warning'} lines={wrap<Safe>(missing, columns - 4).map((line) => chrome`  ${line}`)} />
  );
  const staged = count > 0 ? chrome` · ${count} staged *` : chrome``;
  const gone = view.data === null && view.error !== null && view.error.code !== 'unavailable';
  if (gone) {
    return <Screen title={chrome`GRANTS  ${mailbox}`}>{empty}</Screen>;
  }
  return (
    <Screen
      title={chrome`GRANTS  ${wide ? chrome`all mailboxes` : one}${open.length > 1 ? chrome` ▾` : chrome``}`}
      right={chrome`${ids.length} ${wide ? chrome`principals` : chrome`rows`}${staged} `}
      filter={chrome`A Access  S Send  U Setup · small: through a role · * staged${report === null ? chrome`` : chrome` · ° not used`}`}
    >
      {beside ? (
        <Box>
          <Box flexDirection="column" width={matrixColumns}>
            <Row>
              <T tone="muted">
                {wide
                  ? chrome` ${padEndTo(chrome`principal`, nameColumns)}${join(visible.map((each) => padEndTo(chrome` ${shortNames.get(each) ?? each}`, groupColumns)))}`
                  : chrome`  ${headRow(matrixColumns)}`}
              </T>
            </Row>
            <List list={list} columns={matrixColumns} rowAt={rowAt} draw={wide ? drawWide : drawRow} empty={empty} />
          </Box>
          <Lines tone="muted" lines={Array<Safe>(height).fill(chrome`│`)} />
          <Box flexDirection="column" width={whyColumns}>
            <ToneLines lines={[...whyLines(current, preview.data, now), ...told].flatMap(wrapped(whyColumns - 2)).slice(0, height)} />
          </Box>
        </Box>
      ) : (
        <>
          <Row>
            <T tone="muted">{chrome`  ${headRow(columns)}`}</T>
          </Row>
          <List list={list} columns={columns} rowAt={rowAt} draw={drawRow} empty={empty} />
          <T tone="muted">{paneTitle(current, mailbox, columns)}</T>
          <ToneLines lines={[...effectiveLine(preview.data, now), ...told].flatMap(wrapped(columns - 2)).slice(0, paneRows - 1)} />
        </>
      )}
    </Screen>
  );
}

/** `support@` for an address, as long as that says which one. */
function shortened(addresses: readonly SafeText[]): ReadonlyMap<SafeText, SafeText> {
  const locals = Map.groupBy(addresses, (address) => safeText(address.slice(0, address.lastIndexOf('@') + 1)));
  return new Map(
    [...locals].flatMap(([local, all]) => (all.length === 1 && local !== '' ? all.map((address) => [address, local] as const) : [])),
  );
}

const mailboxChoices = (open: readonly Mailbox[], all: boolean): PickerEntry<SafeText | 'all'>[] => [
  ...(all && open.length > 1 ? [{ key: 'all', label: chrome`all mailboxes`, detail: chrome``, value: 'all' as const }] : []),
  ...open.map(({ id, address, shared }) => ({
    key: id,
    label: address,
    detail: shared ? chrome`shared` : chrome`personal: grants do not count`,
    value: address,
  })),
];
