/** A clean stop, in the middle of everything: soon, with nothing left behind, and nothing lost or sent twice. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startDovecot } from '../support/dovecot.ts';
import { mail } from '../support/message.ts';
import { DaemonProcess } from '../support/process.ts';
import { startSubmission } from '../support/submission.ts';

const address = 'support@example.org';
/** A stop that takes longer is no stop for systemd's patience, nor for a person's. */
const boundMs = 10_000;

test('stopped while it syncs and sends: exit 0, no pid and no socket, mail on its way parked and sent once', {
  timeout: 90_000,
}, async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address, 'secret');
  const mails = Array.from({ length: 1_200 }, (_, n) =>
    mail({ from: `c${n}@example.net`, to: address, subject: `Order ${n}`, text: `${'x'.repeat(n % 5_000)}\n` }),
  );
  await dovecot.fill(address, mails);
  await using submission = await startSubmission({ security: 'tls', users: { [address]: 'secret' } });
  await using daemon = await DaemonProcess.start({ sync: { retryMinMs: 50 }, outbox: { retryAfterMs: [100] } });
  const syncing = Promise.withResolvers<void>();
  const client = await daemon.connect((event) => {
    if (event.name === 'mailbox.changed' && event.payload.sync.done > 0) syncing.resolve();
  });
  await client.subscribe(['mailbox.changed']);
  await client.call('mailbox.add', {
    address,
    imap: `imaps://localhost:${dovecot.ports.imaps}`,
    smtp: submission.url,
    ca: `${dovecot.ca}\n${submission.ca}`,
    secret: { kind: 'password', password: 'secret' },
    workFrom: null,
  });
  submission.fail({ at: 'rcpt', end: 'stall' });
  const { messageId } = await client.call('outbox.send', { from: address, to: 'jane@example.net', subject: 'Hello', body: 'Hello.\n' });
  await Promise.all([submission.reached('rcpt'), syncing.promise]);

  const began = performance.now();
  expect(await daemon.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(boundMs);
  expect(existsSync(join(daemon.places.run, 'daemon.pid'))).toBe(false);
  expect(existsSync(join(daemon.places.run, 'daemon.sock'))).toBe(false);
  expect(daemon.output).not.toContain('rror');
  submission.release();
  await client.close();

  await daemon.run();
  const again = await daemon.connect();
  await again.call('mailbox.sync', { mailbox: address, wait: true }, { timeoutMs: 60_000 });
  await expect.poll(async () => (await again.call('outbox.list', {})).rows.map(({ state }) => state)).toEqual(['accepted']);
  expect(submission.count(messageId)).toBe(1);
  const { rows } = await again.call('mailbox.folders', { mailbox: address });
  expect(rows.filter((folder) => folder.server !== folder.stored)).toEqual([]);
  await again.close();
  expect(await daemon.check()).toEqual([]);
});
