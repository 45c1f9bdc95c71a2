/** PATH with the directories of `ip` and `nft`, which a user who is not root may lack. */
export function systemPath(): string {
  return `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;
}

/** The command line that runs a command in a network namespace; the process keeps its id, so signals reach the command. */
export function inNamespace(namespace: string, argv: readonly string[]): string[] {
  // Not `ip netns exec`: it mounts a new /sys, which a container or a user namespace may forbid.
  return ['nsenter', `--net=/run/netns/${namespace}`, '--', ...argv];
}
