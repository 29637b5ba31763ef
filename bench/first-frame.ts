/** From the start of the program to the first frame and to the panel's rows, in a real terminal, beside `node -e 0`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DaemonProcess } from '../test/support/process.ts';
import { openScreen } from '../test/support/screen.ts';
import { ms, print, quantiles, ratio } from './figures.ts';

const runs = 7;
const bin = join(fileURLToPath(new URL('..', import.meta.url)), 'bin', 'postroom.mjs');

export async function firstFrame(): Promise<void> {
  await using daemon = await DaemonProcess.start();
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
      await screen.waitFor('online');
      panels.push(performance.now() - started);
    } finally {
      screen.kill('SIGTERM');
      await screen.exitCode;
    }
  }
  const [node, frame, panel] = [quantiles(bare).p50, quantiles(frames).p50, quantiles(panels).p50];
  print('node -e 0, median', ms(node));
  print('first frame, median', `${ms(frame)}  (${ratio(frame, node)} the bare runtime)`);
  print('panel from the daemon, median', ms(panel));
}
