/** What a disk, a crash or a hand can do to the file of rights: the daemon never starts with other rights than were written, nor with none. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, chown, copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import * as changes from '../daemon/directory/changes.ts';
import type { Directory } from '../daemon/directory/document.ts';
import { openDirectory, readGenerations } from '../daemon/directory/durable.ts';
import { Printer } from '../daemon/directory/generation.ts';
import { grant, mailbox, organisation, person } from './support/arbitraries.ts';
import { codeOf, messageOf } from './support/failure.ts';
import { tempDir } from './support/tempdir.ts';

const anna = person(0, { name: 'anna', operations: ['people.manage'] });
const ben = person(1, { name: 'ben' });
const support = mailbox(0, anna);
const office = organisation({ persons: [anna, ben], mailboxes: [support] });

const bits = (n: number) => ({ access: (n & 1) > 0, send: (n & 2) > 0, setup: (n & 4) > 0, note: null });

/** A home's file after some changes of ben's grant: each generation has other rights. */
async function written(folder: string, generations: number) {
  const path = join(folder, 'grants.json');
  const store = await openDirectory(path, { create: office });
  const texts = [await readFile(path)];
  for (let n = 1; n < generations; n++) {
    await store.change((doc, now) =>
      changes.grantSet(
        doc,
        { mailbox: support.id, grantee: { kind: 'person', id: ben.id }, ...bits(n) },
        { actor: anna.id, now, policy: changes.openPolicy },
      ),
    );
    store.recorded(store.unrecorded().map(({ id }) => id));
    texts.push(await readFile(path));
  }
  return { path, store, texts, directory: store.snapshot().directory };
}

const put = async (path: string, contents: string | Uint8Array): Promise<void> => {
  await writeFile(path, contents, { mode: 0o600 });
  await chmod(path, 0o600);
};

describe('three generations, cut at every byte', () => {
  test('the newest: refused with the place and the way back, which leads to the one before', async () => {
    await using dir = await tempDir();
    const { path, texts } = await written(dir.path, 3);
    const whole = texts[2] ?? Buffer.alloc(0);
    for (let length = 0; length < whole.length; length++) {
      await put(path, whole.subarray(0, length));
      const message = await messageOf(() => openDirectory(path));
      expect(message).toContain(`${path} cannot be used: `);
      expect(message).toContain(`The generation before it (revision 2) is whole.`);
    }
    const [moved, copied] = (/to go back to it: (mv .*?); (cp .*?)$/.exec(await messageOf(() => openDirectory(path))) ?? []).slice(1);
    expect([moved, copied]).toEqual([`mv ${path} ${path}.broken`, `cp -p ${path}.previous ${path}`]);
    await rename(path, `${path}.broken`);
    await copyFile(`${path}.previous`, path);
    expect((await openDirectory(path)).snapshot().directory).toMatchObject({ revision: 2, grants: [{ access: true, send: false }] });
  });

  test('both that are left, at the same byte: refused, and neither is called whole', async () => {
    await using dir = await tempDir();
    const { path, texts } = await written(dir.path, 3);
    const [, second = Buffer.alloc(0), third = Buffer.alloc(0)] = texts;
    for (let length = 0; length < Math.min(second.length, third.length); length++) {
      await put(path, third.subarray(0, length));
      await put(`${path}.previous`, second.subarray(0, length));
      const message = await messageOf(() => openDirectory(path));
      expect(message).toContain('restore grants.json from a backup');
      expect(message).not.toContain('is whole');
    }
  });

  test('the newest is gone and the one before is cut: still no start, and none with an empty store', async () => {
    await using dir = await tempDir();
    const { path, texts } = await written(dir.path, 2);
    const [first = Buffer.alloc(0)] = texts;
    await rm(path);
    for (let length = 0; length <= first.length; length += 7) {
      await put(`${path}.previous`, first.subarray(0, length));
      expect(await codeOf(() => openDirectory(path))).toBe('unavailable');
      expect(await codeOf(() => openDirectory(path, { create: office }))).toBe('unavailable');
    }
    expect(await readdir(dir.path)).toEqual(['grants.json.previous']);
  });
});

