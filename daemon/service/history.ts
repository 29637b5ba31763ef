/**
 * The history of a mailbox's settings, for those who may change them. It is read from the audit journal, and tells of it only what the
 * settings themselves tell: which field, from what to what, who, when. Sessions, places and everything else stay with `audit.read`.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import * as z from 'zod';
import { PostroomError } from '../../protocol/errors.ts';
import type { ResultInput } from '../../protocol/methods.ts';
import { SettingField } from '../../protocol/schema.ts';
import { safeBlock, safeText } from '../../protocol/text.ts';
import type { SettingsAct, SettingsHistory } from '../store/types.ts';
import { iso, safeOrNull, serverUrl } from './wire.ts';
import { type Handlers, mailboxNamed } from './world.ts';

type Row = ResultInput<'mailbox.history'>['rows'][number];
type Value = Row['before'];
type Field = Row['field'];

// --- from the journal's words to those of `mailbox show` ------------------------------------------------------------

const Change = z.object({ before: z.json(), after: z.json() });
const Server = z.object({
  host: z.string(),
  port: z.int(),
  tls: z.enum(['implicit', 'starttls', 'none']),
  user: z.string(),
  ca: z.string(),
});

/** One row for each field that an act changed. What an act of another release has in other words is left out. */
function rowsOf({ at, actor, changed }: SettingsAct): Row[] {
  const rows = new Map<Field, Row>();
  const put = (field: Field, before: Value, after: Value): void => {
    // User and authority are those of both servers: the second one says it again.
    if (JSON.stringify(before) !== JSON.stringify(after) && !rows.has(field))
      rows.set(field, { at: iso(at), by: safeOrNull(actor), field, before, after });
  };
  for (const [name, told] of Object.entries(changed)) {
    const change = Change.safeParse(told);
    const field = SettingField.safeParse(name);
    if (!change.success || !field.success) continue;
    const { before, after } = change.data;
    if (field.data === 'secret') put('secret', null, safeText('changed'));
    else if (field.data === 'imap' || field.data === 'smtp') {
      const [old, next] = [Server.safeParse(before), Server.safeParse(after)];
      if (!old.success || !next.success) continue;
      put(field.data, safeText(serverUrl(field.data, old.data)), safeText(serverUrl(field.data, next.data)));
      for (const one of ['user', 'ca'] as const) put(one, safeText(old.data[one]), safeText(next.data[one]));
    } else put(field.data, settingOf(before), settingOf(after));
  }
  return [...rows.values()];
}

function settingOf(value: z.output<typeof Change>['before']): Value {
  if (value === null || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((one) => safeText(String(one)));
  return safeBlock(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

// --- cursors ---------------------------------------------------------------------------------------------------------

/** Behind so many rows of line `seq` of the journal. */
type Place = { readonly seq: number; readonly rows: number };

/** The numbers of the journal's lines count what everybody does, so nobody who may not read it sees one. */
const key = randomBytes(32);

function sealed({ seq, rows }: Place, question: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(question));
  // Always as long: a length would tell how many digits there are.
  const hidden = Buffer.concat([cipher.update(`${String(seq).padStart(16)} ${String(rows).padStart(4)}`), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), hidden]).toString('base64url');
}

function opened(cursor: string, question: string): Place {
  try {
    const octets = Buffer.from(cursor, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', key, octets.subarray(0, 12), { authTagLength: 16 }).setAAD(Buffer.from(question));
    decipher.setAuthTag(octets.subarray(12, 28));
    const [seq, rows] = Buffer.concat([decipher.update(octets.subarray(28)), decipher.final()])
      .toString()
      .trim()
      .split(/ +/);
    return { seq: Number(seq), rows: Number(rows) };
  } catch (error) {
    throw new PostroomError(
      'invalid',
      'This cursor is not of this history, or the daemon was started since. Ask again without it.',
      { path: 'cursor' },
      { cause: error },
    );
  }
}

// --- the handler -----------------------------------------------------------------------------------------------------

export const historyHandlers: Handlers<'mailbox.history'> = {
  'mailbox.history': async (world, { mailbox, field, limit, cursor }) => {
    const { id, addedAt } = mailboxNamed(world.directory.snapshot(), mailbox);
    const question = JSON.stringify([id, field]);
    await world.journalSettled(); // whoever was answered a change finds it
    const rows: { row: Row; place: Place }[] = [];
    let from = cursor === null ? null : opened(cursor, question);
    let found: SettingsHistory;
    do {
      // The line that a page ended within is asked for again.
      const before = from === null ? null : from.seq + (from.rows > 0 ? 1 : 0);
      found = await world.store.settingsHistory({ mailbox: id, before, limit: limit + 1 });
      for (const act of found.acts) {
        const told = act.seq === from?.seq ? from.rows : 0;
        for (const [n, row] of rowsOf(act).entries()) {
          if (n >= told && (field === null || row.field === field)) rows.push({ row, place: { seq: act.seq, rows: n + 1 } });
        }
      }
      const last = found.acts.at(-1);
      if (last !== undefined) from = { seq: last.seq, rows: 0 };
    } while (rows.length <= limit && found.acts.length > limit);
    const page = rows.slice(0, limit);
    const end = page.at(-1)?.place;
    const { begin } = found;
    return {
      rows: page.map(({ row }) => row),
      next: rows.length > limit && end !== undefined ? sealed(end, question) : null,
      begin: { at: iso(begin?.at ?? addedAt), by: safeOrNull(begin?.by ?? null), added: begin?.added ?? false },
    };
  },
};
