import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { ConfigError } from './error.js';

const BYTE_ORDER_MARK = '\uFEFF';

/** Text without the byte order mark that editors and shells of Windows write before it. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text;
}

/**
 * The text of a file that a person wrote.
 *
 * @throws the system's error, or an Error where the file is not UTF-8
 */
export function readText(file: string): string {
  const bytes = readFileSync(file);
  if (!isUtf8(bytes)) throw new Error(`${file} is not UTF-8: save it in that encoding`);
  return withoutByteOrderMark(bytes.toString());
}

/** The text of a file whose comments may be in any encoding, such as PEM. @throws the system's error */
export function readLenient(file: string): string {
  return withoutByteOrderMark(readFileSync(file, 'utf8'));
}

/**
 * The text of a file that an option names; undefined where it names none.
 *
 * @param origin where the option was given
 * @throws {ConfigError} where the file cannot be read
 */
export function readNamed(file: string | undefined, origin: string, read = readText): string | undefined {
  if (file === undefined) return undefined;
  try {
    return read(file);
  } catch (error) {
    throw new ConfigError(`${origin}: the file cannot be read: ${(error as Error).message}`);
  }
}
