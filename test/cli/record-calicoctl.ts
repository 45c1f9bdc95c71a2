/**
 * Records what the real calicoctl answers to the steps, for client-commands.test.ts: with the path of calicoctl in
 * CALICOCTL, and etcd in the PATH. Writes calicoctl-answers.json beside this file.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Answer, steady, steps } from './calicoctl-steps.js';

const calicoctl = process.env.CALICOCTL ?? 'calicoctl';
const directory = mkdtempSync(join(tmpdir(), 'margay-record-'));
const [client, peer] = await Promise.all([freePort(), freePort()]);
const etcd = startEtcd(client, peer);
try {
  const environment = { ...process.env, DATASTORE_TYPE: 'etcdv3', ETCD_ENDPOINTS: `http://127.0.0.1:${client}` };
  await answering(client);
  const file = join(directory, 'input.yaml');
  const answers = steps.map(({ args, file: text }): Answer => {
    if (text !== undefined) writeFileSync(file, text);
    const words = args.map((word) => (word === 'FILE' ? file : word));
    const { status, stdout, stderr } = spawnSync(calicoctl, words, { env: environment, encoding: 'utf8' });
    return { status: status ?? -1, stdout: steady(stdout), stderr: steady(stderr).replaceAll(file, 'FILE') };
  });
  const path = fileURLToPath(new URL('calicoctl-answers.json', import.meta.url));
  writeFileSync(path, `${JSON.stringify(answers, null, 2)}\n`);
} finally {
  etcd.kill();
  rmSync(directory, { recursive: true, force: true });
}

function startEtcd(clientPort: number, peerPort: number): ChildProcess {
  const [clients, peers] = [clientPort, peerPort].map((port) => `http://127.0.0.1:${port}`);
  const where = ['--listen-client-urls', clients, '--advertise-client-urls', clients, '--listen-peer-urls', peers];
  const cluster = ['--initial-advertise-peer-urls', peers, '--initial-cluster', `record=${peers}`];
  const options = ['--name', 'record', '--data-dir', join(directory, 'etcd'), '--unsafe-no-fsync'];
  return spawn('etcd', [...options, ...where, ...cluster].map(String), { stdio: 'ignore' });
}

async function answering(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error('etcd does not answer');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
