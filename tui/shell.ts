/**
 * The stack of layers and the way of a key through it. Without React and without a terminal.
 *
 * Invariants:
 * - Keys are taken one at a time, each after the state that the one before it made was committed: a burst `je` marks the row
 *   that `j` went to.
 * - A key never acts on a layer that its typist could not have seen when that layer came by itself or asks a question: such keys
 *   are dropped, and say so.
 * - Keys that come while a screen is fetched that a key has opened are for that screen, and for no other: a text begun is no verb.
 * - While a modal is open only its own keys work. In a text field letters are text.
 * - A key that does nothing flashes; it never vanishes in silence.
 */
import type { ReactElement } from 'react';
import { safeText } from '../protocol/text.ts';
import { type CommandId, commandRow, disabledReason, type Facts, noFacts, type Scope, scopes } from './commands.ts';
import type { Token } from './input.ts';
import { type Continuation, chordHintMs, type Keymap, keymapOf, press, showKeys } from './keys.ts';
import { Sight } from './sight.ts';
import { type Chrome, chrome, type Safe } from './text.ts';

/** `count` is above 1 only for commands that take one. A rejected promise becomes a toast. */
export type Handler = (count: number) => void | Promise<void>;
export type Handlers = Partial<Record<CommandId, Handler>>;
/** A focused field: says whether the token was its own. */
export type Capture = (token: Extract<Token, { kind: 'key' | 'paste' }>) => boolean;

/** What the components of one layer put in; the newest entry of a command wins. */
type Entry = { handlers?: Handlers; capture?: Capture; facts?: Partial<Facts> };

export type Layer = {
  readonly id: number;
  readonly kind: 'screen' | 'modal';
  /** Words for the breadcrumb of a layer above, and for tests. */
  readonly name: string;
  readonly element: ReactElement;
};

export type NewLayer = {
  readonly name: string;
  readonly element: ReactElement;
  /** It asks something: keys that were typed before it was seen are no answer. */
  readonly asks?: boolean;
};

export type Toast = {
  readonly id: number;
  /** Whose state was changed; printed first. */
  readonly who: 'team' | 'me' | null;
  readonly text: Safe;
  readonly tone: 'plain' | 'warning' | 'danger';
  readonly undo: (() => void | Promise<void>) | null;
  /** Does it again once it was undone. */
  readonly redo: (() => void | Promise<void>) | null;
  readonly untilMs: number;
};

export type ShellState = {
  readonly layers: readonly Layer[];
  readonly toasts: readonly Toast[];
  /** An unfinished chord; `next` is filled when the hint is due. */
  readonly chord: { readonly prefix: string; readonly next: readonly Continuation[]; readonly shown: boolean } | null;
  /** True for the moment after a key that did nothing. */
  readonly flashing: boolean;
  /** Rises with every key taken: whoever draws it has drawn what the key did. */
  readonly step: number;
  /** Rises when the stack of layers changes. */
  readonly serial: number;
};

export type Situation = { readonly available: ReadonlyMap<CommandId, Handler>; readonly facts: Facts };

export type Question = {
  readonly title: Chrome;
  /** What will happen, in one line. */
  readonly consequence: Safe;
  /** What Enter does, as a verb; `do it` where it is not said. */
  readonly accept?: Chrome;
  /** It asks whether to quit: the key that quits says yes. */
  readonly quits?: boolean;
  readonly onAccept: () => void | Promise<void>;
};

/** What the view and the real terminal do for the shell. */
export type Surroundings = {
  exit(): void;
  redraw(): void;
  suspend(): Promise<void>;
  openPalette(): void;
  openHelp(): void;
  ask(question: Question): void;
};

const undoMs = 10_000;
const toastMs = 5_000;
const flashMs = 150;
/** After this a person sees that something is waited for, and Esc means the wait. */
const waitSeenMs = 1_000;

