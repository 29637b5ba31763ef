import { parseConfig } from '../../daemon/config.ts';
import { Secret } from '../../daemon/directory/secrets.ts';
import type { Hosted, MailboxAccount } from '../../daemon/engines.ts';
import { startHosted } from '../../daemon/hosted/receive.ts';
import { silentLog } from '../../daemon/log.ts';
import { openStore } from '../../daemon/store/store.ts';
import type { FolderRole, Store } from '../../daemon/store/types.ts';
import { type LineConnection, lineConnection } from './lines.ts';

export interface HostedWorld extends AsyncDisposable {
  readonly store: Store;
  readonly hosted: Hosted;
  readonly support: MailboxAccount;
  readonly sales: MailboxAccount;
  accountFor(address: string): MailboxAccount | null;
  /** The octets in a folder, in order of arrival. */
  mails(account: MailboxAccount, role?: FolderRole): Promise<string[]>;
}

export const hostedAccount = (id: string, ...addresses: string[]): MailboxAccount => ({
  id,
  address: addresses[0] ?? '',
  policy: { addresses, workFrom: null, followServer: true, seenBy: null },
  kind: 'hosted',
  imap: null,
  smtp: null,
  reach: () => null,
  secret: async () => new Secret(''),
});

/** support@ (with an alias, help@) and sales@ of example.org over a real store. `wrap` comes between the receiver and the store. */
export async function hostedWorld(
  home: string,
  { wrap = (store: Store): Store => store, maxSizeOctets = 100_000 }: { wrap?: (store: Store) => Store; maxSizeOctets?: number } = {},
): Promise<HostedWorld> {
  const store = await openStore({ home });
  const support = hostedAccount('m_support', 'support@example.org', 'help@example.org');
  const sales = hostedAccount('m_sales', 'sales@example.org');
  const accountFor = (address: string) => [support, sales].find(({ policy }) => policy.addresses.includes(address.toLowerCase())) ?? null;
  const config = parseConfig({ hosted: { domains: ['example.org'], smtp: { port: 0 }, maxSizeOctets } }, 'test').hosted;
  const hosted = await startHosted({ store: wrap(store), config, log: silentLog(), now: Date.now, accountFor });
  for (const account of [support, sales]) await hosted.prepare(account);
  return {
    store,
    hosted,
    support,
    sales,
    accountFor,
    async mails(account, role = 'inbox') {
      const folder = (await store.folders(account.id)).find((it) => it.role === role);
      const found = folder ? await store.identities(folder.id) : [];
      return Promise.all(found.map(async ({ hash }) => Buffer.from(await store.octets(hash)).toString('latin1')));
    },
    async [Symbol.asyncDispose]() {
      await hosted.close();
      await store.close();
    },
  };
}

/** Speaks SMTP by hand. */
export interface Session extends Disposable {
  /** Sends a line and answers with the last line of the reply. */
  say(line: string): Promise<string>;
  /** The whole dialogue; answers with every reply from MAIL on. */
  send(from: string, to: readonly string[], octets: string): Promise<string[]>;
  readonly connection: LineConnection;
}

export async function smtpSession(port: number): Promise<Session> {
  const connection = await lineConnection(port);
  const reply = () => connection.lineThat((line) => /^\d{3} /.test(line));
  await reply();
  const session: Session = {
    connection,
    async say(line) {
      await connection.write(`${line}\r\n`);
      return reply();
    },
    async send(from, to, octets) {
      const replies = [await session.say(`MAIL FROM:<${from}>`)];
      for (const address of to) replies.push(await session.say(`RCPT TO:<${address}>`));
      replies.push(await session.say('DATA'));
      if (replies.at(-1)?.startsWith('354')) replies.push(await session.say(`${octets.replace(/^\./gm, '..')}\r\n.`));
      return replies;
    },
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
  await session.say('EHLO client.example');
  return session;
}
