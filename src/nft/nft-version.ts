/** The oldest nft whose listings and syntax Margay knows. */
export const OLDEST_NFT = '1.0.6';

/** The version in what `nft --version` prints; all of that if there is none. */
export function nftVersion(printed: string): string {
  return /v(\d+(?:\.\d+)*)/.exec(printed)?.[1] ?? printed.trim();
}

/** Whether a version that begins with numbers, with dots between them, is older than another; false for what has none. */
export function isOlder(version: string, than: string): boolean {
  const [numbers, others] = [numbersOf(version), numbersOf(than)];
  const at = others.findIndex((other, index) => (numbers[index] ?? 0) !== other);
  return numbers.length > 0 && at >= 0 && (numbers[at] ?? 0) < (others[at] ?? 0);
}

function numbersOf(version: string): readonly number[] {
  return /^\d+(?:\.\d+)*/.exec(version)?.[0].split('.').map(Number) ?? [];
}
