/**
 * The query language of search, filters and rules: text -> tree -> pieces of SQL.
 *
 *     order -"out of office" from:jane in:support (is:open OR is:waiting) after:2026-03-01
 *
 * - All parts must hold; `OR` binds looser than standing side by side; `-` negates what it touches.
 * - What somebody is still typing is harmless: open quotes and parentheses end with the text, a lone `-`, a key without a value and
 *   an `OR` with nothing beside it say nothing. Words without a letter or digit say nothing either.
 * - Errors are `invalid`, with the position. A name that fits nothing (mailbox, folder, person) finds nothing: what is foreign and
 *   what does not exist are told alike.
 * - `compile` puts every word through `fold.ts` and in quotes; all else is a bound value. The scope, tokens of the mailboxes that
 *   the person may open, is part of every MATCH.
 */
import { PostroomError } from '../../protocol/errors.ts';
import { type Asked, foldForQuery } from './fold.ts';

const textKeys = ['from', 'to', 'cc', 'subject', 'body', 'note'] as const;
export const keys = [...textKeys, 'in', 'folder', 'has', 'is', 'assigned', 'before', 'after', 'date'] as const;
export type Key = (typeof keys)[number];

/** Keys with a closed list of values; the first spelling is the one that is printed. */
const choices: Readonly<Partial<Record<Key, readonly string[]>>> = {
  has: ['attachment'],
  is: ['unread', 'open', 'waiting', 'done', 'mine', 'star'],
};
const synonyms: Readonly<Record<string, string>> = { attachments: 'attachment', starred: 'star' };

/** A word or phrase, with the key before it. `prefix`: its last word may go on. */
export type Term = { kind: 'term'; key: Key | null; value: string; prefix: boolean };
export type Query = Term | { kind: 'all'; of: readonly Query[] } | { kind: 'any'; of: readonly Query[] } | { kind: 'not'; of: Query };

export const everything: Query = { kind: 'all', of: [] };

const maxDepth = 16;

// --- text -> tree --------------------------------------------------------------------------------------------------

type Token = { at: number } & ({ kind: '(' | ')' | '-' | 'OR' } | { kind: 'word'; key: Key | null; value: string; prefix: boolean });

/** `typing`: the last word, if nothing follows it, is the beginning of one. */
export function parseQuery(text: string, { typing = false }: { typing?: boolean } = {}): Query {
  const tokens = tokensOf(text, typing);
  let next = 0;

  function any(depth: number): Query | null {
    const branches: Query[] = [];
    for (;;) {
      const branch = all(depth);
      if (branch !== null) branches.push(branch);
      if (tokens[next]?.kind !== 'OR') break;
      next += 1;
    }
    return grouped('any', branches);
  }

  function all(depth: number): Query | null {
    const parts: Query[] = [];
    for (let token = tokens[next]; token !== undefined && token.kind !== 'OR'; token = tokens[next]) {
      if (token.kind === ')') {
        if (depth > 0) break;
        next += 1; // it closes nothing
        continue;
      }
      const part = one(depth);
      if (part !== null) parts.push(part);
    }
    return grouped('all', parts);
  }

  function one(depth: number): Query | null {
    const token = tokens[next];
    if (token === undefined || token.kind === ')' || token.kind === 'OR') return null;
    next += 1;
    if (depth >= maxDepth) throw refused('Parentheses and minus signs are nested too deeply', token.at);
    if (token.kind === 'word') return { kind: 'term', key: token.key, value: token.value, prefix: token.prefix };
    if (token.kind === '-') {
      const of = one(depth + 1);
      return of === null ? null : { kind: 'not', of };
    }
    const inner = any(depth + 1);
    if (tokens[next]?.kind === ')') next += 1;
    return inner;
  }

  return any(0) ?? everything;
}

function grouped(kind: 'all' | 'any', of: readonly Query[]): Query | null {
  const [only] = of;
  if (only === undefined) return null;
  return of.length === 1 ? only : { kind, of };
}

