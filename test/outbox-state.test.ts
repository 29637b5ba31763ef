import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  after,
  afterRestart,
  begun,
  canBeProven,
  claim,
  holdForRight,
  type Outcome,
  pause,
  proven,
  wasSent,
  worst,
} from '../daemon/outbox/state.ts';
import type { Recipient } from '../daemon/store/types.ts';
import { table } from './support/table.ts';

const policy = { retryAfterMs: [1_000, 5_000], giveUpAfterMs: 100_000 };
const recipient = (state: Recipient['state'] = 'pending', address = 'a@example.com'): Recipient => ({ address, state, reply: null });
const row = (recipients = [recipient()], attempts = 1) => ({ recipients, attempts, sendAt: 0 });
const at = 10_000;

const outcomes: Record<string, Outcome> = {
  accepted: { kind: 'accepted', reply: '250 OK', refused: new Map() },
  '4xx': { kind: 'refused', reply: { code: 451, text: '451 Later' }, recipients: new Map() },
  '5xx': { kind: 'refused', reply: { code: 550, text: '550 No' }, recipients: new Map() },
  'no reply before data': { kind: 'lost', where: 'before-data', why: 'reset' },
  'cut in the body': { kind: 'lost', where: 'in-body', why: 'reset' },
  'no reply to the dot': { kind: 'lost', where: 'dot', why: 'reset' },
  auth: { kind: 'auth', why: '535' },
  'right lost': { kind: 'forbidden', why: 'ended' },
  impossible: { kind: 'impossible', why: 'too large' },
};

describe('what happened -> what the row says', () => {
  for (const { outcome, state, recipients, again } of table<{ outcome: string; state: string; recipients: string; again: boolean }>(`
    outcome               state     recipients  again
    accepted              accepted  accepted    no
    4xx                   queued    pending     yes
    5xx                   failed    failed      no
    no reply before data  queued    pending     yes
    cut in the body       queued    pending     yes
    no reply to the dot   unknown   unknown     no
    auth                  queued    pending     yes
    right lost            held      pending     no
    impossible            failed    failed      no
  `)) {
    test(outcome, () => {
      const given = outcomes[outcome];
      if (given === undefined) throw new Error(outcome);
      const patch = after(row(), given, policy, at, 0);
      expect([patch.state, (patch.recipients ?? row().recipients)[0]?.state, patch.nextAttemptAt]).toEqual([
        state,
        recipients,
        again ? at + 1_000 : null,
      ]);
      expect(patch.phase).toBe(null);
    });
  }
});

test('recipients have fates of their own, and the row shows the worst once none is pending', () => {
  const three = ['a', 'b', 'c'].map((name) => recipient('pending', name));
  const first = after(
    row(three),
    {
      kind: 'accepted',
      reply: '250 OK',
      refused: new Map([
        ['b', { code: 550, text: '550 No' }],
        ['c', { code: 450, text: '450 Busy' }],
      ]),
    },
    policy,
    at,
    0,
  );
  expect([first.state, first.recipients?.map(({ state }) => state), first.lastError]).toEqual([
    'queued',
    ['accepted', 'failed', 'pending'],
    '550 No',
  ]);
  const second = after(row(first.recipients, 2), { kind: 'accepted', reply: '250 OK', refused: new Map() }, policy, at, 0);
  expect([second.state, second.recipients?.map(({ state }) => state)]).toEqual(['failed', ['accepted', 'failed', 'accepted']]);
});

test('the order of bad', () => {
  const states = ['accepted', 'failed', 'unknown', 'bounced'] as const;
  for (const [n, state] of states.entries()) expect(worst(states.slice(0, n + 1).map((it) => recipient(it)))).toBe(state);
});

test('pauses grow, the last one repeats, jitter only adds', () => {
  expect([0, 1, 2, 3, 99].map((failures) => pause(policy.retryAfterMs, failures, 0))).toEqual([1_000, 1_000, 5_000, 5_000, 5_000]);
  expect(pause(policy.retryAfterMs, 1, 0.999)).toBe(1_100);
});

