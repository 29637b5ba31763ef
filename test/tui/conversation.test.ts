/** Threads as rows: what is drawn, where the window stands, and what it costs. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GoneMail, MailReport, Message, Note } from '../../protocol/schema.ts';
import { safeBlock, safeText } from '../../protocol/text.ts';
import { linksOf } from '../../tui/screens/links.tsx';
import { outboxMoves } from '../../tui/screens/outbox-choices.tsx';
import { itemsOf, outboxWords, type RowCache, Thread, type ThreadView } from '../../tui/screens/thread-layout.ts';
import { beginning, follow, opened, stepped, type ThreadStep } from '../../tui/screens/thread-state.ts';
import { moment, octets } from '../../tui/units.ts';
import { table } from '../support/table.ts';

const now = Date.parse('2026-03-04T12:00:00Z');
const address = (text: string) => ({ name: null, address: safeText(text) });

function mail(id: string, given: Partial<Message> = {}, text = `text of ${id}`): Message {
  return {
    id,
    messageId: null,
    date: new Date(now - 3_600_000 + Number(id.replace(/\D/g, '')) * 1_000).toISOString(),
    from: [{ name: safeText('Jane Cooper'), address: safeText('jane@example.org') }],
    to: [address('support@harbour.example')],
    cc: [],
    replyTo: [],
    subject: safeText('Order'),
    text: safeBlock(text),
    links: [],
    direction: 'in',
    automatic: false,
    author: null,
    attachments: [],
    folders: [],
    outbox: null,
    defeated: false,
    headers: null,
    ...given,
  };
}
const note = (id: string, text: string, at = now): Note => ({
  id,
  at: new Date(at).toISOString(),
  author: safeText('ben'),
  text: safeBlock(text),
});

const room = { columns: 79, height: 10 };

function start(messages: Message[], given: { notes?: Note[]; gone?: GoneMail[]; unread?: number; height?: number; columns?: number } = {}) {
  const items = itemsOf({ messages, notes: given.notes ?? [], gone: given.gone ?? [] });
  const cache: RowCache = new Map();
  const size = { columns: given.columns ?? room.columns, height: given.height ?? room.height };
  const thread = (view: ThreadView): Thread => new Thread(items, view, size, now, cache);
  const first = thread(opened(thread(beginning(items, given.unread ?? 0))));
  const play = (...steps: ThreadStep[]): Thread => steps.reduce((before, step) => thread(stepped(before, step)), first);
  return { items, thread, first, play };
}
const texts = (thread: Thread): string[] => thread.seen().map(({ content }) => content.text);

describe('what is drawn', () => {
  test('a mail of ours says what reports say of it, and a report what it is about', () => {
    const report = (given: Partial<MailReport>): MailReport => ({
      message: 'm9',
      conversation: 'c1',
      mailbox: safeText('support@harbour.example'),
      kind: 'failed',
      at: '2026-03-04T11:00:00Z',
      from: null,
      subject: safeText('Undelivered'),
      about: 'm1',
      outbox: null,
      recipients: [{ address: safeText('gone@x.example'), action: 'failed', text: safeText('550 no such user') }],
      ...given,
    });
    const recipients = [{ address: safeText('gone@x.example'), action: 'delayed' as const, text: null }];
    const sent = mail('m1', { direction: 'out', reports: [report({ kind: 'delayed', recipients }), report({})] });
    const seen = texts(start([sent], { height: 20, columns: 120 }).first).join('\n');
    expect(seen).toMatch(/◌ report of .*: gone@x\.example: is delayed\n/);
    expect(seen).toMatch(/✗ report of .*: gone@x\.example: did not arrive \(550 no such user\)/);
    const folded = texts(start([sent, mail('m2')], { height: 20, columns: 120 }).first).join('\n');
    expect(folded).toContain('✗ bounced · text of m1');
    const itself = (about: string | null) =>
      texts(start([mail('m9', { automatic: true, report: report({ about }) })], { height: 20, columns: 120 }).first).join('\n');
    expect(itself('m1')).toContain('a delivery report about a mail of ours: gone@x.example: did not arrive');
    expect(itself(null)).toContain('a delivery report that fits no mail of ours, so nothing was marked');
  });

  test('a mail that is no longer on the server is one line in its place, and opens to who, what and why there is no more', () => {
    const gone: GoneMail = {
      id: 'm2',
      date: mail('m2').date,
      direction: 'in',
      from: [{ name: safeText('Jane Cooper'), address: safeText('jane@example.org') }],
      to: [address('support@harbour.example')],
      subject: safeText('Pump'),
    };
    const when = moment(gone.date, now);
    const { first, play } = start([mail('m1'), mail('m3')], { gone: [gone], height: 20 });
    const at = texts(first).findIndex((line) => line.startsWith('✗'));
    expect(texts(first).map((line) => line[0])).toEqual(['▸', '✗', '▾', ' ', undefined]);
    expect(texts(first)[at]).toBe(`✗ ${when.padEnd(12)} Jane Cooper         [not on the server] Pump`);
    expect(texts(play({ do: 'go', id: 'm2' }, { do: 'fold' })).slice(1, 5)).toEqual([
      `✗ ${when.padEnd(12)} Jane Cooper <jane@example.org>  [not on the server]`,
      '  to support@harbour.example',
      '  Pump',
      '  This mail is no longer on the server. Its text is not kept.',
    ]);
    const nobody = start([], { gone: [{ ...gone, from: [], to: [], subject: safeText('') }] });
    expect(texts(nobody.first)[0]).toMatch(/\(nobody\) +\[not on the server\] \(no subject\)$/);
  });

  test('older mails are one line, the newest is open, quotes are folded', () => {
    const quote = Array.from({ length: 6 }, (_, line) => `> ${line}`).join('\n');
    const { first } = start([mail('m1'), mail('m2', {}, `New words\n\n${quote}\n`)]);
    expect(texts(first)).toEqual(
      [
        '▸ Wed 11:00    Jane Cooper         text of m1',
        '▾ Wed 11:00    Jane Cooper <jane@example.org> → support@harbour.example',
        '  New words',
        '',
        '  ‹ 6 quoted lines — Q ›',
        '',
      ].map((line) => line.replaceAll(/Wed 11:00/g, moment(new Date(now - 3_599_000).toISOString(), now))),
    );
  });

  test('who only claims to be us says so on the mail; a mark of a later daemon is left out', () => {
    const marks = ['claims-ours', 'new-sender', 'outside-postroom', 'by-subject', 'of a later one'].map((mark) => safeText(mark));
    expect(texts(start([mail('m1', { marks })]).first).slice(1, 6)).toEqual([
      '  ! claims to be from us: only its From line says so',
      '  new sender: the first mail from this address here',
      '  sent outside Postroom',
      '  here by sender and subject alone: it names no mail of this conversation',
      '  text of m1',
    ]);
    expect(texts(start([mail('m1', { marks: [] })]).first)[1]).toBe('  text of m1');
  });

  test('one quoted line is one line', () => {
    expect(texts(start([mail('m1', {}, 'New words\n\n> old\n')]).first)).toContain('  ‹ 1 quoted line — Q ›');
  });

  test('unread mails are open too, and reading begins at the first of them', () => {
    const { first } = start([mail('m1'), mail('m2'), mail('m3')], { unread: 2 });
    expect([...first.view.folded.values()]).toEqual([true, false, false]);
    expect(first.view.cursor).toBe('m2');
  });

  test('addresses, files and who of the team wrote', () => {
    const attachments = [{ index: 0, filename: safeText('label.pdf'), type: safeText('application/pdf'), size: 240_000 }];
    const { first } = start([
      mail('m1', {
        direction: 'out',
        author: safeText('ben'),
        from: [address('support@harbour.example')],
        to: [address('jane@example.org')],
        cc: [address('bob@example.org')],
        attachments,
      }),
    ]);
    const [head, ...rest] = first.seen();
    expect(head?.content.text).toContain('ben as support@harbour.example');
    expect(head?.content.right).toBe('v 1 file 240 kB ');
    expect(rest.map(({ content }) => content.text).join('\n')).toMatch(
      /→ jane@example.org, cc bob@example.org[\s\S]*v 240 kB {3}label.pdf/,
    );
  });

  test('a note says NOTE and team only, whatever it holds', () => {
    const { first } = start([mail('m1')], { notes: [note('n1', 'one\ntwo'), note('n2', 'short', now + 1)] });
    const lines = texts(first).filter((line) => line.startsWith('│'));
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^│ .* NOTE ben {2}team only$/);
    expect(lines[3]).toMatch(/NOTE ben {2}team only: short$/);
  });

  test('no row is wider than the pane, in any script', () => {
    const piece = fc.constantFrom(
      'word ',
      'ご注文について',
      'Überweisungsträger',
      ' ',
      '\n',
      '> quoted\n',
      '👍',
      'נאום',
      'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 80 }), fc.integer({ min: 30, max: 120 }), (pieces, columns) => {
        const { first } = start([mail('m1', {}, pieces.join(''))], { columns, height: 200 });
        for (const text of texts(first)) expect([...text].length).toBeLessThanOrEqual(columns);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the window', () => {
  const long = (id: string) => mail(id, {}, Array.from({ length: 30 }, (_, line) => `${id} line ${line}`).join('\n'));

  test('what comes in moves nothing', () => {
    const before = start([long('m1'), long('m2')]).play({ do: 'go', id: 'm2' }, { do: 'scroll', by: 7 });
    const items = itemsOf({ messages: [mail('m0'), long('m1'), long('m2'), mail('m9')], notes: [note('n1', 'new', now - 3_599_500)] });
    const view = follow(before.view, items);
    const after = new Thread(items, view, room, now);
    expect(texts(after)).toEqual(texts(before));
    expect(view.cursor).toBe('m2');
    expect(view.folded.get('m9')).toBe(false);
    expect(follow(view, items)).toBe(view);
  });

  test('what came before and is loaded is folded, and stands above what one reads', () => {
    const shown = { messages: [long('m5'), long('m6')], notes: [], earlier: { messages: 3, notes: 1 } };
    const items = itemsOf(shown);
    const first = new Thread(items, beginning(items, 0), room, now);
    const top = first.with(stepped(first, { do: 'first' }));
    expect(texts(top)[0]).toBe('⋯ 4 earlier mails and notes: Enter loads more of them');
    const asked = stepped(top, { do: 'earlier' });
    const more = itemsOf({
      ...shown,
      messages: [mail('m3'), mail('m4'), ...shown.messages],
      notes: [note('n4', 'old', now - 3_597_000)],
      earlier: { messages: 1, notes: 0 },
    });
    const view = follow(asked, more);
    const after = new Thread(more, view, room, now);
    expect(texts(after)).toEqual(texts(top.with(asked)));
    expect(view.cursor).toBe('m5');
    expect(['m3', 'm4', 'n4', 'm5'].map((id) => view.folded.get(id))).toEqual([true, true, false, true]);
    expect(texts(after.with(stepped(after, { do: 'first' })))[0]).toBe('⋯ 1 earlier mail or note: Enter loads more of them');
  });

  test('never past the end, never before the beginning', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('item' as const), by: fc.integer({ min: -3, max: 3 }) }),
      fc.record({ do: fc.constant('scroll' as const), by: fc.integer({ min: -40, max: 40 }) }),
      fc.record({ do: fc.constantFrom('half' as const, 'page' as const), by: fc.integer({ min: -2, max: 2 }) }),
      fc.record({ do: fc.constantFrom('first' as const, 'last' as const, 'fold' as const, 'quotes' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const thread = start([mail('m1'), long('m2'), mail('m3'), long('m4')]).play(...steps);
        const all = [0, 1, 2, 3].reduce((sum, index) => sum + thread.rows(index).count, 0);
        expect(thread.seen().length).toBe(Math.min(room.height, all));
        expect(thread.items.some(({ id }) => id === thread.view.cursor)).toBe(true);
      }),
    );
  });

  test('the item that j goes to is seen from its head', () => {
    const thread = start([long('m1'), long('m2'), long('m3')]).play({ do: 'first' }, { do: 'item', by: 1 });
    expect(thread.seen().some(({ id, row }) => id === 'm2' && row === 0)).toBe(true);
  });

  test('space reads to the end and says so', () => {
    let thread = start([long('m1')]).play({ do: 'first' });
    let pages = 0;
    while (!thread.atEnd()) {
      thread = thread.with(stepped(thread, { do: 'page', by: 1 }));
      pages++;
    }
    expect(pages).toBe(Math.ceil((32 - room.height) / (room.height - 1)));
    expect(thread.left()).toEqual({ rows: 0, percent: 100 });
  });
});

describe('size', () => {
  test('a thousand mails and one of a hundred thousand lines are opened and scrolled', () => {
    const huge = Array.from({ length: 100_000 }, (_, line) => `line ${line} ご注文について`).join('\n');
    const messages = [...Array.from({ length: 1_000 }, (_, index) => mail(`m${index}`)), mail('m1001', {}, huge)];
    const { first, play } = start(messages);
    first.seen();
    first.left();
    const thread = play(...Array<ThreadStep>(50).fill({ do: 'page', by: 1 }));
    expect(thread.seen()).toHaveLength(room.height);
  });
});

describe('mail on its way out', () => {
  const rows = table(`
    state             shows        moves
    queued            queued       now,edit,cancel
    sending           sending      -
    held:right        held         retry,edit,cancel
    held:time         later        now,edit,cancel
    waiting-approval  waits        edit,cancel
    failed            failed       edit,retry,give-up
    bounced           bounced      edit,retry,give-up
    unknown           unknown      arrived,retry,give-up
    accepted          -            -
    cancelled         back         -
  `);
  type OnItsWay = NonNullable<Message['outbox']>;
  for (const { state, shows, moves } of rows) {
    test(String(state), () => {
      const [name, heldFor = null] = String(state).split(':') as [OnItsWay['state'], OnItsWay['heldFor']?];
      const outbox = { id: 'o1', state: name, heldFor, sendAt: '2026-11-21T11:00:00Z', error: safeText('550 no') };
      const words = outboxWords({ outbox, date: '2026-11-20T11:00:00Z' });
      if (shows === '') expect(words).toBeNull();
      else expect(words?.short).toContain(shows);
      const offered = outboxMoves(outbox).map(({ kind }) => kind);
      expect(offered.join(',')).toBe(moves);
    });
  }
});

test('links are numbered with their targets in full; hosts are those of the address, not of the words', () => {
  const found = linksOf({
    links: [safeText('https://evil.example/login?bank.com'), safeText('mailto:jane@example.org')],
    text: safeBlock('See [1] or https://plain.example/x. And https://plain.example/x!'),
  });
  expect(found.map(({ number, host, target }) => `${number} ${host} ${target}`)).toEqual([
    '1 evil.example https://evil.example/login?bank.com',
    '2 mail to jane@example.org mailto:jane@example.org',
    '3 plain.example https://plain.example/x',
  ]);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [240_000, '240 kB'],
  [999_600, '1.0 MB'],
  [2_100_000, '2.1 MB'],
])('%i octets', (size, words) => expect(octets(size)).toBe(words));
