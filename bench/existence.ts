/**
 * Whether the time of an answer tells a foreign thing from one that never was: both asked about in turn, the two sets of times compared by a
 * Mann-Whitney test. A p above 0.01 says that nobody could tell them apart by so many calls.
 */
import { startPostroom } from '../test/support/postroom.ts';
import { ask, requests } from '../test/support/requests.ts';
import { ms, print, quantiles } from './figures.ts';

const calls = 1_000;

export async function existence(): Promise<void> {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  const mailbox = await postroom.mailbox('support');
  for (let n = 0; n < 50; n++) await postroom.deliver(mailbox, { subject: `Order ${n}` });
  const { conversation } = await postroom.newest(mailbox);
  const eva = await postroom.as('eva');
  const message = (await eva.call('conversation.show', { conversation })).messages[0]?.id ?? '';
  const held = await eva.call('outbox.send', { from: mailbox, to: mailbox, subject: 's', body: 'b', at: '2099-01-01T00:00:00.000Z' });
  const common = { spare: '', retry: '', grant: '', key: '', invitation: '', cursor: '', timelineCursor: '', sender: 'eva', alias: '' };
  const foreign = { ...common, mailbox, conversation, message, outbox: held.outbox ?? '' };
  const other = (id: string): string => [...id].reverse().join('');
  const missing = {
    ...common,
    mailbox: `tropsup${mailbox.slice(7)}`,
    conversation: other(conversation),
    message: other(message),
    outbox: other(foreign.outbox),
  };
  const ben = await postroom.as('ben');
  for (const method of ['mailbox.show', 'conversation.show', 'message.raw', 'outbox.show', 'search.run'] as const) {
    const { ask: make } = requests[method];
    const time = async (at: typeof foreign): Promise<number> => {
      const params = make(at, at);
      const began = performance.now();
      await ask(ben, method, params).catch(() => undefined); // not-found is the answer
      return performance.now() - began;
    };
    const times = { foreign: [] as number[], missing: [] as number[] };
    for (let n = 0; n < calls; n++) {
      // In turn, and each first as often: what the machine does meanwhile happens to both.
      const order = n % 2 === 0 ? (['foreign', 'missing'] as const) : (['missing', 'foreign'] as const);
      for (const which of order) times[which].push(await time(which === 'foreign' ? foreign : missing));
      // Fewer than a person may ask for in a second: a wait for the next one would be the same for both, and drown all else.
      if (n % 200 === 199) await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    const [there, not] = [quantiles(times.foreign), quantiles(times.missing)];
    print(
      `${method}, foreign / missing, p50`,
      `${ms(there.p50)} / ${ms(not.p50)}   p = ${mannWhitney(times.foreign, times.missing).toFixed(3)}`,
    );
  }
}

/** Two-sided, by the normal approximation with ties: how likely two samples so far apart are when both are of one kind. */
export function mannWhitney(a: readonly number[], b: readonly number[]): number {
  const all = [...a.map((value) => ({ value, first: true })), ...b.map((value) => ({ value, first: false }))].sort(
    (x, y) => x.value - y.value,
  );
  let rankSum = 0;
  let ties = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]?.value === all[from]?.value) to++;
    const rank = (from + 1 + to) / 2;
    for (const one of all.slice(from, to)) if (one.first) rankSum += rank;
    ties += (to - from) ** 3 - (to - from);
    from = to;
  }
  const n = all.length;
  const mean = (a.length * b.length) / 2;
  const deviation = Math.sqrt(((a.length * b.length) / 12) * (n + 1 - ties / (n * (n - 1))));
  const z = Math.abs(rankSum - (a.length * (a.length + 1)) / 2 - mean) / deviation;
  return 2 * (1 - normal(z));
}

/** The normal distribution up to `z` (Abramowitz and Stegun 26.2.17: right to seven digits). */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const tail = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153].reduce((sum, factor) => (sum + factor) * t, 0);
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * tail;
}
