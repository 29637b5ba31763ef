/**
 * Bytes from a terminal -> single tokens. Pure but for time, which is handed in.
 *
 * Invariants:
 * - One key is one token, however many arrive in one read (`jjj`, `gi`, `j⏎k`) and however one is split over reads.
 * - A paste is text and never a key: what follows an end marker without a pause still belongs to the paste, because text
 *   that carries its own end marker would otherwise type its tail (CVE-2022-45063 class).
 * - A sequence that is no key of ours (mouse, focus, answers to queries, F-keys) is swallowed whole. No byte of it leaks as text,
 *   not even when the network pauses within it: a rest that comes too late to belong to its ESC is still known by its form.
 */
import { StringDecoder } from 'node:string_decoder';

/** `name` is how keymaps spell the key (`j`, `G`, `enter`, `ctrl-d`, `shift-tab`); `text` is what it types into a field, or ''. */
export type KeyToken = { readonly kind: 'key'; readonly name: string; readonly text: string };
export type PasteToken = { readonly kind: 'paste'; readonly text: string };
/** The kitty protocol's answer: Ink asked for it and turns the protocol on when it comes. */
export type KittyToken = { readonly kind: 'kitty'; readonly reply: string };
export type FocusToken = { readonly kind: 'focus'; readonly focused: boolean };
export type Token = KeyToken | PasteToken | KittyToken | FocusToken;

/** After this silence a lone ESC is the Escape key. */
export const escapeDelayMs = 20;
/** After this silence a longer sequence is given up; its bytes are dropped, never typed. */
export const sequenceDelayMs = 250;
/** The same for one that holds more than a person's Alt and a bracket: nobody waits for a key then, and its rest must not be typed. */
export const answerDelayMs = 1_000;
/** For so long after an ESC that became the Escape key, what follows may turn out to be the rest of a sequence that was torn there. */
export const tornMs = 500;
/** A paste ends when this silence follows its end marker. */
export const pasteTailMs = 30;
/** A paste whose end marker never came: after this silence one Esc or Ctrl-C, alone in its read, gives the keys back. */
export const pasteLostMs = 1_000;
/** Longer pastes are cut: a field is no place for a megabyte. */
export const pasteLimit = 1_000_000;

type State =
  | { at: 'ground' }
  | { at: 'escape'; alt: boolean }
  | { at: 'csi'; body: string; alt: boolean }
  | { at: 'ss3'; alt: boolean }
  /** X10 mouse: three bytes of any value follow `CSI M`. */
  | { at: 'mouse'; left: number }
  /** `CSI [` + one letter: F-keys of the Linux console. */
  | { at: 'console' }
  /** OSC, DCS, APC, PM, SOS: read to their terminator and dropped. */
  | { at: 'string'; escaped: boolean; length: number }
  /** After a lone ESC that became a key; `held` is what came since, as long as it may be the rest of a sequence. */
  | { at: 'torn'; held: string; sinceMs: number }
  /** `tail`: the last characters, in which an end marker is looked for. */
  | { at: 'paste'; chars: string[]; tail: string; ended: boolean };

const pasteEnd = '\u001b[201~';

const controlNames = new Map<number, string>([
  [0x00, 'ctrl-space'],
  [0x08, 'backspace'],
  [0x09, 'tab'],
  [0x0a, 'enter'],
  [0x0d, 'enter'],
  [0x1b, 'esc'],
  [0x1c, 'ctrl-\\'],
  [0x1d, 'ctrl-]'],
  [0x1e, 'ctrl-^'],
  [0x1f, 'ctrl-_'],
  [0x7f, 'backspace'],
]);

const csiFinals = new Map([
  ['A', 'up'],
  ['B', 'down'],
  ['C', 'right'],
  ['D', 'left'],
  ['F', 'end'],
  ['H', 'home'],
]);

const csiNumbers = new Map([
  [1, 'home'],
  [3, 'delete'],
  [4, 'end'],
  [5, 'pageup'],
  [6, 'pagedown'],
  [7, 'home'],
  [8, 'end'],
]);

export class InputParser {
  #state: State = { at: 'ground' };
  /** Splits of UTF-8 over reads are put together here. */
  readonly #decoder = new StringDecoder('utf8');
  #lastMs = Number.NEGATIVE_INFINITY;

