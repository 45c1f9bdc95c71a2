import type { Connection, Problems, Source, SourceEvent } from '../../src/datastore/source.js';
import { keyText, type Parsed } from '../../src/resources/resource.js';

/** What a listener has been told. */
export interface Followed {
  /** Of each object its nets if it is a network set, else its kind; `invalid` for one that is not valid. */
  readonly objects: ReadonlyMap<string, string>;
  readonly problems: ReadonlyMap<string, Problems>;
  readonly batches: readonly (readonly SourceEvent[])[];
  readonly connections: readonly Connection[];
  /** How often. */
  synced(): number;
  /** Updates as `KIND/NAMESPACE/NAME=NETS`, deletions as `KIND/NAMESPACE/NAME gone`, in their order. */
  told(): string[];
  /** All objects as `name=nets`, sorted by key. */
  state(): string;
  /** Resolves when what the source tells makes the condition true; the test's own time limit ends a wait in vain. */
  until(condition: () => boolean): Promise<void>;
  /** The last thing that was told about the connection. */
  connection(): Connection | undefined;
}

/** Starts the source. `busyMs`: each batch keeps the listener so long. */
export function followSource(source: Source, { busyMs = 0 } = {}): Followed {
  const objects = new Map<string, string>();
  const problems = new Map<string, Problems>();
  const batches: (readonly SourceEvent[])[] = [];
  const connections: Connection[] = [];
  const waiting = new Set<() => void>();
  let synced = 0;
  const wake = (): void => {
    for (const check of waiting) check();
  };
  const take = (event: SourceEvent): void => {
    if (event.type === 'update') objects.set(keyText(event.key), textOf(event.parsed));
    else if (event.type === 'delete') objects.delete(keyText(event.key));
    else if (event.problems.length === 0) problems.delete(event.file);
    else problems.set(event.file, event);
  };
  source.start({
    events(events) {
      batches.push(events);
      for (const event of events) take(event);
      const end = performance.now() + busyMs;
      while (performance.now() < end);
      wake();
    },
    inSync() {
      synced += 1;
      wake();
    },
    connection(state) {
      connections.push(state);
      wake();
    },
  });
  return {
    objects,
    problems,
    batches,
    connections,
    synced: () => synced,
    told: () =>
      batches.flat().flatMap((event) => {
        if (event.type === 'problems') return [];
        const text = keyText(event.key);
        return [event.type === 'update' ? `${text}=${textOf(event.parsed)}` : `${text} gone`];
      }),
    state: () =>
      [...objects]
        .filter(([text]) => !text.startsWith('ClusterInformation/'))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([text, nets]) => `${text.split('/').at(-1)}=${nets}`)
        .join(' '),
    until: (condition) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!condition()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    connection: () => connections.at(-1),
  };
}

function textOf(parsed: Parsed): string {
  if (!parsed.valid) return 'invalid';
  const { resource } = parsed;
  return 'nets' in resource.spec ? (resource.spec.nets ?? []).join(',') : resource.kind;
}
