import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, chmod, chown, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo as TcpAddress } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type LineConnection, lineConnection } from './lines.ts';
import { tempDir } from './tempdir.ts';
import { type CertificateKind, certificateAuthority } from './tls.ts';

export interface DovecotOptions {
  /** Capabilities left out of the banner: the server then looks poorer than it is (`IDLE`, `QRESYNC`, …). */
  hide?: readonly string[];
  format?: 'maildir' | 'sdbox';
  /** What is wrong with its certificate; `none`: it speaks no TLS at all. */
  tls?: CertificateKind | 'none';
}

/** One message as the server sees it. */
export interface Stored {
  uid: number;
  /** Sorted; without `\Recent`, which belongs to sessions and not to the message. */
  flags: string[];
}

/** A real Dovecot of one test's own, on loopback, with its state in a temporary directory. */
export interface Dovecot extends AsyncDisposable {
  /** `imap` offers STARTTLS, `imaps` is TLS from the first octet; the same after a restart. */
  readonly ports: { readonly imap: number; readonly imaps: number; readonly lmtp: number };
  /** The authority that its certificate comes from: as PEM, and as a file. */
  readonly ca: string;
  readonly caFile: string;
  addUser(address: string, password?: string): Promise<void>;
  /** INBOX without flags takes the way of real mail (LMTP); otherwise APPEND, with exactly these octets and flags. */
  deliver(address: string, octets: Uint8Array | string, folder?: string, flags?: readonly string[]): Promise<void>;
  /** Many messages at once, in order, by APPEND over one connection: thousands a second. */
  fill(address: string, messages: Iterable<Uint8Array | string>, folder?: string, flags?: readonly string[]): Promise<void>;
  /** Ascending by uid. */
  messages(address: string, folder?: string): Promise<Stored[]>;
  /** The octets as an IMAP client gets them. */
  octets(address: string, folder: string, uid: number): Promise<Buffer>;
  folders(address: string): Promise<string[]>;
  /** The flags are then exactly these. */
  setFlags(address: string, folder: string, uid: number, flags: readonly string[]): Promise<void>;
  expunge(address: string, folder: string, ...uids: number[]): Promise<void>;
  createFolder(address: string, folder: string): Promise<void>;
  renameFolder(address: string, from: string, to: string): Promise<void>;
  deleteFolder(address: string, folder: string): Promise<void>;
  moveMessage(address: string, uid: number, from: string, to: string): Promise<void>;
  /** The server can (or can again) not read the folder: it answers NO to whoever opens it. Of a Maildir. */
  forbid(address: string, folder: string, forbidden: boolean): Promise<void>;
  /** Gives the folder another UIDVALIDITY and answers with it. */
  resetUidValidity(address: string, folder: string): Promise<number>;
  /** Ends every connection of the user, as an administrator would. */
  kick(address: string): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  restart(): Promise<void>;
  /** Whatever it logged, for the message of a test that fails. */
  log(): string;
}

/** Dovecot refuses root as the owner of mail; these numbers need no entry in /etc/passwd. */
const mailUser = process.getuid?.() === 0 ? { uid: 5000, gid: 5000 } : { uid: userInfo().uid, gid: userInfo().gid };
const capabilities =
  'IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS THREAD=ORDEREDSUBJECT ' +
  'MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ' +
  'ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE ' +
  'LITERAL+ NOTIFY SPECIAL-USE COMPRESS=DEFLATE';

