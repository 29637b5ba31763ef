/** Keeps the store equal to the IMAP servers: one `MailboxSync` and one user's connection for each mailbox. */
import { PostroomError } from '../../protocol/errors.ts';
import type { MailboxAccount, Sync, SyncDeps, TestStep } from '../engines.ts';
import type { MailboxId } from '../store/types.ts';
import { ImapFault } from './fault.ts';
import { connectImap } from './imap.ts';
import { MailboxSync } from './mailbox.ts';
import { UserConnection } from './user.ts';

type Kept = { mailbox: MailboxSync; user: UserConnection };

export function createSync(deps: SyncDeps): Sync {
  const kept = new Map<MailboxId, Kept>();
  /** A mailbox that starts over waits until its former self has ended. */
  const ending = new Map<MailboxId, Promise<void>>();
  let closed = false;

  function begin(account: MailboxAccount): void {
    const mailbox = new MailboxSync(account, deps);
    const user = new UserConnection(account.id, deps.store, () => mailbox.connect());
    kept.set(account.id, { mailbox, user });
  }

  async function end(id: MailboxId): Promise<void> {
    const it = kept.get(id);
    kept.delete(id);
    if (it) {
      const ended = Promise.all([it.mailbox.stop(), it.user.close()]).then(() => {});
      ending.set(id, ended);
      await ended;
      if (ending.get(id) === ended) ending.delete(id);
    } else await ending.get(id);
  }

  function of(id: MailboxId): Kept {
    const it = kept.get(id);
    if (!it) throw new PostroomError('unavailable', 'This mailbox is not synchronised.');
    return it;
  }

  return {
    start(account) {
      if (account.kind !== 'imap' || closed) return;
      const before = kept.get(account.id)?.mailbox;
      if (before && same(before.account, account) && before.status.state !== 'auth-failed') {
        before.update(account);
        return;
      }
      const former = before ? end(account.id) : ending.get(account.id);
      if (!former) {
        begin(account);
        return;
      }
      former.then(
        () => {
          if (!closed && !kept.has(account.id)) begin(account);
        },
        (error: unknown) => deps.log.error({ mailbox: account.id, err: error }, 'sync: a mailbox did not end'),
      );
    },
    stop: end,
    status: (id) => kept.get(id)?.mailbox.status ?? null,
    poke: (id) => kept.get(id)?.mailbox.force(),
    async caughtUp(id) {
      await of(id).mailbox.caughtUp();
    },
    test: (account) => testLogin(account, deps),
    async move(id, from, toFolder) {
      const { mailbox, user } = of(id);
      const moved = await user.move(from, toFolder);
      mailbox.poke((folder) => folder.id === from.folder || folder.id === toFolder);
      return moved;
    },
    async setFlags(id, at, change) {
      const { mailbox, user } = of(id);
      await user.setFlags(at, change);
      mailbox.poke((folder) => folder.id === at.folder);
    },
    async find(id, role, ids) {
      return of(id).user.find(role, ids);
    },
    async append(id, role, octets, flags, at) {
      const { mailbox, user } = of(id);
      await user.append(role, octets, flags, at);
      mailbox.poke((folder) => folder.role === role);
    },
    async close() {
      closed = true;
      await Promise.all([...kept.keys()].map(end));
      await Promise.all(ending.values());
    },
  };
}

/** Whether the same server is asked for the same person. Policy and secret may differ: they are asked for when they are needed. */
const same = (a: MailboxAccount, b: MailboxAccount) => JSON.stringify(a.imap) === JSON.stringify(b.imap);

/** Tries what a sync needs, step by step, and says where it ends. */
async function testLogin(account: MailboxAccount, { config }: SyncDeps): Promise<TestStep[]> {
  const address = account.imap;
  if (!address) return [{ server: 'imap', step: 'connect', ok: false, message: 'This mailbox has no IMAP server.' }];
  const steps: TestStep[] = [];
  const add = (step: string, ok: boolean, message: string) => steps.push({ server: 'imap', step, ok, message });
  const where = `${address.host}:${address.port}`;
  const secure = { implicit: 'TLS, certificate verified', starttls: 'STARTTLS, certificate verified', none: 'no TLS, as chosen' }[
    address.tls
  ];
  try {
    const secret = await account.secret();
    const imap = await connectImap({ address, password: secret.reveal(), reach: account.reach(), limits: config });
    try {
      add('connect', true, where);
      add('tls', true, secure);
      add('login', true, address.user);
      const folders = await imap.list();
      add('folders', folders.length > 0, folders.length > 0 ? `${folders.length} folders` : 'The server lists no folder.');
      const { condstore, idle, move, uidplus } = imap.can;
      const lacks = Object.entries({ CONDSTORE: condstore, IDLE: idle, 'MOVE or UIDPLUS': move || uidplus }).filter(([, has]) => !has);
      add('capabilities', true, lacks.length === 0 ? 'all that helps' : `works without ${lacks.map(([name]) => name).join(', ')}`);
    } finally {
      await imap.logout();
    }
  } catch (error) {
    const kind = error instanceof ImapFault ? error.kind : null;
    const message = error instanceof Error ? error.message : String(error);
    if (kind === 'certificate' || kind === 'auth') add('connect', true, where);
    if (kind === 'auth') add('tls', true, secure);
    const failed = kind === 'certificate' ? 'tls' : kind === 'auth' || error instanceof PostroomError ? 'login' : 'connect';
    add(steps.some(({ step }) => step === 'login') ? 'folders' : failed, false, message);
  }
  return steps;
}
