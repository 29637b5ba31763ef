/**
 * The audit journal for those who hold `audit.read`. Looking at it is written into it: once for each query, whichever way it is paged, so a
 * cursor is only good when it comes from an opening that was written down, of the same person and the same question.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { PostroomError } from '../../protocol/errors.ts';
import type { Asked, Method } from '../../protocol/methods.ts';
import type { Named } from '../../protocol/rows.ts';
import { safeText } from '../../protocol/text.ts';
import { fold } from '../directory/document.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import type { AuditDraft, AuditFilter, AuditRecord, Millis } from '../store/types.ts';
import { originOf } from './origin.ts';
import { absent } from './people.ts';
import type { Caller, Handlers, World } from './world.ts';

// --- what is asked for ---------------------------------------------------------------------------------------------

type Question = Pick<Asked<'audit.list'>, 'mailbox' | 'person' | 'since' | 'until' | 'action' | 'for'>;

function filterOf(snapshot: Snapshot, { mailbox, person, since, until, action }: Question): AuditFilter {
  const named = mailbox === null ? undefined : (snapshot.mailboxByAddress(mailbox) ?? snapshot.mailbox(mailbox));
  const persons = person === null ? null : personsNamed(snapshot, person);
  return {
    mailbox: mailbox === null ? null : { id: named?.id ?? null, address: named?.address ?? mailbox },
    persons,
    since: since === null ? null : Date.parse(since),
    until: until === null ? null : Date.parse(until),
    action,
  };
}

/** Those who were removed keep their names; one who came later may have the same. */
function personsNamed(snapshot: Snapshot, name: string): string[] {
  const { persons, former } = snapshot.directory;
  const found = [...persons, ...former].filter((one) => fold(one.name) === fold(name.trim())).map(({ id }) => id);
  if (found.length === 0) throw absent('person', name);
  return found;
}

// --- cursors -------------------------------------------------------------------------------------------------------

/** `<`: what is older than a number, `>`: what is newer. */
type Cursor = { readonly towards: '<' | '>'; readonly seq: number };

const key = randomBytes(32); // cursors do not outlive the daemon: the next one wants to know who looks

const sealOf = (body: string, question: Question, person: string): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify([body, person, question]))
    .digest();

const questionOf = ({ mailbox, person, since, until, action, for: what }: Question): Question => ({
  mailbox,
  person,
  since,
  until,
  action,
  for: what,
});

const written = ({ towards, seq }: Cursor, question: Question, person: string): string => {
  const body = `${towards}${seq}`;
  return `${body}.${sealOf(body, question, person).toString('base64url')}`;
};

function read(text: string, question: Question, person: string): Cursor {
  const found = /^([<>])(\d{1,16})\.([\w-]{43})$/.exec(text);
  const seal = Buffer.from(found?.[3] ?? '', 'base64url');
  const due = sealOf(`${found?.[1]}${found?.[2]}`, question, person);
  if (found === null || seal.length !== due.length || !timingSafeEqual(seal, due)) {
    throw new PostroomError('invalid', 'This cursor is not of this question, or the daemon was started since. Ask again without it.', {
      path: 'cursor',
    });
  }
  return { towards: found[1] === '<' ? '<' : '>', seq: Number(found[2]) };
}

// --- handlers ------------------------------------------------------------------------------------------------------

const rowOf = (record: AuditRecord) => {
  const { actor, from, action, subject, mailbox, summary, session, key: of } = record;
  const safe = (text: string | null) => (text === null ? null : safeText(text));
  return {
    ...record,
    actor: safe(actor),
    session: safe(session),
    key: safe(of),
    from: safe(from),
    action: safeText(action),
    subject: safeText(subject),
    mailbox: safe(mailbox),
    summary: safeText(summary),
  };
};

function draftOf(world: World, caller: Caller, draft: Pick<AuditDraft, 'action' | 'subject' | 'summary' | 'details'>): AuditDraft {
  return {
    at: world.now(),
    actor: { id: caller.person, name: world.directory.snapshot().nameOf(caller.person) },
    origin: originOf(caller),
    person: null,
    mailbox: null,
    once: null,
    ...draft,
  };
}

