/** A home's files as they lie on the disk: whose they are, who may open them, and whether each can be read. Changes nothing. */
import { constants } from 'node:fs';
import { access, lstat, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fingerprint, privateKeyOf } from '../../protocol/keys.ts';
import type { Places } from '../../protocol/places.ts';
import { type Config, readConfig } from '../config.ts';
import { readDaemonKey, readNextDaemonKey } from '../daemon-key.ts';
import { readGenerations } from '../directory/durable.ts';
import { isMissing } from '../directory/file.ts';
import { isOpenLoopback } from '../directory/secret-hosts.ts';
import { endpointsOf, grantsFile } from '../home.ts';
import { type HomeFile, homeFiles, problemWith } from '../home-files.ts';
import { error, type Finding, info, warning, wordsOf } from './finding.ts';

/** Levels below a home's folders that are looked at; nothing of ours is deeper. */
const depth = 4;
/** A file that is newer than now by more than this says that the clock went back. */
const futureMs = 300_000;

export type HomeFiles = { findings: Finding[]; config: Config | null };

export async function examineFiles(where: Places, now: number): Promise<HomeFiles> {
  const walked = await walk(
    [dirname(where.config), where.data, where.logs, where.run],
    new Map(homeFiles(where).map((one) => [one.path, one.kind])),
  );
  const { config, findings } = await examineConfig(where, walked.blamed);
  return {
    config,
    findings: [
      ...findings,
      ...walked.findings,
      ...(config === null ? [] : await examineSharedFolder(config, where)),
      ...(await examineGrants(where, walked.blamed)),
      ...(await examineDaemonKey(where, walked.blamed)),
      ...(walked.newest.at > now + futureMs
        ? [
            error(
              'clock-behind',
              `${walked.newest.path} is from ${new Date(walked.newest.at).toISOString()}, and this machine's clock says ${new Date(now).toISOString()}.`,
              'Set the clock (timedatectl status). Mail that is due waits until then, and grants begin and end late.',
            ),
          ]
        : []),
    ],
  };
}

// --- modes and owners --------------------------------------------------------------------------------------------

type Walked = {
  findings: Finding[] /** Paths with a finding of their own. */;
  blamed: ReadonlySet<string>;
  newest: { path: string; at: number };
};

/** What stands in the table keeps the daemon from starting; beside it only the folder around it matters. */
async function walk(roots: readonly string[], table: ReadonlyMap<string, HomeFile['kind']>): Promise<Walked> {
  const findings: Finding[] = [];
  const blamed = new Set<string>();
  const newest = { path: '', at: 0 };
  const seen = new Set<string>();

  const look = async (path: string, level: number): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    try {
      const found = await lstat(path);
      if (found.mtimeMs > newest.at) Object.assign(newest, { path, at: found.mtimeMs });
      const problem = problemWith(path, found, table.get(path) ?? null);
      if (problem !== null) {
        const level = table.has(path) || found.isDirectory() || problem.code === 'file-owner' ? error : warning;
        findings.push(level(problem.code, problem.message, problem.mend));
        blamed.add(path);
      }
      if (found.isDirectory() && level < depth) for (const name of await readdir(path)) await look(join(path, name), level + 1);
    } catch (problem) {
      if (isMissing(problem) && level > 0) return; // gone while we looked: temporary files, the journal of SQLite
      findings.push(
        isMissing(problem)
          ? error('folder-missing', `${path} is missing.`, 'Restore it from a backup; the daemon makes an empty one at its next start.')
          : error(
              'file-unreadable',
              `${path} cannot be looked at: ${wordsOf(problem)}.`,
              'Run this as the account that the daemon runs as.',
            ),
      );
      blamed.add(path);
    }
  };
  for (const root of roots) await look(root, 0);
  return { findings, blamed, newest };
}

/** The folder that `listen.ipc` shares with a group: the one place that others may enter, and nobody but the daemon may write. */
async function examineSharedFolder(config: Config, where: Places): Promise<Finding[]> {
  const shared = endpointsOf(config, where).find((one) => one.group !== null);
  if (shared === undefined) return [];
  const folder = dirname(shared.bind.slice('ipc://'.length));
  try {
    const { mode } = await lstat(folder);
    if ((mode & 0o027) === 0) return [];
    return [error('folder-open', `${folder} is open to more than its group (mode ${(mode & 0o777).toString(8)}).`, `chmod 2750 ${folder}`)];
  } catch (problem) {
    return [
      error(
        'folder-missing',
        `${folder} (listen.ipc.directory): ${wordsOf(problem)}.`,
        'Start the daemon again: it makes the folder, or says why not.',
      ),
    ];
  }
}

