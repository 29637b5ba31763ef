/**
 * The screens of one person on one daemon: connects, keeps the places one can be at and the status row, and tells what happens by itself.
 * The first frame does not wait for the daemon.
 */
import { type ReactElement, type ReactNode, useEffect } from 'react';
import { PostroomError } from '../protocol/errors.ts';
import { daemonKeyKeeper, fingerprint, type Identity } from '../protocol/keys.ts';
import { safeText } from '../protocol/text.ts';
import { Lines } from './components/text.tsx';
import { startDaemon } from './daemon-process.ts';
import { Drafts, draftsFolder } from './drafts.ts';
import { Mirror } from './mirror.ts';
import { SavedViews, savedViewsFile } from './saved-views.ts';
import { Screen, useCommands, useViewport } from './screen.tsx';
import { AppContext, useApp } from './screens/contract.ts';
import { FolderList } from './screens/folders.tsx';
import { MailboxList } from './screens/mailboxes.tsx';
import { OutboxList } from './screens/outbox.tsx';
import { ConversationList } from './screens/panel.tsx';
import { firstPlace, keyOf, Navigator, NavigatorContext, type Place, useNavigator } from './screens/places.ts';
import { Search } from './screens/search.tsx';
import { Settings } from './screens/settings.tsx';
import { Timeline } from './screens/timeline.tsx';
import { useNow } from './screens/use-now.ts';
import type { NewLayer, Shell } from './shell.ts';
import { startShell } from './start.tsx';
import { StatusRow } from './status.tsx';
import { chrome, join, type Safe, wrap } from './text.ts';
import { MirrorContext, useConnection, useView } from './use-mirror.ts';

export type AppOptions = {
  readonly identity: Identity;
  /** Where it is kept: what the daemon says about its key is written there. */
  readonly identityPath: string;
  readonly home: string | undefined;
  /** The home's own daemon is started: there is one, and it does not run. */
  readonly starts: boolean;
};

/** Draws until the person leaves. */
export async function runApp({ identity, identityPath, home, starts }: AppOptions): Promise<void> {
  const daemonKeys = { now: identity.daemonKey, next: identity.nextDaemonKey ?? null };
  const keep = daemonKeyKeeper(identityPath, identity);
  const mirror = new Mirror({
    identity,
    onDaemonKey: (news) => {
      if (news.kind === 'announced') daemonKeys.next = news.key;
      else Object.assign(daemonKeys, { now: news.key, next: null });
      shell.attempt(() => {
        keep(news);
        if (news.kind === 'followed')
          shell.toast({ text: chrome`The daemon's key changed as announced: ${safeText(fingerprint(news.key))}`, forMs: 15_000 });
      });
    },
  });
  let starting = starts;
  const isStarting = (): boolean => starting;
  const drafts = new Drafts(draftsFolder(home), identity.publicKey);
  const views = new SavedViews(savedViewsFile(home), identity.publicKey);
  const fingerprints = () => ({
    own: fingerprint(identity.publicKey),
    daemon: fingerprint(daemonKeys.now),
    next: daemonKeys.next === null ? null : fingerprint(daemonKeys.next),
  });
  const { shell, ended } = startShell({
    status: <StatusRow starting={isStarting} />,
    around: (view, running) => (
      <MirrorContext value={mirror}>
        <NavigatorContext value={navigatorOn(running.shell)}>
          <AppProvider app={{ mirror, running, shell: running.shell, drafts, views, me: identity.person, fingerprints }}>
            {view}
          </AppProvider>
        </NavigatorContext>
      </MirrorContext>
    ),
  });
  shell.goTo({ name: 'start', element: <Start starting={isStarting} /> });
  shell.attempt(() => views.load());
  const stopTelling = tellWhatHappens(mirror, shell, identity.person);
  // Connecting costs some milliseconds of this thread: the frame is first.
  setImmediate(() => mirror.start());
  if (starts) {
    const answers = async (): Promise<boolean> => mirror.connection.state.state === 'online';
    shell.attempt(async () => {
      try {
        await startDaemon(home, answers);
      } finally {
        starting = false;
      }
    });
  }
  try {
    await ended;
  } finally {
    stopTelling();
    await mirror.close();
  }
}

