/** The systemd unit of docs/: systemd takes every line of it, and what docs/headless.md promises stands in it. */
import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { credentialName } from '../daemon/directory/secrets.ts';
import { tempDir } from './support/tempdir.ts';

const docs = join(import.meta.dirname, '..', 'docs');
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

test('the unit names the credential that the daemon looks for, and closes what it must', async () => {
  const unit = await readFile(join(docs, 'postroom.service'), 'utf8');
  const settings = new Map(unit.split('\n').flatMap((line) => (/^\w+=/.test(line) ? [line.split(/=(.*)/, 2) as [string, string]] : [])));
  expect(settings.get('LoadCredential')).toMatch(new RegExp(`^${credentialName}:/`));
  expect(Object.fromEntries(settings)).toMatchObject({ LimitCORE: '0', UMask: '0077', NoNewPrivileges: 'yes', ProtectSystem: 'strict' });
  expect(await readFile(join(docs, 'headless.md'), 'utf8')).toContain('(postroom.service)');
});

test.skipIf(!hasSystemd)('systemd-analyze verify accepts the unit [needs systemd-analyze]', async () => {
  await using dir = await tempDir();
  const unit = await readFile(join(docs, 'postroom.service'), 'utf8');
  const path = join(dir.path, 'postroom.service');
  // The program is not installed where this test runs; everything else is as it stands.
  await writeFile(path, unit.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true').replace(/^Documentation=.*\n/m, ''));
  const { stdout, stderr } = await promisify(execFile)('systemd-analyze', ['verify', path]);
  const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('postroom.service'));
  expect(said).toEqual([]);
});
