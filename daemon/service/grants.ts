/** Who may do what on a mailbox: asked, explained, tried out and changed. Rights are compared by `daemon/access` alone. */
import { setImmediate } from 'node:timers/promises';
import { notFound, PostroomError } from '../../protocol/errors.ts';
import type { Asked, ResultInput } from '../../protocol/methods.ts';
import { safeText } from '../../protocol/text.ts';
import { type Chain, difference, explain } from '../access/explain.ts';
import { matrix } from '../access/matrix.ts';
import type { Millis } from '../access/reach.ts';
import { unused } from '../access/unused.ts';
import type { GrantEdit } from '../directory/changes.ts';
import * as changes from '../directory/changes.ts';
import type { Directory, Mailbox } from '../directory/document.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import { absent, change, granteeNamed } from './people.ts';
import { actOf, policyOf } from './policy.ts';
import { granteeOf, grantOf, iso, isoOrNull, refusedOf, safeOrNull } from './wire.ts';
import { type Caller, type Handlers, mailboxesWith, mailboxNamed, type World } from './world.ts';

const millis = (date: string | null): Millis | null => (date === null ? null : Date.parse(date));

function grantRows(world: World, name: string) {
  const snapshot = world.directory.snapshot();
  const mailbox = mailboxNamed(snapshot, name);
  const policy = policyOf(world.config);
  const rows = snapshot
    .grantsOn(mailbox.id)
    .map((grant) => grantOf(snapshot, grant, changes.refusedByPolicy(snapshot.directory, mailbox, grant.grantee, policy)));
  return { revision: mailbox.revision, shared: mailbox.shared, rows };
}

type Staged = { readonly mailbox: string; readonly ifRevision: number | null };

/** Names as ids; the mailbox was authorized, the grantees are looked up now. */
function askedOf(snapshot: Snapshot, { mailbox, ifRevision }: Staged, edits: readonly Asked<'grant.write'>['edits'][number][]) {
  return {
    mailbox: mailboxNamed(snapshot, mailbox).id,
    ifRevision,
    edits: edits.map((edit): GrantEdit => {
      switch (edit.kind) {
        case 'set':
          return { ...edit, grantee: granteeNamed(snapshot, edit.grantee) };
        case 'add':
          return { ...edit, grantee: granteeNamed(snapshot, edit.grantee), from: millis(edit.from), until: Date.parse(edit.until) };
        case 'change':
          return { ...edit, from: millis(edit.from), until: millis(edit.until) };
        case 'remove':
          return { ...edit, grantee: granteeNamed(snapshot, edit.grantee) };
        default:
          return edit satisfies never;
      }
    }),
  };
}

async function write(world: World, caller: Caller, staged: Staged, edits: Asked<'grant.write'>['edits']): Promise<Snapshot> {
  const asked = askedOf(world.directory.snapshot(), staged, edits);
  return (await change(world, caller, (doc, act) => changes.grantsEdit(doc, asked, act))).snapshot;
}

function matrixOf(snapshot: Snapshot, mailbox: Mailbox, now: Millis): ResultInput<'grant.matrix'> {
  return {
    mailbox: safeText(mailbox.address),
    revision: mailbox.revision,
    shared: mailbox.shared,
    owner: safeText(snapshot.nameOf(mailbox.owner)),
    rows: matrix(snapshot.directory, mailbox, now).map(({ grantee, owner, people, grant, state, inherited }) => ({
      grantee: { kind: grantee.kind, name: safeText(grantee.name) },
      owner,
      people,
      grant: grant?.id ?? null,
      access: grant?.access ?? false,
      send: grant?.send ?? false,
      setup: grant?.setup ?? false,
      inherited: {
        access: inherited.access.map((source) => safeText(source)),
        send: inherited.send.map((source) => safeText(source)),
        setup: inherited.setup.map((source) => safeText(source)),
      },
      state,
      from: isoOrNull(grant?.from ?? null),
      until: isoOrNull(grant?.until ?? null),
      note: safeOrNull(grant?.note ?? null),
      by: grant === null ? null : safeText(snapshot.nameOf(grant.by)),
      at: isoOrNull(grant?.at ?? null),
    })),
  };
}

