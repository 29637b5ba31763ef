/**
 * A conversation as rows of a screen: mails and notes in time order, folded or open, and the window over them. Pure.
 *
 * Invariants
 * - The window is bound to an item and a row in it, never to a count from the top: what comes in above or below moves nothing.
 * - Rows are made when they are looked at, and kept: drawing costs what is seen, however long a mail or a thread is.
 */

import { ownText, quoteBlocks } from '../../protocol/quotes.ts';
import type { GoneMail, Message, Note } from '../../protocol/schema.ts';
import { displayAddress, displaySender, type SafeText, safeText } from '../../protocol/text.ts';
import { folds } from '../fold.ts';
import { markLines } from '../mark-words.ts';
import { ownReportLine, reportLine } from '../report-words.ts';
import { type Chrome, chrome, cutToWidth, join, padEndTo, type Safe, widthOf, wrap, wrapBody } from '../text.ts';
import type { Tone } from '../theme.ts';
import { fullMoment, moment, octets } from '../units.ts';

export type Item =
  | { readonly kind: 'mail'; readonly id: string; readonly mail: Message }
  | { readonly kind: 'note'; readonly id: string; readonly note: Note }
  /** A mail that is no longer on the server. */
  | { readonly kind: 'gone'; readonly id: string; readonly mail: GoneMail }
  /** Stands above all others for what is not loaded. */
  | { readonly kind: 'earlier'; readonly id: 'earlier'; readonly count: number };

/** The oldest first. */
export function itemsOf(shown: {
  readonly messages: readonly Message[];
  readonly notes: readonly Note[];
  readonly gone?: readonly GoneMail[];
  readonly earlier?: { readonly messages: number; readonly notes: number } | null;
}): Item[] {
  const dated = [
    ...shown.messages.map((mail) => ({ at: Date.parse(mail.date), item: { kind: 'mail', id: mail.id, mail } satisfies Item })),
    ...(shown.gone ?? []).map((mail) => ({ at: Date.parse(mail.date), item: { kind: 'gone', id: mail.id, mail } satisfies Item })),
    ...shown.notes.map((note) => ({ at: Date.parse(note.at), item: { kind: 'note', id: note.id, note } satisfies Item })),
  ];
  const items = dated.toSorted((a, b) => a.at - b.at).map(({ item }) => item);
  if (!shown.earlier) return items;
  return [{ kind: 'earlier', id: 'earlier', count: shown.earlier.messages + shown.earlier.notes }, ...items];
}

export type ThreadRow = {
  readonly text: Safe;
  readonly tone: Tone;
  /** Stands at the right edge: never text from outside. */
  readonly right?: Safe;
};

/** How an item is drawn. */
export type Look = {
  readonly folded: boolean;
  readonly quotes: boolean;
  readonly headers: SafeText | null;
  readonly columns: number;
  readonly now: number;
};

/** Longer lines are hard to read, however wide the screen is. */
const readable = 96;
const blank: ThreadRow = { text: chrome``, tone: 'plain' };

export function rowsOf(item: Item, look: Look): Generator<ThreadRow> {
  switch (item.kind) {
    case 'mail':
      return mailRows(item.mail, look);
    case 'note':
      return noteRows(item.note, look);
    case 'gone':
      return goneRows(item.mail, look);
    case 'earlier':
      return earlierRows(item.count, look);
    default:
      return item satisfies never;
  }
}

function* earlierRows(count: number, { columns }: Look): Generator<ThreadRow> {
  const what = count === 1 ? chrome`1 earlier mail or note` : chrome`${count} earlier mails and notes`;
  yield { text: cutToWidth(chrome`⋯ ${what}: Enter loads more of them`, columns), tone: 'accent' };
  yield blank;
}

function* goneRows({ date, from, to, subject }: GoneMail, { columns, now, folded }: Look): Generator<ThreadRow> {
  const [author] = from;
  const who = author === undefined ? chrome`(nobody)` : folded ? displayAddress(author) : displaySender(author);
  const head = chrome`✗ ${padEndTo(moment(date, now), dateColumns)} ${folded ? padEndTo(who, 18) : who}  [not on the server]`;
  const about = subject === '' ? chrome`(no subject)` : subject;
  yield { text: cutToWidth(folded ? chrome`${head} ${about}` : head, columns - 1), tone: 'muted' };
  if (folded) return;
  for (const text of wrap(chrome`to ${join(to.map(displayAddress), chrome`, `)}`, columns - 4))
    yield { text: chrome`  ${text}`, tone: 'muted' };
  for (const text of wrap(about, columns - 4)) yield { text: chrome`  ${text}`, tone: 'muted' };
  yield { text: cutToWidth(chrome`  This mail is no longer on the server. Its text is not kept.`, columns), tone: 'muted' };
  yield blank;
}

