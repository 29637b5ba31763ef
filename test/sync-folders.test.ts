/** Folders as other clients make, rename and delete them, on a real Dovecot and on one that lists what it likes. */
import { describe, expect, test } from 'vitest';
import { type Dovecot, startDovecot } from './support/dovecot.ts';
import { startFakeImap } from './support/imap.ts';
import { mails, type RunningSync, startSync } from './support/sync.ts';

const address = 'support@example.org';
const names = async (it: RunningSync): Promise<string[]> => (await it.store.folders(it.account.id)).map(({ name }) => name).sort();
const history = async ({ store }: RunningSync): Promise<{ subject: string; gone: boolean }[]> => {
  const scope = { kind: 'mailbox', mailbox: 'm_support' } as const;
  const { rows } = await store.timeline({ scope, kinds: ['mail-in', 'mail-out'], since: null, limit: 100, cursor: null });
  return rows.map(({ subject, gone }) => ({ subject, gone })).sort((a, b) => a.subject.localeCompare(b.subject));
};
/** Looks until the folders are those of the server. */
async function sameFolders(it: RunningSync, dovecot: Dovecot): Promise<void> {
  const wanted = await dovecot.folders(address);
  const asked = async () => {
    await it.caughtUp();
    return await names(it);
  };
  await expect.poll(asked).toEqual(wanted);
}

describe('a folder that another client deletes', () => {
  test('is gone from the folders, and what lay only there from the lists; history says who and what', async () => {
    await using dovecot = await startDovecot();
    await dovecot.addUser(address);
    const [shared, ...only] = mails(4, 'old');
    await dovecot.fill(address, mails(2, 'inbox'));
    for (const name of ['Alt', 'Alt/2024', 'Leer']) await dovecot.createFolder(address, name);
    await dovecot.fill(address, [shared ?? '', ...only], 'Alt/2024');
    await dovecot.fill(address, [shared ?? '']);
    await using it = await startSync(dovecot);
    await it.caughtUp();
    const before = await it.folder('Alt/2024');
    for (const name of ['Alt/2024', 'Leer']) await dovecot.deleteFolder(address, name);
    await sameFolders(it, dovecot);
    await it.equals(dovecot);
    const told = (gone: boolean) =>
      ['inbox 0', 'inbox 1', 'old 0', 'old 1', 'old 2', 'old 3'].map((subject) => ({ subject, gone: gone && /old [1-3]/.test(subject) }));
    await expect.poll(() => history(it)).toEqual(told(true));

    // Made anew under its name it is another folder, and mail that comes back is told as there.
    await dovecot.createFolder(address, 'Alt/2024');
    await dovecot.fill(address, only, 'Alt/2024');
    await it.caughtUp();
    await it.equals(dovecot);
    expect((await it.folder('Alt/2024')).id).not.toBe(before.id);
    expect(await history(it)).toEqual(told(false));
  });

  test('is gone though it was renumbered, refused or never opened before', async () => {
    await using dovecot = await startDovecot();
    await dovecot.addUser(address);
    for (const name of ['A', 'B']) await dovecot.createFolder(address, name);
    await dovecot.fill(address, mails(3, 'a'), 'A');
    await using it = await startSync(dovecot);
    await it.caughtUp();
    const a = await it.folder('A');
    await it.store.setFolder((await it.folder('B')).id, { uidValidity: null, parked: 'opening B: refused' });
    await it.store.setFolder(a.id, { uidValidity: (a.uidValidity ?? 0) + 1 }); // a re-link that was cut short
    for (const name of ['A', 'B']) await dovecot.deleteFolder(address, name);
    await sameFolders(it, dovecot);
    await it.equals(dovecot);
  });
});