describe('what RCPT answered is kept, whatever becomes of the connection', () => {
  const then = (given: ReturnType<typeof row>, outcome: Outcome) => after(given, outcome, policy, at, 0);
  const three = ['a', 'b', 'c'].map((name) => recipient('pending', name));
  const refused = new Map([
    ['b', { code: 550, text: '550 No' }],
    ['c', { code: 450, text: '450 Busy' }],
  ]);
  const states = (patch: { recipients?: Recipient[] }) => patch.recipients?.map(({ state, reply }) => `${state} ${reply}`);
  const lost = (where: 'before-data' | 'in-body' | 'dot', recipients = three, given: typeof refused | null = refused) =>
    then(row(recipients), { kind: 'lost', where, why: 'reset', ...(given && { refused: given }) });

  test('after the dot only those who were taken are unknown; the others are told, or tried again', () => {
    const patch = lost('dot');
    expect([patch.state, states(patch), patch.nextAttemptAt]).toEqual([
      'queued',
      ['unknown reset', 'failed 550 No', 'pending 450 Busy'],
      at + 1_000,
    ]);
    // The next attempt is for the one who waits, and the row then shows that of another nobody knows.
    const second = then(row(patch.recipients, 2), { kind: 'accepted', reply: '250', refused: new Map() });
    expect([second.state, states(second)]).toEqual(['unknown', ['unknown reset', 'failed 550 No', 'accepted 250']]);
  });

  test('before the dot nobody has it', () => {
    for (const where of ['before-data', 'in-body'] as const)
      expect(states(lost(where))).toEqual(['pending null', 'failed 550 No', 'pending 450 Busy']);
  });

  test('a daemon that stops in between knows it from what was durable when the body began', () => {
    const durable = begun(three, refused);
    expect(durable).toEqual([
      { address: 'a', state: 'pending', reply: null, taken: true },
      { address: 'b', state: 'failed', reply: '550 No' },
      { address: 'c', state: 'pending', reply: '450 Busy' },
    ]);
    const patch = lost('dot', durable, null);
    expect(states(patch)).toEqual(['unknown reset', 'failed 550 No', 'pending 450 Busy']);
    expect(patch.recipients?.some((one) => 'taken' in one)).toBe(false);
    // Of rows that a daemon of before left nobody knows who was taken.
    expect(states(lost('dot', three, null))).toEqual(['unknown reset', 'unknown reset', 'unknown reset']);
  });

  test('a refusal of the mail is not that of those whom RCPT refused already', () => {
    const patch = then(row(three), { kind: 'refused', reply: { code: 451, text: '451 Later' }, recipients: refused });
    expect(states(patch)).toEqual(['pending 451 Later', 'failed 550 No', 'pending 450 Busy']);
  });
});

test('it is given up after its time, except for the mailbox’s own faults', () => {
  const late = policy.giveUpAfterMs;
  const given = (outcome?: Outcome) => outcome && after(row(), outcome, policy, late, 0).state;
  expect([given(outcomes['4xx']), given(outcomes['no reply before data']), given(outcomes.auth)]).toEqual(['failed', 'failed', 'queued']);
});

test('a claim counts; a row found in `claimed` goes again, one in `data` never by itself', () => {
  expect(claim({ attempts: 2 })).toMatchObject({ state: 'sending', phase: 'claimed', attempts: 3, heldFor: null });
  expect(afterRestart({ phase: 'claimed', recipients: [] })).toMatchObject({ kind: 'again', patch: { state: 'queued' } });
  expect(afterRestart({ phase: 'data', recipients: [] })).toEqual({ kind: 'look' });
  expect(holdForRight('ended')).toMatchObject({ state: 'held', heldFor: 'right' });
});

test('proof turns unknown into accepted and nothing else', () => {
  const all = (['unknown', 'accepted', 'failed', 'bounced', 'pending'] as const).map((state) => recipient(state));
  expect(proven({ recipients: all }).recipients.map(({ state }) => state)).toEqual([
    'accepted',
    'accepted',
    'failed',
    'bounced',
    'pending',
  ]);
  // What is there because others got it says nothing of the rest.
  expect([canBeProven({ recipients: all }), canBeProven({ recipients: [recipient('unknown'), recipient('failed')] })]).toEqual([
    false,
    true,
  ]);
});

test('whatever happens in whatever order: who was accepted stays so, and only unknown or accepted follows the dot', () => {
  const reply = fc.record({ code: fc.constantFrom(421, 450, 451, 550, 554), text: fc.constantFrom('x', 'y') });
  const perRecipient = fc
    .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c'), reply), { selector: ([name]) => name })
    .map((pairs) => new Map(pairs));
  const outcome: fc.Arbitrary<Outcome> = fc.oneof(
    perRecipient.map((refused): Outcome => ({ kind: 'accepted', reply: '250', refused })),
    fc.tuple(reply, perRecipient).map(([given, recipients]): Outcome => ({ kind: 'refused', reply: given, recipients })),
    fc
      .constantFrom('before-data' as const, 'in-body' as const, 'dot' as const)
      .map((where): Outcome => ({ kind: 'lost', where, why: 'w' })),
    fc.constantFrom<Outcome>({ kind: 'auth', why: 'w' }, { kind: 'forbidden', why: 'w' }, { kind: 'impossible', why: 'w' }),
  );
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 8 }), fc.nat(), (history, start) => {
      let recipients = ['a', 'b', 'c'].map((name) => recipient('pending', name));
      for (const [n, happened] of history.entries()) {
        const before = recipients;
        const patch = after({ recipients, attempts: n + 1, sendAt: start }, happened, policy, start + n, 0);
        recipients = patch.recipients ?? recipients;
        for (const [i, was] of before.entries()) if (was.state !== 'pending') expect(recipients[i]).toEqual(was);
        const pending = recipients.some(({ state }) => state === 'pending');
        expect(pending).toBe(patch.state === 'queued' || patch.state === 'held');
        expect(patch.nextAttemptAt !== null).toBe(patch.state === 'queued');
        if (happened.kind === 'lost' && happened.where === 'dot') expect(patch.state).toBe('unknown');
        if (patch.state === 'accepted') expect(wasSent({ recipients })).toBe(true);
        if (!pending || patch.state === 'held') return;
      }
    }),
    { numRuns: 500 },
  );
});
