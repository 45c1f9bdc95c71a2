import { after, escapeName } from './resource-path.js';

/** An endpoint of this node, with what became of it. */
export interface ReportedEndpoint {
  readonly kind: 'HostEndpoint' | 'WorkloadEndpoint';
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly state: 'up' | 'down' | 'error';
}

/** Under which keys Felix reports, and so do we, for those who wait for it: OpenStack, monitoring. */
export interface StatusKeys {
  /** Undefined for a workload whose name is none of Calico's. */
  endpoint(endpoint: ReportedEndpoint): string | undefined;
  /** The ranges in which all statuses of endpoints of this node are. */
  readonly ranges: readonly { readonly key: string; readonly rangeEnd: string }[];
  /** Of the agent itself: gone when it has not reported for long. */
  readonly active: string;
  readonly last: string;
}

/** `region`: of OpenStack, or empty. Source: Calico's `backend/model`. */
export function statusKeys(node: string, region: string): StatusKeys {
  const hostEndpoints = `/calico/felix/v1/host/${node}/endpoint/`;
  const host = `/calico/felix/v2/${region === '' ? 'no-region' : `region-${region}`}/host/${node}`;
  const workloads = `${host}/workload/`;
  return {
    endpoint({ kind, namespace = '', name }) {
      if (kind === 'HostEndpoint') return `${hostEndpoints}${escapeName(name)}`;
      const [, orchestrator, workload, endpoint, ...more] = partsOf(name);
      if (orchestrator === undefined || workload === undefined || endpoint === undefined || more.length > 0)
        return undefined;
      const id = escapeName(`${namespace}/${workload}`);
      return `${workloads}${escapeName(orchestrator)}/${id}/endpoint/${escapeName(endpoint)}`;
    },
    ranges: [hostEndpoints, workloads].map((key) => ({ key, rangeEnd: after(key) })),
    active: `${host}/status`,
    last: `${host}/last_reported_status`,
  };
}

/** The identifiers that are joined in the name of a workload endpoint: by dashes, with those inside of them doubled. */
function partsOf(name: string): string[] {
  return name
    .replaceAll('--', '\0')
    .split('-')
    .map((part) => part.replaceAll('\0', '-'));
}
