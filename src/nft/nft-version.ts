/** The oldest nft whose listings and syntax Margay knows. */
export const OLDEST_NFT = '1.0.6';

/** The version in what `nft --version` prints; all of that if there is none. */
export function nftVersion(printed: string): string {
  return /v(\d+(?:\.\d+)*)/.exec(printed)?.[1] ?? printed.trim();
}

/** Whether a version, of whatever has numbers with dots between them, is older than another. */
export function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0;
}
