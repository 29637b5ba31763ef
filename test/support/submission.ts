import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer, type Server, type Socket, type AddressInfo as TcpAddress } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { ConnectionEnded, lineReader } from './lines.ts';
import { type CertificateKind, certificateAuthority } from './tls.ts';

/** Where in the dialogue a fault strikes. `body` is in the middle of the mail, `dot` after its last octet. */
export type Step = 'connect' | 'ehlo' | 'starttls' | 'auth' | 'mail' | 'rcpt' | 'data' | 'body' | 'dot';

/** One fault. It strikes `times` times (once, when not said); then the server is honest again. */
export interface Fault {
  at: Step;
  /** `at: 'rcpt'`: only for this recipient. */
  recipient?: string;
  times?: number;
  /** How long the server waits first. With nothing else said, the honest reply follows. */
  delayMs?: number;
  /** Sent as it stands in place of the honest reply, a line end added: `451 4.3.0 Try later`. With 2 or 3 the dialogue goes on. */
  reply?: string;
  /**
   * In place of any reply. `drop`: the connection is reset. `close`: it is ended in order. `stall`: silence until `release()`,
   * then the honest reply. `die`: every connection is reset, and the server listens no more until `revive()`.
   */
  end?: 'drop' | 'close' | 'stall' | 'die';
  /** `at: 'body'`: after so many octets of the mail. */
  afterOctets?: number;
  /** `at: 'dot'`: the server takes the mail all the same, and the sender does not learn of it. */
  accept?: boolean;
}

/** One mail that the server has taken responsibility for. */
export interface Accepted {
  readonly messageId: string;
  /** Of the octets, hexadecimal. */
  readonly sha256: string;
  /** As the author sent them: dots unstuffed, without the end mark. */
  readonly octets: Buffer;
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  readonly user: string | null;
}

export interface SubmissionOptions {
  /** `starttls`: offered, and nothing but EHLO goes without it. `tls`: from the first octet. */
  security?: 'starttls' | 'tls' | 'plain';
  certificate?: CertificateKind;
  /** Passwords by user; null: nobody needs to authenticate. */
  users?: Readonly<Record<string, string>> | null;
  /** What EHLO offers, beside STARTTLS and AUTH. */
  extensions?: readonly string[];
  faults?: readonly Fault[];
}

/** A submission server on loopback that fails when and how a test wants it to. Its ledger is the judge of "lost" and "doubled". */
export interface Submission extends AsyncDisposable {
  readonly port: number;
  /** As `mailbox add --smtp` takes it. */
  readonly url: string;
  /** The authority that its certificate comes from, PEM. */
  readonly ca: string;
  readonly ledger: readonly Accepted[];
  /** Every command that came, in order; credentials left out. */
  readonly commands: readonly string[];
  /** How often credentials came over a connection without TLS. */
  readonly exposed: number;
  /** How often a mail with this Message-ID was taken: 0 is not sent, 2 is doubled. */
  count(messageId: string): number;
  /** The ledger, as soon as it has `count` mails. */
  accepted(count: number, timeoutMs?: number): Promise<readonly Accepted[]>;
  /** As soon as this step has been reached `times` times since the start: to act in the middle of a dialogue. */
  reached(step: Step, times?: number, timeoutMs?: number): Promise<void>;
  /** How often this step has been reached since the start. */
  seen(step: Step): number;
  /** Adds faults; of two that fit, the older strikes first. */
  fail(...faults: Fault[]): void;
  /** Lets stalled dialogues go on. */
  release(): void;
  die(): Promise<void>;
  revive(): Promise<void>;
}

const honestExtensions = ['8BITMIME', 'SIZE 35882577', 'PIPELINING', 'ENHANCEDSTATUSCODES'];

