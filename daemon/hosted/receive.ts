/**
 * Mail for mailboxes that the daemon keeps itself: over SMTP on one address of this machine, or handed in by the outbox. The one
 * importer of the SMTP server library.
 *
 * Invariants
 * - 250 is said when every recipient's mailbox holds the mail durably (pack fsync and COMMIT), never before
 * - only addresses of hosted mailboxes are taken, each at its RCPT; nothing is ever passed on from here
 * - what waits in memory is bounded: connections, recipients, one mail, and all mails together
 *
 * When a second mailbox's store fails after a first one took the mail, the answer is 451 and the sender comes again: the first then
 * holds it twice. Losing it would be the alternative.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { PostroomError } from '../../protocol/errors.ts';
import type { Hosted, HostedDeps, MailboxAccount } from '../engines.ts';
import { readMessage } from '../mail/message.ts';
import type { Folder, FolderRole, ListedFolder, MailboxId } from '../store/types.ts';

const maxConnections = 50;
const maxRecipients = 100;
/** Of mails that came in and are not stored yet; one mail may always come. */
const maxWaitingOctets = 100_000_000;
/** RFC 5321, 6.3: a count of Received lines that only a loop reaches. */
const maxHops = 50;

const standardFolders: readonly ListedFolder[] = (
  [
    ['INBOX', 'Inbox', 'inbox'],
    ['Sent', 'Sent', 'sent'],
    ['Drafts', 'Drafts', 'drafts'],
    ['Junk', 'Junk', 'junk'],
    ['Trash', 'Trash', 'trash'],
    ['Archive', 'Archive', 'archive'],
  ] as const
).map(([path, name, role]) => ({ path, name, delimiter: '/', role, selectable: true }));

export async function startHosted(deps: HostedDeps): Promise<Hosted> {
  const receiver = new Receiver(deps);
  await receiver.listen();
  return receiver;
}

class Receiver implements Hosted {
  readonly #deps: HostedDeps;
  readonly #server: SMTPServer;
  readonly #storing = new Set<Promise<void>>();
  #waitingOctets = 0;
  #port = 0;

