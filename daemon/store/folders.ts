/**
 * Folders of a mailbox as the server lists them. The raw listed path is the key. A folder that a listing lacks is parked, with its
 * mail: a listing may fail halfway, and a rename looks the same. It goes (`dropFolder`) when the server says that it has none of that name.
 */
import { entriesIn, reclassify } from './entry.ts';
import { foundInNewSent } from './forms.ts';
import type { Db } from './sqlite.ts';
import type { Folder, FolderId, FolderRole, Hash, ListedFolder, MailboxId, Millis } from './types.ts';
import { Touched, type Writing } from './work.ts';

const notListed = 'The server no longer lists this folder.';

type FolderRow = {
  id: number;
  mailbox: string;
  path: string;
  name: string;
  delimiter: string | null;
  role: FolderRole;
  selectable: number;
  main: number;
  uid_validity: number | null;
  uid_next: number | null;
  highest_mod_seq: string | null;
  server_count: number | null;
  stored_count: number;
  parked: string | null;
};

export function foldersOf(db: Db, mailbox: MailboxId): Folder[] {
  return db.all<FolderRow>('SELECT * FROM folder WHERE mailbox = ? ORDER BY id', mailbox).map((row) => ({
    id: row.id,
    mailbox: row.mailbox,
    path: row.path,
    name: row.name,
    delimiter: row.delimiter,
    role: row.role,
    selectable: row.selectable === 1,
    main: row.main === 1,
    uidValidity: row.uid_validity,
    uidNext: row.uid_next,
    highestModSeq: row.highest_mod_seq,
    serverCount: row.server_count,
    storedCount: row.stored_count,
    parked: row.parked,
  }));
}

export function putFolders(writing: Writing, mailbox: MailboxId, listed: readonly ListedFolder[]): Folder[] {
  const { db, changed } = writing;
  const known = new Map(foldersOf(db, mailbox).map((folder) => [folder.path, folder]));
  const touched = new Touched(writing);
  for (const { path, name, delimiter, role, selectable, main = true } of listed) {
    const before = known.get(path);
    known.delete(path);
    db.run(
      `INSERT INTO folder (mailbox, path, name, delimiter, role, selectable, main) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (mailbox, path) DO UPDATE
       SET name = excluded.name, delimiter = excluded.delimiter, role = excluded.role, selectable = excluded.selectable, main = excluded.main,
       parked = CASE WHEN parked = ? THEN NULL ELSE parked END`,
      mailbox,
      path,
      name,
      delimiter,
      role,
      Number(selectable),
      Number(main),
      notListed,
    );
    if (before !== undefined && before.role !== role) {
      for (const entry of entriesIn(db, before.id)) {
        reclassify(writing, touched, entry, 'import');
        if (role === 'sent') foundInNewSent(writing, touched, mailbox, entry);
      }
    }
  }
  if (listed.length > 0) {
    for (const { id } of known.values()) db.run('UPDATE folder SET parked = ? WHERE id = ? AND parked IS NULL', notListed, id);
  }
  touched.settle();
  changed({ kind: 'folders', mailbox });
  return foldersOf(db, mailbox);
}

/** Where mail goes that is moved or filed by role; of several the one that is the main one of its kind. */
export function folderOfRole<F extends Pick<ListedFolder, 'role' | 'selectable' | 'main'>>(
  folders: readonly F[],
  role: FolderRole,
): F | undefined {
  const fit = folders.filter((folder) => folder.role === role && folder.selectable);
  return fit.find(({ main }) => main !== false) ?? fit[0];
}

export type FolderPatch = {
  uidValidity?: number | null;
  uidNext?: number | null;
  highestModSeq?: string | null;
  serverCount?: number | null;
  parked?: string | null;
};

/** What is left out stays; null is a value. */
export function setFolder({ db, changed }: Writing, folder: FolderId, patch: FolderPatch): void {
  const columns = {
    uid_validity: patch.uidValidity,
    uid_next: patch.uidNext,
    highest_mod_seq: patch.highestModSeq,
    server_count: patch.serverCount,
    parked: patch.parked,
  };
  for (const [column, value] of Object.entries(columns)) {
    if (value !== undefined) db.run(`UPDATE folder SET ${column} = ? WHERE id = ? AND ${column} IS NOT ?`, value, folder, value);
  }
  const row = db.get<{ mailbox: string }>('SELECT mailbox FROM folder WHERE id = ?', folder);
  if (row !== undefined) changed({ kind: 'folders', mailbox: row.mailbox });
}

export function setUnfetchable({ db }: Writing, folder: FolderId, uidValidity: number, uid: number, why: string | null): void {
  if (why === null) {
    db.run('DELETE FROM unfetchable WHERE folder = ? AND uid_validity = ? AND uid = ?', folder, uidValidity, uid);
    return;
  }
  db.run(
    'INSERT INTO unfetchable (folder, uid_validity, uid, why) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET why = excluded.why',
    folder,
    uidValidity,
    uid,
    why,
  );
}

export const unfetchableOf = (db: Db, mailbox: MailboxId): { folder: FolderId; uidValidity: number; uid: number; why: string }[] =>
  db.all(
    `SELECT u.folder, u.uid_validity AS uidValidity, u.uid, u.why FROM unfetchable u JOIN folder f ON f.id = u.folder
     WHERE f.mailbox = ? ORDER BY u.folder, u.uid`,
    mailbox,
  );

export function uidsOf(db: Db, folder: FolderId, uidValidity: number): number[] {
  return db
    .all<{ uid: number }>('SELECT uid FROM placement WHERE folder = ? AND uid_validity = ? ORDER BY uid', folder, uidValidity)
    .map(({ uid }) => uid);
}

export type Identity = { uidValidity: number; uid: number; hash: Hash; sizeOctets: number; receivedAt: Millis; messageId: string | null };

export function identitiesOf(db: Db, folder: FolderId): Identity[] {
  return db.all<Identity>(
    `SELECT p.uid_validity AS uidValidity, p.uid, lower(hex(m.hash)) AS hash, m.size AS sizeOctets, e.received_at AS receivedAt, m.message_id AS messageId
     FROM placement p JOIN entry e ON e.row = p.entry JOIN message m ON m.num = e.message WHERE p.folder = ? ORDER BY p.uid_validity, p.uid`,
    folder,
  );
}
