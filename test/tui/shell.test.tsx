/** The shell without a terminal: layers, the way of a key, and the components on it. */
import { render } from 'ink-testing-library';
import { type ReactElement, useMemo, useState } from 'react';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { safeText } from '../../protocol/text.ts';
import { ShellView } from '../../tui/app-shell.tsx';
import { List, useList } from '../../tui/components/list.tsx';
import { Panes, usePanes } from '../../tui/components/panes.tsx';
import { T } from '../../tui/components/text.tsx';
import type { Token } from '../../tui/input.ts';
import { Screen, useCommands, useShell, useViewport } from '../../tui/screen.tsx';
import { Navigator } from '../../tui/screens/places.ts';
import { Shell } from '../../tui/shell.ts';
import { chrome } from '../../tui/text.ts';
import { eventually } from '../support/eventually.ts';

class FakeKeyboard {
  #listener: ((token: Token) => void) | null = null;

  listen(listener: (token: Token) => void): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = null;
    };
  }

  press(...names: string[]): void {
    for (const name of names) this.#listener?.({ kind: 'key', name, text: [...name].length === 1 ? name : '' });
  }

  paste(text: string): void {
    this.#listener?.({ kind: 'paste', text });
  }
}

const mounted: { unmount(): void }[] = [];
afterEach(() => {
  for (const one of mounted.splice(0)) one.unmount();
});

/** A shell with `first` on it. `sees` waits for a frame that fits. */
async function start(first: ReactElement, keepOpen?: () => ReturnType<typeof chrome> | null, now?: () => number) {
  const shell = new Shell(now);
  const keyboard = new FakeKeyboard();
  const exit = vi.fn();
  const surroundings = { exit, redraw: vi.fn(), suspend: vi.fn(async () => {}) };
  if (keepOpen !== undefined) shell.keepOpen(keepOpen);
  shell.goTo({ name: 'first', element: first });
  const view = render(
    <ShellView shell={shell} keyboard={keyboard} status={<T>{chrome`online`}</T>} surroundings={surroundings} paintsOnCommit />,
  );
  mounted.push({
    unmount() {
      shell.dispose();
      view.unmount();
    },
  });
  const sees = (wanted: string | RegExp): Promise<void> => eventually(() => expect(view.lastFrame()).toMatch(wanted));
  const misses = (unwanted: string): Promise<void> => eventually(() => expect(view.lastFrame()).not.toContain(unwanted));
  await sees('online');
  return { shell, keyboard, exit, sees, misses, frame: () => view.lastFrame() ?? '' };
}

const all = ['a', 'b', 'c', 'd'];

function Rows({ onDone }: { onDone?: (id: string) => void }): ReactElement {
  const shell = useShell();
  const { columns } = useViewport();
  const [ids, setIds] = useState(all);
  const list = useList(ids, 3, { onOpen: () => shell.open({ name: 'opened', element: <Opened /> }) });
  const draw = useMemo(() => (item: string) => chrome`row ${safeText(item)}`, []);
  const { cursor } = list.state;
  useCommands(
    {
      'work.done': () => {
        if (cursor === null) return;
        onDone?.(cursor);
        setIds((before) => before.filter((id) => id !== cursor));
        const undo = (): void => {
          setIds(all);
          list.select(cursor);
        };
        shell.toast({ who: 'team', text: chrome`done ${safeText(cursor)}`, undo });
      },
      'sync.now': () => setIds((before) => ['new', ...before]),
    },
    { facts: { conversation: { send: true, state: 'open', assigned: 'me', attachments: 0 } } },
  );
  return (
    <Screen title={chrome`rows`} filter={chrome`↑${list.state.newAbove} new`}>
      <List list={list} columns={columns} rowAt={(index) => ids[index]} draw={draw} />
    </Screen>
  );
}

function Opened(): ReactElement {
  useCommands({});
  return <Screen title={chrome`opened`} />;
}

describe('keys', () => {
  test('each acts on what the one before it left', async () => {
    const done: string[] = [];
    const { keyboard, sees } = await start(<Rows onDone={(id) => done.push(id)} />);
    await sees('▌row a');
    keyboard.press('j', 'e', 'e', 'k', 'e');
    await sees('done a');
    expect(done).toEqual(['b', 'c', 'a']);
    await sees('▌row d');
  });
  test('a burst of sixty different keys', async () => {
    const { keyboard, sees } = await start(<Rows />);
    for (let i = 0; i < 30; i++) keyboard.press('j', 'k');
    keyboard.press('j');
    await sees('▌row b');
  });
  test('one that does nothing says so', async () => {
    const { keyboard, sees } = await start(<Rows />);
    keyboard.press('X');
    await sees('X does nothing here');
    keyboard.press('t');
    await sees('t does nothing here');
  });
  test('z takes back, whose state it was is said first', async () => {
    const { keyboard, sees, misses } = await start(<Rows />);
    keyboard.press('e');
    await sees(/TEAM {2}done a.*z undo 10s/);
    keyboard.press('z');
    await sees('▌row a');
    await misses('undo');
  });
});

