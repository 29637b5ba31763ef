/** Staged edits on their way: what they would do, asked of the daemon, and the write, one change for each mailbox. */
import { PostroomError } from '../../protocol/errors.ts';
import type { GrantPreview, Matrix } from '../../protocol/schema.ts';
import { type SafeText, safeBlock, safeText } from '../../protocol/text.ts';
import { type Chrome, chrome, join, type Safe } from '../text.ts';
import type { AppContext } from './contract.ts';
import { editsOf, type GrantsState, newsOf, rowsOf, stagedMailboxes } from './grants-state.ts';
import { differenceWords, editWords, holdersWords, newsWords } from './grants-words.ts';

const newline = safeBlock('\n');

async function tryOut({ mirror }: AppContext, state: GrantsState, mailbox: SafeText): Promise<GrantPreview> {
  return mirror.call('grant.preview', { mailbox, edits: editsOf(state, mailbox), ifRevision: state.bases.get(mailbox)?.revision ?? null });
}

const editLines = (state: GrantsState, mailbox: SafeText, now: number): Chrome[] => {
  const base = state.bases.get(mailbox);
  return rowsOf(state, mailbox)
    .filter(({ staged }) => staged)
    .map((row) =>
      editWords(
        row,
        base?.rows.find(({ grant }) => grant !== null && grant === row.grant),
        now,
      ),
    );
};

export async function differenceText(app: AppContext, state: GrantsState, mailbox: SafeText, now: number): Promise<readonly Safe[]> {
  const preview = await tryOut(app, state, mailbox);
  const differences = differenceWords(preview.differences, now);
  return [
    chrome`${preview.mailbox}`,
    ...editLines(state, mailbox, now).map((line) => chrome`  * ${line}`),
    ...(differences.length === 0 ? [chrome`  nobody gains or loses anything`] : differences.map((line) => chrome`  ${line}`)),
    chrome`  U holders after write: ${holdersWords(preview.holders)}`,
    ...(preview.refused === null ? [] : [chrome`  ✗ ${preview.refused.message}`]),
    chrome``,
  ];
}

type Writing = {
  readonly asked: () => void;
  readonly written: (matrix: Matrix) => void;
  readonly conflicted: (matrix: Matrix, words: Chrome) => void;
};

const mostLines = 9;

/** Shows what the write does, and writes when that is wanted: one change for each mailbox. A conflict keeps what is staged. */
export async function askToWrite(app: AppContext, state: GrantsState, now: number, writing: Writing): Promise<void> {
  const { shell, mirror } = app;
  const mailboxes = stagedMailboxes(state);
  if (mailboxes.length === 0) return shell.flash(chrome`what is staged changes nothing`);
  const previews = await Promise.all(mailboxes.map((mailbox) => tryOut(app, state, mailbox)));
  for (const preview of previews) {
    const { refused } = preview;
    if (refused === null) continue;
    if (refused.code !== 'conflict') return shell.toast({ tone: 'danger', text: refused.message, forMs: 15_000 });
    return takeIn(app, state, preview.mailbox, writing);
  }
  const lines = previews.flatMap((preview) => {
    const who = differenceWords(preview.differences, now);
    return [
      ...(previews.length > 1 ? [chrome`${preview.mailbox}:`] : []),
      ...(who.length === 0 ? [chrome`nobody gains or loses anything`] : who),
      chrome`U holders: ${holdersWords(preview.holders)}`,
    ];
  });
  const more = lines.length > mostLines ? [chrome`and ${lines.length - mostLines} more: D shows all`] : [];
  shell.ask({
    title: chrome`Write the grants of ${previews.length === 1 ? (previews[0]?.mailbox ?? chrome``) : chrome`${previews.length} mailboxes`}?`,
    consequence: join([...lines.slice(0, mostLines), ...more], newline),
    onAccept: async () => {
      writing.asked();
      for (const mailbox of mailboxes) {
        try {
          const edits = editsOf(state, mailbox);
          writing.written(await mirror.call('grant.write', { mailbox, edits, ifRevision: state.bases.get(mailbox)?.revision ?? null }));
          shell.toast({ who: 'team', text: chrome`Written: the grants of ${safeText(mailbox)}` });
        } catch (error) {
          if (!(error instanceof PostroomError) || error.code !== 'conflict') throw error;
          await takeIn(app, state, mailbox, writing);
        }
      }
    },
  });
}

async function takeIn({ mirror, shell }: AppContext, state: GrantsState, mailbox: SafeText, { conflicted }: Writing): Promise<void> {
  const matrix = await mirror.call('grant.matrix', { mailbox });
  const before = state.bases.get(mailbox);
  const words = before === undefined ? chrome`` : newsWords(newsOf(before, matrix));
  conflicted(matrix, words === '' ? chrome`settings of the mailbox` : words);
  shell.toast({ tone: 'warning', text: chrome`Nothing written: ${safeText(mailbox)} was changed meanwhile`, forMs: 8_000 });
}
