/** The handlers of all methods, and the one place where a request's needs are enforced. */
import { notFound, PostroomError } from '../protocol/errors.ts';
import { type Asked, type Method, methods, type ResultInput } from '../protocol/methods.ts';
import type { MethodRow, Named, Need, Operation, Surface } from '../protocol/rows.ts';
import { operations } from '../protocol/rows.ts';
import type { Service, Session, Stream } from '../protocol/server.ts';
import type { Surfaces } from './access/decide.ts';
import type { Mailbox } from './directory/document.ts';
import { auditHandlers, refusalRecorder } from './service/audit.ts';
import { doctorHandlers } from './service/doctor.ts';
import { grantHandlers } from './service/grants.ts';
import { historyHandlers } from './service/history.ts';
import { keyHandlers } from './service/keys.ts';
import { leavingHandlers } from './service/leaving.ts';
import { mailHandlers } from './service/mail.ts';
import { mailboxHandlers } from './service/mailboxes.ts';
import { peopleHandlers } from './service/people.ts';
import { changesNothing } from './service/repeats.ts';
import { roleHandlers } from './service/roles.ts';
import { searchHandlers } from './service/search.ts';
import { sendingHandlers } from './service/sending.ts';
import { timelineHandlers } from './service/timeline.ts';
import { rightUsed } from './service/use.ts';
import type { Caller, Handlers, World } from './service/world.ts';
import { refusalOf } from './store/fault.ts';

const handlers: Handlers = {
  ...peopleHandlers,
  ...keyHandlers,
  ...roleHandlers,
  ...leavingHandlers,
  ...grantHandlers,
  ...mailboxHandlers,
  ...historyHandlers,
  ...mailHandlers,
  ...searchHandlers,
  ...sendingHandlers,
  ...timelineHandlers,
  ...doctorHandlers,
  ...auditHandlers,
};

const isOperation = (need: Need): need is Operation => (operations as readonly string[]).includes(need);
const isMailboxSurface = (need: Need): need is Exclude<Surface, 'session'> =>
  need !== 'session' && need !== 'invitation' && !isOperation(need);

/** What each surface is called when it is missing. */
const words: Readonly<Record<Exclude<Surface, 'session'>, string>> = {
  any: 'a right on it',
  panel: 'Send',
  timeline: 'Access',
  open: 'Access or Send',
  send: 'Send',
  settings: 'Setup',
  owner: 'to be its owner',
};

