/**
 * The verbs on a conversation, with the same letters in every view: they act at once, say whose state they changed, and are undone by `z`.
 * On marks they first show what they would do to how many.
 */

import { useLayoutEffect, useRef } from 'react';
import { PostroomError } from '../../protocol/errors.ts';
import type { Params, Result } from '../../protocol/methods.ts';
import { type SafeText, safeText } from '../../protocol/text.ts';
import type { Facts } from '../commands.ts';
import type { Mirror, Verb } from '../mirror.ts';
import { useCommands, useShell } from '../screen.tsx';
import type { Shell, Toast } from '../shell.ts';
import { type Chrome, chrome, type Safe } from '../text.ts';
import { fullMoment } from '../units.ts';
import { useConnection, useView } from '../use-mirror.ts';
import { type Target, useApp } from './contract.ts';
import { newsIn } from './news-words.ts';
import { Picker } from './pickers.tsx';

export type WorkKind = 'done' | 'reopen' | 'take' | 'release' | 'assign' | 'star' | 'read' | 'trash' | 'spam' | 'move';

/** What a view does around a verb. All are called with ids of conversations. */
export type Around = {
  /** The key was pressed; the daemon has not answered. */
  readonly began?: (kind: WorkKind, ids: readonly string[], to: Target['assignee'] | undefined) => void;
  readonly succeeded?: (kind: WorkKind, id: string) => void;
  readonly failed?: (kind: WorkKind, id: string) => void;
  readonly undone?: (kind: WorkKind, id: string) => void;
};

/** One verb made concrete: the request for each conversation, the way back, and the words for it. */
type Work = {
  readonly kind: WorkKind;
  readonly who: Toast['who'];
  /** `Done for the whole team`. */
  readonly words: Safe;
  readonly to?: Target['assignee'];
  readonly ask: (target: Target) => Request;
  /** `answer`: what the daemon said to `ask`. */
  readonly back: (target: Target, answer: Answer) => Request;
};
type Request = { [V in Verb]: { readonly method: V; readonly params: Params<V> } }[Verb];
type Answer = Result<Verb>;

type Given = Around & {
  /** The conversation under the cursor. */
  readonly target: Target | null;
  /** When there are any, verbs act on these instead. */
  readonly marked?: readonly Target[];
  readonly active?: boolean;
};

