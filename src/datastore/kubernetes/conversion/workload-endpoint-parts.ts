/**
 * The fields that the name of a WorkloadEndpoint is made of: joined by dashes, and with the dashes inside of them doubled.
 * Undefined for what is no such name.
 */
export function workloadEndpointParts(
  name: string,
): { readonly node: string; readonly orchestrator: string; readonly workload: string } | undefined {
  const parts = name.match(/(?:[^-]|--)+/g) ?? [];
  if (parts.join('-') !== name || parts.length !== 4) return undefined;
  const [node = '', orchestrator = '', workload = ''] = parts.map((part) => part.replaceAll('--', '-'));
  return { node, orchestrator, workload };
}
