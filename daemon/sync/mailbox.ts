/**
 * One IMAP mailbox: its connections, its turns, its state.
 *
 * - W, the watch connection, in the daemon's thread: passes over the folders, IDLE on the inbox, the few messages that just came.
 * - B, the bulk connection, in a thread of its own, only while there is a backlog.
 * - U, the user's connection (`user.ts`), opened when somebody moves or files something.
 *
 * A pass looks at every folder that moved, stores what arrived, and unlinks last. Progress lives in the store alone: after any
 * fault the next pass compares anew, so nothing here needs to be remembered over a kill.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PostroomError } from '../../protocol/errors.ts';
import type { MailboxAccount, MailboxStatus, SyncDeps } from '../engines.ts';
import type { Folder, ListedFolder, Millis } from '../store/types.ts';
import type { Batch } from './batches.ts';
import { Bulk } from './bulk.ts';
import { ImapFault } from './fault.ts';
import {
  type Backlog,
  dropStale,
  type FolderDeps,
  type FolderState,
  type Found,
  finish,
  joinBacklog,
  look,
  newFolderState,
  noteUnfetchable,
  parkedMs,
  settle,
  takeIn,
} from './folder.ts';
import { connectImap, type Imap, type Listed, type Login } from './imap.ts';
import { moved, slices } from './plan.ts';
import { growingPause, Signal } from './wait.ts';

/** A connection that lived so long was a good one: the next failure begins with a short pause again. */
const survivedMs = 60_000;
/** A refused password is not tried more often: servers lock accounts that do. */
const loginTries = 3;
/** Without CONDSTORE all flags are compared at every so many passes. */
const passesPerFlagScan = 10;
const onlyHolds = 'It holds only other folders (\\Noselect).';
const saysNotThere = /does(n.t| not) exist|non-?existent|no such (mailbox|folder)/i;
/** Looks in a row at which the server does not have a folder before its mail goes with it. */
const missedLooks = 2;
/** Looks after which one that is not listed, and opens all the same, is tried again. */
const looksToNextTry = 30;
/** Looks at the inbox that news may cause without a pause, and how fast they may come after that: a server can announce without end. */
const looksAtOnce = 20;
const pauseOfLooksMs = 1_000;