/** What somebody holds on the mailbox and through what, with what the sharing policy says of it today. Null: no such person. */
function explained(world: World, doc: Directory, person: string, mailbox: Mailbox, now: Millis): ResultInput<'grant.explain'> | null {
  const why = explain(doc, person, mailbox.id, now);
  if (why === null) return null;
  const policy = policyOf(world.config);
  const refused = (id: string | null) => {
    const grant = id === null ? undefined : doc.grants.find((one) => one.id === id);
    return grant === undefined ? null : safeOrNull(changes.refusedByPolicy(doc, mailbox, grant.grantee, policy)?.message ?? null);
  };
  const chainOf = ({ via, ...rest }: Chain) => ({ ...rest, via: via.map((step) => safeText(step)) });
  return {
    mailbox: safeText(why.mailbox),
    person: safeText(why.person),
    rights: why.rights,
    because: why.because.map(({ right, ...chain }) => ({ right, ...chainOf(chain), policy: refused(chain.grant) })),
    denied: why.denied.map((one) => ({ right: one.right, why: safeText(one.why), through: one.through.map(chainOf) })),
  };
}

const dayMs: Millis = 86_400_000;

/** The mailboxes whose Setup the caller holds, or the one of them that was named. */
function setUpBy(snapshot: Snapshot, { person }: Caller, named: string | null, now: Millis): Mailbox[] {
  if (named === null) return mailboxesWith(snapshot, person, 'settings', now);
  const mailbox = snapshot.mailboxByAddress(named) ?? snapshot.mailbox(named);
  const surfaces = mailbox === undefined ? null : snapshot.access.surfaces(person, mailbox.id, now);
  if (mailbox === undefined || surfaces?.any !== true) throw notFound();
  if (!surfaces.settings)
    throw new PostroomError('forbidden', `On ${mailbox.address} this needs Setup. Ask its owner.`, {
      why: 'no-grant',
      surface: 'settings',
    });
  return [mailbox];
}

const shownSurfaces = ['panel', 'timeline', 'send', 'settings'] as const;

function differencesOf(before: Directory, after: Directory, mailbox: Mailbox, now: Millis): ResultInput<'grant.preview'>['differences'] {
  const names = new Map(after.persons.map(({ id, name }) => [id, name]));
  return difference(before, after, now)
    .filter((one) => one.mailbox === mailbox.id)
    .map(({ person, gains, loses, from }) => ({
      person: safeText(names.get(person) ?? ''),
      gains: shownSurfaces.filter((surface) => gains.includes(surface)),
      loses: shownSurfaces.filter((surface) => loses.includes(surface)),
      from: from > now ? iso(from) : null,
    }))
    .sort((a, b) => (a.person < b.person ? -1 : 1));
}

/** The owner, then whoever a live grant of Setup was given to. */
function holdersOf(after: Directory, mailbox: Mailbox, now: Millis): ResultInput<'grant.preview'>['holders'] {
  const entries = matrix(after, mailbox, now);
  const holding = [...entries.filter(({ owner }) => owner), ...entries.filter((one) => one.state === 'live' && one.grant?.setup === true)];
  const once = new Map(holding.map(({ grantee, people }) => [grantee.id, { kind: grantee.kind, name: safeText(grantee.name), people }]));
  return [...once.values()];
}

type GrantMethods =
  | 'grant.list'
  | 'grant.set'
  | 'grant.add'
  | 'grant.remove'
  | 'grant.explain'
  | 'grant.unused'
  | 'grant.matrix'
  | 'grant.preview'
  | 'grant.write';

