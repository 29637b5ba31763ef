import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileQuery, type Facts, keys, parseQuery, periodOf, printQuery, type Query } from '../daemon/mail/query.ts';
import { migrations } from '../daemon/store/migrations/index.ts';
import { PostroomError } from '../protocol/errors.ts';

const said = (text: string, typing = false): string => printQuery(parseQuery(text, { typing }));
const noon = Date.UTC(2026, 2, 24, 12);

function refusal(text: string, typing = false): { position: unknown; message: string } | null {
  try {
    parseQuery(text, { typing });
    return null;
  } catch (error) {
    if (!(error instanceof PostroomError) || error.code !== 'invalid') throw error;
    return { position: error.details.position, message: error.message };
  }
}

describe('what is written', () => {
  test.each([
    ['order number', '"order" "number"'],
    ['"order number"', '"order number"'],
    ['a b OR c d', '"a" "b" OR "c" "d"'],
    ['a (b OR c)', '"a" ("b" OR "c")'],
    ['-a -"b c" -(d e)', '-"a" -"b c" -("d" "e")'],
    ['FROM:jane to:"Jane C" -cc:x', 'from:"jane" to:"Jane C" -cc:"x"'],
    ['is:starred has:attachments', 'is:star has:attachment'],
    ['in:support@harbour.example folder:"Sent Items"', 'in:support@harbour.example folder:"Sent Items"'],
    ['refun*', 'refun*'],
    ['10:30 https://example.org/a?b', '"10:30" "https://example.org/a?b"'],
    ['or', '"or"'],
    ['"OR"', '"OR"'],
    ['((a))', '"a"'],
    ['before:2026-03 after:7d date:today', 'before:2026-03 after:7d date:today'],
  ])('%s is %s', (text, printed) => expect(said(text)).toBe(printed));

  test('the last word while somebody types is the beginning of one', () => {
    expect(said('order refu', true)).toBe('"order" refu*');
    expect(said('order refu ', true)).toBe('"order" "refu"');
    expect(said('from:ja', true)).toBe('from:ja*');
    expect(said('"lost par', true)).toBe('"lost par"*');
    expect(said('in:supp', true)).toBe('in:supp');
  });

  test.each([
    ['', ''],
    ['   ', ''],
    ['-', ''],
    ['a -', '"a"'],
    ['"', ''],
    ['"a b', '"a b"'],
    ['(', ''],
    ['(a', '"a"'],
    ['a)', '"a"'],
    ['()', ''],
    ['from:', ''],
    ['from: a', '"a"'],
    ['from:"', ''],
    ['re:', '"re:"'],
    ['a OR', '"a"'],
    ['OR a', '"a"'],
    ['OR', ''],
    ['a OR OR b', '"a" OR "b"'],
    ['-OR', ''],
    ['-(', ''],
    ['*', ''],
  ])('half-typed %j is %j', (text, printed) => expect(said(text)).toBe(printed));

  test('half a value is only harmless where it is being typed', () => {
    expect(said('a is:un', true)).toBe('"a"');
    expect(said('a before:2026-0', true)).toBe('"a"');
    expect(refusal('is:un a', true)?.position).toBe(3);
    expect(refusal('is:un')?.position).toBe(3);
    expect(refusal('a is:nothing', true)?.position).toBe(5);
  });

  test('errors say where, and what there is', () => {
    expect(refusal('order label:x')).toEqual({
      position: 6,
      message: `There is no key "label:". The keys are ${keys.map((key) => `${key}:`).join(' ')} (at character 7 of the query).`,
    });
    expect(refusal('has:wings')?.message).toContain('has:attachment');
    expect(refusal('before:soon')?.position).toBe(7);
    expect(refusal('date:2026-02-30')?.position).toBe(5);
    expect(refusal('from:(a OR b)')?.position).toBe(5);
    expect(refusal('('.repeat(40))?.position).toBe(16);
    expect(refusal(`${'-'.repeat(40)}a`)?.position).toBe(16);
  });
});

test.each([
  ['2026', '2026-01-01', '2027-01-01'],
  ['2026-12', '2026-12-01', '2027-01-01'],
  ['2024-2-29', '2024-02-29', '2024-03-01'],
  ['today', '2026-03-24', '2026-03-25'],
  ['yesterday', '2026-03-23', '2026-03-24'],
  ['2w', '2026-03-10', '2026-03-11'],
  ['1y', '2025-03-24', '2025-03-25'],
])('%s is from %s to %s', (text, from, to) => {
  expect(periodOf(text, noon)).toEqual({ from: Date.parse(from), to: Date.parse(to) });
});

