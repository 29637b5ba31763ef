import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideThread, forwardSubject, quoteForReply, readSubject, replySubject, threadKeys } from '../daemon/mail/conversation.ts';
import { type Message, readMessage } from '../daemon/mail/message.ts';
import { mail } from './support/message.ts';

const own = ['support@example.org'];

/** A store of threads as simple as can be: the rule and nothing else. Returns the groups of names, sorted. */
function group(messages: readonly (readonly [string, Message])[]): string[] {
  let rows: { key: string; conversation: number }[] = [];
  const members = new Map<number, string[]>();
  for (const [age, [name, message]] of messages.entries()) {
    const { store, find } = threadKeys(message, own);
    const found = rows.filter(({ key }) => find.includes(key)).map(({ conversation }) => ({ id: conversation, age: conversation }));
    const { join, merge } = decideThread(found);
    const id = join ?? age;
    members.set(id, [...(members.get(id) ?? []), ...merge.flatMap((it) => members.get(it) ?? []), name]);
    for (const it of merge) members.delete(it);
    rows = rows.map(({ key, conversation }) => ({ key, conversation: merge.includes(conversation) ? id : conversation }));
    rows.push(...store.map((key) => ({ key, conversation: id })));
  }
  return [...members.values()].map((names) => names.sort().join(' ')).sort();
}

const day = 86_400_000;
const start = Date.UTC(2026, 2, 1);
type Draft = { subject?: string; id?: string; parent?: string; references?: string[]; from?: string; at?: number };
const draft = ({ subject = 'Order', id, parent, references, from = 'jane@example.com', at = start }: Draft): Message => {
  const to = own.includes(from) ? 'jane@example.com' : 'support@example.org';
  return readMessage(
    mail({
      from,
      to,
      subject,
      text: '',
      date: at,
      messageId: id ?? `${subject}${at}@x`,
      ...(parent === undefined ? {} : { inReplyTo: parent }),
      ...(references === undefined ? {} : { references }),
    }),
  );
};

describe('threads', () => {
  test('a late parent joins its children, and the older conversation lives on', () => {
    const [root, left, right] = [
      draft({ id: 'root@x' }),
      draft({ id: 'l@x', parent: 'root@x' }),
      draft({ id: 'r@x', references: ['root@x'] }),
    ];
    expect(
      group([
        ['left', left],
        ['right', right],
        ['root', root],
      ]),
    ).toEqual(['left right root']);
    expect(
      decideThread([
        { id: 'b', age: 2 },
        { id: 'a', age: 1 },
        { id: 'b', age: 2 },
      ]),
    ).toEqual({ join: 'a', merge: ['b'] });
    expect(decideThread([])).toEqual({ join: null, merge: [] });
  });

  test('loops, self-references and doubled ids are one conversation', () => {
    const loop: [string, Message][] = [
      ['a', draft({ id: 'a@x', parent: 'c@x' })],
      ['b', draft({ id: 'b@x', parent: 'a@x' })],
      ['c', draft({ id: 'c@x', parent: 'b@x' })],
    ];
    expect(group(loop)).toEqual(['a b c']);
    expect(
      group([
        ['self', draft({ id: 's@x', parent: 's@x' })],
        ['twin', draft({ id: 's@x' })],
      ]),
    ).toEqual(['self twin']);
  });

  test('the subject joins only a reply that names no message, from the same correspondent, within a month or so', () => {
    const question = draft({ id: '1@x' });
    const reply = (more: Draft) => draft({ subject: 'Re: Order', at: start + 2 * day, ...more });
    expect(
      group([
        ['question', question],
        ['reply', reply({})],
      ]),
    ).toEqual(['question reply']);
    expect(
      group([
        ['question', question],
        ['answer', reply({ from: 'support@example.org' })],
      ]),
    ).toEqual(['answer question']);
    expect(
      group([
        ['question', question],
        ['again', draft({ id: '2@x', at: start + day })],
      ]),
    ).toEqual(['again', 'question']);
    expect(
      group([
        ['question', question],
        ['other', reply({ from: 'tom@example.com' })],
      ]),
    ).toEqual(['other', 'question']);
    expect(
      group([
        ['question', question],
        ['late', reply({ at: start + 200 * day })],
      ]),
    ).toEqual(['late', 'question']);
    expect(
      group([
        ['question', question],
        ['linked', reply({ parent: 'elsewhere@x' })],
      ]),
    ).toEqual(['linked', 'question']);
  });

  test('of ten thousand references the first 10 and the last 190 count', () => {
    const message = { ...draft({ id: 'x@x' }), references: Array.from({ length: 10_000 }, (_, n) => `<${n}@x>`) };
    const ids = threadKeys(message, own).find.filter((key) => key.startsWith('id '));
    expect(ids).toHaveLength(201);
    expect(ids).toContain('id 9@x');
    expect(ids).not.toContain('id 10@x');
    expect(ids).toContain('id 9999@x');
  });

  test('any order of arrival gives the same conversations', () => {
    const ids = fc.constantFrom('a@x', 'b@x', 'c@x', 'd@x', 'e@x', 'f@x', 'g@x', 'h@x');
    const drafts = fc.record({
      subject: fc.constantFrom('Order', 'Re: Order', 'AW: Order', 'Invoice', 'Re: Invoice'),
      id: ids,
      parent: fc.option(ids, { nil: undefined }),
      references: fc.option(fc.array(ids, { maxLength: 3 }), { nil: undefined }),
      from: fc.constantFrom('jane@example.com', 'tom@example.com', 'support@example.org'),
      at: fc.integer({ min: 0, max: 90 }).map((days) => start + days * day),
    });
    const arrivals = fc
      .array(drafts, { minLength: 2, maxLength: 12 })
      .map((all) => all.map((it, n): [string, Message] => [`m${n}`, draft(it)]))
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    fc.assert(
      fc.property(arrivals, ([inOrder, shuffled]) => {
        expect(group(shuffled)).toEqual(group(inOrder));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('subjects', () => {
  test.each([
    ['Order', 'Order', false],
    ['Re: Order', 'Order', true],
    ['AW: Re[2]: WG: Order', 'Order', true],
    ['Fwd: Order', 'Order', false],
    ['[list] Re: Order', 'Order', true],
    ['[Ticket] Order', '[Ticket] Order', false],
    ['回复：发票', '发票', true],
    ['Odp: Faktura', 'Faktura', true],
    ['Regarding: Order', 'Regarding: Order', false],
    ['  spaces \t here ', 'spaces here', false],
  ])('%j is about %j', (subject, base, reply) => {
    expect(readSubject(subject)).toEqual({ base, reply });
  });

  test('answers and forwards', () => {
    expect(replySubject('AW: RE: Order')).toBe('Re: Order');
    expect(replySubject('')).toBe('Re:');
    expect(forwardSubject('Re: Order')).toBe('Fwd: Re: Order');
    expect(forwardSubject('WG: Order')).toBe('Fwd: Order');
  });
});

test('an answer quotes without the signature, a deeper level for what was quoted', () => {
  const quoted = quoteForReply('Where is it?\n\n> Sent\n\n-- \nJane', 'Jane Cooper', Date.UTC(2026, 2, 3, 9, 15));
  expect(quoted).toBe('On 2026-03-03 09:15 UTC, Jane Cooper wrote:\n> Where is it?\n>\n>> Sent');
});
