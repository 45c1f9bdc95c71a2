import type { Resource, WorkloadEndpoint } from '../resources/kinds.js';

/** What is kept of a resource: all of it, or of an endpoint of another node what policy needs. */
export type Keep = (resource: Resource) => Resource;

/** Texts of labels and the like that are known by their one copy. */
const MOST_INTERNED = 100_000;

/**
 * Of workload endpoints of other nodes only what selectors and sets look at is kept: a large cluster has hundreds of thousands. What
 * many have in common (labels of a deployment, profiles of a namespace, the node) is kept once.
 */
export function remoteEndpoints(node: string): Keep {
  const interned = new Map<string, unknown>();

  function intern<T>(value: T): T {
    const text = JSON.stringify(value);
    const known = interned.get(text);
    // Equal texts are of equal values.
    if (known !== undefined) return known as T;
    // With labels that change all the time there is no end to them: some copies more cost little.
    if (interned.size >= MOST_INTERNED) interned.clear();
    interned.set(text, value);
    return value;
  }

  /** A field that has a value: one that has none must not be there, so that what comes back from the journal is the same. */
  function field<Name extends string, T>(name: Name, value: T | undefined): { readonly [N in Name]?: T } {
    return value === undefined ? {} : ({ [name]: intern(value) } as { readonly [N in Name]?: T });
  }

  function essence({ apiVersion, kind, metadata, spec }: WorkloadEndpoint): WorkloadEndpoint {
    const { interfaceName, ipNetworks } = spec;
    return {
      apiVersion,
      kind,
      metadata: { name: metadata.name, namespace: intern(metadata.namespace), ...field('labels', metadata.labels) },
      spec: {
        interfaceName,
        ...(ipNetworks === undefined ? {} : { ipNetworks }),
        ...field('node', spec.node),
        ...field('orchestrator', spec.orchestrator),
        ...field('serviceAccountName', spec.serviceAccountName),
        ...field('profiles', spec.profiles),
        ...field('ports', spec.ports),
      },
    };
  }

  return (resource) =>
    resource.kind === 'WorkloadEndpoint' && resource.spec.node !== node ? essence(resource) : resource;
}
