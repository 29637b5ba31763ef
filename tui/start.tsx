/**
 * Puts a shell on the real terminal and takes it off again. NODE_ENV must be `production` before this module is imported:
 * React's development build keeps every render in a buffer that is never emptied.
 */
import { render, useApp } from 'ink';
import { type ReactElement, useMemo } from 'react';
import { safeBlock } from '../protocol/text.ts';
import { ShellView } from './app-shell.tsx';
import { ThemeProvider } from './components/text.tsx';
import { type Edited, editText } from './editor.ts';
import { Shell, type Surroundings } from './shell.ts';
import { Terminal } from './terminal.ts';
import type { Safe } from './text.ts';
import { themeFor } from './theme.ts';

export type Running = {
  readonly shell: Shell;
  /** Rejects with what was thrown in a component; the terminal is restored by then. */
  readonly ended: Promise<void>;
  /** The person's editor on the whole terminal. */
  edit(text: string): Promise<Edited>;
  /** `Postroom (3)`; null gives the terminal's own title back. */
  setTitle(title: Safe | null): void;
  exit(): void;
};

/** Whether this process has a terminal to draw on. */
export function canDraw(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}

/** What of a running shell exists before its first frame. */
type OnTerminalNow = Pick<Running, 'shell' | 'edit' | 'setTitle'>;

type StartOptions = {
  /** The status row. */
  readonly status: ReactElement;
  /** Puts contexts around everything that is drawn. */
  readonly around?: (view: ReactElement, terminal: OnTerminalNow) => ReactElement;
};

/** Starts drawing. Open the first screen with `shell.goTo` before or after. */
export function startShell({ status, around = (view) => view }: StartOptions): Running {
  const shell = new Shell();
  const terminal = new Terminal(process.stdin, process.stdout);
  // Ink would print an uncaught error on the alternate screen, where it is lost.
  const crashed = (error: unknown): void => {
    terminal.restore();
    process.stderr.write(`${safeBlock(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`);
    process.exit(70);
  };
  process.on('uncaughtException', crashed);

  let handOver: Handover = async (run) => run();
  const now: OnTerminalNow = {
    shell,
    edit: (text) => editText(text, (run) => handOver(run)),
    setTitle: (title) => terminal.setTitle(title),
  };
  const instance = render(
    <ThemeProvider value={themeFor(process.env)}>
      {around(
        <OnTerminal
          shell={shell}
          terminal={terminal}
          status={status}
          repaint={() => {
            terminal.stdout.write('\u001b[H\u001b[J');
            instance.clear();
            shell.redrawn();
          }}
          onHandover={(given) => {
            handOver = given;
          }}
        />,
        now,
      )}
    </ThemeProvider>,
    {
      stdin: terminal.stdin as unknown as NodeJS.ReadStream,
      stdout: terminal.stdout as unknown as NodeJS.WriteStream,
      alternateScreen: true,
      // Ink's 30 lets a key's second commit wait 33 ms for its frame; what the daemon says is drawn ten times a second at most anyway.
      maxFps: 120,
      incrementalRendering: true,
      exitOnCtrlC: false,
      patchConsole: false,
      interactive: true,
      kittyKeyboard: { mode: 'auto', flags: ['disambiguateEscapeCodes'] },
      onRender: () => shell.painted(),
    },
  );
  const ended = instance
    .waitUntilExit()
    .then(() => {})
    .finally(() => {
      shell.dispose();
      terminal.restore();
      process.off('uncaughtException', crashed);
    });
  return { ...now, ended, exit: () => instance.unmount() };
}

/** Gives the terminal away while `run` runs, and takes it back. */
type Handover = (run: () => Promise<void>) => Promise<void>;

type OnTerminalProps = {
  readonly shell: Shell;
  readonly terminal: Terminal;
  readonly status: ReactElement;
  readonly repaint: () => void;
  readonly onHandover: (handOver: Handover) => void;
};

/** Ink lends and leaves the terminal through a hook only. */
function OnTerminal({ shell, terminal, status, repaint, onHandover }: OnTerminalProps): ReactElement {
  const { exit, suspendTerminal } = useApp();
  const surroundings = useMemo<Pick<Surroundings, 'exit' | 'redraw' | 'suspend'>>(() => {
    const handOver: Handover = (run) =>
      suspendTerminal(async () => {
        terminal.hold(true);
        try {
          await run();
        } finally {
          terminal.hold(false);
        }
      });
    onHandover(handOver);
    return {
      exit: () => exit(),
      redraw: repaint,
      suspend: () => handOver(stopped),
    };
  }, [exit, suspendTerminal, terminal, repaint, onHandover]);
  return <ShellView shell={shell} keyboard={terminal} status={status} surroundings={surroundings} />;
}

/** Stops this job as the terminal's own Ctrl-Z does: the whole foreground group, a launcher too. Ends when the shell continues it. */
function stopped(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGCONT', () => resolve());
    // SIGSTOP: a group without a job-control shell would ignore SIGTSTP (and then never be continued by anybody either).
    process.kill(0, 'SIGSTOP');
  });
}
