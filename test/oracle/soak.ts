/** How many worlds from which seed on, and packets for each. */
export interface Effort {
  readonly seed: number;
  readonly worlds: number;
  readonly packets: number;
}

/**
 * The usual effort, or with `ORACLE_SOAK` that of the long run. `ORACLE_SEED` (a number or `random`), `ORACLE_WORLDS` and
 * `ORACLE_PACKETS` go before both.
 */
export function effort(usual: Effort, soakWorlds = usual.worlds): Effort {
  const { ORACLE_SOAK: soak, ORACLE_SEED: seed, ORACLE_WORLDS: worlds, ORACLE_PACKETS: packets } = process.env;
  return {
    seed: seed === 'random' ? Math.floor(Math.random() * 2 ** 31) : numberOr(seed, usual.seed),
    worlds: numberOr(worlds, soak ? soakWorlds : usual.worlds),
    packets: numberOr(packets, usual.packets),
  };
}

function numberOr(text: string | undefined, usual: number): number {
  const number = Number(text);
  return text === undefined || !Number.isInteger(number) ? usual : number;
}
