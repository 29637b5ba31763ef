/** The outbox on values: words of every state, what each offers, and the screen. */
import { describe, expect, test, vi } from 'vitest';
import type { MailReport, OutboxEntry } from '../../protocol/schema.ts';
import { safeBlock, safeText } from '../../protocol/text.ts';
import type { Shown } from '../../tui/mirror.ts';
import { Conversation } from '../../tui/screens/conversation.tsx';
import { OutboxList } from '../../tui/screens/outbox.tsx';
import { copyWords, isWaiting, needsSomebody, stateSentence, stateWord, troubleWords } from '../../tui/screens/outbox-words.ts';
import { table } from '../support/table.ts';
import { FakeMirror } from './fake-mirror.ts';
import { openOn } from './open-screen.tsx';
import { conversation, mailbox, outboxEntry } from './values.ts';

const now = Date.parse('2026-11-21T12:00:00Z');

describe('the words of a state', () => {
  const rows = table<{ state: string; given: string; word: string; needs: boolean; waits: boolean; says: string }>(`
    state             given                                   word        needs  waits  says
    held:time         sendAt=2026-11-21T12:00:08Z             in 8 s      no     yes    leaves in 8 s
    held:time         sendAt=2026-12-24T12:00:00Z             later       no     yes    leaves on Thu 24 Dec 2026
    held:right        lastError=no grant                      held        yes    no     eva lost a right that it needs: no grant
    waiting-approval  -                                       approval    no     yes    Waits for approval
    queued            -                                       queued      no     yes    leaves when the mails before it
    queued            nextAttemptAt=2026-11-21T12:05:00Z      queued      no     yes    next attempt in 5 min
    queued            nextAttemptAt=2026-11-21T11:05:00Z      queued      no     yes    next attempt now
    sending           -                                       sending     no     yes    being handed
    sending           lastError=The server is silent.         sending     no     yes    Sending: The server is silent.
    queued            lastError=Waits for a silent server.    queued      no     yes    Queued: Waits for a silent server.
    accepted          -                                       sent        no     no     the server took it
    unknown           lastError=no reply                      unknown     yes    no     Nobody knows whether it left: no reply
    failed            lastError=550 No such user              not sent    yes    no     Not sent: 550 No such user
    bounced           lastError=full                          came back   yes    no     came back: full
    cancelled         -                                       taken back  no     no     Taken back
  `);
  for (const { state, given, word, needs, waits, says } of rows) {
    test(`${state} ${given}`, () => {
      const [name, heldFor = null] = state.split(':') as [OutboxEntry['state'], OutboxEntry['heldFor']?];
      const [key, value] = given === '' ? [] : given.split('=');
      const entry = outboxEntry('o1', { state: name, heldFor, ...(key === undefined ? {} : { [key]: safeText(value ?? '') }) });
      expect(stateWord(entry, now).word).toBe(word);
      expect(stateSentence(entry, now)).toContain(says);
      expect([needsSomebody(entry), isWaiting(entry)]).toEqual([needs, waits]);
    });
  }
});

test('the status row counts what needs somebody, by what happened to it', () => {
  const of = (...states: OutboxEntry['state'][]) =>
    states.map((state) => outboxEntry(state, { state, heldFor: state === 'held' ? 'right' : null }));
  expect(troubleWords(of('queued', 'accepted', 'cancelled'))).toBeNull();
  expect(troubleWords(of('failed', 'bounced'))).toBe('✗ 1 not sent, 1 came back · g o');
  expect(troubleWords(of('failed', 'unknown', 'held'))).toBe('✗ 1 not sent, 1 of unknown fate, 1 held · g o');
});

