/**
 * Names of folders on the wire (RFC 3501, 5.1.3: modified UTF-7). Pure. Servers list what they like; a command must name exactly the folder
 * that was listed, so what was listed is written back as it came, and always quoted: what a badly encoded name decodes to would be another
 * folder's, and some servers refuse a name without quotes that others take (Courier: a tilde).
 */

/** For a folder that is made here, as a server that does not speak UTF-8 has it. */
export function modifiedUtf7(name: string): string {
  const base64 = (text: string) => Buffer.from(text, 'utf16le').swap16().toString('base64').replace(/=+$/, '').replaceAll('/', ',');
  return name.replaceAll('&', '&-').replace(/[^\x20-\x7e]+/g, (text) => `&${base64(text)}-`);
}

/** Why no command can name the folder that was listed as `path`; null when one can. */
export function obstacleOf(path: string, utf8: boolean): string | null {
  if (path === '' || /[\0-\x1f\x7f]/.test(path)) return 'Its name cannot be written in a command.';
  if (utf8 || /^[\x20-\x7e]*$/.test(path)) return null;
  return 'Its name is not encoded as IMAP wants it, so that a command would name another folder.';
}

type Speaking = { enabled: ReadonlySet<string>; capabilities: ReadonlyMap<string, unknown> };

/** Names are UTF-8 as they stand (RFC 6855, RFC 9051). */
export const speaksUtf8 = ({ enabled, capabilities }: Speaking): boolean =>
  enabled.has('UTF8=ACCEPT') || enabled.has('IMAP4REV2') || (capabilities.has('IMAP4rev2') && !capabilities.has('IMAP4rev1'));

/** Where a command names a folder. STATUS alone is asked by the library itself, with decoded names. */
const folderAt: Readonly<Record<string, number>> = {
  ...{ STATUS: 0, SELECT: 0, EXAMINE: 0, CREATE: 0, SUBSCRIBE: 0, APPEND: 0 },
  ...{ COPY: 1, MOVE: 1, 'UID COPY': 1, 'UID MOVE': 1 },
};

/** The attributes of a command of imapflow, which encodes what was listed once more: with the folder as it was listed, in quotes. */
export function withFolder(command: string, attributes: unknown, speaking: Speaking): unknown {
  const at = folderAt[command];
  if (at === undefined || !Array.isArray(attributes)) return attributes;
  const { value } = attributes[at] as { value: string };
  const asListed = command === 'STATUS' || speaksUtf8(speaking) ? value : value.replaceAll('&-', '&');
  return attributes.with(at, { type: 'STRING', value: asListed });
}
