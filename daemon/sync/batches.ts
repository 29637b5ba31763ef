/**
 * Messages of the open folder as batches that the store takes: octets one behind the other in a buffer of about 4 MB that can be
 * handed to another thread without a copy. Runs in the bulk worker, and in the daemon's thread for the few that just arrived.
 *
 * Completeness is kept here: what came is compared with what was asked, what is missing is asked for alone, and what the server
 * still lists and does not give is reported with its words. One message that cannot be had never stops the others.
 */
import type { IngestItem } from '../store/types.ts';
import { factsOf, ImapFault } from './fault.ts';
import { type Body, type Imap, wholeLimitOctets } from './imap.ts';

/** What is asked of a connection here. */
export type Reading = Pick<Imap, 'bodies' | 'bodyInParts' | 'still'>;

export type BatchItem = IngestItem & { uid: number };
export type Batch = { buffer: ArrayBuffer; items: BatchItem[] };
export type Unfetchable = { uid: number; why: string };

const batchOctets = 4 * 1024 * 1024;

/**
 * Asks for `slices` in their order and hands each batch to `give`, which may make it wait. `large` are the UIDs to be fetched in
 * parts. Resolves with what could not be had; what was expunged meanwhile is neither given nor reported.
 */
export async function readMessages(
  imap: Reading,
  slices: readonly (readonly number[])[],
  large: ReadonlySet<number>,
  give: (batch: Batch) => Promise<void>,
): Promise<Unfetchable[]> {
  const unfetchable: Unfetchable[] = [];
  const gathered = new Gathering(give);
  for (const slice of slices) {
    const came = new Set<number>();
    const whole = slice.filter((uid) => !large.has(uid));
    try {
      for await (const body of imap.bodies(whole)) {
        came.add(body.uid);
        await gathered.add(body);
      }
    } catch (error) {
      if (!(error instanceof ImapFault) || error.kind !== 'refused') throw error; // a NO for the set: some of them, asked alone
    }
    for (const uid of slice) if (!came.has(uid)) await alone(uid, large.has(uid));
    await gathered.flush();
  }
  return unfetchable;

  async function alone(uid: number, inParts: boolean): Promise<void> {
    let why = 'The server lists this message and gives nothing when it is asked for.';
    try {
      const body = inParts ? await imap.bodyInParts(uid) : await first(imap.bodies([uid]), uid);
      if (body) return await (inParts && body.octets.length > batchOctets ? gathered.hand(body) : gathered.add(body));
    } catch (error) {
      // Too large even in parts: the connection is gone, and the next one has to know which message it was.
      if (inParts && error instanceof ImapFault && error.kind === 'too-large')
        throw new ImapFault({ ...factsOf(error), uid }, { cause: error });
      if (!(error instanceof ImapFault) || error.kind !== 'refused') throw error;
      why = error.message;
    }
    if ((await imap.still([uid])).includes(uid)) unfetchable.push({ uid, why });
  }
}

/** UIDs that have to be fetched in parts; one question for the whole folder. */
export const largeUids = async (imap: Imap): Promise<Set<number>> => new Set(await imap.largerThan(wholeLimitOctets));

/** Drains the generator, for the connection takes no other command before. */
async function first(bodies: AsyncGenerator<Body>, uid: number): Promise<Body | null> {
  let found: Body | null = null;
  for await (const body of bodies) if (body.uid === uid) found = body;
  return found;
}

/** One buffer being filled. */
class Gathering {
  readonly #give: (batch: Batch) => Promise<void>;
  #buffer = new Uint8Array(0);
  #used = 0;
  #items: BatchItem[] = [];

  constructor(give: (batch: Batch) => Promise<void>) {
    this.#give = give;
  }

  async add({ uid, flags, modSeq, receivedAt, octets }: Body): Promise<void> {
    if (this.#used + octets.length > this.#buffer.length) {
      await this.flush();
      this.#buffer = new Uint8Array(Math.max(batchOctets, octets.length));
    }
    this.#buffer.set(octets, this.#used);
    this.#items.push({ uid, flags, modSeq, receivedAt, offset: this.#used, length: octets.length });
    this.#used += octets.length;
  }

  /** A large one by itself, without a copy: its buffer is its own. */
  async hand({ uid, flags, modSeq, receivedAt, octets }: Body): Promise<void> {
    if (!(octets.buffer instanceof ArrayBuffer)) throw new TypeError('A message in parts has a buffer of its own.');
    await this.flush();
    const { buffer, byteOffset: offset, length } = octets;
    await this.#give({ buffer, items: [{ uid, flags, modSeq, receivedAt, offset, length }] });
  }

  async flush(): Promise<void> {
    const { buffer } = this.#buffer;
    const items = this.#items;
    this.#buffer = new Uint8Array(0);
    this.#used = 0;
    this.#items = [];
    if (items.length > 0) await this.#give({ buffer, items });
  }
}
