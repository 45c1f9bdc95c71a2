/** Which processes are ours, so that our own commits are not taken for somebody else's. */
export interface OwnProcesses {
  started(pid: number | undefined): void;
  /** It made no commit, and will make none. */
  ended(pid: number | undefined): void;
  /** True once for each process of ours that committed; its number may later be somebody else's. */
  committed(pid: number): boolean;
}

/** Commits whose event never arrives, since the monitor was down, are forgotten after so many later ones. */
const KEPT = 256;

export function ownProcesses(): OwnProcesses {
  const pids = new Set<number>();
  return {
    started(pid) {
      if (pid === undefined) return;
      pids.add(pid);
      const [oldest] = pids;
      if (pids.size > KEPT && oldest !== undefined) pids.delete(oldest);
    },
    ended(pid) {
      if (pid !== undefined) pids.delete(pid);
    },
    committed: (pid) => pids.delete(pid),
  };
}