// --- mails ---------------------------------------------------------------------------------------------------------

const dateColumns = 12;

/** Who wrote, with the address: a person of the team by name, and the address that they wrote from. */
function senderOf(mail: Message): Safe {
  const [from] = mail.from;
  const sender = from === undefined ? chrome`(nobody)` : displaySender(from);
  return mail.author === null ? sender : chrome`${mail.author} as ${from === undefined ? sender : from.address}`;
}

const shortSender = (mail: Message): Safe => mail.author ?? (mail.from[0] === undefined ? chrome`(nobody)` : displayAddress(mail.from[0]));

function recipientsOf(mail: Message): Chrome {
  const names = (list: Message['to']): Chrome => join(list.map(displayAddress), chrome`, `);
  const cc = mail.cc.length === 0 ? chrome`` : chrome`, cc ${names(mail.cc)}`;
  return mail.to.length === 0 && mail.cc.length === 0 ? chrome`→ (nobody)` : chrome`→ ${names(mail.to)}${cc}`;
}

export function filesOf(mail: Message): Chrome | null {
  const { attachments } = mail;
  if (attachments.length === 0) return null;
  const total = octets(attachments.reduce((sum, one) => sum + one.size, 0));
  return attachments.length === 1 ? chrome`v 1 file ${total}` : chrome`v ${attachments.length} files ${total}`;
}

/** The first words of what the author wrote. */
function snippetOf(mail: Message): Safe {
  return safeText(ownText(mail.text.slice(0, 2_000)).replaceAll(/\s+/g, ' ').trim().slice(0, 300));
}

function* mailRows(mail: Message, look: Look): Generator<ThreadRow> {
  const { columns } = look;
  const date = padEndTo(moment(mail.date, look.now), dateColumns);
  const files = filesOf(mail);
  const onItsWay = outboxWords(mail);
  if (look.folded) {
    const bounced = mail.reports?.some(({ kind }) => kind === 'failed') === true;
    const short = onItsWay?.short ?? (bounced ? chrome`✗ bounced` : null);
    const mark = short === null ? chrome`` : chrome`${short} · `;
    const head = chrome`▸ ${date} ${padEndTo(shortSender(mail), 18)}  ${mark}`;
    const right = files === null ? undefined : chrome`${files} `;
    const room = columns - widthOf(head) - (right === undefined ? 0 : widthOf(right) + 1);
    yield {
      text: chrome`${head}${cutToWidth(snippetOf(mail), room)}`,
      tone: onItsWay?.tone ?? (bounced ? 'danger' : 'plain'),
      ...(right && { right }),
    };
    return;
  }
  const right = files === null ? chrome`` : chrome`${files} `;
  const first = chrome`▾ ${date} ${senderOf(mail)}`;
  const recipients = recipientsOf(mail);
  const room = columns - widthOf(right) - 1;
  const single = widthOf(first) + 1 + widthOf(recipients) <= room;
  yield { text: cutToWidth(single ? chrome`${first} ${recipients}` : first, room), tone: 'strong', ...(right !== '' && { right }) };
  if (!single) yield { text: cutToWidth(chrome`  ${padEndTo(chrome``, dateColumns)} ${recipients}`, columns), tone: 'muted' };
  const indent = chrome`  `;
  const width = Math.min(readable, columns - 4);
  if (onItsWay !== null) for (const text of wrap(onItsWay.long, width)) yield { text: chrome`${indent}${text}`, tone: onItsWay.tone };
  const reports = [...(mail.reports ?? []).map(reportLine), ...(mail.report == null ? [] : [ownReportLine(mail.report)])];
  for (const { text, tone } of reports) for (const line of wrap(text, width)) yield { text: chrome`${indent}${line}`, tone };
  for (const { text, tone } of markLines(mail.marks)) yield { text: cutToWidth(chrome`${indent}${text}`, columns), tone };
  if (mail.automatic) yield { text: chrome`${indent}(sent by a machine: it is never answered by one)`, tone: 'muted' };
  if (mail.defeated)
    yield { text: cutToWidth(chrome`${indent}! not all of this mail could be read; V shows its source`, columns), tone: 'warning' };
  if (look.headers !== null) {
    for (const text of wrap(look.headers, width)) yield { text: chrome`${indent}${text}`, tone: 'muted' };
    yield blank;
  }
  yield* bodyRows(mail.text, look.quotes, width, indent);
  for (const [at, file] of mail.attachments.entries()) {
    if (at === 0) yield blank;
    const label = chrome`${indent}v ${padEndTo(octets(file.size), 8)} `;
    yield { text: chrome`${label}${cutToWidth(file.filename, columns - widthOf(label) - 1)}`, tone: 'accent' };
  }
  yield blank;
}