describe('what else can lie there', () => {
  test('noise of any kind is refused, and left as it is', async () => {
    await using dir = await tempDir();
    const { path, texts } = await written(dir.path, 2);
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = texts;
    const noise = (size: number): Buffer => {
      const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, n) => createHash('sha256').update(`${size} ${n}`).digest());
      return Buffer.concat(blocks).subarray(0, size);
    };
    const cases: readonly (string | Uint8Array)[] = [
      ...[0, 1, 31, 512, 4_096, 100_000].map(noise),
      Buffer.alloc(second.length),
      Buffer.concat([second.subarray(0, second.length / 2), Buffer.alloc(second.length / 2)]), // what XFS leaves after a crash without fsync
      Buffer.concat([second.subarray(0, 200), first.subarray(200)]),
      Buffer.concat([second, second]),
      '{}',
      'null',
      '[]',
      '{"sha256":"","directory":{},"unrecorded":[]}',
      JSON.stringify({ directory: office, unrecorded: [] }),
    ];
    for (const contents of cases) {
      await put(path, contents);
      expect(await messageOf(() => openDirectory(path))).toContain(`${path} cannot be used: `);
      expect((await readFile(path)).equals(Buffer.from(contents))).toBe(true);
    }
  });

  test('a generation twice: the file counts, whatever lies beside it', async () => {
    await using dir = await tempDir();
    const { path, texts } = await written(dir.path, 3);
    const [first = '', second = ''] = texts;
    // Somebody went back, and changed something else: two files say revision 2 and say different things.
    await put(path, first);
    const store = await openDirectory(path);
    await store.change((doc, now) => changes.roleAdd(doc, { name: 'other' }, { actor: anna.id, now, policy: changes.openPolicy }));
    await put(`${path}.previous`, second);
    const { directory } = (await openDirectory(path)).snapshot();
    expect(directory).toMatchObject({ revision: 2, grants: [], roles: [{ name: 'other' }] });
    expect(await readGenerations(path)).toMatchObject({ current: { revision: 2 }, previous: { kind: 'whole', revision: 2 } });
    // The next change leaves two that follow each other again.
    const again = await openDirectory(path);
    await again.change((doc, now) => changes.roleAdd(doc, { name: 'more' }, { actor: anna.id, now, policy: changes.openPolicy }));
    expect(await readGenerations(path)).toMatchObject({
      current: { revision: 3 },
      previous: { revision: 2, directory: { roles: [{ name: 'other' }] } },
    });
  });

  test('no plain file, a link beside it, or somebody else’s: refused by name', async () => {
    await using dir = await tempDir();
    const { path } = await written(dir.path, 2);
    await rename(path, join(dir.path, 'elsewhere'));
    await mkdir(path);
    expect(await messageOf(() => openDirectory(path))).toContain(`${path} is not a plain file`);
    await rm(path, { recursive: true });
    await rm(`${path}.previous`);
    await symlink(join(dir.path, 'elsewhere'), `${path}.previous`);
    expect(await messageOf(() => openDirectory(path))).toContain(`${path}.previous is not a plain file`);
    await rm(`${path}.previous`);
    await rename(join(dir.path, 'elsewhere'), path);
    for (const mode of [0o604, 0o640, 0o660, 0o666, 0o601, 0o644]) {
      await chmod(path, mode);
      expect(await messageOf(() => openDirectory(path))).toContain(
        `mode ${mode.toString(8)}). Check who changed it, then: chmod 600 ${path}`,
      );
    }
    await chmod(path, 0o600);
    if (process.getuid?.() === 0) {
      await chown(path, 65_534, 65_534);
      expect(await messageOf(() => openDirectory(path))).toContain('belongs to user 65534');
      await chown(path, 0, 0);
    }
    expect(await codeOf(() => openDirectory(path))).toBe('done');
  });

  /** As the first release wrote it: one paragraph, its checksum over the compact form. */
  const firstRelease = (directory: unknown): string => {
    const contents = { directory, unrecorded: [] };
    const sha256 = createHash('sha256')
      .update(JSON.stringify([contents.directory, contents.unrecorded]))
      .digest('hex');
    return `${JSON.stringify({ sha256, ...contents }, null, 1)}\n`;
  };

  test('an older file is read, and written anew with the next change', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    const old = organisation({ ...office, revision: 7, grants: [grant(0, support, ben)] });
    await put(path, firstRelease(old));
    const store = await openDirectory(path);
    expect(store.snapshot().directory).toEqual(old);
    expect(await readFile(path, 'utf8')).toBe(firstRelease(old));
    await store.change((doc, now) => changes.roleAdd(doc, { name: 'agents' }, { actor: anna.id, now, policy: changes.openPolicy }));
    expect(await readFile(`${path}.previous`, 'utf8')).toBe(firstRelease(old));
    expect((await openDirectory(path)).snapshot().directory).toMatchObject({
      revision: 8,
      grants: old.grants,
      roles: [{ name: 'agents' }],
    });
    await put(path, firstRelease(old).replace('"send": false', '"send": true'));
    expect(await messageOf(() => openDirectory(path))).toContain('sha256');
  });

  test('a newer one is refused whole as it is, with the word for it', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    await put(path, firstRelease({ ...office, schemaVersion: 99, something: [] }));
    expect(await messageOf(() => openDirectory(path))).toContain('99 was written by a newer Postroom; run that one');
  });
});

