/** The first screen of all, for somebody without an identity: a new home here, or into a team by an invitation. */
import { type ReactElement, useState } from 'react';
import { type Identity, readIdentity } from '../protocol/keys.ts';
import { List, useList } from './components/list.tsx';
import { Lines, Row, T } from './components/text.tsx';
import { Typed } from './components/typed.tsx';
import { initHome } from './daemon-process.ts';
import { join } from './join.ts';
import { Screen, useCommands, useShell, useViewport } from './screen.tsx';
import { startShell } from './start.tsx';
import { type Chrome, chrome, padEndTo, wrap } from './text.ts';

type Options = {
  readonly home: string | undefined;
  /** Where the identity will be. */
  readonly path: string;
  /** A home of one's own can be made here: there is none yet. */
  readonly canBegin: boolean;
  /** In place of the invitation's endpoint. */
  readonly endpoint: string | undefined;
};

/** The identity that was made, or null when the person left. */
export async function runWelcome(options: Options): Promise<Identity | null> {
  const running = startShell({ status: <T tone="muted">{chrome` nothing is written before you say so`}</T> });
  running.shell.goTo({ name: 'welcome', element: <Welcome {...options} onDone={() => running.exit()} /> });
  await running.ended;
  return readIdentity(options.path);
}

type Way = { readonly id: 'begin' | 'join'; readonly title: Chrome; readonly help: Chrome };

const ways: readonly Way[] = [
  {
    id: 'begin',
    title: chrome`Start a new Postroom here`,
    help: chrome`Makes a home on this machine: a configuration, the daemon's key, and you as its first person, who manages the others.`,
  },
  {
    id: 'join',
    title: chrome`Join a team`,
    help: chrome`With an invitation: your administrator makes one with "postroom person add NAME" and gives it to you.`,
  },
];

const needed = (text: string): Chrome | null => (text.trim() === '' ? chrome`it cannot be empty` : null);

function Welcome({ home, path, canBegin, endpoint, onDone }: Options & { onDone: () => void }): ReactElement {
  const shell = useShell();
  const { columns } = useViewport();
  const [doing, setDoing] = useState<Chrome | null>(null);
  const offered = canBegin ? ways : ways.filter(({ id }) => id === 'join');
  const [ids] = useState(() => offered.map(({ id }) => id));
  const ask = (label: Chrome, help: Chrome, onAccept: (text: string) => void): void =>
    shell.openModal({ name: 'field', element: <Typed label={label} help={help} initial="" refuse={needed} onAccept={onAccept} /> });
  const work = (words: Chrome, task: () => Promise<unknown>): void =>
    shell.attempt(async () => {
      setDoing(words);
      try {
        await task();
        onDone();
      } finally {
        setDoing(null);
      }
    });
  const begin = (): void =>
    ask(chrome`Name of your organisation`, chrome`as your colleagues will see it`, (organisation) =>
      ask(chrome`Your name`, chrome`short, as colleagues call you: anna`, (admin) =>
        work(chrome`making the home…`, () => initHome({ home, identity: path, organisation: organisation.trim(), admin: admin.trim() })),
      ),
    );
  const list = useList(ids, offered.length, {
    onOpen: (id) => {
      if (doing !== null) shell.flash(doing);
      else if (id === 'begin') begin();
      else
        ask(chrome`Your invitation`, chrome`paste it here; it works once`, (invitation) =>
          work(chrome`asking the daemon…`, () => join({ invitation: invitation.trim(), path, endpoint })),
        );
    },
  });
  useCommands({ 'view.back': () => shell.quit() });
  const current = offered[list.state.index];
  return (
    <Screen title={chrome`WELCOME TO POSTROOM`} filter={chrome`you have no identity here yet`}>
      <Row />
      <List list={list} columns={columns} rowAt={(index) => offered[index]} draw={drawWay} />
      <Row />
      <Lines tone="muted" lines={current === undefined ? [] : wrap(current.help, columns - 4).map((line) => chrome`  ${line}`)} />
      <Row />
      <T>{doing === null ? null : chrome`  ${doing}`}</T>
    </Screen>
  );
}

const drawWay = ({ title }: Way): Chrome => chrome` ${padEndTo(title, 30)}`;
