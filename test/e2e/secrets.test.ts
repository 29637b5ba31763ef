/** Passwords stay in the daemon: canaries go in by every door, and are looked for wherever something could come out. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { cli } from '../support/cli.ts';
import { startDovecot } from '../support/dovecot.ts';
import { DaemonProcess } from '../support/process.ts';
import { startSubmission } from '../support/submission.ts';
import { tempDir } from '../support/tempdir.ts';

const address = 'support@example.org';
const right = 'canaryRightQ7pZ2x';
const canaries = { right, wrong: 'canaryWrongM4vK9t', unused: 'canaryUnusedB8sD3', file: 'canaryFileH6jW1c', env: 'canaryEnvT2nY5r' };

/** As it is, and as IMAP and SMTP would say it. Base64 differs with what stands before it. */
const spellings = Object.entries(canaries).flatMap(([name, password]) => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64').replace(/=+$/, '');
  const hex = Buffer.from(password).toString('hex');
  return [password, hex, base64(password), base64(`\0${address}\0${password}`), base64(`${address}\0${address}\0${password}`)].map(
    (text) => ({ name, text }),
  );
});

function hits(where: string, octets: Buffer | string): string[] {
  const text = typeof octets === 'string' ? octets : octets.toString('latin1');
  return spellings.filter(({ text: canary }) => text.includes(canary)).map(({ name }) => `${name} in ${where}`);
}

async function hitsBelow(folder: string, except: readonly string[]): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const found: string[] = [];
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name);
    if (except.some((name) => relative(folder, path).startsWith(name))) continue;
    found.push(...hits(path, await readFile(path)));
  }
  return found;
}

/** What any account of the machine could read of the daemon, and of what it starts. */
async function hitsInProcess(pid: number): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const found: string[] = [];
  for (const name of ['cmdline', 'environ']) found.push(...hits(`/proc/${pid}/${name}`, await readFile(`/proc/${pid}/${name}`)));
  return found;
}

test('no password leaves the daemon: not in logs, frames, processes, files or words, whatever fails', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address, right);
  await using submission = await startSubmission({ security: 'tls', users: { [address]: right } });
  await using daemon = await DaemonProcess.start({ log: { level: 'trace' }, sync: { retryMinMs: 50, retryMaxMs: 1_000 } });
  await using aside = await tempDir();
  const home = daemon.places.data;

  /** Everything that a client was ever told. */
  const heard: unknown[] = [];
  const client = await daemon.connect((event) => void heard.push(event));
  await client.subscribe(['mailbox.changed', 'outbox.changed', 'conversation.changed', 'folders.changed']);
  const call: typeof client.call = async (method, params, options) => {
    try {
      const result = await client.call(method, params, options);
      heard.push(result);
      return result;
    } catch (error) {
      heard.push(error instanceof Error ? { ...error, message: error.message, stack: error.stack } : error);
      throw error;
    }
  };
  const states = async (): Promise<string[]> => (await call('mailbox.list', {})).rows.map(({ state }) => state);

  const ca = `${dovecot.ca}\n${submission.ca}`;
  const imap = `imaps://localhost:${dovecot.ports.imaps}`;
  await call('mailbox.add', { address, imap, smtp: submission.url, ca, secret: { kind: 'password', password: canaries.wrong } });
  await expect.poll(states).toEqual(['auth-failed']);
  expect((await call('mailbox.test', { mailbox: address }, { timeoutMs: 60_000 })).ok).toBe(false);
  // Refused after the password was read: the wrong kind of server, a revision that moved, a name that is taken.
  await expect(
    call('mailbox.add', { address, imap, smtp: submission.url, ca, secret: { kind: 'password', password: canaries.unused } }),
  ).rejects.toThrow();
  await expect(
    call('mailbox.set', { mailbox: address, imap: 'imaps://', secret: { kind: 'password', password: canaries.unused } }),
  ).rejects.toThrow();
  await expect(
    call('mailbox.set', { mailbox: address, secret: { kind: 'password', password: canaries.unused }, ifRevision: 99_999 }),
  ).rejects.toThrow();

  const postroom = cli(home, { env: { CANARY: canaries.env } });
  const file = join(aside.path, 'password');
  await writeFile(file, `${canaries.file}\n`, { mode: 0o600 });
  const runs = [
    await postroom('mailbox', 'set', address, '--password-file', file),
    await postroom('mailbox', 'test', address),
    await postroom('mailbox', 'set', address, '--password-env', 'CANARY'),
    await postroom('mailbox', 'test', address, '--json'),
    await postroom('doctor'),
    await postroom('mailbox', 'show', address, '--json'),
  ];
  await call('mailbox.set', { mailbox: address, secret: { kind: 'password', password: right } });
  expect((await call('mailbox.test', { mailbox: address }, { timeoutMs: 60_000 })).ok).toBe(true);
  await expect.poll(states).toEqual(['idle']);
  const send = (subject: string) => call('outbox.send', { from: address, to: 'jane@example.net', subject, body: 'Hello.\n' });
  await send('one');
  submission.fail({ at: 'mail', reply: '535 5.7.8 not you' });
  await send('two');
  await expect.poll(async () => (await call('outbox.list', {})).rows.filter(({ attempts }) => attempts > 0).length).toBe(2);

  const inProcesses = await hitsInProcess(daemon.pid);
  await client.close();
  const spoken = daemon.output;
  expect(await daemon.stop()).toBe(0);

  const log = await readFile(join(daemon.places.logs, 'daemon.log'), 'utf8');
  expect(log).toContain('"level":"info"');
  for (const line of log.trimEnd().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  expect(heard.length).toBeGreaterThan(20);
  expect(hits('a file that holds one', await readFile(file))).toEqual(['file in a file that holds one']); // what looks can find
  expect([
    ...inProcesses,
    ...hits('what the daemon printed', spoken),
    ...hits('what clients heard', JSON.stringify(heard)),
    ...runs.flatMap(({ out, err }, n) => hits(`what command ${n} printed`, out + err)),
    ...(await hitsBelow(home, ['secrets/'])),
    ...(await hitsBelow(join(home, 'secrets'), [])), // sealed: not in clear there either
  ]).toEqual([]);
});
