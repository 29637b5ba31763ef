/**
 * Two mailboxes that hold the same mails (one stored copy), and in one of them words that are nowhere else. A person of the other asks for
 * everything that the protocol offers, while things happen in both: every frame that reaches them is opened and looked through.
 */
import { expect, test, vi } from 'vitest';
import { changesNothing } from '../daemon/service/repeats.ts';
import type { Client } from '../protocol/client.ts';
import { events } from '../protocol/events.ts';
import { type Method, methods } from '../protocol/methods.ts';
import { type MailInput, mail } from './support/message.ts';
import { domain, type Postroom, startPostroom } from './support/postroom.ts';
import { answerOf, ask, methodNames, type Place, requests } from './support/requests.ts';

/** What every session's seal opens at the client's end, by the client's key. */
const tap = vi.hoisted(() => ({ hear: (_key: string, _frame: Buffer): void => undefined }));
vi.mock('../protocol/seal.ts', async (original) => {
  const real = await original<typeof import('../protocol/seal.ts')>();
  const agree: typeof real.agree = (agreement) => {
    const seal = real.agree(agreement);
    if (agreement.role === 'daemon') return seal;
    const open: typeof seal.open = (...sealed) => {
      const frame = seal.open(...sealed);
      tap.hear(agreement.own.publicKey, frame);
      return frame;
    };
    return { seal: (body) => seal.seal(body), open };
  };
  return { ...real, agree };
});

const canary = 'zqx';
const word = (what: string): string => `${canary}${what}`;
const wanted = process.env.POSTROOM_CANARIES === 'full' ? 100_000 : 5_000;

/** The same octets for both, then mails of the same people and threads that only one of them gets. */
async function furnish(postroom: Postroom, open: string, closed: string): Promise<void> {
  const eva = await postroom.as('eva');
  const same: Partial<MailInput>[] = [1, 2, 3].map((n) => ({
    to: 'customers@example.org',
    subject: `Order ${n}`,
    messageId: `<order-${n}@example.org>`,
    attachments: [{ filename: 'label.pdf', content: 'x'.repeat(2_000_000) }],
  }));
  for (const parts of same)
    await postroom.deliver(
      [open, closed],
      mail({ from: 'Jane Cooper <jane@example.org>', to: 'customers@example.org', subject: '', text: 'It has not come.\n', ...parts }),
    );
  for (const n of [1, 2, 3]) {
    await postroom.deliver(closed, {
      from: `Jane ${word('name')} <jane@example.org>`,
      subject: `Re: Order ${n} ${word('subject')}`,
      messageId: `<${word('id')}-${n}@example.org>`,
      inReplyTo: `<order-${n}@example.org>`,
      text: `${word('body')} and ${word('snippet')}\n`,
      attachments: [{ filename: `${word('file')}.txt`, content: word('content') }],
    });
  }
  await eva.call('mailbox.set', { mailbox: closed, settings: { name: word('box'), signature: word('signature') } });
  await eva.call('mailbox.address.add', { mailbox: closed, alias: `${word('alias')}@${domain}` });
  await eva.call('grant.set', { mailbox: closed, grantee: 'li', access: true, note: word('grant') });
  await happens(postroom, closed);
}

/** What people do, each in words that no other mailbox has. */
async function happens(postroom: Postroom, closed: string): Promise<void> {
  const eva = await postroom.as('eva');
  const { rows } = await eva.call('conversation.list', { mailbox: closed, limit: 10 });
  for (const { conversation } of rows.slice(0, 4)) {
    await eva.call('conversation.note', { conversation, text: word('note') });
    await eva.call('conversation.take', { conversation });
    await eva.call('outbox.send', {
      in: conversation,
      kind: 'reply',
      to: closed,
      subject: word('reply'),
      body: word('sent'),
      at: '2099-01-01T00:00:00.000Z',
    });
    await eva.call('conversation.mark', { conversation, as: 'star' });
  }
  await postroom.deliver(closed, { subject: word('live'), text: word('livebody') });
}

async function placeOf(client: Client, mailbox: string): Promise<Place> {
  const page = await client.call('conversation.list', { mailbox, limit: 1 });
  const conversation =
    (await client.call('conversation.list', { mailbox })).rows.find(({ attachments }) => attachments > 0)?.conversation ?? '';
  const shown = await client.call('conversation.show', { conversation });
  const sent = await client.call('outbox.list', { mailbox });
  return {
    mailbox,
    spare: mailbox,
    conversation,
    message: shown.messages[0]?.id ?? '',
    outbox: sent.rows[0]?.id ?? '',
    retry: sent.rows[0]?.id ?? '',
    grant: (await client.call('grant.list', { mailbox })).rows[0]?.id ?? '',
    key: 'AAAAA',
    invitation: 'none',
    cursor: page.next ?? '',
    timelineCursor: (await client.call('timeline.mailbox', { mailbox, limit: 1 })).next ?? '',
    sender: 'eva',
    alias: `more@${domain}`,
  };
}

