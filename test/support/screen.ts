import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';

/** How long to wait for what a program will draw. */
const waitMs = 90_000;

export interface ScreenOptions {
  command: string;
  args?: readonly string[];
  /** Beside those that every terminal has. Nothing else is inherited, so that a test sees the same screen everywhere. */
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  cols?: number;
  rows?: number;
}

/** A program in a real pseudo-terminal, seen through a real terminal emulator. */
export interface Screen extends AsyncDisposable {
  readonly pid: number;
  /** Keys by name: `j`, `G`, `<enter>`, `<esc>`, `<c-k>`, `<a-x>`, `<s-tab>`, `<up>`, `<f5>`, `<lt>` for the character itself. */
  press(...keys: string[]): void;
  /** Characters as they are, in one write, as a fast typist or a paste without brackets sends them. */
  type(text: string): void;
  /** As terminals send a paste when the program asked for brackets (mode 2004). */
  paste(text: string): void;
  /** The visible grid, a line for each row, blanks at line ends and empty lines at the bottom left out. */
  text(): string;
  /** One row, counted from 0 at the top. */
  line(row: number): string;
  /** Where the cursor is, counted from 0, and whether it shows. */
  cursor(): { x: number; y: number; visible: boolean };
  /** How one cell is drawn. */
  cell(x: number, y: number): { text: string; bold: boolean; dim: boolean; inverse: boolean; underline: boolean };
  /** Whether the program is on the alternate screen. */
  alternate(): boolean;
  title(): string;
  /** Resolves with the text as soon as it fits; looks again after whatever the program draws. Rejects, with the screen, after the time. */
  waitFor(wanted: string | RegExp | ((screen: Screen) => boolean), timeoutMs?: number): Promise<string>;
  resize(cols: number, rows: number): void;
  /** Every octet that the program wrote, or those after the first `from`. */
  bytes(from?: number): Buffer;
  readonly exitCode: Promise<{ code: number; signal: number }>;
  /** Sends the program a signal. */
  kill(signal?: NodeJS.Signals): void;
}

export function openScreen({ command, args = [], env = {}, cwd, cols = 80, rows = 24 }: ScreenOptions): Screen {
  const terminal = new xterm.Terminal({ cols, rows, allowProposedApi: true, scrollback: 1000 });
  const pty = spawn(command, [...args], {
    cols,
    rows,
    cwd: cwd ?? process.cwd(),
    env: environment(env),
    encoding: null, // octets: a character may be cut in two between reads
  });
  const written: Buffer[] = [];
  const watchers = new Set<() => void>();
  const changed = () => {
    for (const watcher of watchers) watcher();
  };
  const modes = { cursorVisible: true, title: '' };
  let running = true;
  let exited: { code: number; signal: number } | undefined;

  const exit = Promise.withResolvers<{ code: number; signal: number }>();
  pty.onData((data: unknown) => {
    const octets = data as Buffer; // node-pty types strings only, and gives buffers when there is no encoding
    written.push(octets);
    terminal.write(octets, changed); // the callback comes when the octets are parsed, not when they are queued
  });
  pty.onExit(({ exitCode, signal }) => {
    running = false;
    terminal.write('', () => {
      // Only now is everything parsed that it wrote last.
      exited = { code: exitCode, signal: signal ?? 0 };
      exit.resolve(exited);
      changed();
    });
  });
  // A terminal answers questions (cursor position, device attributes); without that, programs wait or take time-outs.
  terminal.onData((answer) => {
    if (running) pty.write(answer);
  });
  terminal.onTitleChange((title) => {
    modes.title = title;
  });
  for (const [final, visible] of [
    ['h', true],
    ['l', false],
  ] as const) {
    terminal.parser.registerCsiHandler({ prefix: '?', final }, (parameters) => {
      if (parameters.includes(25)) modes.cursorVisible = visible;
      return false; // the emulator's own handler comes next
    });
  }

  const line = (row: number) => terminal.buffer.active.getLine(terminal.buffer.active.baseY + row)?.translateToString(true) ?? '';
  const text = () =>
    Array.from({ length: terminal.rows }, (_, row) => line(row))
      .join('\n')
      .trimEnd();
  const signal = (name: NodeJS.Signals) => {
    if (running) process.kill(pty.pid, name);
  };

  const screen: Screen = {
    pid: pty.pid,
    press: (...keys) => pty.write(keys.map((key) => sequence(key, terminal.modes.applicationCursorKeysMode)).join('')),
    type: (characters) => pty.write(characters),
    paste: (characters) => pty.write(terminal.modes.bracketedPasteMode ? `\x1b[200~${characters}\x1b[201~` : characters),
    text,
    line,
    cursor: () => ({ x: terminal.buffer.active.cursorX, y: terminal.buffer.active.cursorY, visible: modes.cursorVisible }),
    cell(x, y) {
      const cell = terminal.buffer.active.getLine(terminal.buffer.active.baseY + y)?.getCell(x);
      return {
        text: cell?.getChars() ?? '',
        bold: Boolean(cell?.isBold()),
        dim: Boolean(cell?.isDim()),
        inverse: Boolean(cell?.isInverse()),
        underline: Boolean(cell?.isUnderline()),
      };
    },
    alternate: () => terminal.buffer.active.type === 'alternate',
    title: () => modes.title,
    async waitFor(wanted, timeoutMs = waitMs) {
      const fits = () => {
        if (typeof wanted === 'function') return wanted(screen);
        return typeof wanted === 'string' ? text().includes(wanted) : wanted.test(text());
      };
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const give = (why: string) =>
        reject(
          new Error(`${why} without ${typeof wanted === 'string' ? JSON.stringify(wanted) : wanted}:\n${framed(text(), terminal.cols)}`),
        );
      const look = () => {
        try {
          if (fits()) resolve(text());
          else if (exited) give(`The program ended (code ${exited.code}, signal ${exited.signal})`);
        } catch (error) {
          reject(error);
        }
      };
      const timer = setTimeout(() => give(`${timeoutMs} ms went by`), timeoutMs);
      watchers.add(look);
      look();
      return promise.finally(() => {
        clearTimeout(timer);
        watchers.delete(look);
      });
    },
    resize(width, height) {
      terminal.resize(width, height);
      pty.resize(width, height);
    },
    bytes: (from = 0) => octetsFrom(written, from),
    exitCode: exit.promise,
    kill: (name = 'SIGTERM') => signal(name),
    async [Symbol.asyncDispose]() {
      signal('SIGHUP'); // what a program gets when its window is closed
      const stubborn = setTimeout(() => signal('SIGKILL'), 3000);
      await exit.promise;
      clearTimeout(stubborn);
      terminal.dispose();
    },
  };
  return screen;
}

