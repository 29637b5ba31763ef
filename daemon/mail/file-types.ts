/** Types of files by their names, and names for types: what leaves is labelled by its extension, and what has no name gets one. */
import mime from 'mime-types';

/** Null: nobody knows that extension. */
export const typeByName = (filename: string): string | null => mime.lookup(filename) || null;

/** `bin` for a type that has none. */
export const extensionOf = (type: string): string => mime.extension(type) || 'bin';
