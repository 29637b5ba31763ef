/** Everybody who belongs here: invited, disabled, their keys and what they may do to the whole system. Changing takes people.manage. */
import { type ReactElement, useCallback } from 'react';
import type { Key, Person, PersonDetail } from '../../protocol/schema.ts';
import { safeBlock, safeText } from '../../protocol/text.ts';
import { List, useRows, useVerbsOnRow } from '../components/list.tsx';
import { Lines, Row, T } from '../components/text.tsx';
import type { Me } from '../mirror.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { chrome, join, padEndTo, type Safe } from '../text.ts';
import { useConnection, useView } from '../use-mirror.ts';
import { type AppContext, useApp } from './contract.ts';
import { useGoing } from './going.tsx';
import { openInvitations } from './invitations.tsx';
import { Pages } from './pages.tsx';
import { openLeaving } from './people-leaving.tsx';
import { Details, detailRows, NameBox, OperationPicker, PersonBox, useDoing, useTaking } from './people-parts.tsx';
import { keyWords } from './people-words.ts';
import { Picker } from './pickers.tsx';

const idOf = ({ id }: Person): string => id;

export function openPeople({ shell }: Pick<AppContext, 'shell'>): void {
  shell.open({ name: 'people', element: <People /> });
}

function People(): ReactElement {
  const app = useApp();
  const { mirror } = app;
  const shell = useShell();
  const { columns, rows: height } = useViewport();
  const { data, error, reach } = useView(mirror.people);
  const me = useView(mirror.me).data;
  const online = useConnection().state.state === 'online';
  const manages = me?.operations.includes('people.manage') ?? false;
  const { letGo, taking } = useTaking();
  const { list, rows, current, gone } = useRows(data, idOf, Math.max(1, height - detailRows - 1), { reach, letGo });
  const shown = useView(mirror.person(current?.name ?? me?.person.name ?? ''));
  const { refused, attempt } = useDoing();
  const invited = (given: Invited): void => showInvitation(app, given);

  const revoke = (name: Safe, { fingerprint }: Key): void =>
    shell.ask({
      title: chrome`Revoke this key of ${name}?`,
      consequence: chrome`${safeText(fingerprint)}: its sessions end at once, and it does not come back.`,
      onAccept: () => attempt(chrome`A key of ${name} is revoked`, () => mirror.call('key.revoke', { fingerprint })),
    });
  const confirm = (name: Safe, { fingerprint, invitedBy }: Key): void =>
    shell.ask({
      title: chrome`Is this key really ${name}’s?`,
      consequence: chrome`${safeText(fingerprint)}: compare it with what ${name} sees. ${invitedBy ?? chrome`somebody`} invited it; whoever has it comes to all that is theirs.`,
      onAccept: () => attempt(chrome`A key of ${name} is confirmed`, () => mirror.call('key.confirm', { fingerprint })),
    });
  const decide = (name: Safe, key: Key): void => {
    if (!key.waits) {
      revoke(name, key);
      return;
    }
    shell.openModal({
      name: 'waiting key',
      element: (
        <Picker
          title={chrome`A key of ${name} that waits`}
          load={async () => [
            { key: 'confirm', label: chrome`It is theirs`, detail: chrome`it opens what is theirs`, value: confirm },
            { key: 'revoke', label: chrome`Revoke it`, detail: chrome`it never opens anything`, value: revoke },
          ]}
          nothing={chrome``}
          onPick={(act) => act(name, key)}
        />
      ),
    });
  };
  const verbs = useVerbsOnRow(
    gone,
    current === null
      ? {}
      : {
          'people.key': () =>
            attempt(chrome`One more key invited for ${current.name}`, async () =>
              invited(await mirror.call('person.invite', { name: current.name })),
            ),
          'people.set': () =>
            // Whose plan is not known yet would lose it.
            shown.data?.id !== current.id
              ? shell.flash(chrome`what is written down about ${current.name} is not loaded yet`)
              : shell.openModal({
                  name: 'person',
                  element: (
                    <PersonBox
                      person={current.name}
                      email={shown.data.email}
                      plan={shown.data.plan}
                      onAccept={(given) =>
                        attempt(chrome`Written down about ${current.name}`, () =>
                          mirror.call('person.set', { name: current.name, ...given }),
                        )
                      }
                    />
                  ),
                }),
          'people.able': () => {
            const verb = current.status === 'disabled' ? 'enable' : 'disable';
            const change = (): void =>
              attempt(verb === 'enable' ? chrome`${current.name} is let in again` : chrome`${current.name} is disabled`, () =>
                mirror.call(`person.${verb}`, { name: current.name }),
              );
            if (verb === 'enable') return change();
            shell.ask({
              title: chrome`Disable ${current.name}?`,
              consequence: chrome`Their sessions end at once and their queued mail is held; everything of theirs is kept.`,
              onAccept: change,
            });
          },
          'people.confirm': () =>
            shell.ask({
              title: chrome`Confirm ${current.name}?`,
              consequence: confirmWords(current.name, shown.data?.id === current.id ? shown.data.countsAs : []),
              onAccept: () => attempt(chrome`${current.name} is confirmed`, () => mirror.call('person.confirm', { name: current.name })),
            }),
          'people.leave': () => openLeaving(app, current.name, taking(current.id)),
          'people.keys': () =>
            shell.openModal({
              name: 'keys',
              element: (
                <Picker<Key>
                  title={chrome`Keys of ${current.name}: Enter revokes or confirms`}
                  load={async () =>
                    (await mirror.call('person.show', { name: current.name })).keys
                      .filter(({ revokedAt }) => revokedAt === null)
                      .map((key) => ({
                        key: key.fingerprint,
                        label: chrome`${safeText(key.fingerprint)} ${key.label}`,
                        detail: keyWords(key),
                        value: key,
                      }))
                  }
                  nothing={chrome`No key of theirs that you may see.`}
                  onPick={(key) => decide(current.name, key)}
                />
              ),
            }),
          'people.operations': () =>
            shell.openModal({
              name: 'operations',
              element: (
                <OperationPicker
                  of={current.name}
                  held={shown.data?.operations ?? []}
                  onPick={(operation, verb) =>
                    attempt(chrome`${current.name}: ${safeText(operation)} ${verb === 'allow' ? chrome`given` : chrome`taken`}`, () =>
                      mirror.call(`person.${verb}`, { name: current.name, operation }),
                    )
                  }
                />
              ),
            }),
        },
  );
  useCommands(
    {
      'people.invitations': () => openInvitations(app),
      'people.add': () =>
        shell.openModal({
          name: 'invite',
          element: (
            <NameBox
              title={chrome`Invite a person`}
              withEmail
              onAccept={(name, email) =>
                attempt(chrome`Invited: ${safeText(name)}`, async () => invited(await mirror.call('person.add', { name, email })))
              }
            />
          ),
        }),
      ...verbs,
    },
    { facts: { managesPeople: manages, online } },
  );
  useGoing(null, { over: true });
  const draw = useCallback(
    (person: Person) => chrome` ${padEndTo(person.name, 24)}${padEndTo(safeText(person.status), 12)}${person.email ?? chrome``}`,
    [],
  );
  return (
    <Screen
      title={chrome`PEOPLE`}
      right={data === null ? chrome`` : chrome`${data.length} `}
      filter={manages ? chrome`everybody who belongs here` : chrome`everybody who belongs here · changing takes people.manage`}
    >
      <Row>
        <T tone="muted">{chrome`  ${padEndTo(chrome`name`, 24)}${padEndTo(chrome`status`, 12)}e-mail`}</T>
      </Row>
      <List
        list={list}
        columns={columns}
        gone={gone}
        rowAt={(index) => rows[index]}
        draw={draw}
        empty={<Lines tone="muted" lines={[error === null ? chrome`  loading…` : chrome`  ${safeText(error.message)}`]} />}
      />
      <Details lines={shown.data === null ? [] : [...detailLines(shown.data), ...bothEnds(shown.data, me)]} refused={refused} />
    </Screen>
  );
}

