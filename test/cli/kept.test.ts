import t from 'tap';
import { keptReader, keptSource } from '../../src/cli/kept.js';
import { objectReader } from '../../src/datastore/file/read-objects.js';
import type { SourceEvent } from '../../src/datastore/source.js';
import { fakeSource } from '../../src/datastore/source-fake.js';
import { remoteEndpoints } from '../../src/policy/remote-endpoints.js';

const reader = objectReader(() => undefined);

function workload(node: string): string {
  return JSON.stringify({
    apiVersion: 'projectcalico.org/v3',
    kind: 'WorkloadEndpoint',
    metadata: { name: `${node}-k8s-pod-eth0`, namespace: 'default' },
    spec: {
      node,
      orchestrator: 'k8s',
      pod: 'pod',
      endpoint: 'eth0',
      interfaceName: 'cali0',
      ipNetworks: ['10.0.0.1/32'],
    },
  });
}

function podOf(parsed: SourceEvent & { type: 'update' }): unknown {
  const resource = parsed.parsed.valid ? parsed.parsed.resource : undefined;
  return resource?.kind === 'WorkloadEndpoint' ? resource.spec.pod : 'not valid';
}

t.test('a reader with what is kept of resources', async (t) => {
  const kept = keptReader(reader, remoteEndpoints('here'));
  const pods = ['here', 'there'].map((node) => {
    const [object] = kept(workload(node), 'json', 'file').objects;
    return object && podOf({ type: 'update', origin: {}, ...object });
  });
  t.strictSame(pods, ['pod', undefined]);
  const broken = kept(
    '{"apiVersion": "projectcalico.org/v3", "kind": "Tier", "metadata": {"name": "a"}, "spec": 1}',
    'json',
    'f',
  );
  t.equal(broken.objects[0]?.parsed.valid, false, 'what is not valid is told as it is');
});

t.test('a source with what is kept of resources', async (t) => {
  const fake = fakeSource();
  const source = keptSource(fake, remoteEndpoints('here'));
  const told: SourceEvent[] = [];
  const connections: boolean[] = [];
  source.start({
    events: (events) => told.push(...events),
    inSync: () => undefined,
    connection: ({ connected }) => connections.push(connected),
  });
  for (const node of ['here', 'there']) {
    const [object] = reader(workload(node), 'json', 'file').objects;
    if (object) fake.update(object);
  }
  fake.problems({ file: 'f', unreadable: true, problems: [] });
  fake.inSync();
  await source.catchUp();
  await source.stop();
  t.strictSame(
    told.map((event) => (event.type === 'update' ? podOf(event) : event.type)),
    ['pod', undefined, 'problems'],
  );
  t.strictSame(connections, [true]);
  t.equal(source.url, fake.url);
});
