/** Every mailbox that one reaches: how its sync stands, what is stored, what is wrong in words, and what one holds there. */
import { type ReactElement, useCallback } from 'react';
import type { Mailbox } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { List, useRows } from '../components/list.tsx';
import { Lines, Row, T } from '../components/text.tsx';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, padEndTo, padStartTo, type Safe, wrap } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { AddMailbox } from './add-mailbox.tsx';
import { useApp } from './contract.ts';
import { useGoing } from './going.tsx';
import { grouped, isTroubled, stateWords, syncWords } from './mailbox-words.ts';
import { Onboarding } from './onboarding.tsx';
import { rightsWords } from './pickers.tsx';
import { bestPlace, keyOf, type Place, useNavigator } from './places.ts';
import { useNow } from './use-now.ts';
import { useRemembered } from './use-remembered.ts';
import { useSyncNow } from './use-sync-now.ts';

/** Rows below the list that tell about the mailbox under the cursor. */
const detailRows = 7;

const idOf = ({ id }: Mailbox): string => id;

export function MailboxList({ place }: { place: Extract<Place, { kind: 'mailboxes' }> }): ReactElement {
  const { mirror } = useApp();
  const navigator = useNavigator();
  const shell = useShell();
  const { columns, rows: height } = useViewport();
  const { data, error, reach } = useView(mirror.mailboxes);
  const { list, rows, current, gone } = useRows(data, idOf, Math.max(1, height - detailRows - 1), {
    reach,
    onOpen: () => {
      if (gone !== null) return shell.flash(chrome`this mailbox is gone`);
      const best = current === null ? null : bestPlace(current);
      if (best !== null && best.kind !== 'mailboxes') navigator.go(best);
    },
  });
  useRemembered(keyOf(place), list);
  useGoing(current?.address ?? null);
  useSyncNow(current?.address ?? null);
  useCommands(
    { 'mailbox.add': () => shell.open({ name: 'add-mailbox', element: <AddMailbox /> }) },
    { facts: { mailbox: current?.address ?? null } },
  );
  const now = useNow(1_000);
  const draw = useCallback(
    (mailbox: Mailbox, row: { columns: number }) => <MailboxRow mailbox={mailbox} now={now} columns={row.columns} />,
    [now],
  );
  const troubled = (data ?? []).filter(isTroubled).length;
  if (data?.length === 0) {
    return (
      <Screen title={chrome`MAILBOXES`}>
        <Onboarding columns={columns} />
      </Screen>
    );
  }
  return (
    <Screen
      title={chrome`MAILBOXES`}
      right={data === null ? chrome`` : chrome`${data.length} ${data.length === 1 ? chrome`mailbox` : chrome`mailboxes`} `}
      filter={
        troubled > 0 ? (
          <T tone="danger">{chrome`${troubled} of them ${troubled === 1 ? chrome`needs` : chrome`need`} attention`}</T>
        ) : (
          chrome`all that you reach · Enter opens the best view that you have there`
        )
      }
    >
      <Row>
        <T tone="muted">{chrome`    ${padEndTo(chrome`mailbox`, addressColumns(columns))} ${padStartTo(chrome`stored`, 8)}  ${padEndTo(chrome`you hold`, 18)} sync`}</T>
      </Row>
      <List
        list={list}
        columns={columns}
        gone={gone}
        rowAt={(index) => rows[index]}
        draw={draw}
        empty={<T tone="muted">{error === null ? chrome`  loading…` : chrome`  ${safeText(error.message)}`}</T>}
      />
      {current !== null && <Details mailbox={current} now={now} columns={columns} />}
    </Screen>
  );
}

const addressColumns = (columns: number): number => Math.max(12, Math.min(40, columns - 54));

function MailboxRow({ mailbox, now, columns }: { mailbox: Mailbox; now: number; columns: number }): ReactElement {
  const { glyph, tone } = stateWords(mailbox);
  const room = addressColumns(columns + 1);
  const words = syncWords(mailbox, now, columns < 100 ? 6 : 12);
  return (
    <>
      {chrome` `}
      <T tone={tone}>{glyph}</T>
      {chrome` ${padEndTo(mailbox.address, room)} ${padStartTo(mailbox.messages === null ? chrome`` : grouped(mailbox.messages), 8)}  `}
      <T tone="muted">{padEndTo(rightsWords(mailbox), 18)}</T>
      <T tone={isTroubled(mailbox) ? 'danger' : 'plain'}>{chrome` ${cutToWidth(words, columns - room - 34)}`}</T>
    </>
  );
}

function Details({ mailbox, now, columns }: { mailbox: Mailbox; now: number; columns: number }): ReactElement {
  const { address, addresses, owner, kind, shared, folders, messages, sync, rights, watch } = mailbox;
  const others = addresses.filter((one) => one !== address);
  const ways = [
    rights.panel ? chrome`panel` : null,
    rights.timeline ? chrome`g a all open · g t timeline · g f folders` : null,
    rights.settings ? chrome`g , settings · g r grants` : null,
  ].filter((way): way is Chrome => way !== null);
  const lines: { text: Safe; trouble?: boolean }[] = [
    {
      text: chrome`${address}${others.length > 0 ? chrome` (also ${others.length === 1 ? (others[0] ?? chrome``) : chrome`${others.length} aliases`})` : chrome``}  ${shared ? chrome`shared` : chrome`personal`} ${kind === 'hosted' ? chrome`mailbox of this daemon` : chrome`IMAP mailbox`} of ${owner}`,
    },
    { text: chrome`${storedWords(folders, messages)}you hold ${rightsWords(mailbox)} · watch ${safeText(watch)}` },
    { text: chrome`${syncWords(mailbox, now, 20)}${sync.folder === null ? chrome`` : chrome` · ${sync.folder}`}` },
    ...(sync.error === null ? [] : [{ text: sync.error, trouble: true }]),
    { text: chrome`ways in: ${ways.reduce((all, way) => chrome`${all} · ${way}`)}` },
  ];
  return (
    <>
      <T tone="muted">{chrome` ${rule(columns - 2)}`}</T>
      {lines.map(({ text, trouble }) => (
        <Lines
          key={text}
          tone={trouble === true ? 'danger' : 'plain'}
          lines={wrap(text, columns - 4)
            .slice(0, 2)
            .map((line) => chrome`  ${line}`)}
        />
      ))}
    </>
  );
}

/** As far as one may know it. */
const storedWords = (folders: number | null, messages: number | null): Safe => {
  const mails = messages === null ? chrome`` : chrome`mails stored: ${grouped(messages)} · `;
  return folders === null ? mails : chrome`${folders} folders · ${mails}`;
};

const rule = (columns: number): Chrome =>
  Array<Chrome>(Math.max(0, columns))
    .fill(chrome`─`)
    .reduce((all, one) => chrome`${all}${one}`, chrome``);