test('the text follows the document from change to change, and says the same as one made anew', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'grants.json');
  const printer = new Printer();
  const persons = Array.from({ length: 300 }, (_, n) => person(n));
  let doc: Directory = organisation({ persons, mailboxes: [mailbox(0, anna)] });
  let state = 7;
  const below = (end: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % end;
  };
  const all = persons.slice(1);
  for (let round = 0; round < 60; round++) {
    // Some go, some come back at the end or the begin, some change where they stand.
    const gone = new Set(Array.from({ length: below(8) }, () => below(all.length)));
    const kept = doc.persons.filter(({ id }) => id === anna.id || ![...gone].some((n) => all[n]?.id === id));
    const back = all.filter(({ id }) => !kept.some((one) => one.id === id)).slice(0, below(40));
    const moved = round % 3 === 0 ? [...back, ...kept] : [...kept, ...back];
    const changedAt = below(moved.length);
    doc = {
      ...doc,
      revision: round + 1,
      persons: moved.map((one, n) => (n === changedAt ? { ...one, plan: `plan ${round}` } : one)),
      mailboxes: round % 10 === 9 ? [] : [mailbox(0, anna)],
    };
    await put(path, Buffer.concat(printer.print({ directory: doc, unrecorded: [] })));
    expect((await openDirectory(path)).snapshot().directory).toEqual(doc);
  }
});

/** `POSTROOM_KILLS=full` kills five hundred times. */
const kills = process.env.POSTROOM_KILLS === 'full' ? 500 : 30;
const lanes = 2;

test(`kill -9 while grants are written, ${kills} times: what is there is what was answered last, or what was asked next`, async () => {
  /** What the child writes: at even revisions a grant that depends on the revision, at odd ones none. */
  const grantsAt = (revision: number) =>
    revision % 2 === 0 ? [{ grantee: { kind: 'person', id: ben.id }, ...bits(1 + ((revision / 2) % 7)) }] : [];
  const source = (file: string) => JSON.stringify(new URL(`../daemon/directory/${file}`, import.meta.url).href);
  const script = (path: string): string => `
    import { openDirectory } from ${source('durable.ts')};
    import { grantRemove, grantSet, openPolicy } from ${source('changes.ts')};
    const store = await openDirectory(${JSON.stringify(path)});
    const on = { mailbox: ${JSON.stringify(support.id)}, grantee: { kind: 'person', id: ${JSON.stringify(ben.id)} } };
    for (;;) {
      const { after } = await store.change((doc, now) => {
        const act = { actor: ${JSON.stringify(anna.id)}, now, policy: openPolicy };
        const next = doc.revision + 1;
        const n = 1 + ((next / 2) % 7);
        if (next % 2 === 1) return grantRemove(doc, { ...on, grant: null }, act);
        return grantSet(doc, { ...on, access: (n & 1) > 0, send: (n & 2) > 0, setup: (n & 4) > 0, note: null }, act);
      });
      store.recorded(store.unrecorded().map(({ id }) => id));
      process.stdout.write(after.revision + '\\n');
    }`;
  const starts: number[] = [];
  const lane = async (first: number): Promise<void> => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    await openDirectory(path, { create: office });
    for (let round = first; round < kills; round += lanes) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script(path)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let answered = 0;
      let left = 1 + ((round * 7) % 5);
      for await (const line of createInterface({ input: child.stdout })) {
        answered = Number(line);
        if (--left > 0 || child.killed) continue;
        const until = performance.now() + ((round * 37) % 100) * 0.06; // another point of the write in each round
        while (performance.now() < until);
        child.kill('SIGKILL');
      }
      for (const name of await readdir(dir.path)) expect((await stat(join(dir.path, name))).mode & 0o777).toBe(0o600);
      const { directory } = (await openDirectory(path)).snapshot();
      expect(directory.revision - answered).toBeOneOf([0, 1]);
      expect(directory.persons).toHaveLength(2);
      expect(directory.grants).toMatchObject(grantsAt(directory.revision));
      const { previous } = await readGenerations(path);
      expect(previous).toMatchObject({ kind: 'whole' });
      if (previous.kind === 'whole') {
        expect(directory.revision - previous.revision).toBeOneOf([0, 1]); // 0: killed between keeping the old one and putting the new one
        expect(previous.directory.grants).toMatchObject(grantsAt(previous.revision));
      }
      expect((await readdir(dir.path)).sort()).toEqual(['grants.json', 'grants.json.previous']);
      starts.push(directory.revision);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, n) => lane(n)));
  expect(starts).toHaveLength(kills);
}, 1_200_000);
