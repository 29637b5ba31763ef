/** The audit journal: who did what, from where, newest first; is it whole; and as a file. For those who hold audit.read. */
import { Box } from 'ink';
import { type ReactElement, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { PostroomError } from '../../protocol/errors.ts';
import type { Result } from '../../protocol/methods.ts';
import { safeText } from '../../protocol/text.ts';
import { type ExportFormat, exportHead, exportLine } from '../audit-export.ts';
import { AuditFeed, type AuditQuestion, everything } from '../audit-feed.ts';
import { Field, useField } from '../components/field.tsx';
import { List, useList } from '../components/list.tsx';
import { Modal } from '../components/modal.tsx';
import { Lines, type Pieces, Row, T } from '../components/text.tsx';
import { Typed } from '../components/typed.tsx';
import { FileProblem, saveNew } from '../files.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, headOf, padEndTo, type Safe, widthOf, wrap } from '../text.ts';
import { moment } from '../units.ts';
import {
  type AuditLine,
  detailOf,
  type FilterName,
  filterNames,
  linesOf,
  questionTyped,
  questionWords,
  seqOf,
  textsOf,
} from './audit-state.ts';
import { type AppContext, useApp } from './contract.ts';
import { useGoing } from './going.tsx';
import { useNow } from './use-now.ts';

const detailColumns = 64;
/** Older lines are asked for when so few are left below the window. */
const olderWithin = 40;

export function openAudit({ shell }: Pick<AppContext, 'shell'>): void {
  shell.open({ name: 'audit', element: <Audit /> });
}

export function Audit(): ReactElement {
  const [question, setQuestion] = useState(everything);
  // Mounted anew with each question: rows, cursor and what is expanded are its own.
  return <Journal key={JSON.stringify(question)} question={question} onQuestion={setQuestion} />;
}

const asError = (error: unknown): PostroomError =>
  error instanceof PostroomError ? error : new PostroomError('internal', error instanceof Error ? error.message : String(error));

function Journal({ question, onQuestion }: { question: AuditQuestion; onQuestion: (next: AuditQuestion) => void }): ReactElement {
  const app = useApp();
  const { mirror } = app;
  const shell = useShell();
  const { columns, rows: height } = useViewport();
  const [feed] = useState(() => new AuditFeed((params) => mirror.call('audit.list', params), question, asError));
  const { rows, loaded, complete, error } = useSyncExternalStore(feed.subscribe, () => feed.picture);
  useEffect(
    () =>
      mirror.onEvent(({ name }) => {
        if (name === 'audit.added' || name === 'directory.changed' || name === 'resync') feed.newer();
      }),
    [mirror, feed],
  );

  const wide = columns >= 160;
  const listColumns = wide ? columns - detailColumns - 1 : columns;
  const [expanded, setExpanded] = useState<ReadonlySet<number>>(new Set());
  const lines = useMemo(() => linesOf(rows, expanded, listColumns - 6), [rows, expanded, listColumns]);
  const ids = useMemo(() => [...lines.keys()], [lines]);
  const all = useMemo(() => [...lines.values()], [lines]);
  const list = useList(ids, Math.max(1, height - 1), {
    // Also where it stands beside the list: there may be more of it than there is room.
    onOpen: (id) => {
      const seq = seqOf(id);
      const next = new Set(expanded);
      if (!next.delete(seq)) next.add(seq);
      setExpanded(next);
      list.select(String(seq));
    },
  });
  const following = useFollowing(ids[0], list);
  const current = lines.get(list.state.cursor ?? '')?.row ?? null;
  const { top } = list.state;
  useEffect(() => {
    if (loaded && top + height + olderWithin > ids.length) feed.older();
  }, [feed, loaded, top, height, ids]);

  const [verified, setVerified] = useState<Result<'audit.verify'> | 'asked' | null>(null);
  const broken = useMemo(() => new Set(verified === 'asked' ? [] : verified?.findings.map(({ seq }) => seq)), [verified]);
  useCommands({
    'audit.follow': () => {
      if (ids[0] !== undefined) list.select(ids[0]);
    },
    'audit.filter': () =>
      shell.openModal({
        name: 'audit filter',
        element: <FilterBox question={question} onAccept={onQuestion} />,
      }),
    'audit.verify': () =>
      shell.attempt(async () => {
        setVerified('asked');
        const report = await mirror.call('audit.verify', {}).catch((error: unknown) => {
          setVerified(null);
          throw error;
        });
        setVerified(report);
        const [first] = report.findings;
        if (first !== undefined) list.select(String(first.seq));
      }),
    'audit.export': () =>
      shell.openModal({
        name: 'audit export',
        element: (
          <Typed
            label={chrome`Export to a new file`}
            help={chrome`What is asked for here, oldest first. A name that ends in .csv gives CSV for spreadsheets, every other JSON Lines, which others can verify.`}
            initial="~/audit.jsonl"
            refuse={(text) => (text.trim() === '' ? chrome`type a path` : null)}
            onAccept={(path) => shell.attempt(() => exportTo(app, question, path))}
          />
        ),
      }),
    'sync.now': () => feed.newer(),
  });
  useGoing(null, { over: true });

  const now = useNow(60_000);
  const draw = useCallback(
    (line: AuditLine, row: { columns: number }): Pieces =>
      line.more === null ? (
        <ActRow line={line} now={now} columns={row.columns} broken={broken.has(line.row.seq)} />
      ) : (
        <T tone="muted">{chrome`     ${line.more}`}</T>
      ),
    [now, broken],
  );
  return (
    <Screen
      title={chrome`AUDIT JOURNAL`}
      right={following ? [chrome`F live `, <T key="live" tone="good">{chrome`● `}</T>] : chrome`F live ○ `}
      filter={
        verified === null ? (
          questionWords(question)
        ) : verified === 'asked' ? (
          chrome`verifying every line…`
        ) : (
          <Verdict report={verified} columns={columns} />
        )
      }
    >
      <Box height={height}>
        <Box flexDirection="column" width={listColumns}>
          <Row>
            <T tone="muted">{headWords(listColumns - 1)}</T>
          </Row>
          <List
            list={list}
            columns={listColumns}
            rowAt={(index) => all[index]}
            draw={draw}
            empty={<Nothing error={error} loaded={loaded && complete} columns={listColumns} />}
          />
        </Box>
        {wide && (
          <>
            <Lines tone="muted" lines={Array<Safe>(height).fill(chrome`│`)} />
            <Box flexDirection="column" width={detailColumns} height={height} overflow="hidden">
              <Row>
                <T tone="accent">{current === null ? chrome` ACT` : chrome` ACT  line ${current.seq}`}</T>
              </Row>
              <Lines lines={current === null ? [] : detailOf(current, detailColumns - 2).map((text) => chrome` ${text}`)} />
            </Box>
          </>
        )}
      </Box>
    </Screen>
  );
}

/** Whether the cursor is on the newest line: then it goes to the next one that comes. */
function useFollowing(newest: string | undefined, list: ReturnType<typeof useList>): boolean {
  const [known, setKnown] = useState({ newest, following: true });
  const came = newest !== known.newest;
  const following = newest === undefined || list.state.cursor === newest || (came && known.following);
  const select = useRef(list.select);
  select.current = list.select;
  useEffect(() => {
    setKnown({ newest, following });
    if (came && following && newest !== undefined) select.current(newest);
  }, [newest, following, came]);
  return following;
}

// --- rows ------------------------------------------------------------------------------------------------------------

type Widths = { readonly seq: number; readonly actor: number; readonly action: number; readonly mailbox: number };
const widthsFor = (columns: number): Widths => ({
  seq: 6,
  actor: columns >= 90 ? 14 : 8,
  action: columns >= 90 ? 20 : 14,
  mailbox: columns >= 90 ? 14 : 8,
});

function headWords(columns: number): Chrome {
  const { seq, actor, action, mailbox } = widthsFor(columns);
  const line = padEndTo(chrome`line`, seq);
  return chrome`   ${line} ${padEndTo(chrome`when`, 12)} ${padEndTo(chrome`who`, actor)} ${padEndTo(chrome`action`, action)} ${padEndTo(chrome`mailbox`, mailbox)} what`;
}

type ActRowProps = { readonly line: AuditLine; readonly now: number; readonly columns: number; readonly broken: boolean };

function ActRow({ line: { row }, now, columns, broken }: ActRowProps): ReactElement {
  const { seq, actor, action, mailbox } = widthsFor(columns);
  const who = padEndTo(row.actor ?? chrome`-`, actor);
  const box = padEndTo(row.mailbox === null ? chrome`-` : headOf(row.mailbox, '@', mailbox), mailbox);
  const head = chrome` ${padEndTo(chrome`${row.seq}`, seq)} ${padEndTo(moment(row.at, now), 12)} ${who} ${padEndTo(row.action, action)} ${box} `;
  const refused = row.action === safeText('refused') || row.action === safeText('audit.broken');
  return (
    <>
      <T tone="danger">{broken ? chrome`✗` : chrome` `}</T>
      {head}
      <T tone={refused ? 'warning' : 'plain'}>{cutToWidth(row.summary, Math.max(0, columns - 1 - widthOf(head)))}</T>
    </>
  );
}

function Verdict({ report, columns }: { report: Result<'audit.verify'>; columns: number }): ReactElement {
  const [first, ...others] = report.findings;
  if (first === undefined) return <T tone="good">{chrome`✓ whole: ${report.rows} lines, each as it was written`}</T>;
  const more = others.length === 0 ? chrome`` : chrome` and ${others.length} more`;
  return <T tone="danger">{cutToWidth(chrome`✗ not whole: ${first.message}${more}`, columns - 2)}</T>;
}

function Nothing({ error, loaded, columns }: { error: PostroomError | null; loaded: boolean; columns: number }): ReactElement {
  const text =
    error !== null
      ? safeText(error.message)
      : loaded
        ? chrome`The journal has nothing of that. \\ asks for something else.`
        : chrome`loading…`;
  return (
    <Lines tone={error === null ? 'muted' : 'warning'} lines={[chrome``, ...wrap(text, columns - 4).map((line) => chrome`  ${line}`)]} />
  );
}

// --- boxes -----------------------------------------------------------------------------------------------------------

const filterHelp: Readonly<Record<FilterName, Chrome>> = {
  mailbox: chrome`an address, also of one that is gone`,
  person: chrome`what they did, and what was done about them`,
  action: chrome`like grant.set; grant is all of them`,
  since: chrome`a day like 2026-12-24`,
  until: chrome`a day, with all of it`,
};

type FilterBoxProps = {
  readonly question: AuditQuestion;
  readonly onAccept: (question: AuditQuestion) => void;
};

function FilterBox({ question, onAccept }: FilterBoxProps): ReactElement {
  const shell = useShell();
  const columns = Math.min(76, useViewport().columns - 2);
  const [focus, setFocus] = useState<FilterName>('mailbox');
  const [wrong, setWrong] = useState<Chrome | null>(null);
  const texts = textsOf(question);
  const given = (name: FilterName) => ({ columns: columns - 14, focused: focus === name });
  const fields = {
    mailbox: useField(texts.mailbox, given('mailbox')),
    person: useField(texts.person, given('person')),
    action: useField(texts.action, given('action')),
    since: useField(texts.since, given('since')),
    until: useField(texts.until, given('until')),
  };
  const step = (by: number): void =>
    setFocus((before) => filterNames[(filterNames.indexOf(before) + by + filterNames.length) % filterNames.length] ?? before);
  useCommands({
    'field.next': () => step(1),
    'modal.down': () => step(1),
    'modal.up': () => step(-1),
    'modal.close': () => shell.close(),
    'modal.accept': () => {
      const { mailbox, person, action, since, until } = fields;
      const asked = questionTyped({
        mailbox: mailbox.text,
        person: person.text,
        action: action.text,
        since: since.text,
        until: until.text,
      });
      if (typeof asked === 'string') return setWrong(asked);
      shell.close();
      onAccept(asked);
    },
  });
  return (
    <Modal title={chrome`Show only: Enter does it, empty is everything`} rows={filterNames.length + 1} columns={columns}>
      {filterNames.map((name) => (
        <Row key={name}>
          <T tone={focus === name ? 'accent' : 'muted'}>{padEndTo(safeText(name), 9)}</T>
          <Field field={fields[name]} />
        </Row>
      ))}
      <T tone={wrong === null ? 'muted' : 'danger'}>{wrong === null ? filterHelp[focus] : chrome`! ${wrong}`}</T>
    </Modal>
  );
}

const exportPage = 200;

async function exportTo({ mirror, shell }: AppContext, question: AuditQuestion, typed: string): Promise<void> {
  const format: ExportFormat = typed.trim().toLowerCase().endsWith('.csv') ? 'csv' : 'jsonl';
  let count = 0;
  try {
    const path = await saveNew(typed, `audit.${format}`, async (write) => {
      await write(Buffer.from(exportHead(format)));
      for (let cursor: string | null = null, more = true; more; more = cursor !== null) {
        const page: Result<'audit.list'> = await mirror.call('audit.list', { ...question, for: 'export', limit: exportPage, cursor });
        await write(Buffer.from(page.rows.map((row) => exportLine(format, row)).join('')));
        count += page.rows.length;
        cursor = page.next;
      }
    });
    shell.toast({ text: chrome`${count} lines written to ${safeText(path)}` });
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    shell.toast({ tone: 'danger', text: chrome`Not exported: ${error.words}` });
  }
}
