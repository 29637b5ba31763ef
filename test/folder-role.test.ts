import { expect, test } from 'vitest';
import { folderOfRole } from '../daemon/store/folders.ts';
import { type ListedAs, rolesOf } from '../daemon/sync/folder-role.ts';
import { storeStory } from './support/store.ts';

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

test.each([
  [['Deleted Messages-', 'Trash+'], 'Trash'],
  [['Trash+', 'Deleted Messages-'], 'Trash'],
  [['Deleted Items-', 'Deleted Messages-'], 'Deleted Items'], // the main one is gone: one of them is better than none
  [['Deleted Messages-', 'Trash+/'], 'Deleted Messages'], // nothing can lie in the main one
  [['Trash'], 'Trash'],
  [['Trash+/'], undefined],
  [[], undefined],
] as const)('of %j mail that is moved by role goes to %s', (listed, wanted) => {
  const folders = listed.map((text) => ({
    name: text.replace(/[-+]?\/?$/, ''),
    role: 'trash' as const,
    selectable: !text.endsWith('/'),
    ...(/[-+]/.test(text) ? { main: text.includes('+') } : {}),
  }));
  const others = [{ name: 'INBOX', role: 'inbox' as const, selectable: true }];
  expect(folderOfRole([...others, ...folders], 'trash')?.name).toBe(wanted);
});

test('a store keeps which one is the main one, and follows the next listing', async () => {
  await using story = await storeStory();
  const put = async (main: string) => {
    const listed = ['Deleted Messages', 'Trash'].map((path) => ({
      path,
      name: path,
      delimiter: '/',
      role: 'trash' as const,
      selectable: true,
      main: path === main,
    }));
    return folderOfRole(await story.store.putFolders('other', listed), 'trash')?.name;
  };
  for (const main of ['Trash', 'Deleted Messages', 'Trash']) expect(await put(main)).toBe(main);
});
