/** Types of files by their names, and names for types: what leaves is labelled by its extension, and what has no name gets one. */
import mime from 'mime-types';

/** Null: nobody knows that extension. Web archives are written like messages, and are none. */
export const typeByName = (filename: string): string | null => {
  const type = mime.lookup(filename) || null;
  return type === 'message/rfc822' && !/\.eml$/i.test(filename) ? null : type;
};

/** What a file is called on its way out. A type that its extension belongs to stays; any other was a guess of whoever sent it to us. */
export function typeFor(filename: string, said: string): string {
  const own = typeByName(filename);
  const extension = /\.([^.\s]{1,20})$/.exec(filename)?.[1]?.toLowerCase();
  return own === null || mime.extensions[said]?.includes(extension ?? '') === true ? said : own;
}

/** `bin` for a type that has none. */
export const extensionOf = (type: string): string => mime.extension(type) || 'bin';
