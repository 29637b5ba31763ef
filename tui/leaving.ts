/** What hangs on a person who leaves and what becomes of it, in words: one line for each kind, for the screen and the command line. */
import type { Leaving, RolePreview } from '../protocol/schema.ts';
import { safeText } from '../protocol/text.ts';
import { chrome, join, type Safe } from './text.ts';

export type LeavingLine = { readonly kind: Safe; readonly what: Safe; readonly fate: Safe; readonly wanted: boolean };

const none = chrome`none`;
const some = (parts: readonly (Safe | null)[]): Safe => {
  const there = parts.filter((part) => part !== null);
  return there.length === 0 ? none : join(there, chrome`, `);
};
const counted = (count: number, one: Safe, more: Safe): Safe | null => (count === 0 ? null : chrome`${count} ${count === 1 ? one : more}`);
const hidden = (count: number): Safe | null => counted(count, chrome`mailbox you cannot see`, chrome`mailboxes you cannot see`);

const rightsOf = ({ access, send, setup }: { access: boolean; send: boolean; setup: boolean }): Safe =>
  join(
    [access ? chrome`Access` : null, send ? chrome`Send` : null, setup ? chrome`Setup` : null].filter((word) => word !== null),
    chrome` `,
  );

export function leavingLines(of: Leaving, { release, mail }: { release: boolean; mail: 'hold' | 'cancel' }): LeavingLine[] {
  const { successor } = of;
  const wants = (kind: Leaving['wants'][number]): boolean => of.wants.includes(kind);
  const line = (kind: Safe, what: Safe | null, fate: Safe, wanted = false): LeavingLine => ({
    kind,
    what: what ?? none,
    fate: what === null || what === none ? chrome`` : fate,
    wanted,
  });
  const handed =
    successor === null
      ? chrome``
      : of.handed === of.assigned
        ? chrome`go to ${successor}`
        : chrome`${of.handed} go to ${successor}, ${of.assigned - of.handed} back to the team`;
  return [
    line(
      chrome`mailboxes owned`,
      some([...of.owns, hidden(of.ownsHidden)]),
      successor === null ? chrome`need a successor` : chrome`go to ${successor}`,
      wants('mailboxes'),
    ),
    line(
      chrome`conversations`,
      of.assigned === 0 ? null : of.snoozed === 0 ? chrome`${of.assigned}` : chrome`${of.assigned}, ${of.snoozed} of them snoozed`,
      wants('work') ? chrome`need a successor or a release` : release || successor === null ? chrome`go back to the team` : handed,
      wants('work'),
    ),
    line(
      chrome`mail not sent yet`,
      of.unsent === 0 ? null : chrome`${of.unsent}`,
      wants('mail')
        ? chrome`needs a successor or a release`
        : mail === 'cancel'
          ? chrome`is taken back`
          : chrome`is held, and shown in the outbox`,
      wants('mail'),
    ),
    line(
      chrome`rights given to them`,
      some([...of.grants.map((grant) => chrome`${grant.mailbox} ${rightsOf(grant)}`), hidden(of.grantsHidden)]),
      chrome`end`,
    ),
    line(chrome`roles`, some(of.roles), chrome`are left`),
    line(chrome`operations`, some(of.operations.map((one) => safeText(one))), chrome`end`),
    line(chrome`keys`, of.keys === 0 ? null : chrome`${of.keys}`, chrome`open nothing any more`),
    line(
      chrome`open invitations`,
      some([
        of.invitations.own === 0 ? null : chrome`${of.invitations.own} for them`,
        of.invitations.made === 0 ? null : chrome`${of.invitations.made} made by them`,
      ]),
      chrome`are withdrawn`,
    ),
    line(chrome`grants they gave`, of.gave === 0 ? null : chrome`${of.gave}`, chrome`stay, with their name`),
    line(chrome`drafts`, chrome`on their own machine`, chrome`stay there`),
    line(chrome`what they wrote`, chrome`${of.person.name}`, chrome`keeps the name; nobody else gets it`),
  ];
}

/** What a change of a role gives and takes: one line for each person and mailbox, and for operations. */
export function rolePreviewLines({ reach, operations, grants }: RolePreview): Safe[] {
  const words = (gains: readonly string[], loses: readonly string[]): Safe =>
    join([...gains.map((one) => chrome`+${safeText(one)}`), ...loses.map((one) => chrome`-${safeText(one)}`)], chrome` `);
  const lines = [
    ...reach.map(({ person, mailbox, mailboxes, gains, loses }) =>
      mailbox === null
        ? chrome`${person}: something on ${hidden(mailboxes) ?? none}`
        : chrome`${person}: ${words(gains, loses)} on ${mailbox}`,
    ),
    ...operations.map(({ person, gains, loses }) => chrome`${person}: ${words(gains, loses)}`),
  ];
  return [
    ...(lines.length === 0 ? [chrome`Nobody gains or loses anything.`] : lines),
    ...(grants === 0 ? [] : [chrome`${grants === 1 ? chrome`1 grant` : chrome`${grants} grants`} given to it: gone.`]),
  ];
}
