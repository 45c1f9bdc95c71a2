import { type Agent, agent } from '../../src/agent/agent.js';
import { type FakeConntrack, fakeConntrack } from '../../src/conntrack/fake-conntrack.js';
import { type FakeSource, fakeSource } from '../../src/datastore/source-fake.js';
import { type FakeInterfaces, fakeInterfaces } from '../../src/interfaces/fake-interfaces.js';
import type { Interface } from '../../src/interfaces/interface-source.js';
import { type FakeDriver, fakeDriver } from '../../src/nft/fake-driver.js';
import { createLog } from '../../src/observe/log.js';
import { silentMetrics } from '../../src/observe/metrics.js';
import type { Status } from '../../src/observe/status.js';
import { policyCalculator } from '../../src/policy/calculator.js';
import { defaultAllowProfile } from '../../src/resources/packaged-rules.js';
import { initialTiers } from '../../src/resources/tier.js';
import { type FakeStateKeeper, fakeStateKeeper } from './fake-state-keeper.js';

/** An agent with fakes all around it. */
export interface AgentUnderTest {
  readonly agent: Agent;
  readonly source: FakeSource;
  readonly interfaces: FakeInterfaces;
  readonly driver: FakeDriver;
  readonly conntrack: FakeConntrack;
  readonly state: FakeStateKeeper;
  /** The log, in order. */
  readonly lines: readonly { readonly level: string; readonly msg: string }[];
  /** Resolves with the status as soon as one is reported, from now on, for which this holds. */
  reported(test: (status: Status) => boolean): Promise<Status>;
  /** Resolves when everything that the source has now is in force. */
  settled(): Promise<void>;
}

export interface AgentUnderTestOptions {
  readonly node?: string;
  readonly driver?: FakeDriver;
  readonly conntrack?: FakeConntrack;
  readonly state?: FakeStateKeeper;
  readonly on?: Iterable<Interface>;
  readonly environment?: Readonly<Record<string, string>>;
}

export const SOME_INTERFACES: readonly Interface[] = [
  { name: 'lo', index: 1, up: true, addresses: ['127.0.0.1', '::1'] },
  { name: 'eth0', index: 2, up: true, addresses: ['192.0.2.1'] },
];

export async function agentUnderTest(options: AgentUnderTestOptions = {}): Promise<AgentUnderTest> {
  const {
    node = 'n1',
    driver = fakeDriver(),
    conntrack = fakeConntrack(),
    state = fakeStateKeeper(),
    on = SOME_INTERFACES,
    environment = {},
  } = options;
  const source = fakeSource();
  const interfaces = fakeInterfaces(on);
  const lines: { level: string; msg: string }[] = [];
  const waiting = new Set<(status: Status) => void>();
  const log = await createLog({
    level: 'debug',
    format: 'json',
    terminal: false,
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  const under = agent({
    node,
    version: '1.2.3',
    source,
    interfaces,
    driver,
    conntrack,
    calculator: policyCalculator({ node, environment, builtinProfiles: [defaultAllowProfile], initialTiers }),
    state,
    log,
    metrics: silentMetrics(),
    changed() {
      const status = under.status();
      for (const look of waiting) look(status);
    },
  });
  return {
    agent: under,
    source,
    interfaces,
    driver,
    conntrack,
    state,
    lines,
    reported: (test) =>
      new Promise((resolve) => {
        const look = (status: Status) => {
          if (!test(status)) return;
          waiting.delete(look);
          resolve(status);
        };
        waiting.add(look);
      }),
    async settled() {
      const timeout = new AbortController();
      const timer = setTimeout(() => timeout.abort(new Error('not in force after 20 s')), 20_000);
      await under.waitInForce(timeout.signal).finally(() => clearTimeout(timer));
    },
  };
}
