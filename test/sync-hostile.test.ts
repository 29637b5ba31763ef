/**
 * Hostile mail and hostile names of folders over IMAP: our own set always, a sample of POSTROOM_CORPUS by a fixed seed where that is, all of
 * it with POSTROOM_HOSTILE=full. Mail comes from a real Dovecot; names that no real server would list come from a scripted one.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modifiedUtf7, obstacleOf } from '../daemon/sync/folder-name.ts';
import { startDovecot } from './support/dovecot.ts';
import { hostileFolders, hostileMails } from './support/hostile.ts';
import { startFakeImap } from './support/imap.ts';
import { mails, sha256, startSync } from './support/sync.ts';

const corpus = process.env.POSTROOM_CORPUS ?? '';
const full = process.env.POSTROOM_HOSTILE === 'full';
const address = 'support@example.org';

/** Evenly spread over the set, and the same each time. */
function sample<T>(all: readonly T[], most: number): T[] {
  if (full || all.length <= most) return [...all];
  return Array.from({ length: most }, (_, n) => all[Math.floor((n * all.length) / most)]).filter((one) => one !== undefined);
}

async function corpusMails(): Promise<Buffer[]> {
  if (corpus === '') return [];
  const names = (await readdir(corpus, { recursive: true })).filter((name) => name.endsWith('.eml')).sort();
  return Promise.all(sample(names, 60).map((name) => readFile(join(corpus, name))));
}

async function corpusFolders(): Promise<string[]> {
  if (corpus === '') return [];
  const { folders } = JSON.parse(await readFile(join(corpus, 'hostile/folders.json'), 'utf8')) as { folders: string[] };
  return folders;
}

test('hostile mail out of a real server: as many as there are, octet for octet, and listed', { timeout: 3_600_000 }, async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  // Dovecot files no message of no octets, and none with a NUL by a plain literal.
  const all = [...hostileMails.map(({ octets }) => octets), ...(await corpusMails())].filter(
    (octets) => octets.length > 0 && !octets.includes(0),
  );
  await dovecot.fill(address, all);
  await using it = await startSync(dovecot);
  const began = performance.now();
  await it.until('all of it is here', () => it.sync.status('m_support')?.state === 'idle', 600_000);
  console.log(`${all.length} mails from Dovecot in ${Math.round(performance.now() - began)} ms`);
  await it.equals(dovecot);
  const placed = it.placed().get('INBOX') ?? [];
  expect(placed).toHaveLength(all.length);
  // Dovecot gives every line end as CRLF; where it changes more than that, what it gives is what has to be stored.
  const changed = placed.filter(
    ({ hash }, n) => hash !== sha256(Buffer.from((all[n] ?? Buffer.of()).toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1')),
  );
  expect(changed.length).toBeLessThan(5);
  for (const { uid, hash } of changed) expect({ uid, hash }).toEqual({ uid, hash: sha256(await dovecot.octets(address, 'INBOX', uid)) });
  expect(placed.every(({ flags }) => flags.length === 0)).toBe(true);
  expect(await it.store.unfetchable(it.account.id)).toEqual([]);
  expect(dovecot.log()).not.toMatch(/Error in IMAP command|Invalid|BAD /);
});

test('octets that Dovecot would change: NUL, bare line ends, nothing at all', async () => {
  await using server = await startFakeImap();
  const inbox = server.folder('INBOX');
  const odd = [
    '',
    '\0',
    '\r\n',
    '\n',
    'Subject: x',
    'a\rb\nc',
    '\0'.repeat(3_000),
    `X: ${'y'.repeat(3_000_000)}`,
    '\r\n\r\n)\r\n* BYE\r\n',
    '{5}\r\n',
  ];
  const all = [...odd.map((text) => Buffer.from(text, 'latin1')), ...sample(hostileMails, 30).map(({ octets }) => octets)];
  for (const octets of all) inbox.add(octets);
  const nowhere = { ports: { imap: server.port, imaps: server.port, lmtp: 0 }, ca: '' };
  await using it = await startSync(nowhere, { imap: { port: server.port, tls: 'none', ca: null } });
  await it.until('it is at rest', () => it.sync.status('m_support')?.state === 'idle', 60_000);
  expect(
    it
      .placed()
      .get('INBOX')
      ?.map(({ hash }) => hash),
  ).toEqual(all.map(sha256));
  expect(await it.store.check()).toEqual([]);
});

test('hostile names of folders: listed, synced or left out with a reason, moved into or refused, no other command than ours', async () => {
  await using server = await startFakeImap();
  const inbox = server.folder('INBOX');
  const named = [...new Set([...hostileFolders, ...(await corpusFolders())])];
  // Both forms of each: as it stands, octet for octet, and as IMAP wants it.
  const wire = new Set(named.flatMap((name) => [Buffer.from(name).toString('latin1'), modifiedUtf7(name)]));
  wire.delete('INBOX');
  for (const name of wire) server.folder(name).add(mails(1, `in ${name.replace(/[^ -~]/g, '?').slice(0, 40)}`)[0] ?? '');
  for (const octets of mails(wire.size)) inbox.add(octets);
  const nowhere = { ports: { imap: server.port, imaps: server.port, lmtp: 0 }, ca: '' };
  await using it = await startSync(nowhere, { imap: { port: server.port, tls: 'none', ca: null } });
  // Names that no command can write are told as an error.
  await expect(it.caughtUp()).rejects.toMatchObject({ code: 'unavailable' });
  await it.until('it says so', () => {
    const status = it.sync.status(it.account.id);
    return status?.state === 'error' && /name/.test(status.error ?? '');
  });

  const rows = (await it.store.folders(it.account.id)).filter(({ role }) => role !== 'inbox');
  expect(rows.length).toBeGreaterThanOrEqual(wire.size - 3); // `inbox` is INBOX; a name of nothing is none
  const stored = rows.filter(({ storedCount }) => storedCount === 1);
  const left = rows.filter(({ storedCount }) => storedCount !== 1);
  expect(left.filter(({ parked }) => parked === null || parked.length <= 10)).toEqual([]);
  expect(stored.length).toBeGreaterThan(named.length * 0.7);

  let uid = 0;
  const refused: string[] = [];
  const source = await it.folder('INBOX');
  for (const row of sample(rows, 24)) {
    const at = { folder: source.id, uidValidity: source.uidValidity ?? 0, uids: [++uid] };
    const size = () => (server.folders.get(row.path) ?? server.folders.get(Buffer.from(row.path).toString('latin1')))?.mails.size ?? 0;
    const before = size();
    const moved = await it.sync.move(it.account.id, at, row.id).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'invalid' });
      return 0;
    });
    // One more in that folder and in no other, or nothing happened.
    expect([row.path, moved, size()]).toEqual([row.path, moved, before + moved]);
    expect(inbox.mails.has(uid)).toBe(moved === 0);
    if (moved === 0) refused.push(row.path);
  }
  expect(refused.every((path) => left.some((row) => row.path === path))).toBe(true);
  console.log(`${wire.size} names: ${stored.length} synced, ${left.length} left out, ${refused.length} not moved into`);
  // What the server heard: verbs of ours, names that it listed.
  expect(server.unexpected).toEqual([]);
  for (const line of server.heard)
    expect(line).toMatch(/^(ID|LOGIN|NAMESPACE|ENABLE|LIST|LSUB|EXAMINE|SELECT|UID (SEARCH|FETCH|MOVE)|IDLE|CAPABILITY|LOGOUT) ?/);
  expect(server.heard.filter((line) => line.startsWith('LIST')).every((line) => line.startsWith('LIST "" "*"'))).toBe(true);
  await expect(it.caughtUp()).rejects.toMatchObject({ code: 'unavailable' });
  expect(await it.store.check()).toEqual([]);
});

