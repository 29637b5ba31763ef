/** From the start of the program to the first frame and to the panel's rows, in a real terminal, beside `node -e 0`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openScreen } from '../test/support/screen.ts';
import { ms, print, quantiles, ratio } from './figures.ts';
import { filledHome } from './home.ts';
import { note } from './mails.ts';

const runs = 7;
const bin = join(fileURLToPath(new URL('..', import.meta.url)), 'bin', 'postroom.mjs');

export async function firstFrame(): Promise<void> {
  const { daemon } = await filledHome(1_000, note);
  await using _ = daemon;
  const bare: number[] = [];
  const frames: number[] = [];
  const panels: number[] = [];
  for (let run = 0; run < runs; run++) {
    const began = performance.now();
    await once(spawn(process.execPath, ['-e', '0']), 'exit');
    bare.push(performance.now() - began);

    const started = performance.now();
    const screen = openScreen({ command: process.execPath, args: [bin, '--home', daemon.places.data], cols: 160, rows: 45 });
    try {
      await screen.waitFor('POSTROOM');
      frames.push(performance.now() - started);
      await screen.waitFor('Order 0'); // it has waited longest
      panels.push(performance.now() - started);
    } finally {
      screen.kill('SIGTERM');
      await screen.exitCode;
    }
  }
  const [node, frame, panel] = [quantiles(bare).p50, quantiles(frames).p50, quantiles(panels).p50];
  print('node -e 0, median', ms(node));
  print('first frame, median', `${ms(frame)}  (${ratio(frame, node)} the bare runtime)`);
  print('rows from the daemon, median', `${ms(panel)}  (${ratio(panel, node)} the bare runtime)`);
}
