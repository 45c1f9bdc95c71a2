/**
 * The index of the interface that a line of `ip -o monitor link address` is about; undefined if it can't be told. Whether it was
 * deleted can't: leaving a bridge is a `Deleted` line too.
 */
export function indexInMonitorLine(line: string): number | undefined {
  const digits = /^(?:Deleted )?(\d{1,10}): /.exec(line)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
