/** Many daemons at once on one home: one lives and keeps its socket, the others say why not. `POSTROOM_FAULTS=full`: a hundred. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { makeHome } from '../../daemon/home.ts';
import { lockHome } from '../../daemon/store/lock.ts';
import { openStore } from '../../daemon/store/store.ts';
import { connect } from '../../protocol/client.ts';
import { readIdentity } from '../../protocol/keys.ts';
import { places } from '../../protocol/places.ts';
import { tempDir } from '../support/tempdir.ts';

/** The bundle: from source each of them would first take the types out of every file. */
const program = fileURLToPath(new URL('../../dist/daemon.js', import.meta.url));
/** As many at once as a small machine carries, and how often. */
const [atOnce, waves] = process.env.POSTROOM_FAULTS === 'full' ? [20, 5] : [12, 1];

test(`of ${atOnce} daemons that start at once exactly one lives, and the socket stays with it`, { timeout: 300_000 }, async () => {
  await using dir = await tempDir();
  const where = places(dir.path);
  await makeHome(where, { organisation: 'Harbour Books', admin: 'eva', email: null }, Date.now());
  const identity = readIdentity(where.identity);
  if (identity === null) throw new Error('the home has no identity');
  const started: { kill: () => void }[] = [];
  try {
    for (let wave = 1; wave <= waves; wave++) {
      const daemons = Array.from({ length: atOnce }, () => {
        const child = spawn(process.execPath, [program, 'daemon', 'run', '--json', '--home', dir.path], {
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        started.push({ kill: () => child.kill('SIGKILL') });
        const gone = once(child, 'exit').then(([code]) => code as number | null);
        return { child, gone, said: text(child.stdout) };
      });
      // All but one end by themselves.
      const ended: { pid: number | undefined; code: number | null; said: string }[] = [];
      await new Promise<void>((resolve) => {
        for (const { child, gone, said } of daemons)
          void Promise.all([gone, said]).then(([code, words]) => {
            ended.push({ pid: child.pid, code, said: words });
            if (ended.length >= atOnce - 1) resolve();
          });
      });
      const alive = daemons.filter(({ child }) => child.exitCode === null && child.signalCode === null);
      expect([wave, alive.length, ended.map(({ code }) => code)]).toEqual([wave, 1, ended.map(() => 1)]);
      for (const { said } of ended)
        expect(JSON.parse(said)).toMatchObject({ error: { code: 'unavailable', message: expect.stringMatching(/^Another daemon \(pid/) } });

      const [winner] = alive;
      if (winner === undefined) throw new Error('nobody lives');
      const client = await connect({ identity, connectTimeoutMs: 30_000 });
      try {
        expect([wave, (await client.call('session.whoami', {})).person.name]).toEqual([wave, 'eva']);
      } finally {
        await client.close();
      }
      expect([wave, (await readFile(join(where.run, 'daemon.pid'), 'utf8')).trim()]).toEqual([wave, String(winner.child.pid)]);
      // The next ones find its lock, its pid and its socket lying there.
      winner.child.kill('SIGKILL');
      await winner.gone;
    }
  } finally {
    for (const { kill } of started) kill();
  }
  const store = await openStore({ home: where.data });
  expect(await store.check()).toEqual([]);
  await store.close();
});

test('who tries again in the process that has the home takes nothing from it', async () => {
  await using dir = await tempDir();
  const run = join(dir.path, 'run');
  const lock = lockHome(run);
  expect(() => lockHome(run)).toThrow(`pid ${process.pid}`);
  const lockFile = JSON.stringify(new URL('../../daemon/store/lock.ts', import.meta.url).href);
  const other = spawn(process.execPath, ['--input-type=module', '-e', `(await import(${lockFile})).lockHome(${JSON.stringify(run)})`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said, [code]] = await Promise.all([text(other.stderr), once(other, 'exit')]);
  expect([code, said]).toEqual([1, expect.stringContaining(`Another daemon (pid ${process.pid})`)]);
  lock.release();
});
