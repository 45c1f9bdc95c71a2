import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Resource } from '../../src/resources/kinds.js';
import { clusterInformation, keyOf } from '../datastore/etcd-world.js';
import { inNamespace } from '../lab/command.js';
import { startEtcd } from '../lab/etcd.js';

/** An etcd in a network namespace. */
export interface EtcdInNamespace {
  readonly url: string;
  /** Resolves when etcd has answered. */
  put(resource: Resource): Promise<void>;
  close(): Promise<void>;
}

/** It does not wait for the disk, which would measure that. */
export async function etcdInNamespace(namespace: string): Promise<EtcdInNamespace> {
  const server = await startEtcd({ namespace, args: ['--unsafe-no-fsync'] });
  const script = fileURLToPath(new URL('./etcd-writer.mjs', import.meta.url));
  const [command = '', ...args] = inNamespace(namespace, [process.execPath, script, server.url]);
  const writer = execa(command, args, { lines: true, reject: false });
  const answers = writer.iterable();
  const put = async (object: Parameters<typeof keyOf>[0], value: object): Promise<void> => {
    writer.stdin.write(`${JSON.stringify([keyOf(object), JSON.stringify(value)])}\n`);
    const { value: answer } = await answers.next();
    if (answer !== 'done') throw new Error(`etcd has not taken ${object.kind} ${object.name}`);
  };
  const info = clusterInformation(true);
  await put({ kind: info.kind, name: info.metadata.name }, info);
  return {
    url: server.url,
    put: (resource) => {
      const { kind, metadata } = resource;
      const namespaced = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
      return put({ kind, name: metadata.name, ...namespaced }, resource);
    },
    async close() {
      writer.stdin.end();
      await writer;
      await server.close();
    },
  };
}
