/**
 * The terminal judge: reads what a program wrote to its terminal as a terminal does, and finds every order in it that the renderer does
 * not give. Text from a mail may be anything but an order.
 *
 * It is strict where terminals are lax: a control inside a sequence, a sequence that another one cuts short, octets that are no UTF-8 and
 * characters that draw nothing or turn the writing around are foreign, too. A sequence of the renderer's own form passes whoever wrote it,
 * so hostile mails use other forms as well, and marks (`HOSTILE_…`) that tell which of them got through.
 */

export type ActKind =
  | 'control' // C0 and C1 by themselves, DEL
  | 'escape' // ESC and a final character
  | 'csi' // what is none of the next three
  | 'mode' // CSI … h and l: how the terminal behaves from now on
  | 'report' // CSI … n, c, x, u with ?, $p: the terminal would type an answer
  | 'window' // CSI … t
  | 'osc'
  | 'dcs'
  | 'apc'
  | 'pm'
  | 'sos'
  | 'cut' // a sequence that did not end
  | 'invisible' // characters that draw nothing, or move those beside them
  | 'invalid'; // no UTF-8

/** One order to the terminal, spelled as it came. `at` counts UTF-16 units of what was written. */
export type Act = { readonly kind: ActKind; readonly text: string; readonly at: number };

/** An act that the renderer does not do. `mark` is the nearest mark of a mail, `during` what the test was doing then. */
export type Foreign = Act & { readonly mark: string | null; readonly during: string };

/**
 * Everything that the renderer writes beside text, with parameters as narrow as a run over harmless mail at both sizes left them
 * (`e2e/hostile.test.ts` makes that run each time: a form that it meets and this list lacks is a failure).
 */
const rendererActs: readonly RegExp[] = [
  /^[\r\n]$/,
  /^\u001b\[\d{0,3}[ABEG]$/, // the cursor by rows, to the next line, to a column
  /^\u001b\[(?:1;1)?H$/, // to the corner, before everything is drawn anew
  /^\u001b\[(?:K|2K|J)$/, // to the end of the line, the line, to the end of the screen
  /^\u001b\[(?:[1247]|2[247]|3[1-69])m$/, // one look at a time; never blinking, never concealed
  /^\u001b\[\?(?:25|2004|2026|1049|7)[hl]$/, // cursor, bracketed paste, synchronised frames, alternate screen, wrapping
  /^\u001b\[(?:\?u|>\d{1,2}u|<u)$/, // the kitty keyboard, asked for and given back
  /^\u001b\[2[23];0t$/, // the title saved and restored on the terminal's own stack
  /^\u001b\]0;Postroom(?: \(\d+\))?\u0007$/,
];

const strings: Readonly<Record<string, 'osc' | 'dcs' | 'apc' | 'pm' | 'sos'>> = { ']': 'osc', P: 'dcs', _: 'apc', '^': 'pm', X: 'sos' };
const invisible = /[\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const maxSequence = 4_096;

/** A terminal's parser (after Paul Williams' state machine) that draws nothing and tells every act. Feed it in pieces of any size. */
export class VtParser {
  readonly #tell: (act: Act) => void;
  #decoder = strictUtf8();
  #state: 'ground' | 'escape' | 'csi' | 'string' | 'string-escape' = 'ground';
  #string: ActKind = 'osc';
  #sequence = '';
  #began = 0;
  #at = 0;

  constructor(tell: (act: Act) => void) {
    this.#tell = tell;
  }

  /** The characters that were read, for those who want to look around an act. */
  feed(octets: Uint8Array): string {
    const text = this.#decode(octets);
    for (const character of text) {
      this.#read(character);
      this.#at += character.length;
    }
    return text;
  }

  /** What was begun and did not end is told. */
  end(): void {
    if (this.#state !== 'ground') this.#ends('cut');
  }

  #decode(octets: Uint8Array): string {
    try {
      return this.#decoder.decode(octets, { stream: true });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.#tell({ kind: 'invalid', text: '', at: this.#at });
      this.#decoder = strictUtf8();
      return Buffer.from(octets).toString('latin1'); // as a terminal without UTF-8 would: octets 80 to 9F are controls to it
    }
  }

  #read(character: string): void {
    switch (this.#state) {
      case 'ground':
        this.#inGround(character);
        break;
      case 'escape':
        this.#inEscape(character);
        break;
      case 'csi':
        this.#inCsi(character);
        break;
      case 'string':
        this.#inString(character);
        break;
      case 'string-escape':
        this.#afterStringEscape(character);
        break;
      default:
        this.#state satisfies never;
    }
  }

  #inGround(character: string): void {
    const code = character.codePointAt(0) ?? 0;
    // U+009B is CSI in one character, as ESC [ is in two.
    const introduced = code >= 0x80 && code <= 0x9f ? String.fromCharCode(code - 0x40) : '';
    if (character === '\u001b') this.#begin('escape', character);
    else if (introduced === '[') this.#begin('csi', character);
    else if (Object.hasOwn(strings, introduced)) this.#beginString(introduced, character);
    else if (isControl(code)) this.#tell({ kind: 'control', text: character, at: this.#at });
    else if (invisible.test(character)) this.#tell({ kind: 'invisible', text: character, at: this.#at });
  }

  #inEscape(character: string): void {
    const first = this.#sequence === '\u001b';
    if (first && character === '[') this.#goOn('csi', character);
    else if (first && Object.hasOwn(strings, character)) this.#beginString(character, `\u001b${character}`);
    else if (/[ -/]/.test(character)) this.#goOn('escape', character);
    else if (/[0-~]/.test(character)) this.#ends('escape', character);
    else this.#cutBy(character);
  }

  #inCsi(character: string): void {
    if (/[ -?]/.test(character)) this.#goOn('csi', character);
    else if (/[@-~]/.test(character)) this.#ends(csiKind(this.#sequence, character), character);
    else this.#cutBy(character);
  }

  #inString(character: string): void {
    if (character === '\u009c' || (character === '\u0007' && this.#string === 'osc')) this.#ends(this.#string, character);
    else if (character === '\u0018' || character === '\u001a') this.#cutBy(character);
    else this.#goOn(character === '\u001b' ? 'string-escape' : 'string', character);
  }

  #afterStringEscape(character: string): void {
    if (character === '\\') {
      this.#ends(this.#string, character);
    } else {
      this.#ends('cut');
      this.#begin('escape', '\u001b');
      this.#inEscape(character);
    }
  }

  #begin(state: 'escape' | 'csi' | 'string', text: string): void {
    this.#state = state;
    this.#sequence = text;
    this.#began = this.#at;
  }

  #beginString(introduced: string, text: string): void {
    const began = this.#state === 'escape' ? this.#began : this.#at;
    this.#begin('string', text);
    this.#began = began;
    this.#string = strings[introduced] ?? 'osc';
  }

  #goOn(state: 'escape' | 'csi' | 'string' | 'string-escape', character: string): void {
    this.#state = state;
    if (this.#sequence.length < maxSequence) this.#sequence += character;
  }

  #ends(kind: ActKind, last = ''): void {
    this.#state = 'ground';
    this.#tell({ kind, text: this.#sequence + last, at: this.#began });
  }

  /** A character that belongs in no sequence: terminals differ about what they do then. */
  #cutBy(character: string): void {
    this.#ends('cut');
    this.#inGround(character);
  }
}

