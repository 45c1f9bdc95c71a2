import type { SrvRecord } from 'node:dns';
import { type Endpoint, endpointAt } from './endpoint.js';
import { EtcdError } from './etcd-error.js';

/** The SRV records of a name; rejects if there are none. */
export type ResolveSrv = (name: string) => Promise<readonly SrvRecord[]>;

const services = [
  { name: '_etcd-client-ssl._tcp', secure: true },
  { name: '_etcd-client._tcp', secure: false },
];

/** The endpoints that DNS names for a domain, those with TLS first, as etcd's own client finds them. */
export async function discoverEndpoints(domain: string, resolveSrv: ResolveSrv): Promise<Endpoint[]> {
  const found = await Promise.allSettled(
    services.map(async ({ name, secure }) => {
      const records = await resolveSrv(`${name}.${domain}`);
      return records.map(({ name: host, port }) => endpointAt(host.replace(/\.$/, ''), port, secure));
    }),
  );
  const endpoints = found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  if (endpoints.length > 0) return endpoints;
  const names = services.map(({ name }) => `${name}.${domain}`).join(' nor ');
  throw new EtcdError('unreachable', `DNS has no SRV records for ${names}`, { elsewhere: true });
}
