/**
 * What rights cost in a large organisation: a decision beside a look-up in a Map, a change beside the plainest way to store the same
 * document, which is to print it whole, write it and sync. Rates and what a change costs are of the main thread's processor, so that a
 * busy machine changes them little; the other times are by the clock.
 */
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { rights } from '../daemon/access/decide.ts';
import { explain, moves } from '../daemon/access/explain.ts';
import { matrix } from '../daemon/access/matrix.ts';
import * as changes from '../daemon/directory/changes.ts';
import { Consistency } from '../daemon/directory/consistency.ts';
import type { Directory } from '../daemon/directory/document.ts';
import { type DirectoryStore, openDirectory } from '../daemon/directory/durable.ts';
import { Printer } from '../daemon/directory/generation.ts';
import { Snapshot } from '../daemon/directory/snapshot.ts';
import { followRights } from '../daemon/rights.ts';
import { tempDir } from '../test/support/tempdir.ts';
import { ms, print, quantiles, ratio } from './figures.ts';
import { idOf, numbers, organisation, sizes, today } from './organisation.ts';

const pairs = 100_000;
const changesMade = 200;
const starts = 5;
const enoughMs = 300;

export async function rightsBench(): Promise<void> {
  await using directory = await tempDir();
  const path = join(directory.path, 'grants.json');
  await openDirectory(path, { create: organisation(), now: () => today });
  const { size } = await stat(path);
  print(
    'organisation',
    `${sizes.persons} persons, ${sizes.roles} roles, ${sizes.mailboxes} mailboxes, ${sizes.grants} grants; ${(size / 1e6).toFixed(1)} MB`,
  );

  const plainly = quantiles(await cpuOfEach(starts, async () => JSON.parse(await readWhole(path))));
  const started = quantiles(await cpuOfEach(starts, () => openDirectory(path, { now: () => today })));
  print('read at start, p50', `${ms(started.p50)}  (${ratio(started.p50, plainly.p50)} JSON.parse of the file, ${ms(plainly.p50)})`);

  const store = await openDirectory(path, { now: () => today });
  asked(store);
  listed(store);
  await changed(store, directory.path);
  print('memory of the process', `${Math.round(process.memoryUsage().rss / 1e6)} MB`);
}

async function readWhole(path: string): Promise<string> {
  await using file = await open(path);
  return file.readFile('utf8');
}

function asked(store: DirectoryStore): void {
  const { directory, access } = store.snapshot();
  const next = numbers(2);
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] ?? raise('the list is empty');
  const questions = Array.from({ length: pairs }, () => ({
    person: oneOf(directory.persons).id,
    mailbox: oneOf(directory.mailboxes).id,
    right: oneOf(rights),
  }));
  const mailboxes = new Map(directory.mailboxes.map((mailbox) => [mailbox.id, mailbox]));

  const perSecond = (count: number, ask: (question: (typeof questions)[number]) => unknown): number => {
    const round = (): void => {
      for (const question of questions.slice(0, count)) ask(question);
    };
    round(); // warm, and who everybody is has been worked out
    // The clock of a thread may tick only every few milliseconds: so as often as it takes to see many ticks.
    const began = process.threadCpuUsage();
    let rounds = 0;
    do {
      round();
      rounds++;
    } while (cpuSince(began) < enoughMs);
    return (rounds * count) / (cpuSince(began) / 1_000);
  };
  const lookedUp = perSecond(pairs, ({ mailbox }) => mailboxes.get(mailbox));
  const decided = perSecond(pairs, ({ person, right, mailbox }) => access.decide(person, right, mailbox, today));
  const opened = perSecond(pairs, ({ person, mailbox }) => access.surfaces(person, mailbox, today));
  const explained = perSecond(pairs / 10, ({ person, mailbox }) => explain(directory, person, mailbox, today));
  const each = (rate: number): string => `${Math.round(rate).toLocaleString('en')}/s, ${(1e6 / rate).toFixed(2)} us each`;
  print('Map.get of a mailbox', each(lookedUp));
  print('decide one right', `${each(decided)}  (${ratio(lookedUp, decided)} the Map's time)`);
  print('all surfaces of one mailbox', each(opened));
  print('explain', each(explained));
}

