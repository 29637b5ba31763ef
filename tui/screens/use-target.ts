/** The conversation of a row that only names it, as verbs need it: with its revision. Asked for when the cursor stands still. */
import { useEffect, useMemo, useState } from 'react';
import type { Mirror, Picture, Shown, View } from '../mirror.ts';
import { useView } from '../use-mirror.ts';
import { type Target, useApp } from './contract.ts';

/** A held key asks for nothing. */
const stillMs = 80;
const nothing: Picture<Shown> = { data: null, error: null, at: null };
const noView: View<Shown> = { picture: nothing, subscribe: () => () => undefined };

/** `row`: the one under the cursor. */
export function useTarget(row: { readonly conversation: string | null; readonly revision: number | null } | null): Target | null {
  const { mirror } = useApp();
  const conversation = row?.conversation ?? null;
  const drawnFrom = row?.revision ?? 0;
  const [still, setStill] = useState(conversation);
  useEffect(() => {
    const timer = setTimeout(() => setStill(conversation), stillMs);
    return () => clearTimeout(timer);
  }, [conversation]);
  const shown = useView(viewOf(mirror, still)).data;
  const fits = still === conversation;
  return useMemo(() => {
    if (shown === null || !fits) return null;
    const target = targetOf(shown);
    // Joined to another since: of that one nothing was on the screen.
    return target.conversation === conversation ? target : { ...target, revision: drawnFrom };
  }, [shown, fits, conversation, drawnFrom]);
}

const viewOf = (mirror: Mirror, conversation: string | null): View<Shown> =>
  conversation === null ? noView : mirror.conversation(conversation);

export function targetOf(shown: Shown): Target {
  const attachments = shown.messages.reduce((sum, one) => sum + one.attachments.length, 0);
  const { conversation, mailbox, subject, revision, state, assignee, starred, unread } = shown;
  return { conversation, mailbox, subject, revision, state, assignee, starred, unread, attachments };
}
