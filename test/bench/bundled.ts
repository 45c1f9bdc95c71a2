import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Makes one file of a source beside this one, as the build does: without a compiler in its memory. */
export async function bundled(source: string, outfile: string): Promise<string> {
  await build({
    entryPoints: [fileURLToPath(new URL(source, import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'warning',
    banner: {
      js: 'import { createRequire as requireOfBundle } from "node:module"; const require = requireOfBundle(import.meta.url);',
    },
  });
  return outfile;
}
