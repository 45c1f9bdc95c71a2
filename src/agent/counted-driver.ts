import type { Driver } from '../nft/driver.js';
import type { Metrics } from '../observe/metrics.js';

/** The driver, with its calls and failures counted. */
export function countedDriver(driver: Driver, metrics: Metrics): Driver {
  const counted = async <T>(work: Promise<T>, calls: { inc(): void }, errors: { inc(): void }): Promise<T> => {
    calls.inc();
    try {
      return await work;
    } catch (error) {
      errors.inc();
      throw error;
    }
  };
  return {
    name: driver.name,
    usable: () => driver.usable(),
    apply: (script) => counted(driver.apply(script), metrics.nftCalls, metrics.nftErrors),
    check: (script) => driver.check(script),
    has: (table) => counted(driver.has(table), metrics.nftListCalls, metrics.nftListErrors),
    read: (table) => counted(driver.read(table), metrics.nftListCalls, metrics.nftListErrors),
    watch: (table, listener) => driver.watch(table, listener),
    close: () => driver.close(),
  };
}
