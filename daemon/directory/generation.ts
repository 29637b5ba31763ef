/**
 * One generation of the directory as text: a JSON document with a line for each thing in it, in paragraphs.
 *
 * The checksum is the SHA-256 of the SHA-256s of the paragraphs after the first, which holds it. So a change prints and hashes the
 * paragraphs that it touches; all others are those of the generation before. (A blank line is in no string of JSON.)
 */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { commonEnds } from '../access/changed.ts';
import type { Millis } from '../access/reach.ts';
import { Act } from './acts.ts';
import { Activity, Directory, listNames } from './document.ts';

/** What one change recorded. The journal takes each `id` once, however often it is handed over. */
const Recorded = z.strictObject({
  id: z.string(),
  revision: z.int(),
  at: z.int(),
  activities: z.array(Activity),
  acts: z.array(Act).default([]),
});
export interface Recorded {
  readonly id: string;
  readonly revision: number;
  readonly at: Millis;
  readonly activities: readonly Activity[];
  /** The same for the audit journal. */
  readonly acts: readonly Act[];
}

const Contents = z.strictObject({ directory: Directory, unrecorded: z.array(Recorded) });
export interface Contents {
  readonly directory: Directory;
  readonly unrecorded: readonly Recorded[];
}

const sha256 = (of: string | Uint8Array): Buffer => createHash('sha256').update(of).digest();
const checksumOf = (digests: readonly Uint8Array[]): string => sha256(Buffer.concat(digests)).toString('hex');

// --- writing ----------------------------------------------------------------------------------------------------

const blankLine = '\n\n';
const separator = Buffer.from(blankLine);
/** Things in a paragraph: few enough to be cheap when one of them changes, enough that paragraphs are few. */
const mostThings = 64;
const fewThings = mostThings / 2;

interface Paragraph {
  readonly text: Uint8Array;
  readonly digest: Uint8Array;
  /** How many things of its list it holds. */
  readonly things: number;
}

function paragraph(text: string, things = 0): Paragraph {
  const octets = Buffer.from(text);
  return { text: octets, digest: sha256(octets), things };
}

interface Printed {
  readonly list: readonly unknown[];
  readonly paragraphs: readonly Paragraph[];
}

/** Prints one generation after the other; each costs what it does not share with the one before. */
export class Printer {
  readonly #printed = new Map<string, Printed>();

  /** The file, in pieces. */
  print({ directory, unrecorded }: Contents): readonly Uint8Array[] {
    const { schemaVersion, revision } = directory;
    const lists = listNames.map((name) => this.#list(name, directory[name]));
    const paragraphs = [
      paragraph(`"directory":${JSON.stringify({ schemaVersion, revision }).slice(0, -1)},`),
      ...lists.flatMap((list, n) => (n === 0 ? list : [paragraph(','), ...list])),
      paragraph('},'),
      ...this.#list('unrecorded', unrecorded),
      paragraph('}\n'),
    ];
    const first = Buffer.from(`{"sha256":"${checksumOf(paragraphs.map(({ digest }) => digest))}",`);
    return [first, ...paragraphs.flatMap(({ text }) => [separator, text])];
  }

  #list(name: string, list: readonly unknown[]): readonly Paragraph[] {
    const known = this.#printed.get(name) ?? { list: [], paragraphs: [] };
    const paragraphs = known.list === list ? known.paragraphs : reprinted(known, list);
    this.#printed.set(name, { list, paragraphs });
    return [paragraph(`${JSON.stringify(name)}:[`), ...paragraphs, paragraph(']')];
  }
}

function reprinted(known: Printed, list: readonly unknown[]): readonly Paragraph[] {
  const { start, end } = commonEnds(known.list, list);
  // Of both ends the paragraphs that are the same; small ones at the seam are printed anew with what lies between, or they would gather.
  const head: Paragraph[] = [];
  let from = 0;
  for (const one of known.paragraphs) {
    if (from + one.things > start || (from + one.things === start && one.things < fewThings)) break;
    head.push(one);
    from += one.things;
  }
  const tail: Paragraph[] = [];
  let to = list.length;
  for (const one of known.paragraphs.toReversed()) {
    const left = to - one.things;
    // The first paragraph of a list begins without a comma, so it does not serve as a later one, nor the other way round.
    if (list.length - left > end || left < from || (left === 0) !== (one === known.paragraphs[0])) break;
    tail.push(one);
    to = left;
  }
  const between: Paragraph[] = [];
  for (let at = from; at < to; at += mostThings) {
    const things = list.slice(at, Math.min(at + mostThings, to));
    between.push(paragraph(`${at === 0 ? '' : ','}${things.map((one) => JSON.stringify(one)).join(',\n')}`, things.length));
  }
  return [...head, ...between, ...tail.reverse()];
}

// --- reading ----------------------------------------------------------------------------------------------------

const Generation = z.strictObject({ sha256: z.string(), directory: z.unknown(), unrecorded: z.unknown() });

/** What is wrong with a generation, in words; or its contents. */
export function parseGeneration(text: string): { ok: true; contents: Contents } | { ok: false; problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: `${placeOf(error, text)}: not JSON, or cut off` };
  }
  const generation = Generation.safeParse(json);
  if (!generation.success) return { ok: false, problem: issuesOf(generation.error.issues) };
  const { directory, unrecorded } = generation.data;
  const version = z.object({ schemaVersion: z.number() }).safeParse(directory);
  if (version.success && version.data.schemaVersion > 1) {
    return { ok: false, problem: `directory.schemaVersion: ${version.data.schemaVersion} was written by a newer Postroom; run that one` };
  }
  if (!checks(text, generation.data)) {
    return { ok: false, problem: `sha256: the contents are not those that Postroom wrote${firstMisfit(directory, unrecorded)}` };
  }
  const contents = Contents.safeParse({ directory, unrecorded });
  return contents.success ? { ok: true, contents: contents.data } : { ok: false, problem: issuesOf(contents.error.issues) };
}

function checks(text: string, { sha256: written, directory, unrecorded }: z.output<typeof Generation>): boolean {
  const [, ...paragraphs] = text.split(blankLine);
  // The first release wrote no paragraphs, and hashed the compact form of the whole.
  if (paragraphs.length === 0) return sha256(JSON.stringify([directory, unrecorded])).toString('hex') === written;
  return checksumOf(paragraphs.map(sha256)) === written;
}

/** Where an edited document does not fit, for whoever edited it. */
function firstMisfit(directory: unknown, unrecorded: unknown): string {
  const { error } = Contents.safeParse({ directory, unrecorded });
  return error ? ` (${issuesOf(error.issues)})` : '';
}

/** Line and column of an error of JSON.parse; the end of the text when it names no place (it was cut off there). */
function placeOf(error: unknown, text: string): string {
  const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  const before = text.slice(0, position === undefined ? text.length : Number(position)).split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}

export const issuesOf = (issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string =>
  issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.join('.') || '(top)'}: ${message}`)
    .join('; ');
