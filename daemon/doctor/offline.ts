/** A home whose daemon does not answer, examined by its own files. Nothing is written but the lock that keeps a daemon from starting meanwhile. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PostroomError } from '../../protocol/errors.ts';
import { fingerprint, readIdentity } from '../../protocol/keys.ts';
import type { Places } from '../../protocol/places.ts';
import { readDaemonKey } from '../daemon-key.ts';
import { readGenerations } from '../directory/durable.ts';
import { openSecrets, type SecretStore } from '../directory/secrets.ts';
import { grantsFile, secretPlaces } from '../home.ts';
import { openExamined } from '../store/examine.ts';
import { refusalOf } from '../store/fault.ts';
import { lockHome } from '../store/lock.ts';
import type { StoreExamined } from '../store/types.ts';
import { examineFiles, examinePid, type HomeFiles } from './files.ts';
import { error, type Finding, sorted, warning, wordsOf } from './finding.ts';
import { examineMailbox } from './mailboxes.ts';
import { examineRoom, examineStore, roomAt, wayBack } from './store.ts';
import { examineEndpoints } from './system.ts';

/** `details` takes what a finding leaves out, for the log or for standard error. */
export async function examineHome(where: Places, now: number, details: (lines: readonly string[]) => void): Promise<Finding[]> {
  if (!existsSync(where.config) && !existsSync(grantsFile(where)))
    return [error('no-home', `There is no home here: ${where.config} is missing.`, 'Make one: postroom init')];
  const files = await examineFiles(where, now);
  const pid = await examinePid(where, null);
  // Taking the lock would mend the folder's mode, and hide what was found.
  if (files.findings.some(({ code }) => code.startsWith('folder-')))
    return sorted([
      ...files.findings,
      warning('store-unchecked', 'The mail store was not looked at.', 'Mend the folders first, then: postroom doctor'),
    ]);
  try {
    const lock = lockHome(where.run);
    try {
      const stopped = warning('daemon-stopped', 'No daemon runs for this home.', 'postroom daemon start');
      return sorted([stopped, ...files.findings, ...pid, ...(await examineStill(where, files, details))]);
    } finally {
      lock.release();
    }
  } catch (problem) {
    if (!(problem instanceof PostroomError)) throw problem;
    const silent = error(
      'daemon-silent',
      `The daemon (pid ${String(problem.details.pid ?? 'unknown')}) has this home and does not answer.`,
      `Look at ${join(where.logs, 'daemon.log')}; then: postroom daemon stop`,
    );
    return sorted([silent, ...files.findings]);
  }
}

/** What can be looked at while nobody else has the home. */
async function examineStill(where: Places, { config }: HomeFiles, details: (lines: readonly string[]) => void): Promise<Finding[]> {
  const findings: Finding[] = [...examineRoom(where.data, await roomAt(where.data)), ...(await examineIdentity(where))];
  const { current } = await readGenerations(grantsFile(where));
  const directory = current.kind === 'whole' ? current.directory : null;
  if (config !== null && directory !== null)
    findings.push(...(await examineEndpoints(config, where, directory.persons.filter(({ status }) => status === 'active').length)));

  let secrets: SecretStore | null = null;
  try {
    secrets = await openSecrets({ ...secretPlaces(where), commands: {}, readOnly: true });
  } catch (problem) {
    // A home that never had a password has no key for one.
    if (directory?.mailboxes.some((mailbox) => mailbox.kind === 'imap' && mailbox.secret?.kind === 'sealed') === true)
      findings.push(error('secrets-key', wordsOf(problem), 'Restore keys/ from a backup, or enter every password again.'));
  }

  let store: StoreExamined | null = null;
  try {
    store = openExamined(where.data);
  } catch (problem) {
    const damaged = refusalOf(problem) !== null;
    findings.push(
      damaged
        ? error('store', `mail.db cannot be read: ${wordsOf(problem)}.`, wayBack)
        : error('store', wordsOf(problem), 'Restore mail.db and packs/ from a backup, or run the Postroom that wrote them.'),
    );
  }
  try {
    if (store !== null) findings.push(...(await examineStore(store, details)));
    for (const mailbox of directory?.mailboxes ?? []) {
      const deps = { secrets, store, commands: Object.keys(config?.secretCommands ?? {}), live: null };
      findings.push(...(await examineMailbox(mailbox, deps, { settings: true, timeline: true, send: true })));
    }
  } finally {
    await store?.close();
  }
  return findings;
}

/** The identity in the home should be one for this home's daemon. */
async function examineIdentity(where: Places): Promise<Finding[]> {
  try {
    const identity = readIdentity(where.identity);
    if (identity === null) return [];
    const { publicKey } = await readDaemonKey(where);
    if (identity.daemonKey === publicKey || identity.nextDaemonKey === publicKey) return [];
    return [
      error(
        'identity',
        `${where.identity} trusts another daemon than this home's, whose key is ${fingerprint(publicKey)}.`,
        'Name the right file with --identity, or restore keys/ from a backup. If the key was changed: postroom identity trust KEY (postroom daemon key shows it).',
      ),
    ];
  } catch {
    return []; // files that cannot be read are findings already
  }
}
