/** What a person can do about a mail on its way out: asked in a box, because each answer has its own consequence. */
import type { Message } from '../../protocol/schema.ts';
import { type Chrome, chrome } from '../text.ts';
import { openAgain } from './compose.tsx';
import type { AppContext } from './contract.ts';
import { Picker } from './pickers.tsx';

type OnItsWay = NonNullable<Message['outbox']>;
export type OutboxMove = { readonly label: Chrome; readonly detail: Chrome } & (
  | { readonly kind: 'now' | 'retry' | 'arrived' | 'cancel' | 'give-up'; readonly said: Chrome }
  /** Opens a draft: nothing happened yet. */
  | { readonly kind: 'edit' }
);
type Decided = Exclude<OutboxMove, { kind: 'edit' }>;

const retry = { kind: 'retry', label: chrome`Send again`, said: chrome`It is sent again` } as const;
const now = { kind: 'now', label: chrome`Send it now`, said: chrome`It leaves now` } as const;
const arrived = { kind: 'arrived', label: chrome`It arrived`, said: chrome`It counts as arrived` } as const;
const cancel = { kind: 'cancel', label: chrome`Take it back`, said: chrome`Taken back: it does not leave` } as const;
const giveUp = { kind: 'give-up', label: chrome`Give it up`, said: chrome`Given up: it is not sent again` } as const;
const edit = { kind: 'edit', label: chrome`Edit it`, detail: chrome`addresses or text, as a new mail in its place` } as const;

/** What makes sense in a state. */
export function outboxMoves({ state, heldFor }: Pick<OnItsWay, 'state' | 'heldFor'>): readonly OutboxMove[] {
  switch (state) {
    case 'waiting-approval':
      return [edit, { ...cancel, detail: chrome`before it leaves` }];
    case 'queued':
      return [
        { ...now, label: chrome`Try it now`, detail: chrome`not at its next attempt` },
        edit,
        { ...cancel, detail: chrome`before it leaves` },
      ];
    case 'held':
      return [
        heldFor === 'right'
          ? { ...retry, detail: chrome`whoever wrote it holds the right again` }
          : { ...now, detail: chrome`not at its time` },
        edit,
        { ...cancel, detail: chrome`it does not leave` },
      ];
    case 'failed':
    case 'bounced':
      return [
        edit,
        { ...retry, detail: chrome`as it is, only to those who did not get it` },
        { ...giveUp, detail: chrome`they do not get it` },
      ];
    case 'unknown':
      return [
        { ...arrived, detail: chrome`you know that it is there` },
        { ...retry, detail: chrome`you know that it is not there` },
        { ...giveUp, detail: chrome`whether they got it stays unknown` },
      ];
    case 'sending':
    case 'accepted':
    case 'cancelled':
      return [];
    default:
      return state satisfies never;
  }
}

type Doing = Pick<AppContext, 'mirror' | 'shell'>;
type Moved = Pick<OnItsWay, 'id' | 'state' | 'heldFor'>;

/** Does it; what cannot be undone is asked about first. */
export function doOutboxMove(app: Doing, outbox: Moved, move: OutboxMove): void {
  const { mirror, shell } = app;
  if (move.kind === 'edit') {
    shell.attempt(() => openAgain(app, outbox.id));
    return;
  }
  const act = async (): Promise<void> => {
    await decide(mirror, outbox.id, move.kind);
    mirror.refresh();
    shell.toast({ who: 'team', text: move.said });
  };
  const consequence = consequenceOf(outbox, move.kind);
  if (consequence === null) shell.attempt(act);
  else shell.ask({ title: chrome`${move.label}?`, consequence, onAccept: act });
}

function decide(mirror: Doing['mirror'], outbox: string, kind: Decided['kind']): Promise<unknown> {
  switch (kind) {
    case 'now':
    case 'retry':
      return mirror.call('outbox.retry', { outbox });
    case 'arrived':
      return mirror.call('outbox.settle', { outbox, as: 'arrived' });
    case 'give-up':
      return mirror.call('outbox.settle', { outbox, as: 'discard' });
    case 'cancel':
      return mirror.call('outbox.cancel', { outbox });
    default:
      return kind satisfies never;
  }
}

function consequenceOf({ state }: Moved, kind: Decided['kind']): Chrome | null {
  if (kind === 'cancel') return chrome`It does not leave, and its text is gone for the whole team.`;
  if (kind === 'retry' && state === 'unknown') return chrome`If it did arrive, they get it twice.`;
  if (kind !== 'give-up') return null;
  return state === 'unknown'
    ? chrome`It is not sent again; whether they got it stays unknown.`
    : chrome`Those whom it did not reach do not get it, and nobody is reminded of it any more.`;
}

export function openOutboxChoices(app: Doing, outbox: Moved | null): void {
  const { shell } = app;
  const moves = outbox === null ? [] : outboxMoves(outbox);
  if (outbox === null || moves.length === 0) {
    shell.flash(chrome`nothing can be done about it now`);
    return;
  }
  shell.openModal({
    name: 'outbox',
    element: (
      <Picker
        title={chrome`This mail on its way out`}
        load={async () => moves.map((one) => ({ key: one.kind, label: one.label, detail: one.detail, value: one }))}
        nothing={chrome``}
        onPick={(move) => doOutboxMove(app, outbox, move)}
      />
    ),
  });
}
