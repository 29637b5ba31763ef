/**
 * One attempt to hand a mail to a submission server. The one importer of the SMTP library.
 *
 * nodemailer reports a connection that dies after the final dot like one that was refused, so what an error means
 * is told by marks of our own: the body is a stream that begins when `commit` has resolved, and whose end is the last moment
 * before the final dot can be written.
 *
 * Invariants
 * - no octet of the body leaves before `commit` resolved and `refusal` said null in that same tick
 * - after the body's last octet was handed over, only a complete reply to it counts; everything else is `lost` at the `dot`
 * - credentials go over TLS that was verified, unless the address says `none`; STARTTLS is required, never tried
 * - every wait has an end: nodemailer's limits are idle times, which a server that drips defeats
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Secret } from '../directory/secrets.ts';
import type { ServerAddress, TestStep } from '../engines.ts';
import { barred, lookupWithin, type Reach, silent } from '../network.ts';
import type { Millis } from '../store/types.ts';
import { namesCertificate, tlsWords } from '../tls-words.ts';
import { sizeWords, tooLarge } from './size.ts';
import type { Outcome, Reply } from './state.ts';

export type TimeLimits = {
  connectMs: Millis;
  /** For each command, and for each piece of the body. */
  commandMs: Millis;
  finalDotMs: Millis;
  attemptMs: Millis;
};

export type Credentials = { user: string; secret: Secret } | null;

export type Submission = {
  server: ServerAddress;
  reach: Reach;
  credentials: Credentials;
  mailFrom: string;
  rcptTo: readonly string[];
  /** ASCII, CRLF, ends in CRLF: nodemailer then adds nothing but dots. */
  octets: Uint8Array;
  /** Makes it durable that the body begins, and whom RCPT refused. False: somebody else moved the row. */
  commit: (refused: ReadonlyMap<string, Reply>) => Promise<boolean>;
  /** Why the author may not send it; null when they may. */
  refusal: () => string | null;
  /** Told at each greeting how large a mail the server takes (SIZE, RFC 1870); null: it names no limit. */
  greeted: (sizeOctets: number | null) => void;
  limits: TimeLimits;
};

type Envelope = { from: string; to: string[]; size: number; rejectedErrors?: SmtpError[] };

/** How long a server that did not take a mail may take to say something else, before it is told goodbye. */
const secondReplyMs = 250;
const twice = (first: string, second: string): string => `The server answered twice: “${first}”, then “${second}”.`;

export type Attempt = {
  /** Never rejects. */
  outcome: Promise<Outcome>;
  /** Ends it as `forbidden`; false when its body has begun: then nothing happens. */
  recall(why: string): boolean;
  /** Whether the server has all of the mail and only its answer is missing. */
  handedOver(): boolean;
  /** The daemon stops: drops the connection while that is safe, else waits a little for the reply. */
  stop(): void;
};

export function submit(job: Submission): Attempt {
  const connection = new Connection(job.server, job.reach, job.limits, job.mailFrom.split('@')[1] ?? 'localhost');
  // nodemailer gathers in it what RCPT answers, and gives it to nobody when the connection is lost.
  const envelope: Envelope = { from: job.mailFrom, to: [...job.rcptTo], size: job.octets.length };
  const refused = (): Map<string, Reply> => replies(envelope.rejectedErrors);
  const body = new Body(job, connection, refused);
  const run = async (): Promise<Outcome> => {
    const sizeOctets = await connection.open();
    job.greeted(sizeOctets);
    if (sizeOctets !== null && job.octets.length > sizeOctets)
      return { kind: 'impossible', why: tooLarge(job.octets.length, { octets: sizeOctets, server: job.server.host }) };
    await connection.signIn(job.credentials);
    const info = await connection.send(envelope, body);
    if (body.mark !== 'handed-over')
      return { kind: 'lost', where: whereLost(body), why: 'The server answered before it had the mail.', refused: refused() };
    const reply = words(info.response);
    const second = await connection.secondReply(0);
    return { kind: 'accepted', reply, refused: replies(info.rejectedErrors), remark: second === null ? null : twice(reply, second) };
  };
  const outcome = run()
    .catch((error: unknown) => outcomeOf(error, body, refused()))
    .then(async (found): Promise<Outcome> => {
      if (found.kind !== 'refused' || body.mark === 'waiting') return found;
      const second = await connection.secondReply(secondReplyMs);
      if (second === null || !second.startsWith('2')) return found;
      // It said that it does not take the mail, and then that it does: sent again it would arrive twice.
      return { kind: 'lost', where: 'dot', why: twice(found.reply.text, second), refused: found.recipients };
    })
    .finally(() => connection.end());
  return {
    outcome,
    recall: (why) => {
      if (body.mark !== 'waiting') return false;
      connection.fail(new Refused(why));
      return true;
    },
    handedOver: () => body.mark === 'handed-over',
    stop: () => {
      if (body.mark === 'handed-over') connection.allow(Math.min(10_000, job.limits.finalDotMs), 'the answer, as the daemon stops');
      else connection.fail(new Error('The daemon stopped.'));
    },
  };
}

