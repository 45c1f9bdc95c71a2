import { cidrText, parseCidr } from './address.js';
import { parseDuration } from './duration.js';
import { failsafeProtocol } from './failsafe-port.js';

/** Reads the text form of a parameter; undefined if it is none. */
export type ValueParser<Value> = (text: string) => { readonly value: Value } | undefined;

export interface FailsafePort {
  /** IP protocol number. */
  readonly protocol: number;
  readonly port: number;
  /** Canonical CIDR of the peers that it is for; all of both families without one. */
  readonly net?: string;
}

export interface RateLimit {
  readonly rate: number;
  readonly per: 'second' | 'minute' | 'hour' | 'day';
}

export interface InterfaceExclusion {
  readonly names: readonly string[];
  readonly patterns: readonly RegExp[];
}

const truths = new Map(
  [true, false].flatMap((value) =>
    (value ? ['true', '1', 'yes', 't', 'y'] : ['false', '0', 'no', 'f', 'n']).map((word) => [word, value] as const),
  ),
);
const failsafe = /^(?:([a-z]+):)?(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d+)$/i;

export const parseBoolean: ValueParser<boolean> = (text) => wrap(truths.get(text.toLowerCase()));

/** A whole number from `low` to `high`. */
export function parseInteger(low: number, high: number): ValueParser<number> {
  return (text) => {
    const value = /^[-+]?\d+$/.test(text) ? Number(text) : Number.NaN;
    return value >= low && value <= high ? { value } : undefined;
  };
}

/** Seconds, with a fraction; durations such as `1m30s` too, as the custom resource writes them. */
export const parseSeconds: ValueParser<number> = (text) => {
  if (/^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/.test(text)) return { value: Number(text) };
  return wrap(parseDuration(text));
};

/** One of the words in any letter case, in the spelling given here. */
export function parseWord<const Word extends string>(...words: readonly Word[]): ValueParser<Word> {
  return (text) => wrap(words.find((word) => word.toLowerCase() === text.toLowerCase()));
}

export const parseText: ValueParser<string> = (text) => ({ value: text });

export const parseLogPrefix: ValueParser<string> = (text) =>
  /^[a-zA-Z0-9%: /_-]*$/.test(text) ? { value: text } : undefined;

export const parseRateLimit: ValueParser<RateLimit | undefined> = (text) => {
  const [, rate, per] = /^([1-9]\d{0,3})\/(second|minute|hour|day)$/.exec(text) ?? [];
  return rate === undefined ? undefined : { value: { rate: Number(rate), per: per as RateLimit['per'] } };
};

/** A 32-bit mask, decimal or hexadecimal, with at least two bits: Calico refuses less too. */
export const parseMask: ValueParser<number> = (text) => {
  const value = /^(?:0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 0xffffffff)) return undefined;
  return value.toString(2).replaceAll('0', '').length >= 2 ? { value } : undefined;
};

/** Prefixes of interface names. */
export const parseInterfacePrefixes: ValueParser<readonly string[]> = (text) => {
  const value = splitList(text);
  const valid = value.length > 0 && value.every((prefix) => /^[a-zA-Z0-9:._+-]{1,15}$/.test(prefix));
  return valid ? { value } : undefined;
};

/** Names, and regular expressions between slashes. */
export const parseInterfaceExclusion: ValueParser<InterfaceExclusion> = (text) => {
  const names: string[] = [];
  const patterns: RegExp[] = [];
  for (const item of splitList(text)) {
    const pattern = /^\/(.+)\/$/.exec(item)?.[1];
    if (pattern === undefined) {
      if (!/^[a-zA-Z0-9:._+-]{1,15}$/.test(item)) return undefined;
      names.push(item);
      continue;
    }
    try {
      patterns.push(new RegExp(pattern));
    } catch {
      // The caller reports the whole value as invalid.
      return undefined;
    }
  }
  return { value: { names, patterns } };
};

/** `22`, `udp:53`, `tcp:10.0.0.0/8:22`, `tcp:[fd00::/8]:22`, separated by commas; also sctp, which Calico's own parser lacks. */
export const parseFailsafePorts: ValueParser<readonly FailsafePort[]> = (text) => {
  const ports = splitList(text).map(parseFailsafePort);
  const value = ports.filter((port) => port !== undefined);
  return value.length === ports.length ? { value } : undefined;
};

/** `name=10s,other=1m`, in seconds. */
export const parseNamedSeconds: ValueParser<Readonly<Record<string, number>>> = (text) => {
  const entries = splitList(text).map((item) => {
    const equals = item.lastIndexOf('=');
    return [item.slice(0, Math.max(0, equals)), parseDuration(item.slice(equals + 1))] as const;
  });
  const valid = entries.every(([name, seconds]) => name !== '' && seconds !== undefined);
  return valid ? { value: Object.fromEntries(entries.map(([name, seconds]) => [name, seconds ?? 0])) } : undefined;
};

function parseFailsafePort(text: string): FailsafePort | undefined {
  const [matched, name = '', bracketed, bare, digits] = failsafe.exec(text) ?? [];
  const protocol = failsafeProtocol(name);
  const port = Number(digits);
  const netText = bracketed ?? bare;
  const net = netText === undefined ? undefined : parseCidr(netText);
  if (matched === undefined || protocol === undefined || port > 65535) return undefined;
  if (netText === undefined) return { protocol, port };
  return net === undefined ? undefined : { protocol, port, net: cidrText(net) };
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function wrap<Value>(value: Value | undefined): { readonly value: Value } | undefined {
  return value === undefined ? undefined : { value };
}
