import type { Paint } from '../../src/cli/paint.js';

/**
 * The parts of `nft list table inet margay` that are worth a look: the chains whose name begins with one of `wanted`, without
 * blank lines; rules too long for a terminal are cut.
 */
export function excerpt(listing: string, wanted: readonly RegExp[], width: number, paint: Paint): string {
  const blocks = listing
    .split(/\n\n|(?<=\{)\n(?=\t(?:set|map|chain))/)
    .filter((block) => /^\t(set|map|chain) /.test(block));
  const chosen = wanted.flatMap((pattern) => blocks.filter((block) => pattern.test(block)));
  const lines = chosen.flatMap((block) => block.replace(/\n\}\s*$/, '').split('\n'));
  const shown = lines.map((line) => cut(`  ${line.slice(1).replaceAll('\t', '  ')}`, width));
  return shown.map((line) => line.replace(/#.*|comment ".*$/, (comment) => paint('gray', comment))).join('\n');
}

function cut(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}
