/** Somebody leaves: everything that hangs on them, one line for each kind, what becomes of it, and the keys that choose. */
import { type ReactElement, useState } from 'react';
import type { Leaving } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { Lines, ToneLines } from '../components/text.tsx';
import { leavingLines } from '../leaving.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { chrome, cutToWidth, padEndTo, type Safe, widthOf, wrap } from '../text.ts';
import type { Tone } from '../theme.ts';
import { useConnection, useView } from '../use-mirror.ts';
import { type AppContext, useApp } from './contract.ts';
import { type Taking, useDoing } from './people-parts.tsx';
import { Picker } from './pickers.tsx';

export function openLeaving({ shell }: Pick<AppContext, 'shell'>, name: Safe, taking: Taking): void {
  shell.open({ name: 'leaving', element: <LeavingPerson name={name} taking={taking} /> });
}

type Choices = { readonly successor: Safe | null; readonly release: boolean; readonly mail: 'hold' | 'cancel' };

function LeavingPerson({ name, taking }: { name: Safe; taking: Taking }): ReactElement {
  const { mirror } = useApp();
  const shell = useShell();
  const [choices, setChoices] = useState<Choices>({ successor: null, release: false, mail: 'hold' });
  const [removed, setRemoved] = useState(false);
  const asked = { name, ...choices };
  const { data, error } = useView(mirror.departure(asked));
  const manages = useView(mirror.me).data?.operations.includes('people.manage') ?? false;
  const online = useConnection().state.state === 'online';
  const { refused, attempt } = useDoing();

  const remove = (): void =>
    attempt(chrome`${name} is removed`, async () => {
      await taking(() => mirror.call('person.remove', asked));
      setRemoved(true);
    });
  useCommands(
    removed
      ? {}
      : {
          'leaving.successor': () =>
            shell.openModal({
              name: 'successor',
              element: (
                <Picker<Safe>
                  title={chrome`Successor of ${name}`}
                  load={async () =>
                    (await mirror.call('person.list', {})).rows
                      .filter((person) => person.name !== name && person.status === 'active')
                      .map((person) => ({ key: person.id, label: person.name, detail: person.email ?? chrome``, value: person.name }))
                  }
                  nothing={chrome`There is nobody else who has joined.`}
                  onPick={(successor) => setChoices((before) => ({ ...before, successor }))}
                />
              ),
            }),
          'leaving.release': () => setChoices((before) => ({ ...before, release: !before.release })),
          'leaving.mail': () => setChoices((before) => ({ ...before, mail: before.mail === 'hold' ? 'cancel' : 'hold' })),
          'leaving.write': () => {
            if (data === null) return shell.flash(chrome`what hangs on them is not known yet`);
            if (data.wants.length > 0) return shell.flash(chrome`something needs a successor or a release`);
            return shell.ask({
              title: chrome`Remove ${name}?`,
              consequence: chrome`Their sessions end at once, and they do not come back. Their name stays on what they wrote.`,
              onAccept: remove,
            });
          },
        },
    { facts: { managesPeople: manages, online } },
  );
  return (
    <Screen
      title={chrome`${name} LEAVES`}
      filter={removed ? chrome`q goes back` : chrome`what hangs on them, and what becomes of it · W removes`}
    >
      {removed ? (
        <Lines lines={[chrome``, chrome`  ${name} is removed. Their name stays on what they wrote.`]} />
      ) : data === null ? (
        <Lines tone="muted" lines={[error === null ? chrome`  loading…` : chrome`  ${safeText(error.message)}`]} />
      ) : (
        <Departure lines={leavingLines(data, choices)} choices={choices} refused={refused ?? whyNot(data)} />
      )}
    </Screen>
  );
}

/** The daemon says it in words of the command line; here keys answer what is open. */
function whyNot({ wants, refused }: Leaving): Safe | null {
  if (wants.length === 0) return refused?.message ?? null;
  return wants.includes('mailboxes')
    ? chrome`! s says who gets what they own: without that nobody is removed`
    : chrome`! s says who gets their work, r gives it back to the team: without that nobody is removed`;
}

/** Room for the longest of what may become of something; the rest is for what there is. */
const fateColumns = 34;

function Departure({
  lines,
  choices,
  refused,
}: {
  lines: ReturnType<typeof leavingLines>;
  choices: Choices;
  refused: Safe | null;
}): ReactElement {
  const { columns } = useViewport();
  const room = Math.min(Math.max(...lines.map(({ what }) => widthOf(what))) + 2, columns - 23 - fateColumns);
  const drawn = lines.map(({ kind, what, fate, wanted }): { text: Safe; tone: Tone } => ({
    text: chrome`${wanted ? chrome`!` : chrome` `} ${padEndTo(kind, 21)}${padEndTo(cutToWidth(what, room - 2), room)}${fate}`,
    tone: wanted ? 'warning' : 'plain',
  }));
  const { successor, release, mail } = choices;
  const chosen = chrome`  successor ${successor ?? chrome`nobody`} · conversations ${release ? chrome`released` : successor === null ? chrome`undecided` : chrome`to the successor`} · mail ${mail === 'hold' ? chrome`held` : chrome`taken back`}`;
  const why = refused === null ? [] : wrap(refused, columns - 4).map((text) => ({ text: chrome`  ${text}`, tone: 'danger' as const }));
  return <ToneLines lines={[...drawn, { text: chrome``, tone: 'plain' }, { text: chosen, tone: 'accent' }, ...why]} />;
}
