/** Writing a mail: fields, text, and the review that comes before every send. What happens is compose-state.ts. */

import { randomUUID } from 'node:crypto';
import { Box } from 'ink';
import { type ReactElement, useEffect, useReducer, useRef, useState } from 'react';
import { PostroomError } from '../../protocol/errors.ts';
import type { Result } from '../../protocol/methods.ts';
import { ownText } from '../../protocol/quotes.ts';
import { type SafeText, safeText } from '../../protocol/text.ts';
import { ageWords } from '../ages.ts';
import { Lines, Row, T } from '../components/text.tsx';
import type { Draft, DraftKind } from '../drafts.ts';
import { attachable, attachedOctets, FileProblem } from '../files.ts';
import type { Picture, Shown, View } from '../mirror.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, join, type Safe } from '../text.ts';
import { fullMoment, moment, octets } from '../units.ts';
import { useView } from '../use-mirror.ts';
import { useKept, useRightToSend } from './compose-beside.ts';
import { type BodyScroll, ReviewBody } from './compose-body.tsx';
import { BodyField, Head, headRows, heightOf } from './compose-fields.tsx';
import {
  type AddressField,
  checkRequest,
  composed,
  composing,
  forgotFiles,
  type LineField,
  momentOf,
  participantsOf,
  sendRequest,
  sizeRequest,
  takenBack,
} from './compose-state.ts';
import { type AppContext, useApp } from './contract.ts';
import { Reader } from './conversation.tsx';
import { Picker } from './pickers.tsx';

type Opening = Pick<AppContext, 'mirror' | 'shell' | 'drafts'>;
type FromRow = Result<'compose.from'>['rows'][number];

const layerName = 'compose';
/** The mail that is answered stands beside the draft from here on. */
const besideFrom = 150;

// --- ways in -----------------------------------------------------------------------------------------------------------

const blank = {
  ...{ to: '', cc: '', bcc: '', subject: '' },
  ...{ files: [], forwarded: [], instead: null, participants: [], attempt: 0, savedAt: 0 },
} as const;

const withSignature = (signature: SafeText | null): string => (signature === null ? '' : `\n\n-- \n${signature.trimEnd()}\n`);

/** A new mail, from the mailbox in view; over all mailboxes it asks from which. */
export function openCompose({ mirror, shell }: Opening, { mailbox = null }: { mailbox?: string | null } = {}): Promise<void> {
  return shell.opening(async () => {
    const { rows } = await mirror.call('compose.from', {});
    const offered = mailbox === null ? rows : rows.filter((row) => row.mailbox === mailbox);
    const begin = ({ mailbox: of, address, signature }: FromRow): void =>
      show(shell, {
        ...blank,
        id: randomUUID(),
        kind: 'new',
        from: address,
        mailbox: of,
        body: withSignature(signature),
        conversation: null,
        message: null,
        revision: null,
      });
    const [first] = offered;
    if (first === undefined) return shell.flash(chrome`you hold Send on no mailbox here`);
    if (new Set(offered.map((row) => row.mailbox)).size === 1) return begin(first);
    shell.openModal({ name: 'from', element: <FromPicker rows={offered} onPick={begin} /> });
  });
}

type Answering = {
  readonly conversation: string;
  readonly kind: Exclude<DraftKind, 'new'>;
  /** The mail that is answered; null: the last one from outside. */
  readonly message?: string | null;
  readonly onSent?: ((done: boolean) => void) | undefined;
  /** The revision of what the key was pressed on; null: nothing of it was on the screen but its name. */
  readonly seen: number | null;
};

