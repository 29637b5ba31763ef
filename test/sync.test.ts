import { expect, test } from 'vitest';
import { startDovecot } from './support/dovecot.ts';
import { startProxy } from './support/proxy.ts';
import { mails, sha256, startSync } from './support/sync.ts';
import { tempDir } from './support/tempdir.ts';

const address = 'support@example.org';

test('the whole history comes in, octet for octet, folder by folder', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.createFolder(address, 'Kunden');
  const [inbox, sent, filed] = [mails(260, 'inbox'), mails(30, 'sent'), mails(40, 'filed')];
  await dovecot.fill(address, inbox);
  await dovecot.fill(address, sent, 'Sent', ['\\Seen']);
  await dovecot.fill(address, filed, 'Kunden', ['\\Seen', '$Label1']);

  await using it = await startSync(dovecot);
  await it.caughtUp();

  await it.equals(dovecot);
  const hashes = (name: string) =>
    it
      .placed()
      .get(name)
      ?.map(({ hash }) => hash);
  expect(hashes('INBOX')).toEqual(inbox.map(sha256));
  expect(hashes('Sent')).toEqual(sent.map(sha256));
  expect(hashes('Kunden')).toEqual(filed.map(sha256));
  expect(it.sync.status('m_support')).toMatchObject({ state: 'idle', done: 330, total: 330, error: null });
});

test('new mail, flags and deletions of another client arrive by themselves', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.fill(address, mails(5));
  await using it = await startSync(dovecot);
  await it.caughtUp();
  const inbox = () => it.placed().get('INBOX') ?? [];

  await dovecot.deliver(address, mails(1, 'fresh')[0] ?? '');
  await it.until('the new mail is here', () => inbox().length === 6);
  expect(inbox().at(-1)?.hash).toBe(sha256(await dovecot.octets(address, 'INBOX', 6)));

  await dovecot.setFlags(address, 'INBOX', 2, ['\\Seen', '\\Flagged']);
  await it.until('the flags are here', () => inbox()[1]?.flags.length === 2);

  await dovecot.expunge(address, 'INBOX', 1, 3);
  await it.until('they are gone', () => inbox().length === 4);
  await it.equals(dovecot);
});

test('a move between folders stays one conversation, wherever the other client moves it', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.fill(address, mails(3));
  await using it = await startSync(dovecot);
  await it.caughtUp();
  const entries = async () => (await it.store.identities((await it.folder('INBOX')).id)).map(({ hash }) => hash);
  const [, second] = await entries();

  await dovecot.moveMessage(address, 2, 'INBOX', 'Archive');
  await it.until('it is in the archive alone', () => it.placed().get('Archive')?.length === 1 && it.placed().get('INBOX')?.length === 2);
  expect(it.placed().get('Archive')?.[0]?.hash).toBe(second);
  expect(await it.store.countMessages('m_support')).toBe(3);
  await it.equals(dovecot);
});

test('after a UIDVALIDITY change everything is linked again, nothing is downloaded', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  const history = mails(120);
  const octets = history.reduce((sum, { length }) => sum + length, 0);
  await dovecot.fill(address, history);
  await using proxy = await startProxy({ port: dovecot.ports.imaps });
  await using it = await startSync(dovecot, { imap: { port: proxy.port } });
  await it.caughtUp();
  const cameDown = proxy.passed.down;
  expect(cameDown).toBeGreaterThan(octets);
  const before = it
    .placed()
    .get('INBOX')
    ?.map(({ hash }) => hash);
  const conversations = async () =>
    (
      await it.store.list({
        person: 'p',
        mailbox: { mailbox: 'm_support', unreadSince: 0, outgoingInPanel: false, watch: 'all' },
        folder: null,
        state: 'any',
        limit: 200,
        cursor: null,
      })
    ).rows
      .map(({ id }) => id)
      .sort();
  const known = await conversations();

  const uidValidity = await dovecot.resetUidValidity(address, 'INBOX');
  await it.caughtUp();

  expect((await it.folder('INBOX')).uidValidity).toBe(uidValidity);
  expect(
    it
      .placed()
      .get('INBOX')
      ?.map(({ hash }) => hash),
  ).toEqual(before);
  expect(await conversations()).toEqual(known);
  expect(proxy.passed.down - cameDown).toBeLessThan(octets / 3);
  await it.equals(dovecot);
});

