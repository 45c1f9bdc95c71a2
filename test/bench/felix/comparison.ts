import { type Figure, figure, quantile } from '../figure.js';

/** What is measured of each agent. */
export const MEASURES = {
  start: { what: 'start → in force', unit: 's', ratio: 0.8 },
  memory: { what: 'resident memory, with children', unit: 'MB', ratio: 0.9 },
  idle: { what: 'idle CPU', unit: '%', ratio: 0.2 },
  member: { what: 'a net joins or leaves a network set', unit: 'ms', ratio: 0.33 },
  port: { what: 'a port of a policy', unit: 'ms', ratio: 0.33 },
  label: { what: 'the label of a remote workload', unit: 'ms', ratio: 0.33 },
  write: { what: 'the write into etcd, which is part of these three', unit: 'ms' },
  flow: { what: 'a packet of a new flow, ÷ no ruleset', unit: '×', goal: { 1000: 1.6 } },
} as const satisfies Record<string, MeasureText>;

export type Measure = keyof typeof MEASURES;

interface MeasureText {
  readonly what: string;
  readonly unit: string;
  /** At most this part of Felix's figure. */
  readonly ratio?: number;
  /** At most this much, by number of policies. */
  readonly goal?: Readonly<Record<number, number>>;
}

/** Measurements of one thing, of all agents in the same run. */
export interface Comparison {
  readonly policies: number;
  readonly measure: Measure;
  readonly margay: readonly number[];
  /** Margay with its lists in the plain form, where that was measured. */
  readonly plain: readonly number[];
  /** None without its binary. */
  readonly felix: readonly number[];
}

export function figuresOf(comparisons: readonly Comparison[]): Figure[] {
  return comparisons.flatMap(({ policies, measure, margay, plain, felix }) => {
    const { what, unit, ratio, goal }: MeasureText = MEASURES[measure];
    const beside = felix.length === 0 ? {} : { felix: median(felix), ...(ratio ? { ratio } : {}) };
    const limit = goal?.[policies];
    const compared = { ...beside, ...(limit ? { goal: limit } : {}) };
    const title = `${policies} policies: ${what}`;
    const own = figure('Margay and Felix on the same data', title, unit, margay, compared);
    return plain.length === 0
      ? [own]
      : [
          own,
          figure(own.section, `${title}, plain lists`, unit, plain, felix.length === 0 ? {} : { felix: median(felix) }),
        ];
  });
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
