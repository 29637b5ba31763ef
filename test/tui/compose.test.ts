/** A mail from its first word to the queue, without a screen; its drafts and files on a real disk. */
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { safeText } from '../../protocol/text.ts';
import { type Draft, Drafts, draftsFolder } from '../../tui/drafts.ts';
import { attachable, FileProblem, saveNew } from '../../tui/files.ts';
import {
  addressesIn,
  type ComposeState,
  type ComposeStep,
  composed,
  composing,
  forgotFiles,
  momentOf,
  outsiders,
  participantsOf,
  sendRequest,
  takenBack,
} from '../../tui/screens/compose-state.ts';
import { chrome } from '../../tui/text.ts';
import { tempDir } from '../support/tempdir.ts';

const blank: Draft = {
  id: '00000000-0000-4000-8000-000000000001',
  kind: 'new',
  from: 'support@harbour.example',
  mailbox: 'support@harbour.example',
  to: '',
  cc: '',
  bcc: '',
  subject: '',
  body: '',
  files: [],
  forwarded: [],
  instead: null,
  conversation: null,
  message: null,
  revision: null,
  participants: [],
  attempt: 0,
  savedAt: 0,
};
const answer: Draft = {
  ...blank,
  kind: 'reply',
  to: 'jane@example.org',
  subject: 'Re: Order',
  conversation: 'c1',
  message: 'm1',
  revision: 4,
};
const play = (state: ComposeState, ...steps: ComposeStep[]): ComposeState => steps.reduce(composed, state);

describe('the way of a mail', () => {
  test('a new one asks for its recipient, its subject and its text; then it is reviewed', () => {
    let state = composing(blank, true);
    expect(state.phase).toEqual({ at: 'field', field: 'to', checking: false });
    state = play(state, { do: 'typed', field: 'to', text: 'jane@example.org' }, { do: 'checking' }, { do: 'accepted', where: 'to' });
    expect(state.phase).toEqual({ at: 'field', field: 'subject', checking: false });
    state = play(state, { do: 'typed', field: 'subject', text: 'Hello' }, { do: 'accepted', where: 'subject' });
    expect(state.phase.at).toBe('body');
    state = play(state, { do: 'written', body: 'Hi' }, { do: 'review' });
    // From now on a field leads back to the review.
    state = play(state, { do: 'field', field: 'to' }, { do: 'accepted', where: 'to' });
    expect(state.phase.at).toBe('review');
  });

  test('an answer begins with its text, a kept draft with its review', () => {
    expect(composing(answer, true).phase.at).toBe('body');
    expect(composing(answer, false).phase.at).toBe('review');
  });

  test('a refused address keeps the field open with the reason, and typing takes the reason away', () => {
    const words = chrome`"jane" is no address`;
    const asked = play(
      composing(blank, true),
      { do: 'typed', field: 'to', text: 'jane' },
      { do: 'checking' },
      { do: 'refused', where: 'to', words },
    );
    expect(asked.phase).toEqual({ at: 'field', field: 'to', checking: false });
    expect(asked.errors.to).toBe(words);
    expect(play(asked, { do: 'typed', field: 'to', text: 'jane@x.example' }).errors).toEqual({});
  });

  test('a conflict loses nothing and sends against what was shown', () => {
    const state = play(
      composing(answer, false),
      { do: 'sending' },
      { do: 'moved', news: { revision: 6, words: chrome`a mail by jane`, read: false } },
    );
    expect(state.phase.at).toBe('review');
    expect(state.draft).toEqual({ ...answer, revision: 6 });
    expect(sendRequest(state.draft, { done: false, at: null })).toMatchObject({ ifRevision: 6, idempotencyKey: `${answer.id}-0` });
  });

  test('without an answer nothing can be edited until the daemon was asked again', () => {
    const state = play(composing(answer, false), { do: 'sending' }, { do: 'unanswered' });
    const tried = play(state, { do: 'body' }, { do: 'written', body: 'other words' }, { do: 'field', field: 'to' });
    expect(tried.draft).toBe(answer);
    expect(tried.phase.at).toBe('review');
    expect(play(state, { do: 'sending' }, { do: 'refused', where: 'body', words: chrome`no` }).uncertain).toBe(false);
  });

  test('nothing that happens changes a word but typing', () => {
    const step: fc.Arbitrary<ComposeStep> = fc.oneof(
      fc.constantFrom<ComposeStep>(
        { do: 'body' },
        { do: 'review' },
        { do: 'look' },
        { do: 'sending' },
        { do: 'checking' },
        { do: 'unanswered' },
      ),
      fc.constantFrom<ComposeStep>({ do: 'rights', lost: chrome`gone` }, { do: 'rights', lost: null }, { do: 'accepted', where: 'to' }),
      fc.constant<ComposeStep>({ do: 'refused', where: 'subject', words: chrome`no` }),
      fc
        .integer({ min: 5, max: 9 })
        .map((revision): ComposeStep => ({ do: 'moved', news: { revision, words: chrome`moved`, read: false } })),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { to, cc, bcc, subject, body, files } = play(composing(answer, true), ...steps).draft;
        expect({ to, cc, bcc, subject, body, files }).toEqual({
          to: answer.to,
          cc: '',
          bcc: '',
          subject: answer.subject,
          body: '',
          files: [],
        });
      }),
    );
  });
});

