/**
 * Makes one folder of the store equal to the server's: asks what `plan.ts` wants to know, and does what follows. It works on the
 * watch connection and takes in what is small; a backlog is handed back for the bulk connection.
 */
import type { MailboxAccount } from '../engines.ts';
import type { Folder, Millis, Store } from '../store/types.ts';
import { type Batch, type Reading, readMessages, type Unfetchable } from './batches.ts';
import { ImapFault } from './fault.ts';
import type { Flagged, Imap } from './imap.ts';
import { ask, type Conclusion, compare, conclude, matchIdentities, type Ours, reused, type Theirs } from './plan.ts';

/** A folder while the daemon runs. */
export type FolderState = {
  row: Folder;
  /** What SELECT said at the last look; null when it was refused. */
  theirs: Theirs | null;
  /**
   * Everything below `uidNext` is known to be stored. Only then do counts prove anything: of a folder that was left in the middle of
   * its history as many may be missing as were deleted since.
   */
  complete: boolean;
  /** We changed it ourselves: looked at whatever STATUS says, which on some servers lags behind. */
  lookDue: boolean;
  /** UIDs that the server does not give, and when to ask again. */
  unfetchable: Map<number, { retryAt: Millis; tries: number }>;
  /** Flags as last seen, where the server does not count changes: only what differs is written. */
  seenFlags: Map<number, string>;
  /** Placements of an earlier generation may be left from before the daemon was stopped. */
  mayBeStale: boolean;
  /** When its UIDs last lost their meaning, newest last; what they were counted by then. */
  madeAnew: { at: Millis; uidValidity: number }[];
  /** Parked until then, whatever is listed. */
  restUntil: Millis;
  /** Times in a row that it was refused. */
  refusals: number;
};

/** `refused`: UIDs of its generation that the server did not give before the daemon was stopped; they are asked for again at once. */
export const newFolderState = (row: Folder, refused: readonly number[] = []): FolderState => ({
  row,
  theirs: null,
  complete: false,
  lookDue: false,
  unfetchable: new Map(refused.map((uid) => [uid, { retryAt: 0, tries: 0 }])),
  seenFlags: new Map(),
  mayBeStale: true,
  madeAnew: [],
  restUntil: 0,
  refusals: 0,
});

/** Messages to be fetched over the bulk connection. */
export type Backlog = {
  state: FolderState;
  uidValidity: number;
  history: number[];
  arrived: number[];
  /** Some of it arrived while we watched: `uidNext` stays before it until it is stored. */
  holdsArrivals: boolean;
  /** After a UIDVALIDITY change: the folder changes over to this generation when all of it is stored. */
  changesOver: boolean;
  checkpoint: Checkpoint;
};

export type Checkpoint = { uidNext?: number; highestModSeq?: string | null; serverCount?: number };

/** What a look found and did not do yet. */
export type Found = {
  state: FolderState;
  uidValidity: number;
  flags: Flagged[];
  /** Unlinked only after the other folders were looked at, so that a move stays a move. */
  gone: number[];
  checkpoint: Checkpoint;
  backlog: Backlog | null;
};

/** What a look asks of a connection, and of the store. */
export type Connection = Reading & Pick<Imap, 'open' | 'uids' | 'flags' | 'changedSince' | 'sketches' | 'sizes'>;
type FolderStore = Pick<Store, 'uids' | 'identities' | 'setFolder' | 'ingest' | 'applyChanges' | 'relink' | 'dropStale' | 'setUnfetchable'>;

export type FolderDeps = {
  store: FolderStore;
  account: () => MailboxAccount;
  now: () => Millis;
  /** Another connection with the folder open, to confirm what looks like a folder being emptied. */
  second: <T>(use: (imap: Connection) => Promise<T>) => Promise<T>;
  /** Messages were stored. */
  stored: (state: FolderState) => void;
  /** A server lied about a size: nothing is read whole. */
  inParts: () => boolean;
};

/** Fewer messages than this, and not larger together, are read on the watch connection at once. */
const fewMessages = 20;
const fewOctets = 1024 * 1024;
/** So many of a new inbox are read at once, when they are not larger together. */
const firstMessages = 50;
/** More changes of UIDVALIDITY in this time than that are a fault of the server. */
const flappings = 5;
const flappingMs = 600_000;

