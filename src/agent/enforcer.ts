import { type Driver, type ForeignChange, NftError } from '../nft/driver.js';
import type { KernelTable } from '../nft/kernel-table.js';
import type { Origin, Table } from '../nft/objects.js';
import { guiltyObject } from './guilty-object.js';

/** What became of an attempt to bring the kernel up to date. */
export type Outcome =
  | { readonly committed: true; readonly changes: number; readonly drift: Drift | undefined }
  /** `guilty`: treat this object as invalid and try again; without it, try again later. */
  | { readonly committed: false; readonly error: NftError; readonly guilty: Origin | undefined };

/** Our table had been changed by somebody else, and was restored. */
export interface Drift {
  /** Names of chains, sets and maps. */
  readonly objects: readonly string[];
  readonly process: ForeignChange['process'];
}

/** Keeps the kernel equal to the table that was enforced last. */
export interface Enforcer {
  enforce(table: Table): Promise<Outcome>;
  /** Somebody has changed our table: it is read before the next attempt. */
  suspect(change: ForeignChange): void;
  /** Looks for changes that nobody has told of, beside all else; true if there is something for the next attempt to repair. */
  check(signal: AbortSignal): Promise<boolean>;
}

export function enforcer(kernel: KernelTable, driver: Driver): Enforcer {
  let enforced: Table | undefined;
  let suspected: ForeignChange | undefined;
  /** What was found and is not repaired yet, since no transaction has been committed after that. */
  let found: Drift | undefined;

  const findDrift = async (): Promise<void> => {
    if (!suspected) return;
    const suspicion = suspected;
    const objects = enforced ? await kernel.audit(enforced) : [];
    if (suspected === suspicion) suspected = undefined;
    if (objects.length > 0) found = { objects, process: suspicion.process };
  };

  const attempt = async (table: Table): Promise<Outcome> => {
    await findDrift();
    const { changes } = await kernel.sync(table);
    const drift = found;
    found = undefined;
    enforced = table;
    return { committed: true, changes, drift };
  };

  return {
    async enforce(table) {
      try {
        return await attempt(table);
      } catch (error) {
        if (!(error instanceof NftError)) throw error;
        if (error.code !== 'refused') return { committed: false, error, guilty: error.origin };
      }
      try {
        // What the kernel has may have changed under us: only what it refuses after another look is somebody's fault.
        kernel.forget();
        return await attempt(table);
      } catch (error) {
        if (!(error instanceof NftError)) throw error;
        const guilty = error.code === 'refused' ? (error.origin ?? (await guiltyObject(table, driver))) : error.origin;
        return { committed: false, error, guilty };
      }
    },
    suspect(change) {
      suspected = change;
      kernel.forget();
    },
    async check(signal) {
      const objects = await kernel.check(signal);
      if (objects.length > 0) found = { objects, process: undefined };
      return objects.length > 0;
    },
  };
}
