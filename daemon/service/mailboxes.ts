/** Mailboxes: adding, settings, addresses, sync, folders. */
import { PostroomError } from '../../protocol/errors.ts';
import type { Params } from '../../protocol/methods.ts';
import { safeText } from '../../protocol/text.ts';
import type { Act } from '../directory/act.ts';
import * as changes from '../directory/changes.ts';
import type { Directory, Mailbox, SecretRef, Server } from '../directory/document.ts';
import { Secret } from '../directory/secrets.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import type { ServerLimit } from '../store/types.ts';
import { change } from './people.ts';
import { actOf } from './policy.ts';
import { counting, type QuotaKind } from './quotas.ts';
import { folderOf, mailboxOf, parseServerUrl, somewhere } from './wire.ts';
import { type Caller, type Handlers, mailboxNamed, type World } from './world.ts';

async function shown(world: World, snapshot: Snapshot, mailbox: Mailbox, caller: Caller) {
  const [folders, messages] = await Promise.all([world.store.folders(mailbox.id), world.store.countMessages(mailbox.id)]);
  const rights = snapshot.access.surfaces(caller.person, mailbox.id, world.now());
  return mailboxOf(
    snapshot,
    mailbox,
    rights,
    world.statusOf(mailbox),
    { folders: folders.length, messages },
    snapshot.watch(caller.person, mailbox.id),
  );
}

async function shownNow(world: World, name: string, caller: Caller) {
  const snapshot = world.directory.snapshot();
  return shown(world, snapshot, mailboxNamed(snapshot, name), caller);
}

/**
 * Runs a change that may name a new secret: sealed before the directory names it, forgotten when the change is refused; what the change
 * names no more is forgotten after it.
 */
async function withSecret<T>(
  world: World,
  given: Params<'mailbox.add'>['secret'],
  old: SecretRef | null,
  act: (ref: SecretRef | null) => Promise<T>,
): Promise<T> {
  if (given === null || given === undefined) return act(null);
  const ref: SecretRef =
    given.kind === 'command' ? { kind: 'command', name: given.name } : await world.secrets.seal(new Secret(given.password));
  try {
    const result = await act(ref);
    await world.secrets.forget(old);
    return result;
  } catch (error) {
    await world.secrets.forget(ref);
    throw error;
  }
}

/** Connects to both servers; a hosted mailbox has none. */
async function probed(world: World, mailbox: Mailbox) {
  if (mailbox.kind === 'hosted') return { steps: [] };
  const account = world.accountOf(mailbox);
  const [incoming, { steps, ...limit }] = await Promise.all([world.sync.test(account), world.outbox.test(account)]);
  const safe = [...incoming, ...steps].map((step) => ({ ...step, step: safeText(step.step), message: safeText(step.message) }));
  return { steps: safe, ...limit };
}

/**
 * Throws when one of the servers does not work with what was entered; the details say at which step, so that a client names its field. Gives
 * how large a mail its server takes; null: that was not asked.
 */
async function needWorking(world: World, mailbox: Mailbox): Promise<ServerLimit | null> {
  const { steps, sizeOctets } = await probed(world, mailbox);
  const failed = steps.filter(({ ok }) => !ok);
  if (failed.length === 0)
    return mailbox.kind === 'hosted' || sizeOctets === undefined ? null : { server: mailbox.smtp.host, octets: sizeOctets };
  const why = failed.map(({ server, step, message }) => `${server === 'imap' ? 'incoming' : 'outgoing'} server, ${step}: ${message}`);
  throw new PostroomError('unavailable', `${mailbox.address} was not added. ${why.join('; ')}`, { steps });
}

/** Of those who set up mailboxes for others no mailbox and no try is counted. */
const taken = (world: World, { person }: Caller, kind: QuotaKind): { giveBack(): void } | null =>
  world.directory.snapshot().access.holds(person, 'shared-mailbox.sync') ? null : world.quotas.take(person, kind);

/** A change of one mailbox by somebody who was let to it. */
async function edit(world: World, caller: Caller, name: string, make: (mailbox: Mailbox) => Parameters<typeof change>[2]) {
  const mailbox = mailboxNamed(world.directory.snapshot(), name);
  await change(world, caller, make(mailbox));
  return shownNow(world, mailbox.id, caller);
}

