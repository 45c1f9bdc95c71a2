import type { Figure } from './figure.js';

export interface Scale {
  /** Few repetitions and small sizes: to see that it works. */
  readonly quick: boolean;
}

/** A group of measurements that can be chosen by name. */
export interface Section {
  readonly name: string;
  readonly help: string;
  readonly needsRoot: boolean;
  run(scale: Scale): Promise<readonly Figure[]>;
}
