/** `doctor`: each finding by breaking the thing it speaks of, and each only to those who may know. */
import { chmod, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { parseConfig } from '../daemon/config.ts';
import { examineMailbox } from '../daemon/doctor/mailboxes.ts';
import { examineHome } from '../daemon/doctor/offline.ts';
import { examineDelay, examineRoom } from '../daemon/doctor/store.ts';
import { examineClock, examineEndpoints } from '../daemon/doctor/system.ts';
import type { MailboxStatus } from '../daemon/engines.ts';
import { lockHome } from '../daemon/store/lock.ts';
import { migrations } from '../daemon/store/migrations/index.ts';
import type { Folder } from '../daemon/store/types.ts';
import { safeText } from '../protocol/text.ts';
import { stateText } from '../tui/cli/mailboxes.ts';
import { domain, type Postroom, startPostroom } from './support/postroom.ts';
import { tempDir } from './support/tempdir.ts';

type Standing = Parameters<typeof stateText>[0];
type Found = { level: string; code: string; message: string; mend: string };

async function found(postroom: Postroom, person = 'eva'): Promise<Found[]> {
  const client = await postroom.as(person);
  const { ok, findings } = await client.call('daemon.doctor', {}, { timeoutMs: 30_000 });
  expect(ok).toBe(findings.every(({ level }) => level !== 'error'));
  for (const { message, mend } of findings) expect([message.length > 10, mend.length > 5]).toEqual([true, true]);
  return findings.filter(({ code }) => code !== 'slow'); // how busy this machine is, is not what these tests are about
}

/** Of a home whose daemon does not run. */
const foundStill = (postroom: Postroom): Promise<Found[]> => examineHome(postroom.places, Date.now(), () => undefined);

const codes = (findings: readonly Found[]): string[] => findings.map(({ level, code }) => `${level} ${code}`);

test('nothing is wrong with a home of one person, running or not', async () => {
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  await postroom.deliver(support, {});
  expect(await found(postroom)).toEqual([]);
  await postroom.stopDaemon();
  expect(codes(await foundStill(postroom))).toEqual(['warning daemon-stopped']);
});

test('files and folders: modes, links, owners, what is gone', async () => {
  await using postroom = await startPostroom();
  const { places, home } = postroom;
  const breaks: [code: string, level: string, breakIt: () => Promise<void>, mendIt: () => Promise<void>][] = [
    ['file-open', 'error', () => chmod(places.config, 0o644), () => chmod(places.config, 0o600)],
    ['file-open', 'error', () => chmod(join(home, 'grants.json'), 0o640), () => chmod(join(home, 'grants.json'), 0o600)],
    ['file-open', 'error', () => chmod(join(home, 'keys/daemon.json'), 0o604), () => chmod(join(home, 'keys/daemon.json'), 0o600)],
    ['file-open', 'error', () => chmod(join(home, 'mail.db'), 0o644), () => chmod(join(home, 'mail.db'), 0o600)],
    ['folder-open', 'error', () => chmod(join(home, 'packs'), 0o755), () => chmod(join(home, 'packs'), 0o700)],
    ['file-link', 'warning', () => symlink('/etc/hostname', join(home, 'packs/link')), () => rm(join(home, 'packs/link'))],
    [
      'file-link',
      'error',
      async () => {
        await rename(join(home, 'keys/daemon.json'), join(home, 'keys/moved.json'));
        await symlink('moved.json', join(home, 'keys/daemon.json'));
      },
      () => rename(join(home, 'keys/moved.json'), join(home, 'keys/daemon.json')),
    ],
    ['folder-missing', 'error', () => rename(places.logs, `${home}/gone`), () => rename(`${home}/gone`, places.logs)],
    [
      'daemon-key',
      'error',
      () => rename(join(home, 'keys/daemon.json'), join(home, 'd')),
      () => rename(join(home, 'd'), join(home, 'keys/daemon.json')),
    ],
    [
      'secrets-key',
      'error',
      () => rename(join(home, 'keys/secrets.key'), join(home, 's')),
      () => rename(join(home, 's'), join(home, 'keys/secrets.key')),
    ],
    [
      'pid-file',
      'warning',
      () => writeFile(join(places.run, 'daemon.pid'), '1\n'),
      () => writeFile(join(places.run, 'daemon.pid'), `${process.pid}\n`),
    ],
    [
      'pid-file',
      'warning',
      () => rm(join(places.run, 'daemon.pid')),
      () => writeFile(join(places.run, 'daemon.pid'), `${process.pid}\n`, { mode: 0o600 }),
    ],
    [
      'clock-behind',
      'error',
      () => utimes(places.config, new Date(), new Date(Date.now() + 86_400_000)),
      () => utimes(places.config, new Date(), new Date()),
    ],
  ];
  for (const [code, level, breakIt, mendIt] of breaks) {
    await breakIt();
    expect([breakIt.toString(), codes(await found(postroom))]).toEqual([breakIt.toString(), [`${level} ${code}`]]);
    await mendIt();
  }
  expect(await found(postroom)).toEqual([]);
});

test('the configuration: not JSON, unknown keys, changed since the start, commands that cannot run', async () => {
  await using postroom = await startPostroom();
  const { config } = postroom.places;
  const whole = await readFile(config, 'utf8');
  const json = JSON.parse(whole);
  const with_ = (more: object): string => JSON.stringify({ ...json, ...more });
  for (const [text, code, words] of [
    ['{', 'error config', 'not JSON'],
    [with_({ synk: {} }), 'error config', 'synk'],
    [with_({ log: { level: 'debug' } }), 'warning config-changed', 'changed'],
  ] as const) {
    await writeFile(config, text);
    const findings = await found(postroom);
    expect(codes(findings)).toEqual([code]);
    expect(findings[0]?.message).toContain(words);
  }
  const hosts = ['mail.example.net'];
  await writeFile(config, with_({ secretCommands: { a: { run: ['/nowhere/pass'], hosts }, b: { run: ['pass'], hosts } } }));
  expect(codes(await found(postroom))).toEqual(['error secret-command', 'error secret-command', 'warning config-changed']);
  const c = { run: [process.execPath], hosts: ['127.0.0.1', 'localhost:993', '[::1]:143', 'mail.example.net'] };
  await writeFile(config, with_({ secretCommands: { c } }));
  const open = await found(postroom);
  expect(codes(open)).toEqual(['warning secret-command-port', 'warning config-changed']);
  expect(open[0]?.message).toContain('every port of 127.0.0.1');
});

test('grants.json: damaged, missing, and its previous generation', async () => {
  await using postroom = await startPostroom();
  await postroom.mailbox('support');
  await postroom.stopDaemon();
  const path = join(postroom.home, 'grants.json');
  const whole = await readFile(path, 'utf8');

  await writeFile(path, whole.slice(0, whole.length / 2));
  const [damaged] = await foundStill(postroom);
  expect(damaged).toMatchObject({ level: 'error', code: 'grants', mend: expect.stringContaining('cp -p') });
  await rm(path);
  expect(codes(await foundStill(postroom))).toContain('error grants');
  await writeFile(`${path}.previous`, '{}');
  expect((await foundStill(postroom)).find(({ code }) => code === 'grants')?.mend).toContain('from a backup');
  await writeFile(path, whole, { mode: 0o600 });
  expect(codes(await foundStill(postroom))).toEqual(['warning daemon-stopped', 'warning grants-previous']);
});

test('passwords that do not open are named by the mailbox, running or not; so are connections that fail', async () => {
  await using postroom = await startPostroom({ config: { sync: { connectTimeoutMs: 1_000 } } });
  const eva = await postroom.as('eva');
  const servers = { imap: 'imaps://127.0.0.1:9', smtp: 'smtps://127.0.0.1:9' }; // nobody listens there
  const sealed = 'sales@example.org';
  await eva.call('mailbox.add', { address: sealed, ...servers, secret: { kind: 'password', password: 'canary' } });
  const away = await found(postroom);
  expect(codes(away)).toEqual(['error connection', 'error connection', 'warning account-offline']);
  expect(away.every(({ message }) => message.includes(sealed))).toBe(true);

  const secrets = join(postroom.home, 'secrets');
  const [file = ''] = await readdir(secrets);
  const box = JSON.parse(await readFile(join(secrets, file), 'utf8'));
  await writeFile(join(secrets, file), JSON.stringify({ ...box, tag: Buffer.alloc(16).toString('base64') }));
  await eva
    .call('mailbox.add', { address: `orders@${domain}`, ...servers, secret: { kind: 'command', name: 'nobody' } })
    .catch(() => undefined);
  await eva.call('mailbox.add', { address: 'none@example.org', ...servers, secret: null });
  const broken = (await found(postroom)).filter(({ level }) => level === 'error');
  expect(codes(broken).sort()).toEqual(expect.arrayContaining(['error secret', 'error secret-missing']));
  expect(broken.find(({ code }) => code === 'secret')?.message).toContain(sealed);

  await postroom.stopDaemon();
  const still = await foundStill(postroom);
  expect(still.find(({ code }) => code === 'secret')?.message).toContain(sealed);
  await rename(join(postroom.home, 'keys/secrets.key'), join(postroom.home, 'keys/elsewhere'));
  expect(codes(await foundStill(postroom))).toContain('error secrets-key');
});

test('the store: a broken invariant, a pack that is cut, a pack that is gone, a database of another release', async () => {
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  await postroom.deliver(support, {});
  await postroom.stopDaemon();
  const sql = (text: string): void => {
    const db = new DatabaseSync(join(postroom.home, 'mail.db'));
    db.exec(text);
    db.close();
  };
  sql('UPDATE conversation SET messages = messages + 7');
  const [broken] = await foundStill(postroom);
  expect(broken).toMatchObject({
    level: 'error',
    code: 'store',
    message: expect.stringMatching(/a conversation counts its entries right\.$/),
  });
  sql('UPDATE conversation SET messages = messages - 7');

  const packs = join(postroom.home, 'packs');
  const [pack = ''] = await readdir(packs);
  const octets = await readFile(join(packs, pack));
  await writeFile(join(packs, pack), octets.subarray(0, octets.length - 1));
  expect(codes(await foundStill(postroom))).toEqual(['error store', 'error pack', 'warning daemon-stopped']);
  await writeFile(join(packs, pack), Buffer.concat([octets.subarray(0, -1), Buffer.from([octets.at(-1) ?? 0]).map((octet) => octet ^ 1)]));
  expect(codes(await foundStill(postroom))).toEqual(['error pack', 'warning daemon-stopped']);
  await rm(join(packs, pack));
  expect(codes(await foundStill(postroom))).toContain('error pack');
  await writeFile(join(packs, pack), octets, { mode: 0o600 });

  sql('PRAGMA user_version = 99');
  expect((await foundStill(postroom)).find(({ code }) => code === 'store')?.message).toContain('newer');
  sql(`PRAGMA user_version = ${migrations.length}`);
  expect(codes(await foundStill(postroom))).toEqual(['warning daemon-stopped']);
  await postroom.startDaemon();
  expect(await found(postroom)).toEqual([]);
});

test('a home that somebody holds and that does not answer; one that was killed; one that is none', async () => {
  await using postroom = await startPostroom();
  await postroom.stopDaemon();
  await writeFile(join(postroom.places.run, 'daemon.pid'), '4711\n', { mode: 0o600 });
  expect(codes(await foundStill(postroom))).toEqual(['warning daemon-stopped', 'info pid-stale']);
  const lock = lockHome(postroom.places.run);
  expect((await foundStill(postroom))[0]).toMatchObject({ code: 'daemon-silent', message: expect.stringContaining(String(process.pid)) });
  lock.release();
  await using empty = await tempDir();
  expect(
    codes(await examineHome({ ...postroom.places, config: join(empty.path, 'config.json'), data: empty.path }, 0, () => undefined)),
  ).toEqual(['error no-home']);
});

test('an identity of another daemon in the home', async () => {
  await using one = await startPostroom();
  await using other = await startPostroom();
  await one.stopDaemon();
  await writeFile(one.places.identity, await readFile(other.places.identity), { mode: 0o600 });
  expect(codes(await foundStill(one))).toEqual(['error identity', 'warning daemon-stopped']);
});

test('mail that failed, that nobody knows the fate of, and folders that differ', async () => {
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  await postroom.deliver(support, {});
  const eva = await postroom.as('eva');
  const { messageId } = await eva.call('outbox.send', { from: support, to: support, subject: 'Hello', body: 'Hello.\n' });
  expect(messageId).toContain('@');
  await postroom.stopDaemon();
  const sql = (text: string): void => {
    const db = new DatabaseSync(join(postroom.home, 'mail.db'));
    db.exec(text);
    db.close();
  };
  const looked: [string, string][] = [
    ["UPDATE outbox SET state = 'failed', last_error = '550 no such user'", 'warning outbox-failed'],
    ["UPDATE outbox SET state = 'unknown'", 'warning outbox-unknown'],
    ["UPDATE outbox SET state = 'bounced'", 'warning outbox-bounced'],
    ["UPDATE outbox SET state = 'accepted', sent_copy = 'failed'", 'warning sent-copy'],
  ];
  for (const [change, code] of looked) {
    sql(change);
    expect(codes(await foundStill(postroom))).toEqual(['warning daemon-stopped', code]);
  }
  sql("UPDATE outbox SET sent_copy = 'filed'");
  await postroom.startDaemon();
});

test('the list of mailboxes says what is wrong, while something is being read as well', () => {
  const standing = (state: Standing['state'], error: string | null, total: number | null = 9): Standing => ({
    state,
    sync: { done: 3, total, folder: null, error: error === null ? null : safeText(error), syncedAt: null, retryAt: null },
  });
  expect(stateText(standing('idle', null))).toBe('idle');
  expect(stateText(standing('syncing', null))).toBe('syncing 3 of 9');
  expect(stateText(standing('syncing', 'Lists: NO', null))).toBe('syncing: Lists: NO');
  expect(stateText(standing('syncing', 'Lists: NO'))).toBe('syncing 3 of 9: Lists: NO');
  expect(stateText(standing('error', 'Lists: NO'))).toBe('error: Lists: NO');
});

test('an account as the engine reports it, and folders that differ from the server', async () => {
  await using postroom = await startPostroom();
  await (await postroom.as('eva')).call('mailbox.add', {
    address: 'sales@example.org',
    imap: 'imaps://127.0.0.1:9',
    smtp: 'smtps://127.0.0.1:9',
    secret: null,
  });
  const [mailbox] = postroom.daemon.world.directory.snapshot().directory.mailboxes;
  if (mailbox === undefined) throw new Error('no mailbox');
  const folder: Folder = {
    id: 1,
    mailbox: mailbox.id,
    path: 'INBOX',
    name: 'INBOX',
    delimiter: '/',
    role: 'inbox',
    selectable: true,
    uidValidity: 1,
    uidNext: 11,
    highestModSeq: null,
    serverCount: 10,
    storedCount: 10,
    parked: null,
  };
  const find = async (
    state: MailboxStatus['state'],
    patch: Partial<Folder> = {},
    refused: number[] = [],
    trouble: string | null = null,
  ) => {
    const error = 'the server says no';
    const status: MailboxStatus = {
      state,
      done: 0,
      total: 0,
      folder: trouble,
      error,
      inFolders: trouble !== null,
      syncedAt: null,
      retryAt: null,
    };
    const store = {
      folders: async () => [{ ...folder, ...patch }],
      unfetchable: async () => refused.map((uid) => ({ folder: 1, uidValidity: 1, uid, why: 'NO' })),
      outboxTroubled: async () => [],
    };
    const deps = { secrets: null, store, commands: [], live: { status, test: async () => [] } };
    return await examineMailbox(mailbox, deps, { settings: false, timeline: true, send: true });
  };
  const look = async (...asked: Parameters<typeof find>): Promise<string[]> => codes(await find(...asked));
  expect(await look('idle')).toEqual([]);
  expect(await look('auth-failed')).toEqual(['error account-auth']);
  expect(await look('error')).toEqual(['error account-error']);
  expect(await find('error')).toMatchObject([{ message: expect.stringContaining('does not sync: the server') }]);
  expect(await find('error', {}, [], 'Lists')).toMatchObject([
    { code: 'account-error', message: expect.stringContaining('does not sync wholly: the server') },
  ]);
  expect(await look('offline')).toEqual(['warning account-offline']);
  expect(await look('idle', { storedCount: 9 })).toEqual(['error folder-count']);
  expect(await look('syncing', { storedCount: 9 })).toEqual(['info folder-count']);
  expect(await look('idle', { storedCount: 9 }, [7])).toEqual(['warning unfetchable']);
  expect(await look('idle', { storedCount: 9, parked: 'NO access' })).toEqual(['error folder-parked']);
  expect(await look('idle', { selectable: false, serverCount: null, storedCount: 0, parked: 'It holds only other folders' })).toEqual([]);
});

test('who may know: a colleague hears nothing of the daemon and of foreign mailboxes; who manages people hears no address of those', async () => {
  await using postroom = await startPostroom({ config: { sync: { connectTimeoutMs: 1_000 } } });
  await postroom.person('ben');
  const servers = { imap: 'imaps://127.0.0.1:9', smtp: 'smtps://127.0.0.1:9' }; // nobody listens there
  const ben = await postroom.as('ben');
  await ben.call('mailbox.add', { address: 'ben@private.example', ...servers, secret: null });
  await postroom.mailbox('support');
  await postroom.grant('ben', `support@${domain}`, { access: true });
  await chmod(postroom.places.config, 0o644);

  const his = await found(postroom, 'ben');
  expect(codes(his)).toEqual(['error secret-missing', 'info system-hidden']);
  expect(JSON.stringify(his)).not.toContain(postroom.home);
  const hers = await found(postroom);
  expect(codes(hers)).toEqual(['error file-open', 'error mailboxes-hidden', 'warning endpoint-account']);
  expect(JSON.stringify(hers)).not.toContain('private.example');
});

test('room, pauses, clocks and ways in, as they come', async () => {
  const levels = (findings: readonly { level: string }[]): string => findings.map(({ level }) => level).join();
  expect(levels(examineRoom('/', { freeOctets: 5e9, freeFiles: 1e6, files: 1e7 }))).toBe('');
  expect(levels(examineRoom('/', { freeOctets: 5e8, freeFiles: 1e6, files: 1e7 }))).toBe('warning');
  expect(levels(examineRoom('/', { freeOctets: 5e7, freeFiles: 1e6, files: 1e7 }))).toBe('error');
  expect(levels(examineRoom('/', { freeOctets: 5e9, freeFiles: 5, files: 1e7 }))).toBe('error');
  expect(levels(examineRoom('/', { freeOctets: 5e9, freeFiles: 0, files: 0 }))).toBe('');
  expect([20, 60, 300].map((ms) => levels(examineDelay(ms)))).toEqual(['', 'info', 'warning']);
  expect(levels(examineClock(100_000, 99_000))).toBe('');
  expect(examineClock(4_000_000, 99_000)[0]?.message).toContain('forward');
  expect(examineClock(99_000, 4_000_000)[0]?.message).toContain('back');

  const where = { config: '/h/config.json', identity: '/h/i', data: '/h', logs: '/h/log', run: '/h/run' };
  const ways = async (listen: object, people = 2): Promise<string> =>
    (await examineEndpoints(parseConfig({ listen }, 'test'), where, people)).map(({ code }) => code).join();
  expect(await ways({})).toBe('endpoint-account');
  expect(await ways({}, 1)).toBe('');
  expect(await ways({ ipc: { directory: '/run/postroom', group: 'mail' } })).toBe('endpoint-host');
  expect(await ways({ tcp: { address: '127.0.0.1', port: 7411 } })).toBe('endpoint-loopback');
  expect(await ways({ tcp: { address: '192.0.2.1', port: 7411, publicName: 'nobody.invalid' } })).toBe('endpoint-name');
  expect(await ways({ tcp: { address: '192.0.2.1', port: 7411 } })).toBe('');
});