const quotedWords = (lines: number): Chrome => chrome`${lines} ${lines === 1 ? chrome`quoted line` : chrome`quoted lines`}`;

/** The body's lines, wrapped; quotes are one row each unless they are to be shown. */
export function* bodyRows(text: SafeText, quotes: boolean, width: number, indent: Chrome = chrome``): Generator<ThreadRow> {
  const lines = text.split('\n');
  while (lines.length > 0 && lines.at(-1)?.trim() === '') lines.pop();
  let seen = false;
  for (const block of quoteBlocks(lines)) {
    if (block.kind === 'quote' && !quotes && folds(block, lines, seen)) {
      yield { text: chrome`${indent}‹ ${quotedWords(block.to - block.from)} — Q ›`, tone: 'muted' };
      seen = true;
      continue;
    }
    for (const line of lines.slice(block.from, block.to)) {
      if (!seen && line.trim() === '') continue;
      seen = true;
      for (const part of wrapBody(safeText(line), width)) {
        yield { text: part === '' ? part : chrome`${indent}${part}`, tone: block.kind === 'text' ? 'plain' : 'muted' };
      }
    }
  }
  if (!seen) yield { text: chrome`${indent}(no text)`, tone: 'muted' };
}

/** What leaves so soon after it was written waits for nothing but second thoughts. */
const undoWindowMs = 60_000;

type OutboxWords = { readonly short: Chrome; readonly long: Chrome; readonly tone: Tone };

/** What happens to a mail on its way out, and what one can do about it; null once it has arrived. */
export function outboxWords(mail: Pick<Message, 'outbox' | 'date'>): OutboxWords | null {
  if (mail.outbox === null) return null;
  const why = mail.outbox.error === null ? chrome`` : chrome`: ${mail.outbox.error}`;
  switch (mail.outbox.state) {
    case 'queued':
      return { short: chrome`↑ queued`, long: chrome`↑ queued, leaves by itself${why} — @ takes it back`, tone: 'warning' };
    case 'sending':
      return { short: chrome`↑ sending`, long: chrome`↑ being handed to the server`, tone: 'warning' };
    case 'held':
      // Held for its time there is nothing wrong with it.
      if (mail.outbox.heldFor === 'right')
        return { short: chrome`✗ held`, long: chrome`✗ held, it does not leave${why} — @ what to do`, tone: 'danger' };
      if (Date.parse(mail.outbox.sendAt) - Date.parse(mail.date) <= undoWindowMs)
        return { short: chrome`↑ leaves now`, long: chrome`↑ leaves in a few seconds — @ takes it back`, tone: 'warning' };
      return {
        short: chrome`↑ leaves later`,
        long: chrome`↑ leaves ${fullMoment(Date.parse(mail.outbox.sendAt))} — @ takes it back, or sends it now`,
        tone: 'warning',
      };
    case 'waiting-approval':
      return { short: chrome`◌ waits`, long: chrome`◌ waits for approval — @ takes it back`, tone: 'warning' };
    case 'failed':
      return { short: chrome`✗ failed`, long: chrome`✗ not sent${why} — @ what to do`, tone: 'danger' };
    case 'bounced':
      return { short: chrome`✗ bounced`, long: chrome`✗ came back${why} — @ what to do`, tone: 'danger' };
    case 'unknown':
      return {
        short: chrome`✗ unknown`,
        long: chrome`✗ nobody knows whether it left${why}. It is never sent again by itself — @ what to do`,
        tone: 'danger',
      };
    case 'cancelled':
      return { short: chrome`✗ taken back`, long: chrome`✗ taken back before it left`, tone: 'muted' };
    case 'accepted':
      return null;
    default:
      return mail.outbox.state satisfies never;
  }
}