/** `busy`: the bulk connection is filling this folder, so history is in good hands and MODSEQ must not be taken over yet. */
export async function look(
  imap: Connection,
  deps: FolderDeps,
  state: FolderState,
  scan: 'none' | 'newest' | 'all',
  busy: boolean,
): Promise<Found> {
  const { store } = deps;
  const { row } = state;
  // Ours before the server's: what is stored meanwhile must not look deleted.
  const uids = row.uidValidity === null ? [] : await store.uids(row.id, row.uidValidity);
  state.theirs = null;
  state.lookDue = false;
  const theirs = await openSteady(imap, row);
  state.theirs = theirs;
  if (theirs.uidValidity === row.uidValidity) await forgetExpunged(imap, deps, state, theirs.uidValidity);
  const ours: Ours = {
    uidValidity: row.uidValidity,
    uidNext: row.uidNext,
    highestModSeq: row.highestModSeq,
    uids,
    unfetchable: [...state.unfetchable].filter(([, { retryAt }]) => retryAt > deps.now()).map(([uid]) => uid),
  };
  const questions = ask(ours, theirs, scan);
  const { complete } = state;
  state.complete = false; // until this look has come to its end
  if (questions.generation === 'changed') {
    boundFlapping(deps, state, theirs);
    return relink(imap, deps, state, theirs);
  }

  const changes = questions.changesSince === null ? null : await imap.changedSince(questions.changesSince);
  let flags = changes?.flags ?? [];
  if (questions.flags === 'all') flags = await imap.flags('all');
  if (questions.flags === 'newest') flags = await imap.flags(uids.slice(-500));

  const conclusion = await concluded();
  if (questions.generation === 'first') {
    // From here on what has a lower UID is history, whenever the daemon is stopped.
    const first = { uidValidity: theirs.uidValidity, uidNext: conclusion.uidNext, highestModSeq: theirs.highestModSeq };
    await store.setFolder(row.id, { ...first, serverCount: theirs.exists });
    Object.assign(row, first, { serverCount: theirs.exists });
  }
  const gone = conclusion.confirm ? await confirmed(deps, row, theirs.uidValidity, conclusion.gone) : conclusion.gone;

  const others = questions.identities ? await reusedUids(imap, deps, state, theirs) : [];
  const wanted = { history: busy ? [] : [...conclusion.history, ...others].sort((a, b) => a - b), arrived: conclusion.arrived };
  const checkpoint: Checkpoint = {
    uidNext: conclusion.uidNext,
    serverCount: theirs.exists,
    // What was not confirmed as gone is asked for again.
    ...(busy || gone.length < conclusion.gone.length ? {} : { highestModSeq: theirs.highestModSeq }),
  };
  const found = { state, uidValidity: theirs.uidValidity, flags: fresh(state, uids, flags), gone, checkpoint };

  if (wanted.history.length + wanted.arrived.length === 0) {
    state.complete = !busy;
    return { ...found, backlog: null };
  }
  const read = async (uids: readonly number[], origin: 'live' | 'import') => {
    const left = await readMessages(imap, [uids], new Set(), (batch) => takeIn(deps, state, theirs.uidValidity, origin, batch));
    await noteUnfetchable(deps, state, theirs.uidValidity, left);
  };
  if (questions.generation === 'first' && row.role === 'inbox') {
    // Something to read before the bulk connection stands.
    const newest = wanted.history.slice(-firstMessages);
    if (await isLittle(imap, deps, newest, firstMessages)) await read(wanted.history.splice(-firstMessages), 'import');
  }
  if (await isLittle(imap, deps, [...wanted.history, ...wanted.arrived], fewMessages)) {
    await read(wanted.arrived, 'live');
    await read(wanted.history, 'import');
    state.complete = !busy;
    return { ...found, backlog: null };
  }
  // The checkpoint moves when the backlog is stored; a look follows then, which finds flags changed in between.
  return {
    ...found,
    checkpoint: { serverCount: theirs.exists },
    backlog: {
      state,
      uidValidity: theirs.uidValidity,
      ...wanted,
      holdsArrivals: wanted.arrived.length > 0,
      changesOver: false,
      checkpoint: { uidNext: conclusion.uidNext },
    },
  };

  async function concluded(): Promise<Conclusion> {
    if (questions.generation === 'same' && complete) {
      const arrivals = questions.arrivalsFrom === null ? [] : await imap.uids(questions.arrivalsFrom);
      const adding = conclude(ours, theirs, arrivals, changes?.vanished ?? []);
      if (adding) return adding;
    }
    return compare(ours, theirs, await imap.uids());
  }
}

/**
 * Some servers keep what they count by only once somebody has selected the folder, and give a new UIDVALIDITY at every EXAMINE until then
 * (Courier's INBOX). One SELECT settles it, and takes nothing but \Recent.
 */
async function openSteady(imap: Connection, row: Folder): Promise<Theirs> {
  const examined = await imap.open(row);
  if (row.uidValidity === null || examined.uidValidity === row.uidValidity) return examined;
  try {
    await imap.open(row, 'write');
  } catch (error) {
    // Who may only read it cannot settle it.
    if (!(error instanceof ImapFault) || error.kind !== 'refused') throw error;
  }
  return imap.open(row);
}

