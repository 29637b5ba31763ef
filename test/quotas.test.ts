/** Quotas of what anybody may do without a right: one person cannot flood the directory, nor try out servers by the daemon's hand. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type QuotaKind, Quotas } from '../daemon/service/quotas.ts';
import { connect } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import { startFakeImap } from './support/imap.ts';
import { domain, type Postroom, startPostroom } from './support/postroom.ts';

const hourMs = 3_600_000;
const limits = { invitationsPerHour: 3, mailboxesPerHour: 2, probesPerHour: 5 };

async function refusal(request: Promise<unknown>): Promise<PostroomError | null> {
  try {
    await request;
    return null;
  } catch (error) {
    if (error instanceof PostroomError) return error;
    throw error;
  }
}
const codes = async (requests: readonly Promise<unknown>[]) =>
  (await Promise.all(requests.map(refusal))).map((error) => error?.code ?? 'yes').sort();

test('in any hour nobody does more than their quota, and what they wait for is true', () => {
  const kind = fc.constantFrom<QuotaKind>('invitations', 'mailboxes', 'probes');
  const step = fc.record({ person: fc.constantFrom('ann', 'ben'), kind, pauseMs: fc.nat(hourMs), back: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let at = 0;
      const quotas = new Quotas(
        limits,
        () => at,
        () => at,
      );
      const done: { who: string; at: number }[] = [];
      const of = { invitations: 3, mailboxes: 2, probes: 5 };
      for (const { person, kind: what, pauseMs, back } of steps) {
        at += pauseMs;
        const who = `${person} ${what}`;
        const recent = done.filter((one) => one.who === who && at - one.at < hourMs);
        try {
          const taken = quotas.take(person, what);
          expect(recent.length).toBeLessThan(of[what]);
          if (back) taken.giveBack();
          else done.push({ who, at });
        } catch (error) {
          if (!(error instanceof PostroomError)) throw error;
          expect(recent.length).toBe(of[what]);
          const { retryAfterMs, retryAt } = error.details as { retryAfterMs: number; retryAt: string };
          expect(retryAfterMs).toBe((recent[0]?.at ?? 0) + hourMs - at);
          expect(Date.parse(retryAt)).toBe(at + retryAfterMs);
        }
      }
    }),
  );
});

async function office(): Promise<Postroom> {
  const postroom = await startPostroom({ config: { quotas: limits, network: { allow: [] } } });
  await postroom.person('ben');
  await postroom.person('pat', ['people.manage']);
  return postroom;
}
const servers = { imap: 'imaps://mail.example.net:993', smtp: 'smtps://mail.example.net:465', test: false };

test('invitations for one’s own devices: by all sessions together, at once too; those for others are a right', async () => {
  await using postroom = await office();
  const [ben, pat] = [await postroom.as('ben'), await postroom.as('pat')];
  const second = await postroom.connect('ben');
  const asked = Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? ben : second).call('person.invite', { name: 'ben' }));
  expect(await codes(asked)).toEqual([...Array(5).fill('rate-limited'), ...Array(3).fill('yes')]);
  const refused = await refusal(ben.call('person.invite', { name: 'ben' }));
  expect(refused?.message).toMatch(/3 invitations .* an hour.*Try again after \d\d:\d\d UTC/);
  expect(refused?.details).toMatchObject({ quota: 'invitations', limit: 3 });
  expect(Date.parse(String(refused?.details.retryAt))).toBeGreaterThan(Date.now());
  expect((await pat.call('invitation.list', {})).rows).toHaveLength(3);
  for (let n = 0; n < 5; n++) await pat.call('person.add', { name: `new${n}` });
  for (let n = 0; n < 5; n++) await pat.call('person.invite', { name: `new${n}` });
  await second.close();
});

test('personal mailboxes: so many an hour, what was refused for another reason does not count; whoever sets up for others is not counted', async () => {
  await using postroom = await office();
  const [ben, eva] = [await postroom.as('ben'), await postroom.as('eva')];
  await eva.call('mailbox.add', { address: 'hidden@example.org', ...servers });
  const add = (client: typeof ben, n: number | string) => client.call('mailbox.add', { address: `box${n}@example.org`, ...servers });
  for (let n = 0; n < 2; n++)
    expect((await refusal(ben.call('mailbox.add', { address: `bad${n}@${domain}`, ...servers })))?.code).toBe('invalid');
  expect(await codes([0, 1, 2, 3].map((n) => add(ben, n)))).toEqual(['rate-limited', 'rate-limited', 'yes', 'yes']);
  expect((await ben.call('mailbox.list', {})).rows).toHaveLength(2);
  // Addresses cannot be guessed without end: what is too much is refused before anything is looked at.
  const guess = await refusal(add(ben, 'x'));
  const right = await refusal(ben.call('mailbox.add', { address: 'hidden@example.org', ...servers }));
  expect([guess?.details.quota, right?.details.quota]).toEqual(['probes', 'probes']);
  expect(guess?.message.replace(/\d\d:\d\d/, '')).toBe(right?.message.replace(/\d\d:\d\d/, ''));
  expect(await codes([4, 5, 6, 7].map((n) => add(eva, n)))).toEqual(Array(4).fill('yes'));
});

test('tries of servers: adding with a test, testing and another server come out of one quota, whatever came of them', async () => {
  await using postroom = await startPostroom({ config: { quotas: { ...limits, mailboxesPerHour: 50 } } });
  await using imap = await startFakeImap();
  await postroom.person('ben');
  const ben = await postroom.as('ben');
  const address = 'ben@example.org';
  await ben.call('mailbox.add', { address, ...servers }); // 1
  const local = { imap: `imap://127.0.0.1:${imap.port}?tls=no`, smtp: 'smtp://127.0.0.1:9?tls=no' };
  expect((await refusal(ben.call('mailbox.add', { address: 'a@example.org', ...local, test: true })))?.code).toBe('unavailable'); // 2
  await ben.call('mailbox.set', { mailbox: address, imap: 'imaps://mail.example.com:993' }); // 3
  await ben.call('mailbox.set', { mailbox: address, settings: { name: 'Ben' } }); // asks nobody
  await ben.call('mailbox.set', { mailbox: address, secret: { kind: 'password', password: 'x' } }); // 4
  await ben.call('mailbox.test', { mailbox: address }); // 5
  for (const request of [
    ben.call('mailbox.test', { mailbox: address }),
    ben.call('mailbox.set', { mailbox: address, imap: 'imaps://mail.example.org:993' }),
    ben.call('mailbox.add', { address: 'b@example.org', ...local, test: true }),
  ])
    expect((await refusal(request))?.details).toMatchObject({ quota: 'probes' });
  const shown = await ben.call('mailbox.show', { mailbox: address });
  expect(shown.server?.imap).toBe('imaps://mail.example.com:993');
});

test('a client waits for what is near, and is told at once of what is far', async () => {
  await using postroom = await office();
  const client = await connect({ identity: postroom.identity('ben') });
  for (let n = 0; n < 3; n++) await client.call('person.invite', { name: 'ben' });
  // Its patience is far longer than this test's: only an answer ends it.
  expect((await refusal(client.call('person.invite', { name: 'ben' }, { timeoutMs: 600_000 })))?.code).toBe('rate-limited');
  await client.close();
});
