const highest = 0xffffffff;
const dotted = /^(\d+)\.(\d+)$/;

/** `1.10` as the number that it means; anything else that is no AS number as it is. */
export function decodeAsNumber(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (/^\d+$/.test(value)) return Number(value);
  const [, high, low] = dotted.exec(value) ?? [];
  if (high === undefined || Number(high) > 0xffff || Number(low) > 0xffff) return value;
  return Number(high) * 0x10000 + Number(low);
}

/** What is wrong with a decoded AS number. */
export function asNumberProblem(value: string | number): string | undefined {
  const valid = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= highest;
  return valid ? undefined : `'${value}' is no AS number; write it like 64512 or 1.10`;
}
