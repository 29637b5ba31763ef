/**
 * The terminal: one owner of its input, its output and its modes.
 *
 * Invariants:
 * - Ink never sees a key. Its stdin is an empty pipe that only carries raw mode, ref and the kitty answer; keys leave as tokens.
 * - Only sequences that the renderer makes reach the terminal. Everything else is dropped here, the second wall behind SafeText.
 * - Modes are written down as they pass by, so `restore` undoes exactly those that are on, synchronously, on every way out.
 */
import { writeSync } from 'node:fs';
import { PassThrough, Writable } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import { InputParser, type Token } from './input.ts';
import type { Safe } from './text.ts';

export type TokenListener = (token: Token) => void;

/** What the shell needs of a terminal; tests give one without a TTY. */
export interface Keyboard {
  /** One listener at a time: the keymap. */
  listen(listener: TokenListener): () => void;
}

const enterAlternate = '\u001b[?1049h';
const leaveAlternate = '\u001b[?1049l';
const wrapOff = '\u001b[?7l';
const wrapOn = '\u001b[?7h';

/** Private modes that the renderer sets, and whether "on" is the state to undo. */
const rendererModes = new Map([
  ['25', { dirty: 'l', undo: '\u001b[?25h' }],
  ['1049', { dirty: 'h', undo: leaveAlternate + wrapOn }],
  ['2004', { dirty: 'h', undo: '\u001b[?2004l' }],
  ['2026', { dirty: 'h', undo: '\u001b[?2026l' }],
]);

/** Order of undoing: what belongs to the alternate screen first, the cursor last. */
const undoOrder = ['2026', '2004', 'kitty', '1049', '25'];

/**
 * Lets through text, LF, CR and the sequences that Ink writes. A terminal reads any other control as a command,
 * so there is no list of bad ones: what is not known is dropped.
 */
export class OutputFilter {
  readonly #dirty = new Map<string, string>();

  filter(data: string): string {
    // Complete sequences of any kind, a cut-off rest included; then single controls.
    return data.replaceAll(
      /\u001b\[([<=>?]?)([\d;:]*)([ -/]*)([@-~])|\u001b[\]PX^_][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f]/g,
      (sequence, mark: string | undefined, params: string | undefined, middle: string | undefined, final: string | undefined) => {
        if (final === undefined || params === undefined || middle !== '') return '';
        return this.#allow(sequence, mark ?? '', params, final);
      },
    );
  }

  /** What undoes every mode that is on now. */
  undo(): string {
    return undoOrder.map((mode) => this.#dirty.get(mode) ?? '').join('');
  }

  #allow(sequence: string, mark: string, params: string, final: string): string {
    if (mark === '') return 'ABCDEFGHJKm'.includes(final) ? sequence : '';
    if (mark === '?' && (final === 'h' || final === 'l')) return this.#mode(sequence, params, final);
    if (final !== 'u') return '';
    if (mark === '?' && params === '') return sequence;
    if (mark === '>') this.#dirty.set('kitty', '\u001b[<u');
    else if (mark === '<') this.#dirty.delete('kitty');
    else return '';
    return sequence;
  }

  #mode(sequence: string, params: string, final: string): string {
    const mode = rendererModes.get(params);
    if (mode === undefined) return '';
    if (final === mode.dirty) this.#dirty.set(params, mode.undo);
    else this.#dirty.delete(params);
    // A wrong guess at a width must never push a line down, and nobody else wants wrapping off: it follows the alternate screen.
    if (sequence === enterAlternate) return sequence + wrapOff;
    if (sequence === leaveAlternate) return sequence + wrapOn;
    return sequence;
  }
}

/** Ink's stdout. Writes pass through at once (a TTY is synchronous), so nothing is left behind when the process ends. */
class Screen extends Writable {
  readonly isTTY = true;
  readonly modes = new OutputFilter();
  /** While another program has the terminal nothing of ours is written. */
  held = false;
  readonly #out: WriteStream;

  constructor(out: WriteStream) {
    super({ decodeStrings: false });
    this.#out = out;
    out.on('resize', this.#resized);
  }

  get columns(): number {
    return this.#out.columns;
  }

  get rows(): number {
    return this.#out.rows;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    const text = this.modes.filter(chunk.toString());
    if (!this.held && text !== '') this.#out.write(text);
    done();
  }

  close(): void {
    this.#out.off('resize', this.#resized);
  }

  readonly #resized = (): void => {
    this.emit('resize');
  };
}