test('a copy in Sent is told about only where there is one to file', () => {
  const taken = [{ address: safeText('a@x.example'), state: 'accepted' as const, reply: null }];
  expect(copyWords({ recipients: [], sentCopy: 'pending' })).toBeNull();
  expect(copyWords({ recipients: taken, sentCopy: 'filed' })).toBeNull();
  expect(copyWords({ recipients: taken, sentCopy: 'pending' })?.text).toContain('not in Sent yet');
  expect(copyWords({ recipients: taken, sentCopy: 'failed' })?.tone).toBe('danger');
});

describe('the screen', () => {
  const to = (address: string, state: OutboxEntry['recipients'][number]['state'], reply: string | null = null) => ({
    address: safeText(address),
    state,
    reply: reply === null ? null : safeText(reply),
  });
  function open() {
    const fake = new FakeMirror([mailbox('support@x.example')]);
    const failed = outboxEntry('o1', {
      state: 'failed',
      subject: safeText('Refused'),
      lastError: safeText('550 No such user'),
      sentCopy: 'filed',
      to: [safeText('jane@x.example'), safeText('kim@x.example')],
      recipients: [to('jane@x.example', 'failed', '550 No such user'), to('kim@x.example', 'accepted')],
    });
    const unknown = outboxEntry('o2', { state: 'unknown', subject: safeText('Lost'), recipients: [to('jane@x.example', 'unknown')] });
    const sent = outboxEntry('o3', { state: 'accepted', subject: safeText('Fine'), sentCopy: 'filed' });
    fake.outbox.put([failed, unknown]);
    fake.wholeOutbox.put([failed, unknown, sent]);
    return { fake, ...openOn(fake, <OutboxList place={{ kind: 'outbox' }} />) };
  }

  test('opens at the newest that needs a decision, whatever stands above it', async () => {
    const fake = new FakeMirror([mailbox('support@x.example')]);
    const stuck = ['lost', 'older'];
    fake.wholeOutbox.put(
      ['sent', 'late', ...stuck].map((id) => outboxEntry(id, { subject: safeText(id), state: stuck.includes(id) ? 'failed' : 'accepted' })),
    );
    const { press, sees } = openOn(fake, <OutboxList place={{ kind: 'outbox' }} />);
    await sees(/▌ ✗ not sent .* lost/);
    press('k');
    await sees(/▌ ✓ sent .* late/);
  });

  test('says where each is, and of the one under the cursor why and who got it', async () => {
    const { sees } = open();
    await sees(/▌ ✗ not sent .* support +jane@x\.example \+1 +Refused/);
    await sees(/✓ sent .* Fine/);
    await sees('2 need somebody to decide');
    await sees('Not sent: 550 No such user');
    await sees('✗ refused  jane@x.example: 550 No such user');
    await sees('✓ taken  kim@x.example');
    await sees('✗ 1 not sent, 1 of unknown fate · g o');
  });

  test('what came back names its report, and a report that fits nothing is listed below', async () => {
    const { fake, press, sees } = open();
    const report = (message: string, about: string | null): MailReport => ({
      message,
      conversation: `c of ${message}`,
      mailbox: safeText('support@x.example'),
      kind: 'failed',
      at: '2026-11-21T12:00:00Z',
      from: { name: null, address: safeText('mailer-daemon@mx.example') },
      subject: safeText('Undelivered Mail'),
      about,
      outbox: about === null ? null : 'o1',
      recipients: [{ address: safeText('gone@x.example'), action: 'failed', text: safeText('550 no such user') }],
    });
    const bounced = outboxEntry('o1', {
      state: 'bounced',
      subject: safeText('Came back'),
      lastError: safeText('550 no such user'),
      recipients: [to('gone@x.example', 'bounced', '550 no such user')],
      details: { reports: [report('m1', 'e1')], remark: null },
    });
    fake.outbox.put([bounced]);
    fake.wholeOutbox.put([bounced]);
    fake.strayReports.put([report('m2', null)]);
    await sees(/✗ came back .* Came back/);
    await sees('✗ came back  gone@x.example');
    await sees('gone@x.example: did not arrive (550 no such user)');
    await sees('1 report fits no mail of ours');
    await sees('✗ 1 came back · g o');
    press('j');
    await sees(/! no mail .* Undelivered Mail/);
    await sees('a delivery report that fits no mail of ours, so nothing was marked');
  });

  test('y sends again what failed at once; what may have arrived is asked about', async () => {
    const { fake, press, sees, misses } = open();
    await sees('Refused');
    press('y');
    await sees('It is sent again');
    expect(fake.calls).toEqual([{ method: 'outbox.retry', params: { outbox: 'o1' } }]);
    press('j', 'y');
    await sees('they get it twice');
    press('esc');
    await misses('they get it twice');
    expect(fake.calls).toHaveLength(1);
  });

  test('giving up asks, and what is sent offers nothing', async () => {
    const { fake, press, sees } = open();
    await sees('Refused');
    press('D');
    await sees('Give it up?');
    press('enter');
    await sees('Given up: it is not sent again');
    expect(fake.calls).toEqual([{ method: 'outbox.settle', params: { outbox: 'o1', as: 'discard' } }]);
    press('G', 'D');
    await sees('does nothing here');
  });

  test('e opens it as a draft of a mail that takes its place: to those who did not get it, at its review', async () => {
    const { fake, press, sees, frame } = open();
    const draft = {
      ...{ mailbox: 'support@x.example', from: 'support@x.example', to: ['jane@x.example'], cc: [], bcc: [], subject: 'Refused' },
      ...{ body: 'Hello.', attachments: [{ index: 0, filename: 'label.txt', type: 'text/plain', size: 12 }], conversation: null },
    };
    fake.answer = async ({ method }) => (method === 'compose.again' ? draft : { rows: [{ address: 'support@x.example' }] });
    await sees('Refused');
    press('e');
    await sees('EDIT of Refused');
    await sees(/To +jane@x\.example/);
    await sees(/Files +label\.txt/);
    await sees('y send');
    expect(fake.calls[0]).toEqual({ method: 'compose.again', params: { outbox: 'o1' } });
    // One of its files is left out.
    press('d');
    await vi.waitFor(() => expect(frame()).not.toContain('label.txt'));
  });

  test('@ offers what makes sense: a mail of unknown fate did arrive', async () => {
    const { fake, press, sees } = open();
    await sees('Refused');
    press('j', '@');
    await sees('It arrived');
    press('enter');
    await sees('It counts as arrived');
    expect(fake.calls).toEqual([{ method: 'outbox.settle', params: { outbox: 'o2', as: 'arrived' } }]);
  });
});

