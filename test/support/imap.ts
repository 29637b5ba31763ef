/**
 * An IMAP server on loopback that keeps to RFC 9051, 7162 and 6851 as far as the daemon uses them, until a test makes it lie: any command,
 * and the greeting, can be answered by a script that says, waits, drips, drops, or alters the honest answer. Its parser is strict: what is
 * no command of ours, letter for letter, is kept in `unexpected`. Octets are latin1 text here.
 */
import { once } from 'node:events';
import { createServer, type Socket, type AddressInfo as TcpAddress } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ConnectionEnded, lineReader } from './lines.ts';
import type { Certificate } from './tls.ts';

export interface FakeMail {
  octets: Buffer;
  flags: string[];
  modSeq: number;
  receivedAt: Date;
}

export class FakeFolder {
  /** As it is listed: the name on the wire, whatever it decodes to. */
  readonly name: string;
  attributes: readonly string[];
  uidValidity: number | null = 1_000;
  uidNext = 1;
  modSeq = 1;
  readonly mails = new Map<number, FakeMail>();
  readonly vanished: { uid: number; modSeq: number }[] = [];

  constructor(name: string, attributes: readonly string[] = []) {
    this.name = name;
    this.attributes = attributes;
  }

  add(octets: Uint8Array | string, flags: readonly string[] = [], receivedAt = new Date('2026-01-01T00:00:00Z')): number {
    this.mails.set(this.uidNext, { octets: Buffer.from(octets), flags: [...flags], modSeq: ++this.modSeq, receivedAt });
    return this.uidNext++;
  }

  remove(uid: number): void {
    if (this.mails.delete(uid)) this.vanished.push({ uid, modSeq: ++this.modSeq });
  }

  flag(uid: number, ...flags: string[]): void {
    const mail = this.mails.get(uid);
    if (mail) Object.assign(mail, { flags, modSeq: ++this.modSeq });
  }
}

/** An atom is a string; what was quoted, or came as a literal, says so. */
export type Token = string | { readonly quoted: string } | readonly Token[];

/** One command, on its way to an answer. */
export interface Asked {
  readonly tag: string;
  /** `UID FETCH`, `EXAMINE`, …; `greeting` before the first. */
  readonly verb: string;
  readonly args: readonly Token[];
  /** As it was written, without tag; literals as quoted strings. */
  readonly text: string;
  /** The selected folder. */
  readonly folder: FakeFolder | null;
  /** What an honest server would say: lines with their ends, the tagged one last. What the command changes is changed then. */
  honest(): string[];
  say(...octets: readonly string[]): Promise<void>;
  /** One octet at a time, for as long as the client stays. */
  drip(octets: string, everyMs: number): Promise<void>;
  /** The same over and over, for as long as the client stays; gives how many octets that were. */
  flood(piece: string): Promise<number>;
  /** Says nothing more, and waits until the client has gone. */
  silence(): Promise<void>;
  drop(how?: 'reset' | 'finish'): void;
}

export type Lie = (asked: Asked) => Promise<void> | void;

export interface FakeImap extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open now, and that were ever accepted. */
  readonly open: number;
  readonly accepted: number;
  /** Commands as they came, over all connections. */
  readonly heard: readonly string[];
  /** What no command of ours looks like. */
  readonly unexpected: readonly string[];
  readonly folders: Map<string, FakeFolder>;
  /** The folder of that name; made when there is none. */
  folder(name: string, ...attributes: string[]): FakeFolder;
  /** Answers commands that fit (`greeting`, too) by the script, so many times; the newest lie comes first. Gives a function that ends it. */
  lie(about: RegExp, script: Lie, times?: number): () => void;
  /** Says something to every client that waits for news, or to all. */
  inject(octets: string, to?: 'idle' | 'all'): void;
}

const usual =
  'IMAP4rev1 LITERAL+ ID ENABLE NAMESPACE CONDSTORE QRESYNC ESEARCH UIDPLUS MOVE IDLE SPECIAL-USE LIST-EXTENDED LIST-STATUS UNSELECT';

