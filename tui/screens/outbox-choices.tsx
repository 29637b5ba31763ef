/** What a person can do about a mail on its way out: asked in a box, because each answer has its own consequence. */
import type { Message } from '../../protocol/schema.ts';
import { type Chrome, chrome } from '../text.ts';
import type { AppContext } from './contract.ts';
import { Picker } from './pickers.tsx';

type OnItsWay = NonNullable<Message['outbox']>;
type Move = 'outbox.retry' | 'outbox.settle' | 'outbox.cancel';
export type OutboxMove = { readonly method: Move; readonly label: Chrome; readonly said: Chrome; readonly detail: Chrome };

const retry = { method: 'outbox.retry', label: chrome`Send again`, said: chrome`It is sent again` } as const;
const settle = { method: 'outbox.settle', label: chrome`It arrived`, said: chrome`It counts as arrived` } as const;
const cancel = { method: 'outbox.cancel', label: chrome`Take it back`, said: chrome`Taken back: it does not leave` } as const;

/** What makes sense in a state. */
export function outboxMoves({ state, heldFor }: Pick<OnItsWay, 'state' | 'heldFor'>): readonly OutboxMove[] {
  const now = { ...retry, label: chrome`Send it now`, said: chrome`It leaves now` };
  switch (state) {
    case 'waiting-approval':
      return [{ ...cancel, detail: chrome`before it leaves` }];
    case 'queued':
      return [
        { ...now, label: chrome`Try it now`, detail: chrome`not at its next attempt` },
        { ...cancel, detail: chrome`before it leaves` },
      ];
    case 'held':
      return [
        heldFor === 'right'
          ? { ...retry, detail: chrome`whoever wrote it holds the right again` }
          : { ...now, detail: chrome`not at its time` },
        { ...cancel, detail: chrome`it does not leave` },
      ];
    case 'failed':
      return [
        { ...retry, detail: chrome`only to those who did not get it` },
        { ...cancel, detail: chrome`it does not leave` },
      ];
    case 'bounced':
      return [{ ...retry, detail: chrome`only to those who did not get it` }];
    case 'unknown':
      return [
        { ...settle, detail: chrome`you know that it is there` },
        { ...retry, detail: chrome`you know that it is not there` },
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
export function doOutboxMove({ mirror, shell }: Doing, outbox: Moved, { method, label, said }: OutboxMove): void {
  const act = async (): Promise<void> => {
    await mirror.call(method, { outbox: outbox.id });
    mirror.refresh();
    shell.toast({ who: 'team', text: said });
  };
  if (method === 'outbox.cancel')
    shell.ask({
      title: chrome`${label}?`,
      consequence: chrome`It does not leave, and its text is gone for the whole team.`,
      onAccept: act,
    });
  else if (method === 'outbox.retry' && outbox.state === 'unknown')
    shell.ask({ title: chrome`${label}?`, consequence: chrome`If it did arrive, they get it twice.`, onAccept: act });
  else shell.attempt(act);
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
        load={async () => moves.map((one) => ({ key: one.method, label: one.label, detail: one.detail, value: one }))}
        nothing={chrome``}
        onPick={(move) => doOutboxMove(app, outbox, move)}
      />
    ),
  });
}
