/** What goes on beside the writing of a mail: its draft is kept, and the right to send it is watched. */
import { useEffect, useRef, useState } from 'react';
import { safeText } from '../../protocol/text.ts';
import type { Draft } from '../drafts.ts';
import { useShell } from '../screen.tsx';
import { chrome, type Safe } from '../text.ts';
import { useApp } from './contract.ts';

const keepAfterMs = 250;

/** Saves the draft a moment after each change; says when it was saved last. An untouched one leaves no file. */
export function useKept(draft: Draft, untouched: Draft): number | null {
  const { drafts } = useApp();
  const shell = useShell();
  const [savedAt, setSavedAt] = useState<number | null>(untouched.savedAt || null);
  const newest = useRef(draft);
  newest.current = draft;
  useEffect(() => {
    if (draft === untouched) return;
    const timer = setTimeout(() => {
      shell.attempt(async () => {
        const now = Date.now();
        await drafts.save({ ...draft, savedAt: now });
        setSavedAt(now);
      });
    }, keepAfterMs);
    return () => clearTimeout(timer);
  }, [draft, untouched, drafts, shell]);
  useEffect(
    () => shell.keepOpen(() => (newest.current === untouched ? null : chrome`A mail is being written; it is kept as a draft (g d).`)),
    [shell, untouched],
  );
  return savedAt;
}

/** Watches whether the person may still send from the address. */
export function useRightToSend({ from, mailbox }: Draft, onChange: (lost: Safe | null) => void): void {
  const { mirror } = useApp();
  const shell = useShell();
  const report = useRef(onChange);
  report.current = onChange;
  useEffect(() => {
    const look = async (why: Safe): Promise<void> => {
      const { rows } = await mirror.call('compose.from', {});
      const held = rows.some((row) => row.address === from);
      const whom = mirror.mailboxes.picture.data?.find(({ address }) => address === mailbox)?.owner;
      const ask = whom === undefined ? chrome`its owner` : chrome`${whom}, its owner`;
      const because = why === '' ? chrome`` : chrome` (${why})`;
      report.current(held ? null : chrome`You hold Send on ${safeText(mailbox)} no more${because}. Ask ${ask}, to have it again.`);
    };
    shell.attempt(() => look(chrome``));
    return mirror.onEvent((event) => {
      if (event.name === 'rights.changed') shell.attempt(() => look(event.payload.why));
    });
  }, [mirror, shell, from, mailbox]);
}
