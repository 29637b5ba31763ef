/**
 * Decides how a folder becomes equal to the server's. Pure: it is handed what we have and what the server said, and answers with
 * what to ask next and what to do; `folder.ts` asks and does.
 *
 * The rules that keep mail from being lost, in the order in which they act:
 * - our UIDs are read before the server's, so nothing fresh ever looks deleted
 * - whatever announced a change, the look asks for UIDs from `uidNext` on as well: MODSEQ and EXISTS can stand still
 * - ours + arrived - gone must be the server's count; when it is not, the whole UID set is compared
 * - UIDs below the `uidNext` of the first look are history, the others arrived while we watched
 */

/** What we have of a folder; `uids` ascending. */
export type Ours = {
  uidValidity: number | null;
  /** null before the first look. */
  uidNext: number | null;
  highestModSeq: string | null;
  uids: readonly number[];
  /** UIDs that the server lists and does not give. */
  unfetchable: readonly number[];
};

/** What SELECT said. */
export type Theirs = { uidValidity: number; uidNext: number | null; exists: number; highestModSeq: string | null };

/** What STATUS said; a missing item is null. */
export type Status = { uidValidity: number | null; uidNext: number | null; messages: number | null; highestModSeq: string | null };

/** What to ask the server in one look at the selected folder. */
export type Questions = {
  /** `first`: nothing is known of this folder; `changed`: our UIDs mean nothing any more (RFC 9051, 2.3.1.1). */
  generation: 'first' | 'same' | 'changed';
  /** Ask for UIDs from here on; null: none has been given out since. */
  arrivalsFrom: number | null;
  /** Ask for flags (and VANISHED) since this MODSEQ. */
  changesSince: string | null;
  /** Without CONDSTORE the flags themselves are compared. */
  flags: 'none' | 'newest' | 'all';
  /** What only grows has become less: a restored copy may have given known UIDs to other messages, so each is looked at again. */
  identities: boolean;
};

export type Conclusion = {
  /** Stored in the folder before we first looked, or lost on the way: fetched as history. Ascending. */
  history: number[];
  /** Arrived since. Ascending. */
  arrived: number[];
  gone: number[];
  /** So many are gone at once that a second connection has to say the same. */
  confirm: boolean;
  /** First UID not asked for, once `arrived` is stored. */
  uidNext: number;
};

/** Whether STATUS shows that a folder has to be selected and looked at. */
export function moved(ours: Omit<Ours, 'uids' | 'unfetchable'> & { count: number }, status: Status): boolean {
  if (ours.uidNext === null || ours.uidValidity === null) return true;
  // A server that leaves an item out may be hiding a change.
  if (status.messages === null || status.uidNext === null || status.uidValidity === null) return true;
  return (
    status.uidValidity !== ours.uidValidity ||
    status.uidNext !== ours.uidNext ||
    status.messages !== ours.count ||
    status.highestModSeq !== ours.highestModSeq
  );
}

/** `scan` says how much of the flags is compared where the server does not count changes. */
export function ask(ours: Ours, theirs: Theirs, scan: 'none' | 'newest' | 'all'): Questions {
  if (ours.uidNext === null || ours.uidValidity === null) {
    return { generation: 'first', arrivalsFrom: null, changesSince: null, flags: 'none', identities: false };
  }
  if (ours.uidValidity !== theirs.uidValidity)
    return { generation: 'changed', arrivalsFrom: null, changesSince: null, flags: 'none', identities: false };

  const back = wentBack(ours, theirs);
  const counted = theirs.highestModSeq !== null;
  const known = ours.highestModSeq !== null && !back;
  return {
    generation: 'same',
    arrivalsFrom: theirs.uidNext === ours.uidNext ? null : ours.uidNext,
    changesSince: counted && known && theirs.highestModSeq !== ours.highestModSeq ? ours.highestModSeq : null,
    // A server that begins to count: everything before its count began is compared once.
    flags: counted ? (known ? 'none' : 'all') : scan,
    identities: back,
  };
}

/** UIDNEXT and MODSEQ never become less while UIDVALIDITY stays (RFC 9051, 2.3.1.1; RFC 7162, 3.1.2.1). */
function wentBack(ours: Ours, theirs: Theirs): boolean {
  const modSeqs = ours.highestModSeq !== null && theirs.highestModSeq !== null;
  return (
    (theirs.uidNext !== null && theirs.uidNext < (ours.uidNext ?? 0)) ||
    (modSeqs && BigInt(theirs.highestModSeq ?? 0) < BigInt(ours.highestModSeq ?? 0))
  );
}

/**
 * What follows from the UIDs from `arrivalsFrom` on and from those that vanished; null when they do not add up to the server's
 * count, and the whole UID set has to be asked for and compared.
 */
export function conclude(ours: Ours, theirs: Theirs, arrivals: readonly number[], vanished: readonly number[]): Conclusion | null {
  const have = new Set(ours.uids);
  const arrived = arrivals.filter((uid) => !have.has(uid));
  const gone = [...new Set(vanished)].filter((uid) => have.has(uid)).sort((a, b) => a - b);
  const refused = ours.unfetchable.filter((uid) => !have.has(uid) && !arrivals.includes(uid)).length;
  if (have.size + refused + arrived.length - gone.length !== theirs.exists) return null;
  return settle(ours, theirs, arrived, gone, arrivals.at(-1) ?? 0);
}

