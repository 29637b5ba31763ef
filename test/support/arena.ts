/**
 * A daemon in a process of its own that is fed mail octet for octet over SMTP, and looked after from outside: its memory, its event loop,
 * its log. For tests that ask what hostile mails and hostile clients do to it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, connect } from '../../protocol/client.ts';
import { decodeInvitation, type Identity, newKeyPair } from '../../protocol/keys.ts';
import type { Result } from '../../protocol/methods.ts';
import { type LineConnection, lineConnection } from './lines.ts';
import { DaemonProcess } from './process.ts';

export const arenaDomain = 'harbour.example';

export class Arena implements AsyncDisposable {
  readonly eva: Client;
  readonly #daemon: DaemonProcess;
  readonly #clients: Client[] = [];

  private constructor(daemon: DaemonProcess, eva: Client) {
    this.#daemon = daemon;
    this.eva = eva;
  }

  static async open(): Promise<Arena> {
    const daemon = await DaemonProcess.start({ hosted: { domains: [arenaDomain], smtp: { port: 0 } } });
    return new Arena(daemon, await daemon.connect());
  }

  get home(): string {
    return this.#daemon.places.data;
  }

  /** A shared mailbox, and a person of the same name who may do everything in it and sees nothing else. */
  async mailbox(name: string): Promise<{ address: string; identity: Identity; identityFile: string; client: Client }> {
    const address = `${name}@${arenaDomain}`;
    await this.eva.call('mailbox.add', { address, shared: true, workFrom: null });
    const identity = await this.person(name);
    await this.eva.call('grant.set', { mailbox: address, grantee: name, access: true, send: true, setup: false });
    const identityFile = join(this.home, `${name}.identity.json`);
    await writeFile(identityFile, JSON.stringify(identity), { mode: 0o600 });
    return { address, identity, identityFile, client: await this.connect(identity) };
  }

  async person(name: string): Promise<Identity> {
    const invitation = decodeInvitation((await this.eva.call('person.add', { name })).invitation);
    const keys = newKeyPair();
    const guest = await connect({ invitation });
    await guest.call('person.join', { publicKey: keys.publicKey, label: 'arena' });
    await guest.close();
    return { person: name, endpoint: invitation.endpoint, daemonKey: invitation.daemonKey, ...keys };
  }

  async connect(identity: Identity): Promise<Client> {
    const client = await connect({ identity, connectTimeoutMs: 10_000 });
    this.#clients.push(client);
    return client;
  }

  /**
   * Delivers over one connection, in order; gives what the daemon should hold of each after its own trace lines, or null for a mail that it
   * refuses because it has gone from server to server too often.
   */
  async deliver(to: string, mails: Iterable<Uint8Array>): Promise<(Buffer | null)[]> {
    using smtp = await lineConnection(await this.smtpPort());
    const said: Expect = async (wanted, what, otherwise = wanted) => {
      const line = await smtp.lineThat((one) => /^\d{3} /.test(one));
      if (!line.startsWith(wanted) && !line.startsWith(otherwise)) throw new Error(`${what}: ${line}`);
      return line.startsWith(wanted);
    };
    await said('220', 'greeting');
    await smtp.write('EHLO arena.example\r\n');
    await said('250', 'EHLO');
    const sent: (Buffer | null)[] = [];
    for (const octets of mails) {
      const whole = endsItsLine(octets);
      sent.push((await transact(smtp, said, to, whole)) ? whole : null);
    }
    return sent;
  }

  async smtpPort(): Promise<number> {
    const running = (await this.log()).findLast((line) => typeof line.smtpPort === 'number');
    if (running === undefined) throw new Error('the daemon did not say where it receives');
    return Number(running.smtpPort);
  }

  async log(): Promise<Record<string, unknown>[]> {
    const text = await readFile(join(this.#daemon.places.logs, 'daemon.log'), 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** What the daemon itself calls an error: there is none that a mail or a client should be able to make. */
  async errors(): Promise<string[]> {
    return (await this.log())
      .filter(({ level }) => level === 'error' || level === 'fatal')
      .map((line) => JSON.stringify(line).slice(0, 2_000));
  }

  status(): Promise<Result<'daemon.status'>> {
    return this.eva.call('daemon.status', {});
  }

  /** Resident memory now and at its highest, in megabytes. */
  async memory(): Promise<{ nowMb: number; peakMb: number }> {
    const { pid } = await this.status();
    const text = await readFile(`/proc/${pid}/status`, 'utf8');
    const of = (name: string): number => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1_024);
    return { nowMb: of('VmRSS'), peakMb: of('VmHWM') };
  }

  /** Threads of the daemon, those of the runtime too. */
  async threads(): Promise<number> {
    const { pid } = await this.status();
    return Number(/^Threads:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
  }

  /** What the store's own checks find; the daemon is stopped by it. */
  check(): Promise<string[]> {
    return this.#daemon.check();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.eva.close();
    await this.#daemon[Symbol.asyncDispose]();
  }
}

const crlf = Buffer.from('\r\n');

/** SMTP ends a mail after a line. */
function endsItsLine(octets: Uint8Array): Buffer {
  const whole = Buffer.from(octets);
  return whole.subarray(-2).equals(crlf) ? whole : Buffer.concat([whole, crlf]);
}

/** Waits for a reply; false when it is the other one that was to be expected. */
type Expect = (wanted: string, what: string, otherwise?: string) => Promise<boolean>;

async function transact(smtp: LineConnection, said: Expect, to: string, octets: Buffer): Promise<boolean> {
  await smtp.write('MAIL FROM:<mallory@evil.example>\r\n');
  await said('250', 'MAIL');
  await smtp.write(`RCPT TO:<${to}>\r\n`);
  await said('250', 'RCPT');
  await smtp.write('DATA\r\n');
  await said('354', 'DATA');
  // Dots are doubled after every line feed, since the receiver's library takes one away after bare ones, too.
  const text = octets.toString('latin1').replace(/(^|\n)\./g, '$1..');
  await smtp.write(Buffer.from(`${text}.\r\n`, 'latin1'));
  return said('250', 'the end of the mail', '554 5.4.6');
}
