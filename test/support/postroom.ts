/**
 * A whole daemon for one test: a home of its own, real sockets, real SQLite, hosted mailboxes that receive over real SMTP. It speaks the
 * product: `postroom.grant('ben', 'support@…', { send: true })`. Ends with the store's own checks.
 */
import { createTransport } from 'nodemailer';
import { expect } from 'vitest';
import { type Config, parseConfig } from '../../daemon/config.ts';
import { type Daemon, startDaemon } from '../../daemon/daemon.ts';
import { makeHome } from '../../daemon/home.ts';
import { silentLog } from '../../daemon/log.ts';
import { type Client, connect, type DaemonEvent } from '../../protocol/client.ts';
import { PostroomError } from '../../protocol/errors.ts';
import { decodeInvitation, type Identity, newKeyPair, readIdentity } from '../../protocol/keys.ts';
import type { Params, Result } from '../../protocol/methods.ts';
import { type Places, places } from '../../protocol/places.ts';
import type { Operation } from '../../protocol/schema.ts';
import { type MailInput, mail } from './message.ts';
import { type TempDir, tempDir } from './tempdir.ts';

export type Rights = { access?: boolean; send?: boolean; setup?: boolean };

export const domain = 'harbour.example';

export class Postroom implements AsyncDisposable {
  readonly places: Places;
  readonly #directory: { path: string } & AsyncDisposable;
  readonly #config: Config;
  readonly #now: (() => number) | undefined;
  readonly #identities = new Map<string, Identity>();
  readonly #clients = new Map<string, Client>();
  #daemon: Daemon | null = null;

  private constructor(directory: { path: string } & AsyncDisposable, config: Config, now: (() => number) | undefined) {
    this.#directory = directory;
    this.#config = config;
    this.#now = now;
    this.places = places(directory.path);
  }

  /** A daemon with one person, `eva`, who holds every operation; its home is `directory`, else one of its own. */
  static async start(options: { config?: Record<string, unknown>; now?: () => number; directory?: TempDir } = {}): Promise<Postroom> {
    const directory = options.directory ?? (await tempDir());
    const json = { organisation: 'Harbour Books', hosted: { domains: [domain], smtp: { port: 0 } }, ...options.config };
    const postroom = new Postroom(directory, parseConfig(json, 'test'), options.now);
    await makeHome(
      postroom.places,
      { organisation: 'Harbour Books', admin: 'eva', email: null, config: json },
      (options.now ?? Date.now)(),
    );
    const eva = readIdentity(postroom.places.identity);
    if (eva === null) throw new Error('init wrote no identity');
    postroom.#identities.set('eva', eva);
    await postroom.startDaemon();
    return postroom;
  }

  get home(): string {
    return this.#directory.path;
  }

  get daemon(): Daemon {
    if (this.#daemon === null) throw new Error('the daemon is stopped');
    return this.#daemon;
  }

  /** As it was, or with `changed` keys of the configuration. */
  async startDaemon(changed: Partial<Config> = {}): Promise<void> {
    this.#daemon = await startDaemon(this.places, {
      config: { ...this.#config, ...changed },
      log: silentLog(),
      ...(this.#now === undefined ? {} : { now: this.#now }),
    });
  }

  async stopDaemon(): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = null;
  }

  identity(name: string): Identity {
    const found = this.#identities.get(name);
    if (found === undefined) throw new Error(`nobody is called ${name}`);
    return found;
  }

  /** A connected client of a person; the same one each time. */
  async as(name: string): Promise<Client> {
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const client = await this.connect(name);
    this.#clients.set(name, client);
    return client;
  }

  /** One more session of a person; the caller closes it. */
  connect(name: string, onEvent?: (event: DaemonEvent) => void): Promise<Client> {
    return connect({ identity: this.identity(name), connectTimeoutMs: 5_000, ...(onEvent === undefined ? {} : { onEvent }) });
  }

  /** Adds a person who joins at once. */
  async person(name: string, operations: readonly Operation[] = []): Promise<void> {
    const eva = await this.as('eva');
    const { invitation } = await eva.call('person.add', { name, operations: [...operations] });
    const keys = newKeyPair();
    const open = decodeInvitation(invitation);
    const guest = await connect({ invitation: open, connectTimeoutMs: 5_000 });
    try {
      await guest.call('person.join', { publicKey: keys.publicKey, label: 'test' });
    } finally {
      await guest.close();
    }
    this.#identities.set(name, { person: name, endpoint: open.endpoint, daemonKey: open.daemonKey, ...keys });
  }

  async role(name: string, ...members: readonly string[]): Promise<void> {
    const eva = await this.as('eva');
    await eva.call('role.add', { name });
    for (const member of members) await eva.call('role.member.add', { role: name, member });
  }

  /** A shared hosted mailbox of eva's, or of somebody else's. */
  async mailbox(local: string, options: { owner?: string; shared?: boolean } & Partial<Params<'mailbox.add'>> = {}): Promise<string> {
    const { owner = 'eva', shared = true, ...rest } = options;
    const address = `${local}@${domain}`;
    await (await this.as(owner)).call('mailbox.add', { address, shared, ...rest });
    return address;
  }

  async grant(grantee: string, mailbox: string, rights: Rights): Promise<void> {
    await (await this.as('eva')).call('grant.set', { mailbox, grantee, access: false, send: false, setup: false, ...rights });
  }

  /** Hands a mail to the daemon over SMTP, as the world does; stored when it returns. */
  async deliver(to: string | readonly string[], parts: Partial<MailInput> | Buffer): Promise<void> {
    const recipients = typeof to === 'string' ? [to] : [...to];
    const raw = Buffer.isBuffer(parts)
      ? parts
      : mail({
          from: 'Jane Cooper <jane@example.org>',
          to: recipients.join(', '),
          subject: 'Where is my order?',
          text: 'It has not come.\n',
          ...parts,
        });
    const transport = createTransport({ host: '127.0.0.1', port: this.daemon.smtpPort, secure: false, ignoreTLS: true });
    try {
      await transport.sendMail({ envelope: { from: 'jane@example.org', to: recipients }, raw });
    } finally {
      transport.close();
    }
  }

  /** The newest conversation of a mailbox, as eva sees it. */
  async newest(mailbox: string): Promise<Result<'conversation.list'>['rows'][number]> {
    const { rows } = await (await this.as('eva')).call('conversation.list', { mailbox, limit: 1 });
    const [row] = rows;
    if (row === undefined) throw new Error(`${mailbox} is empty`);
    return row;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients.values()) await client.close();
    const broken = this.#daemon === null ? [] : await this.#daemon.world.store.check();
    await this.stopDaemon();
    await this.#directory[Symbol.asyncDispose]();
    expect(broken).toEqual([]);
  }
}

export const startPostroom = Postroom.start;

/** What a request comes to: `yes`, or the code of its refusal. */
export async function outcome(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'yes';
  } catch (error) {
    if (error instanceof PostroomError) return error.code;
    throw error;
  }
}
