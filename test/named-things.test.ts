/** Whatever of a mailbox a request names is asked about before anything of it is read: every id, and all of them before one is refused. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { Snapshot } from '../daemon/directory/snapshot.ts';
import type { World } from '../daemon/service/world.ts';
import { createService } from '../daemon/service.ts';
import { PostroomError } from '../protocol/errors.ts';
import { type Method, methods } from '../protocol/methods.ts';
import type { Named } from '../protocol/rows.ts';
import type { Session } from '../protocol/server.ts';
import { grant, keyOf, mailbox, organisation, person } from './support/arbitraries.ts';

/** Fields that name a mailbox or something inside one, whatever row they stand in. */
const namingFields = ['mailbox', 'from', 'conversation', 'in', 'message', 'outbox'];

type Schema = { properties?: Record<string, Schema>; anyOf?: readonly Schema[]; type?: string; format?: string; pattern?: string };

/** Every place in the params of a row where such a field may stand. */
function placesOf(schema: Schema, path: readonly string[] = []): string[][] {
  return [schema, ...(schema.anyOf ?? [])].flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([key, inner]) => {
      const here = [...path, key];
      const texts = [inner, ...(inner.anyOf ?? [])].filter(({ type, format }) => type === 'string' && format === undefined);
      return namingFields.includes(key) && texts.length > 0 ? [here] : placesOf(inner, here);
    }),
  );
}

/** Params in which every such place holds a name of its own. */
function filled(places: readonly string[][]): object {
  const asked: Record<string, unknown> = {};
  for (const path of places) {
    let at = asked;
    for (const key of path.slice(0, -1)) {
      const inner = (at[key] ?? {}) as Record<string, unknown>;
      at[key] = inner;
      at = inner;
    }
    at[path.at(-1) ?? ''] = path.join('.');
  }
  return asked;
}

describe('every row', () => {
  const rows = Object.entries(methods).flatMap(([name, { names, params }]) => {
    const places = placesOf(z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }) as Schema);
    return names === undefined ? [] : [{ name, places, names: names as (asked: object) => readonly Named[] }];
  });

  test.each(rows)('$name names all that it was given', ({ places, names }) => {
    expect(places.length).toBeGreaterThan(0);
    const named = names(filled(places)).map((one) => Object.values(one)[0]);
    expect(named.sort()).toEqual(places.map((path) => path.join('.')).sort());
  });

  test('a mail to be replaced stands deeper, and is found', () => {
    expect(rows.find(({ name }) => name === 'outbox.send')?.places).toContainEqual(['instead', 'outbox']);
  });
});

describe('authorization', () => {
  const [kim, anna] = [person(0, { name: 'kim' }), person(1, { name: 'anna' })];
  const [own, foreign] = [mailbox(0, kim), mailbox(1, anna)];
  const seen = mailbox(2, anna);
  const doc = organisation({
    persons: [kim, anna],
    mailboxes: [own, foreign, seen],
    grants: [grant(0, seen, kim, { access: true, send: false })],
  });

  /** What a request comes to, and which ids were looked up before. Ids are `KIND MAILBOX`. */
  async function asked(method: Method, named: readonly Named[]) {
    const lookedUp: string[] = [];
    const world = {
      directory: { snapshot: () => new Snapshot(doc) },
      store: {
        mailboxOf: async (kind: string, id: string) => {
          lookedUp.push(kind);
          const [, of] = id.split(' ');
          return doc.mailboxes.find((one) => one.id === of)?.id ?? null;
        },
        recordAudit: async () => undefined,
      },
      now: () => 1_750_000_000_000,
      origins: { of: () => 'ipc' },
      uses: { note: () => undefined },
    } as unknown as World;
    const session = { id: 'x', publicKey: keyOf(1), seq: 0, who: { kind: 'person', person: kim.id } } as unknown as Session;
    const code = await Promise.resolve(createService(world).authorize(session, methods[method].needs, named, method)).then(
      () => 'yes',
      (error: unknown) => (error instanceof PostroomError ? error.code : String(error)),
    );
    return { code, lookedUp };
  }

  const places = { own: own.id, foreign: foreign.id, seen: seen.id, nowhere: 'gone' };
  type At = keyof typeof places;
  const all = Object.keys(places) as At[];
  const at = (conversation: At, outbox: At): Named[] => [
    { conversation: `c ${places[conversation]}` },
    { message: `e ${places[conversation]}` },
    { outbox: `o ${places[outbox]}` },
  ];

  test.each(all.flatMap((conversation) => all.map((outbox) => [conversation, outbox] as const)))(
    'a send in a conversation %s instead of a mail %s',
    async (conversation, outbox) => {
      const { code, lookedUp } = await asked('outbox.send', at(conversation, outbox));
      expect(lookedUp).toEqual(['conversation', 'message', 'outbox']); // all, whichever is refused
      const open = (where: At, kind: 'open' | 'send') => where === 'own' || (kind === 'open' && where === 'seen');
      const visible = open(conversation, 'open') && open(outbox, 'send');
      expect(code).toBe(visible ? (conversation === 'own' ? 'yes' : 'forbidden') : 'not-found');
    },
  );

  test('a request for something of a mailbox that names nothing is no request', async () => {
    expect((await asked('outbox.send', [])).code).toBe('invalid');
  });
});
