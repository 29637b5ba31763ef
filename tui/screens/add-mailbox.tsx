/** Adding a mailbox step by step: what it is, a test of both servers, the import, and on to the work. */
import { type ReactElement, useCallback, useEffect, useMemo, useState } from 'react';
import { PostroomError } from '../../protocol/errors.ts';
import type { Result } from '../../protocol/methods.ts';
import { type SafeText, safeText } from '../../protocol/text.ts';
import { List, useList } from '../components/list.tsx';
import { Lines, Row, T, ToneLines } from '../components/text.tsx';
import { Typed } from '../components/typed.tsx';
import { authorityIn, FileProblem } from '../files.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { chrome, cutToWidth, padEndTo, type Safe, wrap } from '../text.ts';
import { useView } from '../use-mirror.ts';
import {
  type AddField,
  authorityFile,
  entered,
  fieldNamed,
  fields,
  helps,
  labels,
  requestOf,
  shownValue,
  type Typing,
} from './add-mailbox-state.ts';
import { useApp } from './contract.ts';
import { grouped, syncWords } from './mailbox-words.ts';
import { bestPlace, useNavigator } from './places.ts';
import { probeLines } from './settings.tsx';
import { useNow } from './use-now.ts';

type Wrong = { readonly field: AddField; readonly why: Safe };
type FieldLine = { readonly field: AddField; readonly value: Safe; readonly wrong: boolean };

export function AddMailbox(): ReactElement {
  const { mirror } = useApp();
  const shell = useShell();
  const { columns } = useViewport();
  const operations = useView(mirror.me).data?.operations ?? [];
  const [typing, setTyping] = useState<Typing>({});
  const [wrong, setWrong] = useState<Wrong | null>(null);
  const [adding, setAdding] = useState(false);
  /** What was typed when its servers did not work. */
  const [failedAs, setFailedAs] = useState<Typing | null>(null);
  const put = (field: AddField, value: string): void => {
    setTyping((before) => ({ ...before, [field]: value }));
    if (wrong?.field === field) setWrong(null);
  };
  const ids = fields as readonly string[];
  const needed = { shared: ['shared-mailbox.share', 'shared-mailbox.sync'], hosted: ['shared-mailbox.sync'] } as const;
  const edit = (field: AddField): void => {
    if (field !== 'shared' && field !== 'hosted') {
      shell.openModal({
        name: 'field',
        element: (
          <Typed
            label={labels[field]}
            help={helps[field]}
            masked={field === 'password'}
            initial={field === 'password' ? '' : entered(typing, field)}
            refuse={() => null}
            onAccept={(text) => {
              put(field, text);
              const next = fields[fields.indexOf(field) + 1];
              if (next !== undefined) list.select(next);
            }}
          />
        ),
      });
      return;
    }
    const missing = needed[field].filter((operation) => !operations.some((one) => one === operation));
    if (missing.length > 0) shell.flash(chrome`this takes the system operation ${safeText(missing.join(', '))}`);
    else put(field, entered(typing, field) === 'on' ? 'off' : 'on');
  };
  const list = useList(ids, fields.length, {
    onOpen: (id) => {
      const field = fields.find((one) => one === id);
      if (field !== undefined) edit(field);
    },
  });
  const current = fields[list.state.index] ?? 'address';

  const add = async (): Promise<void> => {
    const asked = requestOf(typing, Date.now());
    if ('field' in asked) {
      setWrong(asked);
      list.select(asked.field);
      return;
    }
    setAdding(true);
    try {
      const file = authorityFile(typing);
      const ca = file === null ? null : await authorityIn(file);
      // What did not work, and is meant all the same: the second y adds it as it is.
      const test = failedAs !== typing && asked.params.imap !== undefined;
      const { address } = await mirror.call('mailbox.add', { ...asked.params, ca, test }, { timeoutMs: 120_000 });
      mirror.refresh();
      shell.close();
      shell.open({ name: 'added', element: <Added address={address} /> });
    } catch (error) {
      setAdding(false);
      if (error instanceof FileProblem) {
        setWrong({ field: 'ca', why: error.words });
        list.select('ca');
        return;
      }
      const tested = error instanceof PostroomError && error.details.steps !== undefined;
      if (!(error instanceof PostroomError) || !(tested || error.code === 'invalid' || error.code === 'conflict')) throw error;
      const field = fieldNamed(error.details);
      if (tested) setFailedAs(typing);
      setWrong({ field, why: tested ? chrome`${safeText(error.message)} y again adds it as it is.` : safeText(error.message) });
      list.select(field);
    }
  };
  useCommands({ 'add.write': () => (adding ? undefined : add()) });
  const begun = Object.keys(typing).length > 0;
  useEffect(() => shell.keepOpen(() => (begun ? chrome`A mailbox that you are adding is not added yet.` : null)), [shell, begun]);

  const lines = useMemo(
    () => fields.map((field): FieldLine => ({ field, value: shownValue(typing, field), wrong: wrong?.field === field })),
    [typing, wrong],
  );
  const draw = useCallback(
    ({ field, value, wrong: bad }: FieldLine, row: { columns: number }) => (
      <>
        <T tone="danger">{bad ? chrome`!` : chrome` `}</T>
        {chrome`${padEndTo(labels[field], 12)} ${cutToWidth(value === '' ? chrome`-` : value, row.columns - 15)}`}
      </>
    ),
    [],
  );
  return (
    <Screen title={chrome`ADD A MAILBOX`} filter={chrome`Enter types · y tests both servers, and adds it`}>
      <List list={list} columns={columns} rowAt={(index) => lines[index]} draw={draw} />
      <Row />
      <Lines tone="muted" lines={wrap(helps[current], columns - 4).map((line) => chrome`  ${line}`)} />
      {wrong !== null && (
        <Lines tone="danger" lines={wrap(chrome`! ${labels[wrong.field]}: ${wrong.why}`, columns - 4).map((line) => chrome`  ${line}`)} />
      )}
      {adding && <T>{chrome`  testing both servers…`}</T>}
    </Screen>
  );
}