export class Shell {
  #state: ShellState = { layers: [], toasts: [], chord: null, flashing: false, step: 0, serial: 0 };
  readonly #listeners = new Set<(state: ShellState) => void>();
  readonly sight = new Sight();
  readonly #hintListeners = new Set<() => void>();
  readonly #entries = new Map<number, Entry[]>();
  readonly #queue: { token: Token; serial: number }[] = [];
  readonly #now: () => number;
  #surroundings: Surroundings | null = null;
  #unsaved = new Set<() => Chrome | null>();
  #back: (() => void) | null = null;
  /** What was undone last, and until when it can be done again. */
  #redoable: { readonly redo: () => void | Promise<void>; readonly untilMs: number } | null = null;
  #nextId = 1;
  #waiting = false;
  /** A screen that is being fetched, since when. */
  #opening: { readonly sinceMs: number } | null = null;
  #hintsDue = false;
  /** A key knows which stack of layers was on the screen when it was read. */
  #committedSerial = 0;
  #paintedSerial = 0;
  /** Keys read under an older stack than this are dropped. */
  #guardSerial = 0;
  #lastCommand: CommandId | null = null;
  #chordTimer: NodeJS.Timeout | undefined;
  #flashTimer: NodeJS.Timeout | undefined;
  #toastTimer: NodeJS.Timeout | undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  // --- state ---

  get state(): ShellState {
    return this.#state;
  }

  get now(): number {
    return this.#now();
  }

