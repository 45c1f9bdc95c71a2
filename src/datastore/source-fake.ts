import { keyText, type ObjectKey, type Parsed } from '../resources/resource.js';
import type { Origin, Problems, Source, SourceListener, Update } from './source.js';

/** A source that tells what it is told to, for tests of what follows one. */
export interface FakeSource extends Source {
  /** Objects appear or change; told at once as one batch, or at the start. */
  update(...objects: readonly { key: ObjectKey; parsed: Parsed; origin?: Origin }[]): void;
  delete(...keys: readonly ObjectKey[]): void;
  problems(problems: Omit<Problems, 'type'>): void;
  /** The connection breaks; what changes until `restore` is told then. */
  lose(reason: string): void;
  restore(): void;
  /** The same with a connection: the datastore itself says that it must not be used. */
  suspend(reason: string): void;
  /** The first snapshot is complete. */
  inSync(): void;
}

export function fakeSource(url = 'fake:'): FakeSource {
  const objects = new Map<string, Update>();
  const told = new Map<string, Update>();
  const troubles = new Map<string, Problems>();
  let listener: SourceListener | undefined;
  let lost: string | undefined;
  let connected = true;
  let synced = false;

  function tell(): void {
    if (listener === undefined || lost !== undefined) return;
    const changed = [...objects].filter(([text, update]) => told.get(text) !== update).map(([, update]) => update);
    const gone = [...told.values()].filter(({ key }) => !objects.has(keyText(key)));
    for (const update of changed) told.set(keyText(update.key), update);
    for (const { key } of gone) told.delete(keyText(key));
    const deletions = gone.map(({ key }) => ({ type: 'delete', key }) as const);
    const problems = [...troubles.values()];
    troubles.clear();
    if (changed.length + deletions.length + problems.length > 0)
      listener.events([...changed, ...deletions, ...problems]);
  }

  function connection(): void {
    if (lost === undefined) listener?.connection({ connected: true });
    else listener?.connection({ connected, reason: lost });
  }

  return {
    url,
    start(to) {
      listener = to;
      connection();
      tell();
      if (synced) to.inSync();
    },
    async catchUp() {
      if (lost !== undefined) throw new Error(lost);
      tell();
    },
    async stop() {
      listener = undefined;
    },
    update(...changed) {
      for (const { key, parsed, origin = {} } of changed) {
        objects.set(keyText(key), { type: 'update', key, origin, parsed });
      }
      tell();
    },
    delete(...keys) {
      for (const key of keys) objects.delete(keyText(key));
      tell();
    },
    problems(problems) {
      troubles.set(problems.file, { type: 'problems', ...problems });
      tell();
    },
    lose(reason) {
      lost = reason;
      connected = false;
      connection();
    },
    suspend(reason) {
      lost = reason;
      connected = true;
      connection();
    },
    restore() {
      lost = undefined;
      connection();
      tell();
    },
    inSync() {
      if (synced) return;
      synced = true;
      listener?.inSync();
    },
  };
}