function listed(store: DirectoryStore): void {
  const { directory, access } = store.snapshot();
  let rows = 0;
  const each = directory.mailboxes.map((mailbox) => {
    return lasted(() => {
      rows = Math.max(rows, matrix(directory, mailbox, today).length);
    });
  });
  const found = quantiles(each);
  print('grants matrix of a mailbox, p50 / p99 / largest', `${ms(found.p50)} / ${ms(found.p99)} / ${ms(found.max)} (${rows} rows)`);
  const panel = quantiles(directory.persons.slice(0, 500).map(({ id }) => lasted(() => access.mailboxes(id, today))));
  print('mailboxes of a person, p50 / p99', `${ms(panel.p50)} / ${ms(panel.p99)}`);
}

/** Changes of every kind, one after another, with everything that follows from them but the engines. */
async function changed(store: DirectoryStore, folder: string): Promise<void> {
  const online = new Set(Array.from({ length: 50 }, (_, n) => idOf('p', n)));
  const following = followRights({
    directory: store,
    store: {
      assignees: async () => [],
      usersNoted: async () => [],
      unsent: async () => [],
      outbox: async () => [],
      interruptSearches: () => undefined,
    },
    sync: { start: () => undefined, stop: async () => undefined },
    hosted: { prepare: async () => undefined },
    outbox: { revoked: async () => 0, tryNow: async () => undefined },
    accountOf: () => raise('no mailbox changes its account'),
    log: { error: (about: unknown) => raise(JSON.stringify(about)) },
    now: () => today,
    publish: () => undefined,
    online: () => online,
    endSessions: () => undefined,
    recheckStreams: () => undefined,
  } as unknown as Parameters<typeof followRights>[0]);

  const samples = { main: [] as number[], durable: [] as number[] };
  for (let n = 0; n < changesMade; n++) {
    const began = { at: performance.now(), cpu: process.threadCpuUsage() };
    const { before, after } = await store.change((doc) => someChange(doc, n));
    await following.settled();
    samples.main.push(cpuSince(began.cpu));
    samples.durable.push(performance.now() - began.at);
    if (after === before) throw new Error(`change ${n} changed nothing`);
    store.recorded(store.unrecorded().map(({ id }) => id));
  }
  const everybody = quantiles(
    await cpuOfEach(6, (n) =>
      store.change((doc) => grantTo({ kind: 'role', id: idOf('r', 0) }, 1, n)(doc)).then(() => following.settled()),
    ),
  );
  following.close();
  parts(store.snapshot());

  const { directory } = store.snapshot();
  const plain = { main: [] as number[], durable: [] as number[] };
  for (let n = 0; n < 20; n++) {
    const began = { at: performance.now(), cpu: process.threadCpuUsage() };
    await using file = await open(join(folder, 'plain.json'), 'w');
    await file.writeFile(JSON.stringify(directory));
    await file.sync();
    plain.main.push(cpuSince(began.cpu));
    plain.durable.push(performance.now() - began.at);
  }
  const [ours, theirs] = [
    { main: quantiles(samples.main), durable: quantiles(samples.durable) },
    { main: quantiles(plain.main), durable: quantiles(plain.durable) },
  ];
  print('stringify, write, sync: main thread, p50 / p99', `${ms(theirs.main.p50)} / ${ms(theirs.main.p99)}`);
  print(
    'a change: main thread, p50 / p99',
    `${ms(ours.main.p50)} / ${ms(ours.main.p99)}  (${ratio(ours.main.p50, theirs.main.p50)} its p50)`,
  );
  print(
    'a change: until durable, p50 / p99',
    `${ms(ours.durable.p50)} / ${ms(ours.durable.p99)}  (${ratio(ours.durable.p50, theirs.durable.p50)} its p50, ${ms(theirs.durable.p50)})`,
  );
  print('a grant to everybody, taken away and given: main', `${ms(everybody.p50)}, at most ${ms(everybody.max)}`);
}

