/**
 * Every hostile mail through every door: stored octet for octet, listed, opened, answered, its files saved, printed by the command line,
 * and read in a real terminal with the terminal judge beside it. Of our own set every mail goes through every door, and is opened at one
 * of the two sizes: the first half of the set, orders to the terminal, narrow, the second half wide. Of the mails of POSTROOM_CORPUS,
 * hostile and real, there is an evenly spread sample where that folder is.
 *
 * With POSTROOM_HOSTILE=full all of them are opened at both sizes, their first pages and the last one are drawn, and each third is
 * answered: about a quarter of an hour.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../protocol/client.ts';
import { PostroomError } from '../../protocol/errors.ts';
import type { Result } from '../../protocol/methods.ts';
import { mailCommands } from '../../tui/cli/mail.ts';
import { mailboxCommands } from '../../tui/cli/mailboxes.ts';
import { runCommand } from '../../tui/cli/program.ts';
import { Arena } from '../support/arena.ts';
import { bloatedThread, hostileFolders, hostileMails } from '../support/hostile.ts';
import { inWords, Judge, judgePlain } from '../support/judge.ts';
import { mail } from '../support/message.ts';
import { startPostroom } from '../support/postroom.ts';
import { ageless, openScreen, type Screen } from '../support/screen.ts';

const corpus = process.env.POSTROOM_CORPUS ?? '';
const full = process.env.POSTROOM_HOSTILE === 'full';
const narrow = { cols: 80, rows: 24 };
const wide = { cols: 160, rows: 45 };
const sizes = [narrow, wide];
/** A limit for hangs. */
const limitMs = full ? 3_600_000 : 300_000;

let arena: Arena;
beforeAll(async () => {
  arena = await Arena.open();
});
afterAll(async () => {
  const errors = await arena.errors();
  const broken = await arena.check();
  await arena[Symbol.asyncDispose]();
  expect(errors).toEqual([]);
  expect(broken).toEqual([]);
});

type Named = { readonly name: string; readonly octets: Uint8Array };
type Row = Result<'conversation.list'>['rows'][number];
/** `mails`: how many are stored there. */
type Place = Awaited<ReturnType<Arena['mailbox']>> & { readonly rows: Row[]; readonly mails: number };

// --- the doors -----------------------------------------------------------------------------------------------------

const sha = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

async function everyRow(client: Client, mailbox: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Result<'conversation.list'> = await client.call('conversation.list', { mailbox, limit: 200, cursor });
    rows.push(...page.rows);
    cursor = page.next;
    if (cursor === null) return rows;
  }
}

/** Delivers, and finds every mail again: listed, and its octets those that were sent. */
async function settle(name: string, mails: readonly Named[]): Promise<Place> {
  const place = await arena.mailbox(name);
  const sent = await arena.deliver(
    place.address,
    mails.map(({ octets }) => octets),
  );
  const rows = await everyRow(place.client, place.address);
  const stored = new Set<string>();
  for (const { conversation } of rows) {
    for (const { id } of (await place.client.call('conversation.show', { conversation })).messages) {
      const raw = await download(place.client, 'message.raw', { message: id });
      // After Return-Path and Received, which the daemon wrote.
      stored.add(sha(raw.subarray(raw.indexOf('\r\n', raw.indexOf('+0000')) + 2)));
    }
  }
  const missing = mails.filter((_, n) => {
    const octets = sent[n] ?? null;
    return octets !== null && !stored.has(sha(octets));
  });
  expect(missing.map((one) => one.name)).toEqual([]);
  const refused = sent.filter((one) => one === null).length;
  expect(refused).toBeLessThan(3);
  return { ...place, rows, mails: sent.length - refused };
}

async function download<M extends 'message.raw' | 'message.attachment'>(
  client: Client,
  method: M,
  asked: Parameters<typeof client.call<M>>[1],
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const { sizeOctets } = await client.call(method, asked, { onChunk: (chunk) => void chunks.push(Uint8Array.from(chunk)) });
  const octets = Buffer.concat(chunks);
  expect(octets.length).toBe(sizeOctets);
  return octets;
}

