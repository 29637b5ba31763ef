/** What one may type into a search, what was typed before, and where a query is wrong. Pure; the daemon alone reads queries. */
import type { PostroomError } from '../../protocol/errors.ts';

/** Keys of the query language that have data, and the closed lists of their values. */
const keys: Readonly<Record<string, readonly string[]>> = {
  from: [],
  to: [],
  cc: [],
  subject: [],
  body: [],
  note: [],
  in: [],
  folder: [],
  is: ['unread', 'open', 'waiting', 'done', 'mine', 'star'],
  has: ['attachment'],
  assigned: [],
  before: ['today', 'yesterday', '7d', '1m', '1y'],
  after: ['today', 'yesterday', '7d', '1m', '1y'],
  date: ['today', 'yesterday'],
};

/** Values that are known here, by key: mailboxes, and oneself. */
export type Known = Readonly<Record<string, readonly string[]>>;

export type Completion = { readonly text: string; readonly options: readonly string[] };

/**
 * Completes the last word as far as it is certain; `options` are what it may become when that is more than one. A second Tab on what
 * cannot grow takes the next option: `again` is the completion that the text came from.
 */
export function complete(text: string, known: Known, again: Completion | null = null): Completion {
  if (again !== null && again.text === text && again.options.length > 1) {
    const [, word = ''] = /(\S*)$/.exec(text) ?? [];
    const at = again.options.indexOf(word.replace(/^[-(]+/, ''));
    const next = again.options[(at + 1) % again.options.length] ?? '';
    return { text: withLast(text, next), options: again.options };
  }
  const [, word = ''] = /(\S*)$/.exec(text) ?? [];
  const bare = word.replace(/^[-(]+/, '');
  const colon = bare.indexOf(':');
  const all =
    colon === -1
      ? Object.keys(keys).map((key) => `${key}:`)
      : [...(keys[bare.slice(0, colon)] ?? []), ...(known[bare.slice(0, colon)] ?? [])].map((value) => `${bare.slice(0, colon)}:${value}`);
  const options = all.filter((one) => one.toLowerCase().startsWith(bare.toLowerCase()));
  const [only, another] = options;
  if (only === undefined || bare === '') return { text, options };
  if (another === undefined) return { text: withLast(text, only.endsWith(':') ? only : `${only} `), options: [only] };
  return { text: withLast(text, commonStart(options)), options };
}

/** The last word replaced; a minus sign or a parenthesis before it stays. */
function withLast(text: string, word: string): string {
  return text.replace(/([-(]*)(\S*)$/, (_, before: string) => before + word);
}

function commonStart(words: readonly string[]): string {
  const [first = '', ...others] = words;
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

/** What was run in this session, the last one at the end; the same query once. */
export function remembered(history: readonly string[], query: string): readonly string[] {
  const text = query.trim();
  return text === '' ? history : [...history.filter((one) => one !== text), text].slice(-100);
}

/** Walking the history from a text that is not in it: `at` counts back from the newest, 0 is the text itself. */
export type Walk = { readonly at: number; readonly typed: string };

export function walked(history: readonly string[], walk: Walk, by: 1 | -1): { readonly walk: Walk; readonly text: string } | null {
  const at = walk.at + by;
  if (at < 0 || at > history.length) return null;
  return { walk: { ...walk, at }, text: at === 0 ? walk.typed : (history[history.length - at] ?? walk.typed) };
}

/** Where the query is wrong, in UTF-16 units; null when the daemon says nothing about it. */
export function wrongAt({ code, details }: PostroomError): number | null {
  return code === 'invalid' && typeof details.position === 'number' ? details.position : null;
}
