/** A conversation on the whole screen, and in the reader pane beside a list. */
import { Box } from 'ink';
import { type ReactElement, useEffect, useRef, useState } from 'react';
import type { PostroomError } from '../../protocol/errors.ts';
import { displayAddress, type SafeText, safeText } from '../../protocol/text.ts';
import { shortAge } from '../ages.ts';
import { Lines, Row, T, ToneLines } from '../components/text.tsx';
import type { Shown } from '../mirror.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, join, type Safe, widthOf, wrap } from '../text.ts';
import type { Tone } from '../theme.ts';
import { octets } from '../units.ts';
import { useView } from '../use-mirror.ts';
import { openCompose } from './compose.tsx';
import { type Behind, useApp } from './contract.ts';
import { useGoing } from './going.tsx';
import { ThreadPane } from './thread.tsx';
import { outboxWords } from './thread-layout.ts';
import { targetOf } from './use-target.ts';
import { useVerbs } from './verbs.tsx';

/** The facts stand beside the thread from here on. */
const factsFrom = 140;

/** `behind` is the list it was opened from: J and K walk it as it was sorted then. `at` is the mail to begin with. */
export function Conversation({ id: first, behind, at: wanted = null }: { id: string; behind?: Behind; at?: string | null }): ReactElement {
  const { mirror } = useApp();
  const shell = useShell();
  const { columns } = useViewport();
  const [id, setId] = useState(first);
  const [begin, setBegin] = useState({ conversation: first, at: wanted });
  const [hit, setHit] = useState(behind?.hits?.at ?? null);
  const [ids] = useState(() => behind?.ids ?? []);
  const { data: shown, error } = useView(mirror.conversation(id));
  const known = useKnown(shown);
  // It was merged into an older one, or is one of the daemon's names for it.
  if (shown !== null && shown.conversation !== id) setId(shown.conversation);

  const at = ids.indexOf(id);
  const goTo = (next: string | undefined, why: Safe): void => {
    if (next === undefined) shell.flash(why);
    else {
      behind?.select(next);
      setId(next);
    }
  };
  const nextUnread = (step: 1 | -1): void => {
    const unread = behind?.unread() ?? new Set();
    const rest = step === 1 ? ids.slice(at + 1) : ids.slice(0, Math.max(0, at)).toReversed();
    goTo(
      rest.find((one) => unread.has(one)),
      chrome`nothing unread ${step === 1 ? chrome`after` : chrome`before`} this one`,
    );
  };
  const step = (by: number): void => {
    // A held key stops at the end of the list.
    const next = Math.max(0, Math.min(ids.length - 1, at + by));
    goTo(next === at ? undefined : ids[next], chrome`that was the ${by > 0 ? chrome`last` : chrome`first`} one of the list`);
  };
  const stepHit = (by: number): void => {
    const all = behind?.hits?.all ?? [];
    const next = all[all.findIndex((one) => one.id === hit) + by];
    if (next === undefined) {
      shell.flash(by > 0 ? chrome`that was the last hit` : chrome`that was the first hit`);
      return;
    }
    behind?.hits?.select(next.id);
    setHit(next.id);
    setId(next.conversation);
    setBegin({ conversation: next.conversation, at: next.at });
  };
  const moveOn = (): void => {
    const next = ids[at + 1];
    if (next === undefined) shell.close();
    else goTo(next, chrome``);
  };
  const place = behind === undefined ? chrome`‹ ` : chrome`‹ ${behind.title} ${at + 1}/${ids.length}   `;
  if (shown === null) {
    return (
      <Screen title={place}>
        <Absent error={error} known={known} columns={columns} />
      </Screen>
    );
  }
  return (
    <Opened
      // Mounted anew with each conversation: keys and hints keep their order, folds and places are its own.
      key={`${shown.conversation} ${begin.at ?? ''}`}
      shown={shown}
      begin={id === begin.conversation || shown.conversation === begin.conversation ? begin.at : null}
      onHit={behind?.hits === undefined ? null : stepHit}
      place={place}
      walk={{
        step,
        nextUnread,
        moveOn,
      }}
    />
  );
}

type Walk = {
  readonly step: (by: number) => void;
  readonly nextUnread: (direction: 1 | -1) => void;
  /** To the next one, or back to the list: this one is dealt with. */
  readonly moveOn: () => void;
};

type OpenedProps = {
  readonly shown: Shown;
  /** The mail or note to begin with. */
  readonly begin: string | null;
  readonly place: Chrome;
  readonly walk: Walk;
  /** To the next or the previous hit of the search behind. */
  readonly onHit: ((by: number) => void) | null;
};

