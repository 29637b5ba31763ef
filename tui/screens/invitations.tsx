/** Invitations that can still be used: for whom, by whom, until when. Withdrawn they open nothing. */
import { type ReactElement, useCallback } from 'react';
import type { Invitation } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { List, useRows, useVerbsOnRow } from '../components/list.tsx';
import { Lines, Row, T } from '../components/text.tsx';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { chrome, padEndTo } from '../text.ts';
import { useConnection, useView } from '../use-mirror.ts';
import { type AppContext, useApp } from './contract.ts';
import { useGoing } from './going.tsx';
import { Details, detailRows, useDoing, useTaking } from './people-parts.tsx';
import { untilWords } from './people-words.ts';

const idOf = ({ id }: Invitation): string => id;

export function openInvitations({ shell }: Pick<AppContext, 'shell'>): void {
  shell.open({ name: 'invitations', element: <Invitations /> });
}

function Invitations(): ReactElement {
  const { mirror } = useApp();
  const shell = useShell();
  const { columns, rows: height } = useViewport();
  const { data, error, reach } = useView(mirror.invitations);
  const online = useConnection().state.state === 'online';
  const { letGo, taking } = useTaking();
  const { list, rows, current, gone } = useRows(data, idOf, Math.max(1, height - detailRows - 1), { reach, letGo });
  const { refused, attempt } = useDoing();
  const verbs = useVerbsOnRow(
    gone,
    current === null
      ? {}
      : {
          'invitations.withdraw': () =>
            shell.ask({
              title: chrome`Withdraw the invitation for ${current.person}?`,
              consequence: chrome`Whoever has it cannot join with it any more. Another one can be made.`,
              onAccept: () =>
                attempt(chrome`The invitation for ${current.person} is withdrawn`, () =>
                  taking(current.id)(() => mirror.call('invitation.withdraw', { invitation: current.id })),
                ),
            }),
        },
  );
  useCommands(verbs, { facts: { online } });
  useGoing(null, { over: true });
  const draw = useCallback(
    ({ person, newcomer, expiresAt, by }: Invitation) =>
      chrome` ${padEndTo(person, 24)}${padEndTo(newcomer ? chrome`to join` : chrome`one more key`, 14)}${padEndTo(untilWords(expiresAt), 18)}${by}`,
    [],
  );
  const nothing = error !== null ? safeText(error.message) : data === null ? chrome`loading…` : chrome`No invitation is open.`;
  return (
    <Screen
      title={chrome`INVITATIONS`}
      right={data === null ? chrome`` : chrome`${data.length} `}
      filter={chrome`each works once; people: a invites somebody, i one more key`}
    >
      <Row>
        <T tone="muted">{chrome`  ${padEndTo(chrome`person`, 24)}${padEndTo(chrome`for`, 14)}${padEndTo(chrome`until (UTC)`, 18)}by`}</T>
      </Row>
      <List
        list={list}
        columns={columns}
        gone={gone}
        rowAt={(index) => rows[index]}
        draw={draw}
        empty={<Lines tone="muted" lines={[chrome`  ${nothing}`]} />}
      />
      <Details lines={current === null ? [] : [chrome`Its text was shown once, to ${current.by}; it is kept nowhere.`]} refused={refused} />
    </Screen>
  );
}