export function openReply({ mirror, shell }: Opening, { conversation, kind, message = null, onSent, seen }: Answering): Promise<void> {
  return shell.opening(async () => {
    // Before anything that comes while it is asked for.
    const painted = seen === null ? null : shell.sight.revisionOf(conversation, seen);
    const [begun, shown] = await Promise.all([
      mirror.call('compose.reply', { conversation, kind, message }),
      mirror.conversation(conversation).picture.data ?? mirror.call('conversation.show', { conversation }),
    ]);
    const draft: Draft = {
      ...blank,
      id: randomUUID(),
      kind,
      from: begun.from,
      mailbox: begun.mailbox,
      to: begun.to.join(', '),
      cc: begun.cc.join(', '),
      subject: begun.subject,
      body: `${withSignature(begun.signature) || '\n'}\n${begun.quote}\n`,
      forwarded: begun.attachments,
      conversation,
      message: begun.message,
      revision: Math.min(begun.revision, painted ?? begun.revision),
      participants: participantsOf(shown),
    };
    show(shell, draft, { onSent });
    if (begun.offered !== null)
      shell.toast({
        tone: 'warning',
        text:
          begun.offered === 'name'
            ? chrome`To is an address from the sender’s name. Check it before you send.`
            : chrome`The mail claims to be from us. To is the first address in its text. Check it before you send.`,
      });
  });
}

/** A mail that did not leave, or did not reach everybody, as the draft of one that takes its place. */
export function openAgain({ mirror, shell }: Pick<Opening, 'mirror' | 'shell'>, outbox: string): Promise<void> {
  return shell.opening(async () => {
    const begun = await mirror.call('compose.again', { outbox });
    const { conversation, revision } = begun;
    const shown =
      conversation === null
        ? null
        : (mirror.conversation(conversation).picture.data ?? (await mirror.call('conversation.show', { conversation })));
    show(shell, {
      ...blank,
      id: randomUUID(),
      kind: conversation === null ? 'new' : 'reply',
      from: begun.from,
      mailbox: begun.mailbox,
      to: begun.to.join(', '),
      cc: begun.cc.join(', '),
      bcc: begun.bcc.join(', '),
      subject: begun.subject,
      body: begun.body,
      instead: { outbox, files: begun.attachments.map(({ index, filename, size }) => ({ index, name: filename, size })) },
      conversation,
      message: null,
      revision,
      participants: shown === null ? [] : participantsOf(shown),
    });
  });
}

/** Drafts of this person that were kept. */
export function openDrafts({ drafts, shell }: Pick<Opening, 'drafts' | 'shell'>): Promise<void> {
  return shell.opening(async () => {
    const kept = await drafts.list();
    if (kept.length === 0) return shell.flash(chrome`you keep no drafts`);
    const now = Date.now();
    shell.openModal({
      name: 'drafts',
      element: (
        <Picker
          title={chrome`Drafts`}
          load={async () =>
            kept.map((draft) => ({
              key: draft.id,
              label: safeText(draft.subject === '' ? '(no subject)' : draft.subject),
              detail: chrome`${safeText(draft.to)}  ${moment(new Date(draft.savedAt).toISOString(), now)}`,
              value: draft,
            }))
          }
          nothing={chrome`You keep no drafts.`}
          onPick={(draft) => show(shell, draft, { kept: true })}
        />
      ),
    });
  });
}

type Around = { readonly onSent?: ((done: boolean) => void) | undefined; readonly kept?: boolean };

function show(shell: Opening['shell'], draft: Draft, around: Around = {}): void {
  shell.open({ name: layerName, element: <Compose begun={draft} {...around} /> });
}

function FromPicker({ rows, onPick }: { rows: readonly FromRow[]; onPick: (row: FromRow) => void }): ReactElement {
  return (
    <Picker
      title={chrome`From which address`}
      load={async () => rows.map((row) => ({ key: row.address, label: row.address, detail: row.name ?? chrome``, value: row }))}
      nothing={chrome`You hold Send on no mailbox.`}
      onPick={onPick}
    />
  );
}

// --- the screen --------------------------------------------------------------------------------------------------------

/** For a mail that belongs to no conversation. */
const noConversation: View<Shown> = { picture: { data: null, error: null, at: null } satisfies Picture<Shown>, subscribe: () => () => {} };

