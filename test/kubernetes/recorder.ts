import { EventEmitter } from 'node:events';
import type { Connection, Source, SourceEvent } from '../../src/datastore/source.js';
import { keyText, type Parsed } from '../../src/resources/resource.js';

/** What a source has told, and what that adds up to. */
export interface Recorder {
  readonly objects: ReadonlyMap<string, Parsed>;
  /** All events, as `update KEY` and so on, since the last call of `clear`. */
  readonly log: readonly string[];
  readonly problems: ReadonlyMap<string, readonly string[]>;
  readonly connection: Connection | undefined;
  readonly inSync: boolean;
  /** Resolves when the condition holds, which is looked at whenever something is told. */
  until(condition: () => boolean, what: string): Promise<void>;
  clear(): void;
}

const PATIENCE_MS = 30_000;

/** Starts the source. */
export function record(source: Source): Recorder {
  const objects = new Map<string, Parsed>();
  const problems = new Map<string, readonly string[]>();
  const log: string[] = [];
  const told = new EventEmitter().setMaxListeners(0);
  const state: { connection: Connection | undefined; inSync: boolean } = { connection: undefined, inSync: false };

  function take(event: SourceEvent): void {
    if (event.type === 'problems') {
      log.push(`problems ${event.file}`);
      if (event.problems.length === 0) problems.delete(event.file);
      else
        problems.set(
          event.file,
          event.problems.map(({ issue }) => `${event.kind}: ${issue.message}`),
        );
      return;
    }
    log.push(`${event.type} ${keyText(event.key)}`);
    if (event.type === 'update') objects.set(keyText(event.key), event.parsed);
    else objects.delete(keyText(event.key));
  }

  source.start({
    events(events) {
      for (const event of events) take(event);
      told.emit('told');
    },
    inSync() {
      state.inSync = true;
      log.push('inSync');
      told.emit('told');
    },
    connection(connection) {
      state.connection = connection;
      told.emit('told');
    },
  });

  return {
    objects,
    log,
    problems,
    get connection() {
      return state.connection;
    },
    get inSync() {
      return state.inSync;
    },
    until(condition, what) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          if (!condition()) return;
          clearTimeout(timer);
          told.off('told', look);
          resolve();
        };
        const timer = setTimeout(() => {
          told.off('told', look);
          const seen = JSON.stringify({ ...state, problems: [...problems], keys: [...objects.keys()], log });
          reject(new Error(`in vain waited for: ${what}; ${seen}`));
        }, PATIENCE_MS);
        told.on('told', look);
        look();
      });
    },
    clear() {
      log.length = 0;
    },
  };
}
