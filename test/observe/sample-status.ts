import type { Status } from '../../src/observe/status.js';

/** A ready daemon with one endpoint and one policy. */
export function sampleStatus(changes: Partial<Status> = {}): Status {
  return {
    node: 'node0',
    version: '1.2.3',
    ready: true,
    degraded: false,
    inSync: true,
    datastore: {
      url: 'file:/etc/margay/resources.d',
      connected: true,
      since: '2026-01-02T03:04:05Z',
      lastChange: '2026-01-02T04:00:00Z',
      reason: null,
    },
    interfaces: { listed: true, reason: null },
    input: 42,
    enforced: 42,
    ruleset: { hash: 'abcdef0123456789', chains: 12, rules: 80, sets: 1, elements: 10, driver: 'nft' },
    lastApply: { at: '2026-01-02T04:00:01Z', ms: 4.2, changes: 3, error: null },
    endpoints: [
      {
        kind: 'HostEndpoint',
        name: 'h0',
        interfaces: ['eth0'],
        state: 'up',
        policies: ['default.p1'],
        profiles: [],
      },
    ],
    policies: [{ kind: 'GlobalNetworkPolicy', name: 'p1', tier: 'default', state: 'enforced', reason: null }],
    quarantined: [],
    drift: { repairs: 0, last: null },
    state: { problem: null },
    ...changes,
  };
}