test.each([
  ['by a server that wants quotes (Courier)', {}],
  ['where STATUS has to be asked for each', { capabilities: 'IMAP4rev1 UIDPLUS MOVE IDLE' }],
])('odd names are written as they were listed, in quotes, for reading, moving and filing: %s', async (_how, options) => {
  const odd = [
    ...['~root', '&2ADYAA-', '&3AA-', '&broken', '&-broken', 'a "b" \\c', "it's (x) {5}", '%', '*', 'R&-D', 'Entw&APw-rfe', '&AEE-', 'A'],
    ...['a&AAA-b', '&ZeVnLIqe-', '&', '&-'],
  ];
  await using server = await startFakeImap(options);
  for (const one of mails(odd.length + 1, 'inbox')) server.folder('INBOX').add(one);
  for (const [n, name] of odd.entries()) for (const one of mails(2, `m${n}`)) server.folder(name).add(one);
  server.lie(/^(STATUS|EXAMINE|SELECT|UID MOVE|APPEND)/, async (asked) => {
    const named = asked.args[asked.verb === 'UID MOVE' ? 1 : 0];
    await asked.say(
      ...(typeof named === 'string' ? [`${asked.tag} NO Mailbox does not exist, or must be subscribed to.\r\n`] : asked.honest()),
    );
  });
  const nowhere = { ports: { imap: server.port, imaps: server.port, lmtp: 0 }, ca: '' };
  await using it = await startSync(nowhere, { imap: { port: server.port, tls: 'none', ca: null } });
  await it.caughtUp();
  const rows = await it.store.folders(it.account.id);
  expect(rows.map(({ path, storedCount, parked }) => [path, storedCount, parked]).sort()).toEqual(
    [...odd.map((name) => [name, 2, null]), ['INBOX', odd.length + 1, null]].sort(),
  );
  const inbox = await it.folder('INBOX');
  for (const [n, name] of odd.entries()) {
    const to = rows.find(({ path }) => path === name);
    const at = { folder: inbox.id, uidValidity: inbox.uidValidity ?? 0, uids: [n + 1] };
    expect([name, await it.sync.move(it.account.id, at, to?.id ?? 0)]).toEqual([name, 1]);
    expect([name, server.folders.get(name)?.mails.size]).toEqual([name, 3]);
  }
  await it.sync.append(it.account.id, 'sent', Buffer.from('Message-ID: <filed@example.org>\r\n\r\nx\r\n'), [], Date.now());
  await it.caughtUp();
  expect((await it.store.folders(it.account.id)).map(({ path, storedCount }) => [path, storedCount]).sort()).toEqual(
    [...odd.map((name) => [name, 3]), ['INBOX', 1], ['Sent', 1]].sort(),
  );
  expect(server.unexpected).toEqual([]);
  expect(await it.store.check()).toEqual([]);
});

test('a name is written as it was listed, or not at all', () => {
  for (const name of [
    'Entwürfe & Co',
    '受信トレイ',
    '&',
    'a/b',
    '💩',
    'INBOX',
    '~root',
    'a "b" \\c',
    '&broken',
    'a&AAA-b',
    '\ud800\ud800',
  ]) {
    expect(obstacleOf(modifiedUtf7(name), false)).toBeNull();
    expect(obstacleOf(name, true)).toBeNull();
  }
  for (const path of ['Entw\u00fcrfe', '', 'a\0b', 'a\t\tb', 'a\r\nb LOGOUT', 'x\u007f']) expect(obstacleOf(path, false)).toMatch(/name/);
  for (const path of ['', 'a\0b', 'a\nb']) expect(obstacleOf(path, true)).toMatch(/name/);
});
