/** Panel, lists, conversations, and the team's verbs on them. */
import { notFound, PostroomError } from '../../protocol/errors.ts';
import type { Asked, Result } from '../../protocol/methods.ts';
import type { GoneMail, Message, Note } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import type { Mailbox } from '../directory/document.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import { attachmentBytes, rawHeaders } from '../mail/message.ts';
import type { OpenedMail } from '../open.ts';
import { folderOfRole } from '../store/folders.ts';
import type {
  Assignee,
  ConversationDetail,
  EntryId,
  EntryRow,
  Folder,
  GoneRow,
  Millis,
  NoteRow,
  Part,
  Placement,
  WorkResult,
} from '../store/types.ts';
import { conversationOf, folderKey, goneOf, granteeOf, iso, isoOrNull, messageOf, noteOf, surfacesOf } from './wire.ts';
import { type Caller, type Handlers, inBackground, mailboxesWith, mailboxNamed, rolesOf, seenBy, type World } from './world.ts';

const chunkOctets = 65_536;

type Found = { snapshot: Snapshot; mailbox: Mailbox; detail: ConversationDetail };
type Worked = Found & { result: WorkResult & { ok: true } };

/** A conversation that the caller was let to, with its newest mail or note. It may have been merged or removed since: then it is not there. */
export async function conversationFor(world: World, id: string, caller: Caller, part: Part = { limit: 1 }): Promise<Found> {
  const snapshot = world.directory.snapshot();
  const owner = await world.store.mailboxOf('conversation', id);
  const mailbox = owner === null ? undefined : snapshot.mailbox(owner);
  if (mailbox === undefined) throw notFound();
  // What is gone is history: for those whose timelines are open.
  const history = 'limit' in part && part.history === true && snapshot.access.surfaces(caller.person, mailbox.id, world.now()).timeline;
  const asked = 'limit' in part ? { ...part, history } : part;
  const detail = await world.store.conversation(id, caller.person, seenBy(snapshot, caller.person, mailbox, world.now()), asked);
  if (detail === null) throw notFound();
  return { snapshot, mailbox, detail };
}

/** Which folders there are, and what lies in which, is the record of the mailbox. */
const seesFolders = (world: World, { snapshot, mailbox }: Found, { person }: Caller): boolean =>
  snapshot.access.surfaces(person, mailbox.id, world.now()).timeline;

/** The `conflict` of compare-and-act, with what is new for those who decide again. */
export function moved(detail: ConversationDetail, snapshot: Snapshot): PostroomError {
  const { row, entries, notes } = detail;
  const mail = entries.at(-1);
  const note = notes.at(-1);
  const latest =
    note !== undefined && (mail === undefined || note.at > mail.receivedAt)
      ? { kind: 'note', at: iso(note.at), who: safeText(snapshot.nameOf(note.author)) }
      : mail === undefined
        ? null
        : {
            kind: mail.direction === 'in' ? 'mail-in' : 'mail-out',
            at: iso(mail.receivedAt),
            who: safeText(mail.author === null ? (mail.from[0]?.address ?? '') : snapshot.nameOf(mail.author)),
          };
  const words = latest === null ? '' : ` The newest is a ${latest.kind === 'note' ? 'note' : 'mail'} by ${latest.who}.`;
  return new PostroomError(
    'conflict',
    `The conversation moved on since you looked (revision ${row.revision}).${words} Look at it, then repeat.`,
    { revision: row.revision, latest },
  );
}

async function work(
  world: World,
  caller: Caller,
  id: string,
  verb: Parameters<World['store']['work']>[1],
  ifRevision: number | null,
): Promise<Worked> {
  const found = await conversationFor(world, id, caller);
  const result = await world.store.work(found.detail.row.id, verb, caller.person, world.now(), ifRevision);
  if (result === null) throw notFound();
  if (!result.ok && result.held !== undefined) throw heldBy(found, result.revision, result.held);
  if (!result.ok) throw moved((await conversationFor(world, id, caller)).detail, found.snapshot);
  world.uses.noteWork(caller.person, found.mailbox.id);
  return { ...found, result };
}