function Opened({ shown, begin, place, walk, onHit }: OpenedProps): ReactElement {
  const app = useApp();
  const { mirror, me } = app;
  const { columns, rows } = useViewport();
  const [reads, setReads] = useState(true);
  useVerbs({
    target: targetOf(shown),
    began: (kind) => {
      if (kind === 'read') setReads(false);
      if (kind === 'done' || kind === 'trash' || kind === 'spam' || kind === 'move') walk.moveOn();
    },
  });
  const outside = shown.messages.findLast(({ direction }) => direction === 'in')?.from[0];
  useGoing(shown.mailbox, {
    contact: outside === undefined ? null : { name: displayAddress(outside), address: outside.address },
    conversation: { id: shown.conversation, subject: shown.subject },
    over: true,
  });
  useCommands({
    ...(shown.rights.send ? { 'mail.compose': () => openCompose(app, { mailbox: shown.mailbox }) } : {}),
    ...(onHit === null ? {} : { 'search.next': (count: number) => onHit(count), 'search.previous': (count: number) => onHit(-count) }),
    'item.next': (count) => walk.step(count),
    'item.previous': (count) => walk.step(-count),
    'move.next-unread': () => walk.nextUnread(1),
    'move.previous-unread': () => walk.nextUnread(-1),
    'sync.now': () => mirror.refresh(),
  });
  const facts = columns >= factsFrom ? Math.min(48, columns - 104) : 0;
  const right = join([assigneeWords(shown, me), stateWords(shown)], chrome`  `);
  const subject = cutToWidth(subjectOf(shown), columns - widthOf(place) - widthOf(right) - 4);
  return (
    <Screen
      title={[
        place,
        <T key="subject" tone="strong">
          {subject}
        </T>,
      ]}
      right={chrome`${right} `}
      filter={countsOf(shown)}
    >
      <Box height={rows}>
        <ThreadPane
          shown={shown}
          begin={begin}
          columns={facts === 0 ? columns : columns - facts - 1}
          rows={rows}
          focused
          reads={reads}
          onEnd={() => walk.nextUnread(1)}
          onSent={(done) => done && walk.moveOn()}
        />
        {facts > 0 && (
          <>
            <Lines tone="muted" lines={Array<Safe>(rows).fill(chrome`│`)} />
            <FactsPane shown={shown} me={me} columns={facts} rows={rows} />
          </>
        )}
      </Box>
    </Screen>
  );
}

type ReaderProps = {
  readonly id: string;
  readonly columns: number;
  readonly rows: number;
  /** It has the keys. */
  readonly focused: boolean;
  /** Mails can be answered from here. */
  readonly acts?: boolean;
};

/** The conversation under a list's cursor, in a pane. It counts as read when the keys are in it. */
export function Reader({ id, columns, rows, focused, acts = true }: ReaderProps): ReactElement {
  const { mirror, me } = useApp();
  const { data: shown, error } = useView(mirror.conversation(id));
  const known = useKnown(shown);
  if (shown === null) return <Absent error={error} known={known} columns={columns} />;
  const right = join([assigneeWords(shown, me), stateWords(shown)], chrome`  `);
  const rule = chrome`${join(Array<Chrome>(Math.max(0, columns - 2)).fill(chrome`─`))}`;
  return (
    <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
      <Row>
        <Box width={columns} justifyContent="space-between">
          <T tone="strong">{chrome` ${cutToWidth(subjectOf(shown), columns - widthOf(right) - 4)}`}</T>
          <T>{chrome`${right} `}</T>
        </Box>
      </Row>
      <Row>
        <T tone="muted">{chrome` ${cutToWidth(countsOf(shown), columns - 2)}`}</T>
      </Row>
      <Row>
        <T tone="muted">{chrome` ${rule}`}</T>
      </Row>
      <ThreadPane key={shown.conversation} shown={shown} columns={columns} rows={rows - 3} focused={focused} reads acts={acts} />
    </Box>
  );
}

// --- words -----------------------------------------------------------------------------------------------------------

const subjectOf = ({ subject }: Pick<Shown, 'subject'>): Safe => (subject === '' ? chrome`(no subject)` : subject);

function assigneeWords({ assignee, had }: Shown, me: string): Safe {
  if (assignee === null) return had == null ? chrome`nobody has it` : chrome`nobody has it, it was ${had.name}’s`;
  return assignee.kind === 'person' && assignee.name === me ? chrome`me` : assignee.name;
}

function stateWords({ state, waitingSince }: Shown): Chrome {
  switch (state) {
    case 'open':
      return waitingSince === null ? chrome`● open` : chrome`● waits ${shortAge(Date.now() - Date.parse(waitingSince))}`;
    case 'waiting':
      return chrome`○ waiting for them`;
    case 'snoozed':
      return chrome`◌ snoozed`;
    case 'done':
      return chrome`✓ done`;
    default:
      return state satisfies never;
  }
}

const counted = (number: number, one: Chrome, more: Chrome): Chrome => chrome`${number} ${number === 1 ? one : more}`;