/** Tries an address without sending: each step until one fails. `sizeOctets` is undefined when the server did not get to greet. */
export async function probe(
  server: ServerAddress,
  reach: Reach,
  credentials: Credentials,
  limits: TimeLimits,
): Promise<{ steps: TestStep[]; sizeOctets?: number | null }> {
  const connection = new Connection(server, reach, limits, 'localhost');
  const steps: TestStep[] = [];
  let greeted: { sizeOctets?: number | null } = {};
  const step = async (name: string, act: () => Promise<string>): Promise<boolean> => {
    try {
      steps.push({ server: 'smtp', step: name, ok: true, message: await act() });
      return true;
    } catch (error) {
      // That something took the connection is not told either.
      const untold = error instanceof Untold;
      if (untold) steps.length = 0;
      steps.push({ server: 'smtp', step: untold ? 'connect' : name, ok: false, message: wordsOf(error) });
      return false;
    }
  };
  const connected = async (): Promise<string> => {
    await connection.dial();
    return `${server.host}:${server.port}`;
  };
  const secured = async (): Promise<string> => {
    const sizeOctets = await connection.greet();
    greeted = { sizeOctets };
    const how = server.tls === 'none' ? 'greeted; the connection is not encrypted' : 'encrypted, certificate verified';
    return sizeOctets === null ? how : `${how}; takes mails of up to ${sizeWords(sizeOctets)}`;
  };
  const signedIn = async ({ user }: { user: string }): Promise<string> => {
    await connection.signIn(credentials);
    return `as ${user}`;
  };
  (await step('connect', connected)) &&
    (await step(server.tls === 'none' ? 'greeting' : 'tls', secured)) &&
    (credentials === null || (await step('sign in', () => signedIn(credentials))));
  connection.end();
  return { steps, ...greeted };
}

// --- the body ------------------------------------------------------------------------------------------------------

/** `waiting` until the first octet is given; `handed-over` once the end was: from then on the final dot may be on its way. */
type Mark = 'waiting' | 'begun' | 'handed-over';

class Body extends Readable {
  mark: Mark = 'waiting';
  #at = 0;
  readonly #job: Submission;
  readonly #connection: Connection;
  readonly #refused: () => ReadonlyMap<string, Reply>;

  constructor(job: Submission, connection: Connection, refused: () => ReadonlyMap<string, Reply>) {
    super({ highWaterMark: 64 * 1024 });
    this.#job = job;
    this.#connection = connection;
    this.#refused = refused;
  }

  /** nodemailer reads first after 354, and once more to drain what it will not send: then the connection has failed already. */
  override _read(size: number): void {
    if (this.mark !== 'waiting') this.#give(size);
    else void this.#begin(size).catch((error: Error) => this.#connection.fail(error));
  }