/** For two looks at one screen: ages grow in between. */
export const ageless = (text: string): string => text.replace(/ +(?:now|\d+[smhd])(?= |$)/gm, ' ~');

function environment(own: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const { PATH, HOME, TMPDIR } = process.env;
  // No CI here: Ink would take the terminal for a log and draw nothing.
  const all = { PATH, HOME, TMPDIR, TERM: 'xterm-256color', COLORTERM: 'truecolor', LANG: 'C.UTF-8', ...own };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Without putting together what comes before: a long session writes many megabytes, and is asked after every key. */
function octetsFrom(chunks: readonly Buffer[], from: number): Buffer {
  let before = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  let first = chunks.length;
  while (first > 0 && before > from) before -= chunks[--first]?.length ?? 0;
  return Buffer.concat(chunks.slice(first)).subarray(Math.max(0, from - before));
}

function framed(text: string, cols: number): string {
  const edge = `+${'-'.repeat(cols)}+`;
  return [edge, ...text.split('\n').map((line) => `|${line}`), edge].join('\n');
}

const named: Readonly<Record<string, string>> = {
  enter: '\r',
  esc: '\x1b',
  tab: '\t',
  's-tab': '\x1b[Z',
  space: ' ',
  bs: '\x7f',
  lt: '<',
  del: '\x1b[3~',
  ins: '\x1b[2~',
  pageup: '\x1b[5~',
  pagedown: '\x1b[6~',
  f1: '\x1bOP',
  f2: '\x1bOQ',
  f3: '\x1bOR',
  f4: '\x1bOS',
  f5: '\x1b[15~',
  f6: '\x1b[17~',
  f7: '\x1b[18~',
  f8: '\x1b[19~',
  f9: '\x1b[20~',
  f10: '\x1b[21~',
  f11: '\x1b[23~',
  f12: '\x1b[24~',
};
const cursorKeys: Readonly<Record<string, string>> = { up: 'A', down: 'B', right: 'C', left: 'D', home: 'H', end: 'F' };
/** What xterm adds to cursor keys that are pressed with others: 1 + shift + 2 alt + 4 control. */
const modifiers: Readonly<Record<string, number>> = { s: 2, a: 3, c: 5 };

/** The octets that an xterm sends for a key. */
function sequence(key: string, applicationCursorKeys: boolean): string {
  const name = /^<(.+)>$/.exec(key)?.[1];
  if (name === undefined) {
    if ([...key].length !== 1) throw new Error(`${JSON.stringify(key)} is no key: special keys are written <enter>, text is typed`);
    return key;
  }
  const special = named[name] ?? (cursorKeys[name] && `\x1b${applicationCursorKeys ? 'O' : '['}${cursorKeys[name]}`);
  if (special !== undefined) return special;

  const [, modifier = '', rest = ''] = /^([csa])-(.+)$/.exec(name) ?? [];
  if (cursorKeys[rest]) return `\x1b[1;${modifiers[modifier]}${cursorKeys[rest]}`;
  if (modifier === 'a') return `\x1b${sequence([...rest].length === 1 ? rest : `<${rest}>`, applicationCursorKeys)}`;
  if (modifier === 'c' && /^[a-z@[\]\\^_]$/.test(rest)) return String.fromCharCode(rest.toUpperCase().charCodeAt(0) & 0x1f);
  if (modifier === 'c' && rest === 'space') return '\0';
  throw new Error(`No key is called ${key}`);
}