export function Compose({ begun, kept = false, onSent }: { begun: Draft } & Around): ReactElement {
  const app = useApp();
  const { mirror, drafts, running } = app;
  const shell = useShell();
  const { columns, rows } = useViewport();
  const [state, step] = useReducer(composed, composing(begun, !kept));
  const { draft, phase, news, lost, uncertain } = state;
  const saved = useKept(draft, begun);
  const shown = useView(draft.conversation === null ? noConversation : mirror.conversation(draft.conversation)).data;
  useRightToSend(draft, (why) => step({ do: 'rights', lost: why }));
  const [scroll, setScroll] = useState<BodyScroll>({ top: 0, quotes: false });
  const sending = useRef(false);

  const look = (): void => {
    // Who looks has seen it: the next send is against what they saw.
    if (shown !== null && draft.revision !== null && shown.revision > draft.revision)
      step({
        do: 'moved',
        news: { revision: shown.revision, words: news?.words ?? chrome`Something new came to this conversation.`, read: true },
      });
    else if (news !== null) step({ do: 'moved', news: { ...news, read: true } });
    step({ do: 'look' });
  };
  const editor = async (): Promise<void> => {
    const edited = await running.edit(draft.body);
    if (edited.kind === 'edited') step({ do: 'written', body: edited.text });
    else if (edited.kind === 'failed') shell.toast({ tone: 'danger', text: edited.reason });
    else if (edited.kind === 'no-editor') return shell.flash(chrome`set $EDITOR or $VISUAL to write in a program of yours`);
    step({ do: 'review' });
  };
  const changeFrom = async (): Promise<void> => {
    const offered = (await mirror.call('compose.from', {})).rows;
    // A mail of a conversation leaves from its mailbox, and one that takes the place of another from that one's.
    const choices =
      draft.conversation === null && draft.instead === null ? offered : offered.filter((row) => row.mailbox === draft.mailbox);
    const onPick = ({ address, mailbox }: FromRow): void => step({ do: 'from', address, mailbox });
    shell.openModal({ name: 'from', element: <FromPicker rows={choices} onPick={onPick} /> });
  };
  const detach = (): void => {
    const own = draft.files.map(({ path, name }) => ({ key: path, name, away: { do: 'detached', path } as const }));
    const kept = (draft.instead?.files ?? []).map(({ index, name }) => ({
      key: `${index}`,
      name,
      away: { do: 'dropped', index } as const,
    }));
    const [only, another] = [...kept, ...own];
    if (only === undefined) shell.flash(chrome`nothing is attached`);
    else if (another === undefined) step(only.away);
    else {
      const load = async () =>
        [...kept, ...own].map(({ key, name, away }) => ({ key, label: safeText(name), detail: chrome``, value: away }));
      shell.openModal({ name: 'detach', element: <Picker title={chrome`Detach`} load={load} nothing={chrome``} onPick={step} /> });
    }
  };
  const keep = async (): Promise<void> => {
    if (draft === begun && !kept) await drafts.remove(draft);
    else {
      await drafts.save({ ...draft, savedAt: Date.now() });
      shell.toast({ who: 'me', text: chrome`Kept as a draft — g d` });
    }
    shell.close();
  };
  const discard = (): void =>
    shell.ask({
      title: chrome`Discard this draft?`,
      consequence: chrome`What you wrote is gone for good. q keeps it instead.`,
      onAccept: async () => {
        await drafts.remove(draft);
        shell.close();
      },
    });

  const send = async (done: boolean, at: number | null): Promise<void> => {
    if (sending.current) return;
    if (lost !== null) return shell.flash(lost);
    if (mirror.connection.state.state !== 'online')
      return shell.flash(chrome`the daemon is away; the draft is kept, send it when it is back`);
    if (`${draft.to}${draft.cc}${draft.bcc}`.trim() === '')
      return step({ do: 'refused', where: 'to', words: chrome`nobody to send it to yet` });
    sending.current = true;
    step({ do: 'sending' });
    try {
      const contents = await Promise.all(draft.files.map(attachedOctets));
      // As they are now: a file may have grown since it was attached.
      const files = draft.files.map((file, index) => ({ ...file, size: contents[index]?.byteLength ?? 0 }));
      const asked = sendRequest({ ...draft, files }, { done, at: at === null ? null : new Date(at).toISOString() });
      const queued = await mirror.call('outbox.send', asked, { timeoutMs: 120_000, upload: contents });
      await drafts.remove(draft);
      leave(shell);
      mirror.refresh();
      shell.toast({
        who: 'team',
        text: at === null ? chrome`It leaves in 10 s${done ? chrome`, and is done` : chrome``}` : chrome`It leaves ${fullMoment(at)}`,
        undo: () => takeBack(app, draft, queued.outbox, onSent),
      });
      onSent?.(done);
    } catch (error) {
      await notSent(error);
    } finally {
      sending.current = false;
    }
  };

  const notSent = async (error: unknown): Promise<void> => {
    if (error instanceof FileProblem) return step({ do: 'refused', where: 'attach', words: error.words });
    if (!(error instanceof PostroomError)) throw error;
    const words = safeText(error.message);
    switch (error.code) {
      case 'conflict': {
        const { revision, state } = error.details;
        // The mail whose place this one was to take left meanwhile: sent all the same, they would get both.
        if (typeof state === 'string') return step({ do: 'refused', where: 'body', words });
        const seen = { revision: typeof revision === 'number' ? revision : 0, read: false };
        return step({ do: 'moved', news: { ...seen, words: collisionWords(error.details, shell.now) } });
      }
      case 'invalid':
        if (isTooLarge(error)) return step({ do: 'refused', where: 'attach', words });
        return step({ do: 'refused', ...(await blamed(words)) });
      case 'forbidden':
      case 'not-found':
      case 'unauthenticated':
        step({ do: 'rights', lost: words });
        return step({ do: 'review' });
      default:
        return step({ do: 'unanswered' });
    }
  };
  /** Which field the daemon does not like. */
  const blamed = async (words: Safe): Promise<{ where: LineField | 'body'; words: Safe }> => {
    for (const field of ['to', 'cc', 'bcc'] as const) {
      const why = await checked(field, draft[field]);
      if (why !== null) return { where: field, words: why };
    }
    return { where: 'body', words };
  };
  const checked = async (field: AddressField, text: string): Promise<Safe | null> => {
    if (text.trim() === '') return null;
    try {
      await mirror.call('outbox.send', checkRequest(draft, field, text), { upload: [] });
      return null;
    } catch (error) {
      // Only what is said about the addresses: a daemon that is away is no reason to stay in a field.
      return error instanceof PostroomError && error.code === 'invalid' ? safeText(error.message) : null;
    }
  };

  /** What else is wrong with it is for later, and a daemon that is away says it when the mail is sent. */
  const tooLarge = async (tried: Draft): Promise<Safe | null> => {
    try {
      await mirror.call('outbox.send', sizeRequest(tried), { timeoutMs: 60_000, upload: [] });
      return null;
    } catch (error) {
      if (!(error instanceof PostroomError)) throw error;
      return isTooLarge(error) ? safeText(error.message) : null;
    }
  };
  const forwards = begun.forwarded.length > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is forwarded is asked about once, before anything is written
  useEffect(() => {
    if (forwards)
      shell.attempt(async () => {
        const words = await tooLarge(begun);
        if (words !== null) step({ do: 'remarked', where: 'attach', words });
      });
  }, []);

  const accept = async (field: LineField, text: string): Promise<void> => {
    switch (field) {
      case 'to':
      case 'cc':
      case 'bcc': {
        step({ do: 'typed', field, text: text.trim() });
        step({ do: 'checking' });
        const why = await checked(field, text);
        return step(why === null ? { do: 'accepted', where: field } : { do: 'refused', where: field, words: why });
      }
      case 'subject':
        step({ do: 'typed', field, text: text.trim() });
        return step({ do: 'accepted', where: field });
      case 'attach':
        try {
          const file = await attachable(text, draft.files);
          step({ do: 'checking' });
          const words = await tooLarge({ ...draft, files: [...draft.files, file] });
          if (words !== null) return step({ do: 'refused', where: field, words });
          step({ do: 'attached', file });
          return step({ do: 'accepted', where: field });
        } catch (error) {
          if (!(error instanceof FileProblem)) throw error;
          return step({ do: 'refused', where: field, words: error.words });
        }
      case 'later': {
        const at = momentOf(text, Date.now());
        if (at === null)
          return step({ do: 'refused', where: field, words: chrome`write 14:30, tomorrow 9:00, mon 9:00, in 2 h, or 2026-03-04 09:30` });
        step({ do: 'accepted', where: field });
        return send(false, at);
      }
      default:
        return field satisfies never;
    }
  };
  const locked = (run: () => void | Promise<void>) => (): void | Promise<void> =>
    uncertain ? shell.flash(chrome`ask again with y first: the daemon may have it already`) : run();
  const field = (name: LineField): (() => void | Promise<void>) => locked(() => step({ do: 'field', field: name }));

  useCommands(
    {
      // The key that was refused does not send the second time: it may be pressed again before anything was read.
      'review.send': () =>
        news !== null && !news.read ? shell.flash(chrome`press Y to send yours too, Tab to read what came`) : send(false, null),
      'review.send-done': () =>
        draft.conversation === null ? shell.flash(chrome`a new mail has nothing to be done with`) : send(news === null || news.read, null),
      'review.later': field('later'),
      'review.editor': locked(editor),
      'review.inline': locked(() => step({ do: 'body' })),
      'review.attach': field('attach'),
      'review.detach': locked(detach),
      'review.to': field('to'),
      'review.cc': field('cc'),
      'review.bcc': field('bcc'),
      'review.subject': field('subject'),
      'review.from': locked(changeFrom),
      ...(draft.conversation === null ? {} : { 'review.look': look }),
      'message.quotes': () => setScroll((before) => ({ ...before, quotes: !before.quotes })),
      'review.keep': keep,
      'view.back': keep,
      'layer.close': keep,
      'review.discard': discard,
    },
    { active: phase.at === 'review' },
  );
  const backToDraft = (): void => step({ do: 'review' });
  useCommands({ 'review.look': backToDraft, 'view.back': backToDraft, 'layer.close': backToDraft }, { active: phase.at === 'look' });
  const nothing = (): void => shell.flash(chrome`it is being queued`);
  useCommands({ 'view.back': nothing, 'layer.close': nothing }, { active: phase.at === 'sending' });

  const beside = columns >= besideFrom && draft.conversation !== null;
  const width = beside ? Math.floor(columns * 0.55) : columns;
  const looking = phase.at === 'look' && !beside;
  const editing = phase.at === 'field' ? { field: phase.field, checking: phase.checking } : null;
  const head = headRows({ draft, errors: state.errors, lost }, editing, width);
  // The rule above the text and the words below it.
  const bodyHeight = Math.max(1, rows - heightOf(head) - 2);
  const moved = news === null && shown !== null && draft.revision !== null && shown.revision > draft.revision;

  const foot =
    news !== null && !news.read
      ? { words: chrome`Tab read it · Y send mine too · q keep draft`, wrong: true }
      : news !== null || moved
        ? { words: chrome`Tab read it · y send · q keep draft`, wrong: true }
        : footWords(draft, state.errors.body);
  const notice = noticeOf({ lost, uncertain, moved: news?.words ?? (moved ? chrome`Something new came to this conversation.` : null) });
  return (
    <Screen
      title={titleOf(draft, shown)}
      right={chrome`${savedWords(saved, phase.at)} `}
      filter={
        notice ??
        (draft.instead === null
          ? chrome`nothing leaves before you press y`
          : chrome`y sends it in place of the old mail, to those whom that did not reach`)
      }
    >
      <Box height={rows}>
        {!looking && (
          <Box flexDirection="column" width={width} height={rows} overflow="hidden">
            <Head
              rows={head}
              columns={width}
              checking={editing?.checking ?? false}
              onAccept={(name, text) => shell.attempt(() => accept(name, text))}
              onLeave={() => step({ do: 'review' })}
            />
            <Row>
              <T tone="muted">{join(Array<Chrome>(width).fill(chrome`─`))}</T>
            </Row>
            {phase.at === 'body' ? (
              <BodyField
                text={draft.body}
                columns={width}
                rows={bodyHeight}
                onText={(body) => step({ do: 'written', body })}
                onLeave={() => step({ do: 'review' })}
                onEditor={editor}
              />
            ) : (
              <ReviewBody
                text={draft.body}
                columns={width}
                rows={bodyHeight}
                scroll={scroll}
                onScroll={setScroll}
                active={phase.at === 'review'}
              />
            )}
            <Row>
              <T tone={foot.wrong ? 'warning' : 'muted'}>{cutToWidth(chrome` ${foot.words}`, width - 1)}</T>
            </Row>
          </Box>
        )}
        {beside && <Lines tone="muted" lines={Array<Safe>(rows).fill(chrome`│`)} />}
        {(beside || looking) && draft.conversation !== null && (
          <Reader
            id={draft.conversation}
            columns={beside ? columns - width - 1 : columns}
            rows={rows}
            focused={phase.at === 'look'}
            acts={false}
          />
        )}
      </Box>
    </Screen>
  );
}

