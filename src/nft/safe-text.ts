import { NftError } from './driver.js';
import { RESERVED_WORDS } from './reserved-words.js';

/** Text from outside, made such that it can stand between quotes in an nft script and reads back as it was written. */

const encoder = new TextEncoder();

/** nft takes 128 bytes for a comment. */
const LONGEST_COMMENT = 128;
/** The kernel takes 128 bytes with the final zero. */
const LONGEST_LOG_PREFIX = 127;
/** IFNAMSIZ without the final zero; nft counts the backslash and the star too. */
const LONGEST_INTERFACE_NAME = 15;

/** A comment: nft has no escape for quotes, so they become apostrophes; control characters become spaces. */
export function commentText(text: string): string {
  return cut(printable(text), LONGEST_COMMENT);
}

/** A log prefix: like a comment, and `$` would be a variable of the script. */
export function logPrefixText(text: string): string {
  return cut(printable(text).replaceAll('$', '_'), LONGEST_LOG_PREFIX);
}

/** An interface name between quotes, with a literal star at the end escaped. Throws if nft can't express it. */
export function interfaceNameText(name: string): string {
  // Without the backslash nft takes a star at the end for a wildcard, and would match all names that begin like this.
  return checkedInterfaceName(name.endsWith('*') ? `${name.slice(0, -1)}\\*` : name, name);
}

/** A wildcard for all interface names that begin like this. Throws if nft can't express it. */
export function interfacePrefixText(startsWith: string): string {
  if (startsWith === '')
    throw new NftError('invalid', 'the prefix of interface names is empty: nft has no match for all names');
  return checkedInterfaceName(`${startsWith}*`, startsWith);
}

function checkedInterfaceName(text: string, name: string): string {
  const problem = interfaceNameProblem(text, name);
  if (problem) throw new NftError('invalid', `interface name ${JSON.stringify(name)} ${problem}`);
  return text;
}

function interfaceNameProblem(text: string, name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name !== printable(name)) return 'has quotes, control characters or broken Unicode';
  if (text.endsWith('*') && name.includes('\\')) return 'has both a backslash and a star at the end';
  if (encoder.encode(text).length > LONGEST_INTERFACE_NAME)
    return `is longer than nft takes (${LONGEST_INTERFACE_NAME} bytes)`;
  return undefined;
}

/** The name of a table, chain, set or map: never text from outside, so anything unusual is a fault of ours. */
export function objectName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/.test(name) || RESERVED_WORDS.has(name)) {
    throw new NftError('invalid', `${JSON.stringify(name)} can't be the name of an nft object`);
  }
  return name;
}

/** A name that somebody else gave to an object in our table: can nft be told it? By netlink any bytes may be a name. */
export function isNftName(name: string): boolean {
  return /^[A-Za-z_.][A-Za-z0-9/_.-]*$/.test(name) && !RESERVED_WORDS.has(name);
}

function printable(text: string): string {
  // Most texts are like this.
  if (/^[ !#-~]*$/.test(text)) return text;
  return text
    .replaceAll('"', "'")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\p{Cs}/gu, '\ufffd');
}

/** At most so many bytes of UTF-8, never half a character. */
function cut(text: string, bytes: number): string {
  if (text.length * 3 <= bytes) return text;
  const all = encoder.encode(text);
  if (all.length <= bytes) return text;
  let end = bytes;
  while (((all[end] ?? 0) & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(all.subarray(0, end));
}