/** With a certificate it speaks TLS from the first octet. */
export async function startFakeImap({
  capabilities = usual,
  certificate,
}: {
  capabilities?: string;
  certificate?: Certificate;
} = {}): Promise<FakeImap> {
  const folders = new Map<string, FakeFolder>();
  const heard: string[] = [];
  const unexpected: string[] = [];
  const sessions = new Set<Session>();
  let lies: { about: RegExp; script: Lie; left: number }[] = [];
  let accepted = 0;

  const world: World = { capabilities, folders, heard, unexpected, lieAbout };
  function lieAbout(text: string): Lie | null {
    const found = lies.find(({ about, left }) => left > 0 && about.test(text));
    if (found) found.left--;
    return found?.script ?? null;
  }

  const attend = (socket: Socket) => {
    accepted++;
    const session = new Session(socket, world);
    sessions.add(session);
    socket.on('close', () => sessions.delete(session));
    session.serve().catch((error: unknown) => {
      // A client may go while it is being answered.
      const gone = error instanceof ConnectionEnded || /EPIPE|ECONNRESET/.test(String(error));
      if (!gone) unexpected.push(String(error));
      socket.destroy();
    });
  };
  const server = certificate ? createTlsServer(certificate, attend) : createServer(attend);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const made: FakeImap = {
    port: (server.address() as TcpAddress).port,
    get open() {
      return sessions.size;
    },
    get accepted() {
      return accepted;
    },
    heard,
    unexpected,
    folders,
    folder(name, ...attributes) {
      const folder = folders.get(name) ?? new FakeFolder(name, attributes);
      folders.set(name, folder);
      return folder;
    },
    lie(about, script, times = Number.POSITIVE_INFINITY) {
      const one = { about, script, left: times };
      lies.unshift(one);
      return () => {
        lies = lies.filter((it) => it !== one);
      };
    },
    inject(octets, to = 'idle') {
      for (const session of sessions) if (to === 'all' || session.idling !== null) void session.say(octets);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server.close(), 'close');
      for (const { socket } of sessions) socket.destroy();
      await closed;
    },
  };
  made.folder('INBOX');
  return made;
}

interface World {
  readonly capabilities: string;
  readonly folders: Map<string, FakeFolder>;
  readonly heard: string[];
  readonly unexpected: string[];
  lieAbout(text: string): Lie | null;
}

class Session {
  readonly socket: Socket;
  /** The tag of an IDLE that goes on. */
  idling: string | null = null;
  readonly #world: World;
  readonly #reader: ReturnType<typeof lineReader>;
  readonly #gone: Promise<unknown>;
  #selected: FakeFolder | null = null;

  constructor(socket: Socket, world: World) {
    this.socket = socket;
    this.#world = world;
    this.#gone = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => socket.destroy());
    socket.setNoDelay();
    this.#reader = lineReader(socket);
  }

  async serve(): Promise<void> {
    await this.#answer('', 'greeting', [], 'greeting', () => [`* OK [CAPABILITY ${this.#world.capabilities}] ready\r\n`]);
    while (!this.socket.destroyed) {
      const parts = await this.#command();
      const text = parts.map((part) => (typeof part === 'string' ? part : `"${part.toString('latin1')}"`)).join('');
      if (this.idling !== null && text === 'DONE') {
        await this.say(`${this.idling} OK news so far\r\n`);
        this.idling = null;
        continue;
      }
      const tokens = tokensOf(parts);
      const [tag = '', first = '', ...rest] = tokens ?? [];
      const under = first === 'UID' && typeof rest[0] === 'string' ? ` ${rest.shift()}` : '';
      const verb = typeof first === 'string' ? `${first}${under}`.toUpperCase() : '';
      const said = text.slice(text.indexOf(' ') + 1);
      this.#world.heard.push(said);
      const known = verbs[verb];
      if (tokens === null || typeof tag !== 'string' || !known || this.idling !== null) {
        this.#world.unexpected.push(text);
        await this.say(`${text.split(' ')[0]} BAD no command\r\n`);
        continue;
      }
      await this.#answer(tag, verb, rest, said, () => known({ session: this, world: this.#world, args: rest, tag }));
      if (verb === 'LOGOUT') this.socket.end();
    }
  }

  get selected(): FakeFolder | null {
    return this.#selected;
  }

  select(folder: FakeFolder | null): void {
    this.#selected = folder;
  }

