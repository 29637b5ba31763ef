/** Roles: who is in them, whom they come to, and what they may do to the whole system. Changing takes people.manage. */
import { type ReactElement, useCallback } from 'react';
import type { Params } from '../../protocol/methods.ts';
import type { Role } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { List, useRows, useVerbsOnRow } from '../components/list.tsx';
import { Lines, Row, T } from '../components/text.tsx';
import { rolePreviewLines } from '../leaving.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, join, padEndTo, padStartTo, type Safe } from '../text.ts';
import { useConnection, useView } from '../use-mirror.ts';
import { type AppContext, useApp } from './contract.ts';
import { useGoing } from './going.tsx';
import { granteeWords } from './grants-words.ts';
import { Details, detailRows, NameBox, OperationPicker, useDoing, useTaking } from './people-parts.tsx';
import { Picker } from './pickers.tsx';
import { openRole } from './roles-detail.tsx';

/** Lines of a question; `role remove --dry-run` of the command line has all of them. */
const shownLosses = 8;

const idOf = ({ id }: Role): string => id;

export function openRoles({ shell }: Pick<AppContext, 'shell'>): void {
  shell.open({ name: 'roles', element: <Roles /> });
}

function Roles(): ReactElement {
  const app = useApp();
  const { mirror } = app;
  const shell = useShell();
  const { columns, rows: height } = useViewport();
  const { data, error, reach } = useView(mirror.roles);
  const manages = useView(mirror.me).data?.operations.includes('people.manage') ?? false;
  const online = useConnection().state.state === 'online';
  const { letGo, taking } = useTaking();
  const { list, rows, current, gone } = useRows(data, idOf, Math.max(1, height - detailRows - 1), { reach, letGo });
  const { refused, attempt } = useDoing();

  const pickMember = (title: Safe, load: () => Promise<readonly Role['members'][number][]>, onPick: (name: Safe) => void): void =>
    shell.openModal({
      name: 'member',
      element: (
        <Picker<Safe>
          title={title}
          load={async () =>
            (await load()).map((one) => ({ key: `${one.kind} ${one.name}`, label: one.name, detail: safeText(one.kind), value: one.name }))
          }
          nothing={chrome`There is nobody to pick.`}
          onPick={onPick}
        />
      ),
    });
  /** Asks once it is known what it would take from whom. */
  const looked = (edit: Params<'role.preview'>, title: Chrome, onAccept: () => void): void =>
    shell.attempt(async () => {
      const lines = rolePreviewLines(await mirror.call('role.preview', edit));
      const more = lines.length - shownLosses;
      const consequence = join([...lines.slice(0, shownLosses), ...(more > 0 ? [chrome`and ${more} more`] : [])], chrome` · `);
      shell.ask({ title, consequence, onAccept });
    });
  /** Everybody who is not in it. */
  const outside = async (role: Role): Promise<readonly Role['members'][number][]> => {
    const [people, roles] = await Promise.all([mirror.call('person.list', {}), mirror.call('role.list', {})]);
    const all = [
      ...people.rows.map(({ name }) => ({ kind: 'person' as const, name })),
      ...roles.rows.filter(({ id }) => id !== role.id).map(({ name }) => ({ kind: 'role' as const, name })),
    ];
    return all.filter(({ name }) => !role.members.some((member) => member.name === name));
  };
  const verbs = useVerbsOnRow(
    gone,
    current === null
      ? {}
      : {
          'item.open': () => openRole(app, current.name),
          'roles.join': () =>
            pickMember(
              chrome`Add to the role ${current.name}`,
              () => outside(current),
              (member) =>
                attempt(chrome`${member} is in ${current.name} now`, () => mirror.call('role.member.add', { role: current.name, member })),
            ),
          'roles.leave': () =>
            pickMember(
              chrome`Take out of the role ${current.name}`,
              async () => current.members,
              (member) =>
                looked({ role: current.name, edit: 'leave', member }, chrome`Take ${member} out of ${current.name}?`, () =>
                  attempt(chrome`${member} is no longer in ${current.name}`, () =>
                    mirror.call('role.member.remove', { role: current.name, member }),
                  ),
                ),
            ),
          'people.operations': () =>
            shell.openModal({
              name: 'operations',
              element: (
                <OperationPicker
                  of={chrome`the role ${current.name}`}
                  held={current.operations}
                  onPick={(operation, verb) =>
                    attempt(chrome`${current.name}: ${safeText(operation)} ${verb === 'allow' ? chrome`given` : chrome`taken`}`, () =>
                      mirror.call(`role.${verb}`, { name: current.name, operation }),
                    )
                  }
                />
              ),
            }),
          'roles.remove': () =>
            looked({ role: current.name, edit: 'remove' }, chrome`Remove the role ${current.name}?`, () =>
              attempt(chrome`Removed: the role ${current.name}`, () =>
                taking(current.id)(() => mirror.call('role.remove', { name: current.name })),
              ),
            ),
        },
  );
  useCommands(
    {
      'roles.add': () =>
        shell.openModal({
          name: 'role',
          element: (
            <NameBox
              title={chrome`Make a role`}
              withEmail={false}
              onAccept={(name) => attempt(chrome`Made: the role ${safeText(name)}`, () => mirror.call('role.add', { name }))}
            />
          ),
        }),
      ...verbs,
    },
    { facts: { managesPeople: manages, online } },
  );
  useGoing(null, { over: true });
  const draw = useCallback(
    (role: Role) =>
      chrome` ${padEndTo(role.name, 24)}${padStartTo(chrome`${role.people.length}`, 6)}  ${join(
        role.members.map((member) => (member.kind === 'role' ? chrome`role ${member.name}` : member.name)),
        chrome`, `,
      )}`,
    [],
  );
  return (
    <Screen
      title={chrome`ROLES`}
      right={data === null ? chrome`` : chrome`${data.length} `}
      filter={manages ? chrome`joining a role is a grant change` : chrome`who is in which role · changing takes people.manage`}
    >
      <Row>
        <T tone="muted">{chrome`  ${padEndTo(chrome`role`, 24)}${padStartTo(chrome`people`, 6)}  members`}</T>
      </Row>
      <List
        list={list}
        columns={columns}
        gone={gone}
        rowAt={(index) => rows[index]}
        draw={draw}
        empty={
          <Lines
            tone="muted"
            lines={[
              error !== null ? chrome`  ${safeText(error.message)}` : data === null ? chrome`  loading…` : chrome`  There is no role yet.`,
            ]}
          />
        }
      />
      <Details lines={current === null ? [] : detailLines(current)} refused={refused} />
    </Screen>
  );
}

const detailLines = ({ name, members, people, operations }: Role): Safe[] => [
  chrome`role ${name}: ${members.length === 0 ? chrome`nobody is in it` : join(members.map(granteeWords), chrome`, `)}`,
  chrome`comes to: ${people.length === 0 ? chrome`nobody` : join(people, chrome`, `)}`,
  ...(operations.length === 0
    ? []
    : [
        chrome`may: ${join(
          operations.map((one) => safeText(one)),
          chrome`, `,
        )}`,
      ]),
];
