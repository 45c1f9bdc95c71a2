import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { remoteEndpoints } from '../../src/policy/remote-endpoints.js';
import type { WorkloadEndpoint } from '../../src/resources/kinds.js';
import { parseResource } from '../../src/resources/parse-resource.js';
import { checkSelector } from '../../src/selector/check-selector.js';

const sample = (node: string, pod = 'p'): WorkloadEndpoint => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'WorkloadEndpoint',
  metadata: {
    name: `${node}-k8s-${pod}-eth0`,
    namespace: 'n',
    labels: { app: 'a' },
    uid: 'u',
    annotations: { x: 'y' },
  },
  spec: {
    orchestrator: 'k8s',
    node,
    pod,
    endpoint: 'eth0',
    interfaceName: 'cali1',
    ipNetworks: ['10.0.0.1/32'],
    profiles: ['kns.n'],
    ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    mac: '02:00:00:00:00:01',
    ipNATs: [{ internalIP: '10.0.0.1', externalIP: '192.0.2.1' }],
  },
});

t.test('of endpoints of other nodes only what policy looks at is kept, and once what many have', async (t) => {
  const keep = remoteEndpoints('here');
  const local = sample('here');
  t.equal(keep(local), local, 'a local one is as it is');
  const [one, two] = [keep(sample('there', 'p')), keep(sample('there', 'q'))];
  if (one.kind !== 'WorkloadEndpoint' || two.kind !== 'WorkloadEndpoint') throw new Error('another kind');
  t.strictSame(one, {
    apiVersion: 'projectcalico.org/v3',
    kind: 'WorkloadEndpoint',
    metadata: { name: 'there-k8s-p-eth0', namespace: 'n', labels: { app: 'a' } },
    spec: {
      interfaceName: 'cali1',
      ipNetworks: ['10.0.0.1/32'],
      node: 'there',
      orchestrator: 'k8s',
      profiles: ['kns.n'],
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    },
  });
  t.equal(one.metadata.labels, two.metadata.labels);
  t.equal(one.spec.profiles, two.spec.profiles);
});

t.test('what is kept is valid when it comes back from the journal, and the same', async (t) => {
  const kept = remoteEndpoints('here')(sample('there'));
  const value: unknown = JSON.parse(JSON.stringify(kept));
  const { parsed } = parseResource(value, { unknownFields: 'warning', defaults: 'none', checkSelector });
  t.ok(parsed.valid && isDeepStrictEqual(parsed.resource, kept));
});