export async function startDovecot({ hide = [], format = 'maildir', tls = 'good' }: DovecotOptions = {}): Promise<Dovecot> {
  await using cleanup = new AsyncDisposableStack();
  const dir = cleanup.use(await tempDir(0o755));
  const authority = certificateAuthority('Postroom tests: IMAP');
  const at = (name: string) => join(dir.path, name);
  const passwords = new Map<string, string>();

  const { cert, key } = authority.issue(tls === 'none' ? 'good' : tls);
  await Promise.all([
    writeFile(at('ca.pem'), authority.ca),
    writeFile(at('cert.pem'), cert),
    writeFile(at('key.pem'), key, { mode: 0o600 }),
    writeFile(at('passwd'), ''),
  ]);
  await chown(dir.path, mailUser.uid, mailUser.gid); // homes are made by the mail user, below this directory

  let ports = await freePorts();
  let running: { master: ChildProcess; ended: Promise<unknown> } | undefined;
  let log = '';

  async function start(): Promise<void> {
    await writeFile(at('dovecot.conf'), configuration({ base: dir.path, ports, hide, format, tls: tls !== 'none' }));
    // Should the test be killed, the kernel ends the master, and the master its children.
    const dovecot = [sbin('dovecot'), '-F', '-c', at('dovecot.conf')];
    const [command = '', ...args] = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'TERM', ...dovecot] : dovecot;
    const master = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(master, 'close');
    running = { master, ended };

    const { promise: up, resolve, reject } = Promise.withResolvers<void>();
    master.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (text.includes('starting up')) resolve(); // its sockets listen by then
    });
    master.on('error', reject);
    ended.then(() => reject(new Error(`Dovecot ended at its start:\n${log}`)), reject);
    await up;
  }

  async function stop(): Promise<void> {
    if (!running) return;
    const { master, ended } = running;
    running = undefined;
    if (master.exitCode !== null || master.signalCode !== null) return;
    // Asked politely, the master waits for its children in steps of a second; they, asked themselves, end at once.
    const children = master.pid === undefined ? [] : await childrenOf(master.pid);
    master.kill('SIGKILL');
    for (const pid of children) end(pid);
    await ended; // `close`: nobody holds its standard error any more, so no child is left
    await rm(at('run/master.pid'), { force: true });
  }
  cleanup.defer(stop);

  // A port that was free may be taken a moment later by a test in another process.
  for (let attempts = 5; ; attempts--) {
    try {
      await start();
      break;
    } catch (error) {
      if (attempts === 0 || !log.includes('Address already in use')) throw error;
      log = '';
      ports = await freePorts();
    }
  }

  const doveadm = async (...args: string[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    execFile('doveadm', ['-c', at('dovecot.conf'), ...args], { ...withSbin, encoding: 'buffer' }, (error, stdout, stderr) =>
      error ? reject(new Error(`doveadm ${args.join(' ')}: ${stderr.toString().trim()}`, { cause: error })) : resolve(stdout),
    );
    return promise;
  };

  async function lmtp(address: string, octets: Uint8Array | string): Promise<void> {
    using connection = await lineConnection(ports.lmtp);
    const say = async (command: string | Buffer, expected: string) => {
      await connection.write(command);
      let line = await connection.line();
      while (line[3] === '-') line = await connection.line();
      if (!line.startsWith(expected)) throw new Error(`LMTP delivery to ${address}: ${line}`);
    };
    await say('', '220');
    await say('LHLO localhost\r\n', '250');
    await say('MAIL FROM:<>\r\n', '250');
    await say(`RCPT TO:<${address}>\r\n`, '250');
    await say('DATA\r\n', '354');
    await say(dotStuffed(octets), '250');
  }

  async function append(address: string, messages: Iterable<Uint8Array | string>, folder: string, flags: readonly string[]): Promise<void> {
    using connection = await imapLogin(ports.imap, address, passwords.get(address) ?? '');
    // MULTIAPPEND (RFC 3502): one transaction for many, else each message costs the server an index update of its own.
    for (const batch of batches(messages, 500)) {
      await connection.write(`a APPEND ${quoted(folder)}`);
      for (const message of batch) {
        const octets = Buffer.from(message);
        await connection.write(` (${flags.join(' ')}) {${octets.length}+}\r\n`);
        await connection.write(octets);
      }
      await connection.write('\r\n');
      const answer = await connection.lineThat((line) => line.startsWith('a '));
      if (!answer.startsWith('a OK')) throw new Error(`APPEND to ${folder} of ${address}: ${answer}`);
    }
  }

  const owned = cleanup.move();
  return {
    get ports() {
      return ports;
    },
    ca: authority.ca,
    caFile: at('ca.pem'),
    log: () => log,
    start,
    stop,
    async restart() {
      await stop();
      await start();
    },
    async addUser(address, password = 'secret') {
      passwords.set(address, password);
      const sealed = Buffer.from(password).toString('base64');
      await appendFile(at('passwd'), `${address}:{PLAIN.b64}${sealed}:${mailUser.uid}:${mailUser.gid}::${at(`home/${address}`)}::\n`);
    },
    async deliver(address, octets, folder = 'INBOX', flags = []) {
      if (folder === 'INBOX' && flags.length === 0) await lmtp(address, octets);
      else await append(address, [octets], folder, flags);
    },
    fill: (address, messages, folder = 'INBOX', flags = []) => append(address, messages, folder, flags),
    async messages(address, folder = 'INBOX') {
      const rows = JSON.parse((await doveadm('-f', 'json', 'fetch', '-u', address, 'uid flags', 'mailbox', folder)).toString() || '[]');
      return (rows as { uid: string; flags: string }[])
        .map(({ uid, flags }) => ({
          uid: Number(uid),
          flags: flags
            .split(' ')
            .filter((flag) => flag !== '' && flag !== '\\Recent')
            .sort(),
        }))
        .sort((a, b) => a.uid - b.uid);
    },
    async octets(address, folder, uid) {
      using connection = await imapLogin(ports.imap, address, passwords.get(address) ?? '');
      await connection.write(`a EXAMINE ${quoted(folder)}\r\n`);
      await connection.lineThat((line) => line.startsWith('a OK'));
      await connection.write(`b UID FETCH ${uid} BODY.PEEK[]\r\n`);
      const size = /\{(\d+)\}$/.exec(await connection.lineThat((line) => line.startsWith('b ') || line.endsWith('}')))?.[1];
      if (size === undefined) throw new Error(`There is no message ${uid} in ${folder} of ${address}`);
      return connection.octets(Number(size));
    },
    async folders(address) {
      return (await doveadm('mailbox', 'list', '-u', address)).toString().trim().split('\n').sort();
    },
    async setFlags(address, folder, uid, flags) {
      await doveadm('flags', 'replace', '-u', address, flags.join(' '), 'mailbox', folder, 'uid', String(uid));
    },
    async expunge(address, folder, ...uids) {
      await doveadm('expunge', '-u', address, 'mailbox', folder, 'uid', uids.join(','));
    },
    async createFolder(address, folder) {
      await doveadm('mailbox', 'create', '-u', address, '-s', folder);
    },
    async renameFolder(address, from, to) {
      await doveadm('mailbox', 'rename', '-u', address, from, to);
    },
    async deleteFolder(address, folder) {
      await doveadm('mailbox', 'delete', '-u', address, '-s', folder);
    },
    async moveMessage(address, uid, from, to) {
      await doveadm('move', '-u', address, to, 'mailbox', from, 'uid', String(uid));
    },
    async forbid(address, folder, forbidden) {
      await chmod(at(`home/${address}/Maildir/.${mutf7(folder).replaceAll('/', '.')}`), forbidden ? 0 : 0o700);
    },
    async resetUidValidity(address, folder) {
      const status = (await doveadm('mailbox', 'status', '-u', address, 'uidvalidity', folder)).toString();
      const next = Number(/uidvalidity=(\d+)/.exec(status)?.[1]) + 1000;
      await doveadm('mailbox', 'update', '-u', address, '--uid-validity', String(next), folder);
      return next;
    },
    async kick(address) {
      const connected = (await doveadm('-f', 'flow', 'who', '-1', address)).toString();
      if (connected.includes(address)) await doveadm('kick', address); // it fails when there is nobody
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function* batches<Item>(items: Iterable<Item>, size: number): Generator<Item[]> {
  let batch: Item[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function imapLogin(port: number, address: string, password: string): Promise<LineConnection> {
  const connection = await lineConnection(port);
  const credentials = Buffer.from(`\0${address}\0${password}`).toString('base64');
  await connection.write(`l AUTHENTICATE PLAIN ${credentials}\r\n`);
  const answer = await connection.lineThat((line) => line.startsWith('l '));
  if (!answer.startsWith('l OK')) throw new Error(`IMAP login of ${address}: ${answer}`);
  return connection;
}

/** A folder's name as IMAP4rev1 has it on the wire (RFC 3501, section 5.1.3). */
function mutf7(folder: string): string {
  const base64 = (text: string) => Buffer.from(text, 'utf16le').swap16().toString('base64').replace(/=+$/, '').replaceAll('/', ',');
  return folder.replaceAll('&', '&-').replace(/[^\x20-\x7e]+/g, (text) => `&${base64(text)}-`);
}

const quoted = (folder: string): string => `"${mutf7(folder).replace(/["\\]/g, '\\$&')}"`;

/** The body of DATA: CRLF line ends, a dot before each dot that begins a line, and the end mark (RFC 5321, section 4.5.2). */
function dotStuffed(octets: Uint8Array | string): Buffer {
  const text = Buffer.from(octets).toString('latin1').replace(/\r?\n/g, '\r\n').replace(/^\./gm, '..');
  return Buffer.from(`${text}${text.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1');
}

/** Held open together, so that they differ. */
async function freePorts(): Promise<{ imap: number; imaps: number; lmtp: number }> {
  const servers = [createServer(), createServer(), createServer()];
  await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const [imap = 0, imaps = 0, lmtp = 0] = servers.map((server) => (server.address() as TcpAddress).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return { imap, imaps, lmtp };
}

async function childrenOf(pid: number): Promise<number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return list.split(' ').filter(Boolean).map(Number);
}

/** Tells a process to end, unless it has just done so. */
function end(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Debian keeps Dovecot where a plain PATH does not look. */
const withSbin = { env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` } };

function sbin(name: string): string {
  const places = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin'].map((place) => join(place, name));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`${name} is not installed: npm test installs it, or says how`);
  return found;
}

interface Configuration {
  base: string;
  ports: { imap: number; imaps: number; lmtp: number };
  hide: readonly string[];
  format: 'maildir' | 'sdbox';
  tls: boolean;
}

function configuration({ base, ports, hide, format, tls }: Configuration): string {
  const own = (flag: string) => execFileSync('id', [flag], { encoding: 'utf8' }).trim();
  // Without root there is one account for everything, and Dovecot wants it by name.
  const accounts =
    process.getuid?.() === 0
      ? ''
      : `default_internal_user = ${own('-un')}\ndefault_login_user = ${own('-un')}\ndefault_internal_group = ${own('-gn')}`;
  return `
base_dir = ${base}/run
state_dir = ${base}/run
instance_name = ${base}
log_path = /dev/stderr
protocols = imap lmtp
listen = 127.0.0.1
${accounts}
first_valid_uid = ${mailUser.uid}
first_valid_gid = ${mailUser.gid}
ssl = ${tls ? 'yes' : 'no'}
ssl_cert = <${base}/cert.pem
ssl_key = <${base}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = ${format === 'maildir' ? 'maildir:~/Maildir' : 'sdbox:~/mail'}
# The tests never pull the plug on Dovecot.
mail_fsync = never
mail_max_userip_connections = 100
mailbox_list_index = yes
lmtp_add_received_header = no
passdb {
  driver = passwd-file
  args = username_format=%u ${base}/passwd
}
userdb {
  driver = passwd-file
  args = username_format=%u ${base}/passwd
}
namespace inbox {
  inbox = yes
  separator = /
${['Drafts', 'Sent', 'Trash', 'Archive', 'Junk'].map((name) => `  mailbox ${name} {\n    auto = create\n    special_use = \\${name}\n  }`).join('\n')}
}
protocol imap {
${
  hide.length > 0
    ? `  imap_capability = ${capabilities
        .split(' ')
        .filter((name) => !hide.includes(name))
        .join(' ')}`
    : ''
}
}
protocol lmtp {
  lmtp_hdr_delivery_address = none
}
service imap-login {
  chroot =
  # One process for all log-ins, ready before the first.
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    address = 127.0.0.1
    port = ${ports.imap}
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = ${tls ? ports.imaps : 0}
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${ports.lmtp}
  }
}
service anvil {
  # A wrong password would make the next logins of this address wait for seconds.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
  chroot =
}
`;
}