/** Puts the verbs and the facts about what they act on into the layer. */
export function useVerbs(given: Given): void {
  const { target, marked = [], active = true } = given;
  const shell = useShell();
  const { mirror, me } = useApp();
  const online = useConnection().state.state === 'online';
  const mailboxes = useView(mirror.mailboxes).data;
  const targets = marked.length > 0 ? marked : target === null ? [] : [target];
  const whenMarked = useWhenMarked(marked);
  const maySend = (one: Target): boolean => mailboxes?.find(({ address }) => address === one.mailbox)?.rights.send ?? false;
  const mayList = (one: Target): boolean => mailboxes?.find(({ address }) => address === one.mailbox)?.rights.timeline ?? false;

  // With what was on the screen when the key was pressed, whatever came since.
  // A mark is on what it was put on: what came to it since is looked at first.
  const seen = (one: Target): Target => {
    const revision = shell.sight.revisionOf(one.conversation, one.revision);
    return { ...one, revision: Math.min(revision, whenMarked.current.get(one.conversation) ?? revision) };
  };
  const act = (work: Work): void => {
    const asSeen = targets.map(seen);
    // What is known to have come and was never on the screen needs no daemon to refuse it, and the view stays where it is.
    const missed = isPersonal(work.kind) ? [] : targets.filter((one, at) => one.revision > (asSeen[at]?.revision ?? 0));
    if (missed.length === 0) begin(shell, mirror, work, asSeen, given);
    else {
      const isMark = ({ conversation }: Target): boolean => whenMarked.current.has(conversation);
      const text = missed.every(isMark)
        ? chrome`Nothing changed: something came to ${naming(missed)} since you marked. Look at it, then repeat.`
        : chrome`Nothing changed: what came meanwhile to ${naming(missed)} was not on the screen. Look at it, then repeat.`;
      shell.toast({ tone: 'warning', text, forMs: 8_000 });
      // Now that it was told, the mark is on what is on the screen.
      for (const { conversation, revision } of missed.filter(isMark))
        whenMarked.current.set(conversation, shell.sight.revisionOf(conversation, revision));
    }
  };
  const moving = (kind: WorkKind, words: Safe, to: Params<'conversation.move'>['to']): Work => ({
    kind,
    words,
    who: 'team',
    ask: (one) => ({ method: 'conversation.move', params: { conversation: one.conversation, to, ifRevision: one.revision } }),
    // Each mail to the folder that it came from.
    back: (one, answer) => ({
      method: 'conversation.move',
      params: { conversation: one.conversation, to: 'back' in answer ? { back: answer.back } : { role: 'inbox' } },
    }),
  });

  useCommands(
    {
      'work.done': () => act(works.done),
      'work.reopen': () => act(works.reopen),
      'work.take': () => act(works.take(me)),
      'work.release': () => act(works.release),
      'work.assign': () => {
        const [first] = targets;
        if (first === undefined) return;
        const load = async () => (await mirror.call('conversation.assignees', { conversation: first.conversation })).rows;
        shell.openModal({
          name: 'assign',
          element: (
            <Picker
              title={chrome`Assign ${naming(targets)} to`}
              load={async () =>
                (await load()).map((one) => ({
                  key: `${one.kind} ${one.name}`,
                  label: one.name,
                  detail: one.kind === 'role' ? chrome`role` : one.name === me ? chrome`that is you` : chrome``,
                  value: one,
                }))
              }
              nothing={chrome`Nobody holds Send here, so there is nobody to give it to.`}
              onPick={(one) => act(works.assign(one))}
            />
          ),
        });
      },
      'mail.star': () => act(works.star(targets.every(({ starred }) => starred))),
      'mail.unread': () => act(works.read(targets.every(({ unread }) => unread > 0))),
      'mail.trash': () => act(moving('trash', chrome`Trashed for the whole team`, { role: 'trash' })),
      'mail.spam': () => act(moving('spam', chrome`Spam for the whole team`, { role: 'junk' })),
      'mail.move': () => {
        const [first] = targets;
        if (first === undefined) return;
        const oneMailbox = targets.every(({ mailbox }) => mailbox === first.mailbox);
        shell.openModal({
          name: 'move',
          element: (
            <Picker
              title={chrome`Move ${naming(targets)} to`}
              load={async () => [...(oneMailbox && mayList(first) ? await foldersOf(mirror, first.mailbox) : roleFolders)]}
              nothing={chrome`There is no folder to move it to.`}
              onPick={({ name, to }) => act(moving('move', chrome`Moved to ${name} for the whole team`, to))}
            />
          ),
        });
      },
    },
    { active, facts: { conversation: factsOf(targets, me, maySend), online, mailbox: target?.mailbox ?? null } },
  );
}

/** The revision that each row had when it was marked. */
function useWhenMarked(marked: readonly Target[]) {
  const known = useRef(new Map<string, number>());
  const ids = marked.map(({ conversation }) => conversation).join(' ');
  const rows = useRef(marked);
  rows.current = marked;
  // Only what is marked or unmarked counts, not what comes in.
  useLayoutEffect(() => {
    const held = new Set(ids.split(' '));
    for (const id of known.current.keys()) if (!held.has(id)) known.current.delete(id);
    for (const { conversation, revision } of rows.current) if (!known.current.has(conversation)) known.current.set(conversation, revision);
  }, [ids]);
  return known;
}

/** One's own marks hold whatever came since. */
const isPersonal = (kind: WorkKind): boolean => kind === 'star' || kind === 'read';

function factsOf(targets: readonly Target[], me: string, maySend: (one: Target) => boolean): Facts['conversation'] {
  const [first] = targets;
  if (first === undefined) return null;
  const isMine = ({ assignee }: Target): boolean => assignee?.kind === 'person' && assignee.name === me;
  return {
    send: targets.every(maySend),
    state: targets.every(({ state }) => state === 'done') ? 'done' : first.state === 'done' ? 'open' : first.state,
    assigned: targets.every(isMine) ? 'me' : targets.every(({ assignee }) => assignee === null) ? 'nobody' : 'other',
    attachments: first.attachments,
  };
}

type Destination = { readonly name: Safe; readonly to: Params<'conversation.move'>['to'] };

/** Holders of Send without Access do not see which folders there are; these every mailbox may have. */
const roleFolders = (
  [
    ['inbox', chrome`Inbox`],
    ['archive', chrome`Archive`],
    ['junk', chrome`Junk`],
    ['trash', chrome`Trash`],
  ] as const
).map(([role, name]) => ({ key: role, label: name, detail: chrome``, value: { name, to: { role } } satisfies Destination }));