function tokensOf(text: string, typing: boolean): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  /** What stands in quotes from here on; the end of the text closes them too. */
  const quoted = (): { value: string; prefix: boolean } => {
    const closing = text.indexOf('"', at + 1);
    const open = closing === -1;
    const value = text.slice(at + 1, open ? text.length : closing);
    at = open ? text.length : closing + 1;
    const star = text[at] === '*';
    if (star) at += 1;
    return { value, prefix: star || (open && typing && !/\s$/.test(value)) };
  };
  const plain = (): { value: string; prefix: boolean } => {
    const value = /^[^\s()"]*/.exec(text.slice(at))?.[0] ?? '';
    at += value.length;
    const starless = value.replace(/\*+$/, '');
    return { value: starless, prefix: starless !== value || (typing && at === text.length) };
  };
  while (at < text.length) {
    const start = at;
    const here = text[at] ?? '';
    if (/\s/.test(here)) {
      at += 1;
      continue;
    }
    if (here === '(' || here === ')') {
      tokens.push({ kind: here, at });
      at += 1;
      continue;
    }
    if (here === '-') {
      at += 1;
      if (at < text.length && /\S/.test(text[at] ?? '')) tokens.push({ kind: '-', at: start });
      continue;
    }
    const name = /^([A-Za-z]+):/.exec(text.slice(at, at + 40))?.[1];
    const after = name === undefined ? '' : (text[at + name.length + 1] ?? '');
    if (name !== undefined && !(after === '' || /[\s/()]/.test(after))) {
      const key = keys.find((one) => one === name.toLowerCase());
      if (key === undefined) throw refused(`There is no key "${name}:". The keys are ${keys.map((one) => `${one}:`).join(' ')}`, start);
      at += name.length + 1;
      const given = after === '"' ? quoted() : plain();
      const term = checked(key, given, { start, last: at === text.length });
      if (term !== null) tokens.push({ kind: 'word', at: start, ...term });
      continue;
    }
    if (name !== undefined && after === '(')
      throw refused(`${name}: takes a word or a "phrase", not a parenthesis`, start + name.length + 1);
    if (name !== undefined && after !== '/' && keys.some((one) => one === name.toLowerCase())) {
      at += name.length + 1; // a key whose value is still to come
      continue;
    }
    const { value, prefix } = here === '"' ? quoted() : plain();
    if (value === 'OR' && here !== '"' && at - start === 2) tokens.push({ kind: 'OR', at: start });
    else if (value.trim() !== '') tokens.push({ kind: 'word', at: start, key: null, value, prefix });
  }
  return tokens;
}

/** A key's value as it is kept; null while it is being typed. */
function checked(
  key: Key,
  { value, prefix }: { value: string; prefix: boolean },
  { start, last }: { start: number; last: boolean },
): Pick<Term, 'key' | 'value' | 'prefix'> | null {
  if (value.trim() === '') return null;
  if ((textKeys as readonly string[]).includes(key)) return { key, value, prefix };
  const known = choices[key];
  if (known !== undefined) {
    const lower = value.toLowerCase();
    const chosen = synonyms[lower] ?? lower;
    if (known.includes(chosen)) return { key, value: chosen, prefix: false };
    if (last && prefix && known.some((one) => one.startsWith(lower))) return null;
    throw refused(`There is no ${key}:${value}. There is ${known.map((one) => `${key}:${one}`).join(' ')}`, start + key.length + 1);
  }
  if (key === 'before' || key === 'after' || key === 'date') {
    if (periodOf(value, 0) !== null) return { key, value: value.toLowerCase(), prefix: false };
    if (last && prefix && /^[\d-]+$|^[a-z]+$/i.test(value) && value.length < 10) return null;
    throw refused(
      `${key}: takes a date like 2026-03-24, 2026-03, 2026, today, yesterday, or 7d, 2w, 3m, 1y ago, not "${value}"`,
      start + key.length + 1,
    );
  }
  return { key, value, prefix: false };
}

/** `position` counts UTF-16 units from 0; the message counts characters from 1, as people do. */
function refused(what: string, position: number): PostroomError {
  return new PostroomError('invalid', `${what} (at character ${position + 1} of the query).`, { position });
}

// --- tree -> text --------------------------------------------------------------------------------------------------