/** Closes the mail, and whatever was opened over it while it was being queued. */
function leave(shell: Opening['shell']): void {
  while (shell.state.layers.some(({ name }) => name === layerName) && shell.state.layers.at(-1)?.name !== layerName) shell.close();
  shell.close();
}

/** Takes a queued mail back, and its words with it: the draft is on the screen again. */
async function takeBack(app: AppContext, draft: Draft, outbox: string | null, onSent: Around['onSent']): Promise<void> {
  if (outbox === null) return;
  await app.mirror.call('outbox.cancel', { outbox });
  const again = takenBack(draft, outbox, Date.now());
  await app.drafts.save(again);
  const { conversation } = draft;
  if (conversation === null) return show(app.shell, again, { kept: true });
  // Our own mail came and went: that is no news to its author.
  const { revision } = await app.mirror.call('conversation.show', { conversation });
  show(app.shell, { ...again, revision }, { kept: true, onSent });
}

// --- words ---------------------------------------------------------------------------------------------------------------

const kindWords: Readonly<Record<DraftKind, Chrome>> = {
  new: chrome`NEW MAIL`,
  reply: chrome`REPLY to`,
  'reply-all': chrome`REPLY ALL to`,
  forward: chrome`FORWARD of`,
};

function titleOf({ kind, subject, instead }: Draft, shown: Shown | null): Chrome {
  if (instead !== null) return chrome`EDIT of ${safeText(subject === '' ? '(no subject)' : subject)}`;
  if (kind === 'new') return kindWords.new;
  return chrome`${kindWords[kind]} ${shown?.subject ?? safeText(subject)}`;
}