test('a UIDVALIDITY change with messages that look alike fetches those and lets their octets decide', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  const twin = 'Subject: twin\r\nMessage-ID: <twin@example.net>\r\n\r\n';
  await dovecot.fill(address, [...mails(4), `${twin}one\r\n`, `${twin}two\r\n`]);
  await using it = await startSync(dovecot);
  await it.caughtUp();
  const before = it
    .placed()
    .get('INBOX')
    ?.map(({ hash }) => hash);

  await dovecot.resetUidValidity(address, 'INBOX');
  await it.caughtUp();

  expect(
    it
      .placed()
      .get('INBOX')
      ?.map(({ hash }) => hash),
  ).toEqual(before);
  await it.equals(dovecot);
});

test('folder names of every script, and a folder that is renamed, deleted, or holds only folders', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  const names = ['Entwürfe & Co', '受信トレイ', 'Отправленные', 'a/b/c', '__proto__', 'naïve names', 'INBOX/below'];
  for (const [n, name] of names.entries()) {
    await dovecot.createFolder(address, name);
    await dovecot.fill(address, mails(2, `folder${n}`), name);
  }
  await using it = await startSync(dovecot);
  await it.caughtUp();
  expect([...it.placed().keys()].sort()).toEqual([...names].sort());
  await it.equals(dovecot);

  await dovecot.renameFolder(address, '__proto__', 'constructor');
  await dovecot.deleteFolder(address, 'a/b/c');
  await it.caughtUp();
  await it.caughtUp();
  await it.equals(dovecot);
  expect(it.placed().get('__proto__')).toBeUndefined();
  expect(it.placed().get('constructor')?.length).toBe(2);
});

test('history starts as history, what comes afterwards is work', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.fill(address, mails(3));
  await using it = await startSync(dovecot);
  await it.caughtUp();
  const live: boolean[] = [];
  it.store.onChange((changes) => {
    for (const change of changes) if (change.kind === 'conversation' && change.what === 'mail-in') live.push(change.live);
  });
  await dovecot.deliver(address, mails(1, 'question')[0] ?? '');
  await it.until('it is announced', () => live.length > 0);
  expect(live).toEqual([true]);
});

test('a message too large for one answer comes in parts', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  const line = `${'x'.repeat(74)}\r\n`;
  const huge = Buffer.from(`Subject: huge\r\nMessage-ID: <huge@example.net>\r\n\r\n${line.repeat(450_000)}`);
  await dovecot.fill(address, [...mails(30), huge, ...mails(1, 'after')]);
  await using it = await startSync(dovecot);
  await it.caughtUp();
  expect(it.placed().get('INBOX')?.[30]?.hash).toBe(sha256(huge));
  await it.equals(dovecot);
});