export async function startSubmission(options: SubmissionOptions = {}): Promise<Submission> {
  const { security = 'starttls', certificate = 'good', faults = [] } = options;
  const authority = certificateAuthority('Postroom tests: SMTP');
  const stage = new Stage(options, createSecureContext(authority.issue(certificate)));
  stage.fail(faults);
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;

  async function revive(): Promise<void> {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      new Dialogue(stage, socket).run().catch((error) => {
        // Half of the tests are about senders that go away in the middle; anything else is a mistake in this file.
        if (!(error instanceof ConnectionEnded)) throw error;
      });
    });
    await once(server.listen(port, '127.0.0.1'), 'listening');
    port = (server.address() as TcpAddress).port;
  }

  async function die(): Promise<void> {
    if (!server?.listening) return;
    const closed = once(server.close(), 'close');
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  }
  stage.die = die;

  await revive();
  return {
    port,
    url: `${security === 'tls' ? 'smtps' : 'smtp'}://localhost:${port}${security === 'plain' ? '?tls=no' : ''}`,
    ca: authority.ca,
    ledger: stage.ledger,
    commands: stage.commands,
    get exposed() {
      return stage.exposed;
    },
    count: (messageId) => stage.ledger.filter((mail) => mail.messageId === messageId).length,
    async accepted(count, timeoutMs) {
      await stage.until(`${count} mails in the ledger`, () => stage.ledger.length >= count, timeoutMs);
      return stage.ledger;
    },
    reached: (step, times = 1, timeoutMs) => stage.until(`step ${step}`, () => (stage.reached.get(step) ?? 0) >= times, timeoutMs),
    seen: (step) => stage.reached.get(step) ?? 0,
    fail: (...more) => stage.fail(more),
    release: () => void stage.changes.emit('release'),
    die,
    revive,
    [Symbol.asyncDispose]: die,
  };
}

/** What all dialogues share: the faults to come, and what has been seen so far. */
class Stage {
  readonly options: SubmissionOptions;
  readonly secureContext: SecureContext;
  readonly ledger: Accepted[] = [];
  readonly commands: string[] = [];
  readonly reached = new Map<Step, number>();
  readonly changes = new EventEmitter().setMaxListeners(0);
  exposed = 0;
  die: () => Promise<void> = async () => {};
  #faults: { fault: Fault; left: number }[] = [];

  constructor(options: SubmissionOptions, secureContext: SecureContext) {
    this.options = options;
    this.secureContext = secureContext;
  }

  fail(faults: readonly Fault[]): void {
    this.#faults.push(...faults.map((fault) => ({ fault, left: fault.times ?? 1 })));
  }

  /** Counts the step, and takes the fault that waits there. */
  reach(step: Step, recipient?: string): Fault | undefined {
    this.reached.set(step, (this.reached.get(step) ?? 0) + 1);
    this.changes.emit('change');
    const due = this.#faults.find(({ fault, left }) => left > 0 && fault.at === step && (fault.recipient ?? recipient) === recipient);
    if (due) due.left--;
    return due?.fault;
  }

  accept(mail: Accepted): void {
    this.ledger.push(mail);
    this.changes.emit('change');
  }

  async until(what: string, done: () => boolean, timeoutMs = 30_000): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs);
    while (!done()) {
      await once(this.changes, 'change', { signal }).catch((cause) => {
        throw new Error(`Waited ${timeoutMs} ms for ${what}. Commands so far:\n${this.commands.join('\n')}`, { cause });
      });
    }
  }
}

/** How a step ended. `refused`: the sender got a 4xx or 5xx. `over`: nothing more will be said on this connection. */
type Outcome = 'done' | 'refused' | 'over';

/** The conversation with one sender. */
class Dialogue {
  readonly #stage: Stage;
  readonly #raw: Socket;
  #wire: Socket;
  #reader: ReturnType<typeof lineReader>;
  #encrypted: boolean;
  #user: string | null = null;
  #mailFrom: string | null = null;
  #rcptTo: string[] = [];