/** Somebody has it: taking it over is a second, explicit act. */
function heldBy({ snapshot }: Found, revision: number, { by, since }: { by: Assignee; since: Millis }): PostroomError {
  const who = granteeOf(snapshot, by);
  return new PostroomError('conflict', `${who.name} has it since ${iso(since)}. Take it over explicitly, or leave it to them.`, {
    revision,
    held: { by: who, since: iso(since) },
  });
}

const worked = ({ snapshot, detail, result }: Worked) => ({
  conversation: detail.row.id,
  revision: result.revision,
  state: result.state,
  assignee: result.assignee === null ? null : granteeOf(snapshot, result.assignee),
  changed: result.changed,
});

const current = ({ snapshot, detail }: Found) => ({
  conversation: detail.row.id,
  revision: detail.row.revision,
  state: detail.row.state,
  assignee: detail.row.assignee === null ? null : granteeOf(snapshot, detail.row.assignee),
  changed: true,
});

// --- what our verbs do on the server -----------------------------------------------------------------------------

const feeds = (role: Folder['role']): boolean => role === 'inbox' || role === null;

/** Places, grouped by the folder generation that holds them. */
function grouped(placements: readonly Placement[]) {
  const groups = new Map<string, { folder: number; uidValidity: number; uids: number[] }>();
  for (const placement of placements) {
    const key = `${placement.folder} ${placement.uidValidity}`;
    const group = groups.get(key) ?? { folder: placement.folder, uidValidity: placement.uidValidity, uids: [] };
    group.uids.push(placement.uid);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Marks mail \Seen on the server when the mailbox says so for `moment`; a personal mailbox follows its owner always. */
export async function markSeen(world: World, { mailbox, detail }: Found, moment: 'read' | 'reply-or-done', caller: Caller): Promise<void> {
  const { readState } = mailbox.settings;
  const personal = !mailbox.shared && mailbox.owner === caller.person;
  const wanted = personal || (moment === 'read' ? readState === 'on-first-read' : readState !== 'never');
  if (!wanted || mailbox.kind === 'hosted') return;
  const unseen = (await placements(world, detail)).filter(({ flags }) => !flags.includes('\\Seen'));
  changeFlags(world, mailbox, unseen, { add: ['\\Seen'] });
}

const placements = async (world: World, { row }: ConversationDetail): Promise<Placement[]> =>
  (await world.store.placed(row.id)).map(({ placement }) => placement);

function changeFlags(
  world: World,
  mailbox: Mailbox,
  placements: readonly Placement[],
  change: { add?: string[]; remove?: string[] },
): void {
  if (mailbox.kind === 'hosted') return;
  for (const at of grouped(placements.filter(({ role }) => role !== 'drafts'))) {
    inBackground(
      world,
      'changing flags on the server',
      { mailbox: mailbox.id, folder: at.folder },
      world.sync.setFlags(mailbox.id, at, change),
    );
  }
}

async function afterDone(world: World, found: Worked, caller: Caller): Promise<void> {
  await markSeen(world, found, 'reply-or-done', caller);
  const { done } = found.mailbox.settings;
  if (done === 'keyword') {
    const undone = (await placements(world, found.detail)).filter(({ flags }) => !flags.includes('$Done'));
    changeFlags(world, found.mailbox, undone, { add: ['$Done'] });
  }
  if (done === 'archive') {
    const target = folderOfRole(await world.store.folders(found.mailbox.id), 'archive');
    if (target === undefined) world.log.warn({ mailbox: found.mailbox.id }, 'done should archive, and the mailbox has no archive folder');
    else {
      // What came in since is not done: it stays, and so does the rest until somebody is done with both.
      const seen = await world.store.seenPlaces(found.detail.row.id, found.result.revision);
      if (seen?.ok !== true) return;
      const archived = moveTo(world, found.mailbox, toMove(seen.placed, target), target);
      inBackground(world, 'archiving what is done', { mailbox: found.mailbox.id }, archived);
    }
  }
}

type Placed = { readonly entry: EntryId; readonly placement: Placement };

/** What feeds the conversation, or, when nothing does, whatever of it is elsewhere but in Sent and Drafts. */
function toMove(placed: readonly Placed[], target: Folder): readonly Placed[] {
  const elsewhere = ({ placement: { folder, role } }: Placed) => folder !== target.id && role !== 'sent' && role !== 'drafts';
  const found = placed.filter(elsewhere);
  const feeding = found.filter(({ placement }) => feeds(placement.role));
  return feeding.length > 0 ? feeding : found;
}

/** Moves mails to a folder, on the server as well; gives how many went. */
async function moveTo(world: World, mailbox: Mailbox, placed: readonly Placed[], target: Folder): Promise<number> {
  if (mailbox.kind === 'hosted') {
    const entries = [...new Set(placed.map(({ entry }) => entry))];
    if (entries.length > 0) await world.store.moveHosted(mailbox.id, world.accountOf(mailbox).policy, entries, target.id);
    return entries.length;
  }
  let count = 0;
  for (const at of grouped(placed.map(({ placement }) => placement))) count += await world.sync.move(mailbox.id, at, target.id);
  if (count > 0) await world.sync.caughtUp(mailbox.id);
  return count;
}

type WayBack = Result<'conversation.move'>['back'];

/** Folders as `mailbox.folders` names them; by number for those who may not see which there are. */
function wayBack(placed: readonly Placed[], target: Folder, { state, seen }: { state: WayBack['state']; seen: boolean }): WayBack {
  const nameOf = (path: string, id: number): string => (seen ? folderKey(path) : String(id));
  return {
    out: nameOf(target.path, target.id),
    state,
    to: [...Map.groupBy(placed, ({ placement }) => placement.folder)].map(([id, there]) => ({
      folder: nameOf(there[0]?.placement.path ?? '', id),
      messages: there.map(({ entry }) => entry),
    })),
  };
}

/** Moves each mail to the folder that it came from, as far as it still lies where it was put; gives how many went. */
async function moveBack(world: World, { mailbox, detail }: Found, { out, to }: WayBack): Promise<number> {
  const here = await folderOfMove(world, mailbox, out);
  // The newest copy first: where a mail lay in the folder before, that is the one that the move made.
  const inHere = (await world.store.placed(detail.row.id)).filter(({ placement }) => placement.folder === here.id);
  const left = Map.groupBy(
    inHere.toSorted((a, b) => a.placement.uid - b.placement.uid),
    ({ entry }) => entry,
  );
  let count = 0;
  for (const { folder, messages } of to) {
    const placed = messages.flatMap((id) => left.get(id)?.pop() ?? []);
    count += await moveTo(world, mailbox, placed, await folderOfMove(world, mailbox, folder));
  }
  return count;
}

/** The state of before the move, whatever the mailbox makes of mail that is filed and comes back; not past what came in since. */
async function stateBack(world: World, caller: Caller, { detail: { row } }: Found, state: WayBack['state']): Promise<void> {
  const verb = state === 'done' ? ({ kind: 'done' } as const) : ({ kind: 'back', closedBy: null } as const);
  await world.store.work(row.id, verb, caller.person, world.now(), row.revision);
}

/** By the number that a move gave back, or as a folder is named elsewhere. */
async function folderOfMove(world: World, mailbox: Mailbox, named: string): Promise<Folder> {
  const folder = (await world.store.folders(mailbox.id)).find((one) => String(one.id) === named);
  return folder ?? folderNamed(world, mailbox, named);
}

// --- lists -------------------------------------------------------------------------------------------------------

async function folderNamed(world: World, mailbox: Mailbox, named: string): Promise<Folder> {
  const folders = await world.store.folders(mailbox.id);
  const exact = folders.find((folder) => folder.path === named || folderKey(folder.path) === named || folder.name === named);
  const folder = exact ?? folders.find((one) => one.name.toLowerCase() === named.toLowerCase());
  if (folder === undefined)
    throw new PostroomError(
      'not-found',
      `${mailbox.address} has no folder "${safeText(named)}". \`postroom folders ${mailbox.address}\` lists them.`,
    );
  return folder;
}

/**
 * One answer has an end (protocol/frame.ts) and who asked waits, while anybody may add mails of any size to a thread by naming it. So of
 * the newest mails and notes that are shown at once the newest come whole as far as these reach, counted as JSON, older mails without
 * their text, and what then is left with the next question.
 */
const shownAtMost = { items: 200, wholeCharacters: 4_000_000, briefCharacters: 1_200_000, openingMs: 10_000 };
/** A mail whose text is left out is asked for by itself, with `message`. */
const unopened: OpenedMail = { text: '', html: false, links: [], attachments: [], defeated: true };
const briefly = 20;

type ShownPart = { messages: Message[]; notes: Note[]; gone: GoneMail[]; earlier: ConversationDetail['earlier'] };

async function shown(world: World, { detail, snapshot }: Found, asked: { headers: boolean; history: boolean }): Promise<ShownPart> {
  const until = performance.now() + shownAtMost.openingMs;
  const room = { whole: shownAtMost.wholeCharacters, brief: shownAtMost.briefCharacters };
  const messages: Message[] = [];
  const notes: Note[] = [];
  const gone: GoneMail[] = [];
  const answer = (earlier: ShownPart['earlier']): ShownPart => ({
    messages: messages.reverse(),
    notes: notes.reverse(),
    gone: gone.reverse(),
    earlier,
  });
  const about = Map.groupBy(await world.store.reportsAbout(detail.entries.map(({ id }) => id)), (report) => report.about);
  const itself = new Map((await world.store.reportsIn(detail.entries.map(({ id }) => id))).map((report) => [report.message, report]));
  const reportedOf = ({ id }: EntryRow) => ({ about: about.get(id) ?? [], itself: itself.get(id) ?? null });
  const foldersOf = ({ placements }: EntryRow) => (asked.history ? [...new Set(placements.map(({ path }) => path))] : []);
  const items: (EntryRow | NoteRow | GoneRow)[] = [...detail.entries, ...detail.notes, ...detail.gone].sort((a, b) => b.row - a.row);
  for (const [at, entry] of items.entries()) {
    const isFirst = at === 0;
    const leaveOut = async () => answer(await world.store.earlier(detail.row.id, (items[at - 1] ?? entry).row, asked.history));
    if ('text' in entry) {
      const note = noteOf(snapshot, entry);
      // A note has no second way to be read: it comes whole, or with the next question.
      const size = JSON.stringify(note).length;
      if (room.whole < size && room.brief < size && !isFirst) return await leaveOut();
      if (room.whole >= size) room.whole -= size;
      else room.brief -= size;
      notes.push(note);
      continue;
    }
    if (!('hash' in entry)) {
      const mail = goneOf(entry);
      room.brief -= JSON.stringify(mail).length;
      if (room.brief < 0) return await leaveOut();
      gone.push(mail);
      continue;
    }
    const outbox = entry.outbox === null ? null : await world.store.outboxRow(entry.outbox);
    if (room.whole > 0 && (isFirst || performance.now() < until)) {
      const octets = await world.store.octets(entry.hash);
      const opened = await world.opener.open(octets);
      const headers = asked.headers ? rawHeaders(octets) : null;
      const message = messageOf(snapshot, entry, opened, outbox, headers, foldersOf(entry), reportedOf(entry));
      room.whole -= JSON.stringify(message).length;
      if (room.whole >= 0 || isFirst) {
        messages.push(message);
        continue;
      }
    }
    const [to, cc, replyTo] = [entry.to, entry.cc, entry.replyTo].map((people) => people.slice(0, briefly));
    const attachments = entry.attachments.slice(0, briefly);
    const message = messageOf(
      snapshot,
      { ...entry, to: to ?? [], cc: cc ?? [], replyTo: replyTo ?? [], attachments },
      unopened,
      outbox,
      null,
      foldersOf(entry),
      reportedOf(entry),
    );
    room.brief -= JSON.stringify(message).length;
    if (room.brief < 0) return await leaveOut();
    messages.push(message);
  }
  return answer(detail.earlier);
}

async function stream(octets: Uint8Array, download: (chunk: Uint8Array) => Promise<void>): Promise<void> {
  for (let at = 0; at < octets.byteLength; at += chunkOctets) await download(octets.subarray(at, at + chunkOctets));
}

async function entryFor(world: World, id: string): Promise<EntryRow> {
  const entry = await world.store.entry(id);
  if (entry === null) throw notFound();
  return entry;
}

/** Whoever is given work on a mailbox must hold Send there. */
function assigneeNamed(world: World, snapshot: Snapshot, mailbox: Mailbox, name: string) {
  const grantee = snapshot.granteeByName(name);
  if (grantee === undefined) throw new PostroomError('not-found', `There is no person and no role "${safeText(name)}".`);
  if (!assignable(world, snapshot, mailbox).some((one) => one.id === grantee.id)) {
    throw new PostroomError(
      'invalid',
      `${safeText(grantee.name)} may not send from ${mailbox.address}, so the work cannot be given to them.`,
      { why: 'assignee-lacks-send' },
    );
  }
  return { kind: grantee.kind, id: grantee.id };
}

export function assignable(world: World, snapshot: Snapshot, mailbox: Mailbox): { kind: 'person' | 'role'; id: string }[] {
  const now = world.now();
  const persons = [...snapshot.access.persons(mailbox.id, now)]
    .filter(([, surfaces]) => surfaces.send)
    .map(([id]) => ({ kind: 'person' as const, id }));
  const roles = snapshot.directory.roles
    .filter((role) => snapshot.access.roleMaySend(role.id, mailbox.id, now))
    .map(({ id }) => ({ kind: 'role' as const, id }));
  return [...persons, ...roles];
}

async function listed(world: World, asked: Omit<Asked<'folder.list'>, 'folder'>, caller: Caller, folder: number | null) {
  const seq = caller.seq();
  const now = world.now();
  const snapshot = world.directory.snapshot();
  const mailbox = mailboxNamed(snapshot, asked.mailbox);
  const seen = seenBy(snapshot, caller.person, mailbox, now);
  const page = await world.store.list({
    person: caller.person,
    mailbox: seen,
    folder,
    state: asked.state,
    limit: asked.limit,
    cursor: asked.cursor,
  });
  // Access without Send raises no count and no unread mark, here neither.
  const counted = snapshot.access.surfaces(caller.person, mailbox.id, now).panel;
  const counts = counted
    ? await world.store.panelCounts({ person: caller.person, roles: rolesOf(snapshot, caller.person), mailboxes: [seen] })
    : null;
  const rows = page.rows.map((row) => conversationOf(snapshot, counted ? row : { ...row, unread: 0 }));
  return { rows, next: page.next, unread: counts?.unread ?? 0, seq };
}

type MailMethods =
  | 'folder.list'
  | 'panel.list'
  | 'conversation.list'
  | 'conversation.show'
  | 'message.raw'
  | 'message.attachment'
  | 'conversation.mark'
  | 'conversation.take'
  | 'conversation.release'
  | 'conversation.assign'
  | 'conversation.assignees'
  | 'conversation.note'
  | 'conversation.move';

export const mailHandlers: Handlers<MailMethods> = {
  'panel.list': async (world, asked, caller) => {
    const now = world.now();
    const seq = caller.seq();
    const snapshot = world.directory.snapshot();
    let mailboxes = mailboxesWith(snapshot, caller.person, 'panel', now);
    if (asked.mailbox !== null) {
      const named = snapshot.mailboxByAddress(asked.mailbox) ?? snapshot.mailbox(asked.mailbox);
      // A mailbox that one reaches without its panel is named as such; any other does not exist.
      if (named === undefined || !snapshot.access.surfaces(caller.person, named.id, now).any) throw notFound();
      if (!mailboxes.includes(named))
        throw new PostroomError(
          'forbidden',
          `The panel of ${named.address} is for those who may send from it. \`postroom list ${named.address}\` shows what you may see.`,
          { why: 'no-grant' },
        );
      mailboxes = [named];
      // One row is asked for the counts beside the name of every mailbox: nobody looks at that panel yet.
      if (asked.limit > 1) world.uses.noteWork(caller.person, named.id);
    }
    const query = {
      person: caller.person,
      roles: rolesOf(snapshot, caller.person),
      mailboxes: mailboxes.map((mailbox) => seenBy(snapshot, caller.person, mailbox, now)),
    };
    const [page, counts] = await Promise.all([
      world.store.panel({ ...query, view: asked.view, limit: asked.limit, cursor: asked.cursor }),
      world.store.panelCounts(query),
    ]);
    const { unread, ...views } = counts;
    return { rows: page.rows.map((row) => conversationOf(snapshot, row)), next: page.next, unread, counts: views, seq };
  },

  'conversation.list': (world, asked, caller) => listed(world, asked, caller, null),

  'folder.list': async (world, asked, caller) => {
    const mailbox = mailboxNamed(world.directory.snapshot(), asked.mailbox);
    return listed(world, asked, caller, (await folderNamed(world, mailbox, asked.folder)).id);
  },

  'conversation.show': async (world, asked, caller) => {
    const seq = caller.seq();
    const part: Part =
      asked.message === null ? { limit: shownAtMost.items, before: asked.before, history: true } : { message: asked.message };
    const found = await conversationFor(world, asked.conversation, caller, part);
    const { snapshot, mailbox, detail } = found;
    if (asked.message !== null && detail.entries.length === 0) throw notFound();
    const { row } = detail;
    const rights = surfacesOf(snapshot.access.surfaces(caller.person, mailbox.id, world.now()));
    return {
      ...current(found),
      had: row.had === null ? null : granteeOf(snapshot, row.had),
      mailbox: safeText(mailbox.address),
      subject: safeText(row.subject),
      unread: rights.panel ? row.unread : 0,
      starred: row.starred,
      waitingSince: isoOrNull(row.waitingSince),
      ...(await shown(world, found, { headers: asked.headers, history: rights.timeline })),
      rights,
      seq,
    };
  },

  'message.raw': async (world, asked, _caller, io) => {
    const octets = await world.store.octets((await entryFor(world, asked.message)).hash);
    await stream(octets, io.download);
    return { sizeOctets: octets.byteLength };
  },

  'message.attachment': async (world, asked, _caller, io) => {
    const octets = await world.store.octets((await entryFor(world, asked.message)).hash);
    const found = attachmentBytes(octets, asked.index);
    if (found === null) throw new PostroomError('not-found', `The mail has no attachment ${asked.index}.`);
    await stream(found.bytes, io.download);
    return { filename: safeText(found.filename), type: safeText(found.type), sizeOctets: found.bytes.byteLength };
  },

  'conversation.mark': async (world, asked, caller) => {
    if (asked.as === 'done' || asked.as === 'open' || asked.as === 'undone') {
      const verb = asked.as === 'undone' ? ({ kind: 'back', closedBy: caller.person } as const) : { kind: asked.as };
      const done = await work(world, caller, asked.conversation, verb, asked.ifRevision);
      if (asked.as === 'done') await afterDone(world, done, caller);
      return worked(done);
    }
    const found = await conversationFor(world, asked.conversation, caller);
    if (asked.ifRevision !== null && asked.ifRevision !== found.detail.row.revision) throw moved(found.detail, found.snapshot);
    const id = found.detail.row.id;
    if (asked.as === 'star' || asked.as === 'unstar') await world.store.star(id, caller.person, asked.as === 'star');
    else {
      await world.store.markRead(id, caller.person, asked.as === 'read');
      if (asked.as === 'read') await markSeen(world, found, 'read', caller);
      else if (!found.mailbox.shared && found.mailbox.owner === caller.person) await unmarkSeen(world, found);
    }
    return current(found);
  },

  'conversation.take': async (world, asked, caller) => {
    const { snapshot, mailbox } = await conversationFor(world, asked.conversation, caller);
    const to = assigneeNamed(world, snapshot, mailbox, snapshot.nameOf(caller.person));
    return worked(await work(world, caller, asked.conversation, { kind: 'assign', to, yield: !asked.over }, asked.ifRevision));
  },

  'conversation.release': async (world, asked, caller) =>
    worked(await work(world, caller, asked.conversation, { kind: 'assign', to: null }, asked.ifRevision)),

  'conversation.assign': async (world, asked, caller) => {
    const { snapshot, mailbox } = await conversationFor(world, asked.conversation, caller);
    const to = assigneeNamed(world, snapshot, mailbox, asked.to);
    const taken = to.kind === 'person' && to.id === caller.person;
    return worked(await work(world, caller, asked.conversation, { kind: 'assign', to, yield: taken && !asked.over }, asked.ifRevision));
  },

  'conversation.assignees': async (world, asked, caller) => {
    const { snapshot, mailbox } = await conversationFor(world, asked.conversation, caller);
    return { rows: assignable(world, snapshot, mailbox).map((one) => granteeOf(snapshot, one)) };
  },

  'conversation.note': async (world, asked, caller) => {
    const done = await work(world, caller, asked.conversation, { kind: 'note', text: asked.text }, asked.ifRevision);
    const note = { id: done.result.note ?? '', author: caller.person, at: world.now(), text: asked.text };
    return { ...worked(done), note: noteOf(done.snapshot, note) };
  },

  'conversation.move': async (world, asked, caller) => {
    const found = await conversationFor(world, asked.conversation, caller);
    const lying = await world.store.seenPlaces(found.detail.row.id, asked.ifRevision);
    if (lying === null) throw notFound();
    if (!lying.ok) throw moved((await conversationFor(world, asked.conversation, caller)).detail, found.snapshot);
    const { to } = asked;
    if ('back' in to) {
      const count = await moveBack(world, found, to.back);
      if (count > 0) {
        await recordMove(world, caller, found, count, { back: true });
        await stateBack(world, caller, found, to.back.state);
      }
      const { row } = (await conversationFor(world, asked.conversation, caller)).detail;
      const [only, ...more] = to.back.to;
      const named = only !== undefined && more.length === 0 && seesFolders(world, found, caller);
      const folder = safeText(named ? (await folderOfMove(world, found.mailbox, only.folder)).name : '');
      return { conversation: row.id, moved: count, folder, revision: row.revision, back: { ...to.back, to: [] } };
    }
    const folders = await world.store.folders(found.mailbox.id);
    const target = 'folder' in to ? await folderNamed(world, found.mailbox, to.folder) : folderOfRole(folders, to.role);
    if (target === undefined) throw new PostroomError('invalid', `${found.mailbox.address} has no ${'role' in to ? to.role : ''} folder.`);
    if (!target.selectable) throw new PostroomError('invalid', `"${safeText(target.name)}" cannot hold mail.`);
    const placed = toMove(lying.placed, target);
    const count = await moveTo(world, found.mailbox, placed, target);
    if (count > 0) await recordMove(world, caller, found, count, target);
    const { row } = (await conversationFor(world, asked.conversation, caller)).detail;
    const seen = seesFolders(world, found, caller);
    const folder = safeText('role' in to && !seen ? to.role : target.name);
    return {
      conversation: row.id,
      moved: count,
      folder,
      revision: row.revision,
      back: wayBack(placed, target, { state: found.detail.row.state, seen }),
    };
  },
};

async function recordMove(
  world: World,
  { person }: Caller,
  { mailbox, detail }: Found,
  count: number,
  to: Pick<Folder, 'name' | 'path'> | { back: true },
): Promise<void> {
  const mails = count === 1 ? 'a mail' : `${count} mails`;
  await world.store.recordActivity([
    {
      at: world.now(),
      kind: 'system',
      mailbox: mailbox.id,
      conversation: detail.row.id,
      actor: person,
      summary: 'back' in to ? `moved ${mails} back` : `moved ${mails} to ${to.name}`,
      details: { action: 'conversation.move', ...('back' in to ? to : { folder: to.path }) },
      key: null,
    },
  ]);
}

async function unmarkSeen(world: World, { mailbox, detail }: Found): Promise<void> {
  const last = await world.store.answerable(detail.row.id);
  if (last?.direction !== 'in') return;
  changeFlags(
    world,
    mailbox,
    last.placements.filter(({ flags }) => flags.includes('\\Seen')),
    { remove: ['\\Seen'] },
  );
}