/** How long a folder that was refused is left alone, by the refusals in a row before this one. */
const parkedMinutes = [1, 5, 15, 60];

export const parkedMs = (refusals: number): Millis => (parkedMinutes[Math.min(refusals, parkedMinutes.length - 1)] ?? 60) * 60_000;

/** A folder that is made anew over and over is left alone for a while: each time costs the server its whole listing. */
function boundFlapping({ now }: FolderDeps, state: FolderState, { uidValidity }: Theirs): void {
  const recent = state.madeAnew.filter(({ at }) => at > now() - flappingMs);
  if (recent.at(-1)?.uidValidity !== uidValidity) recent.push({ at: now(), uidValidity });
  state.madeAnew = recent;
  if (recent.length <= flappings) return;
  state.theirs = null;
  throw new ImapFault({
    kind: 'refused',
    message: `The server made it anew ${recent.length} times within ${flappingMs / 60_000} minutes (UIDVALIDITY), so it is left alone for as long.`,
    retryAfterMs: flappingMs,
  });
}

async function reusedUids(imap: Connection, { store }: FolderDeps, { row }: FolderState, { uidValidity }: Theirs): Promise<number[]> {
  const stored = (await store.identities(row.id)).filter((identity) => identity.uidValidity === uidValidity);
  const listed = await imap.sketches('all');
  return reused(
    stored.map((identity) => ({ ...identity, messageId: bare(identity.messageId) })),
    listed,
  );
}

/** What was waiting for the other folders: flags, what is gone, and the checkpoint, in one transaction. */
export async function settle(deps: FolderDeps, { state, uidValidity, flags, gone, checkpoint }: Found): Promise<void> {
  const { row } = state;
  const moves =
    (checkpoint.uidNext !== undefined && checkpoint.uidNext !== row.uidNext) ||
    (checkpoint.highestModSeq !== undefined && checkpoint.highestModSeq !== row.highestModSeq) ||
    (checkpoint.serverCount !== undefined && checkpoint.serverCount !== row.serverCount);
  if (flags.length === 0 && gone.length === 0 && !moves) return;
  const { policy, id } = deps.account();
  await deps.store.applyChanges({ mailbox: id, policy, folder: row.id, uidValidity, flags, gone, checkpoint });
  for (const { uid, flags: now, modSeq } of flags) if (modSeq === null) state.seenFlags.set(uid, flagsKey(now));
  for (const uid of gone) state.seenFlags.delete(uid);
  Object.assign(row, checkpoint, { storedCount: row.storedCount - gone.length });
}

/** Stores a batch. Its buffer is handed over. */
export async function takeIn(
  deps: FolderDeps,
  state: FolderState,
  uidValidity: number,
  origin: 'import' | 'live',
  batch: Batch,
): Promise<void> {
  const { policy, id } = deps.account();
  const ingested = await deps.store.ingest({ mailbox: id, policy, folder: state.row.id, uidValidity, origin, ...batch });
  for (const { uid, flags, modSeq } of batch.items) {
    state.unfetchable.delete(uid);
    if (modSeq === null) state.seenFlags.set(uid, flagsKey(flags));
  }
  state.row.storedCount += ingested.length;
  deps.stored(state);
}

/** A look at a folder that is being filled found more to fetch, or took it in itself. */
export function joinBacklog(backlog: Backlog, { backlog: more, checkpoint }: Found): void {
  const uidNext = more?.checkpoint.uidNext ?? checkpoint.uidNext ?? 0;
  backlog.checkpoint.uidNext = Math.max(backlog.checkpoint.uidNext ?? 0, uidNext);
  backlog.holdsArrivals ||= (more?.arrived.length ?? 0) > 0;
  if (backlog.holdsArrivals) delete checkpoint.uidNext;
  backlog.arrived.push(...(more?.arrived ?? []).filter((uid) => !backlog.arrived.includes(uid)));
}

/** After a backlog is stored. */
export async function finish(deps: FolderDeps, backlog: Backlog): Promise<void> {
  const { state, checkpoint, uidValidity } = backlog;
  if (backlog.changesOver) {
    await deps.store.setFolder(state.row.id, { uidValidity, ...checkpoint });
    Object.assign(state.row, { uidValidity }, checkpoint);
    await dropStale(deps, state);
  } else {
    await deps.store.setFolder(state.row.id, checkpoint);
    Object.assign(state.row, checkpoint);
  }
}

/** Once the folder is complete: what an earlier generation left behind goes. */
export async function dropStale(deps: FolderDeps, state: FolderState): Promise<void> {
  const { id, policy } = deps.account();
  await deps.store.dropStale(id, state.row.id, policy);
  state.mayBeStale = false;
}

