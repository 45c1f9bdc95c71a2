import type { ApiClient } from '../../src/datastore/kubernetes/client/api-client.js';
import { mapIn, type Native, present } from '../../src/datastore/kubernetes/conversion/native.js';
import { isMap } from '../../src/resources/normalise.js';
import { pathOf } from './manifests.js';

/** Writes what a test needs into a cluster, as kubectl and the kubelet would. */
export interface Cluster {
  create(object: Native): Promise<Native>;
  /** Reads the object, changes it and writes it. */
  change(object: Native, change: (object: Native) => Native): Promise<Native>;
  setStatus(object: Native, status: Native): Promise<Native>;
  remove(object: Native): Promise<void>;
  /** A pod that has got its address. */
  runningPod(namespace: string, name: string, ip: string, more?: PodFields): Promise<Native>;
}

export interface PodFields {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Native;
}

export function cluster(client: ApiClient): Cluster {
  const place = (object: Native): string => `${pathOf(object)}/${mapIn(object, 'metadata').name}`;
  const send = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: Native): Promise<Native> => {
    const answer = await client.request({ method, path, ...(body === undefined ? {} : { body }) });
    if (!isMap(answer)) throw new Error(`${method} ${path}: no object`);
    return answer;
  };
  const own: Cluster = {
    create: (object) => send('POST', pathOf(object), object),
    async change(object, change) {
      const path = place(object);
      return send('PUT', path, change(await send('GET', path)));
    },
    async setStatus(object, status) {
      const path = place(object);
      return send('PUT', `${path}/status`, { ...(await send('GET', path)), status });
    },
    async remove(object) {
      await client.request({ method: 'DELETE', path: place(object), body: { gracePeriodSeconds: 0 } });
    },
    async runningPod(namespace, name, ip, more = {}) {
      const made = await own.create(pod(namespace, name, more));
      return own.setStatus(made, { phase: 'Running', podIP: ip, podIPs: [{ ip }] });
    },
  };
  return own;
}

export function pod(namespace: string, name: string, { labels, annotations, spec }: PodFields = {}): Native {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: present({ name, namespace, labels, annotations }),
    spec: { nodeName: 'node1', containers: [{ name: 'main', image: 'none' }], ...spec },
  };
}

export function calicoObject(kind: string, name: string, spec: Native, metadata: Native = {}): Native {
  return { apiVersion: 'crd.projectcalico.org/v1', kind, metadata: { ...metadata, name }, spec };
}
