/**
 * Random changes by another client, on a real Dovecot that offers more or less: afterwards the daemon has what the server has, each mail
 * once, with the server's octets and flags. A few rounds by default; `POSTROOM_CHANGES=40` runs so many with each set of capabilities.
 */
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Dovecot, startDovecot } from './support/dovecot.ts';
import { seed } from './support/seed.ts';
import { mails, type RunningSync, sha256, startSync } from './support/sync.ts';
import { tempDir } from './support/tempdir.ts';

const address = 'support@example.org';

/** What the server does not offer. */
const hidden: Readonly<Record<string, readonly string[]>> = {
  'all that helps': [],
  'no QRESYNC': ['QRESYNC'],
  'no CONDSTORE': ['CONDSTORE', 'QRESYNC'],
  'no MOVE': ['MOVE'],
  'no UIDPLUS': ['UIDPLUS', 'MOVE'],
  'no SPECIAL-USE': ['SPECIAL-USE'],
  'no IDLE': ['IDLE'],
  'no LIST-STATUS, no ESEARCH': ['LIST-STATUS', 'LIST-EXTENDED', 'ESEARCH'],
  'next to nothing': [
    ...['CONDSTORE', 'QRESYNC', 'ESEARCH', 'MOVE', 'UIDPLUS', 'LIST-STATUS', 'LIST-EXTENDED', 'SPECIAL-USE', 'IDLE', 'LITERAL+'],
    ...['ID', 'ENABLE', 'NAMESPACE', 'UNSELECT'],
  ],
};
/** Those that differ most. */
const few = ['all that helps', 'no CONDSTORE', 'next to nothing'];
const rounds = Number(process.env.POSTROOM_CHANGES ?? 0);
const plan = (rounds > 0 ? Object.keys(hidden) : few).flatMap((offers, set) =>
  Array.from({ length: Math.max(1, rounds) }, (_, round) => ({ offers, seed: (seed + 1_000 * set + round) | 0 })),
);

const kinds = {
  append: 6,
  expunge: 3,
  move: 4,
  flags: 4,
  again: 2, // the same octets once more, somewhere
  create: 2,
  rename: 2,
  delete: 2,
  recreate: 2,
  renumber: 2,
  look: 3, // the daemon has seen all of it so far
  restart: 1, // of the daemon
} as const;
type Change = { what: keyof typeof kinds; a: number; b: number; n: number };
const change: fc.Arbitrary<Change> = fc.record({
  what: fc.oneof(...Object.entries(kinds).map(([what, weight]) => ({ weight, arbitrary: fc.constant(what as Change['what']) }))),
  a: fc.nat(1_000),
  b: fc.nat(1_000),
  n: fc.integer({ min: 1, max: 3 }),
});
const names = ['Kunden', 'Kunden/Ä & Ö', 'Alt', 'Alt/2025', 'a "b" \\c', 'x~root', 'R&D', '受信', 'Spam', 'Deleted Messages', '(x) {5}'];
const flagSets = [[], ['\\Seen'], ['\\Flagged', '\\Seen'], ['\\Deleted'], ['\\Answered', '$Forwarded'], ['\\Draft', 'work']];

/** Another client: what it does, it does to the server as it is at that moment. */
class Other {
  readonly #dovecot: Dovecot;
  readonly #sent: Buffer[] = [];
  #next = 0;

  constructor(dovecot: Dovecot) {
    this.#dovecot = dovecot;
  }

  async fill(folder: string, count: number): Promise<void> {
    const more = mails(count, `mail${this.#next++}`);
    this.#sent.push(...more);
    await this.#dovecot.fill(address, more, folder);
  }

  async apply({ what, a, b, n }: Exclude<Change, { what: 'look' | 'restart' }>): Promise<void> {
    const dovecot = this.#dovecot;
    const folders = await dovecot.folders(address);
    const folder = folders[a % folders.length] ?? 'INBOX';
    const own = folders.filter((name) => names.includes(name));
    const mine = own[a % Math.max(1, own.length)];
    const free = names.filter((name) => !folders.includes(name));
    const unused = free[b % Math.max(1, free.length)];
    const uids = async () => (await dovecot.messages(address, folder)).map(({ uid }) => uid);
    switch (what) {
      case 'append':
        return await this.fill(folder, n);
      case 'again': {
        const octets = this.#sent[b % this.#sent.length];
        if (octets !== undefined) await dovecot.fill(address, [octets], folder, flagSets[n % flagSets.length]);
        return;
      }
      case 'expunge': {
        const all = await uids();
        const some = all.filter((_, at) => (at + b) % 3 < n).slice(0, 4);
        if (some.length > 0) await dovecot.expunge(address, folder, ...some);
        return;
      }
      case 'move': {
        const to = folders[b % folders.length] ?? 'INBOX';
        const uid = (await uids())[n];
        if (uid !== undefined && to !== folder) await dovecot.moveMessage(address, uid, folder, to);
        return;
      }
      case 'flags': {
        const uid = (await uids())[b % 5];
        if (uid !== undefined) await dovecot.setFlags(address, folder, uid, flagSets[(a + n) % flagSets.length] ?? []);
        return;
      }
      case 'create':
        if (unused !== undefined) await dovecot.createFolder(address, unused);
        return;
      case 'rename':
        if (mine !== undefined && unused !== undefined && !unused.startsWith(`${mine}/`)) await dovecot.renameFolder(address, mine, unused);
        return;
      case 'delete':
        if (mine !== undefined) await dovecot.deleteFolder(address, mine);
        return;
      case 'recreate':
        if (mine === undefined) return;
        await dovecot.deleteFolder(address, mine);
        await dovecot.createFolder(address, mine);
        return await this.fill(mine, n);
      case 'renumber':
        await dovecot.resetUidValidity(address, folder);
        return;
      default:
        throw new Error(`${what} is nothing that another client does`);
    }
  }
}

