/** The log: private, bounded, and one record a line whatever was logged. */
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openLog } from '../daemon/log.ts';
import { LogFile } from '../daemon/log-file.ts';
import { tempDir } from './support/tempdir.ts';

const day = 86_400_000;

test('turns over at its size, keeps so many files, all of them private, and loses no line on the way', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'daemon.log');
  await writeFile(path, '');
  await chmod(path, 0o666); // as an older release, or a careless hand, may have left it
  const log = new LogFile(path, { maxOctets: 100, files: 3 });
  for (let n = 0; n < 20; n++) log.write(`${JSON.stringify({ n, pad: 'x'.repeat(20) })}\n`);
  log.close();
  const names = (await readdir(dir.path)).sort();
  expect(names).toEqual(['daemon.log', 'daemon.log.1', 'daemon.log.2']);
  const numbers: number[] = [];
  for (const name of names.reverse()) {
    const { mode, size } = await stat(join(dir.path, name));
    expect([name, (mode & 0o777).toString(8), size <= 100]).toEqual([name, '600', true]);
    for (const line of (await readFile(join(dir.path, name), 'utf8')).trimEnd().split('\n')) numbers.push(JSON.parse(line).n);
  }
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => 20 - numbers.length + n));
});

test('turns over on opening when the last run left it full, and when it has grown old', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'daemon.log');
  await writeFile(path, `${'x'.repeat(200)}\n`);
  let now = Date.now();
  const log = new LogFile(path, { maxOctets: 100, now: () => now });
  expect((await readdir(dir.path)).sort()).toEqual(['daemon.log', 'daemon.log.1']);
  log.write('{"n":1}\n');
  now += 7 * day;
  log.write('{"n":2}\n');
  log.close();
  expect(await readFile(path, 'utf8')).toBe('{"n":2}\n');
  expect(await readFile(`${path}.1`, 'utf8')).toBe('{"n":1}\n');
});

test('a record larger than the limit stands alone and whole', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'daemon.log');
  const log = new LogFile(path, { maxOctets: 50 });
  const big = `${JSON.stringify({ big: 'x'.repeat(500) })}\n`;
  log.write('{"n":1}\n');
  log.write(big);
  log.write('{"n":2}\n');
  log.close();
  expect(await readFile(`${path}.1`, 'utf8')).toBe(big);
  expect(await readFile(path, 'utf8')).toBe('{"n":2}\n');
});

test('a log that cannot be written costs lines, says how many, and never throws', async () => {
  await using dir = await tempDir();
  const folder = join(dir.path, 'log');
  await mkdir(folder);
  const path = join(folder, 'daemon.log');
  const log = new LogFile(path, { maxOctets: 30 });
  log.write(`{"n":1,"pad":"${'x'.repeat(20)}"}\n`);
  await rm(folder, { recursive: true });
  for (let n = 2; n < 5; n++) log.write(`{"n":${n}}\n`);
  await mkdir(folder);
  log.write('{"n":5}\n');
  log.close();
  const lines = (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([{ lost: 3 }, { n: 5 }]);
});

test('whatever is logged, each line parses and no byte in it moves a terminal', async () => {
  await using dir = await tempDir();
  const path = join(dir.path, 'daemon.log');
  const log = openLog('trace', { file: path });
  const hostile = [
    '\x1b]52;c;aGk=\x07',
    'a\r\n{"level":"error","msg":"forged"}',
    '\u009b31m',
    '\u202egpj.exe',
    '\u2028',
    '\0',
    '\x7f',
    '\ud800',
  ];
  for (const text of hostile) log.info({ subject: text, [text]: 1, err: new Error(text) }, text);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => log.warn({ text }, text)),
    { numRuns: 100 },
  );
  const octets = await readFile(path);
  const lines = octets.toString('utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(hostile.length + 100);
  for (const line of lines) {
    expect(() => JSON.parse(line)).not.toThrow();
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
  }
  expect(JSON.parse(lines[2] ?? '').msg).toBe('\u009b31m');
});
