/** `kill -9` is the normal case to design for: what was said stays true, and nothing is there twice. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { startDovecot } from '../support/dovecot.ts';
import { mail } from '../support/message.ts';
import { DaemonProcess } from '../support/process.ts';
import { startSubmission } from '../support/submission.ts';

const address = 'support@example.org';
const count = 1_500;
const kills = 5;
const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

test('killed while it syncs, the index equals the server afterwards', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address, 'secret');
  const mails = Array.from({ length: count }, (_, n) =>
    mail({ from: `c${n}@example.net`, to: address, subject: `Order ${n}`, text: `Number ${n}\n${'x'.repeat(n % 7_000)}\n` }),
  );
  await dovecot.fill(address, mails);
  await dovecot.fill(address, mails.slice(0, 200), 'Archive');

  await using daemon = await DaemonProcess.start({ sync: { retryMinMs: 50 } });
  const first = await daemon.connect();
  const server = { imap: `imaps://localhost:${dovecot.ports.imaps}`, smtp: 'smtps://localhost:9', ca: dovecot.ca };
  await first.call('mailbox.add', { address, ...server, secret: { kind: 'password', password: 'secret' }, workFrom: null });
  await first.close();

  for (let round = 0; round < kills; round++) {
    // Each time a little further in: the progress that clients see is the moment to strike.
    const reached = Promise.withResolvers<void>();
    const client = await daemon.connect((event) => {
      if (event.name === 'mailbox.changed' && (event.payload.sync.done >= (round + 1) * 150 || event.payload.state === 'idle'))
        reached.resolve();
    });
    await client.subscribe(['mailbox.changed']);
    const [row] = (await client.call('mailbox.list', {})).rows;
    if (row !== undefined && row.state !== 'idle') await reached.promise;
    await daemon.kill();
    await client.close();
    await daemon.run();
  }

  const client = await daemon.connect();
  await client.call('mailbox.sync', { mailbox: address, wait: true }, { timeoutMs: 90_000 });
  const folders = (await client.call('mailbox.folders', { mailbox: address })).rows;
  expect(folders.filter((folder) => folder.server !== folder.stored)).toEqual([]);
  expect(folders.find((folder) => folder.role === 'inbox')?.stored).toBe(count);
  expect((await client.call('mailbox.show', { mailbox: address })).messages).toBe(count);

  const wanted = new Set(mails.map(sha256));
  let cursor: string | null = null;
  let seen = 0;
  do {
    const page: Awaited<ReturnType<typeof client.call<'conversation.list'>>> = await client.call('conversation.list', {
      mailbox: address,
      limit: 200,
      cursor,
    });
    for (const row of page.rows.filter((_, n) => n % 40 === 0)) {
      const shown = await client.call('conversation.show', { conversation: row.conversation });
      const chunks: Uint8Array[] = [];
      await client.call('message.raw', { message: shown.messages[0]?.id ?? '' }, { onChunk: (chunk) => void chunks.push(chunk) });
      expect(wanted.has(sha256(Buffer.concat(chunks)))).toBe(true);
    }
    seen += page.rows.length;
    cursor = page.next;
  } while (cursor !== null);
  expect(seen).toBe(count);
  await client.close();
  expect(await daemon.check()).toEqual([]);
});

test('killed while it sends, every mail is at the server once or not at all, and nothing of unknown fate is sent again', {
  timeout: 120_000,
}, async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address, 'secret');
  await using submission = await startSubmission({ security: 'tls', users: { [address]: 'secret' } });
  await using daemon = await DaemonProcess.start({ sync: { retryMinMs: 50 }, outbox: { retryAfterMs: [100] } });
  const first = await daemon.connect();
  await first.call('mailbox.add', {
    address,
    imap: `imaps://localhost:${dovecot.ports.imaps}`,
    smtp: submission.url,
    ca: `${dovecot.ca}\n${submission.ca}`,
    secret: { kind: 'password', password: 'secret' },
  });
  await first.close();

  const queued: string[] = [];
  for (const at of ['connect', 'mail', 'rcpt', 'data', 'body', 'dot'] as const) {
    // Other mails go through the same steps again: this fault, not a step of theirs before it, is waited for.
    const before = submission.seen(at);
    submission.fail({ at, end: 'stall', accept: at === 'dot' });
    const client = await daemon.connect();
    const { messageId } = await client.call('outbox.send', { from: address, to: 'jane@example.net', subject: at, body: 'Hello.\n' });
    queued.push(messageId);
    await submission.reached(at, before + 1);
    await daemon.kill();
    submission.release();
    await client.close();
    await daemon.run();
  }

  let moved = Promise.withResolvers<void>();
  const client = await daemon.connect((event) => event.name === 'outbox.changed' && moved.resolve());
  await client.subscribe(['outbox.changed']);
  for (;;) {
    // Made before the question: an event that comes after it is not missed.
    moved = Promise.withResolvers();
    const { rows } = await client.call('outbox.list', {});
    if (rows.length === queued.length && rows.every((row) => row.state === 'accepted' || row.state === 'unknown')) break;
    await moved.promise;
  }
  const { rows } = await client.call('outbox.list', {});
  for (const row of rows) {
    const times = submission.count(row.messageId);
    expect([row.subject, row.state, times]).toEqual([row.subject, row.state, row.state === 'accepted' ? 1 : times]);
    expect(times).toBeLessThanOrEqual(1);
  }
  // Two mails were killed with their bodies begun, in the middle and after the last octet (a mail that waits for its retry may take
  // another's fault). Nothing on this side can tell whether the server has them, so neither is sent again.
  expect(rows.filter((row) => row.state === 'unknown')).toHaveLength(2);
  await client.close();
  expect(await daemon.check()).toEqual([]);
});
