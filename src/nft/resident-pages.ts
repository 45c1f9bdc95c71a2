import { readFile } from 'node:fs/promises';

/** What nft has allocated for large tables it keeps: beyond this another process takes its place. */
export const LARGEST_PAGES = 16_384;

/** Resident memory of the process, in pages; 0 where the kernel does not tell. */
export async function residentPages(pid: number | undefined): Promise<number> {
  try {
    return Number((await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1]) || 0;
  } catch {
    return 0;
  }
}
