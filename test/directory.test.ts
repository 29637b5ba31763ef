import { appendFile, chmod, mkdir, open, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as changes from '../daemon/directory/changes.ts';
import { Directory, firstDirectory } from '../daemon/directory/document.ts';
import { openDirectory } from '../daemon/directory/durable.ts';
import { directories, grant, idOf, keyOf, mailbox, organisation, person, role } from './support/arbitraries.ts';
import { codeOf, messageOf } from './support/failure.ts';
import { tempDir } from './support/tempdir.ts';

const now = 1_750_000_000_000;

const first = () => firstDirectory({ name: 'anna', email: null, publicKey: keyOf(900), label: '' }, now);

const addRole = (name: string) => (doc: Directory) => {
  const actor = doc.persons[0]?.id ?? '';
  return changes.roleAdd(doc, { name }, { actor, now, policy: changes.openPolicy });
};

describe('the document', () => {
  test('is the same after a round trip through JSON', () => {
    fc.assert(
      fc.property(directories(), (doc) => {
        expect(Directory.parse(JSON.parse(JSON.stringify(doc)))).toEqual(doc);
      }),
      { numRuns: 200 },
    );
  });

  const [anna, ben] = [person(0), person(1)];
  const box = mailbox(0, anna);
  const good = organisation({ persons: [anna, ben], roles: [role(0, [ben])], mailboxes: [box], grants: [grant(0, box, ben)] });

  test.each<[string, string, Directory]>([
    ['a grant on no mailbox', 'grants.0.mailbox', { ...good, mailboxes: [] }],
    ['a grant to nobody', 'grants.0.grantee.id', { ...good, persons: [anna], roles: [] }],
    ['a grant that gives nothing', 'grants.0', { ...good, grants: [grant(0, box, ben, { access: false })] }],
    ['two standing grants', 'grants.1', { ...good, grants: [grant(0, box, ben), grant(1, box, ben)] }],
    ['a standing grant with an end', 'grants.0.standing', { ...good, grants: [grant(0, box, ben, { standing: true, until: 9 })] }],
    ['an end before the begin', 'grants.0.until', { ...good, grants: [grant(0, box, ben, { from: 9, until: 9 })] }],
    ['an owner who is gone', 'mailboxes.0.owner', { ...good, persons: [ben] }],
    [
      'an address twice',
      'mailboxes.1.addresses.0',
      { ...good, mailboxes: [box, mailbox(1, ben, { address: 'BOX0@Example.org', addresses: ['BOX0@Example.org'] })] },
    ],
    ['a primary address that is not first', 'mailboxes.0.addresses.0', { ...good, mailboxes: [{ ...box, address: 'other@example.org' }] }],
    ['a name twice over persons and roles', 'roles.0.name', { ...good, roles: [role(0, [ben], { name: 'PERSON1' })] }],
    [
      'a key twice',
      'persons.1.keys.0.public',
      { ...good, persons: [anna, { ...ben, keys: anna.keys.map((key) => ({ ...key, id: idOf('k', 7) })) }] },
    ],
    ['a role in itself', 'roles', { ...good, roles: [role(0, [role(0, [])])] }],
    ['control characters in a name', 'persons.0.name', { ...good, persons: [{ ...anna, name: 'an\u001b[2Jna' }, ben] }],
  ])('refuses %s', (_what, path, doc) => {
    const { error } = Directory.safeParse(doc);
    expect(error?.issues.map((issue) => issue.path.join('.'))).toContain(path);
  });

  test('refuses keys that it does not know', () => {
    expect(Directory.safeParse({ ...good, extra: 1 }).success).toBe(false);
    expect(Directory.safeParse(JSON.parse(JSON.stringify(good).replace('{', '{"__proto__":{"polluted":true},'))).success).toBe(false);
    expect('polluted' in {}).toBe(false);
  });
});

describe('the file', () => {
  test('begins once, and is found again', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    const store = await openDirectory(path, { create: first() });
    await store.change(addRole('agents'));
    const { directory } = (await openDirectory(path)).snapshot();
    expect(directory).toEqual(store.snapshot().directory);
    expect(directory).toMatchObject({ revision: 2, roles: [{ name: 'agents' }] });
    expect(await codeOf(() => openDirectory(path, { create: first() }))).toBe('conflict');
  });

  test('missing is never empty', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    expect(await codeOf(() => openDirectory(path))).toBe('unavailable');
    const store = await openDirectory(path, { create: first() });
    await store.change(addRole('agents'));
    await rm(path);
    expect(await messageOf(() => openDirectory(path))).toContain('grants.json.previous');
    expect(await codeOf(() => openDirectory(path, { create: first() }))).toBe('unavailable');
  });

  test('with any bit turned it is refused', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    await openDirectory(path, { create: first() });
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at++) {
      const turned = Buffer.from(whole);
      turned[at] = (turned[at] ?? 0) ^ (1 << (at % 7));
      await writeFile(path, turned);
      expect(await codeOf(() => openDirectory(path))).toBe('unavailable');
    }
  });

  test('edited by hand it is refused, and says where it does not fit', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    await openDirectory(path, { create: first() });
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"anna"', '"emma"'));
    expect(await messageOf(() => openDirectory(path))).toContain('sha256');
    await writeFile(path, text.replace('"active"', '"boss"'));
    expect(await messageOf(() => openDirectory(path))).toContain('directory.persons.0.status');
    await writeFile(path, text.replace('"schemaVersion":1', '"schemaVersion":2'));
    expect(await messageOf(() => openDirectory(path))).toContain('newer Postroom');
  });

  test('stays private whatever the umask, keeps the generation before, and sweeps what a crash left', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    const umask = process.umask(0);
    try {
      const store = await openDirectory(path, { create: first() });
      for (const name of ['one', 'two', 'three']) await store.change(addRole(name));
    } finally {
      process.umask(umask);
    }
    for (const name of [path, `${path}.previous`]) expect((await stat(name)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(`${path}.previous`, 'utf8')).directory.revision).toBe(3);

    await writeFile(join(dir.path, '.grants.json.0123456789abcdef.tmp'), 'half');
    await writeFile(join(dir.path, '.grants.json.previous.0123456789abcdef.tmp'), 'half');
    await openDirectory(path);
    expect((await readdir(dir.path)).sort()).toEqual(['grants.json', 'grants.json.previous']);
  });

  test('is refused when others may read it, or when it is a link', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    await openDirectory(path, { create: first() });
    await chmod(path, 0o640);
    expect(await messageOf(() => openDirectory(path))).toContain(`chmod 600 ${path}`);
    await chmod(path, 0o600);
    await rename(path, join(dir.path, 'elsewhere'));
    await symlink(join(dir.path, 'elsewhere'), path);
    expect(await messageOf(() => openDirectory(path))).toContain('not a plain file');
  });
});

