/**
 * From `grant.remove` to the last of fifty live sessions having heard that the mailbox is gone for it, and to the frame of a fifty-first, a
 * screen in a real terminal, from which it has gone; in a large organisation, beside a plain request and its answer on the same connection.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDirectory } from '../daemon/directory/durable.ts';
import { grantsFile } from '../daemon/home.ts';
import { type Client, connect } from '../protocol/client.ts';
import { newKeyPair, readIdentity, writeIdentity } from '../protocol/keys.ts';
import { DaemonProcess } from '../test/support/process.ts';
import { openScreen } from '../test/support/screen.ts';
import { tempDir } from '../test/support/tempdir.ts';
import { ms, print, quantiles, ratio, timed } from './figures.ts';
import { idOf, organisation, today } from './organisation.ts';

const sessions = 50;
const revocations = 100;
const mailbox = 'box0@example.org';
const role = 'on call';
const bin = join(fileURLToPath(new URL('..', import.meta.url)), 'bin', 'postroom.mjs');
/** Columns of the list of mailboxes, beside the panel. */
const sidebar = 24;

export async function revocation(): Promise<void> {
  const keys = Array.from({ length: sessions + 2 }, newKeyPair);
  await using daemon = await DaemonProcess.start();
  const home = readIdentity(daemon.places.identity);
  if (home === null) throw new Error('the home has no identity');
  await daemon.stop();

  const doc = organisation(keys.map(({ publicKey }) => publicKey));
  const watching = doc.persons.flatMap(({ status }, n) => (n > 0 && n < keys.length && status === 'active' ? n : [])).slice(0, sessions);
  const members = watching.map((n) => ({ kind: 'person' as const, id: idOf('p', n), at: today, by: idOf('p', 0) }));
  const onCall = { id: idOf('r', doc.roles.length), name: role, members, operations: [] };
  // Only the role leads into the mailbox: so each session gains and loses it as a whole.
  const grants = doc.grants.filter((grant) => grant.mailbox !== idOf('m', 0));
  await rm(grantsFile(daemon.places));
  await rm(`${grantsFile(daemon.places)}.previous`, { force: true });
  await openDirectory(grantsFile(daemon.places), { create: { ...doc, roles: [...doc.roles, onCall], grants } });
  const began = performance.now();
  await daemon.run();
  print('the daemon runs after', ms(performance.now() - began));

  let heard = (_kind: 'lost' | 'gained'): void => undefined;
  const as = (n: number): Promise<Client> =>
    connect({
      identity: { endpoint: home.endpoint, daemonKey: home.daemonKey, ...(keys[n] ?? newKeyPair()) },
      onEvent: (event) => {
        if (event.name !== 'rights.changed') return;
        if (event.payload.lost.some((one) => one === mailbox)) heard('lost');
        if (event.payload.gained.some((one) => one === mailbox)) heard('gained');
      },
    });
  const owner = await as(0);
  const clients = [];
  for (const n of watching) {
    const client = await as(n);
    await client.subscribe(['rights.changed', 'directory.changed']);
    clients.push(client);
  }
  await using aside = await tempDir();
  const file = join(aside.path, 'identity.json');
  const [someone = 1] = watching;
  const { endpoint, daemonKey } = home;
  writeIdentity(file, { endpoint, daemonKey, ...(keys[someone] ?? newKeyPair()), person: doc.persons[someone]?.name ?? '' });
  const env = { HOME: aside.path, POSTROOM_HOME: aside.path };
  await using screen = openScreen({ command: process.execPath, args: [bin, '--identity', file], env, cols: 160, rows: 45 });
  const isListed = (): boolean =>
    Array.from({ length: 45 }, (_, row) => screen.line(row).slice(0, sidebar)).some((line) => line.includes('box0@'));
  await screen.waitFor('MAILBOXES', 60_000);
  /** Resolves with the times at which the first and the last session heard it. */
  const all = (wanted: 'lost' | 'gained'): Promise<{ first: number; last: number }> => {
    const { promise, resolve } = Promise.withResolvers<{ first: number; last: number }>();
    let first = 0;
    let count = 0;
    heard = (kind) => {
      if (kind !== wanted) return;
      if (count++ === 0) first = performance.now();
      if (count === clients.length) resolve({ first, last: performance.now() });
    };
    return promise;
  };

  const samples = { first: [] as number[], last: [] as number[], answered: [] as number[], drawn: [] as number[] };
  for (let n = 0; n < revocations; n++) {
    const gained = all('gained');
    await owner.call('grant.set', { mailbox, grantee: role, access: true, send: true, setup: false });
    await gained;
    await screen.waitFor(isListed);
    const lost = all('lost');
    const asked = performance.now();
    const drawn = screen.waitFor(() => !isListed()).then(() => performance.now());
    const answer = owner.call('grant.remove', { mailbox, grantee: role }).then(() => performance.now());
    const { first, last } = await lost;
    samples.first.push(first - asked);
    samples.last.push(last - asked);
    samples.answered.push((await answer) - asked);
    samples.drawn.push((await drawn) - asked);
  }
  const plain = quantiles(await timed(200, () => owner.call('session.whoami', {})));
  for (const client of [...clients, owner]) await client.close();

  const [first, last, answered] = [quantiles(samples.first), quantiles(samples.last), quantiles(samples.answered)];
  const drawn = quantiles(samples.drawn);
  print('a plain request and answer, p50 / p99', `${ms(plain.p50)} / ${ms(plain.p99)}`);
  print('revoked, the first session knows, p50 / p99', `${ms(first.p50)} / ${ms(first.p99)}`);
  print(
    `revoked, all ${clients.length} sessions know, p50 / p99`,
    `${ms(last.p50)} / ${ms(last.p99)}  (${ratio(last.p50, plain.p50)} the request's p50)`,
  );
  print('revoked, gone from a screen at 160x45, p50 / p99', `${ms(drawn.p50)} / ${ms(drawn.p99)}`);
  print('revoked, answered to whoever revoked, p50 / p99', `${ms(answered.p50)} / ${ms(answered.p99)}`);
}