/** The person's name as the daemon knows it now. */
function AppProvider({ app, children }: { app: AppContext; children?: ReactNode }): ReactElement {
  const me = useView(app.mirror.me).data?.person.name ?? app.me;
  return (
    <AppContext value={{ ...app, me }}>
      {children}
      <WindowTitle />
    </AppContext>
  );
}

/** `Postroom (3)`: open conversations of the panel with something unread. Observers have no count. */
function WindowTitle(): null {
  const { mirror, running } = useApp();
  const unread = useView(mirror.counts(null)).data?.unread ?? 0;
  useEffect(() => running.setTitle(unread > 0 ? chrome`Postroom (${unread})` : chrome`Postroom`), [running, unread]);
  return null;
}

const navigatorOn = (shell: Shell): Navigator =>
  new Navigator((layer, how) => {
    if (how === 'over') shell.open(layer);
    else shell.goTo(layer, how === 'home' ? null : how.back);
  }, layerFor);

function layerFor(place: Place): NewLayer {
  // The key mounts a place anew: marks and filters die with the view.
  switch (place.kind) {
    case 'panel':
    case 'open':
    case 'folder':
      return { name: place.kind, element: <ConversationList key={keyOf(place)} place={place} /> };
    case 'folders':
      return { name: 'folders', element: <FolderList key={keyOf(place)} place={place} /> };
    case 'outbox':
      return { name: 'outbox', element: <OutboxList key={keyOf(place)} place={place} /> };
    case 'settings':
      return { name: 'settings', element: <Settings key={keyOf(place)} place={place} /> };
    case 'timeline':
      return { name: 'timeline', element: <Timeline key={keyOf(place)} start={place.start} /> };
    case 'search':
      return { name: 'search', element: <Search /> };
    case 'mailboxes':
      return { name: 'mailboxes', element: <MailboxList key={keyOf(place)} place={place} /> };
    default:
      return place satisfies never;
  }
}

/** The first screen: until it is known what the person may see. */
function Start({ starting }: { starting: () => boolean }): ReactElement {
  useNow(1_000); // a daemon that does not start is no event

  const { mirror } = useApp();
  const navigator = useNavigator();
  const { columns } = useViewport();
  const { state } = useConnection();
  const mailboxes = useView(mirror.mailboxes);
  const counts = useView(mirror.counts(null)).data;
  useEffect(() => {
    if (mailboxes.data !== null && counts !== null) navigator.go(firstPlace(mailboxes.data, counts));
  }, [navigator, mailboxes.data, counts]);
  useCommands({});
  const refused = mailboxes.error !== null && mailboxes.error.code !== 'unavailable' ? safeText(mailboxes.error.message) : null;
  const words = ((): Safe[] => {
    if (state.state === 'refused') return [safeText(state.message), chrome`Nothing changes by itself. ^c leaves.`];
    if (refused !== null) return [refused];
    if (state.state === 'online') return [chrome`loading…`];
    if (starting()) return [chrome`starting your daemon…`];
    return state.state === 'offline' ? [safeText(state.message), chrome`It is tried again by itself. ^c leaves.`] : [chrome`connecting…`];
  })();
  return (
    <Screen title={chrome`POSTROOM`}>
      <Lines lines={[chrome``, ...words.flatMap((text) => wrap(text, columns - 4)).map((line) => chrome`  ${line}`)]} />
    </Screen>
  );
}

