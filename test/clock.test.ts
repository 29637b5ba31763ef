/** Somebody sets the clock while the daemon works: a day ahead, a day back, to 2038, over the hours that begin and end summer time. */
import { expect, test, vi } from 'vitest';
import { turnWriters } from './support/faulty-writer.ts';
import { outcome, startPostroom } from './support/postroom.ts';
import { table } from './support/table.ts';

vi.mock('../daemon/worker-file.ts', async (original) => {
  const { workerFile } = await original<typeof import('../daemon/worker-file.ts')>();
  return {
    workerFile: (here: string, name: string) =>
      name === 'writer.worker' ? new URL('./support/faulty-writer.worker.ts', import.meta.url) : workerFile(here, name),
  };
});

const day = 86_400_000;
/** The wall clock of the daemon, its clients and its writer; timers and the monotonic clock go on as they do. */
class Clock implements Disposable {
  readonly #real = Date.now;
  readonly #zone = process.env.TZ;
  readonly #setWriter = turnWriters().setClock;
  #ahead = 0;

  constructor() {
    Date.now = () => this.#real() + this.#ahead;
    process.env.TZ = 'Europe/Berlin';
  }

  set(at: number): void {
    this.#ahead = at - this.#real();
    this.#setWriter(this.#ahead);
  }

  [Symbol.dispose](): void {
    Date.now = this.#real;
    if (this.#zone === undefined) delete process.env.TZ;
    else process.env.TZ = this.#zone;
  }
}

const short = table<{ jump: string; from: string; to: string }>(`
  jump           from                  to
  a day ahead    -                     +1
  a day back     -                     -1
  past 32 bits   2038-01-19T03:14:00Z  2038-01-19T03:14:30Z
`);
const long = table<{ jump: string; from: string; to: string }>(`
  jump           from                  to
  ten years      -                     +3652
  ten back       -                     -3652
  into summer    2027-03-28T00:59:50Z  2027-03-28T01:00:20Z
  an hour on     2027-03-28T00:59:50Z  2027-03-28T01:59:50Z
  into winter    2027-10-31T00:59:50Z  2027-10-31T01:00:20Z
  an hour back   2027-10-31T01:00:20Z  2027-10-31T00:00:20Z
`);
/** `POSTROOM_FAULTS=full` has them all. */
const jumps = process.env.POSTROOM_FAULTS === 'full' ? [...short, ...long] : short;

test('a clock that is set sends nothing early and nothing late, ends grants and no session', async () => {
  using clock = new Clock();
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  const sales = await postroom.mailbox('sales');
  await postroom.person('ben');
  const eva = await postroom.as('eva');
  const heard: string[] = [];
  const ben = await postroom.connect('ben', ({ name }) => heard.push(name));
  await ben.subscribe(['rights.changed']);
  const list = () => outcome(ben.call('conversation.list', { mailbox: support, limit: 10 }));
  const send = (subject: string, holdMs: number) => eva.call('outbox.send', { from: support, to: sales, subject, body: 'Yes.', holdMs });
  const stateOf = async ({ outbox }: { outbox: string | null }) => (await eva.call('outbox.show', { outbox: outbox ?? '' })).state;

  for (const { jump, from, to } of jumps) {
    if (from !== '') clock.set(Date.parse(from));
    const now = Date.now();
    // It holds now, and not after the jump, whichever way it goes.
    const [begins, ends] = [new Date(now - 5_000).toISOString(), new Date(now + 20_000).toISOString()];
    await eva.call('grant.add', { mailbox: support, grantee: 'ben', access: true, send: true, setup: false, from: begins, until: ends });
    expect([jump, await list()]).toEqual([jump, 'yes']);
    const sessions = postroom.daemon.world.vitals().sessions;
    const askedAt = performance.now();
    const [soon, later] = [await send(`${jump}, soon`, 1_500), await send(`${jump}, later`, 600_000)];
    heard.length = 0;

    clock.set(/^[+-]/.test(to) ? now + Number(to) * day : Date.parse(to));
    const after = await send(`${jump}, after`, 0);
    await expect.poll(() => stateOf(after)).toBe('accepted'); // so the outbox has looked with the new clock
    expect([jump, await stateOf(later)]).toEqual([jump, 'held']);
    await expect.poll(() => stateOf(soon)).toBe('accepted');
    expect(performance.now() - askedAt).toBeGreaterThan(1_400);
    expect([jump, await stateOf(later)]).toEqual([jump, 'held']);
    await eva.call('outbox.cancel', { outbox: later.outbox ?? '' });

    await expect.poll(() => heard).toContain('rights.changed');
    expect([jump, await list()]).toEqual([jump, 'not-found']);
    expect([jump, heard.includes('resync'), postroom.daemon.world.vitals().sessions]).toEqual([jump, false, sessions]);
    await eva.call('grant.remove', { mailbox: support, grantee: 'ben' });
  }
  await ben.close();

  // However the clock went: by the date at which the server had them, the newest first.
  const { rows } = await eva.call('timeline.mailbox', { mailbox: sales, limit: 100 });
  const times = rows.map(({ at }) => Date.parse(at));
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  const came = rows.filter(({ kind }) => kind === 'mail-in').length;
  expect(came).toBe(2 * jumps.length);
});

test('an undo window that a restart interrupts is not cut short by a clock that is set ahead', async () => {
  using clock = new Clock();
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  const eva = await postroom.as('eva');
  const { outbox } = await eva.call('outbox.send', { from: support, to: support, subject: 'Hold', body: 'Yes.', holdMs: 600_000 });
  await postroom.stopDaemon();
  await postroom.startDaemon();
  clock.set(Date.now() + day);
  const again = await postroom.connect('eva');
  const { outbox: marker } = await again.call('outbox.send', { from: support, to: support, subject: 'Marker', body: 'Yes.' });
  const stateOf = async (id: string | null) => (await again.call('outbox.show', { outbox: id ?? '' })).state;
  await expect.poll(() => stateOf(marker)).toBe('accepted');
  expect(await stateOf(outbox)).toBe('held');
  await again.close();
});
