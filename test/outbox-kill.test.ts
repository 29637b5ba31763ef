import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { ServerAddress } from '../daemon/engines.ts';
import { openWorld, sentFile } from './support/outbox.ts';
import { type Step, startSubmission } from './support/submission.ts';
import { table } from './support/table.ts';
import { tempDir } from './support/tempdir.ts';

type Announced = { id: string; messageId: string };

/** The outbox in a process of its own. `announced` is the first mail that it said to be queued. */
function startChild(home: string, smtp: ServerAddress, moment: string, onMail = (_mail: Announced): void => {}) {
  const file = fileURLToPath(new URL('./support/outbox-child.ts', import.meta.url));
  const child = spawn(process.execPath, [file, home, JSON.stringify(smtp), moment], { stdio: ['ignore', 'pipe', 'inherit'] });
  const first = Promise.withResolvers<Announced>();
  createInterface(child.stdout).on('line', (line) => {
    const mail = JSON.parse(line) as Announced;
    onMail(mail);
    first.resolve(mail);
  });
  const exited = once(child, 'close').then(([code, signal]) => {
    first.reject(new Error(`The process ended before it queued anything (${code ?? signal})`));
    return signal as string | null;
  });
  return { announced: first.promise, exited, kill: () => child.kill('SIGKILL') };
}

/**
 * `kill -9` at a moment of the outbox, or while the server waits at a step; then a new start without a hand.
 */
const moments = table<{ moment: string; state: string; ledger: string }>(`
  moment           state     ledger
  queued           accepted  1
  before claimed   accepted  1
  after claimed    accepted  1
  at connect       accepted  1
  at auth          accepted  1
  at mail          accepted  1
  at rcpt          accepted  1
  at data          accepted  1
  at body          unknown   0
  before data      accepted  1
  after data       unknown   0
  at dot           unknown   0
  before accepted  unknown   1
  after accepted   accepted  1
  before append    accepted  1
  after append     accepted  1
  before filed     accepted  1
  after filed      accepted  1
`);

for (const { moment, state, ledger } of moments) {
  test.concurrent(`kill -9 ${moment}: ${state}, sent ${ledger} times`, async ({ expect }) => {
    await using home = await tempDir();
    const step = moment.startsWith('at ') ? (moment.slice(3) as Step) : null;
    await using server = await startSubmission({ faults: step ? [{ at: step, end: 'stall', accept: false }] : [] });
    const smtp = { host: 'localhost', port: server.port, tls: 'starttls', user: 'postroom', ca: server.ca } as const;

    const daemon = startChild(home.path, smtp, moment);
    const { id, messageId } = await daemon.announced;
    if (step !== null) {
      await server.reached(step);
      daemon.kill();
    }
    expect(await daemon.exited).toBe('SIGKILL');

    await using world = await openWorld(home.path, smtp);
    const row = await world.outbox.settled(id);
    expect([row.state, server.count(messageId)]).toEqual([state, Number(ledger)]);
    if (state === 'accepted') await world.until(id, ({ sentCopy }) => sentCopy === 'filed');
    expect(world.sent.ids()).toEqual(state === 'accepted' ? [messageId] : []);
    expect((await world.send()).state).toBe('accepted'); // and the outbox works
    expect([server.count(messageId), await world.store.check()]).toEqual([Number(ledger), []]);
  });
}

test('the answer was lost in a crash, and the copy that a provider filed proves it', async () => {
  await using home = await tempDir();
  await using server = await startSubmission();
  const smtp = { host: 'localhost', port: server.port, tls: 'starttls', user: 'postroom', ca: server.ca } as const;
  const daemon = startChild(home.path, smtp, 'before accepted');
  const { id, messageId } = await daemon.announced;
  await daemon.exited;
  sentFile(home.path).put(messageId);
  await using world = await openWorld(home.path, smtp);
  const row = await world.outbox.settled(id);
  expect([row.state, server.count(messageId)]).toEqual(['accepted', 1]);
});

test('kill -9 again and again while mails come in: none is lost, none is sent twice', async () => {
  await using home = await tempDir();
  await using server = await startSubmission();
  const smtp = { host: 'localhost', port: server.port, tls: 'starttls', user: 'postroom', ca: server.ca } as const;
  const promised: Announced[] = [];
  const steps: Step[] = ['rcpt', 'body', 'dot'];
  for (const [n, step] of steps.entries()) {
    const daemon = startChild(home.path, smtp, 'many', (mail) => promised.push(mail));
    const before = server.commands.filter((command) => command.startsWith('RCPT')).length;
    await server.reached(step, before + 2 + n * 2);
    daemon.kill();
    await daemon.exited;
  }
  await using world = await openWorld(home.path, smtp);
  world.outbox.poke();
  const rows = await Promise.all(promised.map(({ id }) => world.outbox.settled(id)));
  const counts = rows.map(({ messageId }) => server.count(messageId));
  expect(rows.length).toBeGreaterThan(5);
  expect(rows.map(({ messageId }) => messageId)).toEqual(promised.map(({ messageId }) => messageId));
  for (const [i, { state }] of rows.entries()) {
    expect(['accepted', 'unknown']).toContain(state);
    expect(counts[i], `${state}`).toBeLessThanOrEqual(1);
    if (state === 'accepted') expect(counts[i]).toBe(1);
  }
  expect(rows.filter(({ state }) => state === 'unknown').length).toBeLessThanOrEqual(steps.length);
  expect(await world.store.check()).toEqual([]);
});
