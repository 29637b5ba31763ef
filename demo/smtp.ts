/**
 * Both ends of SMTP (RFC 5321), as much of it as mail between two programs of one machine needs: a sender that hands over one mail after the
 * other on a connection, and a server that takes everything its owner lets it take. No TLS, no sign-in: both ends are on loopback.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const maxLineOctets = 64 * 1024;
const maxMailOctets = 50_000_000;
const silenceMs = 30_000;

export type Envelope = { mailFrom: string; rcptTo: readonly string[] };

export class SmtpError extends Error {
  override name = 'SmtpError';
  /** The server's reply; null when it said nothing more. */
  readonly code: number | null;

  constructor(message: string, code: number | null, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Hands mail to a server on this machine, one at a time. */
class Sender {
  readonly #socket: Socket;
  readonly #lines: AsyncGenerator<Buffer, void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = linesOf(socket);
  }

  static async open(port: number): Promise<Sender> {
    const socket = connect({ host: '127.0.0.1', port });
    socket.setNoDelay(true);
    socket.setTimeout(silenceMs, () => socket.destroy(new Error(`no answer for ${silenceMs} ms`)));
    await once(socket, 'connect');
    const sender = new Sender(socket);
    await sender.#reply(220);
    await sender.#say('EHLO demo.localhost', 250);
    return sender;
  }

  /** Resolves when the server has taken the mail for everybody; `octets` end in CRLF. */
  async send({ mailFrom, rcptTo }: Envelope, octets: Buffer): Promise<void> {
    await this.#say(`MAIL FROM:<${mailFrom}>`, 250);
    for (const address of rcptTo) await this.#say(`RCPT TO:<${address}>`, 250);
    await this.#say('DATA', 354);
    this.#socket.write(withDots(octets));
    await this.#say('.', 250);
  }

  async close(): Promise<void> {
    await this.#say('QUIT', 221);
    this.#socket.end();
  }

  /** For one that failed: the rest of its conversation is of no interest. */
  destroy(): void {
    this.#socket.destroy();
  }

  async #say(line: string, expected: number): Promise<void> {
    this.#socket.write(`${line}\r\n`);
    await this.#reply(expected);
  }

  async #reply(expected: number): Promise<void> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new SmtpError('The server closed the connection.', null);
      const line = value.toString('utf8');
      if (line[3] === '-') continue; // more lines of the same reply follow
      const code = Number(line.slice(0, 3));
      if (code !== expected) throw new SmtpError(`The server said: ${line}`, code);
      return;
    }
  }
}

/** Connections to one server, each kept for the next mail: for many in a row. */
export class Senders {
  readonly #port: number;
  readonly #idle: Sender[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  async send(envelope: Envelope, octets: Buffer): Promise<void> {
    const sender = this.#idle.pop() ?? (await Sender.open(this.#port));
    try {
      await sender.send(envelope, octets);
    } catch (error) {
      sender.destroy();
      throw error;
    }
    this.#idle.push(sender);
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((sender) => sender.close()));
  }
}

/** For a mail now and then. */
export async function send(port: number, envelope: Envelope, octets: Buffer): Promise<void> {
  const senders = new Senders(port);
  await senders.send(envelope, octets);
  await senders.close();
}

/** A line that begins with a dot gets another one (RFC 5321, 4.5.2). */
function withDots(octets: Buffer): Buffer {
  const text = octets.toString('latin1');
  return Buffer.from(text.replace(/(^|\r\n)\./g, '$1..'), 'latin1');
}

export type Taking = {
  /** A line such as `550 5.1.1 …` refuses this recipient. */
  refuse: (address: string) => string | null;
  /** The mail is ours when this returns. */
  take: (envelope: Envelope, octets: Buffer) => void;
};

/** Listens on loopback; rejects with the system's error (EADDRINUSE) when the port is taken. 0: any free port. */
export async function listen(port: number, taking: Taking): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setTimeout(silenceMs, () => socket.destroy());
    // A sender that breaks off has handed over nothing, and comes again.
    converse(socket, taking).catch(() => socket.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function converse(socket: Socket, { refuse, take }: Taking): Promise<void> {
  const say = (line: string): void => void socket.write(`${line}\r\n`);
  const lines = linesOf(socket);
  let mailFrom: string | null = null;
  let rcptTo: string[] = [];
  const reset = (): void => {
    mailFrom = null;
    rcptTo = [];
  };

  say('220 customers.localhost ESMTP');
  // Not `for await`: leaving such a loop would destroy the socket before it said its last word.
  for (;;) {
    const { value, done } = await lines.next();
    if (done === true) return;
    const text = value.toString('latin1');
    const verb = text.slice(0, 4).toUpperCase();
    const address = /<([^>]*)>/.exec(text)?.[1];
    if (verb === 'EHLO') say('250-customers.localhost\r\n250 8BITMIME');
    else if (verb === 'HELO' || verb === 'NOOP') say('250 2.0.0 Good');
    else if (verb === 'QUIT') {
      socket.end('221 2.0.0 Bye\r\n');
      return;
    } else if (verb === 'RSET') {
      reset();
      say('250 2.0.0 Good');
    } else if (verb === 'MAIL' && address !== undefined) {
      reset();
      mailFrom = address;
      say('250 2.1.0 Good');
    } else if (verb === 'RCPT' && address !== undefined && mailFrom !== null) {
      const refusal = refuse(address);
      if (refusal === null) rcptTo.push(address);
      say(refusal ?? '250 2.1.5 Good');
    } else if (verb === 'DATA' && mailFrom !== null && rcptTo.length > 0) {
      say('354 Go on');
      take({ mailFrom, rcptTo }, await mailFromLines(lines));
      reset();
      say('250 2.0.0 Taken');
    } else say('503 5.5.1 Not that, not now');
  }
}

async function mailFromLines(lines: AsyncGenerator<Buffer, void>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let octets = 0;
  for (;;) {
    const { value, done } = await lines.next();
    if (done === true) throw new SmtpError('The sender closed the connection in the middle of a mail.', null);
    if (value.length === 1 && value[0] === 0x2e) return Buffer.concat(parts);
    const line = value[0] === 0x2e ? value.subarray(1) : value;
    octets += line.length + 2;
    if (octets > maxMailOctets) throw new SmtpError('The mail is too large.', 552);
    parts.push(line, Buffer.from('\r\n'));
  }
}

/** Lines without their CRLF. */
async function* linesOf(socket: Socket): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let begin = 0;
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n', begin)) {
      yield rest.subarray(begin, end);
      begin = end + 2;
    }
    rest = rest.subarray(begin);
    if (rest.length > maxLineOctets) throw new SmtpError('A line without an end.', 500);
  }
}
