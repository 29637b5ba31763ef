/** A reply to a mail that names nobody: what is offered as the recipient is marked as a guess. */
import { expect, test } from 'vitest';
import { safeText } from '../../protocol/text.ts';
import type { Drafts } from '../../tui/drafts.ts';
import type { Shown } from '../../tui/mirror.ts';
import { openReply } from '../../tui/screens/compose.tsx';
import { Shell } from '../../tui/shell.ts';
import { FakeMirror } from './fake-mirror.ts';
import { mailbox } from './values.ts';

const support = safeText('support@x.example');

test.each([
  ['name', 'sender’s name'],
  ['text', 'claims to be from us'],
  [null, null],
] as const)('offered from %s', async (offered, words) => {
  const fake = new FakeMirror([mailbox('support@x.example')]);
  fake.conversation('c').put({ mailbox: support, messages: [] } as unknown as Shown);
  const begun = { mailbox: support, from: support, to: [safeText('jane@customer.example')], cc: [], offered };
  const rest = { subject: safeText('Re: x'), quote: safeText(''), signature: null, attachments: [], revision: 1, message: 'm' };
  fake.answer = async ({ method }) => (method === 'compose.reply' ? { ...begun, ...rest } : null);
  const shell = new Shell();
  await openReply({ mirror: fake.mirror, shell, drafts: {} as Drafts }, { conversation: 'c', kind: 'reply', seen: null });
  expect(shell.state.layers.map(({ name }) => name)).toContain('compose');
  expect(shell.state.toasts.map(({ text, tone }) => [tone, words !== null && text.includes(words)])).toEqual(
    words === null ? [] : [['warning', true]],
  );
});
