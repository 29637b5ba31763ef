/** Every mail on its way out of the mailboxes one may send from: where it is and why, who got it, and what a person can do about it. */
import { type ReactElement, useCallback, useMemo } from 'react';
import type { MailReport, OutboxEntry } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import type { CommandId } from '../commands.ts';
import { List, useRows, useVerbsOnRow } from '../components/list.tsx';
import { Lines, Row, T, ToneLines } from '../components/text.tsx';
import { ownReportLine } from '../report-words.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, headOf, join, padEndTo, type Safe, wrap } from '../text.ts';
import type { Tone } from '../theme.ts';
import { moment } from '../units.ts';
import { useView } from '../use-mirror.ts';
import { useApp } from './contract.ts';
import { Conversation } from './conversation.tsx';
import { useGoing } from './going.tsx';
import { doOutboxMove, type OutboxMove, openOutboxChoices, outboxMoves } from './outbox-choices.tsx';
import { copyWords, detailLines, isWaiting, needsSomebody, recipientLine, secondsLeft, stateSentence, stateWord } from './outbox-words.ts';
import { keyOf, type Place } from './places.ts';
import { useNow } from './use-now.ts';
import { useRemembered } from './use-remembered.ts';

/** Rows below the list that tell about the mail under the cursor. */
const detailRows = 9;

/** A mail, or a report that fits none. */
type Line = OutboxEntry | MailReport;
const isReport = (line: Line): line is MailReport => !('id' in line);
const idOf = (line: Line): string => (isReport(line) ? `report ${line.message}` : line.id);

export function OutboxList({ place }: { place: Extract<Place, { kind: 'outbox' }> }): ReactElement {
  const app = useApp();
  const { mirror } = app;
  const shell = useShell();
  const { columns, rows: height } = useViewport();
  const { data, error, reach = 0 } = useView(mirror.wholeOutbox);
  const stray = useView(mirror.strayReports);
  const all = useMemo(() => (data === null ? null : [...data, ...(stray.data ?? [])]), [data, stray.data]);
  const {
    list,
    rows,
    current: under,
    gone,
  } = useRows<Line>(all, idOf, Math.max(1, height - detailRows - 1), {
    reach: reach + (stray.reach ?? 0),
    onOpen: () => {
      if (under?.conversation == null) shell.flash(chrome`its conversation is gone`);
      else shell.open({ name: 'conversation', element: <Conversation id={under.conversation} /> });
    },
  });
  useRemembered(keyOf(place), list, data === null ? undefined : (data.find(needsSomebody)?.id ?? null));
  const current = under === null || isReport(under) ? null : under;
  const report = under !== null && isReport(under) ? under : null;
  useGoing(current?.mailbox ?? report?.mailbox ?? null);

  const moves = current === null ? [] : outboxMoves(current);
  const keys = current === null ? [] : moves.map((move) => [commandOf[move.kind], () => doOutboxMove(app, current, move)] as const);
  const verbs = useVerbsOnRow(gone, {
    ...Object.fromEntries(keys),
    ...(current === null || moves.length === 0 ? {} : { 'outbox.choices': () => openOutboxChoices(app, current) }),
  });
  useCommands(
    {
      ...verbs,
      'sync.now': () => mirror.refresh(),
    },
    { facts: { mailbox: current?.mailbox ?? null } },
  );

  const now = useNow(1_000);
  // Rows have no clock but the hour: they are drawn again with what changed, and once a minute; each second while one counts down.
  const counting = (data ?? []).some((entry) => secondsLeft(entry, now) !== null);
  const tick = counting ? now : Math.floor(now / 60_000) * 60_000;
  const draw = useCallback(
    (line: Line, row: { columns: number }) =>
      isReport(line) ? (
        <ReportRow report={line} now={tick} columns={row.columns} />
      ) : (
        <EntryRow entry={line} now={tick} columns={row.columns} />
      ),
    [tick],
  );
  const stuck = (data ?? []).filter(needsSomebody).length;
  const reports = stray.data?.length ?? 0;
  const waiting = (data ?? []).filter(isWaiting).length;
  return (
    <Screen
      title={chrome`OUTBOX`}
      right={
        data === null
          ? chrome``
          : chrome`${list.state.newAbove > 0 ? chrome`↑${list.state.newAbove} new  ` : chrome``}${waiting} on the way `
      }
      filter={
        stuck > 0 ? (
          <T tone="danger">{chrome`${stuck} ${stuck === 1 ? chrome`needs` : chrome`need`} somebody to decide · @ what to do${strayWords(reports)}`}</T>
        ) : reports > 0 ? (
          <T tone="warning">{chrome`Enter opens the conversation${strayWords(reports)}`}</T>
        ) : (
          chrome`out of every mailbox that you may send from · Enter opens the conversation`
        )
      }
    >
      <Row>
        <T tone="muted">{chrome`   ${padEndTo(chrome`state`, 10)} ${padEndTo(chrome`written`, 12)} ${padEndTo(chrome`from`, 10)} ${padEndTo(chrome`to`, toColumns(columns))} subject`}</T>
      </Row>
      <List
        list={list}
        columns={columns}
        gone={gone}
        rowAt={(index) => rows[index]}
        draw={draw}
        empty={
          <T tone={error === null ? 'muted' : 'warning'}>
            {error !== null
              ? chrome`  ${safeText(error.message)}`
              : data === null
                ? chrome`  loading…`
                : chrome`  Nothing is on its way out.`}
          </T>
        }
      />
      {current !== null && <Details entry={current} now={now} columns={columns} />}
      {report !== null && <ReportDetails report={report} columns={columns} />}
    </Screen>
  );
}

