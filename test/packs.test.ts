import { createHash, randomBytes } from 'node:crypto';
import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type PackPlace, PackWriter, packSizes, readPack, recordEnd } from '../daemon/store/packs.ts';
import { table } from './support/table.ts';
import { tempDir } from './support/tempdir.ts';

const sha256 = (octets: Uint8Array): Buffer => createHash('sha256').update(octets).digest();

function put(packs: PackWriter, octets: Uint8Array): { place: PackPlace; hash: string } {
  const hash = sha256(octets);
  return { place: packs.append(octets, hash), hash: hash.toString('hex') };
}

const mails = table<{ mail: string; octets: string; packed: string }>(`
  mail            octets   packed
  nothing         0        no
  short           200      no
  text            20000    yes
  noise           20000    no
  long text       200000   no
`);
for (const { mail, octets, packed } of mails) {
  test(`${mail} comes back octet for octet`, async () => {
    await using dir = await tempDir();
    const packs = new PackWriter(`${dir.path}/packs`, null);
    const size = Number(octets);
    const content = mail === 'noise' ? randomBytes(size) : Buffer.alloc(size, 'All is well, and the order has arrived.\r\n');
    put(packs, Buffer.from('one before'));
    const { place, hash } = put(packs, content);
    put(packs, Buffer.from('one behind'));
    packs.sync();
    packs.close();
    expect(place.codec === 1).toBe(packed);
    expect(Buffer.compare(await readPack(`${dir.path}/packs`, place, hash), content)).toBe(0);
  });
}

test('what no row names is cut off at start, and written over', async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/packs`;
  const first = new PackWriter(path, null);
  const named = put(first, Buffer.from('named by a row'));
  put(first, Buffer.from('written, then the power went'));
  first.close();
  await appendFile(`${path}/000001.pack`, 'torn');
  await writeFile(`${path}/000002.pack`, 'begun, never named');

  const second = new PackWriter(path, { pack: 1, end: recordEnd(named.place) });
  expect([...packSizes(path)]).toEqual([[1, recordEnd(named.place)]]);
  const next = put(second, Buffer.from('the next'));
  second.close();
  expect(next.place.offset).toBe(recordEnd(named.place));
  expect(Buffer.from(await readPack(path, named.place, named.hash)).toString()).toBe('named by a row');
  expect(Buffer.from(await readPack(path, next.place, next.hash)).toString()).toBe('the next');
});

test('a pack that lost octets is never written to again, and reading says so', async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/packs`;
  const first = new PackWriter(path, null);
  const lost = put(first, Buffer.from('these octets will be missing'));
  first.close();
  await truncate(`${path}/000001.pack`, 50);

  const second = new PackWriter(path, { pack: 1, end: recordEnd(lost.place) });
  const next = put(second, Buffer.from('safe'));
  second.close();
  expect(next.place.pack).toBe(2);
  await expect(readPack(path, lost.place, lost.hash)).rejects.toMatchObject({ code: 'internal' });
  expect(Buffer.from(await readPack(path, next.place, next.hash)).toString()).toBe('safe');
});

test('changed octets are noticed', async () => {
  await using dir = await tempDir();
  const packs = new PackWriter(`${dir.path}/packs`, null);
  const { place, hash } = put(packs, Buffer.from('pay 100 euros'));
  packs.close();
  const file = `${dir.path}/packs/000001.pack`;
  await writeFile(file, (await readFile(file)).toString('latin1').replace('100', '900'), 'latin1');
  await expect(readPack(`${dir.path}/packs`, place, hash)).rejects.toThrow('restore it from a backup');
});

test('files are the owner’s alone whatever the umask', async () => {
  await using dir = await tempDir();
  const before = process.umask(0);
  try {
    new PackWriter(`${dir.path}/packs`, null).close();
  } finally {
    process.umask(before);
  }
  expect((await stat(`${dir.path}/packs`)).mode & 0o777).toBe(0o700);
  expect((await stat(`${dir.path}/packs/000001.pack`)).mode & 0o777).toBe(0o600);
});