  /** Takes one read. Call `idle` when `waitMs` have passed without another. */
  push(bytes: Buffer, nowMs: number): Token[] {
    const silentMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (this.#state.at === 'paste' && silentMs >= pasteLostMs && bytes.length === 1 && (bytes[0] === 0x03 || bytes[0] === 0x1b)) {
      this.#state = { at: 'ground' };
      return [key('esc')];
    }
    if (this.#state.at === 'torn' && this.#state.held === '' && nowMs - this.#state.sinceMs > tornMs) this.#state = { at: 'ground' };
    const tokens: Token[] = [];
    for (const char of this.#decoder.write(bytes)) this.#take(char, tokens);
    return tokens;
  }

  /** How long to wait for more bytes before `idle`, or null when nothing is pending. */
  get waitMs(): number | null {
    switch (this.#state.at) {
      case 'ground':
        return null;
      case 'escape':
        return this.#state.alt ? sequenceDelayMs : escapeDelayMs;
      case 'paste':
        return this.#state.ended ? pasteTailMs : null;
      case 'torn':
        return this.#state.held === '' ? null : sequenceDelayMs;
      case 'csi':
        return this.#state.body === '' ? sequenceDelayMs : answerDelayMs;
      case 'string':
        return this.#state.length < 2 ? sequenceDelayMs : answerDelayMs;
      default:
        return sequenceDelayMs;
    }
  }

  /** No byte came for `waitMs`: settles what was pending. */
  idle(): Token[] {
    const state = this.#state;
    if (state.at === 'paste' && !state.ended) return [];
    this.#state = { at: 'ground' };
    if (state.at === 'escape') {
      if (!state.alt) this.#state = { at: 'torn', held: '', sinceMs: this.#lastMs };
      return [key('esc')];
    }
    if (state.at === 'torn') return this.#typed(state.held);
    if (state.at === 'paste') return [{ kind: 'paste', text: pasted(state.chars.join('')) }];
    return [];
  }

  #take(char: string, tokens: Token[]): void {
    const state = this.#state;
    switch (state.at) {
      case 'ground':
        this.#ground(char, false, tokens);
        return;
      case 'escape':
        this.#escape(char, state.alt, tokens);
        return;
      case 'csi':
        this.#csi(char, state, tokens);
        return;
      case 'ss3': {
        const name = csiFinals.get(char);
        this.#state = { at: 'ground' };
        if (name !== undefined) tokens.push(key(state.alt ? `alt-${name}` : name));
        else if (char === 'M') tokens.push(key('enter'));
        else if (isControl(char)) this.#ground(char, false, tokens);
        return;
      }
      case 'mouse':
        this.#state = state.left > 1 ? { at: 'mouse', left: state.left - 1 } : { at: 'ground' };
        return;
      case 'console':
        this.#state = { at: 'ground' };
        return;
      case 'string':
        this.#string(char, state, tokens);
        return;
      case 'torn':
        this.#torn(state.held + char, state.sinceMs, tokens);
        return;
      case 'paste': {
        if (state.chars.length < pasteLimit) state.chars.push(char);
        state.tail = (state.tail + char).slice(-pasteEnd.length);
        if (state.tail === pasteEnd) state.ended = true;
        return;
      }
      default:
        state satisfies never;
    }
  }

  #ground(char: string, alt: boolean, tokens: Token[]): void {
    const code = char.codePointAt(0) ?? 0;
    // Eight-bit introducers: no terminal of today sends them unasked, so their sequences are answers.
    if (code === 0x9b) this.#state = { at: 'csi', body: '', alt: false };
    else if (code === 0x8f) this.#state = { at: 'ss3', alt: false };
    else if (code === 0x90 || code === 0x98 || (code >= 0x9d && code <= 0x9f)) this.#state = { at: 'string', escaped: false, length: 0 };
    else if (code === 0x1b) this.#state = { at: 'escape', alt: false };
    else {
      this.#state = { at: 'ground' };
      if (code >= 0x80 && code <= 0x9f) return;
      const prefix = alt ? 'alt-' : '';
      if (code < 0x20 || code === 0x7f) tokens.push(key(prefix + (controlNames.get(code) ?? `ctrl-${String.fromCharCode(code + 0x60)}`)));
      else if (char === ' ') tokens.push(key(`${prefix}space`, alt ? '' : ' '));
      else tokens.push(key(prefix + char, alt ? '' : char));
    }
  }

