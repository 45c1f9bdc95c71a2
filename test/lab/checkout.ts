import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout, from the sources or from what was compiled. */
export const checkout: string = rootAbove(dirname(fileURLToPath(import.meta.url)));

/** The command line program as `npm run build` made it, or one that is installed elsewhere: MARGAY_TEST_PROGRAM. */
export const margayCommand: readonly string[] = [
  process.execPath,
  process.env.MARGAY_TEST_PROGRAM ?? join(checkout, 'dist/cli/main.js'),
];

function rootAbove(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error('no package.json above the lab');
  return rootAbove(parent);
}
