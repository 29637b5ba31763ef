/** The disk refuses at its n-th call, for every n; the disk is full; the power goes. What was promised holds, what was not is not half there. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openPolicy, roleAdd } from '../daemon/directory/changes.ts';
import { type Directory, firstDirectory } from '../daemon/directory/document.ts';
import { type DirectoryStore, openDirectory } from '../daemon/directory/durable.ts';
import { toWire } from '../daemon/store/fault.ts';
import { type PackPlace, PackWriter, readPack, recordEnd } from '../daemon/store/packs.ts';
import { openWriting } from '../daemon/store/sqlite.ts';
import { PostroomError } from '../protocol/errors.ts';
import { newKeyPair } from '../protocol/keys.ts';
import { atEveryCall, cuts, FaultPlan, FaultyDisk } from './support/faulty-disk.ts';
import { tempDir } from './support/tempdir.ts';

const first = (): Directory => firstDirectory({ name: 'eva', email: null, publicKey: newKeyPair().publicKey, label: 'laptop' }, 0);

const addRole = (name: string) => (doc: Directory, now: number) =>
  roleAdd(doc, { name }, { actor: doc.persons[0]?.id ?? '', now, policy: openPolicy });

const rolesOf = (store: DirectoryStore): string[] => store.snapshot().directory.roles.map(({ name }) => name);

/** What a call came to: `done`, or the words of a refusal that a client can act on. Anything else is a bug. */
async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'done';
  } catch (error) {
    if (error instanceof PostroomError && error.code === 'unavailable') return error.message;
    throw error;
  }
}

describe('the rights, when the disk fails at any call', () => {
  test('a change is whole or not there, the refusal says what to do, and the next change is written', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    await openDirectory(path, { create: first() });
    const plan = new FaultPlan();
    using _ = new FaultyDisk(dir.path, plan);
    let store = await openDirectory(path);
    let n = 0;
    const runs = await atEveryCall(plan, async (what) => {
      const before = rolesOf(store);
      const name = `role ${++n}`;
      const said = await refusalOf(store.change(addRole(name)));
      plan.heal();
      const found = rolesOf(await openDirectory(path));
      if (said === 'done') {
        expect([what, found, rolesOf(store)]).toEqual([what, [...before, name], [...before, name]]);
        return;
      }
      expect(said).toContain('see to the disk, then repeat');
      expect([what, rolesOf(store)]).toEqual([what, before]);
      const next = await refusalOf(store.change(addRole(`${name} again`)));
      if (next === 'done') {
        expect([what, rolesOf(await openDirectory(path))]).toEqual([what, [...before, `${name} again`]]);
      } else {
        // The folder's sync failed: nobody can know, so nobody goes on as if they did. A restart reads what is there.
        expect(next).toContain('Restart the daemon');
        expect([before, [...before, name]]).toContainEqual(found);
        store = await openDirectory(path);
        await store.change(addRole(`${name} again`));
      }
    });
    expect(runs).toBeGreaterThan(20);
  });

  test('a start fails whole: never with other rights, and never by taking what cannot be read for what is not there', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    const made = await openDirectory(path, { create: first() });
    await made.change(addRole('agents'));
    const plan = new FaultPlan();
    using _ = new FaultyDisk(dir.path, plan);
    const runs = await atEveryCall(plan, async (what) => {
      await writeFile(join(dir.path, '.grants.json.0123456789abcdef.tmp'), 'left by a crash');
      const opened = await openDirectory(path).catch((error: unknown) => error);
      if (opened instanceof Error) expect([what, opened.message]).toEqual([what, expect.stringMatching(/^(EIO|ENOSPC|EMFILE): /)]);
      else expect([what, rolesOf(opened as DirectoryStore)]).toEqual([what, ['agents']]);
      plan.heal();
      expect([what, rolesOf(await openDirectory(path))]).toEqual([what, ['agents']]);
    });
    expect(runs).toBeGreaterThan(6);
  });

  test('a home that could not be begun is not there, and can be begun again', async () => {
    await using dir = await tempDir();
    const plan = new FaultPlan();
    using _ = new FaultyDisk(dir.path, plan);
    let n = 0;
    await atEveryCall(plan, async (what) => {
      const home = join(dir.path, String(++n));
      await mkdir(home, { mode: 0o700 });
      const path = join(home, 'grants.json');
      const created = await openDirectory(path, { create: first() }).catch((error: unknown) => error);
      plan.heal();
      if (created instanceof Error && !(await readdir(home)).includes('grants.json'))
        expect([what, (await openDirectory(path, { create: first() })).snapshot().revision]).toEqual([what, 1]);
      else expect([what, (await openDirectory(path)).snapshot().revision]).toEqual([what, 1]);
    });
  });
});

test('the rights, when the power goes at any moment: the last change that was answered, or the one on its way', async () => {
  await using dir = await tempDir();
  const home = join(dir.path, 'home');
  await mkdir(home, { mode: 0o700 });
  const path = join(home, 'grants.json');
  await openDirectory(path, { create: first() });
  using disk = new FaultyDisk(home);
  const store = await openDirectory(path);
  const begun = disk.moments;
  for (const name of ['a', 'b', 'c']) {
    await store.change(addRole(name));
    disk.tell(name);
  }
  for (let moment = begun; moment <= disk.moments; moment++) {
    for (const cut of cuts) {
      const left = join(dir.path, `${moment}-${cut}`);
      const told = disk.cutPower(moment, cut, left);
      const found = rolesOf(await openDirectory(join(left, 'grants.json')));
      const next = ['a', 'b', 'c'].slice(0, told.length + 1);
      expect([moment, cut, [told, next]]).toEqual([moment, cut, expect.arrayContaining([found])]);
    }
  }
});

