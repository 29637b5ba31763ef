/**
 * From a key to the frame that shows what it did, in a real terminal with many conversations, beside the least that a program on the same
 * runtime can do: paint every row of the same terminal for each key.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openScreen, type Screen } from '../test/support/screen.ts';
import { ms, print, quantiles, ratio } from './figures.ts';
import { filledHome } from './home.ts';
import { note } from './mails.ts';

const wanted = 100_000;
const seedWithinMs = 90_000;
const presses = 200;
/** Ink paints at most thirty frames a second: a key that follows a frame at once may wait for its turn, a calm one need not. */
const paces = {
  calm: { name: `j ${presses} times, 100 ms apart`, pauseMs: 100 },
  hurried: { name: `j ${presses} times, each at the frame before`, pauseMs: 0 },
} as const;
const sizes = [
  { cols: 80, rows: 24 },
  { cols: 160, rows: 45 },
] as const;
const bin = join(fileURLToPath(new URL('..', import.meta.url)), 'bin', 'postroom.mjs');

const bare = `
const { stdin, stdout } = process;
let n = 0;
const paint = () => stdout.write('\\x1b[H' + Array.from({ length: stdout.rows }, (_, row) => ((row ? '  ' : '▌ ') + 'Order ' + (n + row)).padEnd(stdout.columns - 1)).join('\\r\\n'));
stdin.setRawMode(true).on('data', () => { n++; paint(); });
paint();
`;

export async function keys(): Promise<void> {
  const { daemon, count, ms: seeding } = await filledHome(wanted, note, seedWithinMs);
  await using _ = daemon;
  const short = count < wanted ? ` (${wanted} were to be: more did not go in within ${ms(seedWithinMs)})` : '';
  print('conversations', `${count}, put into the store in ${ms(seeding)}${short}`);
  for (const size of sizes) {
    const bareNode = await onScreen(['-e', bare], size);
    const ours = await onScreen([bin, '--home', daemon.places.data], size);
    const name = `${size.cols}x${size.rows}`;
    print(`${name}, opened with a conversation marked`, `${ms(ours.opened)}  (${ratio(ours.opened, bareNode.opened)} bare Node)`);
    for (const pace of ['calm', 'hurried'] as const) {
      const [least, found] = [quantiles(bareNode[pace]), quantiles(ours[pace])];
      const beside = `bare Node ${ms(least.p50)} / ${ms(least.p95)}  (${ratio(found.p50, least.p50)} its p50)`;
      print(`${name}, ${paces[pace].name}, p50 / p95`, `${ms(found.p50)} / ${ms(found.p95)}; ${beside}`);
    }
  }
}

async function onScreen(args: readonly string[], size: { cols: number; rows: number }) {
  const began = performance.now();
  await using screen = openScreen({ command: process.execPath, args, ...size });
  await screen.waitFor((now) => marked(now) !== null, 60_000);
  const opened = performance.now() - began;
  const calm = await pressed(screen, paces.calm.pauseMs);
  const hurried = await pressed(screen, paces.hurried.pauseMs);
  return { opened, calm, hurried };
}

/** How long each of the presses took until another conversation was the marked one. */
async function pressed(screen: Screen, pauseMs: number): Promise<number[]> {
  const samples: number[] = [];
  for (let n = 0; n < presses; n++) {
    await pause(pauseMs);
    const before = marked(screen);
    const began = performance.now();
    screen.press('j');
    await screen.waitFor((now) => {
      const after = marked(now);
      return after !== null && after !== before;
    });
    samples.push(performance.now() - began);
  }
  return samples;
}

/** The order in the row with the cursor. */
const marked = (screen: Screen): string | null => /▌[^│\n]*?(Order \d+)/u.exec(screen.text())?.[1] ?? null;
