/**
 * Colours by meaning. No meaning hangs on colour alone: every tone has its glyph or word beside it, so the monochrome theme
 * loses nothing. Bold and inverse are no colours and stay under NO_COLOR.
 */

export type Tone =
  | 'plain'
  | 'muted' // rarely read: dividers, keys' words, hints
  | 'strong' // unread, titles
  | 'accent' // where one is: active tab, title
  | 'good'
  | 'warning'
  | 'danger'
  | 'note' // team only: never leaves the house
  | 'cursor'; // the row or entry under the cursor

/** What a tone looks like; a subset of Ink's text props. */
export type Style = {
  readonly color?: string;
  readonly bold?: boolean;
  readonly dimColor?: boolean;
  readonly inverse?: boolean;
  readonly underline?: boolean;
};

export type Theme = Readonly<Record<Tone, Style>>;

const colours: Theme = {
  plain: {},
  muted: { dimColor: true },
  strong: { bold: true },
  accent: { color: 'cyan', bold: true },
  good: { color: 'green' },
  warning: { color: 'yellow' },
  danger: { color: 'red', bold: true },
  note: { color: 'magenta' },
  cursor: { inverse: true },
};

const monochrome: Theme = {
  plain: {},
  muted: {},
  strong: { bold: true },
  accent: { bold: true },
  good: {},
  warning: { bold: true },
  danger: { bold: true },
  note: {},
  cursor: { inverse: true },
};

/** https://no-color.org: present and not empty. chalk, under Ink, does not read it. */
export function themeFor(env: NodeJS.ProcessEnv): Theme {
  return env.NO_COLOR !== undefined && env.NO_COLOR !== '' ? monochrome : colours;
}

/** Glyphs that string-width, xterm.js and tmux agree on; no other may be drawn as chrome. */
export const glyphs = '●★▌▸▾✎◌⚑↑↓✓✗⟳▕▏▁▂▃▄▅▆▇█‹›⋮→─│○·…';
