import { createHash } from 'node:crypto';
import { printTable } from '../../nft/print.js';
import { renderWithShapes } from '../../ruleset/render.js';
import type { Io } from '../io.js';
import { offlinePolicy } from '../offline-policy.js';
import type { SourceSettings } from '../open-source.js';
import { renderOptions } from '../render-options.js';
import type { Settings } from '../settings/settings.js';
import { shapeText } from '../shape-text.js';

export interface RenderOptions {
  readonly json: boolean;
  /** Say which form each list of policies has, instead of the script. */
  readonly explainShape?: boolean;
  /** `live`, or a file with what `ip -j address show` prints. */
  readonly interfaces?: string;
}

/**
 * `margay render`: prints the script that would make the node's ruleset. Needs no root; what is
 * wrong goes to standard error, and the status is 1 if something had to be left out, which the ruleset then lacks.
 */
export async function render(
  settings: Pick<Settings, 'node' | 'lists'> & SourceSettings,
  { json, interfaces = 'live', explainShape = false }: RenderOptions,
  { stdout, stderr, environment }: Io,
): Promise<number> {
  const { calculation, problems, leftOut } = await offlinePolicy(settings, interfaces, environment);
  const { table, shapes } = renderWithShapes(calculation.hostPolicy, renderOptions(settings));
  const { text } = printTable(table);
  for (const problem of problems) stderr.write(`margay: ${problem}\n`);
  if (explainShape) {
    stdout.write(json ? `${JSON.stringify({ node: settings.node, shapes }, null, 2)}\n` : shapeText(shapes));
  } else if (json) {
    const hash = createHash('sha256').update(text).digest('hex');
    stdout.write(`${JSON.stringify({ node: settings.node, hash, script: text, table, problems }, null, 2)}\n`);
  } else {
    stdout.write(text);
  }
  return leftOut > 0 ? 1 : 0;
}