describe('layers', () => {
  test('a screen goes over another, which keeps its cursor', async () => {
    const { keyboard, sees } = await start(<Rows />);
    keyboard.press('j', 'enter');
    await sees('opened');
    keyboard.press('q');
    await sees('▌row b');
  });
  test('Esc and a letter in one read are two keys where nothing is bound to Alt', async () => {
    const { keyboard, sees, misses } = await start(<Rows />);
    keyboard.press('q');
    await sees('Quit Postroom?');
    keyboard.press('alt-j');
    await misses('Quit Postroom?');
    await sees('▌row b');
  });
  test('while a modal is open all other keys are dead', async () => {
    const { keyboard, sees, misses, exit } = await start(<Rows />);
    keyboard.press('q');
    await sees('Quit Postroom?');
    keyboard.press('j', 'e', 'y', 'q');
    await sees('q does nothing here');
    keyboard.press('esc');
    await misses('Quit Postroom?');
    await sees('▌row a');
    expect(exit).not.toHaveBeenCalled();
  });
  test('keys on their way are not for a layer that came by itself', async () => {
    const { shell, keyboard, sees } = await start(<Rows />);
    keyboard.press('enter');
    await sees('opened');
    // The right was taken away: the screen closes, and `e` was meant for it.
    shell.close(true);
    keyboard.press('e');
    await sees('typed before this was on the screen');
    await sees('▌row a');
  });
  describe('a screen that is fetched first', () => {
    /** `r` fetches a screen with a field; what else is pressed is a verb of the list. */
    function Fetching({ fetched, acted, typed }: { fetched: () => Promise<void>; acted: (verb: string) => void; typed: string[] }) {
      const shell = useShell();
      useCommands(
        {
          'mail.reply': () =>
            shell.opening(async () => {
              await fetched();
              shell.open({ name: 'compose', element: <Typing typed={typed} /> });
            }),
          'work.take': () => acted('take'),
          'work.done': () => acted('done'),
        },
        { facts: { conversation: { send: true, state: 'open', assigned: 'me', attachments: 0 } } },
      );
      return <T>{chrome`a list`}</T>;
    }

    function Typing({ typed }: { typed: string[] }) {
      useCommands(
        {},
        {
          capture: (token) => {
            typed.push(token.kind === 'key' ? token.text || token.name : token.text);
            return true;
          },
        },
      );
      return <T>{chrome`a field`}</T>;
    }

    async function begun(now?: () => number) {
      const gate = Promise.withResolvers<void>();
      const acted = vi.fn();
      const typed: string[] = [];
      const started = await start(<Fetching fetched={() => gate.promise} acted={acted} typed={typed} />, undefined, now);
      await started.sees('a list');
      return { ...started, gate, acted, typed };
    }

    test('takes what is typed meanwhile, in order, and no verb does', async () => {
      const { keyboard, sees, gate, acted, typed } = await begun();
      keyboard.press('r', 't', 'e', 'enter', 'e');
      keyboard.paste('pasted');
      gate.resolve();
      await sees('a field');
      await eventually(() => expect(typed).toEqual(['t', 'e', 'enter', 'e', 'pasted']));
      expect(acted).not.toHaveBeenCalled();
    });

    test('that does not come takes them along, and the next key is a verb again', async () => {
      const { keyboard, sees, gate, acted } = await begun();
      keyboard.press('r', 't', 'e');
      gate.reject(new Error('The daemon is away.'));
      await sees('The daemon is away.');
      expect(acted).not.toHaveBeenCalled();
      keyboard.press('e');
      await eventually(() => expect(acted.mock.calls).toEqual([['done']]));
    });

    test('that takes long is waited for until Esc, and takes no older key when it comes after all', async () => {
      let now = 1_000;
      const { keyboard, sees, gate, acted, typed } = await begun(() => now);
      keyboard.press('r', 'esc', 't'); // in one burst: Esc is for the screen
      now += 1_500;
      keyboard.press('esc');
      await sees('not waited for any more');
      keyboard.press('e');
      await eventually(() => expect(acted.mock.calls).toEqual([['done']]));
      gate.resolve();
      await sees('a field');
      expect(typed).toEqual([]);
      keyboard.press('x');
      await eventually(() => expect(typed).toEqual(['x']));
    });
  });

  test('Ctrl-C asks only when something would be lost', async () => {
    let reason: ReturnType<typeof chrome> | null = chrome`A draft is open.`;
    const { keyboard, sees, misses, exit } = await start(<Rows />, () => reason);
    keyboard.press('ctrl-c');
    await sees('A draft is open.');
    keyboard.press('esc');
    await misses('A draft is open.');
    reason = null;
    keyboard.press('ctrl-c');
    await eventually(() => expect(exit).toHaveBeenCalledOnce());
  });
  test('Ctrl-C answers the question whether to quit, and only that one', async () => {
    const { shell, keyboard, sees, misses, exit } = await start(<Rows />);
    const onAccept = vi.fn();
    shell.ask({ title: chrome`Trash it?`, consequence: chrome`For everybody.`, onAccept });
    await sees('Trash it?');
    keyboard.press('ctrl-c');
    await misses('Trash it?');
    keyboard.press('q');
    await sees('Quit Postroom?');
    keyboard.press('ctrl-c');
    await vi.waitFor(() => expect(exit).toHaveBeenCalledOnce());
    expect(onAccept).not.toHaveBeenCalled();
  });
});

