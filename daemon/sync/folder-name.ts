/**
 * Names of folders on the wire (RFC 3501, 5.1.3: modified UTF-7). Pure. Servers list what they like; a command must name exactly the folder
 * that was listed, or none.
 */

/** Why of two listed names that are one in a command only one is used. */
export const twinName = 'Another folder is listed under the same name.';

/** As a server that does not speak UTF-8 has it. */
export function modifiedUtf7(name: string): string {
  const base64 = (text: string) => Buffer.from(text, 'utf16le').swap16().toString('base64').replace(/=+$/, '').replaceAll('/', ',');
  return name.replaceAll('&', '&-').replace(/[^\x20-\x7e]+/g, (text) => `&${base64(text)}-`);
}

/**
 * Why no command can name this folder; null when one can. `path` is as it was listed, `name` what it decodes to and what is written in
 * commands again: for a name that is not well encoded that would be another folder's.
 */
export function obstacleOf({ path, name }: { path: string; name: string }, utf8: boolean): string | null {
  if (path === '' || /[\0\t\r\n]/.test(name)) return 'Its name cannot be written in a command.';
  if (path === name ? utf8 || modifiedUtf7(name) === path : !utf8 && modifiedUtf7(name) === path) return null;
  return path.toUpperCase() === 'INBOX' ? null : 'Its name is not encoded as IMAP wants it, so that a command would name another folder.';
}
