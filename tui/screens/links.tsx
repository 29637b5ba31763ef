/** The links of one mail with their targets in full: what a text calls "bank.com" may lead elsewhere. Nothing is opened from here. */
import { Box } from 'ink';
import { type ReactElement, useMemo } from 'react';
import type { Message } from '../../protocol/schema.ts';
import { type SafeText, safeText } from '../../protocol/text.ts';
import { List, useList } from '../components/list.tsx';
import { Lines, Row, T } from '../components/text.tsx';
import { Screen, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, join, padEndTo, type Safe, wrap } from '../text.ts';
import type { AppContext } from './contract.ts';

export type LinkRow = { readonly number: number; readonly host: Safe; readonly target: SafeText };

const bare = /\bhttps?:\/\/[^\s<>"')\]]+/g;

/** The numbered ones first, then those that stand in the text as they are. */
export function linksOf({ links, text }: Pick<Message, 'links' | 'text'>): LinkRow[] {
  const standing = [...text.matchAll(bare)].map(([url]) => safeText(url.replace(/[.,;:!?]+$/, '')));
  const all = [...links, ...new Set(standing.filter((url) => !links.includes(url)))];
  return all.map((target, index) => ({ number: index + 1, host: hostOf(target), target }));
}

/** Where it leads: the host of a web address as the DNS knows it, the kind of anything else. */
function hostOf(target: SafeText): Safe {
  if (!URL.canParse(target)) return chrome`(no address)`;
  const { protocol, hostname, pathname } = new URL(target);
  if (protocol === 'http:' || protocol === 'https:') return safeText(hostname);
  return safeText(protocol === 'mailto:' ? `mail to ${pathname}` : protocol);
}

export function openLinks({ shell }: Pick<AppContext, 'shell'>, mail: Message): void {
  shell.open({ name: 'links', element: <Links subject={mail.subject} links={linksOf(mail)} /> });
}

function Links({ subject, links }: { subject: SafeText; links: readonly LinkRow[] }): ReactElement {
  const shell = useShell();
  const { columns, rows } = useViewport();
  const ids = useMemo(() => links.map(({ number }) => String(number)), [links]);
  const below = Math.min(8, Math.max(3, Math.floor(rows / 3)));
  const list = useList(ids, rows - below, {
    onOpen: () => shell.flash(chrome`copy the target below with your terminal; links are not opened from here`),
  });
  const chosen = links[list.state.index];
  const draw = useMemo(
    () =>
      ({ number, host, target }: LinkRow, room: { columns: number }): Safe =>
        cutToWidth(chrome`${padEndTo(chrome`[${number}]`, 5)} ${padEndTo(host, 28)} ${target}`, room.columns),
    [],
  );
  return (
    <Screen title={chrome`‹ LINKS  ${subject}`} filter={chrome`where each of them leads`}>
      <List list={list} columns={columns} rowAt={(index) => links[index]} draw={draw} />
      <Row>
        <T tone="muted">{join(Array<Chrome>(columns).fill(chrome`─`))}</T>
      </Row>
      <Box flexDirection="column" height={below - 1} overflow="hidden">
        {chosen !== undefined && <Lines lines={wrap(chosen.target, columns - 2).map((line) => chrome` ${line}`)} />}
      </Box>
    </Screen>
  );
}
