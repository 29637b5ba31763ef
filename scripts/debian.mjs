import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';

const packages = {
  /** What the tests run against, and are driven by. */
  tests: ['dovecot-imapd', 'dovecot-lmtpd', 'tmux', 'openssl'],
  /** What the benchmarks run against, and the peers that they are measured beside. */
  benchmarks: ['dovecot-imapd', 'dovecot-lmtpd', 'openssl', 'isync', 'notmuch'],
};
// dpkg calls programs that a plain PATH does not reach.
const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
const install = ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'];

/** Installs what `purpose` (a key of `packages`) needs and is missing, as root; says how to, and throws, when it may not. */
export function installDebianPackages(purpose = 'tests') {
  const missing = missingPackages(purpose);
  if (missing.length === 0) return;
  const byHand = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0) {
    throw new Error(`the ${purpose} need Debian packages that are missing. Run this once:\n  sudo sh -c '${byHand}'`);
  }
  process.stderr.write(`postroom: installing Debian packages for the ${purpose}: ${missing.join(' ')}\n`);
  withoutServices(() => {
    if (!haveLists()) apt('update', '-q');
    if (apt(...install, ...missing)) return;
    apt('update', '-q'); // lists that are too old name packages that are gone
    if (!apt(...install, ...missing)) throw new Error(`apt-get could not install ${missing.join(' ')}: see above. By hand: ${byHand}`);
  });
}

function missingPackages(purpose) {
  const wanted = packages[purpose];
  const { stdout, error } = spawnSync('dpkg-query', ['-W', '-f', `\${Package} \${db:Status-Status}\n`, ...wanted], {
    env,
    encoding: 'utf8',
  });
  if (error) throw new Error(`the ${purpose} need ${wanted.join(', ')} as Debian packages, and this system has no dpkg`, { cause: error });
  return wanted.filter((name) => !stdout.includes(`${name} installed`));
}

const haveLists = () => readdirSync('/var/lib/apt/lists').some((name) => name.includes('_Packages'));

/** True when it ended well. Its words go to standard error: standard output belongs to whoever called. */
function apt(...args) {
  return spawnSync('apt-get', args, { env, stdio: ['ignore', process.stderr, process.stderr] }).status === 0;
}

/** Keeps Debian from starting a system-wide Dovecot (policy-rc.d: 101 forbids): the tests bring up their own. */
function withoutServices(action) {
  const policy = '/usr/sbin/policy-rc.d';
  let ours = false;
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
    ours = true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error; // an administrator's own policy stays
  }
  try {
    action();
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

/** `node scripts/debian.mjs PURPOSE`, for callers that go on without what could not be installed. */
if (import.meta.main) {
  try {
    installDebianPackages(process.argv[2]);
  } catch (error) {
    process.stderr.write(`postroom: ${error.message}\n`);
    process.exitCode = 1;
  }
}
