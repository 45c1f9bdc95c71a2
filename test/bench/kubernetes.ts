import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { fakeWorld } from '../kubernetes/fake-world.js';
import { load, manifest } from '../kubernetes/manifests.js';
import { tokens } from '../kubernetes/world.js';
import { bundled } from './bundled.js';
import { figure } from './figure.js';
import type { KubernetesCase } from './kubernetes-case.js';
import { benchNamespaces, benchPod } from './kubernetes-pods.js';
import type { Section } from './section.js';

const PEAK_GOAL_MB = 160;

export const kubernetes: Section = {
  name: 'kubernetes',
  help: 'following a cluster with many pods: CPU time and memory until all is known',
  needsRoot: false,
  async run({ quick }) {
    const pods = quick ? 1000 : 20_000;
    const world = await fakeWorld();
    const directory = await mkdtemp(join(tmpdir(), 'margay-bench-'));
    try {
      await load(world.admin, manifest('crds.yaml'));
      for (const namespace of benchNamespaces())
        world.fake.store.put('/namespaces', `/${namespace.metadata.name}`, namespace);
      for (let index = 0; index < pods; index++) {
        const pod = benchPod(index);
        world.fake.store.put('/pods', `${pod.metadata.namespace}/${pod.metadata.name}`, pod);
      }
      const script = await bundled('kubernetes-case.ts', join(directory, 'case.mjs'));
      const results: KubernetesCase[] = [];
      for (let run = 0; run < (quick ? 1 : 5); run++) results.push(await runCase(script, world.fake.port));
      const measured = (of: (result: KubernetesCase) => number) => results.map(of);
      const what = `${pods} pods`;
      return [
        figure(
          'kubernetes',
          `${what}: CPU time`,
          's',
          measured(({ cpuSeconds }) => cpuSeconds),
        ),
        figure(
          'kubernetes',
          `${what}: peak of the process`,
          'MB',
          measured(({ peakMB }) => peakMB),
          { goal: PEAK_GOAL_MB },
        ),
        figure(
          'kubernetes',
          `${what}: heap afterwards`,
          'MB',
          measured(({ heapMB }) => heapMB),
        ),
      ];
    } finally {
      await world.close();
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function runCase(script: string, port: number): Promise<KubernetesCase> {
  // The flag is the daemon's own.
  const flags = ['--expose-gc', '--semi-space-growth-factor=1'];
  const { stdout } = await execa(process.execPath, [...flags, script, `https://127.0.0.1:${port}`, tokens.agent]);
  return JSON.parse(stdout) as KubernetesCase;
}