export class MailboxSync {
  readonly #deps: SyncDeps;
  readonly #folderDeps: FolderDeps;
  readonly #stopping = new AbortController();
  readonly #wake = new Signal();
  readonly #running: Promise<void>;
  #account: MailboxAccount;
  #status: MailboxStatus = {
    state: 'connecting',
    done: 0,
    total: null,
    folder: null,
    error: null,
    inFolders: false,
    syncedAt: null,
    retryAt: null,
  };
  #reported: Millis = 0;

  #watch: Imap | null = null;
  #folders = new Map<string, FolderState>();
  #listing = '';
  /** Looks in a row at which the server did not have a folder: not listed, listed as the place of others, or in words. */
  #missed = new Map<string, number>();
  #present = new Set<string>();
  /** Listed like any other, and not there when it is opened: Dovecot lists so what only has folders below it. */
  readonly #nowhere = new Set<string>();
  #passes = 0;
  #passDue = true;
  #forced = false;
  #inboxDirty = false;
  #refusals = 0;
  /** What was refused in this pass, in words: the rest is in order. */
  #trouble: { folder: string; words: string } | null = null;
  /** A folder was to be asked for later in this pass: another one, and it is the whole server that asks for patience. */
  #throttled = false;
  #looks: Millis[] = [];

  /** By folder id. */
  readonly #backlog = new Map<number, Backlog>();
  #filling: Promise<void> | null = null;
  #fillFailures = 0;
  #fillNotBefore: Millis = 0;
  /** A message was larger than the server had said: until all is stored everything is fetched in parts. */
  #inParts = false;

  /** Want a pass that begins from now on · wait for one that has begun. */
  #waiting: PromiseWithResolvers<void>[] = [];
  #passing: PromiseWithResolvers<void>[] = [];

  constructor(account: MailboxAccount, deps: SyncDeps) {
    this.#account = account;
    this.#deps = deps;
    this.#folderDeps = {
      store: deps.store,
      account: () => this.#account,
      now: deps.now,
      second: async (use) => {
        const imap = await this.connect();
        try {
          return await use(imap);
        } finally {
          await imap.logout();
        }
      },
      stored: (state) => this.#progress(state),
      inParts: () => this.#inParts,
    };
    this.#running = this.#run();
  }

  get status(): MailboxStatus {
    return this.#status;
  }

  get account(): MailboxAccount {
    return this.#account;
  }

  /** Facts that need no new connection: policy, and where the password is. */
  update(account: MailboxAccount): void {
    this.#account = account;
  }

  /** Somebody asks for it: what is parked is tried at once, too. */
  force(): void {
    this.#forced = true;
    this.poke();
  }

  /** Looks at the server now, and into the folders that `changed` picks whatever their STATUS says. */
  poke(changed: (folder: Folder) => boolean = () => false): void {
    for (const state of this.#folders.values()) state.lookDue ||= changed(state.row);
    this.#passDue = true;
    this.#wake.raise();
  }

  caughtUp(): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    if (this.#stopping.signal.aborted || this.#status.state === 'auth-failed') {
      waiter.reject(unavailable(this.#status.error ?? 'The mailbox is not synchronised.'));
    } else {
      this.#waiting.push(waiter);
      this.force();
    }
    return waiter.promise;
  }

  async stop(): Promise<void> {
    this.#stopping.abort(); // ends every connection, whatever it waits for
    this.#wake.raise();
    await this.#running;
    await this.#filling;
    this.#refuse('The mailbox was stopped.');
  }

  /** One more connection of this account. Counts refused passwords, so that nobody can make it try for ever. */
  async connect(): Promise<Imap> {
    const login = await this.#login();
    try {
      return await connectImap(login, this.#stopping.signal);
    } catch (error) {
      this.#noteLogin(error);
      throw error;
    }
  }

  async #login(): Promise<Login> {
    const { imap: address } = this.#account;
    if (!address) throw new PostroomError('invalid', `${this.#account.address} has no IMAP server.`);
    if (this.#refusals >= loginTries) throw new ImapFault({ kind: 'auth', message: 'the password was refused', retryAfterMs: null });
    const secret = await this.#account.secret();
    const { connectTimeoutMs, maxIdleMs, replyMs, readyMs } = this.#deps.config;
    const limits = { connectTimeoutMs, maxIdleMs, replyMs, readyMs };
    return { password: secret.reveal(), address, reach: this.#account.reach(), limits };
  }

  #noteLogin(error: unknown): void {
    if (error instanceof ImapFault && error.kind === 'auth') this.#refusals++;
  }

  #noteSize(error: unknown): void {
    if (error instanceof ImapFault && error.kind === 'too-large') this.#inParts = true;
  }

  // --- the watch connection --------------------------------------------------------------------------------------

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopped) {
      const began = this.#deps.now();
      let connected = false;
      try {
        this.#set({ state: 'connecting', retryAt: null });
        this.#watch = await this.connect();
        connected = true;
        await this.#attend(this.#watch);
      } catch (error) {
        await this.#hangUp();
        if (this.#stopped) break;
        this.#noteSize(error);
        failures = this.#deps.now() - began > survivedMs ? 1 : failures + 1;
        const { state, retryAfterMs } = this.#judge(error);
        const pause = Math.max(retryAfterMs, growingPause(failures, this.#deps.config));
        const waits = state === 'auth-failed';
        const retryAt = waits ? null : this.#deps.now() + pause;
        this.#set({ state, error: wordsOf(error), inFolders: connected, folder: null, retryAt });
        // A session that the server ended is taken up again at once for those who wait; they learn of it when that fails too.
        if (!connected || failures > 1 || waits) this.#refuse(wordsOf(error));
        else this.#waiting.push(...this.#passing.splice(0));
        if (waits) return;
        this.#wake.clear(); // the end of the connection was news, and is none any more
        // A refused password is not tried sooner because somebody asks.
        if (this.#refusals > 0) await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(ignoreAbort);
        else await this.#wake.wait(pause);
      }
    }
    await this.#hangUp();
  }

  async #hangUp(): Promise<void> {
    await this.#watch?.logout();
    this.#watch = null;
    this.#passDue = true;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #judge(error: unknown): { state: 'offline' | 'auth-failed' | 'error'; retryAfterMs: number } {
    const mailbox = this.#account.id;
    if (error instanceof ImapFault) {
      // What its people may not know, whoever reads the log may.
      const { cause } = error;
      const behind = cause instanceof ImapFault ? { behind: cause.message } : {};
      this.#deps.log.warn({ mailbox, kind: error.kind, fault: error.message, ...behind }, 'sync: connection lost');
      if (error.kind === 'auth') {
        return { state: this.#refusals >= loginTries ? 'auth-failed' : 'error', retryAfterMs: 0 };
      }
      const state = error.kind === 'certificate' || error.kind === 'refused' || error.kind === 'flood' ? 'error' : 'offline';
      const isCostly = error.kind === 'throttled' || error.kind === 'flood';
      return { state, retryAfterMs: error.retryAfterMs ?? (isCostly ? 10 * this.#deps.config.retryMinMs : 0) };
    }
    if (error instanceof PostroomError && error.code === 'invalid') return { state: 'auth-failed', retryAfterMs: 0 }; // no password is stored
    this.#deps.log.error({ mailbox, err: error }, 'sync: a pass failed');
    return { state: 'error', retryAfterMs: 0 };
  }

  /** Returns when it is stopped; throws when the connection is lost. */
  async #attend(imap: Imap): Promise<void> {
    let ended = false;
    void imap.ended.then(() => {
      ended = true;
      this.#wake.raise();
    });
    imap.onChange = () => {
      this.#inboxDirty = true;
      this.#wake.raise();
    };
    let nextPass = 0;
    while (!this.#stopped) {
      if (ended) throw imap.end;
      if (this.#passDue || this.#deps.now() >= nextPass) {
        this.#passDue = false;
        nextPass = this.#deps.now() + this.#deps.config.pollMs;
        await this.#pass(imap, 'all');
        nextPass = Math.min(nextPass, ...this.#parked.map(({ restUntil }) => restUntil).filter((until) => until > this.#deps.now()));
      } else if (this.#inboxDirty) {
        await this.#unhurried();
        await this.#pass(imap, 'inbox');
      } else {
        await this.#rest(imap, nextPass);
      }
    }
  }

  async #unhurried(): Promise<void> {
    this.#looks = [...this.#looks.slice(1 - looksAtOnce), this.#deps.now()];
    const oldest = this.#looks[0] ?? 0;
    if (this.#looks.length < looksAtOnce || this.#deps.now() - oldest > looksAtOnce * pauseOfLooksMs) return;
    this.#rested(this.#deps.now() + pauseOfLooksMs);
    await sleep(pauseOfLooksMs, undefined, { signal: this.#stopping.signal }).catch(ignoreAbort);
  }

  /** All is done that can be done before then. */
  #rested(until: Millis): void {
    if (this.#backlog.size > 0 || this.#filling) return;
    const { folder = null, words: error = null } = this.#trouble ?? {};
    const inFolders = error !== null;
    this.#set(
      inFolders ? { state: 'error', folder, error, inFolders, retryAt: until } : { state: 'idle', folder, error, inFolders, retryAt: null },
    );
  }

  /** IDLE on the inbox until something happens or the next pass is due. */
  async #rest(imap: Imap, until: Millis): Promise<void> {
    const inbox = this.#inbox;
    if (inbox) {
      const before = inbox.theirs;
      const now = await imap.open(inbox.row);
      // What came between the look and this SELECT is announced by nobody.
      if (JSON.stringify(now) !== JSON.stringify(before) && !this.#changingOver(inbox)) {
        this.#inboxDirty = true;
        return;
      }
      // Ends with the next command. When it fails the connection has ended, or the timer does its work.
      imap.idle().catch(() => this.#wake.raise());
    }
    this.#rested(until);
    const { proveMs } = this.#deps.config;
    const quietSince = this.#deps.now();
    await this.#wake.wait(Math.min(until - quietSince, proveMs));
    // Only a line that was quiet for so long: of one that ended the end says why.
    const isQuiet = this.#deps.now() - quietSince >= proveMs && this.#deps.now() < until;
    if (isQuiet && !this.#stopped && !this.#passDue && !this.#inboxDirty) await imap.prove();
  }

  get #inbox(): FolderState | undefined {
    return [...this.#folders.values()].find(({ row }) => row.role === 'inbox' && row.selectable && row.parked === null);
  }

  #changingOver(state: FolderState): boolean {
    return this.#backlog.get(state.row.id)?.changesOver ?? false;
  }

  async #pass(imap: Imap, scope: 'inbox' | 'all'): Promise<void> {
    const found: Found[] = [];
    let complete = true;
    this.#inboxDirty = false;
    if (scope === 'inbox') {
      const inbox = this.#inbox;
      if (inbox) complete = await this.#lookAt(imap, inbox, found);
      // Whether it was deleted or moved the other folders know.
      if (found.every(({ gone }) => gone.length === 0)) {
        for (const it of found) await settle(this.#folderDeps, it);
        this.#fill();
        return;
      }
    }
    this.#passes++;
    this.#trouble = null;
    this.#throttled = false;
    let refused: ImapFault | null = null;
    this.#passing.push(...this.#waiting.splice(0));
    // Somebody wants to be sure: STATUS is not enough then, for some servers answer it from an index that lags behind.
    const thorough = this.#passing.length > 0;
    const forced = this.#forced;
    this.#forced = false;
    const asStored = new Set<FolderState>();
    for (const { state, status } of await this.#list(imap, forced)) {
      const { row } = state;
      if (this.#stopped) return;
      const mayBeThere = this.#nowhere.has(row.path) && (forced || status !== null || this.#deps.now() >= state.restUntil);
      if (found.some((it) => it.state === state) || (!mayBeThere && (!row.selectable || row.parked !== null))) continue;
      const scan = imap.can.condstore && status?.highestModSeq !== null ? 'none' : this.#scan(row.role === 'inbox');
      const count = row.storedCount + state.unfetchable.size;
      // STATUS of the open folder answers from the open view: the inbox is opened anew instead.
      const trusted = state.complete || (imap.can.qresync && status?.highestModSeq !== null);
      const still = status !== null && !moved({ ...row, count }, status) && !retriesDue(state, this.#deps.now());
      const quiet = row.role !== 'inbox' && !thorough && !state.lookDue && trusted && still && scan === 'none';
      if (quiet) {
        asStored.add(state);
        continue;
      }
      try {
        complete = (await this.#lookAt(imap, state, found, status === null)) && complete;
      } catch (error) {
        // Without its inbox a mailbox is not in order; the other folders are looked at first.
        if (!(error instanceof ImapFault) || error.kind !== 'refused') throw error;
        refused = error;
      }
    }
    for (const it of found) await settle(this.#folderDeps, it);
    await this.#forgetDeleted();
    this.#fill();
    if (refused) throw refused;
    const [parked] = this.#parked;
    if (parked) {
      const words = `${parked.row.name}: ${parked.row.parked}`;
      this.#trouble ??= { folder: parked.row.name, words };
      // The rest is stored by the time that those who wait hear of it.
      if (this.#backlog.size === 0 && !this.#filling) this.#refuse(words);
    }
    if (this.#backlog.size > 0 || this.#filling || !complete) return;

    // Only of what was compared to its end, as it is counted now: of a folder that was not, the earlier generation is all that is left.
    for (const state of this.#folders.values()) {
      const compared = asStored.has(state) || (state.complete && state.theirs?.uidValidity === state.row.uidValidity);
      if (state.mayBeStale && compared && state.row.parked === null) await dropStale(this.#folderDeps, state);
    }
    this.#refusals = 0;
    this.#fillFailures = 0;
    this.#inParts = false;
    if (parked) {
      this.#set({ syncedAt: this.#deps.now() });
      this.#rested(Math.min(...this.#parked.map(({ restUntil }) => restUntil)));
      return;
    }
    this.#set({
      syncedAt: this.#deps.now(),
      state: this.#inboxDirty ? 'syncing' : 'idle',
      folder: null,
      error: null,
      inFolders: false,
      retryAt: null,
    });
    for (const waiter of this.#passing.splice(0)) waiter.resolve();
  }

  #scan(inbox: boolean): 'none' | 'newest' | 'all' {
    if (this.#passes % passesPerFlagScan === 1) return 'all';
    return inbox ? 'newest' : 'none';
  }

  /** Whether the folder is, apart from `found`, as on the server. `unknown`: it was listed without a STATUS. */
  async #lookAt(imap: Imap, state: FolderState, found: Found[], unknown = false): Promise<boolean> {
    const filling = this.#backlog.get(state.row.id);
    if (filling && (filling.changesOver || state.row.role !== 'inbox')) return false;
    try {
      const it = await look(imap, this.#folderDeps, state, this.#scan(state.row.role === 'inbox'), filling !== undefined);
      found.push(it);
      state.refusals = 0;
      this.#missed.delete(state.row.path);
      this.#nowhere.delete(state.row.path);
      if (filling) joinBacklog(filling, it);
      else if (it.backlog) this.#backlog.set(state.row.id, it.backlog);
      this.#fill(); // beside the rest of the pass
      return !filling && !it.backlog;
    } catch (error) {
      if (!(error instanceof ImapFault)) throw error;
      const { id: folder, name } = state.row;
      const opened = state.theirs !== null;
      const resting = error.kind === 'refused' && error.retryAfterMs !== null;
      const isBusy = error.kind === 'throttled' && !opened && !this.#throttled;
      if (!resting && ((error.kind !== 'refused' && !isBusy) || state.row.role === 'inbox')) throw error;
      this.#deps.log.warn({ mailbox: this.#account.id, folder, fault: error.message }, 'sync: a folder was refused');
      if (error.kind === 'refused' && !opened) {
        // Listed and not to be opened: that may end as it came.
        state.restUntil = this.#deps.now() + (error.retryAfterMs ?? parkedMs(state.refusals));
        state.refusals++;
        // Neither STATUS nor opening knows it, so nothing in it can be missing here.
        if (unknown && saysNotThere.test(error.message)) {
          this.#nowhere.add(state.row.path);
          this.#missed.set(state.row.path, Math.max(1, this.#missed.get(state.row.path) ?? 0));
          return true;
        }
        await this.#deps.store.setFolder(folder, { parked: error.message });
        state.row.parked = error.message;
        return true;
      }
      // The others go on; this one has another chance in the next pass.
      this.#throttled ||= isBusy;
      this.#trouble ??= { folder: name, words: `${name}: ${error.message}` };
      this.#refuse(error.message);
      return false;
    }
  }

  /** The folders, inbox first. An empty listing changes nothing. */
  async #list(imap: Imap, forced: boolean): Promise<{ state: FolderState; status: Listed['status'] }[]> {
    const { store } = this.#deps;
    const mailbox = this.#account.id;
    const listed = await imap.list();
    // Every server has an INBOX (RFC 9051, 5.1). What is stored stays.
    if (listed.length === 0) throw new ImapFault({ kind: 'refused', message: 'The server lists no folder.', retryAfterMs: null });
    const plain: ListedFolder[] = listed.map(({ status: _, obstacle: __, ...folder }) => ({
      ...folder,
      selectable: folder.selectable && !this.#nowhere.has(folder.path),
    }));
    const listing = JSON.stringify(plain);
    if (listing !== this.#listing) await store.putFolders(mailbox, plain);
    this.#listing = listing;

    const firstPass = this.#passes === 1;
    const present = new Set(listed.map(({ path }) => path));
    this.#present = present;
    const obstacles = new Map(listed.map(({ path, obstacle }) => [path, obstacle]));
    const refused = this.#folders.size === 0 ? await store.unfetchable(mailbox) : [];
    for (const row of await store.folders(mailbox)) {
      const refusedHere = refused.filter(({ folder, uidValidity }) => folder === row.id && uidValidity === row.uidValidity);
      const state = this.#folders.get(row.path);
      if (state) Object.assign(state.row, row);
      else
        this.#folders.set(
          row.path,
          newFolderState(
            row,
            refusedHere.map(({ uid }) => uid),
          ),
        );
      const isMissing = !present.has(row.path) || !row.selectable;
      if (isMissing) this.#missed.set(row.path, (this.#missed.get(row.path) ?? 0) + 1);
      if (!present.has(row.path)) continue;
      const isBack = !isMissing && this.#missed.delete(row.path);
      // What could not be opened is tried when its pause is over, somebody asks, the daemon starts, or it is another folder or kind now.
      const rested = state !== undefined && state.restUntil > 0 && this.#deps.now() >= state.restUntil;
      const again = firstPass || forced || isBack || rested || row.parked === onlyHolds;
      const parked = row.selectable ? (obstacles.get(row.path) ?? (again ? null : row.parked)) : onlyHolds;
      if (parked === row.parked) continue;
      await store.setFolder(row.id, { parked });
      const known = this.#folders.get(row.path);
      if (known) known.row.parked = parked;
    }
    this.#count(listed);
    const status = new Map(listed.map((it) => [it.path, it.status]));
    return [...this.#folders.values()]
      .filter(({ row }) => present.has(row.path))
      .sort((a, b) => rank(a) - rank(b))
      .map((state) => ({ state, status: status.get(state.row.path) ?? null }));
  }

  /**
   * A folder that is gone goes, and its mail with it: missing at two looks in a row, refused when it is opened over a second connection,
   * and nothing else left to fetch (a renamed folder has been stored under its new name by then). One that is still listed, because
   * others are below it, stays and is empty.
   */
  async #forgetDeleted(): Promise<void> {
    if (this.#backlog.size > 0 || this.#filling) return;
    for (const [path, times] of this.#missed) {
      const state = this.#folders.get(path);
      if (times < missedLooks || !state) continue;
      const { row } = state;
      const isListed = this.#present.has(path);
      if (isListed && row.uidValidity === null) continue;
      const refused = await this.#folderDeps.second(async (imap) => {
        try {
          await imap.open(row);
          return false;
        } catch (error) {
          if (error instanceof ImapFault && error.kind === 'refused') return true;
          throw error;
        }
      });
      if (!refused) {
        this.#missed.set(path, missedLooks - looksToNextTry);
        continue;
      }
      await this.#deps.store.dropFolder(this.#account.id, row.id, this.#account.policy, isListed);
      this.#folders.delete(path);
      if (!isListed) this.#missed.delete(path);
    }
  }

  // --- the bulk connection ---------------------------------------------------------------------------------------

  /** Sees to it that a backlog is being worked on. */
  #fill(): void {
    if (this.#filling || this.#backlog.size === 0 || this.#stopped) return;
    this.#filling = this.#drain()
      .catch((error: unknown) => {
        // What is stored is stored; the next pass finds out what is missing.
        this.#backlog.clear();
        if (this.#stopped) return;
        this.#noteLogin(error);
        this.#noteSize(error);
        const { state, retryAfterMs } = this.#judge(error);
        const retryAt = this.#deps.now() + Math.max(retryAfterMs, growingPause(++this.#fillFailures, this.#deps.config));
        this.#fillNotBefore = retryAt;
        this.#set({ state, error: wordsOf(error), inFolders: true, folder: null, retryAt });
        this.#refuse(wordsOf(error));
        if (this.#refusals >= loginTries) this.#watch?.close();
      })
      .finally(() => {
        this.#filling = null;
        this.poke();
      });
  }

  async #drain(): Promise<void> {
    const { signal } = this.#stopping;
    await sleep(Math.max(0, this.#fillNotBefore - this.#deps.now()), undefined, { signal });
    this.#set({ state: 'syncing', retryAt: null });
    await using bulk = await Bulk.connect({ ...(await this.#login()), stop: signal });
    for (;;) {
      const next = [...this.#backlog.values()].sort((a, b) => rank(a.state) - rank(b.state))[0];
      if (!next) return;
      this.#set({ state: 'syncing', folder: next.state.row.name });
      // Arrivals first, and again those that came while the history was read.
      const arrivals = async () => {
        while (next.arrived.length > 0) await this.#read(bulk, next, 'live', next.arrived.splice(0));
      };
      await arrivals();
      await this.#read(bulk, next, 'import', next.history.splice(0));
      await arrivals();
      await finish(this.#folderDeps, next);
      this.#backlog.delete(next.state.row.id);
    }
  }

  async #read(bulk: Bulk, { state, uidValidity }: Backlog, origin: 'import' | 'live', uids: number[]): Promise<void> {
    if (uids.length === 0) return;
    const take = (batch: Batch) => takeIn(this.#folderDeps, state, uidValidity, origin, batch);
    try {
      const left = await bulk.read(state.row, uidValidity, slices(uids), take, this.#inParts);
      await noteUnfetchable(this.#folderDeps, state, uidValidity, left);
    } catch (error) {
      // One message that ends every connection that asks for it: the next one reads the others.
      if (error instanceof ImapFault && error.uid !== undefined)
        await noteUnfetchable(this.#folderDeps, state, uidValidity, [{ uid: error.uid, why: error.message }]);
      throw error;
    }
  }

  // --- what people see -------------------------------------------------------------------------------------------

  #count(listed: readonly Listed[]): void {
    const total = listed.reduce((sum, { status, selectable }) => sum + (selectable ? (status?.messages ?? 0) : 0), 0);
    this.#set({ total, done: Math.min(this.#stored(), total) });
  }

  /** Listed, and not in order. */
  get #parked(): FolderState[] {
    return [...this.#folders.values()].filter(({ row }) => row.selectable && row.parked !== null && !this.#missed.has(row.path));
  }

  #stored(): number {
    const rows = [...this.#folders.values()].map(({ row }) => row).filter(({ parked }) => parked === null);
    return rows.reduce((sum, { storedCount }) => sum + storedCount, 0);
  }

  /** At most four times a second. */
  #progress(state: FolderState): void {
    const done = Math.min(this.#stored(), this.#status.total ?? Number.MAX_SAFE_INTEGER);
    this.#status = { ...this.#status, done, folder: state.row.name };
    if (this.#deps.now() - this.#reported >= 250) this.#report();
  }

  #set(change: Partial<MailboxStatus>): void {
    const next = { ...this.#status, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#status)) return;
    this.#status = next;
    this.#report();
  }

  #report(): void {
    this.#reported = this.#deps.now();
    this.#deps.onStatus(this.#account.id, this.#status);
  }

  #refuse(why: string): void {
    for (const waiter of [...this.#passing.splice(0), ...this.#waiting.splice(0)]) waiter.reject(unavailable(why));
  }
}

/** The inbox first, then what people look into. */
function rank({ row }: FolderState): number {
  const order = ['inbox', 'sent', null, 'archive', 'drafts', 'all', 'junk', 'trash'];
  return order.indexOf(row.role);
}

function retriesDue(state: FolderState, now: Millis): boolean {
  return [...state.unfetchable.values()].some(({ retryAt }) => retryAt <= now);
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const unavailable = (why: string) => new PostroomError('unavailable', `The mail server cannot be asked now: ${why}`);

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}