/** Why a look at the server fails may name a folder. */
async function caughtUp(world: World, mailbox: Mailbox, { person }: Caller): Promise<void> {
  try {
    await world.sync.caughtUp(mailbox.id);
  } catch (error) {
    const { inFolders } = world.statusOf(mailbox);
    if (
      !(error instanceof PostroomError) ||
      !inFolders ||
      world.directory.snapshot().access.surfaces(person, mailbox.id, world.now()).timeline
    )
      throw error;
    throw new PostroomError(error.code, somewhere, {}, { cause: error });
  }
}

type MailboxMethods =
  | 'mailbox.add'
  | 'mailbox.list'
  | 'mailbox.show'
  | 'mailbox.set'
  | 'mailbox.test'
  | 'mailbox.share'
  | 'mailbox.unshare'
  | 'mailbox.transfer'
  | 'mailbox.remove'
  | 'mailbox.address.add'
  | 'mailbox.address.remove'
  | 'mailbox.sync'
  | 'mailbox.folders'
  | 'mailbox.watch';

export const mailboxHandlers: Handlers<MailboxMethods> = {
  'mailbox.add': async (world, asked, caller) => {
    const { address, name, shared, ca } = asked;
    const workFrom = asked.workFrom === undefined ? {} : { workFrom: asked.workFrom === null ? null : Date.parse(asked.workFrom) };
    const common = { address, name, shared, ...workFrom };
    const { imap, smtp } = asked;
    if ((imap === null) !== (smtp === null))
      throw new PostroomError(
        'invalid',
        'A mailbox has both servers, incoming (imap) and outgoing (smtp), or neither: then it is hosted here.',
      );
    let limit: ServerLimit | null = null;
    const adding = async (secret: SecretRef | null) => {
      const add = (doc: Directory, act: Act) => {
        if (imap === null || smtp === null) return changes.mailboxAdd(doc, { ...common, kind: 'hosted' }, act);
        const account = { user: asked.user ?? address, ca };
        const servers = { imap: { ...parseServerUrl('imap', imap), ...account }, smtp: { ...parseServerUrl('smtp', smtp), ...account } };
        return changes.mailboxAdd(doc, { ...common, kind: 'imap', ...servers, secret }, act);
      };
      if (asked.test) {
        // What the change itself refuses (an address in use, a secret that may not go there) is refused before anybody is asked.
        const { doc: after, id } = add(world.directory.snapshot().directory, actOf(world, caller, world.now()));
        const mailbox = after.mailboxes.find((one) => one.id === id);
        if (mailbox !== undefined) limit = await needWorking(world, mailbox);
      }
      return change(world, caller, add);
    };
    // A refusal may tell that an address is in use: so each try counts, whatever comes of it.
    taken(world, caller, 'probes');
    const { id } = await counting(taken(world, caller, 'mailboxes'), () => withSecret(world, asked.secret, null, adding));
    const snapshot = world.directory.snapshot();
    const mailbox = mailboxNamed(snapshot, id ?? address);
    // A hosted mailbox can be listed and written to as soon as this is answered.
    if (mailbox.kind === 'hosted') await world.hosted.prepare(world.accountOf(mailbox));
    else if (limit !== null) await world.store.noteSizeLimit(mailbox.id, limit);
    return shown(world, snapshot, mailbox, caller);
  },

  'mailbox.list': async (world, _asked, caller) => {
    const seq = caller.seq();
    const snapshot = world.directory.snapshot();
    const mailboxes = [...snapshot.access.mailboxes(caller.person, world.now()).keys()].flatMap((id) => snapshot.mailbox(id) ?? []);
    mailboxes.sort((a, b) => (a.address < b.address ? -1 : 1));
    return { rows: await Promise.all(mailboxes.map((mailbox) => shown(world, snapshot, mailbox, caller))), seq };
  },

  'mailbox.show': (world, asked, caller) => shownNow(world, asked.mailbox, caller),

  'mailbox.set': async (world, asked, caller) => {
    const mailbox = mailboxNamed(world.directory.snapshot(), asked.mailbox);
    const old = mailbox.kind === 'imap' ? mailbox.secret : null;
    const edited = (kind: 'imap' | 'smtp'): Server | undefined => {
      const url = asked[kind];
      if (mailbox.kind === 'hosted') {
        if (url === undefined && asked.user === undefined && asked.ca === undefined) return undefined;
        throw new PostroomError('invalid', `${mailbox.address} is hosted here: it has no server and no password to set.`);
      }
      if (url === undefined && asked.user === undefined && asked.ca === undefined) return undefined;
      const server = mailbox[kind];
      return {
        ...server,
        ...(url === undefined ? {} : parseServerUrl(kind, url)),
        user: asked.user ?? server.user,
        ca: asked.ca === undefined ? server.ca : asked.ca,
      };
    };
    const [imap, smtp] = [edited('imap'), edited('smtp')];
    // The daemon connects with what was set.
    if (imap !== undefined || smtp !== undefined || asked.secret != null) taken(world, caller, 'probes');
    await withSecret(world, asked.secret ?? null, old, (secret) =>
      change(world, caller, (doc, act) =>
        changes.mailboxSet(
          doc,
          {
            mailbox: mailbox.id,
            settings: asked.settings,
            ...(asked.workFrom === undefined ? {} : { workFrom: asked.workFrom === null ? null : Date.parse(asked.workFrom) }),
            ...(imap === undefined ? {} : { imap }),
            ...(smtp === undefined ? {} : { smtp }),
            ...(secret === null ? {} : { secret }),
            ifRevision: asked.ifRevision,
          },
          act,
        ),
      ),
    );
    return shownNow(world, mailbox.id, caller);
  },

  'mailbox.test': async (world, asked, caller) => {
    taken(world, caller, 'probes');
    const { steps } = await probed(world, mailboxNamed(world.directory.snapshot(), asked.mailbox));
    return { ok: steps.every((step) => step.ok), steps };
  },

  'mailbox.share': (world, asked, caller) =>
    edit(
      world,
      caller,
      asked.mailbox,
      ({ id }) =>
        (doc, act) =>
          changes.mailboxShare(doc, { mailbox: id }, act),
    ),
  'mailbox.unshare': (world, asked, caller) =>
    edit(
      world,
      caller,
      asked.mailbox,
      ({ id }) =>
        (doc, act) =>
          changes.mailboxUnshare(doc, { mailbox: id }, act),
    ),

  'mailbox.transfer': async (world, asked, caller) => {
    const snapshot = world.directory.snapshot();
    const mailbox = mailboxNamed(snapshot, asked.mailbox);
    const person = snapshot.personByName(asked.person);
    if (person === undefined) throw new PostroomError('not-found', `There is no person "${safeText(asked.person)}".`);
    await change(world, caller, (doc, act) => changes.mailboxTransfer(doc, { mailbox: mailbox.id, person: person.id }, act));
    return { ok: true };
  },

  'mailbox.remove': async (world, asked, caller) => {
    const mailbox = mailboxNamed(world.directory.snapshot(), asked.mailbox);
    await change(world, caller, (doc, act) => changes.mailboxRemove(doc, { mailbox: mailbox.id }, act));
    if (mailbox.kind === 'imap') await world.secrets.forget(mailbox.secret);
    return { ok: true };
  },

  'mailbox.address.add': (world, asked, caller) => {
    taken(world, caller, 'probes');
    return edit(
      world,
      caller,
      asked.mailbox,
      ({ id }) =>
        (doc, act) =>
          changes.addressAdd(doc, { mailbox: id, alias: asked.alias }, act),
    );
  },
  'mailbox.address.remove': (world, asked, caller) =>
    edit(
      world,
      caller,
      asked.mailbox,
      ({ id }) =>
        (doc, act) =>
          changes.addressRemove(doc, { mailbox: id, alias: asked.alias }, act),
    ),

  'mailbox.sync': async (world, asked, caller) => {
    const mailbox = mailboxNamed(world.directory.snapshot(), asked.mailbox);
    if (mailbox.kind === 'imap') {
      if (asked.wait) await caughtUp(world, mailbox, caller);
      else world.sync.poke(mailbox.id);
    }
    return shownNow(world, mailbox.id, caller);
  },

  'mailbox.folders': async (world, asked, caller) => {
    const seq = caller.seq();
    const mailbox = mailboxNamed(world.directory.snapshot(), asked.mailbox);
    return { rows: (await world.store.folders(mailbox.id)).map(folderOf), seq };
  },

  'mailbox.watch': async (world, asked, caller) => {
    const mailbox = mailboxNamed(world.directory.snapshot(), asked.mailbox);
    await change(world, caller, (doc, act) => changes.watchSet(doc, { mailbox: mailbox.id, level: asked.level }, act));
    return { ok: true };
  },
};
