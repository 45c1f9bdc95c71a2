const unitSeconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};
const term = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const whole = /^[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
/** Go counts nanoseconds in 64 bits. */
const longest = 2 ** 63 / 1e9;

/** The seconds of a duration as Go writes it (`90s`, `1m30s`, `-1s`, `0`), undefined for what is none. */
export function parseDuration(text: string): number | undefined {
  if (/^[-+]?0$/.test(text)) return 0;
  if (!whole.test(text)) return undefined;
  let seconds = 0;
  for (const [, number, unit] of text.matchAll(term))
    seconds += Number(number) * (unitSeconds[unit ?? ''] ?? Number.NaN);
  if (seconds > longest) return undefined;
  return text.startsWith('-') ? -seconds : seconds;
}

/** A duration as Go prints it, which is how Calico stores it; what is none stays as it is. */
export function canonicalDuration(value: unknown): unknown {
  const seconds = typeof value === 'string' ? parseDuration(value) : undefined;
  return seconds === undefined ? value : durationText(seconds);
}

function durationText(seconds: number): string {
  const nanoseconds = Math.round(Math.abs(seconds) * 1e9);
  const sign = seconds < 0 ? '-' : '';
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${sign}${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${sign}${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${sign}${nanoseconds / 1e6}ms`;
  const hours = Math.floor(nanoseconds / 3600e9);
  const minutes = Math.floor((nanoseconds % 3600e9) / 60e9);
  const rest = `${(nanoseconds % 60e9) / 1e9}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${sign}${minutes}m${rest}` : `${sign}${rest}`;
}

/**
 * What is wrong with a duration of a FelixConfiguration (V-FC-2). Go prints less than a millisecond in units that the pattern of
 * the API does not have.
 */
export function durationProblem(text: string): string | undefined {
  const seconds = parseDuration(text);
  if (seconds === undefined) return `'${text}' is no duration; write it like 90s or 1m30s`;
  return seconds < 0 || (seconds > 0 && seconds < 1e-3)
    ? `duration ${text} is out of range, it must be 0 or at least 1ms`
    : undefined;
}

/** As `durationProblem`, for the durations that may be negative or tiny. */
export function anyDurationProblem(text: string): string | undefined {
  return parseDuration(text) === undefined ? `'${text}' is no duration; write it like 90s or 1m30s` : undefined;
}
