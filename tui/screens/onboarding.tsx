/** For somebody who reaches no mailbox yet: what to do next, by what they may do. */
import type { ReactElement } from 'react';
import { Lines } from '../components/text.tsx';
import { useCommands, useShell } from '../screen.tsx';
import { chrome, type Safe, wrap } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { AddMailbox } from './add-mailbox.tsx';
import { useApp } from './contract.ts';

export function Onboarding({ columns }: { columns: number }): ReactElement {
  const { mirror } = useApp();
  const shell = useShell();
  const me = useView(mirror.me).data;
  useCommands({ 'mailbox.add': () => shell.open({ name: 'add-mailbox', element: <AddMailbox /> }) });
  const lines: Safe[] = [
    chrome``,
    chrome`There is no mailbox here for you yet.`,
    chrome``,
    chrome`a adds one that you have at a mail server: its address, its servers, its password.`,
    chrome`In another terminal:`,
    chrome`  postroom mailbox add me@example.com --hosted`,
    chrome`    one that this daemon receives for itself; "postroom mailbox add --help" says more`,
    ...(me?.operations.includes('shared-mailbox.share') === true
      ? [
          chrome`  postroom mailbox share support@example.com`,
          chrome`    allows shared access to one that you own`,
          chrome`  postroom grant set support@example.com NAME --level full`,
          chrome`    lets a person or a role work in it`,
        ]
      : [chrome``, chrome`Or ask whoever runs the daemon to let you into a shared mailbox. It appears here by itself.`]),
    ...(me?.operations.includes('people.manage') === true
      ? [chrome`  postroom person add NAME`, chrome`    gives an invitation for a colleague`]
      : []),
  ];
  return <Lines lines={lines.flatMap((line) => wrap(line, columns - 4)).map((line) => chrome`  ${line}`)} />;
}
