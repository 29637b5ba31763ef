/** Tells when somebody else changed what one is looking at; what is off the screen changes without a word. */
import { useEffect, useRef } from 'react';
import type { Conversation } from '../../protocol/schema.ts';
import type { SafeText } from '../../protocol/text.ts';
import type { Shown } from '../mirror.ts';
import { useShell } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, type Safe } from '../text.ts';
import { useApp } from './contract.ts';

type Known = Pick<Conversation, 'conversation' | 'subject' | 'state' | 'assignee'>;

/** What changed, for a toast; null when nothing of it is worth one. */
export function changeWords(before: Known, after: Pick<Shown, 'state' | 'assignee'>, me: string, by: SafeText | null): Chrome | null {
  const subject = chrome`"${cutToWidth(before.subject, 40)}"`;
  // Another program of one's own.
  const who: Safe | null = by === me ? chrome`you, elsewhere` : by;
  const byWhom = who === null ? chrome`` : chrome` by ${who}`;
  if (before.state !== 'done' && after.state === 'done') return chrome`Done${byWhom}: ${subject}`;
  if (before.state === 'done' && after.state === 'open') return chrome`Open again${byWhom}: ${subject}`;
  const { assignee } = after;
  if (assignee?.name === before.assignee?.name && assignee?.kind === before.assignee?.kind) return null;
  if (assignee === null) return chrome`Given back${byWhom}: ${subject}`;
  if (assignee.kind === 'person' && assignee.name === by) return chrome`Taken by ${who ?? assignee.name}: ${subject}`;
  if (assignee.kind === 'person' && assignee.name === me) return chrome`Given to you${byWhom}: ${subject}`;
  return chrome`Given to ${assignee.name}${byWhom}: ${subject}`;
}

/** `shown`: the rows on the screen. */
export function useOthersChanges(shown: readonly Known[]): void {
  const shell = useShell();
  const { mirror, me } = useApp();
  const rows = useRef(shown);
  // What a row was when the event came is what it is until the next picture.
  rows.current = shown;
  useEffect(
    () =>
      mirror.onEvent((event) => {
        if (event.name !== 'conversation.changed' || !event.payload.live) return;
        const { conversation, what, by } = event.payload;
        if ((what !== 'state' && what !== 'assign') || mirror.isEcho(conversation)) return;
        const before = rows.current.find((row) => row.conversation === conversation);
        if (before === undefined) return;
        shell.attempt(async () => {
          const after = await mirror.call('conversation.show', { conversation });
          const words = changeWords(before, after, me, by);
          if (words !== null) shell.toast({ who: 'team', text: words });
        });
      }),
    [mirror, shell, me],
  );
}