  constructor(deps: HostedDeps) {
    this.#deps = deps;
    const { maxSizeOctets } = deps.config;
    this.#server = new SMTPServer({
      name: 'postroom',
      banner: 'Postroom',
      size: maxSizeOctets,
      disabledCommands: ['AUTH', 'STARTTLS'],
      authOptional: true,
      maxAllowedUnauthenticatedCommands: false,
      disableReverseLookup: true,
      hideENHANCEDSTATUSCODES: true, // the replies here carry their own
      hideDSN: true,
      maxClients: maxConnections,
      maxRecipients,
      socketTimeout: 300_000,
      closeTimeout: 1_000,
      logger: false,
      onRcptTo: ({ address }, _session, answer) => {
        answer(this.#deps.accountFor(address) === null ? reply(550, `5.1.1 <${printable(address)}>: no such mailbox here`) : null);
      },
      onData: (stream, session, answer) => {
        this.#receive(stream, session).then(
          (id) => answer(null, `2.0.0 Stored as ${id}`),
          (error: unknown) => answer(this.#toReply(error)),
        );
      },
    });
    // Connections that break are the sender's affair; they come again.
    this.#server.on('error', (error: Error) => deps.log.warn({ err: error }, 'hosted: smtp connection'));
  }

  get port(): number {
    return this.#port;
  }

  /** Without a domain there is nobody to receive for, and no port is taken. */
  async listen(): Promise<void> {
    if (this.#deps.config.domains.length === 0) return;
    const { address, port } = this.#deps.config.smtp;
    const listener = this.#server.listen(port, address);
    try {
      if (!listener.listening) await once(listener, 'listening');
    } catch (error) {
      const why = (error as Error).message;
      throw new PostroomError(
        'unavailable',
        `Cannot receive mail at ${address}:${port}: ${why}. Change hosted.smtp in config.json.`,
        {},
        { cause: error },
      );
    }
    this.#port = (listener.address() as AddressInfo).port;
  }

  async prepare(account: MailboxAccount): Promise<void> {
    const { store } = this.#deps;
    const present = await store.folders(account.id);
    const missing = standardFolders.filter(({ role, path }) => !present.some((folder) => folder.role === role || folder.path === path));
    // All of them: what a listing lacks is taken for gone.
    if (missing.length > 0) await store.putFolders(account.id, [...present.map(listed), ...missing]);
  }

  async deliver(
    account: MailboxAccount,
    role: 'inbox' | 'sent',
    octets: Uint8Array,
    at: number,
    flags: readonly string[] = [],
  ): Promise<void> {
    const folder = (await this.#folder(account.id, role)) ?? (await this.prepare(account).then(() => this.#folder(account.id, role)));
    if (!folder) throw new Error(`${account.address} has no folder for ${role}`);
    const buffer = new ArrayBuffer(octets.byteLength); // the writer takes it away: a copy for each mailbox
    new Uint8Array(buffer).set(octets);
    await this.#deps.store.ingest({
      mailbox: account.id,
      policy: account.policy,
      folder: folder.id,
      uidValidity: folder.uidValidity ?? 1,
      origin: 'live',
      buffer,
      items: [{ offset: 0, length: octets.byteLength, receivedAt: at, flags, modSeq: null, uid: null }],
    });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(resolve));
    await Promise.allSettled(this.#storing);
  }

  // --- over SMTP ---------------------------------------------------------------------------------------------------

  async #receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<string> {
    const { now } = this.#deps;
    const id = randomBytes(8).toString('hex');
    const received = await this.#read(stream);
    try {
      const at = now();
      const trace = traceOf(session, id, at);
      const octets = Buffer.concat([trace, ...received.chunks.splice(0)]);
      const original = octets.subarray(trace.length);
      if (hops(original) > maxHops) throw reply(554, '5.4.6 This mail goes round in circles');
      const written = this.#deps.config.smtp.receivedAt === 'date' ? readMessage(original).date : null;
      const storing = this.#deliverAll(this.#accounts(session), octets, Math.min(at, written ?? at));
      this.#storing.add(storing);
      await storing.finally(() => this.#storing.delete(storing));
      return id;
    } finally {
      received.release();
    }
  }

  /** Drains the stream whatever comes, because the answer goes out at its end. */
  async #read(stream: SMTPServerDataStream): Promise<{ chunks: Buffer[]; release: () => void }> {
    const chunks: Buffer[] = [];
    let held = 0;
    const release = () => {
      this.#waitingOctets -= held;
      held = 0;
    };
    const alone = () => this.#waitingOctets === held;
    let full = false;
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        full ||= this.#waitingOctets + chunk.length > maxWaitingOctets && !alone();
        if (full || stream.sizeExceeded) {
          chunks.length = 0;
          release();
          continue;
        }
        chunks.push(chunk);
        held += chunk.length;
        this.#waitingOctets += chunk.length;
      }
      if (stream.sizeExceeded) throw reply(552, `5.3.4 At most ${this.#deps.config.maxSizeOctets} octets`);
      if (full) throw reply(452, '4.3.1 Too much mail at once; try again');
      return { chunks, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Each mailbox once, however many of its addresses were named. */
  #accounts({ envelope }: SMTPServerSession): MailboxAccount[] {
    const accounts = new Map<MailboxId, MailboxAccount>();
    for (const { address } of envelope.rcptTo) {
      const account = this.#deps.accountFor(address);
      if (account === null) throw reply(451, '4.2.1 The mailbox is not there any more; try again'); // then RCPT tells which
      accounts.set(account.id, account);
    }
    return [...accounts.values()];
  }

  async #deliverAll(accounts: readonly MailboxAccount[], octets: Uint8Array, at: number): Promise<void> {
    for (const account of accounts) await this.deliver(account, 'inbox', octets, at);
  }

  async #folder(mailbox: MailboxId, role: FolderRole): Promise<Folder | undefined> {
    return (await this.#deps.store.folders(mailbox)).find((folder) => folder.role === role);
  }

  #toReply(error: unknown): Error {
    if (error instanceof SmtpReply) return error;
    this.#deps.log.error({ err: error }, 'hosted: a mail could not be stored; its sender keeps it');
    if (error instanceof PostroomError && error.code === 'unavailable') return reply(452, '4.3.1 No room for mail just now; try again');
    return reply(451, '4.3.0 The mail could not be stored; try again');
  }
}

class SmtpReply extends Error {
  override name = 'SmtpReply';
  readonly responseCode: number;

  constructor(responseCode: number, message: string) {
    super(message);
    this.responseCode = responseCode;
  }
}

const reply = (code: number, message: string): SmtpReply => new SmtpReply(code, message);

const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);

const listed = ({ path, name, delimiter, role, selectable }: Folder): ListedFolder => ({ path, name, delimiter, role, selectable });

/** Return-Path and Received (RFC 5321, 4.4), alike for all recipients: so the octets are stored once, and nobody learns of a Bcc. */
function traceOf({ envelope, hostNameAppearsAs, remoteAddress }: SMTPServerSession, id: string, at: number): Buffer {
  const sender = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
  const from = printable(hostNameAppearsAs || 'unknown').replace(/[^\w.:[\]-]/g, '?');
  const date = new Date(at).toUTCString().replace('GMT', '+0000');
  return Buffer.from(
    `Return-Path: <${sender.replace(/[\r\n<>\0]/g, '')}>\r\nReceived: from ${from} ([${remoteAddress}])\r\n by postroom with ESMTP id ${id};\r\n ${date}\r\n`,
  );
}

/** Received lines in the header. */
function hops(octets: Buffer): number {
  const end = octets.indexOf('\r\n\r\n');
  const header = octets.toString('latin1', 0, end < 0 ? Math.min(octets.length, 256 * 1024) : end);
  return header.match(/^received:/gim)?.length ?? 0;
}