// --- properties ----------------------------------------------------------------------------------------------------

const pieces = fc.constantFrom(
  ...[
    '(',
    ')',
    '-',
    '"',
    ' ',
    ' ',
    'OR',
    'AND',
    'NOT',
    'NEAR(',
    '*',
    '^',
    ':',
    '{',
    '}',
    '§',
    "'",
    ';',
    '\0',
    '\\',
    '日本',
    'ß',
    'a',
    'bc',
    '+',
    ',',
    '%',
  ],
  ...keys.map((key) => `${key}:`),
  ...[
    'is:unread',
    'is:open',
    'is:mine',
    'is:star',
    'has:attachment',
    'before:2026',
    'date:7d',
    'folder:INBOX',
    'in:support',
    'assigned:me',
  ],
);
const texts = fc.oneof(
  fc.array(pieces, { maxLength: 30 }).map((all) => all.join('')),
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
);
const parsed = (text: string, typing: boolean): Query | null => {
  try {
    return parseQuery(text, { typing });
  } catch (error) {
    if (error instanceof PostroomError && error.code === 'invalid') return null;
    throw error;
  }
};

const facts: Facts = {
  person: 'ann',
  reach: [
    { mailbox: 'support', readUpTo: 0 },
    { mailbox: 'sa"les', readUpTo: 0 },
  ],
  own: ['person:ann'],
  mailboxes: new Map([['support', ['support', 'foreign']]]),
  assignees: new Map([['me', ['person:ann']]]),
  folders: new Map([['INBOX', [1]]]),
  now: noon,
};

test('what is printed parses to the same tree, typed or not', () => {
  fc.assert(
    fc.property(texts, fc.boolean(), (text, typing) => {
      const tree = parsed(text, typing);
      if (tree === null) return;
      const printed = printQuery(tree);
      expect(parseQuery(printed)).toEqual(tree);
      expect(parseQuery(printed, { typing: true })).toEqual(tree);
    }),
    { numRuns: 3_000 },
  );
});

test('whatever is written, the database takes it', () => {
  const db = new DatabaseSync(':memory:');
  for (const sql of migrations) db.exec(sql);
  db.function('in_time', () => 1);
  fc.assert(
    fc.property(texts, fc.boolean(), (text, typing) => {
      const tree = parsed(text, typing);
      if (tree === null) return;
      const { match, where, values } = compileQuery(tree, facts);
      db.prepare(
        `SELECT t.rowid FROM mail_text t LEFT JOIN entry e ON e.row = t.rowid LEFT JOIN note n ON n.row = t.rowid
         CROSS JOIN conversation c ON c.num = coalesce(e.conversation, n.conversation) WHERE t.mail_text MATCH ? ${where === '' ? '' : `AND ${where}`}`,
      ).all(match, ...values);
    }),
    { numRuns: 3_000 },
  );
  for (const deep of [
    'a (b OR -(c '.repeat(4),
    'a -(b OR -(c '.repeat(3),
    `${'-a '.repeat(300)}`,
    'a OR '.repeat(190),
    `x ${'y '.repeat(490)}`,
  ]) {
    const { match } = compileQuery(parseQuery(deep), facts);
    db.prepare('SELECT rowid FROM mail_text WHERE mail_text MATCH ?').all(match);
  }
  db.close();
});

test('who reaches nothing asks for nothing, and a scope is in every MATCH', () => {
  expect(compileQuery(parseQuery('a'), { ...facts, reach: [] }).match).toBeNull();
  fc.assert(
    fc.property(texts, (text) => {
      const tree = parsed(text, false);
      if (tree === null) return;
      const { match, values } = compileQuery(tree, facts);
      const scope = `("§${Buffer.from('support').toString('hex')}" OR "§${Buffer.from('sa"les').toString('hex')}")`;
      expect(match).toContain(scope);
      expect(match).not.toContain(Buffer.from('foreign').toString('hex'));
      for (const value of values) if (typeof value === 'string' && value.includes('§')) expect(value).toContain(scope);
    }),
  );
});
