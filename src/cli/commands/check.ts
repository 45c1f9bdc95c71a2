import type { Issue } from '../../resources/resource.js';
import { type CheckEntry, type CheckedDocument, checkFile, filesBelow } from '../check-files.js';
import type { Io } from '../io.js';
import { nodeWarnings } from '../node-warnings.js';
import { printable } from '../printable.js';

/**
 * Validates resources in files, and in directories all `*.yaml`, `*.yml` and `*.json` below, as calicoctl would before it writes
 * them; for a `node` also warns of what has no effect there. 0 all valid, 1 something is not, 2 a path does not exist.
 */
export async function check(
  paths: readonly string[],
  options: { readonly json?: boolean; readonly node?: string },
  io: Pick<Io, 'stdout' | 'stderr'>,
): Promise<number> {
  const documents: CheckedDocument[] = [];
  let missing = false;
  for (const path of paths) {
    const files = await filesBelow(path);
    if (files === undefined) {
      missing = true;
      io.stderr.write(printable(`margay: ${path}: no such file or directory`).concat('\n'));
    }
    for (const file of files ?? []) documents.push(...(await checkFile(file)));
  }
  const entries =
    options.node === undefined ? documents.map(({ entry }) => entry) : nodeWarnings(documents, options.node);
  const invalid = entries.filter(({ valid }) => !valid).length;
  const counts = { valid: entries.length - invalid, invalid };
  if (options.json) io.stdout.write(`${JSON.stringify({ documents: entries, ...counts }, null, 1)}\n`);
  else io.stdout.write(humanReport(entries, counts));
  if (missing) return 2;
  return invalid > 0 ? 1 : 0;
}

function humanReport(entries: readonly CheckEntry[], { valid, invalid }: { valid: number; invalid: number }): string {
  const lines = entries.flatMap((entry) => {
    const told = [
      ...entry.issues.map((issue) => ({ issue, level: '' })),
      ...entry.warnings.map((issue) => ({ issue, level: 'warning: ' })),
    ];
    return told
      .toSorted((a, b) => (a.issue.line ?? entry.line) - (b.issue.line ?? entry.line))
      .map(({ issue, level }) => issueLine(entry, issue, level));
  });
  const objects = (count: number) => `${count} ${count === 1 ? 'object' : 'objects'}`;
  return [...lines, `${objects(valid)} valid, ${invalid} invalid`, ''].join('\n');
}

function issueLine(entry: CheckEntry, { path, message, line }: Issue, level: string): string {
  const name = [entry.namespace, entry.name].filter((part) => part !== undefined).join('/');
  const subject = [entry.kind, name].filter(Boolean).join(' ');
  const place = path === '' ? [] : [path];
  const parts = [`${entry.file}:${line ?? entry.line}`, subject, `${level}${[...place, message].join(': ')}`];
  return printable(parts.filter((part) => part !== '').join(': '));
}