/** The new mailbox: the test of its servers, how its import goes, and the way on. */
function Added({ address }: { address: SafeText }): ReactElement {
  const { mirror } = useApp();
  const navigator = useNavigator();
  const shell = useShell();
  const { columns } = useViewport();
  const now = useNow(1_000);
  const mailbox = useView(mirror.mailboxes).data?.find((one) => one.address === address) ?? null;
  const [steps, setSteps] = useState<Result<'mailbox.test'>['steps'] | 'running'>('running');
  const test = useCallback(async () => {
    setSteps('running');
    setSteps((await mirror.call('mailbox.test', { mailbox: address }, { timeoutMs: 90_000 })).steps);
  }, [mirror, address]);
  useEffect(() => shell.attempt(test), [shell, test]);
  const failed = steps !== 'running' && steps.some(({ ok }) => !ok);
  useCommands({
    ...(mailbox === null
      ? {}
      : {
          'item.open': () => navigator.go(bestPlace(mailbox)),
          'go.settings': () => navigator.go({ kind: 'settings', mailbox: address }),
        }),
    'settings.test': test,
  });
  const next = failed
    ? chrome`Something is wrong with what was typed, or with the server. g , opens its settings: mend it there, then test again with T.`
    : chrome`Enter starts using it now: what is newest is here first, the rest comes in behind.`;
  return (
    <Screen title={chrome`ADDED  ${cutToWidth(address, columns - 12)}`} filter={chrome`its servers, and its import`}>
      <Row />
      <ToneLines
        lines={probeLines(steps).flatMap(({ text, tone }) => wrap(text, columns - 4).map((line) => ({ text: chrome`  ${line}`, tone })))}
      />
      <Row />
      {mailbox !== null && <T>{chrome`  import  ${syncWords(mailbox, now, 20)} · ${grouped(mailbox.messages ?? 0)} mails here`}</T>}
      <Row />
      <Lines tone={failed ? 'warning' : 'plain'} lines={wrap(next, columns - 4).map((line) => chrome`  ${line}`)} />
    </Screen>
  );
}
