/** The conversation of a row that only names it, as verbs need it: with its revision. Asked for when the cursor stands still. */
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Mirror, Picture, Shown, View } from '../mirror.ts';
import { useView } from '../use-mirror.ts';
import { type Target, useApp } from './contract.ts';

/** A held key asks for nothing. */
const stillMs = 80;
const nothing: Picture<Shown> = { data: null, error: null, at: null };
const noView: View<Shown> = { picture: nothing, subscribe: () => () => undefined };

/** `row`: the one under the cursor; several may name one conversation. */
export function useTarget(conversation: string | null, row: string | null): Target | null {
  const { mirror } = useApp();
  const [still, setStill] = useState(conversation);
  useEffect(() => {
    const timer = setTimeout(() => setStill(conversation), stillMs);
    return () => clearTimeout(timer);
  }, [conversation]);
  const shown = useView(viewOf(mirror, still)).data;
  const fits = still === conversation;
  // A row that only names it shows nothing of what comes: verbs carry what there was when the cursor came here.
  const met = useRef<{ conversation: string; row: string | null; revision: number } | null>(null);
  if (shown !== null && fits && (met.current?.conversation !== shown.conversation || met.current.row !== row))
    met.current = { conversation: shown.conversation, row, revision: shown.revision };
  const revision = met.current?.revision ?? 0;
  return useMemo(() => (shown === null || !fits ? null : { ...targetOf(shown), revision }), [shown, fits, revision]);
}

const viewOf = (mirror: Mirror, conversation: string | null): View<Shown> =>
  conversation === null ? noView : mirror.conversation(conversation);

export function targetOf(shown: Shown): Target {
  const attachments = shown.messages.reduce((sum, one) => sum + one.attachments.length, 0);
  const { conversation, mailbox, subject, revision, state, assignee, starred, unread } = shown;
  return { conversation, mailbox, subject, revision, state, assignee, starred, unread, attachments };
}
