/** One measured figure. */
export interface Figure {
  readonly section: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Of how many measurements `value` is the median. */
  readonly n: number;
  /** The middle half of them. */
  readonly quartiles?: readonly [number, number];
  /** Felix on a machine of the same kind, or in the same run. */
  readonly felix?: number;
  /** At most this much. */
  readonly goal?: number;
  /** At most this part of `felix`. */
  readonly ratio?: number;
  readonly note?: string;
}

/** What a figure is compared with. */
export type Compared = Pick<Figure, 'felix' | 'goal' | 'ratio' | 'note'>;

/** The median of measurements as a figure. */
export function figure(
  section: string,
  what: string,
  unit: string,
  measured: readonly number[],
  compared: Compared = {},
): Figure {
  const [first, middle, third] = [quantile(measured, 0.25), quantile(measured, 0.5), quantile(measured, 0.75)];
  const spread = measured.length > 3 ? { quartiles: [first, third] as const } : {};
  return { section, what, value: middle, unit, n: measured.length, ...spread, ...compared };
}

/** Linear between the two nearest. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (low === undefined || high === undefined) throw new Error('nothing was measured');
  return low + (high - low) * (at - Math.floor(at));
}