/** Toasts for what nobody on this screen did: the daemon went and came, rights changed, mail of one's own was not sent, somebody changed a mailbox of one's own. */
function tellWhatHappens(mirror: Mirror, shell: Shell, me: string): () => void {
  let awaySince: number | null = null;
  let wasOnline = false;
  const stops = [
    mirror.onConnection(() => {
      const { state, since } = mirror.connection;
      if (state.state === 'online') {
        const since = awaySince;
        if (wasOnline && since !== null) shell.attempt(() => tellReturn(mirror, shell, since));
        awaySince = null;
        wasOnline = true;
      } else if (state.state === 'offline' && wasOnline) awaySince ??= since;
    }),
    mirror.onEvent((event) => {
      if (event.name === 'rights.changed') {
        const { lost, gained, why } = event.payload;
        const words = [
          lost.length > 0 ? chrome`you no longer reach ${join(lost, chrome`, `)}` : null,
          gained.length > 0 ? chrome`you now reach ${join(gained, chrome`, `)}` : null,
        ].filter((word) => word !== null);
        const what = words.length === 0 ? chrome`What you may do changed` : join(words, chrome`; `);
        shell.toast({ who: 'me', tone: lost.length > 0 ? 'danger' : 'plain', text: chrome`${what}: ${why}`, forMs: 15_000 });
      } else if (event.name === 'outbox.held') {
        const { mailbox, count } = event.payload;
        const mails = count === 1 ? chrome`1 mail of yours on ${mailbox} is held` : chrome`${count} mails of yours on ${mailbox} are held`;
        shell.toast({ who: 'me', tone: 'danger', text: chrome`${mails}: your right to send went`, forMs: 15_000 });
      } else if (event.name === 'outbox.changed' && event.payload.author === me) {
        const { state } = event.payload;
        if (state !== 'failed' && state !== 'unknown' && state !== 'bounced') return;
        const words = { failed: chrome`was not sent`, unknown: chrome`may or may not have been sent`, bounced: chrome`came back` };
        shell.toast({ tone: 'danger', text: chrome`A mail from ${event.payload.mailbox} ${words[state]}`, forMs: 15_000 });
      } else if (event.name === 'conversation.changed' && event.payload.what === 'assign' && event.payload.from === me) {
        const { by, conversation } = event.payload;
        if (by !== null && by !== me) shell.attempt(() => tellTaken(mirror, shell, me, by, conversation));
      } else if (event.name === 'activity' && (event.payload.kind === 'grant' || event.payload.kind === 'system')) {
        const { mailbox, id } = event.payload;
        shell.attempt(() => tellOwner(mirror, shell, me, mailbox, id));
      }
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Whoever had a conversation is told who took it from them, or gave it to somebody else. */
async function tellTaken(mirror: Mirror, shell: Shell, me: string, by: Safe, conversation: string): Promise<void> {
  try {
    const { subject, assignee } = await mirror.call('conversation.show', { conversation });
    if (assignee?.kind === 'person' && assignee.name === me) return; // it is back already
    const named = subject === '' ? chrome`a conversation without a subject` : chrome`"${subject}"`;
    const text =
      assignee === null
        ? chrome`${by} released ${named}, which was yours`
        : assignee.name === by
          ? chrome`${by} took over ${named} from you`
          : chrome`${by} gave ${named} from you to ${assignee.name}`;
    shell.toast({ who: 'me', tone: 'warning', text, forMs: 15_000 });
  } catch (error) {
    // Out of reach by now, or the daemon is: its history keeps who took it.
    if (!(error instanceof PostroomError) || (error.code !== 'not-found' && error.code !== 'unavailable')) throw error;
  }
}

/** Owners are told who changed rights or settings of what is theirs, or invited a key that leads there. */
async function tellOwner(mirror: Mirror, shell: Shell, me: string, mailbox: Safe, id: string): Promise<void> {
  try {
    if ((await mirror.call('mailbox.show', { mailbox })).owner !== me) return;
    const { rows } = await mirror.call('timeline.mailbox', { mailbox, kinds: ['grant', 'system'], limit: 20 });
    const row = rows.find((one) => one.id === id);
    if (row === undefined || row.actor === null || row.actor === me) return;
    shell.toast({ text: chrome`${mailbox}: ${row.actor} ${row.summary}`, forMs: 15_000 });
  } catch (error) {
    // Gone, or not one's own any more: then there is nobody to tell. Away: the timeline keeps it.
    if (!(error instanceof PostroomError) || (error.code !== 'not-found' && error.code !== 'forbidden' && error.code !== 'unavailable'))
      throw error;
  }
}

async function tellReturn(mirror: Mirror, shell: Shell, awaySince: number): Promise<void> {
  try {
    const { startedAt } = await mirror.call('daemon.status', {});
    // Clocks agree: both are this machine's, or near enough for the words.
    const restarted = Date.parse(startedAt) >= awaySince - 2_000;
    shell.toast({ text: restarted ? chrome`The daemon was restarted: back online` : chrome`Back online`, forMs: 8_000 });
  } catch (error) {
    // Away again already: the status row says so.
    if (!(error instanceof PostroomError) || error.code !== 'unavailable') throw error;
  }
}