describe('a folder that only holds others', () => {
  const states = (it: RunningSync) => it.sync.status(it.account.id);

  test('after it was deleted or renamed is no trouble, and what lay in it is gone; made anew it is synced', async () => {
    await using dovecot = await startDovecot();
    await dovecot.addUser(address);
    for (const name of ['Kunden', 'Kunden/Süd', 'Alt', 'Alt/2024']) await dovecot.createFolder(address, name);
    await dovecot.fill(address, mails(3, 'kunden'), 'Kunden');
    await dovecot.fill(address, mails(2, 'south'), 'Kunden/Süd');
    await dovecot.fill(address, mails(1, 'alt'), 'Alt');
    await using it = await startSync(dovecot);
    await it.caughtUp();
    for (const name of ['Kunden', 'Alt']) await dovecot.deleteFolder(address, name);
    await it.caughtUp();
    await it.caughtUp();
    expect(states(it)).toMatchObject({ state: 'idle', error: null });
    await expect.poll(async () => (await history(it)).filter(({ gone }) => gone).length).toBe(4);
    expect(it.placed().get('Kunden')).toBeUndefined();
    expect(it.placed().get('Kunden/Süd')).toHaveLength(2);
    expect(await it.folder('Kunden')).toMatchObject({ selectable: false, storedCount: 0, uidValidity: null });

    await dovecot.createFolder(address, 'Kunden');
    await dovecot.fill(address, mails(2, 'anew'), 'Kunden');
    await it.until('it is there', async () => {
      await it.caughtUp();
      return it.placed().get('Kunden')?.length === 2;
    });
    await it.caughtUp();
    expect(await it.folder('Kunden')).toMatchObject({ selectable: true, parked: null, storedCount: 2 });
    expect(await it.store.check()).toEqual([]);
  });

  test.each([
    ['without STATUS, and opening says that there is none', '', 'Mailbox does not exist', 'idle'],
    ['without STATUS, and opening fails for another reason', '', 'Permission denied', 'error'],
    ['with STATUS, and opening says that there is none: it was made meanwhile, or will be', 'STATUS', 'Mailbox does not exist', 'error'],
  ] as const)('listed %s', async (_how, status, words, state) => {
    await using server = await startFakeImap();
    for (const name of ['INBOX', 'Kunden']) for (const one of mails(2, name)) server.folder(name).add(one);
    await using it = await startSync(
      { ports: { imap: server.port, imaps: server.port, lmtp: 0 }, ca: '' },
      { imap: { port: server.port, tls: 'none', ca: null } },
    );
    const lies = [
      server.lie(/^LIST/, (asked) => asked.say(...asked.honest().filter((line) => status !== '' || !/^\* STATUS "?Kunden/.test(line)))),
      server.lie(/^STATUS "?Kunden/, (asked) => asked.say(`${asked.tag} NO ${words}\r\n`)),
      server.lie(/^EXAMINE "Kunden/, (asked) => asked.say(`${asked.tag} NO ${words}\r\n`)),
    ];
    await it.until('it is said', () => states(it)?.state === state);
    expect(states(it)?.error ?? 'null').toMatch(state === 'idle' ? /^null$/ : new RegExp(`Kunden: .*${words}`));
    for (const end of lies) end();
    // It is looked into as soon as there is a word of it.
    await it.caughtUp();
    expect(it.placed().get('Kunden')).toHaveLength(2);
    await it.caughtUp();
    expect(states(it)).toMatchObject({ state: 'idle', error: null });
    expect(await it.folder('Kunden')).toMatchObject({ selectable: true, parked: null });
  });
});

test('a folder that is renamed keeps its conversations with what people made of them, and nothing is told as gone', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  for (const name of ['Kunden', 'Kunden/Süd']) await dovecot.createFolder(address, name);
  await dovecot.fill(address, mails(3, 'north'), 'Kunden');
  await dovecot.fill(address, mails(3, 'south'), 'Kunden/Süd');
  await using it = await startSync(dovecot);
  await it.caughtUp();
  const seen = { mailbox: 'm_support', unreadSince: 0, outgoingInPanel: true, watch: 'all' } as const;
  const { rows } = await it.store.list({ mailbox: seen, folder: null, person: 'ann', state: 'any', limit: 50, cursor: null });
  for (const { id } of rows) await it.store.work(id, { kind: 'note', text: id }, 'ann', Date.now(), null);
  await dovecot.renameFolder(address, 'Kunden', 'Clients');
  await sameFolders(it, dovecot);
  await it.equals(dovecot);
  const after = await it.store.list({ mailbox: seen, folder: null, person: 'ann', state: 'any', limit: 50, cursor: null });
  expect(after.rows.map(({ id }) => id).sort()).toEqual(rows.map(({ id }) => id).sort());
  expect((await history(it)).filter(({ gone }) => gone)).toEqual([]);
});

describe('a listing that lacks a folder', () => {
  const fake = async () => {
    const server = await startFakeImap();
    for (const [n, name] of ['INBOX', 'Kunden', 'Alt'].entries()) for (const one of mails(2, `m${n}`)) server.folder(name).add(one);
    return { server, at: { ports: { imap: server.port, imaps: server.port, lmtp: 0 }, ca: '' } };
  };
  const plain = (port: number) => ({ imap: { port, tls: 'none' as const, ca: null } });
  const without = (lines: string[], name: string) =>
    lines.filter((line) => !new RegExp(`^\\* (LIST .*|STATUS) "?${name}"?[ \\r]`).test(line)).join('');

  test.each([1, 4])('%i times: it stays as long as the server opens it', async (times) => {
    const { server, at } = await fake();
    await using _ = server;
    await using it = await startSync(at, plain(server.port));
    await it.caughtUp();
    server.lie(/^LIST/, (asked) => asked.say(without(asked.honest(), 'Kunden')), times);
    for (let n = 0; n < times; n++) {
      await it.caughtUp();
      expect((await it.folder('Kunden')).parked).toMatch(/no longer lists/);
    }
    await it.caughtUp();
    expect((await it.folder('Kunden')).parked).toBeNull();
    expect(it.placed().get('Kunden')).toHaveLength(2);
    expect((await history(it)).filter(({ gone }) => gone)).toEqual([]);
  });

  test('once, and refused: it stays; twice: it is gone; listed again: it is there', async () => {
    const { server, at } = await fake();
    await using _ = server;
    await using it = await startSync(at, plain(server.port));
    await it.caughtUp();
    const lie = server.lie(/^LIST/, (asked) => asked.say(without(asked.honest(), 'Kunden')));
    const refused = server.lie(/^(EXAMINE|SELECT) "Kunden/, (asked) => asked.say(`${asked.tag} NO [NONEXISTENT] no such mailbox\r\n`));
    await it.caughtUp();
    expect(await names(it)).toContain('Kunden');
    await it.caughtUp();
    expect(await names(it)).toEqual(['Alt', 'INBOX']);
    lie();
    refused();
    await it.caughtUp();
    expect(it.placed().get('Kunden')).toHaveLength(2);
    expect(await it.store.check()).toEqual([]);
  });

  test('twice, but nobody answers whether it is there: it stays', async () => {
    const { server, at } = await fake();
    await using _ = server;
    await using it = await startSync(at, plain(server.port));
    await it.caughtUp();
    server.lie(/^LIST/, (asked) => asked.say(without(asked.honest(), 'Kunden')));
    server.lie(/^(EXAMINE|SELECT) "Kunden/, (asked) => asked.drop('reset'));
    const asked = () => server.heard.filter((line) => /^EXAMINE "Kunden/.test(line)).length;
    const before = asked();
    await it.caughtUp();
    await it.caughtUp().catch((error: { code: string }) => expect(error.code).toBe('unavailable'));
    await expect.poll(asked).toBeGreaterThan(before);
    expect(await names(it)).toContain('Kunden');
    expect(it.placed().get('Kunden')).toHaveLength(2);
  });
});