test(`${wanted} frames to people of one mailbox hold no word of another, however much both share`, async () => {
  await using postroom = await startPostroom();
  const people = ['ben', 'kim', 'ada', 'joe'];
  for (const name of [...people, 'li']) await postroom.person(name);
  await postroom.role('agents', ...people);
  const [open, closed] = [await postroom.mailbox('first'), await postroom.mailbox('second')];
  await postroom.grant('agents', open, { access: true, send: true, setup: true });
  await furnish(postroom, open, closed);
  const eva = await postroom.as('eva');
  await eva.call('outbox.send', { from: open, to: open, subject: 'Later', body: 'x', at: '2099-01-01T00:00:00.000Z' });
  const [own, foreign] = [await placeOf(eva, open), await placeOf(eva, closed)];
  // The stored copy is one.
  expect(own.message).not.toBe('');

  const keys = new Set(people.map((name) => postroom.identity(name).publicKey));
  /** What no frame may hold. The closed mailbox's address and ids belong to it as long as nobody here has named them. */
  let secrets = [canary, canary.toUpperCase(), closed, foreign.conversation, foreign.message, foreign.outbox];
  const found: string[] = [];
  let frames = 0;
  let ofTheirOwn = 0;
  tap.hear = (key, frame) => {
    if (!keys.has(key)) return;
    frames++;
    if (frame.includes('Order 1')) ofTheirOwn++;
    const told = secrets.find((secret) => frame.includes(secret));
    if (told !== undefined) found.push(`${told}: ${frame.subarray(4, 600).toString('utf8')}`);
  };
  const clients = await Promise.all(people.map((name) => postroom.connect(name)));
  for (const client of clients) await client.subscribe(Object.keys(events) as (keyof typeof events)[]);

  const ownAsks = methodNames
    .filter(
      (method) =>
        method !== 'daemon.doctor' &&
        (changesNothing[method] ||
          methods[method].download ||
          ['conversation.mark', 'conversation.note', 'mailbox.watch'].includes(method)),
    )
    .map((method) => [method, (requests[method].ask as (at: Place, own: Place) => object)(own, own)] as [Method, object]);
  const more: [Method, object][] = [
    ...[
      '',
      'order',
      'from:jane',
      'has:attachment',
      '-in:first',
      'jane OR order',
      'label.pdf',
      'is:open',
      'assigned:eva',
      'before:2099-01-01',
    ].map((query): [Method, object] => ['search.run', { query, limit: 200 }]),
    ['timeline.contact', { address: 'jane@example.org', limit: 200 }],
    ['timeline.contact', { address: 'eva', limit: 200 }],
    ...(['mine', 'unassigned', 'team', 'done'] as const).map((view): [Method, object] => ['panel.list', { view, limit: 200 }]),
    ['person.show', { name: 'li' }],
    ['person.show', { name: 'ben' }],
    ['outbox.list', { limit: 200 }],
    ['message.attachment', { message: own.message, index: 0 }],
    ['message.attachment', { message: own.message, index: 0 }],
  ];
  while (frames < wanted - 600) {
    const asking = clients.map(async (client) => {
      for (const [method, params] of [...ownAsks, ...more]) await ask(client, method, params).catch(() => undefined); // refusals are frames too
    });
    await Promise.all([...asking, happens(postroom, closed)]);
    await postroom.deliver(open, { subject: 'A new one' });
  }
  for (const client of clients) await client.call('daemon.doctor', {}, { timeoutMs: 120_000 });
  // Now they name what is not theirs: by id, by address, by the very words.
  secrets = [canary, canary.toUpperCase()];
  for (const method of methodNames) {
    const { ask: plain, also = [] } = requests[method];
    if (method === 'person.join' || method === 'mailbox.transfer') continue;
    for (const make of [plain, ...also] as ((at: Place, own: Place) => object)[]) {
      const params = make(foreign, own);
      if (JSON.stringify(params) === JSON.stringify(make(own, own))) continue;
      for (const client of clients) await ask(client, method, params).catch(() => undefined);
    }
  }
  while (frames < wanted) await Promise.all(clients.map((client) => client.call('search.run', { query: 'order' })));
  expect(found).toEqual([]);
  expect(ofTheirOwn).toBeGreaterThan(100); // what is theirs reaches them, and this test sees it
  expect(frames).toBeGreaterThanOrEqual(wanted);

  secrets = []; // what one sends may come back
  const [first = eva] = clients;
  for (const what of ['name', 'subject', 'body', 'snippet', 'note', 'file', 'content', 'reply', 'sent', 'alias', 'live']) {
    for (const query of [
      word(what),
      `"${word(what)}"`,
      `note:${word(what)}`,
      `subject:${word(what)}`,
      `from:${word(what)}`,
      `in:${word(what)}`,
    ])
      expect(await answerOf(first, 'search.run', { query })).toMatchObject({ text: expect.stringContaining('"rows":[]') });
  }
  for (const client of clients) await client.close();
}, 600_000);