// --- notes ---------------------------------------------------------------------------------------------------------

function* noteRows(note: Note, look: Look): Generator<ThreadRow> {
  const date = padEndTo(moment(note.at, look.now), dateColumns);
  const head = chrome`│ ${date} NOTE ${note.author}  team only`;
  const oneLine = chrome`${head}: ${note.text}`;
  if (look.folded || (!note.text.includes('\n') && widthOf(oneLine) < look.columns)) {
    yield { text: cutToWidth(chrome`${head}: ${safeText(note.text)}`, look.columns - 1), tone: 'note' };
    if (!look.folded) yield blank;
    return;
  }
  yield { text: head, tone: 'note' };
  for (const line of wrap(note.text, Math.min(readable, look.columns - 4))) yield { text: chrome`│ ${line}`, tone: 'note' };
  yield blank;
}

// --- rows made when they are looked at -------------------------------------------------------------------------------

/** The rows of one item, as many as were looked at. */
export class LazyRows {
  readonly #made: ThreadRow[] = [];
  readonly #rest: Generator<ThreadRow>;
  /** How many there may be, before they are made. */
  readonly #guess: number;
  #complete = false;

  constructor(rest: Generator<ThreadRow>, guess: number) {
    this.#rest = rest;
    this.#guess = guess;
  }

  at(row: number): ThreadRow | undefined {
    while (this.#made.length <= row && !this.#complete) {
      const next = this.#rest.next();
      if (next.done === true) this.#complete = true;
      else this.#made.push(next.value);
    }
    return this.#made[row];
  }

  /** Makes all of them. */
  get count(): number {
    this.at(Number.POSITIVE_INFINITY);
    return this.#made.length;
  }

  get about(): number {
    return this.#complete ? this.#made.length : Math.max(this.#made.length + 1, this.#guess);
  }
}

/** The first row of the window. */
export type Top = { readonly id: string; readonly row: number };

export type ThreadView = {
  /** The item under the cursor. */
  readonly cursor: string;
  readonly top: Top;
  /** Every item that was ever here, and whether it is folded. */
  readonly folded: ReadonlyMap<string, boolean>;
  /** Items whose quotes are shown. */
  readonly quotes: ReadonlySet<string>;
  readonly headers: ReadonlyMap<string, SafeText>;
};

/** Rows that were made, until their item looks otherwise. */
export type RowCache = Map<string, { readonly key: string; readonly rows: LazyRows }>;

export type Seen = { readonly index: number; readonly row: number; readonly id: string; readonly content: ThreadRow };

/** The items with their looks, seen through a window of `height` rows. */
export class Thread {
  readonly items: readonly Item[];
  readonly height: number;
  readonly #places: ReadonlyMap<string, number>;
  readonly #columns: number;
  readonly #now: number;
  readonly #cache: RowCache;
  readonly view: ThreadView;

  constructor(
    items: readonly Item[],
    view: ThreadView,
    room: { columns: number; height: number },
    now: number,
    cache: RowCache = new Map(),
  ) {
    this.items = items;
    this.view = view;
    this.height = Math.max(1, room.height);
    this.#columns = room.columns;
    this.#now = now;
    this.#cache = cache;
    this.#places = new Map(items.map(({ id }, index) => [id, index]));
  }