// --- what is in them -----------------------------------------------------------------------------------------------

async function examineConfig(where: Places, blamed: ReadonlySet<string>): Promise<HomeFiles> {
  try {
    const config = readConfig(where.config);
    return { config, findings: await examineCommands(config) };
  } catch (problem) {
    const findings = blamed.has(where.config)
      ? []
      : [error('config', wordsOf(problem), `Mend ${where.config}; the daemon does not start with it.`)];
    return { config: null, findings };
  }
}

async function examineCommands(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  // By their programs: their names are for those who may use them.
  for (const { run, hosts } of Object.values(config.secretCommands)) {
    const program = run[0] ?? '';
    const mend = 'Name a program with its whole path in its run, in secretCommands.';
    if (!program.startsWith('/')) findings.push(error('secret-command', `A secret command begins with "${program}".`, mend));
    else {
      await access(program, constants.X_OK).catch((problem: unknown) =>
        findings.push(error('secret-command', `A secret command cannot run ${program}: ${wordsOf(problem)}.`, mend)),
      );
    }
    for (const host of hosts.filter(isOpenLoopback))
      findings.push(
        warning(
          'secret-command-port',
          `The secret command that runs ${program} gives its password to every port of ${host}, whoever answers there.`,
          `Name the port too in its hosts, in secretCommands, like ${host.includes(':') ? '[::1]' : host}:993.`,
        ),
      );
  }
  return findings;
}

async function examineGrants(where: Places, blamed: ReadonlySet<string>): Promise<Finding[]> {
  const path = grantsFile(where);
  if (blamed.has(path)) return [];
  const { current, previous } = await readGenerations(path);
  const findings: Finding[] = [];
  if (current.kind !== 'whole') {
    const mend =
      previous.kind === 'whole'
        ? `The generation before it (revision ${previous.revision}) is whole. Look at both; to go back: mv ${path} ${path}.broken; cp -p ${path}.previous ${path}`
        : `Restore ${path} from a backup. Postroom does not start with guessed rights.`;
    findings.push(error('grants', `${path} ${current.kind === 'missing' ? 'is missing' : `cannot be used: ${current.problem}`}.`, mend));
  }
  if (previous.kind === 'broken' && !blamed.has(`${path}.previous`)) {
    findings.push(
      warning(
        'grants-previous',
        `${path}.previous cannot be used: ${previous.problem}.`,
        'Nothing needs it now; the next change of rights writes it anew.',
      ),
    );
  }
  return findings;
}

async function examineDaemonKey(where: Places, blamed: ReadonlySet<string>): Promise<Finding[]> {
  if (blamed.has(join(where.data, 'keys', 'daemon.json'))) return [];
  try {
    privateKeyOf(await readDaemonKey(where));
    const next = await readNextDaemonKey(where);
    if (next === null) return [];
    privateKeyOf(next);
    return [
      info(
        'daemon-key-next',
        `The daemon's next key, ${fingerprint(next.publicKey)}, is announced since ${next.announcedAt?.slice(0, 10) ?? 'today'}.`,
        'When everybody has connected once: postroom daemon stop && postroom daemon key switch && postroom daemon start',
      ),
    ];
  } catch (problem) {
    return [
      error('daemon-key', wordsOf(problem), 'Restore keys/ from a backup. A new key would make every identity and invitation worthless.'),
    ];
  }
}

/** The pid beside the lock, as `holder` has it: what a daemon that was killed leaves behind is no harm, a foreign number is. */
export async function examinePid(where: Places, holder: number | null): Promise<Finding[]> {
  const path = join(where.run, 'daemon.pid');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (problem) {
    if (!isMissing(problem)) return [error('pid-file', `${path} cannot be read: ${wordsOf(problem)}.`, `chmod 600 ${path}`)];
    if (holder === null) return [];
    return [warning('pid-file', `${path} is missing.`, `"daemon stop" cannot find the daemon. Stop it with: kill ${holder}`)];
  }
  if (holder === null)
    return [info('pid-stale', `${path} is left of a daemon that did not stop cleanly.`, 'Nothing to do: the next start writes it anew.')];
  if (text.trim() === String(holder)) return [];
  return [
    warning(
      'pid-file',
      `${path} says ${JSON.stringify(text.trim().slice(0, 20))}, the daemon is ${holder}.`,
      `Stop the daemon with: kill ${holder}; then start it.`,
    ),
  ];
}