const strictUtf8 = () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code <= 0x9f);

function csiKind(sequence: string, final: string): ActKind {
  if (final === 'h' || final === 'l') return 'mode';
  if (final === 't') return 'window';
  if (/[ncx]/.test(final) || (final === 'p' && sequence.endsWith('$')) || (final === 'u' && sequence.includes('?'))) return 'report';
  return 'csi';
}

/** Sits beside one terminal for as long as it is open. */
export class Judge {
  readonly #parser: VtParser;
  readonly #allowed: readonly RegExp[];
  readonly #foreign: (Act & { during: string })[] = [];
  #during = 'the start';
  #written = '';
  #acts = 0;

  constructor(allowed: readonly RegExp[] = rendererActs) {
    this.#allowed = allowed;
    this.#parser = new VtParser((act) => {
      this.#acts += 1;
      if (!this.#allowed.some((form) => form.test(act.text))) this.#foreign.push({ ...act, during: this.#during });
    });
  }

  /** What was written since the last look, while the test did this. */
  read(octets: Uint8Array, during: string): void {
    this.#during = during;
    this.#written += this.#parser.feed(octets);
  }

  /** How many orders were read, so that a test can tell that it looked at something. */
  get acts(): number {
    return this.#acts;
  }

  /** Every foreign act so far, with the mark that stands nearest to it. */
  get foreign(): Foreign[] {
    return this.#foreign.map((act) => ({ ...act, mark: nearestMark(this.#written, act.at, act.text.length) }));
  }

  /** At the end of what a program wrote. */
  end(): Foreign[] {
    this.#parser.end();
    return this.foreign;
  }
}

/** Judges text that has no renderer: the command line's output knows line feeds and nothing else. */
export function judgePlain(octets: Uint8Array, during: string): Foreign[] {
  const judge = new Judge([/^\n$/]);
  judge.read(octets, during);
  return judge.end();
}

/** In words, for a failure: `osc ESC]0;… near HOSTILE_title while opening it`. */
export function inWords({ kind, text, mark, during }: Foreign): string {
  const spelled = text.replace(/[^\x20-\x7e]/gu, (it) => `<${(it.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}>`);
  return `${kind} ${spelled.slice(0, 80)} near ${mark ?? 'no mark'} during ${during}`;
}

/** A mark may stand in the act itself, before it or after it. */
function nearestMark(written: string, at: number, length: number): string | null {
  const reach = 400;
  const from = Math.max(0, at - reach);
  const around = written.slice(from, at + length + reach);
  let best: { mark: string; distance: number } | null = null;
  for (const found of around.matchAll(/HOSTILE_[\w-]+/g)) {
    const start = from + found.index;
    const distance = start > at + length ? start - at - length : start + found[0].length < at ? at - start - found[0].length : 0;
    if (best === null || distance < best.distance) best = { mark: found[0], distance };
  }
  return best?.mark ?? null;
}
