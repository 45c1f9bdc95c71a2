import { isMap } from '../resources/normalise.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The spec of a FelixConfiguration as Calico's client writes it, whatever it is for. Source: libcalico-go/lib/clientv3/felixconfig.go,
 * setDefaults.
 */
export function withFelixDefaults(spec: unknown): Fields {
  const given = isMap(spec) ? spec : {};
  const { bpfConnectTimeLoadBalancingEnabled: old } = given;
  const complete = {
    floatingIPs: 'Disabled',
    bpfConnectTimeLoadBalancing: 'TCP',
    bpfHostNetworkedNATWithoutCTLB: 'Enabled',
    ...given,
  };
  if (old === undefined) return complete;
  // The older field decides over those that took its place.
  const bpfConnectTimeLoadBalancing = old === true ? 'Enabled' : 'Disabled';
  return { ...complete, bpfConnectTimeLoadBalancing, bpfHostNetworkedNATWithoutCTLB: 'Disabled' };
}