/** Of this session: what the two ends of it can compare. */
const bothEnds = ({ id }: PersonDetail, me: Me | null): Safe[] =>
  me?.person.id === id ? [chrome`this session ${safeText(me.fingerprint)} · the daemon ${safeText(me.daemon.fingerprint)}`] : [];

const confirmWords = (name: Safe, countsAs: readonly Safe[]): Safe =>
  countsAs.length === 0
    ? chrome`You know them, and the key with which they joined is theirs.`
    : chrome`You know them, and the key with which they joined is theirs. Until now ${name} counts as ${join(countsAs, chrome`, `)}.`;

function detailLines({ name, roles, operations, keys, countsAs, owns, ownsHidden, plan }: PersonDetail): Safe[] {
  const live = keys.filter(({ revokedAt }) => revokedAt === null);
  const hidden = ownsHidden > 0 ? [chrome`${ownsHidden} you cannot see`] : [];
  return [
    chrome`${name}${plan === null ? chrome`` : chrome` · plan ${plan}`} · roles: ${roles.length === 0 ? chrome`none` : join(roles, chrome`, `)}`,
    ...(operations.length === 0
      ? []
      : [
          chrome`may: ${join(
            operations.map((one) => safeText(one)),
            chrome`, `,
          )}`,
        ]),
    ...(countsAs.length === 0 ? [] : [chrome`not confirmed: counts as ${join(countsAs, chrome`, `)}`]),
    ...(live.length === 0
      ? []
      : [
          chrome`keys: ${join(
            live.map(({ fingerprint, label, waits }) => chrome`${safeText(fingerprint)} ${label}${waits ? chrome` (waits)` : chrome``}`),
            chrome`, `,
          )}`,
        ]),
    ...(owns.length + hidden.length === 0 ? [] : [chrome`owns: ${join([...owns, ...hidden], chrome`, `)}`]),
  ];
}

type Invited = {
  readonly person: { readonly name: Safe };
  readonly invitation: string;
  readonly warning: Safe | null;
  readonly confirm: boolean;
};

/** On a page of its own, without anything beside it: it is copied by hand. */
function showInvitation({ shell }: AppContext, given: Invited): void {
  const lines = [
    chrome`Give this to ${given.person.name}, once. It is one line without blanks:`,
    '',
    given.invitation,
    '',
    chrome`They run "postroom join" and paste it.`,
    '',
    ...(given.confirm
      ? [
          chrome`The key they make with it opens nothing until ${given.person.name} confirms it from another device, or somebody else who manages people does.`,
          '',
        ]
      : []),
    ...(given.warning === null ? [] : [given.warning]),
  ];
  const page = (
    <Pages
      title={chrome`INVITATION  ${given.person.name}`}
      note={chrome`it works once; q closes, and it is not shown again`}
      text={safeBlock(lines.join('\n'))}
    />
  );
  shell.open({ name: 'invitation', element: page });
}