async function foldersOf(mirror: Mirror, mailbox: string) {
  const { rows } = await mirror.call('mailbox.folders', { mailbox });
  return (
    rows
      .filter(({ role }) => role !== 'all' && role !== 'drafts' && role !== 'sent')
      // What cannot be opened there takes no mail.
      .filter(({ selectable, error, server }) => selectable && (error === null || server !== null))
      .map(({ path, key, role }) => ({
        key,
        label: path,
        detail: role === null ? chrome`` : safeText(role),
        value: { name: path, to: { folder: key } } satisfies Destination as Destination,
      }))
  );
}

const mark =
  (as: Params<'conversation.mark'>['as']) =>
  (one: Target): Request => ({
    method: 'conversation.mark',
    // One's own marks hold whatever came since; the team's are about what was seen.
    params: { conversation: one.conversation, as, ifRevision: as === 'done' || as === 'open' ? one.revision : null },
  });
/** The way back to a state that shows it or is one's own: nothing that came since is hidden by it. */
const markAgain =
  (as: Exclude<Params<'conversation.mark'>['as'], 'done'>) =>
  (one: Target): Request => ({
    method: 'conversation.mark',
    params: { conversation: one.conversation, as },
  });

const assignTo = (one: Target, to: Target['assignee'], ifRevision: number | null): Request =>
  to === null
    ? { method: 'conversation.release', params: { conversation: one.conversation, ifRevision } }
    : { method: 'conversation.assign', params: { conversation: one.conversation, to: to.name, ifRevision } };
const giveBack = (one: Target): Request => assignTo(one, one.assignee, null);

const works = {
  done: { kind: 'done', who: 'team', words: chrome`Done for the whole team`, ask: mark('done'), back: markAgain('undone') },
  reopen: { kind: 'reopen', who: 'team', words: chrome`Open again for the whole team`, ask: mark('open'), back: mark('done') },
  release: {
    kind: 'release',
    who: 'team',
    words: chrome`Nobody has it now`,
    to: null,
    ask: (one: Target) => assignTo(one, null, one.revision),
    back: giveBack,
  },
  /** `over`: from a colleague who has it. */
  take: (me: string, over = false): Work => ({
    kind: 'take',
    who: 'team',
    words: chrome`Yours now`,
    to: { kind: 'person', name: safeText(me) },
    ask: (one) => ({ method: 'conversation.take', params: { conversation: one.conversation, ifRevision: one.revision, over } }),
    back: giveBack,
  }),
  assign: (to: NonNullable<Target['assignee']>): Work => ({
    kind: 'assign',
    who: 'team',
    words: chrome`${to.name} has it now`,
    to,
    ask: (one) => assignTo(one, to, one.revision),
    back: giveBack,
  }),
  star: (off: boolean): Work => ({
    kind: 'star',
    who: 'me',
    words: off ? chrome`Star taken off` : chrome`Starred`,
    ask: mark(off ? 'unstar' : 'star'),
    back: markAgain(off ? 'star' : 'unstar'),
  }),
  read: (read: boolean): Work => ({
    kind: 'read',
    who: 'me',
    words: read ? chrome`Read` : chrome`Unread`,
    ask: mark(read ? 'read' : 'unread'),
    back: markAgain(read ? 'unread' : 'read'),
  }),
} satisfies Record<string, Work | ((given: never) => Work)>;

function naming(targets: readonly Target[]): Safe {
  const [first] = targets;
  return first !== undefined && targets.length === 1 ? quoted(first.subject) : chrome`${targets.length} conversations`;
}

const quoted = (subject: SafeText): Chrome => (subject === '' ? chrome`(no subject)` : chrome`"${subject}"`);

/** Does it, or with marks asks first. */
function begin(
  shell: Shell,
  mirror: Mirror,
  work: Work,
  targets: readonly Target[],
  around: Around & { marked?: readonly Target[] },
): void {
  if ((around.marked?.length ?? 0) === 0) shell.attempt(() => carryOut(shell, mirror, work, targets, around));
  else {
    shell.ask({
      title: chrome`${work.words}: ${targets.length}`,
      consequence: targets.length === 1 ? naming(targets) : chrome`From ${naming(targets.slice(0, 1))} to ${naming(targets.slice(-1))}.`,
      onAccept: () => carryOut(shell, mirror, work, targets, around),
    });
  }
}

