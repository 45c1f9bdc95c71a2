import { stdout } from 'node:process';

/** Counts and tells what was checked, as `.ci/run` reads it. */
export interface Checks {
  /** A check that throws has failed; the others go on. */
  check(title: string, run: () => Promise<void>): Promise<void>;
  section(title: string): void;
  /** Prints `N passed, N failed` and gives the exit status. */
  finish(): number;
}

export function createChecks(): Checks {
  let [passed, failed] = [0, 0];
  const begun = performance.now();
  const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
  const print = (line: string) => stdout.write(`${line}\n`);
  return {
    section: (title) => print(`\n# ${title} (at ${seconds(begun)})`),
    check: async (title, run) => {
      const start = performance.now();
      try {
        await run();
        passed++;
        print(`ok     ${title} (${seconds(start)})`);
      } catch (error) {
        failed++;
        const text = error instanceof Error ? error.message : String(error);
        print(`NOT OK ${title} (${seconds(start)})\n${text.replace(/^/gm, '       ')}`);
      }
    },
    finish: () => {
      print(`\nin ${seconds(begun)}\n${passed} passed, ${failed} failed`);
      return failed > 0 ? 1 : 0;
    },
  };
}