/** What a change consists of, each part by itself. Writing and syncing are not on the main thread. */
function parts(begin: Snapshot): void {
  const samples = { judge: [] as number[], check: [] as number[], print: [] as number[], index: [] as number[], follow: [] as number[] };
  const consistency = new Consistency(begin.directory);
  const printer = new Printer();
  printer.print({ directory: begin.directory, unrecorded: [] });
  let before = begin;
  for (let n = 0; n < 100; n++) {
    const { directory } = before;
    let after = directory;
    samples.judge.push(
      lasted(() => {
        after = someChange(directory, 1 + 8 * n).doc;
      }),
    );
    samples.check.push(lasted(() => consistency.follow(directory, after)));
    samples.print.push(lasted(() => printer.print({ directory: after, unrecorded: [] })));
    let next = before;
    samples.index.push(
      lasted(() => {
        next = new Snapshot(after, before);
      }),
    );
    samples.follow.push(lasted(() => moves(directory, today, after, today)));
    before = next;
  }
  const p50 = Object.values(samples).map((each) => ms(quantiles(each).p50));
  print('a grant to a team: judge, check, print, index, tell', p50.join(', '));
}

function someChange(doc: Directory, n: number): changes.Change {
  const admin = { actor: idOf('p', 0), now: today, policy: changes.openPolicy };
  const person = idOf('p', 1 + ((n * 37) % (sizes.persons - 1)));
  const team = { kind: 'role', id: idOf('r', 111 + ((n * 7) % 380)) } as const;
  const round = Math.floor(n / 8);
  switch (n % 8) {
    case 0:
      return grantTo({ kind: 'person', id: person }, (n * 11) % sizes.mailboxes, 0)(doc);
    case 1:
      return grantTo(team, (n * 13) % sizes.mailboxes, 0)(doc);
    case 2:
      return grantTo({ kind: 'role', id: idOf('r', 11 + (round % 100)) }, (n * 17) % sizes.mailboxes, 0)(doc);
    case 3: {
      const { grantee, mailbox } = doc.grants[(n * 91) % doc.grants.length] ?? raise('no grants');
      return changes.grantRemove(doc, { mailbox, grantee, grant: null }, { ...admin, actor: ownerOf(doc, mailbox) });
    }
    case 4:
      return changes.roleMemberAdd(
        doc,
        { role: team.id, member: { kind: 'person', id: idOf('p', 3 + 391 * (round % 12) + round) } },
        admin,
      );
    case 5:
      return changes.personSet(doc, { person, plan: `plan ${n}` }, admin);
    case 6:
      return changes.personDisable(doc, { person: idOf('p', 500 + round) }, admin);
    default:
      return changes.personEnable(doc, { person: idOf('p', 500 + round) }, admin);
  }
}

/** By the owner, given and, at each second time, taken away. */
const grantTo =
  (grantee: { kind: 'person' | 'role'; id: string }, at: number, n: number) =>
  (doc: Directory): changes.Change => {
    const mailbox = idOf('m', at);
    const act = { actor: ownerOf(doc, mailbox), now: today, policy: changes.openPolicy };
    if (n % 2 === 1) return changes.grantRemove(doc, { mailbox, grantee, grant: null }, act);
    return changes.grantSet(doc, { mailbox, grantee, access: true, send: true, setup: false, note: 'bench' }, act);
  };

/** The first person owns what a disabled one did: only somebody who is there changes grants. */
const ownerOf = (doc: Directory, mailbox: string): string =>
  doc.mailboxes.find(({ id }) => id === mailbox)?.owner ?? raise('no such mailbox');

function raise(message: string): never {
  throw new Error(message);
}

function lasted(call: () => unknown): number {
  const began = performance.now();
  call();
  return performance.now() - began;
}

function cpuSince(began: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(began);
  return (user + system) / 1_000;
}

async function cpuOfEach(count: number, call: (n: number) => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let n = 0; n < count; n++) {
    const began = process.threadCpuUsage();
    await call(n);
    samples.push(cpuSince(began));
  }
  return samples;
}
