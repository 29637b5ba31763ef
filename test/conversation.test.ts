import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideThread,
  forwardSubject,
  type Likely,
  placeInThread,
  quoteForReply,
  readSubject,
  replySubject,
  threadKeys,
} from '../daemon/mail/conversation.ts';
import { type Message, readMessage } from '../daemon/mail/message.ts';
import { type MailInput, mail } from './support/message.ts';

const own = ['support@example.org'];
const isOwn = ({ address }: { address: string }): boolean => own.includes(address);
/** What is sure alone, whatever is there already. */
const none: Likely = {
  form: { store: [], find: [], unless: [] },
  named: { store: [], find: [] },
  offer: { store: [], find: [] },
  claim: null,
};

/** A store of threads as simple as can be: the rule and nothing else. Returns the groups of names, sorted. */
function group(messages: readonly (readonly [string, Message])[], certain = false): string[] {
  let rows: { key: string; conversation: number }[] = [];
  const members = new Map<number, string[]>();
  for (const [age, [name, message]] of messages.entries()) {
    const keys = threadKeys(message, own, message.from.some(isOwn) && !message.to.some(isOwn));
    const lookup = (key: string): number[] => rows.filter((row) => row.key === key).map(({ conversation }) => conversation);
    const { join, merge, store, settles } = placeInThread(certain ? { ...keys, likely: none } : keys, lookup);
    if (join !== null && settles) rows = rows.filter(({ key, conversation }) => conversation !== join || !key.startsWith('claim '));
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
type Draft = { subject?: string; id?: string; parent?: string; references?: string[]; from?: string; cc?: string; at?: number };
const draft = ({ subject = 'Order', id, parent, references, from = 'jane@example.com', cc, at = start }: Draft): Message => {
  const to = own.includes(from) ? 'jane@example.com' : 'support@example.org';
  return readMessage(
    mail({
      from,
      to,
      subject,
      text: '',
      date: at,
      messageId: id ?? `${subject}${at}@x`,
      ...(cc === undefined ? {} : { cc }),
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

  test('the subject joins only a reply that names no message that is here, where one alone fits, from the same correspondent, within a month or so', () => {
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
        ['relayed', reply({ parent: 'written-anew@relay.example' })],
      ]),
    ).toEqual(['question relayed']);
    expect(
      group([
        ['question', question],
        ['again', draft({ id: '2@x', at: start + day })],
        ['which', reply({ parent: 'written-anew@relay.example' })],
      ]),
    ).toEqual(['again', 'question', 'which']);
    // The answer that waited alone is found by the one mail that it may be about, and by no second one.
    expect(
      group([
        ['relayed', reply({ parent: 'written-anew@relay.example' })],
        ['question', question],
        ['again', draft({ id: '2@x', at: start + day })],
      ]),
    ).toEqual(['again', 'question relayed']);
  });

  describe('an id alone joins no strangers', () => {
    type Case = [string, [string, MailInput][], string[]];
    const ours = 'support@example.org';
    const jane = 'jane@customer.example';
    const tom = 'tom@buyer.example';
    const form = 'noreply@shop.example';
    const to = (from: string, more: Partial<MailInput> = {}): MailInput => ({
      from,
      to: ours,
      subject: 'Question',
      text: `By ${from}.`,
      ...more,
    });
    const from = (who: string, more: Partial<MailInput> = {}): MailInput => to(ours, { to: who, subject: 'Re: Question', ...more });
    test.each<Case>([
      [
        'our address is no id',
        [
          ['a', to(jane, { inReplyTo: ours })],
          ['b', to(tom, { inReplyTo: ours })],
        ],
        ['a', 'b'],
      ],
      [
        'nor is a sub-address of ours, nor does it bring people together',
        [
          ['a', to(jane, { inReplyTo: 'support+orders@example.org', cc: 'support+orders@example.org', subject: 'Re: Question' })],
          ['b', to(tom, { inReplyTo: 'support+orders@example.org', cc: 'support+orders@example.org', subject: 'Re: Question' })],
        ],
        ['a', 'b'],
      ],
      [
        'nor is theirs',
        [
          ['a', to(jane, { messageId: jane })],
          ['b', to(jane, { inReplyTo: jane, subject: 'Other' })],
        ],
        ['a', 'b'],
      ],
      [
        'nor are words',
        [
          ['a', to(jane, { headers: { 'In-Reply-To': 'Your message of Tue, 24 Nov from support@example.org' } })],
          ['b', to(tom, { headers: { 'In-Reply-To': 'Your message of Tue, 24 Nov from support@example.org' } })],
          ['c', to(jane, { subject: 'Hats', headers: { 'In-Reply-To': '<Your message of Tuesday>' } })],
          ['d', to(jane, { subject: 'Socks', headers: { 'In-Reply-To': '<Your message of Tuesday>' } })],
        ],
        ['a', 'b', 'c', 'd'],
      ],
      [
        'words beside an id leave the id',
        [
          ['a', to(jane, { messageId: '1@x' })],
          ['b', to(jane, { subject: 'Other', headers: { 'In-Reply-To': 'Message of Tue <1@x>' } })],
        ],
        ['a b'],
      ],
      [
        'one Message-ID, two customers',
        [
          ['a', to(jane, { messageId: 'form@x' })],
          ['b', to(tom, { messageId: 'form@x' })],
        ],
        ['a', 'b'],
      ],
      [
        'one Message-ID, two customers of one form',
        [
          ['a', to(form, { messageId: 'form@x', headers: { 'Reply-To': jane } })],
          ['b', to(form, { messageId: 'form@x', headers: { 'Reply-To': tom } })],
        ],
        ['a', 'b'],
      ],
      [
        'one Message-ID, one form, customers named in the text',
        [
          ['a', to(form, { messageId: 'form@x' })],
          ['b', to(form, { messageId: 'form@x', text: 'By Tom.' })],
        ],
        ['a', 'b'],
      ],
      [
        'one mail that came twice',
        [
          ['a', to(jane, { messageId: '1@x' })],
          ['b', to(jane, { messageId: '1@x', headers: { 'List-Id': '<l.x>' } })],
        ],
        ['a b'],
      ],
      [
        'whoever answers one of two with one id',
        [
          ['a', to(jane, { messageId: 'form@x' })],
          ['b', to(tom, { messageId: 'form@x' })],
          ['c', from(tom, { messageId: 'o@x', inReplyTo: 'form@x' })],
          ['d', to(tom, { inReplyTo: 'o@x', subject: 'Re: Question' })],
        ],
        ['a', 'b c d'],
      ],
      [
        'a root of all mails, strangers',
        [
          ['a', to(jane, { references: ['root@x'] })],
          ['b', to(tom, { references: ['root@x'] })],
        ],
        ['a', 'b'],
      ],
      [
        'a root of all mails that is here',
        [
          ['a', to(jane, { messageId: 'root@x' })],
          ['b', to(tom, { references: ['root@x'] })],
          ['c', to(jane, { references: ['root@x'] })],
        ],
        ['a c', 'b'],
      ],
      [
        'a root of all mails of one form',
        [
          ['a', to(form, { references: ['root@x'] })],
          ['b', to(form, { references: ['root@x'], text: 'By Tom.' })],
        ],
        ['a', 'b'],
      ],
      [
        'answers to a mail that never came',
        [
          ['a', to(jane, { subject: 'Re: Hat', inReplyTo: 'gone@x' })],
          ['b', to(tom, { cc: jane, subject: 'Re: Hat', references: ['gone@x'] })],
          ['c', to('eve@else.example', { subject: 'Re: Hat', inReplyTo: 'gone@x' })],
        ],
        ['a b', 'c'],
      ],
      [
        'a colleague answers what we sent',
        [
          ['a', to(jane, { messageId: '1@x' })],
          ['b', from(jane, { messageId: 'o@x', inReplyTo: '1@x' })],
          ['c', to(tom, { subject: 'Fwd', inReplyTo: 'o@x' })],
        ],
        ['a b c'],
      ],
      [
        'who was in Cc answers',
        [
          ['a', to(jane, { messageId: '1@x', cc: tom })],
          ['b', to(tom, { inReplyTo: '1@x', subject: 'Other' })],
        ],
        ['a b'],
      ],
      [
        'who is asked in Cc',
        [
          ['a', to(jane, { messageId: '1@x' })],
          ['b', to(tom, { inReplyTo: '1@x', cc: jane, subject: 'Other' })],
        ],
        ['a b'],
      ],
      [
        'we forward, and a third party answers',
        [
          ['a', to(jane, { messageId: '1@x' })],
          ['b', from(tom, { messageId: 'o@x', references: ['1@x'], subject: 'Fwd: Question' })],
          ['c', to(tom, { inReplyTo: 'o@x' })],
        ],
        ['a b c'],
      ],
      [
        'a list, where people answer the list',
        [
          ['a', to(jane, { messageId: '1@x', cc: 'list@l.example' })],
          ['b', to(tom, { inReplyTo: '1@x', subject: 'Re: Question', cc: 'list@l.example' })],
          ['c', to('eve@else.example', { inReplyTo: '1@x', subject: 'Re: Question' })],
          ['d', to('kim@else.example', { inReplyTo: '1@x', cc: 'list@l.example' })],
        ],
        ['a b', 'c', 'd'],
      ],
      [
        'we answer somebody whom the text names',
        [
          ['a', to(ours, { messageId: '1@x' })],
          ['b', from(jane, { messageId: 'o@x', inReplyTo: '1@x', subject: 'Hello' })],
        ],
        ['a b'],
      ],
    ])('%s', (_, mails, wanted) => {
      const read = mails.map(([name, input]): [string, Message] => [name, readMessage(mail(input))]);
      // What only ever claims to be ours is not: a mail to ourselves lies in the inbox.
      expect(group(read)).toEqual(wanted);
    });
  });

  test('of ten thousand references the first 10 and the last 190 count', () => {
    const message = { ...draft({ id: 'x@x' }), references: Array.from({ length: 10_000 }, (_, n) => `<${n}@x>`) };
    const { names: ids } = threadKeys(message, own, false);
    expect(ids).toHaveLength(200);
    expect(ids).toContain('9@x');
    expect(ids).not.toContain('10@x');
    expect(ids).toContain('9999@x');
  });

  test('strangers share no conversation, whatever ids and subjects they have in common', () => {
    const ids = fc.constantFrom('a@x', 'b@x', 'c@x', 'support@example.org');
    const strangers = fc.record({
      subject: fc.constantFrom('Order', 'Re: Order', 'Invoice'),
      id: ids,
      parent: fc.option(ids, { nil: undefined }),
      references: fc.option(fc.array(ids, { maxLength: 3 }), { nil: undefined }),
      from: fc.constantFrom('jane@example.com', 'tom@example.com', 'eve@example.com'),
      at: fc.constantFrom(start, start + day),
    });
    fc.assert(
      fc.property(fc.array(strangers, { minLength: 2, maxLength: 12 }), (all) => {
        const names = all.map((it, n): [string, Message] => [`${it.from}-${n}`, draft(it)]);
        for (const together of group(names)) expect(new Set(together.split(' ').map((name) => name.split('-')[0])).size).toBe(1);
      }),
      { numRuns: 500 },
    );
  });

  test('any order of arrival gives the same conversations', () => {
    const ids = fc.constantFrom('a@x', 'b@x', 'c@x', 'd@x', 'e@x', 'f@x', 'o1@x', 'o2@x', 'o3@x');
    const drafts = fc.record({
      subject: fc.constantFrom('Order', 'Re: Order', 'AW: Order', 'Invoice', 'Re: Invoice'),
      id: ids,
      parent: fc.option(ids, { nil: undefined }),
      references: fc.option(fc.array(ids, { maxLength: 3 }), { nil: undefined }),
      from: fc.constantFrom('jane@example.com', 'tom@example.com', 'support@example.org'),
      cc: fc.option(fc.constantFrom('jane@example.com', 'tom@example.com', 'list@example.com'), { nil: undefined }),
      at: fc.integer({ min: 0, max: 90 }).map((days) => start + days * day),
    });
    const arrivals = fc
      .array(drafts, { minLength: 2, maxLength: 12 })
      .map((all) => all.map((it, n): [string, Message] => [`m${n}`, draft({ ...it, id: own.includes(it.from) ? `o${n}@x` : it.id })]))
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    fc.assert(
      fc.property(arrivals, ([inOrder, shuffled]) => {
        expect(group(shuffled, true)).toEqual(group(inOrder, true));
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