  async #begin(size: number): Promise<void> {
    if (this.#connection.failed) return;
    const ours = await this.#job.commit(this.#refused());
    // From here to the first octet nothing awaits: a revocation comes before this tick or after it.
    const refusal = ours ? this.#job.refusal() : 'It is no longer to be sent.';
    if (refusal !== null) throw new Refused(refusal);
    if (this.#connection.failed) return;
    this.mark = 'begun';
    this.#give(size);
  }

  #give(size: number): void {
    const { octets, limits } = this.#job;
    if (this.#connection.failed) return;
    if (this.#at < octets.length) {
      this.#connection.allow(limits.commandMs, 'the server to take the mail');
      const chunk = octets.subarray(this.#at, this.#at + size);
      this.#at += chunk.length;
      this.push(chunk);
      return;
    }
    this.mark = 'handed-over';
    this.#connection.allow(limits.finalDotMs, 'the answer to the mail');
    this.push(null);
  }
}

// --- the connection ------------------------------------------------------------------------------------------------

/** Of the answer to EHLO. Zero is no limit (RFC 1870, 4), and so is a figure that no mail reaches. */
function sizeIn(answer: string): number | null {
  const size = Number(/^250[ -]SIZE[ \t]+(\d+)[ \t]*$/im.exec(answer)?.[1] ?? 0);
  return size > 0 && Number.isSafeInteger(size) ? size : null;
}

/** Why a body was not released. */
class Refused extends Error {
  override name = 'Refused';
}

/** The server was reached, and the mailbox's credentials do not open it. */
class NoEntry extends Error {
  override name = 'NoEntry';
}

/** Something, or nothing, was there, and those who asked may not know which. */
class Untold extends Error {
  override name = 'Untold';
}

type SmtpError = Error & { code?: string; command?: string; response?: string; responseCode?: number; rejectedErrors?: SmtpError[] };

class Connection {
  readonly #server: ServerAddress;
  readonly #reach: Reach;
  readonly #limits: TimeLimits;
  readonly #name: string;
  readonly #failure = Promise.withResolvers<never>();
  readonly #attemptClock: NodeJS.Timeout;
  #stepClock: NodeJS.Timeout | undefined;
  #socket: Socket | undefined;
  #smtp: SMTPConnection | undefined;
  failed = false;

  constructor(server: ServerAddress, reach: Reach, limits: TimeLimits, name: string) {
    this.#server = server;
    this.#reach = reach;
    this.#limits = limits;
    this.#name = name;
    this.#failure.promise.catch(() => {}); // whoever waits gets it by the race; nobody may wait just now
    this.#attemptClock = setTimeout(() => this.fail(new Error('The whole attempt took too long.')), limits.attemptMs);
  }

  /** Ends the connection with this reason; the first reason stays. */
  fail(error: Error): void {
    if (this.failed) return;
    this.failed = true;
    this.#failure.reject(error);
    this.#close();
  }

  /** The next `timeoutMs` belong to `what`; what was allowed before is over. */
  allow(timeoutMs: Millis, what: string): void {
    clearTimeout(this.#stepClock);
    this.#stepClock = setTimeout(() => this.fail(new Error(`Waited ${Math.round(timeoutMs / 1000)} s for ${what}.`)), timeoutMs);
  }

  async open(): Promise<number | null> {
    await this.dial();
    return this.greet();
  }

  async dial(): Promise<void> {
    const { host, port } = this.#server;
    this.allow(this.#limits.connectMs, `a connection to ${host}:${port}`);
    await this.#untold(async () => {
      const bar = barred(this.#reach, this.#server);
      if (bar !== null) throw bar;
      const socket = connect({ host, port, lookup: lookupWithin(this.#reach, port) });
      this.#socket = socket;
      await this.#step((done) => void once(socket, 'connect').then(() => done(null), done));
    });
  }

  /** Greeting, EHLO and, when the address says so, TLS. How large a mail the server takes; null: it names no limit. */
  async greet(): Promise<number | null> {
    const { host, port, tls, ca } = this.#server;
    const { commandMs, attemptMs } = this.#limits;
    this.allow(3 * commandMs, 'the server to greet'); // greeting, EHLO and STARTTLS
    const smtp = new SMTPConnection({
      connection: this.#socket,
      host,
      port,
      secure: tls === 'implicit',
      requireTLS: tls === 'starttls',
      ignoreTLS: tls === 'none',
      tls: { minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) },
      name: this.#name,
      // The clocks here are the limits; nodemailer's only have to be no shorter.
      connectionTimeout: attemptMs,
      greetingTimeout: attemptMs,
      socketTimeout: attemptMs,
      socketCloseTimeout: 0,
      maxResponseSize: 64 * 1024,
    });
    this.#smtp = smtp;
    smtp.on('error', (error: Error) => this.fail(error));
    // Later, because for 421 nodemailer tells the end before the error that says why.
    smtp.on('end', () => setImmediate(() => this.fail(new Error('The server closed the connection.'))));
    await this.#untold(async () => {
      await this.#step((done) => smtp.connect((error) => done(error ?? null)));
      if (tls !== 'none' && !smtp.secure) throw new Error('The connection is not encrypted.');
    });
    return sizeIn(smtp.lastServerResponse || '');
  }

  async signIn(credentials: Credentials): Promise<void> {
    const smtp = this.#smtp;
    if (credentials === null || smtp === undefined) return;
    if (!smtp.allowsAuth) throw new NoEntry('The server does not let anybody sign in here.');
    this.allow(3 * this.#limits.commandMs, 'the server to take the password'); // AUTH LOGIN has three rounds
    const { user, secret } = credentials;
    const pass = secret.reveal();
    try {
      await this.#step((done) => smtp.login({ user, pass, credentials: { user, pass } }, (error) => done(error ?? null)));
    } catch (error) {
      if (!this.#tells) throw refusedSilently(error);
      throw signInError(error, [pass, Buffer.from(pass).toString('base64'), Buffer.from(`\0${user}\0${pass}`).toString('base64')]);
    }
  }

  /** A reply to nothing, that comes beside the one to the mail within this time. */
  async secondReply(withinMs: Millis): Promise<string | null> {
    if (this.failed && withinMs === 0) return null;
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), withinMs);
    });
    const said = this.#failure.promise.catch((error: unknown) => {
      const { code, response } = error as SmtpError;
      return code === 'EPROTOCOL' && typeof response === 'string' && response !== '' ? words(response) : null;
    });
    return Promise.race([said, silence]).finally(() => clearTimeout(timer));
  }

  async send(envelope: Envelope, body: Body): Promise<{ response: string; rejectedErrors?: SmtpError[] }> {
    const smtp = this.#smtp;
    if (smtp === undefined) throw new Error('send before greet');
    this.allow((envelope.to.length + 2) * this.#limits.commandMs, 'the server to take the envelope');
    return this.#step((done) => smtp.send(envelope, body, (error, info) => (error ? done(error) : done(null, info))));
  }

  /** Says good-bye when all went well; the server has a second to answer. */
  end(): void {
    clearTimeout(this.#attemptClock);
    clearTimeout(this.#stepClock);
    if (this.failed || this.#smtp === undefined) {
      this.#close();
      return;
    }
    this.failed = true; // what comes after this is no failure of the attempt
    this.#smtp.quit();
    const socket = this.#socket;
    setTimeout(() => socket?.destroy(), 1_000).unref();
  }

  /** Whether those whose mailbox it is may hear what is there: a verified certificate has shown whose words they are, or they may know. */
  get #tells(): boolean {
    // nodemailer's `secure` is what was asked for; its socket knows what came of it, but is not in its published types.
    const { _socket: socket } = (this.#smtp ?? {}) as { _socket?: { authorized?: boolean } };
    return this.#reach === null || this.#reach.told || socket?.authorized === true;
  }

  async #untold(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (this.#tells || namesCertificate(tlsWords(error) ?? '')) throw error;
      throw new Untold(silent(this.#server.host, this.#server.port, 'SMTP'), { cause: error });
    }
  }

  /** Runs one step of the library against the clocks and the connection's own end. */
  #step<T = void>(run: (done: (error: unknown, value?: T) => void) => void): Promise<T> {
    if (this.failed) return this.#failure.promise;
    const step = new Promise<T>((resolve, reject) => run((error, value) => (error ? reject(error) : resolve(value as T))));
    step.catch(() => {}); // it may end after the race was over
    return Promise.race([step, this.#failure.promise]);
  }

  #close(): void {
    clearTimeout(this.#attemptClock);
    clearTimeout(this.#stepClock);
    this.#smtp?.close();
    this.#socket?.on('error', () => {}); // a reset that comes now has nobody left to tell
    this.#socket?.destroy();
  }
}

// --- what an error means -------------------------------------------------------------------------------------------

/** The table of faults: an error, and how far the body was. */
function outcomeOf(error: unknown, body: Body, refused: ReadonlyMap<string, Reply>): Outcome {
  if (error instanceof Refused && body.mark === 'waiting') return { kind: 'forbidden', why: error.message };
  if (error instanceof NoEntry) return { kind: 'auth', why: error.message };
  const why = wordsOf(error);
  const reply = replyOf(error);
  if (body.mark !== 'waiting') {
    // A refusal counts only as the complete reply to the mail itself; `CONN` is a connection that ended, whatever was left in it.
    if (reply && (error as SmtpError).command === 'DATA') return { kind: 'refused', reply, recipients: refused };
    return { kind: 'lost', where: whereLost(body), why, refused };
  }
  const { code, command, rejectedErrors } = error as SmtpError;
  if (code === 'EMESSAGE' && command === 'MAIL FROM' && !reply) return { kind: 'impossible', why };
  if (code === 'EENVELOPE' && command === 'API') return { kind: 'impossible', why };
  if (reply && code === 'EENVELOPE') return { kind: 'refused', reply, recipients: replies(rejectedErrors) };
  return { kind: 'lost', where: 'before-data', why, refused };
}

const whereLost = ({ mark }: Body) => (({ waiting: 'before-data', begun: 'in-body', 'handed-over': 'dot' }) as const)[mark];

function replyOf(error: unknown): Reply | null {
  const { responseCode, response } = error as SmtpError;
  if (responseCode === undefined || responseCode < 400 || responseCode > 599) return null;
  return { code: responseCode, text: words(response ?? '') };
}

function replies(errors: readonly unknown[] | undefined): Map<string, Reply> {
  const known = new Map<string, Reply>();
  for (const error of errors ?? []) {
    const { recipient } = error as { recipient?: string };
    // A reply that is neither 2xx nor an error (`354` to RCPT) is none: the recipient is asked for again.
    if (recipient !== undefined) known.set(recipient, replyOf(error) ?? { code: 450, text: wordsOf(error) });
  }
  return known;
}

/** 4xx is a server that cannot check just now. Whatever the server echoes, the password does not leave this function. */
function signInError(error: unknown, secrets: readonly string[]): Error {
  const { responseCode, code } = error as SmtpError;
  const why = secrets.reduce((text, secret) => (secret === '' ? text : text.replaceAll(secret, '[secret]')), wordsOf(error));
  return code === 'EAUTH' && (responseCode ?? 500) >= 500 ? new NoEntry(why) : new Error(why);
}

function refusedSilently(error: unknown): Error {
  const { responseCode, code } = error as SmtpError;
  const why = 'The server refused the user or the password.';
  return code === 'EAUTH' && (responseCode ?? 500) >= 500 ? new NoEntry(why, { cause: error }) : new Error(why, { cause: error });
}

const words = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 500);

/** What the system says of a connection, and what that means to somebody who has to mend it. */
const connectionWords: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'the mail server takes no connections'],
  [/ENOTFOUND|EAI_/, 'the name of the mail server is not known'],
  [/EHOSTUNREACH|ENETUNREACH|EHOSTDOWN/, 'there is no way to the mail server'],
  [/ECONNRESET|EPIPE/, 'the mail server ended the connection'],
  [/ETIMEDOUT/, 'the mail server did not answer in time'],
];

/** For people: the server's words where there are some. */
function wordsOf(error: unknown): string {
  const { response, message } = error as SmtpError;
  if (typeof response === 'string' && response !== '') return words(response);
  const tls = tlsWords(error);
  if (tls !== null) return `The mail server was not trusted: ${tls}.`;
  const plain = connectionWords.find(([code]) => code.test(message))?.[1];
  return words(plain === undefined ? message : `${plain} (${message})`);
}
