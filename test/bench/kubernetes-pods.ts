import type { Native } from '../../src/datastore/kubernetes/conversion/native.js';

const NAMESPACES = 50;

interface Named extends Native {
  readonly metadata: Native & { readonly name: string; readonly namespace?: string };
}

export function benchNamespaces(): Named[] {
  return Array.from({ length: NAMESPACES }, (_, index) => ({
    metadata: { name: `team-${index}`, labels: { team: String(index) } },
  }));
}

/** A pod as a cluster has it, some 5 KB of JSON, of which policy needs little. */
export function benchPod(index: number): Named {
  const app = `app-${index % 500}`;
  const ip = `10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
  const namespace = `team-${index % NAMESPACES}`;
  const name = `${app}-7d9c6b5f4-${index.toString(36).padStart(5, '0')}`;
  const time = '2026-11-01T10:20:30Z';
  const containers = ['main', 'sidecar'].map((container) => ({
    name: container,
    image: `registry.example/${app}/${container}:1.2.3`,
    ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    env: Array.from({ length: 8 }, (_, variable) => ({ name: `SETTING_${variable}`, value: `value-of-${variable}` })),
    resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
    volumeMounts: [{ name: 'token', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
  }));
  return {
    metadata: {
      name,
      generateName: `${app}-7d9c6b5f4-`,
      namespace,
      uid: `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`,
      resourceVersion: String(1000 + index),
      creationTimestamp: time,
      labels: { app, 'pod-template-hash': '7d9c6b5f4', tier: `tier-${index % 5}`, version: 'v1' },
      annotations: { 'cni.projectcalico.org/podIP': `${ip}/32`, 'cni.projectcalico.org/podIPs': `${ip}/32` },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${app}-7d9c6b5f4`, controller: true }],
      managedFields: ['kube-controller-manager', 'calico', 'kubelet'].map((manager) => ({
        manager,
        operation: 'Update',
        apiVersion: 'v1',
        time,
        fieldsType: 'FieldsV1',
        fieldsV1: Object.fromEntries(
          Array.from({ length: 12 }, (_, field) => [`f:field-${field}`, { '.': {}, 'f:x': {} }]),
        ),
      })),
    },
    spec: {
      nodeName: `node-${index % 200}`,
      serviceAccountName: `robot-${index % 20}`,
      containers,
      volumes: [{ name: 'token', secret: { secretName: `robot-${index % 20}-token`, defaultMode: 420 } }],
      restartPolicy: 'Always',
      schedulerName: 'default-scheduler',
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
    },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      hostIP: `172.16.0.${index % 200}`,
      startTime: time,
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: time,
      })),
      containerStatuses: containers.map(({ name, image }) => ({
        name,
        image,
        ready: true,
        restartCount: 0,
        started: true,
      })),
    },
  };
}
