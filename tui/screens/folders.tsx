/** The folders of a mailbox: what the server says it holds and what is stored (promise 2), and the way into each. */
import { type ReactElement, useCallback } from 'react';
import { safeText } from '../../protocol/text.ts';
import { List, useRows } from '../components/list.tsx';
import { Lines, Row, T } from '../components/text.tsx';
import type { Folders } from '../mirror.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { chrome, padEndTo, padStartTo, type Safe, wrap } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { useApp } from './contract.ts';
import { useGoing } from './going.tsx';
import { grouped } from './mailbox-words.ts';
import { keyOf, type Place, useNavigator } from './places.ts';
import { useRemembered } from './use-remembered.ts';
import { useSyncNow } from './use-sync-now.ts';

type Folder = Folders[number];
const idOf = ({ key }: Folder): string => key;

export function FolderList({ place }: { place: Extract<Place, { kind: 'folders' }> }): ReactElement {
  const { mailbox } = place;
  const { mirror } = useApp();
  const navigator = useNavigator();
  const shell = useShell();
  const { columns, rows: height } = useViewport();
  const { data, error, reach } = useView(mirror.folders(mailbox));
  const { list, rows, current, gone } = useRows(data, idOf, height - 1, {
    reach,
    onOpen: (folder) => {
      if (gone !== null) shell.flash(chrome`this folder is gone`);
      else if (current?.selectable === false) shell.flash(chrome`it holds other folders, and no mail`);
      else if (current !== null) navigator.go({ kind: 'folder', mailbox, folder, name: current.path });
    },
  });
  useRemembered(keyOf(place), list);
  useGoing(mailbox);
  useSyncNow(mailbox);
  useCommands({}, { facts: { mailbox } });
  const draw = useCallback((folder: Folder, row: { columns: number }) => <FolderRow folder={folder} columns={row.columns} />, []);
  const stored = (data ?? []).reduce((sum, one) => sum + one.stored, 0);
  return (
    <Screen
      title={chrome`FOLDERS  ${mailbox}`}
      right={data === null ? chrome`` : chrome`${data.length} folders · stored: ${grouped(stored)} `}
      filter={chrome`every folder of the mailbox · Enter shows what is in it`}
    >
      <Row>
        <T tone="muted">{chrome`  ${padStartTo(chrome`stored`, 9)} ${padStartTo(chrome`server`, 9)}    folder`}</T>
      </Row>
      <List
        list={list}
        columns={columns}
        gone={gone}
        rowAt={(index) => rows[index]}
        draw={draw}
        empty={
          <Lines
            tone={error === null ? 'muted' : 'warning'}
            lines={wrap(error === null ? chrome`loading…` : safeText(error.message), columns - 4).map((line) => chrome`  ${line}`)}
          />
        }
      />
    </Screen>
  );
}

const pathColumns = (columns: number): number => Math.max(12, Math.min(40, columns - 40));

function FolderRow({ folder, columns }: { folder: Folder; columns: number }): ReactElement {
  const { stored, server, role, selectable, error, path } = folder;
  if (!selectable)
    return (
      <T tone="muted">{chrome` ${padStartTo(chrome`-`, 9)} ${padStartTo(chrome`-`, 9)}    ${padEndTo(path, pathColumns(columns))} holds folders only`}</T>
    );
  // Stored and server are equal when all is here; a gap says so in its own column.
  const gap = server !== null && server !== stored;
  const words: Safe = error !== null ? chrome`✗ ${error}` : role === null ? chrome`` : safeText(role);
  return (
    <>
      {chrome` ${padStartTo(grouped(stored), 9)} `}
      <T tone={gap ? 'warning' : 'muted'}>{padStartTo(server === null ? chrome`-` : grouped(server), 9)}</T>
      {gap ? chrome` ↓  ` : chrome`    `}
      {padEndTo(path, pathColumns(columns))}
      <T tone={error === null ? 'muted' : 'danger'}>{chrome` ${words}`}</T>
    </>
  );
}
