const decimal: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 1_000n,
  m: 1_000_000n,
  '': 10n ** 9n,
  k: 10n ** 12n,
  M: 10n ** 15n,
  G: 10n ** 18n,
  T: 10n ** 21n,
  P: 10n ** 24n,
  E: 10n ** 27n,
};
const binaryPrefixes = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const form = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i))?$/;
const nano = 10n ** 9n;

/**
 * A quantity of Kubernetes (`10M`, `1.5Gi`, `500m`, `1e6`) as a whole number, rounded up as its own `Value()`; undefined for
 * what is none.
 */
export function parseQuantity(text: string): bigint | undefined {
  const [, sign = '', whole = '', fraction = '', exponent, suffix = ''] = form.exec(text) ?? [];
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(whole + fraction);
  const [numerator, denominator] = scale(exponent, suffix);
  const divisor = denominator * 10n ** BigInt(fraction.length) * nano;
  const scaled = digits * numerator;
  return sign === '-' ? -(scaled / divisor) : (scaled + divisor - 1n) / divisor;
}

/** By what to multiply, in billionths. */
function scale(exponent: string | undefined, suffix: string): [numerator: bigint, denominator: bigint] {
  if (exponent !== undefined) {
    const power = Number(exponent.slice(1));
    return power < 0 ? [nano, 10n ** BigInt(-power)] : [nano * 10n ** BigInt(power), 1n];
  }
  const binary = binaryPrefixes.indexOf(suffix);
  return [binary < 0 ? (decimal[suffix] ?? nano) : nano * 1024n ** BigInt(binary + 1), 1n];
}