export const grantHandlers: Handlers<GrantMethods> = {
  'grant.list': async (world, asked) => grantRows(world, asked.mailbox),

  'grant.set': async (world, asked, caller) => {
    const { grantee, access, send, setup, note } = asked;
    await write(world, caller, asked, [{ kind: 'set', grantee, access, send, setup, note }]);
    return grantRows(world, asked.mailbox);
  },

  'grant.add': async (world, asked, caller) => {
    const { grantee, access, send, setup, from, until, note } = asked;
    await write(world, caller, asked, [{ kind: 'add', grantee, access, send, setup, from, until, note }]);
    return grantRows(world, asked.mailbox);
  },

  'grant.remove': async (world, asked, caller) => {
    await write(world, caller, asked, [{ kind: 'remove', grantee: asked.grantee, grant: asked.grant }]);
    return grantRows(world, asked.mailbox);
  },

  'grant.explain': async (world, asked, caller) => {
    const now = world.now();
    const snapshot = world.directory.snapshot();
    const mailbox = mailboxNamed(snapshot, asked.mailbox);
    const person = snapshot.personByName(asked.person);
    if (person?.id !== caller.person && !snapshot.access.surfaces(caller.person, mailbox.id, now).settings) {
      throw new PostroomError(
        'forbidden',
        `Only the owner and holders of Setup may ask about others on ${mailbox.address}. You may ask about yourself.`,
        { why: 'no-grant' },
      );
    }
    const why = person === undefined ? null : explained(world, snapshot.directory, person.id, mailbox, now);
    if (why === null) throw absent('person', asked.person);
    return why;
  },

  'grant.unused': async (world, { mailbox, days, limit }, caller) => {
    await world.uses.flush(); // what was just used is not called unused
    const watchedSince = await world.store.watchedSince();
    const now = world.now();
    const snapshot = world.directory.snapshot();
    const mailboxes = setUpBy(snapshot, caller, mailbox, now);
    const byMailbox = Map.groupBy(await world.store.uses(mailboxes.map(({ id }) => id)), (use) => use.mailbox);
    const rows: ResultInput<'grant.unused'>['rows'] = [];
    let total = 0;
    for (const [index, box] of mailboxes.entries()) {
      if (index % 10 === 9) await setImmediate(); // others get a turn
      const asked = { grants: snapshot.grantsOn(box.id), uses: byMailbox.get(box.id) ?? [], now, before: now - days * dayMs, watchedSince };
      for (const { grant, right, since, lastUsed, people } of unused(snapshot.directory, box, asked)) {
        total++;
        if (rows.length === limit) continue;
        rows.push({
          mailbox: safeText(box.address),
          grant: grant.id,
          grantee: granteeOf(snapshot, grant.grantee),
          right,
          since: iso(since),
          lastUsed: isoOrNull(lastUsed),
          people,
        });
      }
    }
    return { days, watchedSince: iso(watchedSince), rows, total };
  },

  'grant.matrix': async (world, asked) => {
    const snapshot = world.directory.snapshot();
    return matrixOf(snapshot, mailboxNamed(snapshot, asked.mailbox), world.now());
  },

  'grant.preview': async (world, asked, caller) => {
    const now = world.now();
    const snapshot = world.directory.snapshot();
    const before = snapshot.directory;
    const mailbox = mailboxNamed(snapshot, asked.mailbox);
    const person = asked.person === null ? undefined : snapshot.personByName(asked.person);
    if (asked.person !== null && person === undefined) throw absent('person', asked.person);
    const { after, refused } = changes.grantsPreview(before, askedOf(snapshot, asked, asked.edits), actOf(world, caller, now));
    const held = (doc: Directory) => (person === undefined ? null : explained(world, doc, person.id, mailbox, now));
    return {
      mailbox: safeText(mailbox.address),
      revision: mailbox.revision,
      differences: differencesOf(before, after, mailbox, now),
      holders: holdersOf(after, mailbox, now),
      present: held(before),
      effective: held(after),
      refused: refusedOf(refused),
    };
  },

  'grant.write': async (world, asked, caller) => {
    const snapshot = await write(world, caller, asked, asked.edits);
    return matrixOf(snapshot, mailboxNamed(snapshot, asked.mailbox), world.now());
  },
};