/** The one way to write a query: what parses back to the same tree, typed or not. */
export function printQuery(query: Query): string {
  switch (query.kind) {
    case 'all':
      return query.of.map((part) => (part.kind === 'any' || part.kind === 'all' ? `(${printQuery(part)})` : printQuery(part))).join(' ');
    case 'any':
      return query.of.map((part) => (part.kind === 'any' ? `(${printQuery(part)})` : printQuery(part))).join(' OR ');
    case 'not':
      return `-${query.of.kind === 'all' || query.of.kind === 'any' ? `(${printQuery(query.of)})` : printQuery(query.of)}`;
    case 'term': {
      const key = query.key === null ? '' : `${query.key}:`;
      const isText = query.key === null || (textKeys as readonly string[]).includes(query.key);
      const simple = /^[\p{L}\p{N}][\p{L}\p{N}@._+-]*$/u.test(query.value) && !query.value.includes(':') && query.value !== 'OR';
      // A bare word at the end would be the beginning of one to a parser that reads along.
      return `${key}${simple && (!isText || query.prefix) ? query.value : `"${query.value}"`}${query.prefix ? '*' : ''}`;
    }
    default:
      return query satisfies never;
  }
}

/** Every term of a tree, those that are negated too. */
export function* termsOf(query: Query): Generator<Term> {
  if (query.kind === 'term') yield query;
  else if (query.kind === 'not') yield* termsOf(query.of);
  else for (const part of query.of) yield* termsOf(part);
}

/** The names that somebody has to look up before `compile`: what stands after a key anywhere in the tree. */
export function valuesOf(query: Query, key: Key): string[] {
  return [...new Set([...termsOf(query)].filter((term) => term.key === key).map(({ value }) => value))];
}

/** What a hit shows where: the words that are looked for in texts, not those that must be absent. */
export function soughtIn(query: Query, where: readonly Key[]): Asked[] {
  if (query.kind === 'not') return [];
  if (query.kind !== 'term') return query.of.flatMap((part) => soughtIn(part, where));
  return query.key === null || where.includes(query.key) ? [foldForQuery(query.value, query.prefix)] : [];
}

// --- dates ---------------------------------------------------------------------------------------------------------

const dayMs = 86_400_000;