export function createService(world: World): Service<typeof methods> {
  const recordRefusal = refusalRecorder(world);
  const callerOf = (session: Session): Caller => ({
    person: session.who.kind === 'person' ? session.who.person : '',
    key: session.publicKey,
    session: session.id,
    from: world.origins.of(session),
    seq: () => session.seq,
  });

  async function mailboxIdOf(named: Named): Promise<string | null> {
    const snapshot = world.directory.snapshot();
    if ('mailbox' in named) return (snapshot.mailboxByAddress(named.mailbox) ?? snapshot.mailbox(named.mailbox))?.id ?? null;
    if ('conversation' in named) return world.store.mailboxOf('conversation', named.conversation);
    if ('message' in named) return world.store.mailboxOf('message', named.message);
    return world.store.mailboxOf('outbox', named.outbox);
  }

  /**
   * The mailboxes that a request names, if each exists for the person: by name with any right on it, by something inside it only for those
   * who may see that thing. Foreign and missing answer alike and take as long: all are looked up before one is refused.
   */
  async function surfacesOf(person: string, named: readonly Named[]): Promise<{ mailbox: Mailbox; surfaces: Surfaces }[]> {
    const ids = await Promise.all(named.map(mailboxIdOf));
    // Rights as of now, after the look-up: they may have gone meanwhile.
    const snapshot = world.directory.snapshot();
    return named.map((one, at) => {
      const mailbox = snapshot.mailbox(ids[at] ?? '');
      if (mailbox === undefined) throw notFound();
      const surfaces = snapshot.access.surfaces(person, mailbox.id, world.now());
      const visible = 'mailbox' in one ? surfaces.any : 'outbox' in one ? surfaces.send : surfaces.open;
      if (!visible) throw notFound();
      return { mailbox, surfaces };
    });
  }

  async function authorize(session: Session, needs: readonly Need[], named: readonly Named[] | null, method: string): Promise<void> {
    if (session.who.kind === 'invitation') {
      if (needs.every((need) => need === 'invitation')) return;
      throw new PostroomError('forbidden', 'An invitation can only be used to join.');
    }
    const { person } = session.who;
    if (world.directory.snapshot().person(person)?.status !== 'active') {
      throw new PostroomError('unauthenticated', 'You are not signed in here any more. Ask for an invitation.');
    }
    const found = named === null ? [] : await surfacesOf(person, named);
    for (const need of needs.filter(isMailboxSurface)) {
      if (named === null) throw new PostroomError('internal', `a row needs ${need} and names no mailbox`);
      if (found.length === 0) throw new PostroomError('invalid', 'The request names no mailbox, and nothing of one.');
      const closed = found.find(({ surfaces }) => !surfaces[need]);
      if (closed !== undefined)
        throw new PostroomError('forbidden', `On ${closed.mailbox.address} this needs ${words[need]}. Ask its owner.`, {
          why: 'no-grant',
          surface: need,
        });
    }
    const access = world.directory.snapshot().access;
    const missing = needs.filter(isOperation).filter((need) => !access.holds(person, need));
    if (missing.length > 0) {
      throw new PostroomError('forbidden', `This needs ${missing.join(' and ')}. Ask somebody who manages people to allow it to you.`, {
        why: 'no-operation',
        operations: missing,
      });
    }
    for (const { mailbox, surfaces } of found) {
      const used = rightUsed(method as Method, needs, surfaces);
      if (used !== null) world.uses.note(person, mailbox.id, used);
    }
  }

  /** What the machine refuses while it is read is no bug of ours: it leaves with what to do about it. */
  function withWords(error: unknown, method: string): unknown {
    const wayOut = refusalOf(error);
    if (wayOut === null) return error;
    world.log.error({ err: error, method }, 'the machine refused a request');
    return new PostroomError('unavailable', wayOut);
  }

  const service: Service<typeof methods> = {
    async authorize(session, needs, named, method): Promise<void> {
      try {
        await authorize(session, needs, named, method);
      } catch (error) {
        recordRefusal(error, method, named, callerOf(session));
        throw withWords(error, method);
      }
    },

    async call<M extends Method>(method: M, asked: Asked<M>, session: Session, stream: Stream): Promise<ResultInput<M>> {
      const caller = callerOf(session);
      const io = { upload: stream.upload, download: (chunk: Uint8Array) => stream.download(chunk) };
      const row: MethodRow = methods[method];
      const named = row.names?.(asked) ?? null;
      for (;;) {
        const epoch = world.rightsEpoch(caller.person);
        const askAgain = async (): Promise<boolean> => {
          if (world.rightsEpoch(caller.person) === epoch) return false;
          await service.authorize(session, row.needs, named, method);
          return true;
        };
        let result: ResultInput<M>;
        try {
          result = await handlers[method](world, asked, caller, io);
        } catch (error) {
          await askAgain(); // an error tells of a mailbox too
          recordRefusal(error, method, named, caller);
          throw withWords(error, method);
        }
        if (row.download)
          await askAgain(); // each of its chunks was asked for
        else if (changesNothing[method] && (await askAgain())) continue;
        return result;
      }
    },

    maySee(session: Session, needs: Surface, mailbox: string | null): boolean {
      if (session.who.kind !== 'person') return false;
      const snapshot = world.directory.snapshot();
      if (snapshot.person(session.who.person)?.status !== 'active') return false;
      if (needs === 'session') return true;
      return mailbox !== null && snapshot.access.surfaces(session.who.person, mailbox, world.now())[needs];
    },
  };
  return service;
}