/** What the server did not give and does not list any more is missing no longer. */
async function forgetExpunged(imap: Connection, { store }: FolderDeps, state: FolderState, uidValidity: number): Promise<void> {
  if (state.unfetchable.size === 0) return;
  const there = new Set(await imap.still([...state.unfetchable.keys()]));
  for (const uid of [...state.unfetchable.keys()].filter((uid) => !there.has(uid))) {
    await store.setUnfetchable(state.row.id, uidValidity, uid, null);
    state.unfetchable.delete(uid);
  }
}

/** Visible in the mailbox's status; asked for again after a minute, later after a day. */
export async function noteUnfetchable(
  deps: FolderDeps,
  state: FolderState,
  uidValidity: number,
  unfetchable: readonly Unfetchable[],
): Promise<void> {
  for (const { uid, why } of unfetchable) {
    const tries = (state.unfetchable.get(uid)?.tries ?? 0) + 1;
    state.unfetchable.set(uid, { tries, retryAt: deps.now() + Math.min(60_000 * 4 ** (tries - 1), 86_400_000) });
    await deps.store.setUnfetchable(state.row.id, uidValidity, uid, why);
  }
}

/**
 * The UIDs mean other messages now. Placements whose message can be recognised move to their new UID without a download; the rest
 * is fetched, and its hash finds what we have. Only then does the folder change over: until that moment everything here can be
 * done again from the start.
 */
async function relink(imap: Connection, deps: FolderDeps, state: FolderState, theirs: Theirs): Promise<Found> {
  const { store } = deps;
  const { row } = state;
  const { id: mailbox } = deps.account();
  const stored = (await store.identities(row.id)).map((identity) => ({ ...identity, messageId: bare(identity.messageId) }));
  const done = new Set(stored.filter((s) => s.uidValidity === theirs.uidValidity).map(({ uid }) => uid));
  const old = stored.filter((s) => s.uidValidity !== theirs.uidValidity);
  const listed = (await imap.sketches('all')).filter(({ uid }) => !done.has(uid));
  const sketchOf = new Map(listed.map((sketch) => [sketch.uid, sketch]));

  const { pairs, fetch } = matchIdentities(old, listed);
  if (pairs.length > 0) {
    await store.relink(mailbox, {
      folder: row.id,
      uidValidity: theirs.uidValidity,
      pairs: pairs.map(({ from, uid }) => ({
        from: { uidValidity: from.uidValidity, uid: from.uid },
        uid,
        flags: sketchOf.get(uid)?.flags ?? [],
        modSeq: sketchOf.get(uid)?.modSeq ?? null,
      })),
    });
  }
  state.seenFlags.clear();
  state.unfetchable.clear();

  // Younger than all that was here: it arrived since.
  const newest = old.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt), 0);
  const arrived = fetch.filter((uid) => (sketchOf.get(uid)?.receivedAt ?? 0) > newest);
  const checkpoint = {
    uidNext: Math.max(theirs.uidNext ?? 1, (listed.at(-1)?.uid ?? 0) + 1),
    // What an attempt that was cut short linked has the flags of that time: without a MODSEQ all flags are compared.
    highestModSeq: done.size === 0 ? theirs.highestModSeq : null,
    serverCount: theirs.exists,
  };
  const backlog: Backlog = {
    state,
    uidValidity: theirs.uidValidity,
    history: fetch.filter((uid) => !arrived.includes(uid)),
    arrived,
    holdsArrivals: true,
    changesOver: true,
    checkpoint,
  };
  return { state, uidValidity: row.uidValidity ?? theirs.uidValidity, flags: [], gone: [], checkpoint: {}, backlog };
}

const bare = (messageId: string | null) => messageId?.replace(/^<|>$/g, '') ?? null;

async function confirmed(deps: FolderDeps, folder: Folder, uidValidity: number, gone: number[]): Promise<number[]> {
  return deps.second(async (imap) => {
    const again = await imap.open(folder);
    if (again.uidValidity !== uidValidity) return [];
    const there = new Set(await imap.uids());
    return gone.filter((uid) => !there.has(uid));
  });
}

/** Changes of messages that we have; the store need not hear of what it knows. */
function fresh(state: FolderState, uids: readonly number[], flags: readonly Flagged[]): Flagged[] {
  const have = new Set(uids);
  return flags.filter(({ uid, flags, modSeq }) => {
    if (!have.has(uid)) return false;
    if (modSeq !== null) return true;
    return state.seenFlags.get(uid) !== flagsKey(flags);
  });
}

const flagsKey = (flags: readonly string[]) => [...flags].sort().join(' ');

async function isLittle(imap: Connection, deps: FolderDeps, uids: readonly number[], atMost: number): Promise<boolean> {
  if (uids.length === 0) return true;
  if (uids.length > atMost || deps.inParts()) return false;
  const sizes = await imap.sizes(uids);
  return [...sizes.values()].reduce((sum, size) => sum + size, 0) <= fewOctets;
}