function countsOf({ messages, notes, mailbox, starred, rights }: Shown): Chrome {
  const parts: Safe[] = [counted(messages.length, chrome`mail`, chrome`mails`)];
  if (notes.length > 0) parts.push(counted(notes.length, chrome`note`, chrome`notes`));
  if (starred) parts.push(chrome`★ starred`);
  parts.push(mailbox);
  if (!rights.send) parts.push(chrome`you do not hold Send here`);
  return join(parts, chrome` · `);
}

/** Who takes part, which files there are, what is on its way: beside the thread where there is room. */
function FactsPane({ shown, me, columns, rows }: { shown: Shown; me: string; columns: number; rows: number }): ReactElement {
  const lines: { text: Safe; tone: Tone }[] = [];
  const put = (heading: Chrome, entries: readonly Safe[]): void => {
    if (entries.length === 0) return;
    lines.push({ text: heading, tone: 'accent' });
    for (const text of entries) lines.push({ text: chrome`  ${text}`, tone: 'plain' });
    lines.push({ text: chrome``, tone: 'plain' });
  };
  const people = new Map<string, Safe>();
  for (const mail of shown.messages)
    for (const one of [...mail.from, ...mail.to, ...mail.cc]) {
      const key = one.address.toLowerCase();
      // Our answers often leave the name out that their own mail has.
      if (one.name !== null || !people.has(key)) people.set(key, displayAddress(one));
    }
  const { send, timeline, settings } = shown.rights;
  const held = [timeline && chrome`Access`, send && chrome`Send`, settings && chrome`Setup`].filter((right) => right !== false);
  put(chrome`MAILBOX`, [shown.mailbox, chrome`you hold ${join(held, chrome` `)}`]);
  put(chrome`WORK`, [stateWords(shown), assigneeWords(shown, me)]);
  put(chrome`PEOPLE`, [...people.values()].slice(0, 12));
  put(
    chrome`FILES`,
    shown.messages.flatMap((mail) => mail.attachments.map((file) => chrome`${octets(file.size)}  ${file.filename}`)).slice(-10),
  );
  put(
    chrome`ON ITS WAY`,
    shown.messages.flatMap((mail) => outboxWords(mail)?.short ?? []),
  );
  return (
    <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
      <ToneLines lines={lines.slice(0, rows).map(({ text, tone }) => ({ text: cutToWidth(chrome` ${text}`, columns - 1), tone }))} />
    </Box>
  );
}

// --- what cannot be shown --------------------------------------------------------------------------------------------

/** What was known of a conversation before it could be read no more. */
type Known = { readonly mailbox: SafeText; readonly owner: SafeText | null; readonly why: SafeText | null };

/** Remembered while it is shown: once the right is gone nothing of it can be asked. */
function useKnown(shown: Shown | null): Known | null {
  const { mirror } = useApp();
  const mailboxes = useView(mirror.mailboxes).data;
  const [why, setWhy] = useState<SafeText | null>(null);
  const known = useRef<Known | null>(null);
  useEffect(
    () =>
      mirror.onEvent((event) => {
        if (event.name === 'rights.changed' && event.payload.lost.length > 0) setWhy(event.payload.why);
      }),
    [mirror],
  );
  if (shown !== null) {
    const owner = mailboxes?.find(({ address }) => address === shown.mailbox)?.owner ?? null;
    if (owner !== null || known.current?.mailbox !== shown.mailbox) known.current = { mailbox: shown.mailbox, owner, why: null };
  }
  return known.current === null ? null : { ...known.current, why };
}

/** In place of a conversation that is not here: on its way, or no longer for this person, with the reason and whom to ask. */
function Absent({ error, known, columns }: { error: PostroomError | null; known: Known | null; columns: number }): ReactElement {
  const [late, setLate] = useState(false);
  // A screen with nothing on it is no dead end; keys typed ahead are for what is on its way.
  useGoing(null, { over: true, active: error !== null });
  useEffect(() => {
    // Nothing is said about what is here in a moment.
    const timer = setTimeout(() => setLate(true), 150);
    return () => clearTimeout(timer);
  }, []);
  if (error === null) return <T tone="muted">{late ? chrome` loading…` : null}</T>;
  const gone = error.code === 'not-found' || error.code === 'forbidden';
  const words: Safe[] = gone ? goneWords(known) : [safeText(error.message), chrome`It is asked for again by itself, and with ^r at once.`];
  return (
    <Box flexDirection="column">
      {words.map((text) => (
        <Lines key={text} lines={wrap(text, columns - 4).map((line) => chrome`  ${line}`)} tone={text === words[0] ? 'warning' : 'plain'} />
      ))}
    </Box>
  );
}

function goneWords(known: Known | null): Safe[] {
  if (known === null) return [chrome`There is no such conversation, or you may not read it.`];
  const ask = known.owner === null ? chrome`the owner of ${known.mailbox}` : chrome`${known.owner}, who owns ${known.mailbox}`;
  return [
    chrome`You may not read this conversation any more, or it is gone.`,
    ...(known.why === null ? [] : [chrome`Why: ${known.why}`]),
    chrome`Ask ${ask}, to have the right again.`,
  ];
}