/** The same from the server's whole UID set, ascending. */
export function compare(ours: Ours, theirs: Theirs, all: readonly number[]): Conclusion {
  const there = new Set(all);
  const handled = new Set([...ours.uids, ...ours.unfetchable]);
  const missing = all.filter((uid) => !handled.has(uid));
  const gone = ours.uids.filter((uid) => !there.has(uid));
  return settle(ours, theirs, missing, gone, all.at(-1) ?? 0);
}

function settle(ours: Ours, theirs: Theirs, missing: readonly number[], gone: number[], highest: number): Conclusion {
  const frontier = ours.uidNext;
  return {
    history: missing.filter((uid) => frontier === null || uid < frontier),
    arrived: missing.filter((uid) => frontier !== null && uid >= frontier),
    gone,
    confirm: emptying(ours.uids.length, gone.length),
    // Some servers leave UIDNEXT out, and mail may have arrived after SELECT.
    uidNext: Math.max(theirs.uidNext ?? frontier ?? 1, highest + 1),
  };
}

/** More than half of a folder, or more than a thousand at once: a server that forgot its index looks just like that. */
export function emptying(stored: number, gone: number): boolean {
  return gone > 1_000 || (gone >= 10 && gone * 2 > stored);
}

/** Newest first; the first slice is small so that there is something to read soon. */
export function slices(uids: readonly number[], first = 50, then = 500): number[][] {
  const newest = [...uids].sort((a, b) => b - a);
  const cut: number[][] = [];
  for (let at = 0; at < newest.length; ) {
    const size = at === 0 ? first : then;
    cut.push(newest.slice(at, at + size));
    at += size;
  }
  return cut;
}

// --- after a UIDVALIDITY change ------------------------------------------------------------------------------------

export type Identity = { uid: number; sizeOctets: number; receivedAt: number; messageId: string | null };

/**
 * Which of our placements are which of the server's: by size, date and Message-ID together, and only where that is unique on both
 * sides. The rest is fetched, and its hash decides.
 */
export function matchIdentities<T extends Identity>(
  ours: readonly T[],
  theirs: readonly Identity[],
): { pairs: { from: T; uid: number }[]; fetch: number[] } {
  const stored = uniqueBy(ours);
  const listed = uniqueBy(theirs);
  const pairs: { from: T; uid: number }[] = [];
  const fetch: number[] = [];
  for (const message of theirs) {
    const name = nameOf(message);
    const from = listed.get(name) === message ? stored.get(name) : undefined;
    if (from) pairs.push({ from, uid: message.uid });
    else fetch.push(message.uid);
  }
  return { pairs, fetch };
}

/** UIDs at which another message lies now than the one that we have there. What merely looks different is fetched once more, no harm done. */
export function reused(ours: readonly Identity[], theirs: readonly Identity[]): number[] {
  const stored = new Map(ours.map((message) => [message.uid, nameOf({ ...message, receivedAt: 0 })]));
  return theirs.filter((it) => stored.has(it.uid) && stored.get(it.uid) !== nameOf({ ...it, receivedAt: 0 })).map(({ uid }) => uid);
}

const nameOf = (message: Identity) => `${message.sizeOctets} ${message.receivedAt} ${message.messageId ?? ''}`;

/** By name; a name that two share belongs to neither. */
function uniqueBy<T extends Identity>(messages: readonly T[]): Map<string, T | null> {
  const found = new Map<string, T | null>();
  for (const message of messages) found.set(nameOf(message), found.has(nameOf(message)) ? null : message);
  return found;
}

// --- UID sets ------------------------------------------------------------------------------------------------------

/** `1:3,7` for 1, 2, 3, 7: how a set of UIDs is written (RFC 9051, `sequence-set`). */
export function sequenceSet(uids: readonly number[]): string {
  const ascending = [...uids].sort((a, b) => a - b);
  const runs: string[] = [];
  for (let i = 0; i < ascending.length; ) {
    const from = ascending[i] ?? 0;
    let to = from;
    for (i++; i < ascending.length && (ascending[i] ?? 0) <= to + 1; i++) to = ascending[i] ?? to;
    runs.push(from === to ? `${from}` : `${from}:${to}`);
  }
  return runs.join(',');
}

/** How many numbers a set names; nothing is written out. What is no number counts for nothing. */
export function countOf(set: string): number {
  let count = 0;
  for (const run of set.split(',')) {
    const [from = Number.NaN, to = from] = run.split(':').map((end) => (/^\d+$/.test(end) ? Number(end) : Number.NaN));
    const size = Math.abs(to - from) + 1;
    if (!Number.isNaN(size)) count += size;
  }
  return count;
}

/** The UIDs of a set that a server wrote, ascending; `limit` bounds what a hostile one can make us hold. */
export function readSequenceSet(set: string, limit: number): number[] {
  const uids = new Set<number>();
  for (const run of set.split(',').filter(Boolean)) {
    const ends = run.split(':').map(Number);
    const from = Math.min(...ends);
    const to = Math.max(...ends);
    if (!Number.isInteger(from) || from < 1 || to > 0xffffffff) throw new RangeError(`not a set of UIDs: ${run.slice(0, 40)}`);
    for (let uid = from; uid <= to; uid++) {
      if (uids.size >= limit) throw new RangeError(`the server lists more than ${limit} messages`);
      uids.add(uid);
    }
  }
  return [...uids].sort((a, b) => a - b);
}