const commandOf = {
  edit: 'outbox.edit',
  now: 'outbox.now',
  retry: 'outbox.again',
  arrived: 'outbox.arrived',
  cancel: 'outbox.take-back',
  'give-up': 'outbox.give-up',
} as const satisfies Record<OutboxMove['kind'], CommandId>;

const strayWords = (count: number): Chrome =>
  count === 0 ? chrome`` : chrome` · ${count} ${count === 1 ? chrome`report fits` : chrome`reports fit`} no mail of ours`;

const toColumns = (columns: number): number => Math.max(10, Math.min(34, Math.floor((columns - 40) / 2)));

function EntryRow({ entry, now, columns }: { entry: OutboxEntry; now: number; columns: number }): ReactElement {
  const { glyph, word, tone } = stateWord(entry, now);
  const { to, createdAt, mailbox, subject } = entry;
  const others = to.length > 1 ? chrome` +${to.length - 1}` : chrome``;
  const who = chrome`${cutToWidth(to[0] ?? chrome`-`, toColumns(columns) - others.length)}${others}`;
  const copy = copyWords(entry);
  return (
    <>
      {chrome` `}
      <T tone={tone}>{chrome`${glyph} ${padEndTo(word, 10)}`}</T>
      <T tone="muted">{chrome` ${padEndTo(moment(createdAt, now), 12)} `}</T>
      {chrome`${padEndTo(headOf(mailbox, '@', 10), 10)} ${padEndTo(who, toColumns(columns + 1))} `}
      {copy !== null && <T tone={copy.tone}>{chrome`[no copy] `}</T>}
      {subject === '' ? chrome`(no subject)` : subject}
    </>
  );
}

/** A report that fits no mail of ours: told where people look for what became of their mails. */
function ReportRow({ report, now, columns }: { report: MailReport; now: number; columns: number }): ReactElement {
  const { at, mailbox, recipients, subject } = report;
  const who = cutToWidth(recipients[0]?.address ?? chrome`-`, toColumns(columns));
  return (
    <>
      {chrome` `}
      <T tone="warning">{chrome`! ${padEndTo(chrome`no mail`, 10)}`}</T>
      <T tone="muted">{chrome` ${padEndTo(moment(at, now), 12)} `}</T>
      {chrome`${padEndTo(headOf(mailbox, '@', 10), 10)} ${padEndTo(who, toColumns(columns + 1))} ${subject === '' ? chrome`(no subject)` : subject}`}
    </>
  );
}

function ReportDetails({ report, columns }: { report: MailReport; columns: number }): ReactElement {
  const { text, tone } = ownReportLine(report);
  const lines = wrap(text, columns - 4).slice(0, detailRows - 1);
  return (
    <>
      <Row>
        <T tone="muted">{chrome` ${rule(columns - 2)}`}</T>
      </Row>
      <ToneLines lines={lines.map((line) => ({ text: chrome`  ${line}`, tone }))} />
    </>
  );
}

function Details({ entry, now, columns }: { entry: OutboxEntry; now: number; columns: number }): ReactElement {
  const { author, mailbox, attempts, createdAt, recipients, lastError, state } = entry;
  const copy = copyWords(entry);
  const facts: Safe[] = [
    chrome`written by ${author}`,
    chrome`from ${mailbox}`,
    moment(createdAt, now),
    attempts === 1 ? chrome`1 attempt` : chrome`${attempts} attempts`,
  ];
  const room = detailRows - 1;
  const head: { text: Safe; tone: Tone }[] = [
    ...wrap(stateSentence(entry, now), columns - 4)
      .slice(0, 3)
      .map((text) => ({ text, tone: needsSomebody(entry) ? ('danger' as const) : ('plain' as const) })),
    { text: join(facts, chrome` · `), tone: 'muted' },
    ...(copy === null ? [] : [copy]),
  ];
  // The sentence has the words of one server already: they are not said twice for the one recipient.
  const lines = (state === 'cancelled' ? [] : recipients).map((one) =>
    recipientLine(recipients.length === 1 && one.reply === lastError ? { ...one, reply: null } : one),
  );
  lines.push(...detailLines(entry));
  const fits = room - head.length;
  const shown = lines.length <= fits ? lines : lines.slice(0, Math.max(0, fits - 1));
  const left = lines.length - shown.length;
  return (
    <>
      <Row>
        <T tone="muted">{chrome` ${rule(columns - 2)}`}</T>
      </Row>
      <ToneLines lines={[...head, ...shown].map(({ text, tone }) => ({ text: cutToWidth(chrome`  ${text}`, columns - 1), tone }))} />
      {left > 0 && <Lines tone="muted" lines={[chrome`  ⋮ ${left}`]} />}
    </>
  );
}

const rule = (columns: number): Chrome => join(Array<Chrome>(Math.max(0, columns)).fill(chrome`─`));