// --- packs -----------------------------------------------------------------------------------------------------------

const hashOf = (octets: Uint8Array): Buffer => createHash('sha256').update(octets).digest();

type Named = PackPlace & { hash: string };

/** Appends mails as one transaction does; what is returned is what its COMMIT names. */
function store(packs: PackWriter, ...mails: string[]): Named[] {
  const named = mails.map((mail) => ({
    ...packs.append(Buffer.from(mail), hashOf(Buffer.from(mail))),
    hash: hashOf(Buffer.from(mail)).toString('hex'),
  }));
  packs.sync();
  return named;
}

const lastOf = (rows: readonly Named[]) => {
  const last = rows.at(-1);
  return last === undefined ? null : { pack: last.pack, end: recordEnd(last) };
};

async function textsOf(dir: string, rows: readonly Named[]): Promise<string[]> {
  return Promise.all(rows.map(async ({ hash, ...place }) => Buffer.from(await readPack(dir, place, hash)).toString()));
}

describe('packs', () => {
  test('a call that fails leaves what was named whole, takes no room, and the next mail goes in', async () => {
    await using dir = await tempDir();
    const plan = new FaultPlan();
    using _ = new FaultyDisk(dir.path, plan);
    let home = 0;
    const runs = await atEveryCall(plan, async (what) => {
      const path = join(dir.path, String(++home), 'packs');
      const left = plan.cells.slice();
      plan.heal();
      const packs = new PackWriter(path, null);
      const rows = store(packs, 'first');
      plan.cells.set(left);
      try {
        rows.push(...store(packs, 'second', 'third'));
      } catch {
        plan.heal();
        packs.rewind();
      }
      plan.heal();
      rows.push(...store(packs, 'last'));
      packs.close();
      expect([what, (await textsOf(path, rows)).slice(0, 1), (await textsOf(path, rows)).at(-1)]).toEqual([what, ['first'], 'last']);
      // One behind the other: nothing torn lies between.
      expect([what, rows.map(({ offset }) => offset)]).toEqual([what, [0, ...rows.slice(0, -1).map(recordEnd)]]);
    });
    expect(runs).toBeGreaterThan(8);
  });

  test('a pack that cannot be followed by a new one goes on; no octet goes into the file of somebody else', async () => {
    await using dir = await tempDir();
    const full = 256 * 1024 * 1024;
    const plan = new FaultPlan();
    let home = 0;
    using _ = new FaultyDisk(dir.path, plan);
    const runs = await atEveryCall(plan, async (what) => {
      const path = join(dir.path, String(++home), 'packs');
      const left = plan.cells.slice();
      plan.heal();
      await mkdir(path, { recursive: true });
      await writeFile(join(path, '000001.pack'), '', { mode: 0o600 });
      await truncate(join(path, '000001.pack'), full); // sparse: a pack of that size that takes no room
      const packs = new PackWriter(path, { pack: 1, end: full });
      plan.cells.set(left);
      const rows: Named[] = [];
      const tries: unknown[] = [];
      for (const mail of ['one', 'two']) {
        try {
          rows.push(...store(packs, mail));
        } catch (error) {
          tries.push(error);
        }
        if (mail === 'one') plan.heal();
      }
      expect([what, tries.length]).toEqual([what, plan.struck ? 1 : 0]);
      expect([what, await textsOf(path, rows)]).toEqual([what, plan.struck ? ['two'] : ['one', 'two']]);
      expect([what, rows.map(({ pack }) => pack)]).toEqual([what, rows.map(() => 2)]);
      packs.close();
    });
    expect(runs).toBeGreaterThan(12);
  });

  test('when the power goes at any moment, every mail that a row names is there', async () => {
    await using dir = await tempDir();
    const home = join(dir.path, 'home');
    await mkdir(home);
    using disk = new FaultyDisk(home);
    const packs = new PackWriter(join(home, 'packs'), null);
    for (const mails of [['first'], ['second', 'x'.repeat(3_000)]]) for (const row of store(packs, ...mails)) disk.tell(row);
    packs.close();
    for (let moment = 0; moment <= disk.moments; moment++) {
      for (const cut of cuts) {
        const left = join(dir.path, `${moment}-${cut}`);
        const rows = disk.cutPower(moment, cut, left) as Named[];
        const path = join(left, 'packs');
        const again = new PackWriter(path, lastOf(rows));
        if (cut === 'some') rows.push(...store(again, 'after the power came back'));
        again.close();
        const texts = await textsOf(path, rows);
        expect([moment, cut, texts.length]).toEqual([moment, cut, rows.length]);
      }
    }
  });
});

test('a store that cannot be made, or opened, is made and opened when the disk works', async () => {
  await using dir = await tempDir();
  const plan = new FaultPlan();
  using _ = new FaultyDisk(dir.path, plan);
  let n = 0;
  const runs = await atEveryCall(plan, async (fault) => {
    const home = join(dir.path, String(++n));
    const left = plan.cells.slice();
    plan.heal();
    await mkdir(home);
    const open = (): void => {
      const db = openWriting(join(home, 'mail.db'));
      try {
        new PackWriter(join(home, 'packs'), null).close();
      } finally {
        db.close();
      }
    };
    plan.cells.set(left);
    try {
      open();
    } catch (error) {
      expect([fault, toWire(error)]).toEqual([fault, expect.objectContaining({ code: 'unavailable' })]);
    }
    plan.heal();
    expect([fault, open()]).toEqual([fault, undefined]);
  });
  expect(runs).toBeGreaterThan(6);
});
