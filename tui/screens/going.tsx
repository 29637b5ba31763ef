/** The `g` keys, in every view that has them. Only what leads somewhere is offered. */
import type { Mailbox } from '../../protocol/schema.ts';
import type { SafeText } from '../../protocol/text.ts';
import { useCommands, useShell } from '../screen.tsx';
import { chrome } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { openAudit } from './audit.tsx';
import { openDrafts } from './compose.tsx';
import { useApp } from './contract.ts';
import { openFingerprints } from './fingerprints.tsx';
import { openGrants } from './grants.tsx';
import { openInvitations } from './invitations.tsx';
import { openPeople } from './people.tsx';
import { MailboxPicker } from './pickers.tsx';
import { bestPlace, useNavigator } from './places.ts';
import { openRoles } from './roles.tsx';
import { Settings } from './settings.tsx';
import type { Contact, ScopeName, Scopes } from './timeline-state.ts';

type Given = {
  /** The correspondent of what is under the cursor, for `g c`. */
  readonly contact?: Contact | null;
  /** The conversation in view: `g t` is its history. */
  readonly conversation?: Scopes['conversation'];
  /** Something is being read: a timeline opens over it, and `q` leads back. */
  readonly over?: boolean;
  /** False: going elsewhere would drop what is staged here. */
  readonly active?: boolean;
};

/** `mailbox`: the one in view, by address, for `g t`, `g f` and `g a`; without one they ask. */
export function useGoing(mailbox: SafeText | null, { contact = null, conversation = null, over = false, active = true }: Given = {}): void {
  const shell = useShell();
  const navigator = useNavigator();
  const app = useApp();
  const { mirror } = app;
  const mailboxes = useView(mirror.mailboxes).data ?? [];
  const open = mailboxes.filter(({ rights }) => rights.timeline || rights.panel);
  const listed = mailboxes.filter(({ rights }) => rights.timeline);
  const pick = (title: ReturnType<typeof chrome>, among: readonly Mailbox[], onPick: (one: Mailbox) => void): void =>
    shell.openModal({ name: 'mailbox', element: <MailboxPicker title={title} mailboxes={among} onPick={onPick} /> });
  const inMailbox = (title: ReturnType<typeof chrome>, among: readonly Mailbox[], onPick: (one: Mailbox) => void): void => {
    const here = among.find(({ address }) => address === mailbox);
    const [only, another] = among;
    if (here !== undefined) onPick(here);
    else if (only !== undefined && another === undefined) onPick(only);
    else pick(title, among, onPick);
  };
  // Over what one looks at: leaving them leads back to it.
  const openSettings = ({ address }: Mailbox): void =>
    shell.open({ name: 'settings', element: <Settings place={{ kind: 'settings', mailbox: address }} /> });
  const managed = mailboxes.filter(({ rights }) => rights.settings);
  const { last } = navigator;
  // What another one's history shows is asked of the daemon; of which mailboxes there is one is known here.
  const access = mailbox === null ? listed.length > 0 : listed.some(({ address }) => address === mailbox);
  const timeline = (scopes: Scopes, name: ScopeName): void => {
    const place = { kind: 'timeline', start: { scopes, name } } as const;
    if (over) navigator.look(place);
    else navigator.go(place);
  };
  const known = access ? mailbox : null;

  useCommands(
    {
      ...(mailboxes.some(({ rights }) => rights.panel)
        ? {
            'go.panel': () => navigator.go({ kind: 'panel', view: 'mine', mailbox: null }),
            'go.unassigned': () => navigator.go({ kind: 'panel', view: 'unassigned', mailbox: null }),
          }
        : {}),
      ...(mailboxes.length > 0
        ? { 'go.mailbox': () => pick(chrome`Go to mailbox`, mailboxes, (one) => navigator.go(bestPlace(one))) }
        : {}),
      ...(listed.length > 0
        ? {
            'go.folders': () => inMailbox(chrome`Folders of`, listed, ({ address }) => navigator.go({ kind: 'folders', mailbox: address })),
          }
        : {}),
      ...(open.length > 0
        ? { 'go.open': () => inMailbox(chrome`All open of`, open, ({ address }) => navigator.go({ kind: 'open', mailbox: address })) }
        : {}),
      'go.people': () => openPeople(app),
      'go.invitations': () => openInvitations(app),
      'go.roles': () => openRoles(app),
      'go.audit': () => openAudit(app),
      'go.keys': () => openFingerprints(app),
      ...(open.length > 0
        ? {
            'go.timeline': () => {
              if (conversation !== null) return timeline({ mailbox: known, contact, conversation }, 'conversation');
              return inMailbox(chrome`Timeline of`, listed, ({ address }) =>
                timeline({ mailbox: address, contact, conversation }, 'mailbox'),
              );
            },
          }
        : {}),
      ...(contact === null ? {} : { 'go.contact': () => timeline({ mailbox: known, contact, conversation }, 'contact') }),
      ...(open.length > 0 ? { 'search.open': () => navigator.look({ kind: 'search' }) } : {}),
      'go.mailboxes': () => navigator.go({ kind: 'mailboxes', mailbox }),
      ...(mailboxes.some(({ rights }) => rights.send)
        ? { 'go.outbox': () => navigator.go({ kind: 'outbox' }), 'go.drafts': () => openDrafts(app) }
        : {}),
      ...(managed.length > 0
        ? {
            'go.grants': () => inMailbox(chrome`Grants of`, managed, ({ address }) => openGrants(app, address)),
            'go.settings': () => inMailbox(chrome`Settings of`, managed, openSettings),
          }
        : {}),
      ...(last === null ? {} : { 'go.last': () => navigator.go(last) }),
    },
    { facts: { access }, active },
  );
}
