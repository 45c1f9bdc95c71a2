const open = new Set<() => void>();

/**
 * Registers what has to be removed when the process ends, also by a signal; it must be synchronous. The returned function
 * does it at once.
 */
export function cleanUpAtExit(remove: () => void): () => void {
  if (!isPrepared) prepare();
  const once = () => {
    if (open.delete(once)) remove();
  };
  open.add(once);
  return once;
}

let isPrepared = false;

/** The exit event is enough; signals have to become an exit. */
function prepare(): void {
  isPrepared = true;
  process.on('exit', () => {
    for (const once of open) once();
  });
  process.on('SIGINT', () => process.exit(130));
  process.on('SIGTERM', () => process.exit(143));
  process.on('SIGHUP', () => process.exit(129));
}
