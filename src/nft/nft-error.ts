import { NftError, type Script } from './driver.js';

/** Which line nft names: `/dev/stdin:3:27-29: Error: …`, or for the whole of the script no place at all. */
const PLACE = /^\S+?:(\d+):\d+(?:-\d+)?: Error: (.*)$/;

/** The refusal of a script from what nft wrote to standard error, with the line of the script that it names first. */
export function refusal(stderr: string, script: Script, cause?: unknown): NftError {
  const lines = stderr.split('\n');
  const place = lines.map((line) => PLACE.exec(line)).find((found) => found !== null);
  const messages = lines.map(messageOf).filter((message) => message !== undefined);
  const message = [...new Set(messages)].join('; ') || stderr.trim() || 'nft failed without a message';
  const index = place ? Number(place[1]) - 1 : -1;
  const line = index < 0 ? undefined : script.text.split('\n')[index];
  return new NftError('refused', `nft refused the transaction: ${message}`, script.origins[index], line, { cause });
}

function messageOf(line: string): string | undefined {
  return PLACE.exec(line)?.[2] ?? /^(?:\w+: )?Error: (.*)$/.exec(line)?.[1];
}
