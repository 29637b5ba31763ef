/** Joining, keys, invitations: who somebody is on which device, and which daemon they trust. */
import { PostroomError } from '../../protocol/errors.ts';
import { fingerprint, publicKeyOfWord, readIdentity, trustDaemonKey } from '../../protocol/keys.ts';
import type { Result } from '../../protocol/methods.ts';
import { version } from '../../protocol/version.ts';
import { join } from '../join.ts';
import { askSecret } from './ask.ts';
import { day, facts, table } from './print.ts';
import type { CommandRow } from './program.ts';
import { identityPath, loadIdentity } from './session.ts';

export const invitationText = (given: Result<'person.add'>): string =>
  `${given.person.name} is invited. Give them this, once, until ${day(given.expiresAt)} UTC:\n\n  ${given.invitation}\n\nThey run "postroom join" and paste it.\n${
    given.confirm
      ? `\nThe key they make with it opens nothing until ${given.person.name} confirms it from another device, or somebody else who manages\npeople does: postroom key confirm FINGERPRINT\n`
      : ''
  }`;

/** What a key is good for, in a word or two. */
export function keyState({ revokedAt, waits, invitedBy, current }: Result<'key.list'>['rows'][number]): string {
  if (revokedAt !== null) return `revoked ${day(revokedAt)}`;
  if (waits) return `waits to be confirmed, invited by ${invitedBy ?? 'somebody'}`;
  if (current) return 'this session';
  return invitedBy === null ? '' : `invited by ${invitedBy}`;
}

export const identityCommands: readonly CommandRow[] = [
  {
    usage: 'join [invitation]',
    doc: 'turn an invitation into an identity on this machine; without it, or with -, asks for it or reads standard input',
    run: async (context, [given = '-']) => {
      const invitation = given === '-' ? await askSecret('Invitation (it is not shown): ') : given;
      const joined = await join({ invitation, path: identityPath(context), endpoint: context.connect, release: version });
      const waits = joined.waits
        ? '\nIt opens nothing yet: confirm it from another device of yours, or ask somebody who manages people and did not invite it:\n' +
          `  postroom key confirm ${joined.fingerprint}`
        : '';
      return {
        data: joined,
        text:
          `Welcome, ${joined.person.name}. You belong to ${joined.daemon.name} now; your identity is ${joined.identity}.\n` +
          `Your fingerprint: ${joined.fingerprint}\nThe daemon's:     ${joined.daemonFingerprint}${waits}`,
      };
    },
  },
  {
    usage: 'whoami',
    doc: 'who I am, and to which daemon',
    run: async (context) => {
      const me = await (await context.session()).call('session.whoami', {});
      return {
        data: me,
        text: facts([
          ['person', me.person.name],
          ['daemon', `${me.daemon.name} (${me.daemon.version})`],
          ['roles', me.roles.join(', ') || null],
          ['operations', me.operations.join(', ') || null],
          ['fingerprint', me.fingerprint],
          ["the daemon's", me.daemon.fingerprint],
        ]),
      };
    },
  },
  {
    usage: 'key list',
    doc: 'keys: my own, or all for people managers',
    run: async (context) => {
      const keys = await (await context.session()).call('key.list', {});
      const rows = keys.rows.map((key) => [key.fingerprint, key.person, day(key.addedAt), keyState(key), key.label]);
      return { data: keys, text: table(['fingerprint', 'person', 'since', '', 'label'], rows, 'No keys.') };
    },
  },
  {
    usage: 'key confirm <fingerprint>',
    doc: 'a key that somebody else invited is really theirs',
    run: async (context, [fingerprint = '']) => {
      const data = await (await context.session()).call('key.confirm', { fingerprint });
      return { data, text: `${fingerprint} is confirmed.` };
    },
  },
  {
    usage: 'key revoke <fingerprint>',
    doc: 'revoke a key: its sessions end at once',
    run: async (context, [fingerprint = '']) => {
      const data = await (await context.session()).call('key.revoke', { fingerprint });
      return { data, text: `${fingerprint} is revoked.` };
    },
  },
  {
    usage: 'invitation list',
    doc: 'those that can still be used',
    run: async (context) => {
      const open = await (await context.session()).call('invitation.list', {});
      const rows = open.rows.map((one) => [one.person, one.newcomer ? 'to join' : 'one more key', day(one.expiresAt), one.by, one.id]);
      return { data: open, text: table(['person', 'for', 'until', 'by', 'id'], rows, 'No invitation is open.') };
    },
  },
  {
    usage: 'invitation withdraw <id>',
    doc: 'it opens nothing any more',
    run: async (context, [invitation = '']) => {
      const data = await (await context.session()).call('invitation.withdraw', { invitation });
      return { data, text: 'The invitation is withdrawn.' };
    },
  },
  {
    usage: 'identity show',
    doc: 'my key and the key of the daemon that I trust, to compare by eye or voice',
    run: async (context) => {
      const { person, endpoint, publicKey, daemonKey, nextDaemonKey } = loadIdentity(context);
      const data = {
        identity: identityPath(context),
        person,
        endpoint,
        fingerprint: fingerprint(publicKey),
        daemonFingerprint: fingerprint(daemonKey),
        nextDaemonFingerprint: nextDaemonKey === undefined ? null : fingerprint(nextDaemonKey),
      };
      return {
        data,
        text: facts([
          ['identity', data.identity],
          ['person', person],
          ['endpoint', endpoint],
          ['my key', data.fingerprint],
          ["the daemon's key", data.daemonFingerprint],
          ['its next key', data.nextDaemonFingerprint],
        ]),
      };
    },
  },
  {
    usage: 'identity trust <key>',
    doc: 'trust another key of the daemon; compare its fingerprint with whoever runs the daemon before (there: postroom daemon key)',
    run: async (context, [word = '']) => {
      const daemonKey = publicKeyOfWord(word);
      const path = identityPath(context);
      const identity = readIdentity(path);
      if (identity === null) throw new PostroomError('unauthenticated', `There is no identity at ${path}.`);
      const [before, after] = [fingerprint(identity.daemonKey), fingerprint(daemonKey)];
      trustDaemonKey(path, identity, daemonKey);
      return {
        data: { identity: path, before, daemonFingerprint: after },
        text: before === after ? `${after} is trusted already.` : `The daemon is ${after} for you now; it was ${before}.`,
      };
    },
  },
];
