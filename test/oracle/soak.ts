/** Numbers from the environment, so that the same test files serve the fast run and the long one. */
export interface Effort {
  /** The first seed; worlds have the seeds from here on. */
  readonly seed: number;
  readonly worlds: number;
  readonly packets: number;
}

/** `ORACLE_SEED` (a number or `random`), `ORACLE_WORLDS`, `ORACLE_PACKETS`; what is not set is as given. */
export function effort(usual: Effort): Effort {
  const { ORACLE_SEED: seed, ORACLE_WORLDS: worlds, ORACLE_PACKETS: packets } = process.env;
  return {
    seed: seed === 'random' ? Math.floor(Math.random() * 2 ** 31) : numberOr(seed, usual.seed),
    worlds: numberOr(worlds, usual.worlds),
    packets: numberOr(packets, usual.packets),
  };
}

function numberOr(text: string | undefined, usual: number): number {
  const number = Number(text);
  return text === undefined || !Number.isInteger(number) ? usual : number;
}