/** Dovecot lists what only has folders below it; whoever tries to use it finds nothing. */
function nothingThere(error: Error): void {
  if (!/Mailbox doesn't exist|TRYCREATE/.test(error.message)) throw error;
}

/** All that the server has: folder, UID, flags, octets. */
async function theirs(dovecot: Dovecot): Promise<string[]> {
  const lines: string[] = [];
  for (const folder of await dovecot.folders(address)) {
    lines.push(folder);
    for (const { uid, flags } of await dovecot.messages(address, folder))
      lines.push(`${folder} ${uid} ${flags.join(' ')} ${sha256(await dovecot.octets(address, folder, uid))}`);
  }
  return lines.sort();
}

async function ours(it: RunningSync): Promise<string[]> {
  const folders = await it.store.folders(it.account.id);
  const placed = [...it.placed()].flatMap(([folder, rows]) =>
    rows.map(({ uid, flags, hash }) => `${folder} ${uid} ${flags.join(' ')} ${hash}`),
  );
  return [...folders.map(({ name }) => name), ...placed].sort();
}

/** Mails that the daemon shows, by their octets: one for each, and none that is nowhere on the server. */
function shown(home: string): string[] {
  const db = new DatabaseSync(`${home}/mail.db`, { readOnly: true });
  const rows = db.prepare('SELECT lower(hex(m.hash)) AS hash FROM entry e JOIN message m ON m.num = e.message ORDER BY 1').all();
  db.close();
  return rows.map(({ hash }) => String(hash));
}

/** Asks for a whole sync; one that another client's change crossed says so, and is asked for again. */
async function synced(it: RunningSync): Promise<void> {
  await expect
    .poll(() =>
      it.caughtUp().then(
        () => 'done',
        (error: { code?: string; message: string }) => error.message,
      ),
    )
    .toBe('done');
}

describe.each(plan)('a server with $offers, seed $seed', ({ offers, seed: own }) => {
  test('25 changes by another client', async () => {
    const changes = fc.sample(fc.array(change, { minLength: 25, maxLength: 25 }), { seed: own, numRuns: 1 })[0] ?? [];
    await using dovecot = await startDovecot({ hide: hidden[offers] ?? [] });
    await dovecot.addUser(address);
    await using dir = await tempDir();
    const options = { home: dir.path, config: { pollMs: 500 } };
    const other = new Other(dovecot);
    await other.fill('INBOX', 12);
    for (const folder of names.slice(0, 3)) {
      await dovecot.createFolder(address, folder);
      await other.fill(folder, 3);
    }
    let it = await startSync(dovecot, options);
    try {
      await synced(it);
      for (const one of changes) {
        if (one.what === 'look') await synced(it);
        else if (one.what === 'restart') {
          await it[Symbol.asyncDispose]();
          it = await startSync(dovecot, options);
        } else await other.apply(one).catch(nothingThere);
      }
      await synced(it);
      const wanted = await theirs(dovecot);
      const story = changes.map(({ what, a, b, n }) => `${what} ${a} ${b} ${n}`).join(', ');
      await expect.poll(() => ours(it), { timeout: 20_000, message: story }).toEqual(wanted);
      const octets = new Set(wanted.map((line) => line.split(' ').at(-1) ?? '').filter((word) => /^[0-9a-f]{64}$/.test(word)));
      await expect.poll(() => shown(dir.path), { timeout: 20_000, message: story }).toEqual([...octets].sort());
      expect(it.sync.status(it.account.id)).toMatchObject({ state: 'idle', error: null });
      expect(await it.store.check()).toEqual([]);
    } finally {
      await it[Symbol.asyncDispose]();
    }
  });
});