describe('what is asked of the daemon', () => {
  test('empty fields are said in full: what is left out, the daemon would fill in', () => {
    const asked = sendRequest({ ...answer, to: '', cc: 'bob@example.org' }, { done: true, at: null });
    expect(asked).toMatchObject({ to: '', cc: 'bob@example.org', bcc: '', quote: false, holdMs: 10_000, afterwards: 'done', at: null });
  });
  test('what is sent later is not held back besides', () => {
    expect(sendRequest(answer, { done: false, at: '2026-03-04T12:00:00.000Z' })).toMatchObject({
      holdMs: 0,
      at: '2026-03-04T12:00:00.000Z',
    });
  });
});

test.each([
  ['See the attached label.', true],
  ['Anbei die Rechnung.', true],
  ['die Datei ist angehängt', true],
  ['Le envío el adjunto.', true],
  ['Файл во вложении.', true],
  ['ファイルを添付します', true],
  ['Thanks, it works.', false],
  ['This is unattachable nonsense', false],
  ['Done.\n\n> please see the attached file\n> now\n> or\n> never', false],
])('%j speaks of a file: %s', (body, speaks) => {
  expect(forgotFiles({ ...blank, body })).toBe(speaks);
  expect(forgotFiles({ ...blank, body, files: [{ path: '/x', name: 'x', size: 1 }] })).toBe(false);
});

test('an answer that leaves the domain of From is named before it is sent', () => {
  const mailbox = safeText('support@harbour.example');
  const at = (address: string) => [{ name: null, address: safeText(address) }];
  const told = (from: string, replyTo: string) => {
    const messages = [{ from: at(from), to: at(mailbox), cc: [], replyTo: at(replyTo) }];
    return outsiders({ ...answer, participants: participantsOf({ mailbox, messages }), to: replyTo }, 'to');
  };
  expect(told('jane@bank.example', 'desk@BANK.example')).toEqual([]);
  expect(told('jane@bank.example', 'jane@bank.example.evil.example')).toEqual(['jane@bank.example.evil.example']);
  expect(told('', 'jane@bank.example')).toEqual(['jane@bank.example']);
  expect(told('Support@harbour.example', 'jane@customer.example')).toEqual([]);
});

test('who was not part of the conversation', () => {
  const draft = { ...answer, participants: ['jane@example.org'], to: 'Jane <JANE@example.org>, "X, Y" <new@else.example>' };
  expect(outsiders(draft, 'to')).toEqual(['new@else.example']);
  expect(outsiders({ ...draft, kind: 'forward' }, 'to')).toEqual([]);
  expect(outsiders({ ...draft, conversation: null }, 'to')).toEqual([]);
  expect(addressesIn('')).toEqual([]);
  // A quoted local part hides nobody.
  expect(addressesIn('"Roe, J" <j@else.example>, "Jane Cooper"@else.example; <"a b"@else.example>')).toEqual([
    'j@else.example',
    '"jane cooper"@else.example',
    '"a b"@else.example',
  ]);
});

describe('a moment as people write it', () => {
  // A Wednesday.
  const now = new Date(2026, 2, 4, 12, 0).getTime();
  const at = (...parts: [number, number, number, number, number]): number => new Date(...parts).getTime();
  test.each<[string, number | null]>([
    ['14:30', at(2026, 2, 4, 14, 30)],
    ['9:00', at(2026, 2, 5, 9, 0)],
    ['tomorrow 8:15', at(2026, 2, 5, 8, 15)],
    ['tomorrow', at(2026, 2, 5, 9, 0)],
    ['mon 9:00', at(2026, 2, 9, 9, 0)],
    ['wednesday', at(2026, 2, 11, 9, 0)],
    ['in 2 h', now + 7_200_000],
    ['30 min', now + 1_800_000],
    ['2026-03-10 09:30', at(2026, 2, 10, 9, 30)],
    ['2026-02-31 09:30', null],
    ['2026-03-01 09:30', null],
    ['today 9:00', null],
    ['25:00', null],
    ['soon', null],
    ['', null],
  ])('%j', (typed, wanted) => expect(momentOf(typed, now)).toBe(wanted));
});

