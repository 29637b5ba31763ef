/**
 * Key names -> command ids. A keymap is made from the commands that have handlers now; chords (`g p`) are walked one key at a
 * time and wait for ever: a slow hand is no other key.
 */
import { type CommandId, commandRow, scopes } from './commands.ts';
import { asciiGlyph, type Chrome, chrome, join } from './text.ts';

/** Key sequences, words separated by a space -> command. */
export type Keymap = ReadonlyMap<string, CommandId>;

/** The popup that names what may follow comes after this silence. */
export const chordHintMs = 600;

/** The keymap of a view in which exactly `available` have handlers. Of two with one key the narrower scope wins. */
export function keymapOf(available: Iterable<CommandId>): Keymap {
  const keymap = new Map<string, CommandId>();
  for (const id of available) {
    for (const keys of commandRow(id).keys) {
      const other = keymap.get(keys);
      if (other === undefined || rank(id) > rank(other)) keymap.set(keys, id);
    }
  }
  return keymap;
}

function rank(id: CommandId): number {
  return scopes.indexOf(commandRow(id).scope);
}

export type Continuation = { readonly keys: string; readonly id: CommandId };
export type Pressed =
  | { readonly kind: 'command'; readonly id: CommandId }
  | { readonly kind: 'chord'; readonly prefix: string; readonly next: readonly Continuation[] }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'unbound'; readonly keys: string };

/** One key, after `prefix` (the keys of an unfinished chord, or null). */
export function press(keymap: Keymap, prefix: string | null, name: string): Pressed {
  const keys = prefix === null ? name : `${prefix} ${name}`;
  const id = keymap.get(keys);
  if (id !== undefined) return { kind: 'command', id };
  const next = continuations(keymap, keys);
  if (next.length > 0) return { kind: 'chord', prefix: keys, next };
  if (prefix !== null && name === 'esc') return { kind: 'cancelled' };
  return { kind: 'unbound', keys };
}

function continuations(keymap: Keymap, prefix: string): Continuation[] {
  return [...keymap].filter(([keys]) => keys.startsWith(`${prefix} `)).map(([keys, id]) => ({ keys, id }));
}

const shown = new Map<string, Chrome>([
  ['enter', chrome`Enter`],
  ['esc', chrome`Esc`],
  ['tab', chrome`Tab`],
  ['space', chrome`Space`],
  ['home', chrome`Home`],
  ['end', chrome`End`],
  ['pageup', chrome`PgUp`],
  ['pagedown', chrome`PgDn`],
  ['up', chrome`↑`],
  ['down', chrome`↓`],
  ['left', chrome`←`],
  ['right', chrome`→`],
  ['backspace', chrome`Backspace`],
  ['delete', chrome`Del`],
]);

/** A key sequence as help prints it: `g p`, `^d`, `shift-Tab`. A key that is not on any keyboard of ours is shown as `?`. */
export function showKeys(keys: string): Chrome {
  return join(keys.split(' ').map(showKey), chrome` `);
}

function showKey(name: string): Chrome {
  const modifier = /^(ctrl|alt|shift)-(.+)$/.exec(name);
  if (modifier?.[1] === 'ctrl') return chrome`^${showKey(modifier[2] ?? '')}`;
  if (modifier?.[1] === 'alt') return chrome`alt-${showKey(modifier[2] ?? '')}`;
  if (modifier?.[1] === 'shift') return chrome`shift-${showKey(modifier[2] ?? '')}`;
  return shown.get(name) ?? asciiGlyph(name) ?? chrome`?`;
}