test('@ in a conversation is about the mail that did not arrive, wherever the cursor is', async () => {
  const fake = new FakeMirror([mailbox('support@x.example')]);
  const from = [{ name: null, address: safeText('jane@example.org') }];
  const mail = (id: string, given: Partial<Shown['messages'][number]> = {}): Shown['messages'][number] => ({
    ...{ id, messageId: null, date: '2026-11-21T11:00:00Z', from, to: from, cc: [], replyTo: [], subject: safeText('Order') },
    ...{ text: safeBlock(`text of ${id}`), links: [], direction: 'in', automatic: false, author: null, attachments: [], folders: [] },
    ...{ outbox: null, defeated: false, headers: null },
    ...given,
  });
  const outbox = { id: 'o1', state: 'failed', heldFor: null, sendAt: '2026-11-21T11:00:00Z', error: safeText('550 no') } as const;
  fake.conversation('c').put({
    ...conversation('c'),
    messages: [mail('m1'), mail('m2', { direction: 'out', outbox })],
    notes: [],
    gone: [],
    rights: { panel: true, timeline: true, send: true, settings: false },
    seq: 1,
  } as unknown as Shown);
  const { press, sees } = openOn(fake, <Conversation id="c" at="m1" />);
  await sees(/▌▾.*jane@example.org/);
  await sees('not sent: 550 no — @ what to do');
  press('@');
  await sees('Send again');
});
