/** The programs that Postroom is measured beside: mbsync (Debian's isync) and notmuch, each with a configuration of its own. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Dovecot } from '../test/support/dovecot.ts';

const execute = promisify(execFile);

/** Installs what is missing, as root. What cannot be installed is left out by the benchmarks that ask `missing`. */
export function installPeers(): void {
  spawnSync(process.execPath, [fileURLToPath(new URL('../scripts/debian.mjs', import.meta.url)), 'benchmarks'], { stdio: 'inherit' });
}

/** Those of the programs that this machine does not have. */
export const missing = (...programs: string[]): string[] => programs.filter((name) => spawnSync(name, ['--version']).error !== undefined);

/** `notmuch` over the maildirs in a directory. */
export async function notmuch(directory: string, owner: string) {
  const config = join(directory, 'notmuch.config');
  await writeFile(
    config,
    `[database]\npath=${directory}\n[user]\nprimary_email=${owner}\n[new]\ntags=inbox\nignore=notmuch.config;mbsyncrc\n`,
  );
  const env = { ...process.env, NOTMUCH_CONFIG: config };
  return async (...args: string[]): Promise<string> => (await execute('notmuch', args, { env, maxBuffer: 1e8 })).stdout;
}

/** `mbsync` of one account into the maildirs of a directory: over TLS, without deflate, as Postroom fetches. */
export async function mbsync(directory: string, { ports, caFile }: Dovecot, user: string, password: string) {
  const config = join(directory, 'mbsyncrc');
  const lines = [
    'IMAPAccount bench',
    ...['Host localhost', `Port ${ports.imaps}`, `User ${user}`, `Pass ${password}`, 'SSLType IMAPS', 'SystemCertificates no'],
    ...[`CertificateFile ${caFile}`, 'DisableExtension COMPRESS=DEFLATE', ''],
    ...['IMAPStore far', 'Account bench', ''],
    ...['MaildirStore near', `Path ${directory}/mail/`, `Inbox ${directory}/mail/INBOX`, 'SubFolders Verbatim', ''],
    ...['Channel all', 'Far :far:', 'Near :near:', 'Patterns INBOX', 'Create Near', 'Sync Pull', 'SyncState *', ''],
  ];
  await mkdir(join(directory, 'mail'));
  await writeFile(config, lines.join('\n'), { mode: 0o600 });
  return async (): Promise<void> => {
    await execute('mbsync', ['-q', '-c', config, 'all']);
  };
}