function savedWords(savedAt: number | null, at: string): Chrome {
  if (at === 'sending') return chrome`queueing…`;
  return savedAt === null ? chrome`` : chrome`draft kept ✓`;
}

/** The mail does not fit its server: details hold both figures. */
const isTooLarge = ({ details }: PostroomError): boolean => details.limitOctets !== undefined;

/** Who was faster, and that nothing was sent: `ben answered 12 s ago. Yours is not sent.` */
function collisionWords({ latest }: Record<string, unknown>, now: number): Safe {
  const { kind, who, at } = (typeof latest === 'object' && latest !== null ? latest : {}) as Record<string, unknown>;
  const name = typeof who === 'string' && who !== '' ? safeText(who) : chrome`Somebody`;
  const since =
    typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? chrome` ${ageWords(Math.max(0, now - Date.parse(at)))} ago` : chrome``;
  const did = kind === 'note' ? chrome`noted something` : kind === 'mail-out' ? chrome`answered` : chrome`wrote`;
  return chrome`${name} ${did}${since}. Yours is not sent.`;
}

function noticeOf({ lost, uncertain, moved }: { lost: Safe | null; uncertain: boolean; moved: Safe | null }): ReactElement | null {
  // Why, and whom to ask, stands below From, where there is room for it.
  if (lost !== null) return <T tone="danger">{chrome`You may not send from there any more: what you wrote is kept (g d)`}</T>;
  if (uncertain) return <T tone="danger">{chrome`No answer: it may be queued or not. y asks again; it is sent once at most.`}</T>;
  if (moved !== null) return <T tone="warning">{chrome`! ${moved}`}</T>;
  return null;
}

function footWords(draft: Draft, error: Safe | undefined): { words: Safe; wrong: boolean } {
  if (error !== undefined) return { words: chrome`! ${error}`, wrong: true };
  if (forgotFiles(draft)) return { words: chrome`! the text speaks of a file, and none is attached`, wrong: true };
  if (draft.kind !== 'forward' && ownText(draft.body).trim() === '') return { words: chrome`! nothing is written yet`, wrong: true };
  return { words: chrome`text ${octets(Buffer.byteLength(draft.body))} · leaves 10 s after y; until then z takes it back`, wrong: false };
}
