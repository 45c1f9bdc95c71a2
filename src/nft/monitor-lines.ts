import type { ForeignChange } from './driver.js';

/**
 * Follows what `nft monitor` prints: a line for each object, and after the objects of a commit the line
 * `# new generation N by process PID (NAME)`. Returns what takes the next piece of the output.
 */
export function monitorLines(
  table: string,
  isOwn: (pid: number) => boolean,
  listener: (change: ForeignChange) => void,
): (piece: string) => void {
  // Anchored: text from outside (comments, interface names) comes after the name of the table.
  const ours = new RegExp(`^[a-z]+ (?:ct )?[a-z]+ inet ${table.replaceAll('.', '\\.')}(?: |$)`);
  // nft 1.0.6 forgets a set when a rule that looks into it is deleted, and then prints nothing of changes to its elements
  // ("Unable to cache set_elem" on standard error): a commit of which nothing was printed may concern us.
  let silent = true;
  let touched = false;
  let rest = '';

  function take(line: string): void {
    if (line.startsWith('#')) {
      remark(line);
    } else if (line !== '') {
      silent = false;
      // A commit may have a million elements: once it is known to concern our table, the rest of it doesn't matter.
      if (!touched) touched = ours.test(line);
    }
  }

  function remark(line: string): void {
    if (line.startsWith('# ERROR: ')) {
      listener({ kind: 'lost' });
      return;
    }
    const [, pid, name] = GENERATION.exec(line) ?? [];
    if (pid === undefined || name === undefined) return;
    const own = isOwn(Number(pid));
    if ((touched || silent) && !own) listener({ kind: 'changed', process: { pid: Number(pid), name } });
    touched = false;
    silent = true;
  }

  return (piece) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  };
}

const GENERATION = /^# new generation \d+ by process (\d+) \((.*)\)$/;
