/** Which processes are ours, so that our own commits are not taken for somebody else's. */
export interface OwnProcesses {
  /** It is about to commit, once more. */
  started(pid: number | undefined): void;
  /** It has not made this commit, and will not make it. */
  ended(pid: number | undefined): void;
  /** True once for each commit of a process of ours; its number may later be somebody else's. */
  committed(pid: number): boolean;
}

/** Commits whose event never arrives, since the monitor was down, are forgotten after so many later ones. */
const KEPT = 256;

export function ownProcesses(): OwnProcesses {
  /** In the order of their commits: how many of each are to come. */
  const expected = new Map<number, number>();
  const take = (pid: number): boolean => {
    const count = expected.get(pid) ?? 0;
    if (count > 1) expected.set(pid, count - 1);
    else expected.delete(pid);
    return count > 0;
  };
  return {
    started(pid) {
      if (pid === undefined) return;
      const count = expected.get(pid) ?? 0;
      expected.delete(pid);
      expected.set(pid, Math.min(KEPT, count + 1));
      const [oldest] = expected.keys();
      if (expected.size > KEPT && oldest !== undefined) expected.delete(oldest);
    },
    ended(pid) {
      if (pid !== undefined) take(pid);
    },
    committed: take,
  };
}