  async say(...octets: readonly string[]): Promise<void> {
    for (const one of octets) {
      if (this.socket.destroyed) return;
      if (!this.socket.write(one, 'latin1')) await Promise.race([once(this.socket, 'drain'), this.#gone]);
    }
  }

  async #answer(tag: string, verb: string, args: readonly Token[], text: string, honest: () => string[]): Promise<void> {
    const lie = this.#world.lieAbout(text);
    if (lie === null) return this.say(...honest());
    const session = this;
    await lie({
      tag,
      verb,
      args,
      text,
      honest,
      get folder() {
        return session.#selected;
      },
      say: (...octets) => this.say(...octets),
      drip: async (octets, everyMs) => {
        for (const octet of octets) {
          if (this.socket.destroyed) return;
          await this.say(octet);
          await new Promise((resolve) => setTimeout(resolve, everyMs));
        }
      },
      flood: async (piece) => {
        let octets = 0;
        while (!this.socket.destroyed) {
          octets += piece.length;
          // A client that goes in the middle of it is what is waited for.
          await this.say(piece).catch((error: unknown) => {
            if (!this.socket.destroyed) throw error;
          });
          await new Promise((resolve) => setImmediate(resolve));
        }
        return octets;
      },
      silence: async () => void (await this.#gone),
      drop: (how = 'finish') => void (how === 'reset' ? this.socket.resetAndDestroy() : this.socket.end()),
    });
  }

  /** Text and literals of one command, in turns. */
  async #command(): Promise<(string | Buffer)[]> {
    const parts: (string | Buffer)[] = [];
    for (;;) {
      const line = (await this.#reader.upTo('\r\n')).toString('latin1').slice(0, -2);
      const literal = /\{(\d+)(\+?)\}$/.exec(line);
      if (!literal) return [...parts, line];
      parts.push(line.slice(0, literal.index));
      if (literal[2] === '') await this.say('+ go on\r\n');
      parts.push(await this.#reader.octets(Number(literal[1])));
    }
  }
}

/** Null when it is not what RFC 9051 calls a command. */
function tokensOf(parts: readonly (string | Buffer)[]): Token[] | null {
  const top: Token[] = [];
  const open: Token[][] = [top];
  for (const part of parts) {
    const list = open.at(-1) ?? top;
    if (typeof part !== 'string') {
      list.push({ quoted: part.toString('latin1') });
      continue;
    }
    const word = /\(|\)| |"((?:[^"\\\r\n\0\x80-\xff]|\\["\\])*)"|(?:BODY\.PEEK\[[^\]\x00-\x1f\x7f-\xff]*\]|[^\x00-\x20()"{\x7f-\xff])+/y;
    while (word.lastIndex < part.length) {
      const found = word.exec(part);
      const inner = open.at(-1);
      if (!found || !inner) return null;
      const [text, quoted] = found;
      if (text === '(') {
        const below: Token[] = [];
        inner.push(below);
        open.push(below);
      } else if (text === ')') open.pop();
      else if (quoted !== undefined) inner.push({ quoted: quoted.replace(/\\(.)/g, '$1') });
      else if (text !== ' ') inner.push(text);
    }
  }
  return open.length === 1 ? top : null;
}

export const textOf = (token: Token | undefined): string =>
  token === undefined ? '' : typeof token === 'string' ? token : 'quoted' in token ? token.quoted : token.map(textOf).join(' ');

/** A name or a text as a server may write it. */
export function written(text: string): string {
  return /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/.test(text) ? `"${text}"` : `{${Buffer.byteLength(text, 'latin1')}}\r\n${text}`;
}

// --- the honest answers --------------------------------------------------------------------------------------------

type Verb = (asked: { session: Session; world: World; args: readonly Token[]; tag: string }) => string[];

const done: Verb = ({ tag }) => [`${tag} OK done\r\n`];
const open: Verb = ({ session, world, args, tag }) => {
  const folder = world.folders.get(textOf(args[0]));
  session.select(null);
  if (!folder || folder.attributes.includes('\\Noselect')) return [`${tag} NO [NONEXISTENT] There is no such mailbox\r\n`];
  session.select(folder);
  return [
    `* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n* ${folder.mails.size} EXISTS\r\n`,
    folder.uidValidity === null ? '' : `* OK [UIDVALIDITY ${folder.uidValidity}] valid\r\n`,
    `* OK [UIDNEXT ${folder.uidNext}] next\r\n* OK [HIGHESTMODSEQ ${folder.modSeq}] highest\r\n`,
    `${tag} OK [READ-ONLY] open\r\n`,
  ];
};

const verbs: Readonly<Record<string, Verb>> = {
  CAPABILITY: ({ world, tag }) => [`* CAPABILITY ${world.capabilities}\r\n${tag} OK done\r\n`],
  ID: ({ tag }) => [`* ID NIL\r\n${tag} OK done\r\n`],
  LOGIN: ({ world, tag }) => [`${tag} OK [CAPABILITY ${world.capabilities}] welcome\r\n`],
  ENABLE: ({ args, tag }) => [`* ENABLED ${args.map(textOf).join(' ')}\r\n${tag} OK done\r\n`],
  NAMESPACE: ({ tag }) => [`* NAMESPACE (("" "/")) NIL NIL\r\n${tag} OK done\r\n`],
  NOOP: done,
  LSUB: done,
  UNSELECT: done,
  CLOSE: done,
  SELECT: open,
  EXAMINE: open,
  LOGOUT: ({ tag }) => [`* BYE until next time\r\n${tag} OK done\r\n`],
  IDLE: ({ session, tag }) => {
    session.idling = tag;
    return ['+ idling\r\n'];
  },
  LIST: ({ world, args, tag }) => {
    const pattern = textOf(args[1]);
    const wanted = [...world.folders.values()].filter(({ name }) => pattern === '*' || pattern === name);
    const listed = wanted.map(({ name, attributes }) => `* LIST (${attributes.join(' ')}) "/" ${written(name)}\r\n`);
    const withStatus = args.map(textOf).join(' ').includes('STATUS');
    return [...listed, ...(withStatus ? wanted.filter(isOpen).map(statusOf) : []), `${tag} OK done\r\n`];
  },
  STATUS: ({ world, args, tag }) => {
    const folder = world.folders.get(textOf(args[0]));
    return folder && isOpen(folder) ? [statusOf(folder), `${tag} OK done\r\n`] : [`${tag} NO [NONEXISTENT] There is no such mailbox\r\n`];
  },
  CREATE: ({ world, args, tag }) => {
    world.folders.set(textOf(args[0]), new FakeFolder(textOf(args[0])));
    return [`${tag} OK done\r\n`];
  },
  SUBSCRIBE: ({ tag }) => [`${tag} OK done\r\n`],
  APPEND: ({ world, args, tag }) => {
    const folder = world.folders.get(textOf(args[0]));
    if (!folder) return [`${tag} NO [TRYCREATE] There is no such mailbox\r\n`];
    const flags = args.find((it) => Array.isArray(it)) as readonly Token[] | undefined;
    const uid = folder.add(Buffer.from(textOf(args.at(-1)), 'latin1'), (flags ?? []).map(textOf));
    return [`${tag} OK [APPENDUID ${folder.uidValidity} ${uid}] filed\r\n`];
  },
  'UID SEARCH': ({ session, args, tag }) => {
    const folder = session.selected;
    if (!folder) return [`${tag} BAD nothing is open\r\n`];
    const returns = args[0] === 'RETURN';
    const fits = searchOf(args.slice(returns ? 2 : 0), folder);
    const uids = [...folder.mails].filter(([uid, mail]) => fits(uid, mail)).map(([uid]) => uid);
    const found = returns ? `* ESEARCH (TAG "${tag}") UID${uids.length > 0 ? ` ALL ${uids.join(',')}` : ''}` : `* SEARCH ${uids.join(' ')}`;
    return [`${found}\r\n`, `${tag} OK done\r\n`];
  },
  'UID FETCH': ({ session, args, tag }) => {
    const folder = session.selected;
    if (!folder) return [`${tag} BAD nothing is open\r\n`];
    const [set, items, modifier] = args;
    const since = Array.isArray(modifier) ? Number(textOf(modifier[1])) : null;
    const vanished = folder.vanished.filter((it) => it.modSeq > (since ?? Number.POSITIVE_INFINITY)).map(({ uid }) => uid);
    const names = (Array.isArray(items) ? items : [items]).map(textOf);
    const rows = [...folder.mails].flatMap(([uid, mail], n) =>
      isIn(textOf(set), uid, folder) && (since === null || mail.modSeq > since) ? [rowOf(n + 1, uid, mail, names)] : [],
    );
    return [...(vanished.length > 0 ? [`* VANISHED (EARLIER) ${vanished.join(',')}\r\n`] : []), ...rows, `${tag} OK done\r\n`];
  },
  'UID STORE': ({ session, args, tag }) => {
    const [set, how, flags] = args;
    const given = (Array.isArray(flags) ? flags : []).map(textOf);
    for (const [uid, { flags: before }] of session.selected?.mails ?? []) {
      if (!session.selected || !isIn(textOf(set), uid, session.selected)) continue;
      const kept = before.filter((flag) => !given.includes(flag));
      session.selected.flag(uid, ...kept, ...(textOf(how).startsWith('-') ? [] : given));
    }
    return [`${tag} OK done\r\n`];
  },
  'UID MOVE': ({ session, world, args, tag }) => {
    const from = session.selected;
    const to = world.folders.get(textOf(args[1]));
    if (!from || !to || !isOpen(to)) return [`${tag} NO [TRYCREATE] There is no such mailbox\r\n`];
    for (const [uid, mail] of from.mails) {
      if (!isIn(textOf(args[0]), uid, from)) continue;
      to.add(mail.octets, mail.flags, mail.receivedAt);
      from.remove(uid);
    }
    return [`${tag} OK done\r\n`];
  },
};

const isOpen = ({ attributes }: FakeFolder): boolean => !attributes.includes('\\Noselect') && !attributes.includes('\\NonExistent');

function statusOf({ name, mails, uidNext, uidValidity, modSeq }: FakeFolder): string {
  const validity = uidValidity === null ? '' : ` UIDVALIDITY ${uidValidity}`;
  return `* STATUS ${written(name)} (MESSAGES ${mails.size} UIDNEXT ${uidNext}${validity} HIGHESTMODSEQ ${modSeq})\r\n`;
}

/** Whether a set (`1:3,7`, `5:*`) names the UID. */
function isIn(set: string, uid: number, { mails }: FakeFolder): boolean {
  const last = Math.max(0, ...mails.keys());
  return set.split(',').some((run) => {
    const ends = run.split(':').map((end) => (end === '*' ? last : Number(end)));
    return uid >= Math.min(...ends) && uid <= Math.max(...ends);
  });
}

type Fits = (uid: number, mail: FakeMail) => boolean;

function searchOf(terms: readonly Token[], folder: FakeFolder): Fits {
  const left = [...terms];
  const next = (): string => textOf(left.shift());
  const one = (): Fits => {
    const term = next().toUpperCase();
    if (term === 'ALL') return () => true;
    if (term === 'LARGER') {
      const octets = Number(next());
      return (_, mail) => mail.octets.length > octets;
    }
    if (term === 'HEADER') {
      const name = next();
      const value = next();
      return (_, mail) => mail.octets.toString('latin1').includes(`${name}: ${value}`);
    }
    if (term === 'OR') {
      const either = [one(), one()];
      return (uid, mail) => either.some((fits) => fits(uid, mail));
    }
    const set = term === 'UID' ? next() : term;
    return (uid) => isIn(set, uid, folder);
  };
  const all: Fits[] = [];
  while (left.length > 0) all.push(one());
  return (uid, mail) => all.every((fits) => fits(uid, mail));
}

function rowOf(seq: number, uid: number, { octets, flags, modSeq, receivedAt }: FakeMail, names: readonly string[]): string {
  const items = names.flatMap((name) => {
    const partial = /^BODY\.PEEK\[\](?:<(\d+)\.(\d+)>)?$/i.exec(name);
    if (partial) {
      const from = Number(partial[1] ?? 0);
      const text = octets.toString('latin1', from, partial[2] === undefined ? octets.length : from + Number(partial[2]));
      return `BODY[]${partial[1] === undefined ? '' : `<${from}>`} {${text.length}}\r\n${text}`;
    }
    if (/^BODY\.PEEK\[HEADER\.FIELDS/i.test(name)) {
      const text = `${/^message-id:.*$/im.exec(octets.toString('latin1'))?.[0].trim() ?? ''}\r\n\r\n`;
      return `${name.replace(/\.PEEK/i, '')} {${text.length}}\r\n${text}`;
    }
    if (name === 'UID') return `UID ${uid}`;
    if (name === 'FLAGS') return `FLAGS (${flags.join(' ')})`;
    if (name === 'MODSEQ') return `MODSEQ (${modSeq})`;
    if (name === 'RFC822.SIZE') return `RFC822.SIZE ${octets.length}`;
    if (name === 'INTERNALDATE') return `INTERNALDATE "${internalDate(receivedAt)}"`;
    return [];
  });
  return `* ${seq} FETCH (${items.join(' ')})\r\n`;
}

function internalDate(at: Date): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(at.toUTCString()) ?? [];
  return `${day}-${month}-${year} ${time} +0000`;
}
