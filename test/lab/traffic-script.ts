import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The traffic process as a file that plain `node` runs: the compiled one beside this module, or, when the lab is run from its
 * sources by the test runner, one made now in `directory`. So no test depends on an earlier build, and no namespace pays for
 * a TypeScript loader.
 */
export async function trafficScript(directory: string): Promise<string> {
  if (import.meta.url.endsWith('.js')) return fileURLToPath(new URL('./traffic.js', import.meta.url));
  const { default: typescript } = await import('typescript');
  const source = readFileSync(new URL('./traffic.ts', import.meta.url), 'utf8');
  const { ESNext } = typescript.ModuleKind;
  const compilerOptions = { module: ESNext, target: typescript.ScriptTarget.ES2022, verbatimModuleSyntax: true };
  const path = join(directory, 'traffic.mjs');
  writeFileSync(path, typescript.transpileModule(source, { compilerOptions }).outputText);
  return path;
}
