/** The mailboxes beside the panel (3.1 at 160 columns): how each stands and what waits in it; Enter narrows the panel to one. */
import { type ReactElement, useCallback, useEffect, useMemo, useRef } from 'react';
import type { Mailbox } from '../../protocol/schema.ts';
import { List, useList } from '../components/list.tsx';
import { Row, T } from '../components/text.tsx';
import { useViewport } from '../screen.tsx';
import { type Chrome, chrome, headOf, padEndTo, padStartTo, type Safe } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { useApp } from './contract.ts';
import { percentOf, stateWords } from './mailbox-words.ts';
import { bestPlace, type ListPlace, useNavigator } from './places.ts';

const everything = 'all';

export function Sidebar({ place, active }: { place: ListPlace; active: boolean }): ReactElement {
  const { mirror } = useApp();
  const navigator = useNavigator();
  const { columns, rows } = useViewport();
  const mailboxes = useView(mirror.mailboxes).data;
  const ids = useMemo(() => [everything, ...(mailboxes ?? []).map(({ id }) => id)], [mailboxes]);
  const list = useList(ids, Math.max(1, rows - 1), {
    active,
    onOpen: (id) => {
      const mailbox = mailboxes?.find((one) => one.id === id);
      if (mailbox === undefined) navigator.go({ kind: 'panel', view: place.kind === 'panel' ? place.view : 'mine', mailbox: null });
      else if (mailbox.rights.panel)
        navigator.go({ kind: 'panel', view: place.kind === 'panel' ? place.view : 'team', mailbox: mailbox.address });
      else navigator.go(bestPlace(mailbox));
    },
  });
  // It begins at the mailbox in view.
  const here = mailboxes?.find(({ address }) => address === place.mailbox)?.id;
  const select = useRef(list.select);
  select.current = list.select;
  useEffect(() => {
    if (here !== undefined) select.current(here);
  }, [here]);
  const draw = useCallback(
    (item: Mailbox | typeof everything, row: { columns: number }) =>
      item === everything ? (
        chrome`${place.mailbox === null ? chrome`▸` : chrome` `}all mailboxes`
      ) : (
        <MailboxLine mailbox={item} here={place.mailbox === item.address} columns={row.columns} />
      ),
    [place.mailbox],
  );
  return (
    <>
      <Row>
        <T tone="accent">{chrome` MAILBOXES`}</T>
      </Row>
      <List
        list={list}
        columns={columns}
        rowAt={(index) => (index === 0 ? everything : mailboxes?.[index - 1])}
        draw={draw}
        focused={active}
      />
    </>
  );
}

function MailboxLine({ mailbox, here, columns }: { mailbox: Mailbox; here: boolean; columns: number }): ReactElement {
  const { glyph, tone } = stateWords(mailbox);
  const percent = percentOf(mailbox);
  // Access alone raises no count.
  const count = mailbox.rights.panel ? <Count mailbox={mailbox.address} /> : chrome`    `;
  const state: Chrome = percent === null ? chrome` ${glyph}` : chrome` ${glyph}${percent}%`;
  const room = columns - 1 - 4 - 5;
  return (
    <>
      {here ? chrome`▸` : chrome` `}
      {padEndTo(nameOf(mailbox), room)}
      {count}
      <T tone={tone}>{state}</T>
    </>
  );
}

function Count({ mailbox }: { mailbox: Safe }): ReactElement {
  const { mirror } = useApp();
  const counts = useView(mirror.counts(mailbox)).data;
  return <>{padStartTo(counts === null ? chrome`` : chrome`${counts.team}`, 4)}</>;
}

const nameOf = ({ address }: Mailbox): Chrome => chrome`${headOf(address, '@', 30)}@`;