test('what people do reaches the server: move, flags, file once, find', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.fill(address, mails(4));
  await using it = await startSync(dovecot);
  await it.caughtUp();
  const inbox = await it.folder('INBOX');
  const trash = await it.folder('Trash');
  const at = { folder: inbox.id, uidValidity: inbox.uidValidity ?? 0 };

  expect(await it.sync.move('m_support', { ...at, uids: [1, 3, 99] }, trash.id)).toBe(2);
  await it.sync.setFlags('m_support', { ...at, uids: [2] }, { add: ['\\Seen', 'postroom-done'] });
  await it.sync.setFlags('m_support', { ...at, uids: [2] }, { remove: ['\\Seen'] });
  const octets = Buffer.from('Message-ID: <sent-1@example.org>\r\nX-Postroom-Id: abc123\r\nSubject: sent\r\n\r\nhello\r\n');
  const ids = { messageId: '<sent-1@example.org>', postroomId: 'abc123' };
  expect(await it.sync.find('m_support', 'sent', ids)).toBe(false);
  await it.sync.append('m_support', 'sent', octets, ['\\Seen'], Date.UTC(2026, 5, 1));
  await it.sync.append('m_support', 'sent', octets, ['\\Seen'], Date.UTC(2026, 5, 1));
  expect(await it.sync.find('m_support', 'sent', ids)).toBe(true);
  expect(await it.sync.find('m_support', 'drafts', ids)).toBe(false);
  expect(await it.sync.find('m_support', null, { messageId: '', postroomId: 'abc123' })).toBe(true);

  await it.caughtUp();
  expect(await dovecot.messages(address, 'Trash')).toHaveLength(2);
  expect(await dovecot.messages(address, 'Sent')).toHaveLength(1);
  expect((await dovecot.messages(address)).map(({ flags }) => flags)).toEqual([['postroom-done'], []]);
  await it.equals(dovecot);
  await expect(it.sync.move('m_support', { folder: inbox.id, uidValidity: 1, uids: [2] }, trash.id)).rejects.toMatchObject({
    code: 'conflict',
  });
});

test('a second start finds nothing to do, and one after changes finds exactly them', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.fill(address, mails(80));
  await using home = await tempDir();
  {
    await using first = await startSync(dovecot, { home: home.path });
    await first.caughtUp();
  }
  await dovecot.expunge(address, 'INBOX', 5, 6, 7);
  await dovecot.setFlags(address, 'INBOX', 10, ['\\Answered']);
  await dovecot.fill(address, mails(3, 'later'));

  await using second = await startSync(dovecot, { home: home.path });
  await second.caughtUp();
  await second.equals(dovecot);
  expect(second.placed().get('INBOX')).toHaveLength(80);
});

test('a folder that empties at once is asked for again over another connection', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.fill(address, mails(40));
  await using proxy = await startProxy({ port: dovecot.ports.imaps });
  await using it = await startSync(dovecot, { imap: { port: proxy.port } });
  await it.caughtUp();
  const connections = proxy.accepted;

  await dovecot.expunge(address, 'INBOX', 1, 2, 3);
  await it.until('three are gone', () => it.placed().get('INBOX')?.length === 37);
  expect(proxy.accepted).toBe(connections);

  await dovecot.expunge(address, 'INBOX', ...Array.from({ length: 30 }, (_, n) => n + 4));
  await it.until('thirty more are gone', () => it.placed().get('INBOX')?.length === 7);
  expect(proxy.accepted).toBe(connections + 1);
  await it.equals(dovecot);
});

test('it never marks anything as read, nor uses more than three connections', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.fill(address, mails(300));
  await using proxy = await startProxy({ port: dovecot.ports.imaps });
  await using it = await startSync(dovecot, { imap: { port: proxy.port } });
  let most = 0;
  it.store.onChange(() => {
    most = Math.max(most, proxy.open);
  });
  await it.caughtUp();
  await it.sync.find('m_support', null, { messageId: '<nothing@example.net>', postroomId: 'x' });
  expect(most).toBeLessThanOrEqual(3);
  expect((await dovecot.messages(address)).every(({ flags }) => flags.length === 0)).toBe(true);
});

test('it ends cleanly from the middle of an import, and the next one goes on from there', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.fill(address, mails(1_200));
  await using home = await tempDir();
  await using proxy = await startProxy({ port: dovecot.ports.imaps });
  {
    await using first = await startSync(dovecot, { home: home.path, imap: { port: proxy.port } });
    await first.until('some of it is here', () => (first.placed().get('INBOX')?.length ?? 0) > 0);
    await first.sync.close();
    await expect(first.caughtUp()).rejects.toMatchObject({ code: 'unavailable' });
  }
  await expect.poll(() => proxy.open).toBe(0); // the other end hears of it a little later
  await using second = await startSync(dovecot, { home: home.path });
  await second.caughtUp();
  await second.equals(dovecot);
  expect(second.placed().get('INBOX')).toHaveLength(1_200);
});
