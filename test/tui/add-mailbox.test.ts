/** What is typed to add a mailbox. */
import { describe, expect, test } from 'vitest';
import { entered, fieldNamed, requestOf, shownValue, type Typing } from '../../tui/screens/add-mailbox-state.ts';

const now = Date.parse('2026-11-21T12:00:00Z');
const typed: Typing = { address: ' help@x.example ', password: 'correct horse' };

test('servers and user are guessed from the address, until they are typed', () => {
  expect(entered({}, 'imap')).toBe('');
  expect(entered({ address: 'help@' }, 'smtp')).toBe('');
  expect((['imap', 'smtp', 'user'] as const).map((field) => entered(typed, field))).toEqual([
    'imaps://imap.x.example:993',
    'smtps://smtp.x.example:465',
    'help@x.example',
  ]);
  expect(entered({ ...typed, imap: 'imap://mail.x.example' }, 'imap')).toBe('imap://mail.x.example');
});

describe('what is sent', () => {
  test('everything, with the guesses', () => {
    expect(requestOf(typed, now)).toEqual({
      params: {
        address: 'help@x.example',
        imap: 'imaps://imap.x.example:993',
        smtp: 'smtps://smtp.x.example:465',
        user: 'help@x.example',
        secret: { kind: 'password', password: 'correct horse' },
        workFrom: '2026-11-07T12:00:00.000Z',
        shared: false,
      },
    });
    expect(requestOf({ ...typed, workFrom: 'all', shared: 'on' }, now)).toMatchObject({ params: { workFrom: null, shared: true } });
  });
  test('for one that the daemon keeps itself, no server and no password', () => {
    const hosted: Typing = { ...typed, hosted: 'on', password: '' };
    expect(requestOf(hosted, now)).toEqual({
      params: { address: 'help@x.example', workFrom: '2026-11-07T12:00:00.000Z', shared: false },
    });
    expect(shownValue(hosted, 'imap')).toBe('not needed');
    expect(requestOf({ hosted: 'on' }, now)).toMatchObject({ field: 'address' });
  });
  test('the first field that is missing is named', () => {
    expect(requestOf({}, now)).toMatchObject({ field: 'address' });
    expect(requestOf({ address: 'help@x.example' }, now)).toMatchObject({ field: 'password' });
    expect(requestOf({ ...typed, workFrom: 'soon' }, now)).toMatchObject({ field: 'workFrom' });
  });
});

test('the password is drawn as stars that do not tell its length', () => {
  expect(shownValue(typed, 'password')).toBe(shownValue({ password: 'x' }, 'password'));
  expect(shownValue({}, 'password')).toBe('');
});

test('an error stands at the field that the daemon names', () => {
  expect(fieldNamed({ field: 'smtp' })).toBe('smtp');
  expect(fieldNamed({ path: 'secret.password' })).toBe('password');
  expect(fieldNamed({})).toBe('address');
  const failed = (server: 'imap' | 'smtp', step: string) => ({
    steps: [
      { server: 'imap', step: 'connect', ok: true, message: '' },
      { server, step, ok: false, message: '' },
    ],
  });
  expect([failed('imap', 'tls'), failed('smtp', 'sign in'), failed('smtp', 'connect'), failed('imap', 'login')].map(fieldNamed)).toEqual([
    'ca',
    'password',
    'smtp',
    'password',
  ]);
});
