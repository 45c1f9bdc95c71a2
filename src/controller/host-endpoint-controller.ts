import { asStoredObject } from '../datastore/as-stored-object.js';
import type { Source, SourceEvent } from '../datastore/source.js';
import { type Store, type StoredObject, StoreError } from '../datastore/store.js';
import type { Log } from '../observe/log.js';
import type { HostEndpoint, Node } from '../resources/kinds.js';
import { isMap } from '../resources/normalise.js';
import { autoHostEndpoints, isAutomatic } from './auto-host-endpoints.js';

export interface HostEndpointControllerOptions {
  readonly source: Source;
  readonly store: Store;
  readonly log: Log;
  /** All is looked at again after so many ms, whatever has been told; 5 minutes by default, as in Calico. */
  readonly resyncMs?: number;
  /** Until what has failed is tried again. */
  readonly retryMs?: number;
  /** Called after each run. */
  readonly ran?: (changes: number) => void;
}

/** Keeps an automatic host endpoint for each node, until it is stopped. */
export interface HostEndpointController {
  start(): void;
  stop(): Promise<void>;
}

interface Task {
  readonly verb: 'created' | 'updated' | 'deleted';
  readonly name: string;
  /** Resolves with nothing if there was nothing to be done any more. */
  write(): Promise<StoredObject | undefined>;
}

/** So often an endpoint is corrected between two looks at all; more often, somebody else corrects it, too. */
const MOST_UPDATES = 5;

export function hostEndpointController(options: HostEndpointControllerOptions): HostEndpointController {
  const { source, store, log, resyncMs = 300_000, retryMs = 5000 } = options;
  const nodes = new Map<string, Node | undefined>();
  const hostEndpoints = new Map<string, HostEndpoint>();
  const told = new Set<string>();
  const updates = new Map<string, number>();
  let usable = false;
  let inSync = false;
  let isDue = false;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function take(event: SourceEvent): void {
    if (event.type === 'problems') {
      for (const { issue } of event.problems) log.warn({ file: event.file }, issue.message);
      return;
    }
    const { kind, name } = event.key;
    const resource = event.type === 'update' && event.parsed.valid ? event.parsed.resource : undefined;
    if (kind === 'Node') {
      if (event.type === 'delete') nodes.delete(name);
      // Of one that has become invalid the last valid version counts.
      else if (resource?.kind === 'Node') nodes.set(name, resource);
      else if (!nodes.has(name)) nodes.set(name, undefined);
    } else if (kind === 'HostEndpoint') {
      if (resource?.kind === 'HostEndpoint') hostEndpoints.set(name, resource);
      else if (event.type === 'delete') hostEndpoints.delete(name);
    }
  }

  function wake(): void {
    isDue = true;
    if (stopped || !inSync || !usable || running !== undefined) return;
    running = run().finally(() => {
      running = undefined;
      if (isDue) wake();
    });
  }

  async function run(): Promise<void> {
    isDue = false;
    clearTimeout(timer);
    let failed = false;
    const all = tasks();
    for (const task of all) {
      if (stopped) return;
      failed = !(await carriedOut(task)) || failed;
    }
    timer = setTimeout(failed ? wake : lookAgain, failed ? retryMs : resyncMs);
    options.ran?.(all.length);
  }

  function tasks(): Task[] {
    const { create, update, remove, taken } = autoHostEndpoints(nodes, hostEndpoints);
    for (const name of taken) tellOnce(`host endpoint ${name} is not an automatic one: it is left alone`);
    return [
      ...remove.map((name): Task => ({ verb: 'deleted', name, write: () => deleteAutomatic(name) })),
      ...update.filter(mayUpdate).map(
        (endpoint): Task => ({
          verb: 'updated',
          name: endpoint.metadata.name,
          write: () => updateAutomatic(endpoint),
        }),
      ),
      ...create.map(
        (endpoint): Task => ({ verb: 'created', name: endpoint.metadata.name, write: () => createAutomatic(endpoint) }),
      ),
    ];
  }

  function mayUpdate({ metadata: { name } }: HostEndpoint): boolean {
    const count = (updates.get(name) ?? 0) + 1;
    updates.set(name, count);
    if (count > MOST_UPDATES) tellOnce(`host endpoint ${name} is changed again and again by somebody else`);
    return count <= MOST_UPDATES;
  }

  function lookAgain(): void {
    updates.clear();
    wake();
  }

  async function carriedOut({ verb, name, write }: Task): Promise<boolean> {
    try {
      if ((await write()) !== undefined) log.info({ hostEndpoint: name }, `host endpoint ${name} was ${verb}`);
      return true;
    } catch (err) {
      const code = err instanceof StoreError ? err.code : 'internal';
      // Somebody was faster; what there is now is on its way here.
      if (['already-exists', 'not-found', 'conflict'].includes(code)) return true;
      log.error({ err, hostEndpoint: name }, `host endpoint ${name} could not be ${verb}; trying again`);
      return false;
    }
  }

  async function createAutomatic(endpoint: HostEndpoint): Promise<StoredObject | undefined> {
    const object = asStoredObject(endpoint);
    return object && store.create(object);
  }

  /** As it is now: what is known here may be out of date, and somebody else's must not be touched. */
  async function current(name: string): Promise<StoredObject | undefined> {
    const object = await store.get({ kind: 'HostEndpoint', name });
    return isStoredAutomatic(object) ? object : undefined;
  }

  async function updateAutomatic(wanted: HostEndpoint): Promise<StoredObject | undefined> {
    const object = await current(wanted.metadata.name);
    if (object === undefined) return undefined;
    const { annotations: _, ...metadata } = object.metadata;
    return store.update({ ...object, metadata: { ...metadata, labels: wanted.metadata.labels }, spec: wanted.spec });
  }

  async function deleteAutomatic(name: string): Promise<StoredObject | undefined> {
    const object = await current(name);
    if (object === undefined || nodes.has(nodeOf(object))) return undefined;
    return store.delete({ kind: 'HostEndpoint', name }, object.metadata.resourceVersion);
  }

  function tellOnce(message: string): void {
    if (!told.has(message)) log.warn({}, message);
    told.add(message);
  }

  return {
    start() {
      source.start({
        events(events) {
          for (const event of events) take(event);
          wake();
        },
        inSync() {
          inSync = true;
          log.info({ nodes: nodes.size }, 'nodes and host endpoints are known');
          wake();
        },
        connection({ connected, reason }) {
          usable = connected && reason === undefined;
          if (usable) log.info({ datastore: source.url }, 'datastore is connected');
          else log.warn({ datastore: source.url, reason }, 'the datastore can not be used; nothing is written');
          wake();
        },
      });
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await source.stop();
      await running;
      clearTimeout(timer);
    },
  };
}

function isStoredAutomatic(object: StoredObject): boolean {
  const { name, labels } = object.metadata;
  return isAutomatic({ name, labels: isMap(labels) ? labels : {}, node: nodeOf(object) });
}

function nodeOf({ spec }: StoredObject): string {
  return isMap(spec) && typeof spec.node === 'string' ? spec.node : '';
}
