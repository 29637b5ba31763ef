import { expect, test } from 'vitest';
import { type ListedAs, rolesOf } from '../daemon/sync/folder-role.ts';

const folder = (name: string, flags: string[] = [], role: ListedAs['role'] = null, delimiter = '/'): ListedAs => ({
  name,
  delimiter,
  flags,
  role,
});
const one = (...args: Parameters<typeof folder>) => rolesOf([folder(...args)], false)[0];

test.each([
  'Deleted Messages',
  'Deleted Items',
  'deleted items',
  'Papierkorb',
  'Gelöschte Elemente',
  'Corbeille',
  'Papelera',
  'Cestino',
  'Корзина',
  'ゴミ箱',
])('a second trash: %s', (name) => {
  expect(one(name)).toBe('trash');
  expect(one(`INBOX.${name}`, [], null, '.')).toBe('trash');
});

test.each(['Junk', 'Junk E-mail', 'Junk Email', 'Spam', 'Bulk', 'Bulk Mail', 'Courrier indésirable', 'Correo no deseado', 'SPAM'])(
  'a second junk folder: %s',
  (name) => {
    expect(one(name)).toBe('junk');
    expect(one(`INBOX/${name}`)).toBe('junk');
  },
);

test.each([
  ['Anything', ['\\HasNoChildren', '\\Trash'], 'trash'],
  ['Anything', ['\\JUNK'], 'junk'],
  ['[Gmail]/Suivis', ['\\Flagged'], 'all'],
  ['[Gmail]/Belangrijk', ['\\Important'], 'all'],
  ['[Google Mail]/Alle Nachrichten', [], 'all'],
  ['[Gmail]/Starred', [], 'all'],
  ['[Gmail]/Spam', [], 'junk'],
] as const)('%s with %j is %s', (name, flags, role) => {
  expect(one(name, [...flags])).toBe(role);
});

test.each([
  'Notes from customers',
  'Spam reports',
  'Important',
  'Starred',
  'Customers/Spam',
  'Customers/Trash',
  'Trash can ideas',
  'Notes',
  'Calendar',
  'Gmail',
])('people made %s', (name) => {
  expect(one(name)).toBeNull();
});

test('what the library chose stays', () => {
  expect(rolesOf([folder('INBOX', [], 'inbox'), folder('Trash', ['\\Trash'], 'trash'), folder('Deleted Items')], false)).toEqual([
    'inbox',
    'trash',
    'trash',
  ]);
});

test('calendars are known by their company, or by the server', () => {
  const names = ['Kalender', 'Kontakte', 'Aufgaben', 'Notizen von Kunden', 'Journal'];
  expect(
    rolesOf(
      names.map((name) => folder(name)),
      false,
    ),
  ).toEqual(['all', 'all', 'all', null, 'all']);
  expect(rolesOf([folder('Notes'), folder('Tasks')], false)).toEqual([null, null]);
  expect(rolesOf([folder('Notes'), folder('Notes from customers')], true)).toEqual(['all', null]);
});
