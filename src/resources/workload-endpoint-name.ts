/** The fields of a WorkloadEndpoint's spec that make its name. */
export interface NameFields {
  readonly node?: string | undefined;
  readonly orchestrator?: string | undefined;
  readonly workload?: string | undefined;
  readonly pod?: string | undefined;
  readonly containerID?: string | undefined;
  readonly endpoint?: string | undefined;
}

type Field = keyof NameFields;
type NameProblem = { readonly field: Field; readonly message: string };

const fieldOfWorkload: Readonly<Record<string, Field>> = { k8s: 'pod', cni: 'containerID' };

/**
 * The name that Calico gives to a WorkloadEndpoint: its identifying fields joined by dashes, with the dashes inside of them
 * doubled. Problems are fields that are missing or begin or end with a dash, which would make the name ambiguous.
 */
export function workloadEndpointName(
  spec: NameFields,
): { readonly name: string } | { readonly problems: NameProblem[] } {
  const workloadField = fieldOfWorkload[spec.orchestrator ?? ''] ?? 'workload';
  const parts: readonly { field: Field; value: string }[] = [
    { field: 'node', value: spec.node ?? '' },
    { field: 'orchestrator', value: spec.orchestrator ?? '' },
    { field: workloadField, value: spec.orchestrator === 'libnetwork' ? 'libnetwork' : (spec[workloadField] ?? '') },
    { field: 'endpoint', value: spec.endpoint ?? '' },
  ];
  const problems = parts.flatMap(({ field, value }) => {
    if (value === '') return [{ field, message: `${field} is needed to form the name of the endpoint` }];
    if (/^-|-$/.test(value)) return [{ field, message: `${field} '${value}' must not begin or end with a dash` }];
    return [];
  });
  return problems.length > 0 ? { problems } : { name: parts.map(({ value }) => value.replaceAll('-', '--')).join('-') };
}