  constructor(stage: Stage, socket: Socket) {
    this.#stage = stage;
    this.#raw = socket;
    this.#wire = socket;
    this.#encrypted = stage.options.security === 'tls';
    this.#reader = lineReader(socket);
    if (this.#encrypted) this.#encrypt();
  }

  async run(): Promise<void> {
    let outcome = await this.#step('connect', '220 submission.example ESMTP');
    while (outcome !== 'over') {
      const line = await this.#reader.line();
      const [verb = '', argument = ''] = [line.split(' ', 1)[0]?.toUpperCase(), line.slice(line.indexOf(' ') + 1)];
      this.#stage.commands.push(verb === 'AUTH' ? `AUTH ${argument.split(' ', 1)[0]}` : line);
      outcome = await this.#command(verb, argument);
    }
    this.#wire.end();
  }

  async #command(verb: string, argument: string): Promise<Outcome> {
    const { security = 'starttls', users = defaultUsers } = this.#stage.options;
    if (security === 'starttls' && !this.#encrypted && !['EHLO', 'HELO', 'STARTTLS', 'QUIT', 'NOOP', 'RSET'].includes(verb)) {
      if (verb === 'AUTH') this.#stage.exposed++;
      return this.#say('530 5.7.0 STARTTLS first');
    }
    switch (verb) {
      case 'EHLO':
      case 'HELO':
        return this.#step('ehlo', multiline('250', ['submission.example', ...(verb === 'EHLO' ? this.#offers() : [])]));
      case 'STARTTLS':
        return this.#startTls();
      case 'AUTH':
        return this.#authenticate(argument);
      case 'MAIL': {
        if (users && this.#user === null) return this.#say('530 5.7.0 Authentication required');
        const outcome = await this.#step('mail', '250 2.1.0 OK');
        if (outcome === 'done') [this.#mailFrom, this.#rcptTo] = [path(argument), []];
        return outcome;
      }
      case 'RCPT': {
        if (this.#mailFrom === null) return this.#say('503 5.5.1 MAIL first');
        const outcome = await this.#step('rcpt', '250 2.1.5 OK', path(argument));
        if (outcome === 'done') this.#rcptTo.push(path(argument));
        return outcome;
      }
      case 'DATA':
        return this.#data();
      case 'RSET':
        [this.#mailFrom, this.#rcptTo] = [null, []];
        return this.#say('250 2.0.0 OK');
      case 'NOOP':
        return this.#say('250 2.0.0 OK');
      case 'QUIT':
        this.#say('221 2.0.0 Bye');
        return 'over';
      default:
        return this.#say('502 5.5.2 Not known here');
    }
  }

  #offers(): string[] {
    const { security = 'starttls', users = defaultUsers, extensions = honestExtensions } = this.#stage.options;
    const open = security === 'plain' || this.#encrypted;
    return [...extensions, ...(open ? [] : ['STARTTLS']), ...(users && open ? ['AUTH PLAIN LOGIN'] : [])];
  }

  async #startTls(): Promise<Outcome> {
    if (this.#encrypted) return this.#say('503 5.5.1 TLS is on already');
    const outcome = await this.#step('starttls', '220 2.0.0 Go ahead');
    if (outcome === 'done') this.#encrypt();
    return outcome;
  }

  #encrypt(): void {
    this.#reader.detach();
    this.#wire = new TLSSocket(this.#raw, { isServer: true, secureContext: this.#stage.secureContext });
    this.#reader = lineReader(this.#wire);
    this.#encrypted = true;
  }

  async #authenticate(argument: string): Promise<Outcome> {
    if (!this.#encrypted) this.#stage.exposed++;
    const [mechanism = '', initial] = argument.split(' ');
    const ask = async (prompt: string) => {
      this.#say(`334 ${Buffer.from(prompt).toString('base64')}`);
      return decoded(await this.#reader.line());
    };
    let user = '';
    let password = '';
    if (mechanism.toUpperCase() === 'PLAIN') {
      [, user = '', password = ''] = (initial === undefined ? await ask('') : decoded(initial)).split('\0');
    } else if (mechanism.toUpperCase() === 'LOGIN') {
      user = initial === undefined ? await ask('Username:') : decoded(initial);
      password = await ask('Password:');
    } else return this.#say('504 5.5.4 No such mechanism');

    const known = (this.#stage.options.users ?? defaultUsers)[user] === password;
    const outcome = await this.#step('auth', known ? '235 2.7.0 Welcome' : '535 5.7.8 Wrong user or password');
    if (outcome === 'done' && known) this.#user = user;
    return outcome;
  }

  async #data(): Promise<Outcome> {
    const [mailFrom, rcptTo] = [this.#mailFrom, this.#rcptTo];
    if (mailFrom === null || rcptTo.length === 0) return this.#say('503 5.5.1 No valid recipients');
    const ready = await this.#step('data', '354 Go ahead');
    if (ready !== 'done') return ready;

    await this.#reader.atLeast(1); // the step is the mail itself, not the 354 before it
    const inBody = this.#stage.reach('body');
    if (inBody) {
      await this.#reader.atLeast(inBody.afterOctets ?? 1);
      const struck = await this.#strike(inBody);
      if (struck === 'over') return 'over';
    }
    const octets = await this.#body();
    [this.#mailFrom, this.#rcptTo] = [null, []];

    const fault = this.#stage.reach('dot');
    const accept = () => this.#stage.accept({ ...identity(octets), octets, mailFrom, rcptTo, user: this.#user });
    // The mail is the server's before its reply leaves: that is what the sender cannot see when the reply is lost.
    const taken = fault === undefined || (fault.accept ?? fault.reply?.startsWith('2') ?? fault.end === undefined);
    if (taken) accept();
    const outcome = fault ? await this.#strike(fault) : 'honest';
    if (outcome !== 'honest') return outcome;
    if (!taken) accept(); // stalled, and released
    return this.#say('250 2.0.0 Accepted');
  }

  /** The mail as its author sent it: read up to the dot, dots unstuffed. */
  async #body(): Promise<Buffer> {
    const first = await this.#reader.octets(3);
    if (first.toString() === '.\r\n') return Buffer.alloc(0);
    const rest = await this.#reader.upTo('\r\n.\r\n');
    const stuffed = Buffer.concat([first, rest.subarray(0, -3)]).toString('latin1');
    return Buffer.from(stuffed.replace(/(^|\r\n)\./g, '$1'), 'latin1');
  }

  /** One step: the fault that waits there, or the honest reply. */
  async #step(step: Step, honest: string, recipient?: string): Promise<Outcome> {
    const fault = this.#stage.reach(step, recipient);
    const outcome = fault ? await this.#strike(fault) : 'honest';
    return outcome === 'honest' ? this.#say(honest) : outcome;
  }

  async #strike(fault: Fault): Promise<Outcome | 'honest'> {
    if (fault.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    switch (fault.end) {
      case undefined:
        return fault.reply === undefined ? 'honest' : this.#say(fault.reply);
      case 'stall':
        await Promise.race([once(this.#stage.changes, 'release'), once(this.#raw, 'close')]);
        return this.#raw.destroyed ? 'over' : 'honest';
      case 'drop':
        this.#raw.resetAndDestroy();
        return 'over';
      case 'close':
        return 'over';
      case 'die':
        await this.#stage.die();
        return 'over';
      default:
        return fault.end satisfies never;
    }
  }

  #say(reply: string): Outcome {
    this.#wire.write(`${reply}\r\n`);
    if (reply.startsWith('421')) return 'over';
    return /^[45]/.test(reply) ? 'refused' : 'done';
  }
}

const defaultUsers: Readonly<Record<string, string>> = { postroom: 'secret' };

const decoded = (base64: string) => Buffer.from(base64, 'base64').toString();
const path = (argument: string) => /<([^>]*)>/.exec(argument)?.[1] ?? argument;
const multiline = (code: string, lines: readonly string[]) =>
  lines.map((line, i) => `${code}${i === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n');

function identity(octets: Buffer): { messageId: string; sha256: string } {
  const head = octets.toString('latin1').split('\r\n\r\n', 1)[0] ?? '';
  const messageId = /^message-id:\s*(<[^>\r\n]*>)/im.exec(head)?.[1] ?? '';
  return { messageId, sha256: createHash('sha256').update(octets).digest('hex') };
}
