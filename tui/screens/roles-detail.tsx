/** One role: whom it comes to and through what, where it is in, and what was given to it. */
import type { ReactElement } from 'react';
import type { RoleDetail } from '../../protocol/schema.ts';
import { safeBlock, safeText } from '../../protocol/text.ts';
import { chrome, join, padEndTo, type Safe } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { type AppContext, useApp } from './contract.ts';
import { granteeWords } from './grants-words.ts';
import { Pages } from './pages.tsx';
import { untilWords } from './people-words.ts';

export function openRole({ shell }: Pick<AppContext, 'shell'>, name: Safe): void {
  shell.open({ name: 'role', element: <OneRole name={name} /> });
}

function OneRole({ name }: { name: Safe }): ReactElement {
  const { mirror } = useApp();
  const { data, error } = useView(mirror.role(name));
  const text = data === null ? (error?.message ?? 'loading…') : roleLines(data).join('\n');
  // Another text is another page: it changes only when somebody changes the role.
  return <Pages key={text} title={chrome`ROLE  ${name}`} note={chrome`everybody it comes to, and through what`} text={safeBlock(text)} />;
}

function roleLines(role: RoleDetail): Safe[] {
  const { members, effective, within, operations, carries, carriesHidden } = role;
  const orNobody = (names: readonly Safe[]): Safe => (names.length === 0 ? chrome`nobody` : join(names, chrome`, `));
  return [
    chrome`members     ${orNobody(members.map(granteeWords))}`,
    ...(within.length === 0 ? [] : [chrome`is in       ${join(within, chrome`, `)}`]),
    ...(operations.length === 0
      ? []
      : [
          chrome`may         ${join(
            operations.map((one) => safeText(one)),
            chrome`, `,
          )}`,
        ]),
    chrome``,
    chrome`comes to ${effective.length} ${effective.length === 1 ? chrome`person` : chrome`people`}`,
    ...effective.map(({ person, via, status }) => {
      const through = via.length === 0 ? chrome`member` : chrome`through ${join(via, chrome` > `)}`;
      return chrome`  ${padEndTo(person, 24)}${through}${status === 'active' ? chrome`` : chrome` · ${safeText(status)}`}`;
    }),
    chrome``,
    chrome`given to it${carries.length + carriesHidden === 0 ? chrome`: nothing` : chrome``}`,
    ...carries.map(({ mailbox, access, send, setup, from, until }) => {
      const rights = join(
        [access ? chrome`Access` : null, send ? chrome`Send` : null, setup ? chrome`Setup` : null].filter((word) => word !== null),
        chrome` `,
      );
      const dates =
        until === null ? chrome`` : chrome` ${from === null ? chrome`` : chrome`from ${untilWords(from)} `}until ${untilWords(until)}`;
      return chrome`  ${padEndTo(mailbox, 32)} ${rights}${dates}`;
    }),
    ...(carriesHidden === 0
      ? []
      : [chrome`  something on ${carriesHidden} ${carriesHidden === 1 ? chrome`mailbox` : chrome`mailboxes`} you cannot see`]),
  ];
}