describe('drafts on the disk', () => {
  test('are private, whole, and of one identity', async () => {
    await using folder = await tempDir();
    const place = join(folder.path, 'state', 'drafts');
    const drafts = new Drafts(place, 'key of ben');
    await Promise.all([drafts.save({ ...blank, body: 'first', savedAt: 1 }), drafts.save({ ...blank, body: 'second', savedAt: 2 })]);
    await new Drafts(place, 'key of eva').save({ ...answer, id: '00000000-0000-4000-8000-000000000002', savedAt: 3 });
    await writeFile(join(place, '00000000-0000-4000-8000-000000000003.json'), '{"owner":"key of ben","draft":{"id":');
    expect((await drafts.list()).map(({ body }) => body)).toEqual(['second']);
    expect((await stat(place)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(place)) if (name.includes('001')) expect((await stat(join(place, name))).mode & 0o777).toBe(0o600);
    await drafts.remove(blank);
    await drafts.remove(blank);
    expect(await drafts.list()).toEqual([]);
    await expect(drafts.save({ ...blank, id: '../../evil' })).rejects.toThrow('no id');
  });
  test('none yet', async () => {
    await using folder = await tempDir();
    expect(await new Drafts(join(folder.path, 'none'), 'x').list()).toEqual([]);
  });
  test('lie beside the logs', () => expect(draftsFolder('/srv/postroom')).toBe('/srv/postroom/drafts'));
});

describe('files', () => {
  const bytes = new TextEncoder().encode('octets');
  const fill = async (write: (chunk: Uint8Array) => Promise<void>): Promise<void> => write(bytes);

  test('a new file for its owner alone; a folder stands for the name in it', async () => {
    await using folder = await tempDir();
    const path = await saveNew(folder.path, 'label.pdf', fill);
    expect(path).toBe(join(folder.path, 'label.pdf'));
    expect(await readFile(path, 'utf8')).toBe('octets');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('nothing is overwritten, no link is followed, and what failed leaves nothing', async () => {
    await using folder = await tempDir();
    const kept = join(folder.path, 'kept');
    await writeFile(kept, 'mine');
    await symlink(join(folder.path, 'elsewhere'), join(folder.path, 'link'));
    await expect(saveNew(kept, 'x', fill)).rejects.toThrow('nothing was overwritten');
    await expect(saveNew(join(folder.path, 'link'), 'x', fill)).rejects.toThrow('nothing was overwritten');
    await expect(saveNew(join(folder.path, 'no', 'where'), 'x', fill)).rejects.toThrow('no such file or folder');
    const broken = saveNew(join(folder.path, 'half'), 'x', async (write) => {
      await write(bytes);
      throw new Error('the line broke');
    });
    await expect(broken).rejects.toThrow('the line broke');
    expect(await readFile(kept, 'utf8')).toBe('mine');
    expect((await readdir(folder.path)).toSorted()).toEqual(['kept', 'link']);
  });

  test('what can be attached', async () => {
    await using folder = await tempDir();
    const path = join(folder.path, 'label.pdf');
    await writeFile(path, bytes);
    await mkdir(join(folder.path, 'folder'));
    const file = await attachable(path, []);
    expect(file).toEqual({ path, name: 'label.pdf', size: 6 });
    const why = async (typed: string, already = [file]): Promise<string> => {
      try {
        await attachable(typed, already);
      } catch (error) {
        if (error instanceof FileProblem) return error.words;
      }
      return 'attached';
    };
    expect(await why(path)).toBe('it is attached already');
    expect(await why(join(folder.path, 'folder'))).toBe('that is a folder');
    expect(await why(join(folder.path, 'none'))).toBe('there is no such file or folder');
    expect(await why(' ')).toBe('type the path of a file');
  });
});

describe('a mail that takes the place of another', () => {
  const files = [4, 7].map((index) => ({ index, name: `${index}.txt`, size: 1 }));
  const mended: Draft = { ...answer, instead: { outbox: 'o1', files } };

  test('begins at its review, and leaves out the files that are dropped', () => {
    const begun = composing(mended, true);
    expect([begun.phase, begun.guided]).toEqual([{ at: 'review' }, false]);
    const { draft } = composed(begun, { do: 'dropped', index: 4 });
    expect(sendRequest(draft, { done: false, at: null })).toMatchObject({ kind: 'new', instead: { outbox: 'o1', attachments: [7] } });
    expect(sendRequest(answer, { done: false, at: null }).instead).toBeNull();
  });

  test('taken back, it has its files from the mail that was queued, and is another attempt', () => {
    const { draft } = composed(composing(mended, true), { do: 'dropped', index: 4 });
    expect(takenBack(draft, 'o2', 5)).toMatchObject({
      ...{ attempt: draft.attempt + 1, savedAt: 5 },
      instead: { outbox: 'o2', files: [{ index: 0, name: '7.txt' }] },
    });
    expect(takenBack(answer, 'o2', 5).instead).toBeNull();
  });

  test('a draft that an older program kept takes the place of none', async () => {
    await using folder = await tempDir();
    const { instead, ...old } = answer;
    expect(instead).toBeNull();
    await writeFile(join(folder.path, `${answer.id}.json`), JSON.stringify({ owner: 'key', draft: old }));
    expect(await new Drafts(folder.path, 'key').list()).toEqual([answer]);
  });
});
