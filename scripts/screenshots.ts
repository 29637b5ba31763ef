/*
 * Writes docs/screens.md: the screens of the demo as text, taken from a real terminal at 80x24. Run it when a screen has changed:
 * npm run screens
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stop } from '../demo/home.ts';
import { openScreen, type Screen } from '../test/support/screen.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const makingMs = 60_000;
const drawingMs = 10_000;

type Shot = { title: string; words: string; keys: readonly string[] };

/** In this order, in one terminal: each begins where the one before it ended. */
const shots: readonly Shot[] = [
  { title: 'The panel', words: 'What waits for Eva, over all her mailboxes, longest waiting first.', keys: [] },
  { title: 'A conversation', words: 'Everything with one customer about one thing, and the keys that act on it.', keys: ['<enter>'] },
  { title: 'Help', words: '`?` on any screen: the keys that work there.', keys: ['?'] },
];

function section({ title, words }: Shot, screen: Screen): string {
  return `## ${title}\n\n${words}\n\n\`\`\`text\n${screen.text()}\n\`\`\`\n`;
}

const folder = await mkdtemp(join(tmpdir(), 'postroom-screens-'));
const home = join(folder, 'd'); // short: a socket's path has a limit
try {
  await using screen = openScreen({
    command: process.execPath,
    args: [join(root, 'bin/postroom.mjs'), 'demo', '--home', home],
    env: { HOME: folder, NO_COLOR: '1' },
  });
  const sections: string[] = [];
  await screen.waitFor('longest waiting first', makingMs);
  for (const shot of shots) {
    const before = screen.text();
    if (shot.keys.length > 0) {
      screen.press(...shot.keys);
      await screen.waitFor((now) => now.text() !== before, drawingMs);
    }
    await settled(screen);
    sections.push(section(shot, screen));
  }
  const head =
    '# Screens\n\nThe demo (`npm run demo`) at 80 columns and 24 rows. Made by `npm run screens`; dates are those of the day it ran.\n';
  await writeFile(join(root, 'docs/screens.md'), [head, ...sections].join('\n'));
} finally {
  await stop(home);
  await rm(folder, { recursive: true, force: true });
}

/** Nothing was drawn for a moment: what comes late (counts, the sync) is there. */
async function settled(screen: Screen): Promise<void> {
  for (let before = -1; before !== screen.bytes().length; ) {
    before = screen.bytes().length;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