async function carryOut(shell: Shell, mirror: Mirror, work: Work, targets: readonly Target[], around: Around): Promise<void> {
  const { kind, words, who, to, ask, back } = work;
  around.began?.(
    kind,
    targets.map(({ conversation }) => conversation),
    to,
  );
  const failures: { one: Target; error: unknown }[] = [];
  const held: { one: Target; by: Safe; since: string }[] = [];
  const answered = (
    await Promise.all(
      targets.map(async (one) => {
        try {
          const answer = await send(mirror, ask(one));
          around.succeeded?.(kind, one.conversation);
          return { one, answer };
        } catch (error) {
          around.failed?.(kind, one.conversation);
          const holder = holderIn(error);
          if (holder === null) failures.push({ one, error });
          else held.push({ one, ...holder });
          return null;
        }
      }),
    )
  ).filter((one) => one !== null);

  // What it was already somebody else made it: that is theirs to undo.
  const isSo = (answer: Answer): boolean => 'changed' in answer && !answer.changed;
  const changed = answered.filter(({ answer }) => !isSo(answer));
  const already = answered.filter(({ answer }) => isSo(answer)).map(({ one }) => one);
  const undo = async (): Promise<void> => {
    const left: Target[] = [];
    for (const { one, answer } of changed) {
      const revision = shell.sight.revisionOf(one.conversation, answer.revision);
      if (isSo(await send(mirror, back({ ...one, revision }, answer)))) left.push(one);
      around.undone?.(kind, one.conversation);
    }
    if (left.length > 0) shell.toast({ tone: 'warning', text: chrome`Not undone: ${naming(left)} changed since` });
  };
  const done = changed.map(({ one }) => one);
  const redo = (): Promise<void> => carryOut(shell, mirror, work, done, around);
  const isPart = done.length > 0 && done.length < targets.length;
  // Beside what was not changed and why, in one line: a second toast would hide the way back.
  const but = failures.length > 0 ? chrome`. Not ${naming(failures.map(({ one }) => one))}: ${whyNot(failures[0]?.error)}` : chrome``;
  const before = already.length > 0 ? chrome`. It was so already: ${naming(already)}` : chrome``;
  if (done.length > 0)
    shell.toast({
      who,
      tone: failures.length > 0 ? 'warning' : 'plain',
      text: chrome`${words}: ${isPart ? chrome`${done.length} of ${targets.length}` : naming(done)}${but}${before}`,
      undo,
      redo,
    });
  else if (already.length > 0) shell.toast({ who, text: chrome`It was so already: ${naming(already)}` });
  const [first] = held;
  if (first !== undefined) {
    const targets = held.map(({ one }) => one);
    const since = fullMoment(Date.parse(first.since));
    shell.ask({
      title: held.length === 1 ? chrome`${first.by} has it since ${since}` : chrome`${held.length} belong to colleagues`,
      consequence: chrome`${naming(targets)}. Taking over tells them.`,
      accept: chrome`take it over`,
      onAccept: () => carryOut(shell, mirror, works.take(mine(to), true), targets, around),
    });
  }
  const [failure] = failures;
  if (failure === undefined || done.length > 0) return;
  const several = failures.length > 1 ? chrome`${failures.length} were not changed. ` : chrome``;
  const moved = isConflict(failure.error);
  shell.toast({
    tone: moved ? 'warning' : 'danger',
    text: chrome`${several}${moved ? chrome`Nothing changed: ${whyNot(failure.error)}. Look at it, then repeat.` : whyNot(failure.error)}`,
    forMs: 8_000,
  });
}

const isConflict = (error: unknown): error is PostroomError => error instanceof PostroomError && error.code === 'conflict';

/** Why a conversation was not changed. */
const whyNot = (error: unknown): Safe =>
  isConflict(error) ? chrome`${newsIn(error)} came meanwhile` : safeText(error instanceof Error ? error.message : String(error));

/** The colleague whom a conflict names as the one who has it. */
function holderIn(error: unknown): { by: Safe; since: string } | null {
  if (!(error instanceof PostroomError) || error.code !== 'conflict') return null;
  const held = error.details.held as { by?: { name?: unknown }; since?: unknown } | undefined;
  return held === undefined ? null : { by: safeText(String(held.by?.name ?? '')), since: String(held.since ?? '') };
}

/** Whoever takes: the only ones that are refused because somebody has it. */
const mine = (to: Target['assignee'] | undefined): string => to?.name ?? '';

function send(mirror: Mirror, { method, params }: Request): Promise<Answer> {
  return mirror.work<Verb>(method, params);
}