export const auditHandlers: Handlers<'audit.list' | 'audit.verify'> = {
  'audit.list': async (world, asked, caller) => {
    const question = questionOf(asked);
    const filter = filterOf(world.directory.snapshot(), question);
    const { limit } = asked;
    await world.journalSettled(); // whoever was answered a change finds it
    const page = (before: number | null, after: number | null, oldestFirst: boolean) =>
      world.store.audit({ filter, before, after, oldestFirst, limit });
    const cursor = (towards: Cursor['towards'], seq: number): string => written({ towards, seq }, question, caller.person);
    const at = asked.cursor === null ? null : read(asked.cursor, question, caller.person);
    if (at === null) {
      const given = Object.fromEntries(Object.entries(question).filter(([name, value]) => name !== 'for' && value !== null));
      const [action, did] = asked.for === 'export' ? ['audit.export', 'exported'] : ['audit.open', 'opened'];
      const what = Object.entries(given).map(([name, value]) => `${name} ${value}`);
      const summary = `${did} the audit journal${what.length === 0 ? '' : `: ${what.join(', ')}`}`;
      await world.store.recordAudit([draftOf(world, caller, { action, subject: 'audit', summary, details: given })]);
    }
    if (asked.for === 'export') {
      const rows = await page(null, at?.seq ?? 0, true);
      const last = rows.at(-1);
      return { rows: rows.map(rowOf), next: rows.length < limit || last === undefined ? null : cursor('>', last.seq), newer: null };
    }
    if (at?.towards === '>') {
      const rows = (await page(null, at.seq, true)).reverse();
      return { rows: rows.map(rowOf), next: null, newer: cursor('>', rows[0]?.seq ?? at.seq) };
    }
    const rows = await page(at?.seq ?? null, null, false);
    const last = rows.at(-1);
    const next = rows.length < limit || last === undefined ? null : cursor('<', last.seq);
    return { rows: rows.map(rowOf), next, newer: at === null ? cursor('>', rows[0]?.seq ?? 0) : null };
  },

  'audit.verify': async (world, asked, caller) => {
    await world.journalSettled();
    const { ok, rows, head, findings } = await world.store.verifyAudit(asked.head);
    const [first] = findings;
    const summary = ok
      ? `verified the audit journal: ${rows} lines are whole`
      : `verified the audit journal: it is broken at line ${first?.seq}`;
    await world.store.recordAudit([draftOf(world, caller, { action: 'audit.verify', subject: 'audit', summary, details: { ok, rows } })]);
    return { ok, rows, head, findings: findings.map((one) => ({ ...one, message: safeText(one.message) })) };
  },
};

// --- what was refused ----------------------------------------------------------------------------------------------

const matters =
  /^(?:person|key|role|mailbox|grant|outbox)\..*(?:add|invite|set|disable|enable|remove|allow|deny|revoke|share|unshare|transfer|write|send|cancel|retry|settle)$|^audit\./;
/** Somebody who tries again and again is told of once in this time. */
const quietMs: Millis = 60_000;
const maxQuiet = 10_000;

/** Writes down who was refused a change, a send or the journal. Nobody waits for it, and a refusal stays one if it cannot be written. */
export function refusalRecorder(world: World): (error: unknown, method: string, named: readonly Named[] | null, caller: Caller) => void {
  const quiet = new Map<string, Millis>();
  return (error, method, named, caller) => {
    if (!(error instanceof PostroomError) || error.code !== 'forbidden' || caller.person === '' || !matters.test(method as Method)) return;
    const snapshot = world.directory.snapshot();
    const address = named?.flatMap((one) => ('mailbox' in one ? [one.mailbox] : []))[0];
    const mailbox = address === undefined ? undefined : (snapshot.mailboxByAddress(address) ?? snapshot.mailbox(address));
    const what = `${caller.person} ${method} ${mailbox?.id ?? ''}`;
    const now = world.now();
    if (now < (quiet.get(what) ?? 0)) return;
    if (quiet.size >= maxQuiet) quiet.clear();
    quiet.set(what, now + quietMs);
    const { why, operations, surface } = error.details;
    const draft = draftOf(world, caller, {
      action: 'refused',
      subject: method,
      summary: `was refused ${method}: ${error.message}`,
      details: { method, why, operations, surface },
    });
    const about = mailbox === undefined ? null : { id: mailbox.id, address: mailbox.address };
    world.store.recordAudit([{ ...draft, mailbox: about }]).catch((failure: unknown) => {
      world.log.error({ err: failure, method }, 'a refusal could not be written into the audit journal');
    });
  };
}
