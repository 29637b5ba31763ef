/**
 * What a folder is for, by the server's word (RFC 6154, RFC 8457) and then by its name. Pure. imapflow names one folder of each kind; programs
 * and servers keep more: a second trash or junk folder, Gmail's marks, Exchange's calendars. None of them holds work.
 */
import { specialUse } from 'imapflow/lib/special-use.js';
import type { FolderRole } from '../store/types.ts';

/** `role`: the one of its kind by the library's choice. */
export type ListedAs = { name: string; delimiter: string | null; flags: Iterable<string>; role: FolderRole };

const byUse: Record<string, FolderRole> = {
  '\\trash': 'trash',
  '\\junk': 'junk',
  '\\all': 'all',
  '\\flagged': 'all',
  '\\important': 'all',
};
const byName: Record<string, FolderRole> = { '\\Trash': 'trash', '\\Junk': 'junk' };
const bulk = /^(bulk|bulk[ -]?mail|junk[ -]?mail|spam[ -]?mail|spamverdacht)$/;
const gmail = /^\[(gmail|google ?mail)\]$/i;

/** Exchange's folders of other things than mail, in the languages that it is installed in most. */
const exchange: readonly (readonly string[])[] = [
  ['calendar', 'kalender', 'calendrier', 'calendario', 'calendário', 'agenda', 'kalendarz', 'kalenteri', 'календарь', '日历', '予定表'],
  ['contacts', 'kontakte', 'contactos', 'contatti', 'contatos', 'contactpersonen', 'kontakty', 'kontakter', 'контакты', '联系人', '連絡先'],
  ['tasks', 'aufgaben', 'tâches', 'tareas', 'attività', 'tarefas', 'taken', 'zadania', 'uppgifter', 'задачи', '任务', 'タスク'],
  ['notes', 'notizen', 'notas', 'note', 'notities', 'notatki', 'anteckningar', 'заметки', '便笺', 'メモ'],
  ['journal', 'diario', 'diário', 'logboek', 'dziennik', 'дневник', '日记', '履歴'],
];
/** So many of the five beside each other, and they are Exchange's: one alone may be anybody's. */
const enough = 3;

/** In the order of `listed`. `isExchange`: the server says that it is one. */
export function rolesOf(listed: readonly ListedAs[], isExchange: boolean): FolderRole[] {
  const places = listed.map(placeOf);
  const kinds = places.map((place) => exchange.findIndex((names) => place !== null && names.includes(place.leaf)));
  const isTheirs = isExchange || new Set(kinds.filter((kind) => kind >= 0)).size >= enough;
  return listed.map(({ role, flags }, n) => {
    if (role !== null) return role;
    for (const flag of flags) {
      const used = byUse[flag.toLowerCase()];
      if (used !== undefined) return used;
    }
    const place = places[n] ?? null;
    if (place === null) return null;
    const { flag, source } = specialUse(false, { name: place.leaf, flags: new Set() });
    const named = bulk.test(place.leaf) ? 'junk' : source === 'name' ? (byName[flag ?? ''] ?? null) : null;
    if (named !== null) return named;
    // Nobody makes folders in there but Gmail.
    if (place.isGmail) return 'all';
    return isTheirs && (kinds[n] ?? -1) >= 0 ? 'all' : null;
  });
}

/** Programs and servers make theirs on top, or where the server keeps all: deeper ones are people's. */
function placeOf({ name, delimiter }: ListedAs): { leaf: string; isGmail: boolean } | null {
  const steps = delimiter ? name.split(delimiter) : [name];
  if (steps[0]?.toUpperCase() === 'INBOX') steps.shift();
  const isGmail = gmail.test(steps[0] ?? '');
  if (isGmail) steps.shift();
  const [leaf, ...deeper] = steps;
  if (leaf === undefined || deeper.length > 0) return null;
  return { leaf: leaf.trim().toLowerCase().normalize('NFKC'), isGmail };
}
