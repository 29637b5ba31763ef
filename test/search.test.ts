/** Search with a real store, and through the protocol: who may open what, revoked at once, languages. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { parseQuery } from '../daemon/mail/query.ts';
import { Searcher } from '../daemon/store/searcher.ts';
import { openStore } from '../daemon/store/store.ts';
import type { MailboxId, SearchQuery, Store } from '../daemon/store/types.ts';
import type { Client } from '../protocol/client.ts';
import type { Params, Result } from '../protocol/methods.ts';
import { runCommand } from '../tui/cli/program.ts';
import { searchCommands } from '../tui/cli/search.ts';
import { Found } from './support/cli-contract.ts';
import { outcome, startPostroom } from './support/postroom.ts';
import { answer, batch, letter, minute, putFolders, storeStory, support } from './support/store.ts';
import { tempDir } from './support/tempdir.ts';

const storeModule = new URL('../daemon/store/store.ts', import.meta.url).href;

type Asked = Partial<Omit<SearchQuery, 'query'>> & { in?: readonly MailboxId[] };

const asked = (text: string, { in: mailboxes = ['support'], typing = false, ...more }: Asked = {}): SearchQuery => ({
  session: 's',
  typing,
  person: 'ann',
  roles: [],
  reach: mailboxes.map((mailbox) => ({ mailbox, unreadSince: 0, folders: true })),
  query: parseQuery(text, { typing }),
  named: {
    mailboxes: new Map(mailboxes.map((id) => [id, [id]])),
    assignees: new Map([
      ['ann', [{ kind: 'person', id: 'ann' }]],
      ['none', [null]],
    ]),
  },
  limit: 50,
  cursor: null,
  now: minute(60),
  ...more,
});
const subjects = ({ rows }: { rows: readonly { subject: string }[] }): string[] => rows.map(({ subject }) => subject);
const find = async (store: Store, text: string, more: Asked = {}): Promise<string[]> => subjects(await store.search(asked(text, more)));

describe('words', () => {
  const languages: readonly [language: string, subject: string, text: string, queries: readonly string[], not: readonly string[]][] = [
    ['German', 'Überfällige Rechnung', 'Die Straße ist gesperrt.', ['überfallige', 'STRASSE', 'rechnung'], ['strassen']],
    ['French', 'Où est ma commande', "L'été à Orléans, cœur brisé", ['ou', 'orleans', 'coeur', '"été à"'], ['oues']],
    ['Polish', 'Zamówienie', 'Łódź, żółw', ['lodz', 'zolw', 'ZAMÓWIENIE'], ['lod']],
    ['Danish', 'Bestilling', 'Rødgrød med fløde på Ærø', ['rodgrod', 'fløde', 'aero'], []],
    ['Turkish', 'Sipariş', 'İstanbul ılık', ['istanbul', 'ilik', 'siparis'], []],
    ['Greek', 'Παραγγελία', 'Η Ελλάς και η θάλασσα', ['παραγγελια', 'ΕΛΛΑΣ', 'θάλασσα'], []],
    ['Russian', 'Заказ', 'Зелёная ёлка', ['зеленая', 'ЁЛКА', 'заказ'], []],
    ['Hebrew', 'הזמנה', 'שָׁלוֹם עולם', ['שלום', 'הזמנה'], []],
    ['Arabic', 'طلب جديد', 'السَّلَامُ عَلَيْكُمْ أحمد', ['السلام', 'احمد', 'طلب'], ['سلا']],
    ['Hindi', 'आदेश', 'नमस्ते दुनिया', ['नमस्ते', 'दुनिया'], ['नमस']],
    ['Chinese', '订单查询', '我的包裹在哪里？', ['包裹', '订单', '查', '哪里', '我的包裹在哪里'], ['裹包']],
    ['Japanese', '注文について', '日本語のメールを送りました。', ['日本語', 'メール', '語', 'ﾒｰﾙ', '注文'], ['本日']],
    ['Korean', '주문 문의', '소포가 어디에 있습니까?', ['소포', '어디', '주문 문의', '까'], ['포소']],
    ['Thai', 'คำสั่งซื้อ', 'สวัสดีครับ', ['สวัสดี', 'ครับ'], []],
    ['Vietnamese', 'Đơn hàng', 'Tiếng Việt', ['tieng', 'viet', 'don hang'], []],
  ];

  test('of fifteen languages, however they are typed', async () => {
    await using story = await storeStory();
    await story.ingest(
      'INBOX',
      'import',
      ...languages.map(([language, subject, text], n) => ({ octets: letter({ id: language, subject, text }), at: minute(n) })),
    );
    for (const [language, subject, , queries, not] of languages) {
      for (const query of queries) expect([language, query, await find(story.store, query)]).toEqual([language, query, [subject]]);
      for (const query of not) expect([language, query, await find(story.store, query)]).toEqual([language, query, []]);
    }
  });

  test('in their places, with and without each other', async () => {
    await using story = await storeStory();
    await story.ingest(
      'INBOX',
      'import',
      { octets: letter({ id: 'a', subject: 'Order 17', text: 'The parcel is lost, refunds please.' }), at: minute(1) },
      {
        octets: letter({
          id: 'b',
          subject: 'Invoice',
          text: 'See the file.',
          from: 'Bob Stone <bob@stone.example>',
          cc: 'Carla <carla@copy.example>',
          attachments: [{ filename: 'Rechnung_März-2026.pdf', content: 'x' }],
        }),
        at: minute(2),
      },
      {
        octets: letter({ id: 'c', subject: 'Lost parcel', text: 'The parcel number is on the invoice.', html: '<p>The <b>parcel</b></p>' }),
        at: minute(3),
      },
    );
    const { store } = story;
    const cases: [query: string, found: string[]][] = [
      ['parcel', ['Lost parcel', 'Order 17']],
      ['lost parcel', ['Lost parcel', 'Order 17']],
      ['"lost parcel"', ['Lost parcel']],
      ['parcel -refunds', ['Lost parcel']],
      ['-parcel', ['Invoice']],
      ['subject:parcel', ['Lost parcel']],
      ['body:invoice', ['Lost parcel']],
      ['invoice', ['Lost parcel', 'Invoice']],
      ['from:bob OR refunds', ['Invoice', 'Order 17']],
      ['from:bob@stone.example', ['Invoice']],
      ['to:support cc:carla', ['Invoice']],
      ['to:carla', ['Invoice']],
      ['cc:support', []],
      ['(refunds OR file) -from:bob', ['Order 17']],
      ['has:attachment', ['Invoice']],
      ['-has:attachment parcel', ['Lost parcel', 'Order 17']],
      ['marz pdf', ['Invoice']],
      ['"rechnung märz 2026"', ['Invoice']],
      ['refund', []],
      ['refund*', ['Order 17']],
      ['lo*', ['Lost parcel', 'Order 17']],
      ['', ['Lost parcel', 'Invoice', 'Order 17']],
      ['!? -', ['Lost parcel', 'Invoice', 'Order 17']],
      ['file OR "…"', ['Invoice']],
      ['in:support parcel OR in:nowhere', ['Lost parcel', 'Order 17']],
      ['-in:support', []],
      ['in:nowhere', []],
      ['date:2026-11-02 parcel', ['Lost parcel', 'Order 17']],
      ['before:2026-11-02', []],
      ['after:today parcel', ['Lost parcel', 'Order 17']],
      ['after:2026-11-03', []],
    ];
    for (const [query, found] of cases) expect([query, await find(store, query)]).toEqual([query, found]);
    expect(await find(store, 'refu', { typing: true })).toEqual(['Order 17']);
    expect(await find(store, 'lost par', { typing: true })).toEqual(['Lost parcel', 'Order 17']);

    const [hit] = (await store.search(asked('refunds'))).rows;
    expect(hit).toMatchObject({ kind: 'mail', mailbox: 'support', from: { name: 'Jane Cooper' }, date: minute(1) });
  });

  test('what people did with conversations', async () => {
    await using story = await storeStory({ graceMs: 60 });
    const { store } = story;
    const a = await story.one('INBOX', 'live', letter({ id: 'a', subject: 'Alpha', text: 'common' }), minute(1));
    const b = await story.one('INBOX', 'live', letter({ id: 'b', subject: 'Beta', text: 'common', from: 'b@other.example' }), minute(2));
    await story.one('Trash', 'import', letter({ id: 'c', subject: 'Gamma', text: 'common', from: 'c@other.example' }), minute(3));
    await store.work(a.conversation, { kind: 'assign', to: { kind: 'person', id: 'ann' } }, 'ann', minute(5), null);
    await store.work(b.conversation, { kind: 'done' }, 'ann', minute(5), null);
    await store.star(b.conversation, 'ann', true);
    await store.markRead(a.conversation, 'ann', true);
    const cases: [query: string, found: string[]][] = [
      ['common', ['Gamma', 'Beta', 'Alpha']],
      ['common is:open', ['Alpha']],
      ['is:done -is:star', ['Gamma']],
      ['is:mine', ['Alpha']],
      ['assigned:ann', ['Alpha']],
      ['assigned:none', ['Gamma', 'Beta']],
      ['assigned:stranger', []],
      ['is:star', ['Beta']],
      ['is:unread', ['Beta']],
      ['-is:unread', ['Gamma', 'Alpha']],
      ['is:unread OR alpha', ['Beta', 'Alpha']],
      ['is:star OR (common -beta is:open)', ['Beta', 'Alpha']],
      ['folder:trash', ['Gamma']],
      ['folder:INBOX', ['Beta', 'Alpha']],
      ['common -folder:inbox', ['Gamma']],
      ['folder:nowhere', []],
    ];
    for (const [query, found] of cases) expect([query, await find(store, query)]).toEqual([query, found]);
    const closed = { reach: [{ mailbox: 'support', unreadSince: 0, folders: false }] };
    expect(await find(store, 'folder:INBOX', closed)).toEqual([]);
    expect(await find(store, 'is:unread', { person: 'bob' })).toEqual(['Beta', 'Alpha']);
    expect(
      await find(store, 'is:unread', { reach: [{ mailbox: 'support', unreadSince: minute(2), folders: true }], person: 'bob' }),
    ).toEqual(['Beta']);

    // Notes are found beside the mail they were written about, and leave with it.
    const noted = await store.work(a.conversation, { kind: 'note', text: 'Refund agreed with Günther' }, 'ann', minute(6), null);
    expect(noted?.ok).toBe(true);
    const [note] = (await store.search(asked('note:gunther'))).rows;
    expect(note).toMatchObject({
      kind: 'note',
      conversation: a.conversation,
      message: a.entry,
      author: 'ann',
      subject: 'Alpha',
      from: null,
    });
    expect(await find(store, 'agreed')).toEqual(['Alpha']);
    expect(await find(store, 'body:agreed')).toEqual([]);
    expect((await store.search(asked('is:mine'))).rows.map(({ kind }) => kind)).toEqual(['note', 'mail']);
    await story.gone('INBOX', b.uid);
    await story.told((it) => it.kind === 'conversation' && it.what === 'gone' && it.conversation === b.conversation);
    expect(await find(store, 'common')).toEqual(['Gamma', 'Alpha']);
    await store.forgetMailbox('support');
    expect(await find(store, '')).toEqual([]);
  });

  test('equal mail in one conversation is one hit, in two mailboxes two', async () => {
    await using story = await storeStory();
    await using sales = await storeStory({ mailbox: 'sales', beside: story.store });
    const headers = { 'X-Postroom-Id': 'p1' };
    const sent = answer({ id: 'ours', text: 'unmistakable', headers });
    await story.one('Sent', 'import', sent, minute(1));
    const listed = { ...headers, 'List-Id': '<help.example.com>' };
    await story.one('INBOX', 'import', answer({ id: 'ours', text: 'unmistakable\n____\nfooter', headers: listed }), minute(2));
    expect((await story.store.search(asked('unmistakable'))).rows).toHaveLength(1);
    await sales.one('INBOX', 'import', letter({ id: 'both', text: 'twofold' }), minute(3));
    await story.one('INBOX', 'import', letter({ id: 'both', text: 'twofold' }), minute(3));
    const both = await story.store.search(asked('twofold', { in: ['support', 'sales'] }));
    expect(both.rows.map(({ mailbox }) => mailbox).sort()).toEqual(['sales', 'support']);
    expect((await story.store.search(asked('twofold', { in: ['sales'] }))).rows.map(({ mailbox }) => mailbox)).toEqual(['sales']);
    expect(await story.store.search(asked('twofold', { in: [] }))).toMatchObject({ rows: [], total: 0 });
    // A scope is no word.
    expect(await find(story.store, `${Buffer.from('sales').toString('hex')} OR "§${Buffer.from('sales').toString('hex')}"`)).toEqual([]);
  });

  test('page by page, whatever comes in between; the text around the hit is shown', async () => {
    await using story = await storeStory();
    const long = (n: number): string => `${'filler words '.repeat(400)}\n> the needle number ${n} lies here\n${'after '.repeat(400)}`;
    const mails = Array.from({ length: 25 }, (_, n) => ({
      octets: letter({ id: `m${n}`, subject: `S${n}`, text: long(n) }),
      at: minute(n),
    }));
    await story.ingest('INBOX', 'import', ...mails);
    const first = await story.store.search(asked('needle', { limit: 10 }));
    expect(first).toMatchObject({ total: 25, exact: true, complete: true });
    expect(first.rows[0]?.snippet).toMatch(/^….*the needle number 24 lies here after/);
    expect(first.rows[0]?.snippet.length).toBeLessThanOrEqual(200);
    await story.one('INBOX', 'import', letter({ id: 'new', subject: 'new', text: 'needle' }), minute(30));
    const second = await story.store.search(asked('needle', { limit: 10, cursor: first.next }));
    const third = await story.store.search(asked('needle', { limit: 10, cursor: second.next }));
    expect([...subjects(first), ...subjects(second), ...subjects(third)]).toEqual(Array.from({ length: 25 }, (_, n) => `S${24 - n}`));
    expect(third.next).toBeNull();
    await expect(story.store.search(asked('filler', { cursor: first.next }))).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('the index', () => {
  test('takes in what was there before it, and goes on where it was stopped', async () => {
    await using dir = await tempDir();
    const home = `${dir.path}/home`;
    const policy = { addresses: [support], workFrom: null, followServer: true, seenBy: null };
    let store = await openStore({ home });
    const [inbox] = await putFolders(store, 'support');
    const arriving = Array.from({ length: 2000 }, (_, n) => ({
      octets: letter({ id: `m${n}`, text: `old number${n}` }),
      at: minute(n),
      uid: n + 1,
    }));
    const got = await store.ingest({
      mailbox: 'support',
      policy,
      folder: inbox?.id ?? 0,
      uidValidity: 1,
      origin: 'import',
      ...batch(arriving),
    });
    await store.work(got[0]?.conversation ?? '', { kind: 'note', text: 'an old note' }, 'ann', minute(4_000), null);
    await store.close();

    // As a database from before the index would be, half taken in.
    const db = new DatabaseSync(`${home}/mail.db`);
    db.exec(`DELETE FROM mail_text WHERE rowid < (SELECT row FROM entry ORDER BY row LIMIT 1 OFFSET 1900);
      DELETE FROM mail_text WHERE rowid = (SELECT max(row) FROM note);
      INSERT INTO text_backlog SELECT max(row) + 1 FROM note;`);
    db.close();
    store = await openStore({ home });
    expect(await store.check()).toEqual([]); // what is still to come is no fault
    await store.close();
    const opens = `${dir.path}/opens.mjs`;
    await writeFile(
      opens,
      `import { openStore } from ${JSON.stringify(storeModule)}; await openStore({ home: ${JSON.stringify(home)} }); console.log('open');`,
    );
    for (let round = 0; round < 6; round++) {
      const opener = spawn(process.execPath, [opens], { stdio: ['ignore', 'pipe', 'inherit'] });
      opener.stdout.once('data', () => setTimeout(() => opener.kill('SIGKILL'), round * 10));
      expect(await once(opener, 'exit')).toEqual([null, 'SIGKILL']);
    }
    store = await openStore({ home });
    await expect.poll(async () => (await store.search(asked('old'))).total).toBe(2001);
    expect(await store.check()).toEqual([]);
    await store.close();
    const after = new DatabaseSync(`${home}/mail.db`);
    expect(after.prepare('SELECT count(*) AS n FROM text_backlog').get()).toEqual({ n: 0 });
    // check names what is missing, what is too much, and what is in another scope
    after.exec(`DELETE FROM mail_text WHERE rowid = (SELECT max(row) FROM entry); INSERT INTO mail_text (rowid, body) VALUES (7, 'x');
      DELETE FROM mail_text WHERE rowid = (SELECT min(row) FROM entry);
      INSERT INTO mail_text (rowid, mailbox, body) SELECT min(row), '§6f74686572', 'x' FROM entry;`);
    after.close();
    store = await openStore({ home });
    expect((await store.check()).map((line) => line.slice(0, 36))).toEqual([
      'not so: a mail or note can be found ',
      'not so: words lead to a mail or note',
      'not so: a mailbox finds as much as t',
    ]);
    await store.close();
  });
});

describe('turns', () => {
  test('a search ends at its time, and typing on takes the place of what was typed', async () => {
    await using story = await storeStory();
    const mails = Array.from({ length: 400 }, (_, n) => ({ octets: letter({ id: `m${n}`, text: `common w${n}` }), at: minute(n) }));
    await story.ingest('INBOX', 'import', ...mails);
    const hurried = new Searcher(story.home, { maxMs: 0 });
    expect(await hurried.search(asked('common'))).toMatchObject({ complete: false, exact: false });
    // A search that was given up leaves nothing behind for the next one of its form.
    expect(await hurried.search(asked('common'))).toMatchObject({ complete: false, exact: false });
    await hurried.close();

    const searcher = new Searcher(story.home);
    const typed = ['c', 'co', 'com'].map((text) => outcome(searcher.search(asked(text, { typing: true }))));
    const other = searcher.search(asked('common', { session: 'other' }));
    const patient = searcher.search(asked('common'));
    const last = searcher.search(asked('comm', { typing: true }));
    expect(await Promise.all(typed)).toEqual(['rate-limited', 'rate-limited', 'rate-limited']);
    expect((await other).total).toBe(400);
    expect((await patient).total).toBe(400);
    expect((await last).total).toBe(400);
    await searcher.close();
    expect(await outcome(searcher.search(asked('common')))).toBe('unavailable');
  });
});

describe('through the protocol', () => {
  const run = (client: Client, query: string, more: Partial<Params<'search.run'>> = {}): Promise<Result<'search.run'>> =>
    client.call('search.run', { query, ...more });

  test('covers exactly what the person may open, at this moment', async () => {
    await using postroom = await startPostroom();
    for (const name of ['reader', 'sender', 'keeper', 'nobody']) await postroom.person(name);
    await postroom.role('agents', 'sender');
    const help = await postroom.mailbox('help');
    const secret = await postroom.mailbox('secret');
    await postroom.grant('reader', help, { access: true });
    await postroom.grant('agents', help, { send: true });
    await postroom.grant('keeper', help, { setup: true });
    await postroom.deliver(help, { subject: 'Zebra order', text: 'The parcel of the zebra.' });
    await postroom.deliver(secret, {
      subject: 'Canary',
      text: 'canarywords in the mine',
      attachments: [{ filename: 'canaryfile.txt', content: 'x' }],
    });
    const eva = await postroom.as('eva');
    const { conversation } = await postroom.newest(secret);
    await eva.call('conversation.note', { conversation, text: 'canarynote for us' });

    const subjectsOf = async (name: string, query: string) => subjects(await run(await postroom.as(name), query));
    expect(await subjectsOf('eva', 'canary*')).toEqual(['Canary', 'Canary']);
    for (const name of ['reader', 'sender']) {
      expect([name, await subjectsOf(name, 'zebra')]).toEqual([name, ['Zebra order']]);
      expect([name, await subjectsOf(name, '')]).toEqual([name, ['Zebra order']]);
    }
    for (const name of ['keeper', 'nobody'])
      expect(await run(await postroom.as(name), '')).toMatchObject({ rows: [], total: 0, next: null });
    expect(await subjectsOf('reader', 'folder:inbox')).toEqual(['Zebra order']);
    expect(await subjectsOf('sender', 'folder:inbox')).toEqual([]);

    const canaries = [
      'canary',
      'canarywords',
      'canar*',
      'canaryfile',
      'canarynote',
      'note:canarynote',
      'subject:canary',
      '-zebra',
      'has:attachment',
    ];
    for (const name of ['reader', 'sender', 'keeper', 'nobody']) {
      const client = await postroom.as(name);
      for (const query of [...canaries, `in:${secret}`, 'in:secret', 'in:secret OR canary', `-in:${help}`, 'is:open canary']) {
        expect([name, query, (await run(client, query)).total]).toEqual([name, query, 0]);
      }
      const foreign = await run(client, `in:${secret} x`);
      expect({ ...foreign, seq: 0 }).toEqual({ ...(await run(client, 'in:never@harbour.example x')), seq: 0 });
    }

    await eva.call('grant.remove', { mailbox: help, grantee: 'reader' });
    expect(await subjectsOf('reader', 'zebra')).toEqual([]);
    await eva.call('role.member.remove', { role: 'agents', member: 'sender' });
    expect(await subjectsOf('sender', 'zebra')).toEqual([]);
    await postroom.grant('reader', secret, { access: true });
    expect(await subjectsOf('reader', 'canarywords')).toEqual(['Canary']);
    await eva.call('mailbox.unshare', { mailbox: secret });
    expect(await subjectsOf('reader', 'canarywords')).toEqual([]);
  });

  test('says what it found, and what is wrong with a query', async () => {
    await using postroom = await startPostroom();
    const help = await postroom.mailbox('help');
    await postroom.deliver(help, { subject: 'Größe', text: `An \u001b[31mescape\u001b[0m, and the parcel is lost.` });
    const eva = await postroom.as('eva');
    const { rows, total } = await run(eva, 'pa', { typing: true });
    expect(total).toBe(1);
    const [row] = rows;
    expect(row).toMatchObject({ kind: 'mail', mailbox: help, subject: 'Größe', from: { address: 'jane@example.org' }, note: null });
    expect(row?.snippet).not.toContain('\u001b');
    expect(row?.hits.map(([from, to]) => row.snippet.slice(from, to))).toEqual(['parcel']);
    expect(
      (await eva.call('conversation.show', { conversation: row?.conversation ?? '', message: row?.message ?? '' })).messages,
    ).toHaveLength(1);
    await eva.call('conversation.note', { conversation: row?.conversation ?? '', text: 'Call them back.' });
    expect((await run(eva, 'note:call')).rows).toMatchObject([
      { kind: 'note', author: 'eva', message: row?.message, snippet: 'Call them back.' },
    ]);
    await eva.call('conversation.take', { conversation: row?.conversation ?? '' });
    expect((await run(eva, 'parcel assigned:me assigned:EVA is:mine in:help in:hel')).total).toBe(1);
    expect((await run(eva, 'parcel assigned:none')).total).toBe(0);

    await expect(run(eva, 'parcel label:x')).rejects.toMatchObject({ code: 'invalid', details: { position: 7 } });
    for (const query of [
      '"',
      '(',
      '-',
      'from:',
      'a OR',
      '"\'; DROP TABLE entry; --',
      'NEAR(a b)',
      'a* ^b {c}:d',
      '日',
      '\0',
      '('.repeat(15),
    ])
      expect([query, await outcome(run(eva, query, { typing: true }))]).toEqual([query, 'yes']);
    await expect(run(eva, 'x', { cursor: 'nonsense' })).rejects.toMatchObject({ code: 'invalid' });
  });
});

test('the command line prints what the contract says, or a table', async () => {
  await using postroom = await startPostroom();
  const help = await postroom.mailbox('help');
  for (const subject of ['First', 'Second', 'Third']) await postroom.deliver(help, { subject, text: 'a parcel' });
  const eva = await postroom.as('eva');
  const ran = async (...argv: string[]) => {
    const printed = { out: '', err: '' };
    const io = {
      out: (text: string) => {
        printed.out += text;
      },
      err: (text: string) => {
        printed.err += text;
      },
    };
    const session = { call: eva.call.bind(eva), follow: () => Promise.resolve(), onState: () => undefined, close: () => Promise.resolve() };
    const code = await runCommand([{ heading: 'Mail:', nouns: {}, rows: searchCommands }], ['search', ...argv], io, {
      version: 'test',
      makeSession: () => Promise.resolve(session),
    });
    return { code, ...printed };
  };
  const first = Found.parse(JSON.parse((await ran('--json', '--limit', '2', 'parcel')).out));
  expect(first).toMatchObject({ rows: [{ subject: 'Third', mailbox: help }, { subject: 'Second' }], total: 3 });
  const rest = Found.parse(JSON.parse((await ran('parcel', '--cursor', first.next ?? '', '--json')).out));
  expect(rest).toMatchObject({ rows: [{ subject: 'First' }], next: null });
  expect((await ran('--limit', '2', 'parcel')).out).toMatch(/Third.*Second.*3 in all\.\nMore with: --cursor \S+\n$/s);
  expect(await ran('nothing', 'like', 'this')).toEqual({ code: 0, out: 'Nothing fits, in what you may open.\n', err: '' });
  expect(await ran('--', '-parcel')).toMatchObject({ code: 0 });
  expect(await ran('colour:red')).toMatchObject({ code: 2, out: '', err: expect.stringContaining('There is no key "colour:"') });
});