/** What a date word covers, in UTC: from `from` on, up to and without `to`. Null when it is none. */
export function periodOf(text: string, now: number): { from: number; to: number } | null {
  const today = Math.floor(now / dayMs) * dayMs;
  const word = text.toLowerCase();
  if (word === 'today') return { from: today, to: today + dayMs };
  if (word === 'yesterday') return { from: today - dayMs, to: today };
  const ago = /^(\d{1,4})([dwmy])$/.exec(word);
  if (ago !== null) {
    const count = Number(ago[1]);
    const moment = new Date(today);
    if (ago[2] === 'd') moment.setUTCDate(moment.getUTCDate() - count);
    if (ago[2] === 'w') moment.setUTCDate(moment.getUTCDate() - 7 * count);
    if (ago[2] === 'm') moment.setUTCMonth(moment.getUTCMonth() - count);
    if (ago[2] === 'y') moment.setUTCFullYear(moment.getUTCFullYear() - count);
    return { from: moment.getTime(), to: moment.getTime() + dayMs };
  }
  const shape = /^(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?$/.exec(word);
  if (shape === null || shape[1] === '0000') return null;
  const [year, month, day] = [Number(shape[1]), Number(shape[2] ?? 1), Number(shape[3] ?? 1)];
  const from = utc(year, month, day);
  const begun = new Date(from);
  if (begun.getUTCMonth() !== month - 1 || begun.getUTCDate() !== day) return null;
  const to = shape[3] !== undefined ? from + dayMs : shape[2] !== undefined ? utc(year, month + 1, 1) : utc(year + 1, 1, 1);
  return { from, to };
}

/** Date.UTC takes the years 0 to 99 for 1900 to 1999. */
const utc = (year: number, month: number, day: number): number => new Date(0).setUTCFullYear(year, month - 1, day);

// --- tree -> SQL ---------------------------------------------------------------------------------------------------

/** What the words of a query mean to one person at one moment. */
export type Facts = {
  person: string;
  /** Mailboxes the person may open: nothing of any other is found, whatever the query says. */
  reach: readonly {
    mailbox: string;
    /** The last row that is read whatever the person's mark says. */
    readUpTo: number;
  }[];
  /** Assignee texts that are the person: themselves and their roles. */
  own: readonly string[];
  /** `in:`, by the text that was written. */
  mailboxes: ReadonlyMap<string, readonly string[]>;
  /** `assigned:`, by the text that was written; '' is nobody. */
  assignees: ReadonlyMap<string, readonly string[]>;
  /** `folder:`, by the text that was written: only of mailboxes whose folders the person may list. */
  folders: ReadonlyMap<string, readonly number[]>;
  now: number;
};

export type Compiled = {
  /** For `mail_text MATCH`; null: there is nothing that the person may open. */
  match: string | null;
  /** A condition over mail_text t, entry e or note n, conversation c; '' when the MATCH says all. */
  where: string;
  values: (string | number)[];
};

/** Outside the alphabet of `fold.ts`: no text of a mail and no word of a query is ever equal to a scope. */
export const scopeToken = (mailbox: string): string => `§${Buffer.from(mailbox).toString('hex')}`;

const columns: Readonly<Record<(typeof textKeys)[number], string>> = {
  from: 'sender',
  to: '{recipients copies}',
  cc: 'copies',
  subject: 'subject',
  body: 'body',
  note: 'note',
};

/** A part of the tree: decided by the index alone, or by rows. null: it says nothing. */
type Part = { text: string } | { sql: string; values: (string | number)[] } | null;

export function compileQuery(query: Query, facts: Facts): Compiled {
  if (facts.reach.length === 0) return { match: null, where: '', values: [] };
  const scopeOf = (mailboxes: readonly string[]): string => `(${mailboxes.map((id) => `"${scopeToken(id)}"`).join(' OR ')})`;
  const scope = scopeOf(facts.reach.map(({ mailbox }) => mailbox));
  const nothing: Part = { sql: '0', values: [] };

  /** Of texts that must hold and texts that must not, one text. The scope stands in where nothing else must hold. */
  const both = (must: readonly string[], mustNot: readonly string[]): string => {
    const held = must.length === 0 ? scope : must.length === 1 ? (must[0] ?? scope) : `(${must.join(' AND ')})`;
    return mustNot.length === 0 ? held : `(${held} NOT (${mustNot.join(' OR ')}))`;
  };
  const asSql = (part: { text: string } | { sql: string; values: (string | number)[] }) =>
    'sql' in part
      ? part
      : {
          sql: 't.rowid IN (SELECT rowid FROM mail_text WHERE mail_text MATCH ? AND in_time())',
          values: [`${scope} AND ${part.text}`],
        };

  function part(it: Query): Part {
    switch (it.kind) {
      case 'term':
        return term(it);
      case 'not': {
        const of = part(it.of);
        if (of === null) return null;
        if ('text' in of) return { text: both([], [of.text]) };
        return { sql: `NOT (${of.sql})`, values: of.values };
      }
      case 'all': {
        const { must, mustNot, rows } = split(it.of);
        if (must.length + mustNot.length + rows.length === 0) return null;
        if (rows.length === 0) return { text: both(must, mustNot) };
        const text = must.length + mustNot.length === 0 ? [] : [asSql({ text: both(must, mustNot) })];
        return joined([...text, ...rows], 'AND');
      }
      case 'any': {
        const parts = it.of.map(part).filter((one) => one !== null);
        if (parts.length === 0) return null;
        const texts = parts.flatMap((one) => ('text' in one ? [one.text] : []));
        if (texts.length === parts.length) return { text: `(${texts.join(' OR ')})` };
        const text = texts.length === 0 ? [] : [asSql({ text: `(${texts.join(' OR ')})` })];
        return joined([...text, ...parts.flatMap((one) => ('sql' in one ? [one] : []))], 'OR');
      }
      default:
        return it satisfies never;
    }
  }

  function split(parts: readonly Query[]) {
    const [must, mustNot]: [string[], string[]] = [[], []];
    const rows: { sql: string; values: (string | number)[] }[] = [];
    for (const it of parts) {
      const negated = it.kind === 'not';
      const found = part(negated ? it.of : it);
      if (found === null) continue;
      if ('text' in found) (negated ? mustNot : must).push(found.text);
      else rows.push(negated ? { sql: `NOT (${found.sql})`, values: found.values } : found);
    }
    return { must, mustNot, rows };
  }

  function term({ key, value, prefix }: Term): Part {
    switch (key) {
      case null:
      case 'from':
      case 'to':
      case 'cc':
      case 'subject':
      case 'body':
      case 'note': {
        const asked = foldForQuery(value, prefix);
        if (asked.tokens.length === 0) return null;
        const phrase = `"${asked.tokens.join(' ')}"${asked.prefix ? ' *' : ''}`;
        return { text: key === null ? phrase : `(${columns[key]} : ${phrase})` };
      }
      case 'in': {
        const reached = facts.reach.map(({ mailbox }) => mailbox).filter((id) => facts.mailboxes.get(value)?.includes(id) === true);
        return reached.length === 0 ? nothing : { text: scopeOf(reached) };
      }
      case 'folder': {
        // The plus signs keep SQLite from walking through the whole folder for each mail.
        const inFolders = '+p.folder IN (SELECT value FROM json_each(?))';
        const folders = JSON.stringify(facts.folders.get(value) ?? []);
        return {
          sql: `(EXISTS (SELECT 1 FROM placement p WHERE p.entry = e.row AND ${inFolders}) OR EXISTS (
            SELECT 1 FROM entry f JOIN placement p ON p.entry = f.row WHERE f.same_as = e.row AND ${inFolders}))`,
          values: [folders, folders],
        };
      }
      case 'has':
        return { sql: 'coalesce(e.attachments, 0) > 0', values: [] };
      case 'is':
        return is(value);
      case 'assigned':
        return oneOf(facts.assignees.get(value) ?? []);
      case 'before':
      case 'after':
      case 'date': {
        const period = periodOf(value, facts.now);
        if (period === null) return nothing;
        const from = { sql: 't.rowid >= ?', values: [firstRow(period.from)] };
        if (key === 'after') return from;
        const to = { sql: 't.rowid < ?', values: [firstRow(key === 'before' ? period.from : period.to)] };
        return key === 'before' ? to : joined([from, to], 'AND');
      }
      default:
        return key satisfies never;
    }
  }

  const oneOf = (assignees: readonly string[]) => ({
    sql: 'c.assignee IN (SELECT value FROM json_each(?))',
    values: [JSON.stringify(assignees)],
  });

  function is(what: string): Part {
    switch (what) {
      case 'unread':
        return {
          sql: `(e.feeds = 1 AND e.row > max(coalesce((SELECT upto FROM read_mark WHERE person = ? AND conversation = c.num), 0),
            CASE c.mailbox ${facts.reach.map(() => 'WHEN ? THEN ?').join(' ')} ELSE 0 END)) IS TRUE`,
          values: [facts.person, ...facts.reach.flatMap(({ mailbox, readUpTo }) => [mailbox, readUpTo])],
        };
      case 'mine':
        return oneOf(facts.own);
      case 'star':
        return { sql: 'EXISTS (SELECT 1 FROM star WHERE person = ? AND conversation = c.num)', values: [facts.person] };
      default:
        return { sql: 'c.state = ?', values: [what] };
    }
  }

  // The parts that the index decides go into the one MATCH with the scope, the others beside it.
  const { must, mustNot, rows } = split(query.kind === 'all' ? query.of : [query]);
  const where = joined(rows, 'AND');
  return {
    match: both([scope, ...must], mustNot),
    where: where?.sql ?? '',
    values: where?.values ?? [],
  };
}

function joined(parts: readonly { sql: string; values: (string | number)[] }[], by: 'AND' | 'OR') {
  const [only] = parts;
  if (only === undefined) return null;
  if (parts.length === 1) return only;
  return { sql: `(${parts.map(({ sql }) => sql).join(` ${by} `)})`, values: parts.flatMap(({ values }) => values) };
}

/** The first row that a mail of this moment could have (store: `seconds x 2^20 + n`). */
export const firstRow = (at: number): number => Math.min(Math.max(Math.floor(at / 1_000), 0), 2 ** 33 - 1) * 2 ** 20;