  subscribe(listener: (state: ShellState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  attach(surroundings: Surroundings): void {
    this.#surroundings = surroundings;
  }

  /** The view is about to commit `state`, and then to paint it. */
  committing(state: ShellState): void {
    this.#committedSerial = state.serial;
  }

  /** The view has committed `state`. */
  committed(state: ShellState): void {
    for (const listener of this.#hintListeners) listener();
    if (!this.#waiting || state.step < this.#state.step) return;
    // Not inside the commit: React takes updates made there for a loop and gives up after fifty.
    queueMicrotask(() => {
      this.#waiting = false;
      this.#drain();
    });
  }

  /** True while the screen is too small for anything but a notice: what nobody sees takes no keys, but one can leave. */
  blind = false;

  /** Called back when commands or facts may have changed. */
  subscribeHints(listener: () => void): () => void {
    this.#hintListeners.add(listener);
    return () => this.#hintListeners.delete(listener);
  }

  /** What a layer put in changed with a commit that the shell took no part in: new data came to a screen. */
  entered(): void {
    if (this.#hintsDue) return;
    this.#hintsDue = true;
    queueMicrotask(() => {
      this.#hintsDue = false;
      for (const listener of this.#hintListeners) listener();
    });
  }

  /** The last committed frame is on the screen. */
  painted(): void {
    this.#paintedSerial = this.#committedSerial;
    const { layers } = this.#state;
    const top = layers.findLast(({ kind }) => kind === 'screen')?.id ?? 0;
    this.sight.painted(top, this.blind || layers.at(-1)?.id !== top);
  }

  /** Where there is no terminal to wait for, a commit is a frame. */
  paintsOnCommit = false;

  /** Something was committed that the shell's own view took no part in. */
  drew(): void {
    if (this.paintsOnCommit) this.painted();
  }

  dispose(): void {
    clearTimeout(this.#chordTimer);
    clearTimeout(this.#flashTimer);
    clearTimeout(this.#toastTimer);
    this.#listeners.clear();
  }

  // --- layers ---

  /** Opens a screen over the others. `sudden`: it comes by itself, not by a key, so keys on their way are not for it. */
  open(layer: NewLayer, sudden = false): void {
    this.#push({ ...layer, kind: 'screen' }, sudden || layer.asks === true);
  }

  openModal(layer: NewLayer, sudden = false): void {
    this.#push({ ...layer, kind: 'modal' }, sudden || layer.asks === true);
  }

  /**
   * Fetches what a screen needs, and opens it. Keys wait meanwhile; they are dropped when it does not open. Ctrl-C ends the wait, and Esc one
   * that can be seen; the screen may come all the same then, and takes no key that was typed before.
   */
  async opening(open: () => Promise<void>): Promise<void> {
    const { serial } = this.#state;
    const wait = { sinceMs: this.#now() };
    this.#opening = wait;
    try {
      await open();
    } finally {
      const opened = this.#state.serial !== serial;
      if (this.#opening === wait) {
        this.#opening = null;
        if (!opened) this.#dropKeys(chrome`what you typed meanwhile was for a screen that did not open`);
        this.#waiting = this.#listeners.size > 0;
        this.#set({ step: this.#state.step + 1 });
        this.#drain();
      } else if (opened) this.#guardSerial = this.#state.serial;
    }
  }

  #dropKeys(why: Safe): void {
    if (this.#queue.length === 0) return;
    this.#queue.length = 0;
    this.flash(why);
  }

  /** Leaves nothing but this screen: going to another place. `back`: where the key for it leads from there; without it one is at home. */
  goTo(layer: NewLayer, back: (() => void) | null = null): void {
    this.#back = back;
    this.#entries.clear();
    this.#change([{ ...layer, kind: 'screen', id: this.#nextId++ }], false);
  }

  /** Closes the top layer; the last screen stays. */
  close(sudden = false): void {
    if (this.#state.layers.length <= 1) return;
    const closed = this.#state.layers.at(-1);
    if (closed !== undefined) this.#entries.delete(closed.id);
    this.#change(this.#state.layers.slice(0, -1), sudden);
  }

  #push(layer: Omit<Layer, 'id'>, guarded: boolean): void {
    this.#change([...this.#state.layers, { kind: layer.kind, name: layer.name, element: layer.element, id: this.#nextId++ }], guarded);
  }

  #change(layers: readonly Layer[], guarded: boolean): void {
    const serial = this.#state.serial + 1;
    if (guarded) this.#guardSerial = serial;
    this.#clearChord();
    this.#set({ layers, serial });
  }

  // --- what layers put in ---

  /** A component's handlers, field or facts, until the returned function is called. The entry may be changed in place. */
  enter(layer: number, entry: Entry): () => void {
    const entries = this.#entries.get(layer) ?? [];
    entries.push(entry);
    this.#entries.set(layer, entries);
    return () => {
      const at = entries.indexOf(entry);
      if (at !== -1) entries.splice(at, 1);
    };
  }

  /** Asked before quitting: a reason to stay, or null. */
  keepOpen(reason: () => Chrome | null): () => void {
    this.#unsaved.add(reason);
    return () => this.#unsaved.delete(reason);
  }

  /** The top layer's commands and facts, for a modal that will cover it. */
  situation(): Situation {
    return { available: this.available(), facts: this.facts };
  }

  get facts(): Facts {
    return this.#factsOf(this.#top());
  }

  /** Facts of the screen in view, also while a modal is over it. */
  get screenFacts(): Facts {
    return this.#factsOf(this.#state.layers.findLast((layer) => layer.kind === 'screen'));
  }

  #factsOf(layer: Layer | undefined): Facts {
    const known: Facts = { ...noFacts, undo: this.#undoable() !== undefined, redo: (this.#redoable?.untilMs ?? 0) > this.#now() };
    for (const entry of layer === undefined ? [] : (this.#entries.get(layer.id) ?? [])) Object.assign(known, entry.facts);
    return known;
  }

  /** Commands that have a handler now, in the order in which they were put in, with their handlers. */
  available(): Map<CommandId, Handler> {
    const allowed = this.#scopes();
    const found = new Map<CommandId, Handler>();
    for (const handlers of [...this.#live().map((entry) => entry.handlers ?? {}), this.#own()]) {
      for (const id of Object.keys(handlers) as CommandId[]) {
        const handler = handlers[id];
        // The shell's own come last and give way to a layer's.
        if (handler !== undefined && allowed.includes(commandRow(id).scope) && (handlers !== this.#ownHandlers || !found.has(id)))
          found.set(id, handler);
      }
    }
    return found;
  }

  /** Whether nothing is left to go back to, so that the key for it asks to leave the program. */
  get backLeaves(): boolean {
    return this.#state.layers.length <= 1 && this.#back === null && this.available().get('view.back') === this.#own()['view.back'];
  }

  keymap(): Keymap {
    return keymapOf(this.available().keys());
  }

  #top(): Layer | undefined {
    return this.#state.layers.at(-1);
  }

  #live(): readonly Entry[] {
    const top = this.#top();
    return top === undefined ? [] : (this.#entries.get(top.id) ?? []);
  }

  #capture(): Capture | undefined {
    return this.#live().findLast((entry) => entry.capture !== undefined)?.capture;
  }

  #scopes(): readonly Scope[] {
    if (this.blind) return ['always'];
    if (this.#top()?.kind === 'modal') return ['always', 'field', 'modal', 'question'];
    if (this.#capture() !== undefined) return ['always', 'field'];
    return scopes.filter((scope) => scope !== 'field' && scope !== 'modal' && scope !== 'question');
  }

  #ownHandlers: Handlers | null = null;

  #own(): Handlers {
    this.#ownHandlers ??= {
      'screen.redraw': () => this.#surroundings?.redraw(),
      'app.suspend': () => this.#surroundings?.suspend(),
      'app.quit': () => this.quit(),
      'layer.close': () => (this.#state.layers.length > 1 ? this.close() : this.flash(chrome`nothing to close`)),
      'view.back': () => {
        if (this.#state.layers.length > 1) this.close();
        else if (this.#back !== null) this.#back();
        else this.#askToQuit(chrome`The daemon and your mail go on without it.`);
      },
      'palette.open': () => this.#surroundings?.openPalette(),
      'help.open': () => this.#surroundings?.openHelp(),
      'edit.undo': () => this.undo(),
      'edit.redo': () => this.redo(),
      'edit.repeat': () => this.repeat(),
    };
    return this.#ownHandlers;
  }

  // --- keys ---

  take(token: Token): void {
    if (token.kind === 'kitty' || token.kind === 'focus') return;
    if (this.#opening !== null && token.kind === 'key' && this.#endsWait(token.name, this.#opening.sinceMs)) {
      this.#opening = null;
      this.#queue.length = 0;
      this.flash(chrome`not waited for any more`);
      return;
    }
    this.#queue.push({ token, serial: this.#paintedSerial });
    this.#drain();
  }

  #endsWait(key: string, sinceMs: number): boolean {
    return key === 'ctrl-c' || (key === 'esc' && this.#now() - sinceMs >= waitSeenMs);
  }

  #drain(): void {
    while (!this.#waiting && this.#opening === null) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      // With no view there is nothing to wait for.
      this.#waiting = this.#listeners.size > 0;
      if (next.serial < this.#guardSerial) this.flash(chrome`that key was typed before this was on the screen`);
      else this.#dispatch(next.token);
      this.#set({ step: this.#state.step + 1 });
    }
  }

  #dispatch(token: Token): void {
    if (token.kind !== 'key' && token.kind !== 'paste') return;
    if (this.#state.chord === null && !this.blind && this.#capture()?.(token) === true) return;
    if (token.kind === 'key' && this.#splitAlt(token)) return;
    if (token.kind === 'paste') {
      this.flash(chrome`a paste goes into a text field only`);
      return;
    }
    const keymap = this.keymap();
    const pressed = press(keymap, this.#state.chord?.prefix ?? null, token.name);
    this.#clearChord();
    switch (pressed.kind) {
      case 'command':
        this.run(pressed.id, commandRow(pressed.id).counts === true ? 1 + this.#swallowEqual(token.name) : 1);
        return;
      case 'chord':
        this.#set({ chord: { prefix: pressed.prefix, next: pressed.next, shown: false } });
        this.#chordTimer = setTimeout(() => {
          const { chord } = this.#state;
          if (chord !== null) this.#set({ chord: { ...chord, shown: true } });
        }, chordHintMs);
        return;
      case 'cancelled':
        return;
      case 'unbound':
        this.flash(chrome`${showKeys(pressed.keys)} does nothing here`);
        return;
      default:
        pressed satisfies never;
    }
  }

  /** Esc and a letter that came in one read look like Alt and that letter. Where nothing is bound to Alt, they were two keys. */
  #splitAlt({ name, text }: Extract<Token, { kind: 'key' }>): boolean {
    if (!name.startsWith('alt-') || this.keymap().has(name)) return false;
    const serial = this.#paintedSerial;
    const letter = name.slice('alt-'.length);
    this.#queue.unshift(
      { token: { kind: 'key', name: 'esc', text: '' }, serial },
      { token: { kind: 'key', name: letter, text: text === '' ? letter : text }, serial },
    );
    return true;
  }

  /** Equal keys that follow in the queue, read under the same screen: a held key is one step of many rows. */
  #swallowEqual(name: string): number {
    let equal = 0;
    for (;;) {
      const next = this.#queue[0];
      if (next?.token.kind !== 'key' || next.token.name !== name || next.serial < this.#guardSerial) return equal;
      this.#queue.shift();
      equal++;
    }
  }

  /** Runs a command of the top layer: by key, palette, help or `.`. Says why when it cannot. */
  run(id: CommandId, count = 1): void {
    const handler = this.available().get(id);
    if (handler === undefined) {
      this.flash(chrome`${commandRow(id).title}: not here`);
      return;
    }
    const reason = disabledReason(id, this.facts);
    if (reason !== null) {
      this.flash(reason);
      return;
    }
    if (commandRow(id).repeatable === true) this.#lastCommand = id;
    this.attempt(() => handler(count));
  }

  repeat(): void {
    if (this.#lastCommand === null) this.flash(chrome`nothing to repeat`);
    else this.run(this.#lastCommand);
  }

  /** Runs `action`; what goes wrong in it becomes a toast. */
  attempt(action: () => void | Promise<void>): void {
    const failed = (error: unknown): void =>
      this.toast({ tone: 'danger', text: safeText(error instanceof Error ? error.message : String(error)) });
    try {
      const running = action();
      if (running !== undefined) running.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #clearChord(): void {
    clearTimeout(this.#chordTimer);
    if (this.#state.chord !== null) this.#set({ chord: null });
  }

  // --- words to the person ---

  /** A key did nothing: the row under the cursor blinks and the toast row says why. */
  flash(reason: Safe): void {
    this.toast({ text: reason, tone: 'warning', forMs: 2_000 });
    clearTimeout(this.#flashTimer);
    this.#set({ flashing: true });
    this.#flashTimer = setTimeout(() => this.#set({ flashing: false }), flashMs);
  }

  /** With `undo`, `z` takes it back for ten seconds. */
  toast(toast: Pick<Toast, 'text'> & Partial<Pick<Toast, 'who' | 'tone' | 'undo' | 'redo'>> & { readonly forMs?: number }): void {
    const { undo = null, redo = null } = toast;
    const untilMs = this.#now() + (toast.forMs ?? (undo === null ? toastMs : undoMs));
    const next: Toast = { id: this.#nextId++, who: toast.who ?? null, text: toast.text, tone: toast.tone ?? 'plain', undo, redo, untilMs };
    // Warnings about keys replace each other: ten wrong keys are one notice.
    const kept = this.#state.toasts.filter((old) => !(old.tone === 'warning' && next.tone === 'warning'));
    this.#set({ toasts: [...kept, next] });
    this.#tick();
  }

  undo(): void {
    const toast = this.#undoable();
    if (toast?.undo == null) {
      this.flash(chrome`nothing to undo`);
      return;
    }
    this.#set({ toasts: this.#state.toasts.filter((other) => other !== toast) });
    const { undo, redo } = toast;
    this.attempt(undo);
    if (redo === null) return;
    this.#redoable = { redo, untilMs: this.#now() + undoMs };
    this.toast({ who: toast.who, text: chrome`Undone — Z does it again`, forMs: undoMs });
  }

  /** Does again what was undone last. */
  redo(): void {
    const again = this.#redoable;
    this.#redoable = null;
    if (again === null || again.untilMs <= this.#now()) this.flash(chrome`nothing to do again`);
    else this.attempt(again.redo);
  }

  #undoable(): Toast | undefined {
    return this.#state.toasts.findLast((toast) => toast.undo !== null && toast.untilMs > this.#now());
  }

  /** Old toasts go; while one counts down, the row is drawn once a second. */
  #tick(): void {
    clearTimeout(this.#toastTimer);
    if (this.#state.toasts.length === 0) return;
    const soonest = Math.min(...this.#state.toasts.map((toast) => toast.untilMs)) - this.#now();
    this.#toastTimer = setTimeout(
      () => {
        this.#set({ toasts: this.#state.toasts.filter((toast) => toast.untilMs > this.#now()) });
        this.#tick();
      },
      Math.max(1, Math.min(1_000, soonest)),
    );
  }

  /** Makes the view draw again although nothing changed. */
  redrawn(): void {
    this.#set({});
  }

  /** Asks once, over everything. */
  ask(question: Question): void {
    this.#surroundings?.ask(question);
  }

  // --- leaving ---

  /** Leaves at once, or asks when something would be lost. */
  quit(): void {
    for (const reason of this.#unsaved) {
      const why = reason();
      if (why !== null) {
        this.#askToQuit(why);
        return;
      }
    }
    this.#surroundings?.exit();
  }

  #askToQuit(consequence: Chrome): void {
    this.ask({ title: chrome`Quit Postroom?`, consequence, quits: true, onAccept: () => this.#surroundings?.exit() });
  }

  #set(change: Partial<ShellState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener(this.#state);
  }
}
