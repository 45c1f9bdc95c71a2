import { type Conversion, calicoVersion, nothing } from './conversion.js';
import { listIn, mapIn, type Native, numberIn, textIn, textListIn, textsIn } from './native.js';

const serviceLabel = 'kubernetes.io/service-name';

/**
 * The addresses and ports of a service, of `discovery.k8s.io` v1 or v1beta1. Whether an endpoint is ready does not matter; slices
 * of names instead of addresses, and those of no service, are nothing to a policy.
 */
export function endpointSlice(slice: Native): Conversion {
  const metadata = mapIn(slice, 'metadata');
  const service = textsIn(metadata, 'labels')[serviceLabel];
  if (service === undefined || service === '' || textIn(slice, 'addressType') === 'FQDN') return nothing;
  const name = textIn(metadata, 'name') ?? '';
  const namespace = textIn(metadata, 'namespace') ?? '';
  const addresses = listIn(slice, 'endpoints').flatMap((endpoint) => textListIn(endpoint, 'addresses'));
  const ports = listIn(slice, 'ports').flatMap((port) => {
    const number = numberIn(port, 'port');
    return number === undefined ? [] : [{ protocol: textIn(port, 'protocol') ?? 'TCP', port: number }];
  });
  const value = {
    apiVersion: calicoVersion,
    kind: 'EndpointSlice',
    metadata: { name, namespace },
    spec: { service, addresses: [...new Set(addresses)], ports },
  };
  return { is: 'object', key: { kind: 'EndpointSlice', namespace, name }, value, warnings: [] };
}