test('arrivals above leave the cursor on its row and are counted', async () => {
  const { keyboard, sees } = await start(<Rows />);
  keyboard.press('ctrl-r');
  await sees('↑1 new');
  await sees('▌row a');
  keyboard.press('k');
  await sees('↑0 new');
  await sees('▌row new');
});

test('an unfinished chord names what may follow', async () => {
  function Going(): ReactElement {
    useCommands({ 'go.panel': () => {}, 'move.first': () => {} });
    return <Screen title={chrome`going`} />;
  }
  const { keyboard, sees, misses } = await start(<Going />);
  keyboard.press('g');
  await sees('g p Go to my panel · g g To the beginning');
  keyboard.press('esc');
  await misses('Go to my panel');
});

test('hints name what can be done here, and only that', async () => {
  const { frame, sees } = await start(<Rows />);
  await sees('e done');
  expect(frame()).toMatch(/Enter open.*e done.*: cmd/);
  expect(frame()).not.toMatch(/reply|take/);
});

test('the hint of q says where it leads: back, or out', async () => {
  const { shell, frame, sees } = await start(<Screen title={chrome`first`} />);
  await sees('q quit');
  shell.open({ name: 'second', element: <Screen title={chrome`second`} /> });
  await sees('q back');
  expect(frame()).not.toContain('q quit');
});

test('q leads back through the places that one came by, and quits from home', async () => {
  const { shell, keyboard, sees, misses } = await start(<Screen title={chrome`start`} />);
  const navigator = new Navigator(
    (layer, how) => shell.goTo(layer, typeof how === 'string' ? null : how.back),
    (place) => ({ name: place.kind, element: <Screen title={chrome`AT ${safeText(place.kind)}`} /> }),
  );
  const support = safeText('support@x.example');
  navigator.go({ kind: 'panel', view: 'mine', mailbox: null });
  navigator.go({ kind: 'folders', mailbox: support });
  navigator.go({ kind: 'outbox' });
  navigator.go({ kind: 'folders', mailbox: support }); // where one was already: no circle
  await sees('AT folders');
  await sees('q back');
  keyboard.press('q');
  await sees('AT panel');
  await sees('q quit');
  navigator.go({ kind: 'outbox' });
  navigator.go({ kind: 'panel', view: 'team', mailbox: null });
  await sees('AT panel');
  keyboard.press('q');
  await sees('Quit Postroom?');
  keyboard.press('esc');
  await misses('Quit Postroom?');
});

test('Z does again what z took back, for a while', async () => {
  const { shell, keyboard, sees } = await start(<Screen title={chrome`first`} />);
  const done: string[] = [];
  shell.toast({ text: chrome`Done`, undo: () => void done.push('undone'), redo: () => void done.push('done again') });
  keyboard.press('z');
  await sees('Z does it again');
  keyboard.press('Z', 'Z');
  await sees('nothing to do again');
  expect(done).toEqual(['undone', 'done again']);
});

test('panes share the room, and Tab goes through those that have keys', async () => {
  function Two(): ReactElement {
    const panes = usePanes(['list', 'reader']);
    return (
      <Screen title={chrome`focus ${safeText(panes.focused)} of ${panes.shown.length}`}>
        <Panes panes={panes}>{{ list: <T>{chrome`left`}</T>, reader: <T>{chrome`right`}</T> }}</Panes>
      </Screen>
    );
  }
  // The library's terminal has 100 columns: one pane.
  const { sees, frame } = await start(<Two />);
  await sees('focus list of 1');
  expect(frame()).not.toContain('right');
});
