/** One mailbox: its password, its servers, what is stored of it, what should leave it. */
import type { Mailbox } from '../directory/document.ts';
import type { SecretStore } from '../directory/secrets.ts';
import type { MailboxStatus, TestStep } from '../engines.ts';
import type { StoreExamined } from '../store/types.ts';
import { error, type Finding, info, warning, wordsOf } from './finding.ts';

/** How many troubled mails are named one by one. */
const named = 20;

export type MailboxDeps = {
  readonly secrets: SecretStore | null;
  readonly store: Omit<StoreExamined, 'check' | 'checkPacks' | 'close'> | null;
  readonly commands: readonly string[];
  /** What the running daemon knows; null where none runs. */
  readonly live: { readonly status: MailboxStatus; test(): Promise<readonly TestStep[]> } | null;
};

/** What of a mailbox the asker may learn, as the surfaces have it: its settings, its folders, its outgoing mail. */
export type MailboxSight = { readonly settings: boolean; readonly timeline: boolean; readonly send: boolean };

export async function examineMailbox(mailbox: Mailbox, deps: MailboxDeps, sight: MailboxSight): Promise<Finding[]> {
  const { address } = mailbox;
  const { store } = deps;
  const secret = sight.settings ? await examineSecret(mailbox, deps) : [];
  return [
    ...secret,
    // Without its password a mailbox cannot sign in: that is one finding, not three.
    ...(deps.live === null || secret.length > 0 ? [] : examineStatus(address, deps.live.status)),
    ...(deps.live === null || mailbox.kind === 'hosted' || !sight.settings || secret.length > 0
      ? []
      : await examineServers(address, deps.live.test)),
    ...(store === null || !sight.timeline || mailbox.kind === 'hosted'
      ? []
      : await examineFolders(mailbox, store, deps.live?.status ?? null)),
    ...(store === null || !sight.send ? [] : await examineOutbox(mailbox, store)),
  ];
}

async function examineSecret(mailbox: Mailbox, { secrets, commands }: MailboxDeps): Promise<Finding[]> {
  if (mailbox.kind === 'hosted') return [];
  const { address, secret } = mailbox;
  const mend = `postroom mailbox set ${address} --password-file FILE`;
  if (secret === null) return [error('secret-missing', `${address} has no password.`, mend)];
  if (secret.kind === 'command') {
    return commands.includes(secret.name)
      ? []
      : [error('secret-command', `${address} takes its password from a command that the configuration does not have any more.`, mend)];
  }
  if (secrets === null) return []; // that they cannot be opened at all is a finding of its own
  try {
    await secrets.open(secret);
    return [];
  } catch (problem) {
    return [error('secret', `${address}: ${wordsOf(problem)}`, mend)];
  }
}

function examineStatus(address: string, { state, folder, error: words }: MailboxStatus): Finding[] {
  const said = words === null ? '' : `: ${words}`;
  if (state === 'auth-failed')
    return [
      error(
        'account-auth',
        `${address} is not let in${said}`,
        `Enter its password again: postroom mailbox set ${address} --password-file FILE`,
      ),
    ];
  if (state === 'error' && folder !== null)
    return [
      error(
        'account-error',
        `${address} does not sync wholly${said}`,
        'The other folders are in order. It is tried again by itself; if it lasts, look at this folder with another program.',
      ),
    ];
  if (state === 'error')
    return [error('account-error', `${address} does not sync${said}`, `postroom mailbox test ${address} says where it ends.`)];
  if (state === 'offline')
    return [
      warning(
        'account-offline',
        `${address} is offline${said}`,
        'It is tried again by itself. If it lasts, look at the network and the server.',
      ),
    ];
  return [];
}

async function examineServers(address: string, test: () => Promise<readonly TestStep[]>): Promise<Finding[]> {
  try {
    return (await test())
      .filter((step) => !step.ok)
      .map(({ server, step, message }) =>
        error(
          'connection',
          `${address}: ${server}, ${step}: ${message}`,
          `Mend it with postroom mailbox set ${address}, then: postroom mailbox test ${address}`,
        ),
      );
  } catch (problem) {
    return [error('connection', `${address} cannot be tested: ${wordsOf(problem)}`, `postroom mailbox test ${address}`)];
  }
}

async function examineFolders(
  mailbox: Mailbox,
  store: NonNullable<MailboxDeps['store']>,
  status: MailboxStatus | null,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const refused = await store.unfetchable(mailbox.id);
  for (const folder of await store.folders(mailbox.id)) {
    const missing = refused.filter((one) => one.folder === folder.id);
    const where = `${mailbox.address}, folder ${folder.name}`;
    const [first] = missing;
    if (first !== undefined) {
      findings.push(
        warning(
          'unfetchable',
          `${where}: the server lists ${missing.length} ${missing.length === 1 ? 'message' : 'messages'} and does not give ${missing.length === 1 ? 'it' : 'them'} (UID ${first.uid}: ${first.why}).`,
          'Look at the message with another program; the server may have to repair the folder. It is asked for again with every full pass.',
        ),
      );
    }
    // A name that only holds other folders has nothing to synchronise.
    if (folder.parked !== null && folder.selectable) {
      findings.push(
        error(
          'folder-parked',
          `${where} is not synced: ${folder.parked}`,
          `It is tried again by itself, and at once by: postroom sync ${mailbox.address}. If it lasts, look at this folder at the server: whether this account may read it, and how it is named.`,
        ),
      );
    } else if (folder.selectable && folder.serverCount !== null && folder.serverCount !== folder.storedCount + missing.length) {
      const counts = `${where}: ${folder.serverCount} at the server, ${folder.storedCount} stored.`;
      const settled = status?.state === 'idle';
      findings.push(
        settled
          ? error('folder-count', counts, `postroom sync ${mailbox.address} --wait; if it stays so, the log says why.`)
          : info('folder-count', counts, 'The sync is not at its end; it goes on by itself while the daemon runs.'),
      );
    }
  }
  return findings;
}

async function examineOutbox(mailbox: Mailbox, store: NonNullable<MailboxDeps['store']>): Promise<Finding[]> {
  return (await store.outboxTroubled(mailbox.id, named)).map((row) => {
    const which = `${mailbox.address}, outgoing mail ${row.id}`;
    const said = row.lastError === null ? '' : `: ${row.lastError}`;
    switch (row.state) {
      case 'unknown':
        return warning(
          'outbox-unknown',
          `${which} may or may not have arrived${said}`,
          `Ask the recipient. If it did not arrive: postroom outbox retry ${row.id}; if it did, say so at its conversation on the screen.`,
        );
      case 'failed':
      case 'bounced':
        return warning(
          `outbox-${row.state}`,
          `${which} ${row.state === 'failed' ? 'was not sent' : 'came back'}${said}`,
          `Mend the cause, then: postroom outbox retry ${row.id}; or answer anew.`,
        );
      default:
        return warning(
          'sent-copy',
          `${which} was sent, and its copy is not in Sent${said}`,
          'Look whether the server has a Sent folder with room; the daemon tries again by itself for some hours.',
        );
    }
  });
}