/** Asks for everything that a client asks of a mail it opens. Results are checked against their schemas on receipt: only safe text comes. */
async function open({ client, rows }: Place, filesOfEach: number): Promise<{ slowest: { ms: number; what: string }; refused: string[] }> {
  let slowest = { ms: 0, what: '' };
  const refused: string[] = [];
  const timed = async <T>(what: string, request: Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await request;
    const ms = performance.now() - began;
    if (ms > slowest.ms) slowest = { ms: Math.round(ms), what };
    return result;
  };
  for (const { conversation, subject } of rows) {
    const shown = await timed(`show ${subject}`, client.call('conversation.show', { conversation, headers: true }));
    expect(shown.messages.length).toBeGreaterThan(0);
    for (const kind of ['reply', 'reply-all', 'forward'] as const) {
      const answer = timed(`${kind} ${subject}`, client.call('compose.reply', { conversation, kind }));
      await answer.catch((error: unknown) => {
        if (!(error instanceof PostroomError) || error.code !== 'invalid') throw error;
        refused.push(`${kind} ${subject.slice(0, 40)}: ${error.message.slice(0, 80)}`);
      });
    }
    // The mailbox is searched for the longest word of each subject: whatever it is, it is a query and no command.
    const word = subject.split(/[\s"()]+/u).toSorted((a, b) => b.length - a.length)[0] ?? '';
    if (word !== '') await timed(`search ${subject}`, client.call('search.run', { query: `"${word.slice(0, 200)}"` }));
    for (const message of shown.messages) {
      for (const { index } of message.attachments.slice(0, filesOfEach)) {
        await timed(`file of ${subject}`, download(client, 'message.attachment', { message: message.id, index }));
      }
    }
  }
  return { slowest, refused };
}

/** The command line, in this process, on a session that is open. */
async function cli(client: Client, ...argv: string[]): Promise<{ code: number; out: string }> {
  let out = '';
  const take = (text: string): void => {
    out += text;
  };
  const session = {
    call: client.call.bind(client),
    follow: async () => undefined,
    onState: () => undefined,
    close: async () => undefined,
  };
  const groups = [{ heading: 'Mail:', nouns: { outbox: 'on its way' }, rows: [...mailCommands, ...mailboxCommands] }];
  const code = await runCommand(groups, argv, { out: take, err: take }, { version: '0', makeSession: async () => session });
  return { code, out };
}

async function print({ client, address, rows }: Place): Promise<string[]> {
  const foreign: string[] = [];
  const look = async (...argv: string[]): Promise<void> => {
    const { code, out } = await cli(client, ...argv);
    expect(`${argv[0]} ${code}`).toBe(`${argv[0]} 0`);
    foreign.push(...judgePlain(Buffer.from(out), argv.join(' ')).map(inWords));
  };
  for (const command of [
    ['panel', '--limit', '200'],
    ['list', address, '--limit', '200'],
    ['list', address, '--folder', 'INBOX', '--limit', '200'],
  ])
    await look(...command);
  for (const { conversation } of rows) await look('show', conversation, '--headers');
  return foreign;
}

let places = 0;
/** Every file into one folder, as a person would who saves all of them: nothing may end up beside it, nothing may be replaced. */
async function save({ client, rows }: Place, filesOfEach: number): Promise<{ saved: number; files: string[] }> {
  const around = join(arena.home, `saved-${++places}`);
  const folder = join(around, 'inner', 'files');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, 'same.txt'), 'it was here before');
  let saved = 0;
  for (const { conversation } of rows) {
    const { messages } = await client.call('conversation.show', { conversation });
    for (const { id, attachments } of messages) {
      for (const { index } of attachments.slice(0, filesOfEach)) {
        const { code, out } = await cli(client, 'attachment', id, String(index), '--output', folder);
        if (code === 0) saved += 1;
        else expect(out).toContain('it exists already');
        expect(judgePlain(Buffer.from(out), `saving from ${conversation}`).map(inWords)).toEqual([]);
      }
    }
  }
  const files = await readdir(folder);
  expect(saved).toBe(files.length - 1);
  expect(await readdir(around)).toEqual(['inner']);
  expect(await readdir(join(around, 'inner'))).toEqual(['files']);
  expect(await readFile(join(folder, 'same.txt'), 'utf8')).toBe('it was here before');
  for (const name of files) {
    const found = await stat(join(folder, name));
    expect(found.isFile()).toBe(true);
    if (name !== 'same.txt') expect(found.mode & 0o777).toBe(0o600);
    expect(name).toMatch(/^[\p{L}\p{N}_(][\p{L}\p{M}\p{N} ._()-]*$/u);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(120);
  }
  return { saved, files };
}

// --- in a real terminal --------------------------------------------------------------------------------------------

/** One reader at a terminal with the judge beside it. */
class Reader implements AsyncDisposable {
  readonly screen: Screen;
  readonly judge = new Judge();
  readonly rows: number;
  #read = 0;

  constructor(identityFile: string, size: { cols: number; rows: number }) {
    const home = join(arena.home, 'nowhere');
    this.rows = size.rows;
    this.screen = openScreen({
      command: process.execPath,
      args: [resolve('dist/tui.js'), '--identity', identityFile],
      env: { HOME: home, POSTROOM_HOME: home },
      ...size,
    });
  }

  /** Presses a key, waits for what it brings, and judges what was written meanwhile. */
  async press(key: string, during: string, fits: (screen: Screen) => boolean): Promise<void> {
    this.screen.press(key);
    await this.until(during, fits);
  }

  async until(during: string, fits: (screen: Screen) => boolean): Promise<void> {
    await this.screen
      .waitFor((screen) => fits(screen) && this.#inPlace(screen), full ? 120_000 : undefined)
      .catch((error: unknown) => {
        throw new Error(`while ${during}`, { cause: error });
      });
    this.#look(during);
  }

  #look(during: string): void {
    const bytes = this.screen.bytes(this.#read);
    this.judge.read(bytes, during);
    this.#read += bytes.length;
  }

  /**
   * A hidden cursor rests at the frame's last row, where the hints are; a visible one in a field. Both only when the frame is whole: a
   * large one comes in pieces, between the marks of a synchronised one.
   */
  #inPlace(screen: Screen): boolean {
    const bytes = screen.bytes(this.#read);
    if (bytes.lastIndexOf('\u001b[?2026h') > bytes.lastIndexOf('\u001b[?2026l')) return false;
    const { y, visible } = screen.cursor();
    return screen.alternate() && (visible ? y < this.rows - 1 : y === this.rows - 1) && screen.line(this.rows - 1).trim() !== '';
  }

  /** Drawn anew from nothing, the screen is the same: no row was pushed, no cell was left over. What was still on its way may come between. */
  async redraw(during: string): Promise<void> {
    for (let tries = 5; ; tries--) {
      const before = ageless(this.screen.text());
      const written = this.#read;
      await this.press('<c-l>', `drawing ${during} anew`, (screen) => screen.bytes(written).includes('\u001b[H'));
      const after = ageless(this.screen.text());
      if (after === before) return;
      if (tries === 0) expect(after).toBe(before);
    }
  }

  /** Presses a key that may change nothing that can be waited for. Keys are read in their order: drawn anew, the screen is past it. */
  async turn(key: string, during: string): Promise<void> {
    const written = this.#read;
    this.screen.press(key);
    await this.press('<c-l>', during, (screen) => screen.bytes(written).includes('\u001b[H'));
  }

  async leave(): Promise<string[]> {
    this.screen.press('<c-c>');
    expect(await this.screen.exitCode).toEqual({ code: 0, signal: 0 });
    this.#look('leaving');
    expect(this.screen.alternate()).toBe(false);
    expect(this.screen.cursor().visible).toBe(true);
    expect(this.screen.title()).toMatch(/^Postroom( \(\d+\))?$/);
    expect(this.judge.acts).toBeGreaterThan(100);
    return this.judge.end().map(inWords);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.screen[Symbol.asyncDispose]();
  }
}

/** A person to whom everything in a mailbox is new. */
async function readerOf({ address }: Place, { cols }: { cols: number }): Promise<string> {
  const name = `${address.split('@')[0]}-${cols}`;
  const identity = await arena.person(name);
  await arena.eva.call('grant.set', { mailbox: address, grantee: name, access: true, send: true, setup: false });
  const file = join(arena.home, `${name}.identity.json`);
  await writeFile(file, JSON.stringify(identity), { mode: 0o600 });
  return file;
}

type Position = { readonly at: number; readonly of: number };
/** `3/200+` of a list that has more than was asked for so far. */
const positionIn = (line: string): Position | null => {
  const found = / (\d+)\/(\d+)\+?(?: |$)/.exec(line);
  return found === null ? null : { at: Number(found[1]), of: Number(found[2]) };
};
/** `‹ Team 3/60 …`: where the conversation stands in the list behind it. */
const inList = (screen: Screen): Position | null => positionIn(screen.line(0));
/** A list says it in its second row. */
const ofList = (screen: Screen): Position | null => positionIn(screen.line(1));
const isThread = (screen: Screen): boolean => /^ \d+ mails? · /.test(screen.line(1)) && !screen.text().includes('loading…');

/** `⋮ 120    40 %` below a conversation that goes on: about how many rows, so it may stay the same from page to page. */
const goesOn = (screen: Screen): boolean => /⋮ \d+ .* \d+ % *(?:│|$)/m.test(screen.text());

/** What of the set is read, and how thoroughly. */
type Reading = {
  readonly first?: number;
  readonly last?: number;
  /** Headers, source, files and a reply of the conversation at this place, too. */
  readonly deeper: (at: number) => boolean;
  /** How many further pages of each conversation, the last one among them. */
  readonly pages: number;
  /** What is searched for: the beginning of a word that some of the mails hold. */
  readonly find: string;
};
type Read = { readonly foreign: string[]; readonly conversations: number; readonly mails: number; readonly pages: number };

/**
 * Pages through the list, opens the conversations one after the other, all of whose mails are unread and so unfolded, and looks for
 * words. Each size has a reader of its own: to another they would be read and folded.
 */
async function read(place: Place, size: { cols: number; rows: number }, reading: Reading): Promise<Read> {
  // A report that asks nothing of anybody begins done: it is opened, and stands in no list of open work.
  const all = place.rows.filter(({ state }) => state === 'open').length;
  const { first = 1, last = all, deeper, pages: most, find } = reading;
  await using reader = new Reader(await readerOf(place, size), size);
  const { screen } = reader;
  await reader.until('starting', (s) => ofList(s) !== null);
  await reader.press('3', 'the whole team', (s) => s.line(0).includes('‹3 Team') && ofList(s)?.at === 1 && s.text().includes('▌'));
  await reader.press('G', 'the end of the list', (s) => (ofList(s)?.at ?? 0) > 1);
  await reader.press('<home>', 'the beginning of the list', (s) => ofList(s)?.at === 1);
  for (let at = 1; at < all; at = ofList(screen)?.at ?? 0) {
    // A long list comes in pieces: a key at the end of one goes nowhere.
    await reader.until(`rows after row ${at}`, (s) => (ofList(s)?.of ?? 0) > at);
    await reader.press('<pagedown>', `the page after row ${at}`, (s) => (ofList(s)?.at ?? 0) > at);
    await reader.redraw(`the list at row ${at}`);
  }
  await reader.press('<home>', 'the beginning of the list', (s) => ofList(s)?.at === 1);
  for (let at = 1; at < first; at++) await reader.press('j', `row ${at}`, (s) => ofList(s)?.at === at + 1);
  await reader.press('<enter>', 'opening the first', (s) => inList(s)?.at === first && isThread(s));
  const of = Math.min(all, last);
  let mails = 0;
  let pages = 0;
  for (let at = first; at <= of; at++) {
    const subject = screen.line(0).trim();
    mails += Number(/^ (\d+) mails? · /.exec(screen.line(1))?.[1]);
    for (let page = 1; page <= most && goesOn(screen); page++) {
      await reader.turn(page === most ? 'G' : '<pagedown>', `page ${page + 1} of ${subject}`);
      pages += 1;
    }
    if (deeper(at)) await lookAround(reader, at, subject);
    if (at % 10 === 0) await reader.redraw(subject);
    if (at === of) break;
    await reader.until(`rows after row ${at}`, (s) => (inList(s)?.of ?? 0) > at);
    await reader.press('J', `opening the one after ${subject}`, (s) => inList(s)?.at === at + 1 && isThread(s));
  }
  await lookElsewhere(reader, find);
  return { foreign: await reader.leave(), conversations: of - first + 1, mails, pages };
}

/** Lists of other screens draw the same words: hits with what stands around them, and what happened. */
async function lookElsewhere(reader: Reader, find: string): Promise<void> {
  await reader.press('q', 'leaving the last one', (s) => ofList(s) !== null);
  reader.screen.press('/');
  await reader.until('searching', (s) => s.cursor().visible);
  reader.screen.type(find);
  await reader.until(`words that begin with ${find}`, (s) => s.text().includes('▌'));
  await reader.press('<enter>', 'the hits', (s) => !s.cursor().visible && s.text().includes('▌'));
  await reader.redraw('the hits');
  await reader.press('q', 'leaving the hits', (s) => s.line(0).includes('‹3 Team'));
  reader.screen.press('g');
  await reader.press('t', 'the timeline', (s) => s.line(0).includes('TIMELINE ') && s.text().includes('▌'));
  for (let page = 0; page < 3; page++) {
    await reader.turn('<pageup>', `page ${page + 1} of the timeline`);
  }
}

async function lookAround(reader: Reader, at: number, subject: string): Promise<void> {
  const { screen } = reader;
  const back = (s: Screen): boolean => inList(s)?.at === at && isThread(s);
  await reader.press('h', `headers of ${subject}`, isThread);
  await reader.press('V', `source of ${subject}`, (s) => s.line(0).startsWith(' ‹ SOURCE  ') && !s.text().includes('loading…'));
  await reader.press('q', `leaving the source of ${subject}`, back);
  if (screen.line(reader.rows - 1).includes('v files')) {
    await reader.press('v', `files of ${subject}`, (s) => s.line(0).startsWith(' ‹ FILES  '));
    await reader.press('q', `leaving the files of ${subject}`, back);
  }
  const refusal = (s: Screen): string => s.line(reader.rows - 3).trim();
  const before = refusal(screen);
  const answers = (s: Screen): boolean => s.line(0).startsWith(' REPLY ');
  await reader.press('r', `answering ${subject}`, (s) => (answers(s) ? s.cursor().visible : refusal(s) !== before));
  if (!answers(screen)) return;
  await reader.press('<esc>', `answering ${subject}`, (s) => answers(s) && !s.cursor().visible);
  await reader.press('q', `leaving the answer to ${subject}`, back);
}

/** Two readers side by side, each with its size and its part of the set; both read everything with POSTROOM_HOSTILE=full. */
async function readAtBothSizes(place: Place, what: string, parts: { narrow: Reading; wide: Reading }): Promise<[Read, Read]> {
  const one = async (size: (typeof sizes)[number], part: Reading): Promise<Read> => {
    const began = performance.now();
    const result = await read(place, size, full ? { find: part.find, deeper: (at) => at % 3 === 0, pages: 6 } : part);
    const seconds = Math.round((performance.now() - began) / 1_000);
    const { conversations, mails, pages, foreign } = result;
    console.log(
      `${what} at ${size.cols}x${size.rows}: ${mails} mails in ${conversations} of ${place.rows.length} conversations, ${pages} further pages, ${foreign.length} foreign orders, ${seconds} s`,
    );
    expect(foreign).toEqual([]);
    return result;
  };
  return Promise.all([one(narrow, parts.narrow), one(wide, parts.wide)]);
}

/** The daemon is well: the same process, its loop free, its memory bounded. Figures are told, they are no promise of this test. */
async function well(pid: number, what: string): Promise<void> {
  const status = await arena.status();
  const { nowMb, peakMb } = await arena.memory();
  console.log(`${what}: event loop p99 ${status.eventLoopP99Ms.toFixed(1)} ms, memory ${nowMb} MB, at most ${peakMb} MB`);
  expect(status.pid).toBe(pid);
  expect(peakMb).toBeLessThan(1_000);
}

// --- the sets ------------------------------------------------------------------------------------------------------

test('harmless mail: the renderer writes nothing but what the judge has on its list', async () => {
  const mails = Array.from({ length: 30 }, (_, n) => ({
    name: `harmless ${n}`,
    octets: mail({
      from: 'Jane Cooper <jane@example.org>',
      to: 'harmless@harbour.example',
      subject: `Order ${n}`,
      text: 'It has not come.\n> quoted\n'.repeat(20),
      messageId: `harmless-${n}@example.org`,
      attachments: n % 3 === 0 ? [{ filename: 'label.txt', content: 'label' }] : [],
    }),
  }));
  const place = await settle('harmless', mails);
  for (const size of sizes) {
    const { foreign, conversations } = await read(place, size, {
      last: 4,
      deeper: () => true,
      pages: 3,
      find: 'ord',
    });
    expect({ foreign, conversations }).toEqual({ foreign: [], conversations: 4 });
  }
});

describe('our own set', () => {
  let place: Place;
  let pid = 0;
  beforeAll(async () => {
    pid = (await arena.status()).pid;
    place = await settle('own', hostileMails);
  });

  test('is opened and answered within the limits', async () => {
    const { slowest, refused } = await open(place, 3);
    console.log(`own: ${place.rows.length} conversations, slowest ${slowest.ms} ms (${slowest.what.slice(0, 60)})\n${refused.join('\n')}`);
    await well(pid, 'own');
  });

  test('is printed without an order to the terminal', async () => {
    expect(await print(place)).toEqual([]);
  });

  test('its files are saved where they were told to be, and nowhere else', async () => {
    const { saved } = await save(place, 3);
    expect(saved).toBeGreaterThan(30);
  });

  test('is read in a terminal: no foreign order, every frame whole', { timeout: limitMs }, async () => {
    const half = Math.ceil(place.rows.length / 2);
    const [narrow, wide] = await readAtBothSizes(place, 'own', {
      narrow: { last: half, deeper: (at) => at % 8 === 0, pages: 1, find: 'hel' },
      wide: { first: half + 1, deeper: (at) => at % 16 === 4, pages: 0, find: 'hel' },
    });
    expect(narrow.mails + wide.mails).toBeGreaterThanOrEqual(place.mails);
  });
});

test('a thread that somebody fills up still opens: the newest mails whole, the older ones by themselves', async () => {
  const place = await arena.mailbox('bloated');
  await arena.deliver(place.address, bloatedThread(14, 900_000));
  const [row] = await everyRow(place.client, place.address);
  if (row === undefined) throw new Error('the thread is not there');
  const { messages } = await place.client.call('conversation.show', { conversation: row.conversation, headers: true });
  expect(messages.map(({ text, defeated }) => (defeated ? 'brief' : text.slice(0, 7)))).toEqual([
    ...Array.from({ length: 10 }, () => 'brief'),
    'mail 10',
    'mail 11',
    'mail 12',
    'mail 13',
  ]);
  const [oldest] = messages;
  if (oldest === undefined) throw new Error('the oldest mail is not there');
  const alone = await place.client.call('conversation.show', { conversation: row.conversation, message: oldest.id });
  expect(alone.messages).toMatchObject([{ defeated: false, text: expect.stringMatching(/^mail 0 /) }]);
});

test('names of folders that a hostile server lists are words in the command line and on the screen', async () => {
  await using postroom = await startPostroom();
  const address = await postroom.mailbox('folders');
  await postroom.deliver(address, { subject: 'Order 1' });
  const { store, directory } = postroom.daemon.world;
  const id = directory.snapshot().mailboxByAddress(address)?.id ?? '';
  const inbox = (await store.folders(id)).map(({ path, name, delimiter, role, selectable }) => ({
    path,
    name,
    delimiter,
    role,
    selectable,
  }));
  const listed = hostileFolders.map((name) => ({ path: name, name, delimiter: '/', role: null, selectable: true }));
  await store.putFolders(id, [...inbox, ...listed]);
  const eva = await postroom.as('eva');
  const { rows } = await eva.call('mailbox.folders', { mailbox: address });
  expect(rows).toHaveLength(inbox.length + hostileFolders.length);
  // Each is named exactly by its key, whatever can be shown of it.
  for (const { key, stored } of rows) {
    expect((await eva.call('folder.list', { mailbox: address, folder: key })).rows).toHaveLength(stored);
  }
  const { code, out } = await cli(eva, 'folders', address);
  expect(code).toBe(0);
  expect(judgePlain(Buffer.from(out), 'folders').map(inWords)).toEqual([]);

  const identityFile = join(postroom.home, 'eva.identity.json');
  await writeFile(identityFile, JSON.stringify(postroom.identity('eva')), { mode: 0o600 });
  for (const size of sizes) {
    await using reader = new Reader(identityFile, size);
    await reader.until('starting', (s) => ofList(s) !== null);
    reader.screen.press('g');
    await reader.press('f', 'the folders', (s) => s.line(0).startsWith(' FOLDERS') && s.text().includes('Inbox'));
    await reader.redraw('the folders');
    const top = reader.screen.text();
    await reader.press('G', 'the last folder', (s) => s.text() !== top);
    await reader.redraw('the last folders');
    await reader.press('<enter>', 'a folder', (s) => s.line(0).startsWith(' FOLDER '));
    expect(await reader.leave()).toEqual([]);
  }
});

// --- the corpus ----------------------------------------------------------------------------------------------------

/** Evenly spread over the set, and the same each time. */
function sample<T>(all: readonly T[], most: number): T[] {
  if (full || all.length <= most) return [...all];
  return Array.from({ length: most }, (_, n) => all[Math.floor((n * all.length) / most)]).filter((one) => one !== undefined);
}

async function mailsIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.eml')).sort();
}

const absent = corpus === '' ? ' (left out: POSTROOM_CORPUS names no folder of mails)' : '';
const kinds = [
  { kind: 'hostile', fits: (name: string) => name.startsWith('hostile/'), most: 80, inTerminal: 20 },
  { kind: 'real', fits: (name: string) => !name.startsWith('hostile/'), most: 80, inTerminal: 12 },
];

describe.skipIf(corpus === '')(`the corpus${absent}`, () => {
  for (const { kind, fits, most, inTerminal } of kinds) {
    test(`${kind} mails go through every door`, { timeout: limitMs }, async () => {
      const { pid } = await arena.status();
      const all = (await mailsIn(corpus)).filter(fits);
      const names = sample(all, most);
      const mails = await Promise.all(names.map(async (name) => ({ name, octets: await readFile(join(corpus, name)) })));
      const place = await settle(`corpus-${kind}`, mails);
      const { slowest, refused } = await open(place, 2);
      console.log(
        `${kind}: ${names.length} of ${all.length} mails (all with POSTROOM_HOSTILE=full), slowest ${slowest.ms} ms (${slowest.what.slice(0, 60)}), ${refused.length} answers refused`,
      );
      expect(await print(place)).toEqual([]);
      await save(place, 2);
      const part: Reading = { last: inTerminal, deeper: () => false, pages: 1, find: 'he' };
      const [narrow, wide] = await readAtBothSizes(place, kind, { narrow: part, wide: part });
      expect(narrow.mails).toBe(wide.mails);
      expect(narrow.conversations).toBe(full ? place.rows.length : inTerminal);
      expect(narrow.mails).toBeGreaterThanOrEqual(full ? place.mails : inTerminal);
      await well(pid, kind);
    });
  }
});