  with(view: ThreadView): Thread {
    return new Thread(this.items, view, { columns: this.#columns, height: this.height }, this.#now, this.#cache);
  }

  indexOf(id: string): number {
    return this.#places.get(id) ?? 0;
  }

  rows(index: number): LazyRows {
    const item = this.items[index];
    if (item === undefined) return new LazyRows(none(), 0);
    const { folded, quotes, headers } = this.view;
    const look: Look = {
      folded: folded.get(item.id) ?? false,
      quotes: quotes.has(item.id),
      headers: headers.get(item.id) ?? null,
      columns: this.#columns,
      now: this.#now,
    };
    const key = keyOf(item, look);
    const known = this.#cache.get(item.id);
    if (known?.key === key) return known.rows;
    const rows = new LazyRows(rowsOf(item, look), look.folded ? 1 : 3 + (item.kind === 'mail' ? linesIn(item.mail.text) : 1));
    this.#cache.set(item.id, { key, rows });
    return rows;
  }

  /** What the window shows. */
  seen(): Seen[] {
    const found: Seen[] = [];
    for (const place of this.#from(this.#start(this.view.top))) {
      if (found.length === this.height) break;
      found.push(place);
    }
    return found;
  }

  /** Rows below the window, and how far one has read in hundredths; both about right while a long mail is not looked at whole. */
  left(): { rows: number; percent: number } {
    const { index, row } = this.#start(this.view.top);
    let above = row;
    let all = 0;
    for (let at = 0; at < this.items.length; at++) {
      const { about } = this.rows(at);
      if (at < index) above += about;
      all += about;
    }
    const rows = Math.max(0, all - above - this.height);
    return { rows, percent: all === 0 ? 100 : Math.min(100, Math.round((100 * (all - rows)) / all)) };
  }

  /** The top after moving by so many rows, never past the end. */
  scrolled(by: number): Top {
    return by >= 0 ? this.#down(this.#start(this.view.top), by) : this.#up(this.#start(this.view.top), -by);
  }

  /** With an item's first row first, as far as there is enough below it. */
  startingAt(id: string, rowsAbove = 0): Top {
    const place = this.#start({ id, row: 0 });
    const from = this.#down(place, 0);
    const top = this.#start(from);
    return top.index < place.index || top.row < place.row ? from : this.#up(place, rowsAbove);
  }

  /** The last rows. */
  ending(): Top {
    const last = this.items.length - 1;
    const rows = this.rows(last).count;
    return this.#up({ index: last, row: Math.max(0, rows - 1) }, this.height - 1);
  }

  atEnd(): boolean {
    const { index, row } = this.#start(this.view.top);
    const next = this.#down({ index, row }, 1);
    const moved = this.#start(next);
    return moved.index === index && moved.row === row;
  }

  /** A place that exists, also after the items or the columns changed. */
  #start({ id, row }: Top): { index: number; row: number } {
    const index = this.indexOf(id);
    return row === 0 || this.rows(index).at(row) !== undefined ? { index, row } : { index, row: Math.max(0, this.rows(index).count - 1) };
  }

  *#from({ index, row }: { index: number; row: number }): Generator<Seen> {
    for (let at = index; at < this.items.length; at++) {
      const id = this.items[at]?.id ?? '';
      const rows = this.rows(at);
      for (let line = at === index ? row : 0; ; line++) {
        const content = rows.at(line);
        if (content === undefined) break;
        yield { index: at, row: line, id, content };
      }
    }
  }

  #down(from: { index: number; row: number }, by: number): Top {
    let place: Seen | undefined;
    let steps = 0;
    const ahead: Seen[] = [];
    // A window's height of rows must be left below the new top.
    for (const next of this.#from(from)) {
      ahead.push(next);
      if (ahead.length > this.height) ahead.shift();
      if (steps >= this.height - 1) place = ahead[0];
      if (steps === by + this.height - 1) break;
      steps++;
    }
    if (place !== undefined) return { id: place.id, row: place.row };
    return this.ending();
  }

  #up({ index, row }: { index: number; row: number }, by: number): Top {
    let at = index;
    let line = row - by;
    while (line < 0 && at > 0) {
      at--;
      line += this.rows(at).count;
    }
    return { id: this.items[at]?.id ?? '', row: Math.max(0, line) };
  }
}

function* none(): Generator<ThreadRow> {}

function keyOf(item: Item, look: Look): string {
  const state = item.kind === 'mail' ? `${item.mail.text.length} ${item.mail.outbox?.state} ${item.mail.outbox?.error}` : '';
  // Dates are told apart by the day.
  const day = Math.floor(look.now / 86_400_000);
  return `${look.columns} ${look.folded} ${look.quotes} ${look.headers?.length} ${day} ${state}`;
}

function linesIn(text: string): number {
  let lines = 1;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