  #escape(char: string, alt: boolean, tokens: Token[]): void {
    switch (char) {
      case '[':
        this.#state = { at: 'csi', body: '', alt };
        return;
      case 'O':
        this.#state = { at: 'ss3', alt };
        return;
      case ']':
      case 'P':
      case 'X':
      case '^':
      case '_':
        this.#state = { at: 'string', escaped: false, length: 0 };
        return;
      case '\u001b':
        // Esc Esc in one read: two presses, or Alt with a sequence key; the second decides.
        if (alt) tokens.push(key('esc'));
        this.#state = { at: 'escape', alt: true };
        return;
      default:
        this.#ground(char, true, tokens);
    }
  }

  #csi(char: string, { body, alt }: { body: string; alt: boolean }, tokens: Token[]): void {
    const code = char.codePointAt(0) ?? 0;
    if (isControl(char)) {
      this.#ground(char, false, tokens);
    } else if (code < 0x40) {
      this.#state = body.length < 256 ? { at: 'csi', body: body + char, alt } : { at: 'csi', body, alt };
    } else if (char === '[' && body === '') {
      this.#state = { at: 'console' };
    } else if (char === 'M' && body === '') {
      this.#state = { at: 'mouse', left: 3 };
    } else if (char === '~' && body === '200') {
      this.#state = { at: 'paste', chars: [], tail: '', ended: false };
    } else {
      this.#state = { at: 'ground' };
      const token = controlSequence(body, char, alt);
      if (token !== null) tokens.push(token);
    }
  }

  /** What is no rest was typed by a person, who may well press Esc and then `[`. */
  #torn(held: string, sinceMs: number, tokens: Token[]): void {
    if (tornRest.test(held)) {
      this.#state = { at: 'escape', alt: false };
      for (const char of held) this.#take(char, tokens);
    } else if (mayBeTorn.test(held)) {
      this.#state = { at: 'torn', held, sinceMs };
    } else {
      this.#state = { at: 'ground' };
      tokens.push(...this.#typed(held));
    }
  }

  #typed(held: string): Token[] {
    const tokens: Token[] = [];
    for (const char of held) this.#take(char, tokens);
    return tokens;
  }

  #string(char: string, { escaped, length }: { escaped: boolean; length: number }, tokens: Token[]): void {
    const code = char.codePointAt(0) ?? 0;
    if (escaped && char !== '\\') {
      // ESC and anything but `\`: the string was broken off, a new sequence begins.
      this.#state = { at: 'escape', alt: false };
      this.#escape(char, false, tokens);
    } else if (escaped || code === 0x07 || code === 0x9c || code === 0x18 || code === 0x1a) {
      this.#state = { at: 'ground' };
    } else if (code === 0x1b) {
      this.#state = { at: 'string', escaped: true, length };
    } else if (code === 0x03) {
      // No answer holds a Ctrl-C: this is a person who wants out.
      this.#ground(char, false, tokens);
    } else {
      this.#state = { at: 'string', escaped: false, length: length + 1 };
    }
  }
}

/**
 * How the rests of sequences begin whose ESC came alone: keys, focus, mouse, reports and pastes (CSI, SS3), colours, clipboard and titles
 * (OSC), settings, capabilities and versions (DCS), graphics (APC). Two keys or three that a person hardly presses right after Esc.
 */
const tornRest = /^(?:\[[A-DFHIMOZ<=>?\d]|O[A-DFHMP-S]|\][\dlL]|P(?:[01][$+]|[>!]\|)|_G)/;
const mayBeTorn = /^(?:[[\]O_]|P[01>!]?)$/;

/** A complete CSI sequence: a key of ours, or null for everything that must not be one. */
function controlSequence(body: string, final: string, alt: boolean): Token | null {
  if (body === '' && (final === 'I' || final === 'O')) return { kind: 'focus', focused: final === 'I' };
  if (final === 'u' && /^\?\d+$/.test(body)) return { kind: 'kitty', reply: `\u001b[${body}u` };
  if (!/^[\d;:]*$/.test(body)) return null;
  const params = body.split(';');
  const number = Number.parseInt(params[0] ?? '', 10);
  const [modifiers = '1', event = '1'] = (params[1] ?? '1').split(':');
  if (event === '3') return null;
  const bits = Math.max(0, (Number.parseInt(modifiers, 10) || 1) - 1) | (alt ? 2 : 0);

  if (final === 'u') return unicodeKey(number, bits);
  if (final === 'Z') return key('shift-tab');
  if (final === '~') {
    if (number === 27 && params.length === 3) return unicodeKey(Number.parseInt(params[2] ?? '', 10), bits);
    const name = csiNumbers.get(number);
    return name === undefined ? null : key(modified(name, bits));
  }
  const name = csiFinals.get(final);
  return name === undefined ? null : key(modified(name, bits));
}

/** Keys that terminals report by code point (kitty `CSI u`, xterm modifyOtherKeys). */
function unicodeKey(code: number, bits: number): KeyToken | null {
  if (!Number.isInteger(code) || code < 0 || code > 0x10ffff) return null;
  // kitty numbers its functional keys in the private use area: none of them is ours.
  if (code >= 0xe000 && code <= 0xf8ff) return null;
  const name = code === 32 ? 'space' : controlNames.get(code);
  if (name !== undefined) return key(modified(name, bits), name === 'space' && (bits & ~1) === 0 ? ' ' : '');
  if (code < 0x20 || (code >= 0x80 && code <= 0x9f) || (code >= 0xd800 && code <= 0xdfff)) return null;
  const char = String.fromCodePoint(code);
  if ((bits & ~1) !== 0) return key(modified(char, bits));
  const typed = bits & 1 ? char.toUpperCase() : char;
  return key(typed, typed);
}

function modified(name: string, bits: number): string {
  return `${bits & 4 ? 'ctrl-' : ''}${bits & 2 ? 'alt-' : ''}${bits & 1 ? 'shift-' : ''}${name}`;
}

function key(name: string, text = ''): KeyToken {
  return { kind: 'key', name, text };
}

function isControl(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  return code < 0x20 || code === 0x7f;
}

/** Pasted text as a field takes it: LF line ends, no control but LF and TAB, no marker of a paste. */
export function pasted(text: string): string {
  return text
    .replaceAll(/\u001b\[20[01]~/g, '')
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}