describe('changes', () => {
  test('run one after the other, each on what the one before left', async () => {
    await using dir = await tempDir();
    const store = await openDirectory(join(dir.path, 'grants.json'), { create: first() });
    const seen: number[] = [];
    store.onChange(({ before, after }) => seen.push(before.revision, after.revision));
    await Promise.all(['a', 'b', 'c'].map((name) => store.change(addRole(name))));
    expect(store.snapshot().directory.roles.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(seen).toEqual([1, 2, 2, 3, 3, 4]);
    expect(await codeOf(() => store.change(addRole('d'), { ifRevision: 3 }))).toBe('conflict');
    expect(await codeOf(() => store.change(addRole('A')))).toBe('conflict');
    expect(store.snapshot().revision).toBe(4);
  });

  test('nothing is written when nothing changes, and nobody changes a snapshot', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    const store = await openDirectory(path, { create: first() });
    const { mtimeMs } = await stat(path);
    const { before, after } = await store.change((doc) => ({ doc, activities: [] }));
    expect([after === before, (await stat(path)).mtimeMs]).toEqual([true, mtimeMs]);
    await expect(
      store.change((doc) => {
        (doc.persons as unknown[]).pop();
        return { doc, activities: [] };
      }),
    ).rejects.toThrow(TypeError);
    expect(store.snapshot().directory.persons).toHaveLength(1);
  });

  test('what contradicts itself is refused before it is written', async () => {
    await using dir = await tempDir();
    const store = await openDirectory(join(dir.path, 'grants.json'), { create: first() });
    const lost = store.change((doc) => ({
      doc: { ...doc, watches: [{ person: idOf('p', 9), mailbox: idOf('m', 9), level: 'all' }] },
      activities: [],
    }));
    expect(await messageOf(() => lost)).toContain('watches.0.person');
    const [someone] = store.snapshot().directory.persons;
    for (const persons of [
      [someone, someone],
      [someone, { ...person(5) }, someone],
      [person(5), someone, person(6), someone],
    ]) {
      const twice = store.change((doc) => ({ doc: { ...doc, persons: persons.flatMap((one) => one ?? []) }, activities: [] }));
      expect(await messageOf(() => twice)).toContain('this id is there twice');
    }
    expect(store.snapshot().revision).toBe(1);
  });

  test('a write that fails changes nothing for anybody, and the next one works', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'home', 'grants.json');
    await mkdir(join(dir.path, 'home'), { mode: 0o700 });
    const store = await openDirectory(path, { create: first() });
    await rename(join(dir.path, 'home'), join(dir.path, 'away'));
    expect(await codeOf(() => store.change(addRole('a')))).toBe('unavailable');
    expect(store.snapshot().revision).toBe(1);
    expect(store.unrecorded()).toEqual([]);
    await rename(join(dir.path, 'away'), join(dir.path, 'home'));
    await store.change(addRole('b'));
    expect((await openDirectory(path)).snapshot().directory.roles.map(({ name }) => name)).toEqual(['b']);
  });

  test('a sync that fails is never taken for one that worked', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    const store = await openDirectory(path, { create: first() });
    const probe = await open(path, 'r');
    const files: { sync: () => Promise<void> } = Object.getPrototypeOf(probe);
    await probe.close();
    const { sync } = files;
    let call = 0;
    const failing = (at: number) => {
      call = 0;
      files.sync = function () {
        return ++call === at ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) : sync.call(this);
      };
    };
    try {
      failing(1); // the file: nothing was renamed
      expect(await messageOf(() => store.change(addRole('a')))).toContain('(ENOSPC)');
      expect(await readdir(dir.path)).toEqual(['grants.json']);
      expect(await codeOf(() => store.change(addRole('b')))).toBe('done');
      failing(2); // the folder: the rename may or may not last
      expect(await codeOf(() => store.change(addRole('c')))).toBe('unavailable');
    } finally {
      files.sync = sync;
    }
    expect(await messageOf(() => store.change(addRole('d')))).toContain('Restart the daemon');
    expect(store.snapshot().directory.roles.map(({ name }) => name)).toEqual(['b']); // reading goes on
    expect((await openDirectory(path)).snapshot().directory.roles.map(({ name }) => name)).toEqual(['b', 'c']);
  });

  test('are handed to the journal until it has them', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'grants.json');
    const store = await openDirectory(path, { create: first() });
    await store.change(addRole('a'));
    await store.change(addRole('b'));
    const waiting = (await openDirectory(path)).unrecorded();
    expect(waiting.map(({ revision, activities }) => [revision, activities[0]?.summary])).toEqual([
      [2, 'added the role a'],
      [3, 'added the role b'],
    ]);
    store.recorded(waiting.map(({ id }) => id));
    await store.change(addRole('c'));
    expect((await openDirectory(path)).unrecorded().map(({ revision }) => revision)).toEqual([4]);
  });
});

test('a file with more behind the end is refused', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'grants.json');
  await openDirectory(path, { create: first() });
  await appendFile(path, '{}');
  expect(await codeOf(() => openDirectory(path))).toBe('unavailable');
});