/** Ink's stdin: it may ask for raw mode and be referenced; it reads nothing but the kitty answer. */
class ControlPipe extends PassThrough {
  readonly isTTY = true;
  readonly #source: ReadStream;
  readonly #active: (active: boolean) => void;

  constructor(source: ReadStream, active: (active: boolean) => void) {
    super();
    this.#source = source;
    this.#active = active;
  }

  setRawMode(raw: boolean): this {
    this.#source.setRawMode(raw);
    this.#active(raw);
    return this;
  }

  ref(): this {
    this.#source.ref();
    return this;
  }

  unref(): this {
    this.#source.unref();
    return this;
  }
}

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export class Terminal implements Keyboard {
  /** Streams for Ink's `render`. */
  readonly stdin: ControlPipe;
  readonly stdout: Screen;
  readonly #in: ReadStream;
  readonly #out: WriteStream & { readonly fd: number };
  readonly #parser = new InputParser();
  #timer: NodeJS.Timeout | undefined;
  #listener: TokenListener | null = null;
  #waiting: Token[] = [];
  #titled = false;
  #open = true;

  constructor(input: ReadStream, output: WriteStream & { readonly fd: number }) {
    this.#in = input;
    this.#out = output;
    this.stdin = new ControlPipe(input, (active) => this.#read(active));
    this.stdout = new Screen(output);
    process.on('exit', this.restore);
    for (const signal of Object.keys(signals)) process.on(signal, this.#signalled);
  }

  listen(listener: TokenListener): () => void {
    this.#listener = listener;
    // Typed before the first screen stood: not lost.
    for (const token of this.#waiting.splice(0)) listener(token);
    return () => {
      if (this.#listener === listener) this.#listener = null;
    };
  }

  /** null gives the terminal its own title back. */
  setTitle(text: Safe | null): void {
    if (!this.#open || this.stdout.held) return;
    if (text === null) {
      if (this.#titled) this.#out.write('\u001b[23;0t');
      this.#titled = false;
      return;
    }
    // Saved on the terminal's own stack: nobody has to ask for a title, whose answer would come back as input.
    const save = this.#titled ? '' : '\u001b[22;0t';
    this.#titled = true;
    this.#out.write(`${save}\u001b]0;${text.replaceAll('\n', ' ')}\u0007`);
  }

  /** Undoes every mode that is on and gives input back. Safe to call at any time and more than once; writes synchronously. */
  readonly restore = (): void => {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#timer);
    process.off('exit', this.restore);
    for (const signal of Object.keys(signals)) process.off(signal, this.#signalled);
    const title = this.#titled ? '\u001b[23;0t' : '';
    const undo = this.stdout.held ? '' : this.stdout.modes.undo();
    this.stdout.held = true;
    this.stdout.close();
    try {
      this.#in.setRawMode(false);
      if (title + undo !== '') writeSync(this.#out.fd, `${undo}${title}`);
    } catch (error) {
      // The terminal went away first (SIGHUP): there is nothing left to restore.
      if (!isGone(error)) throw error;
    }
  };

  /** Gives the terminal away (editor, suspend) while `held`; Ink itself leaves and enters the alternate screen around it. */
  hold(held: boolean): void {
    this.stdout.held = held;
  }

  readonly #signalled = (signal: NodeJS.Signals): void => {
    this.restore();
    process.exit(128 + signals[signal as keyof typeof signals]);
  };

  #read(active: boolean): void {
    this.#in.off('data', this.#bytes);
    if (active) {
      this.#in.on('data', this.#bytes);
      this.#in.resume();
    } else {
      this.#in.pause();
    }
  }

  readonly #bytes = (bytes: Buffer): void => {
    clearTimeout(this.#timer);
    this.#emit(this.#parser.push(bytes, performance.now()));
    const wait = this.#parser.waitMs;
    if (wait !== null) this.#timer = setTimeout(() => this.#emit(this.#parser.idle()), wait);
  };

  #emit(tokens: readonly Token[]): void {
    for (const token of tokens) {
      if (token.kind === 'kitty') this.stdin.write(token.reply);
      else if (this.#listener === null) this.#waiting.push(token);
      else this.#listener(token);
    }
  }
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'EIO' || code === 'EBADF' || code === 'ENOTTY' || code === 'EPIPE';
}
