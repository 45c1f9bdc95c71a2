import type { FelixConfigurationSpec } from './felix-configuration.js';
import {
  parseBoolean,
  parseFailsafePorts,
  parseInteger,
  parseInterfaceExclusion,
  parseInterfacePrefixes,
  parseLogPrefix,
  parseMask,
  parseNamedSeconds,
  parseRateLimit,
  parseSeconds,
  parseText,
  parseWord,
  type RateLimit,
  type ValueParser,
} from './felix-value.js';
import { defaultFailsafePorts } from './packaged-rules.js';

type Field = keyof FelixConfigurationSpec;

export interface ParameterDefinition<Value> {
  /** As in `FELIX_<Name>` and in annotations, in any letter case. */
  readonly name: string;
  /** The field of a FelixConfiguration. */
  readonly field?: Field;
  readonly parse: ValueParser<Value>;
  readonly builtIn: Value;
  /** What `none` stands for; there is nothing for parameters that must have a value. */
  readonly none?: { readonly value: Value };
  /** A bad value is an error, not a warning: Calico's agent refuses to start with it. */
  readonly dieOnFail?: true;
  /** The parameter for iptables that counts where this one is not set. */
  readonly fallback?: { readonly name: string; readonly field: Field };
}

const highestPort = 65535;

/** The parameters of FelixConfiguration that Margay obeys (docs.tigera.io, "Felix configuration"). */
export const felixParameterTable = {
  interfacePrefix: { ...define('interfacePrefix', parseInterfacePrefixes, ['cali']), dieOnFail: true },
  interfaceExclude: {
    ...define('interfaceExclude', parseInterfaceExclusion, { names: ['kube-ipvs0'], patterns: [] }),
    none: { value: { names: [], patterns: [] } },
  },
  defaultEndpointToHostAction: {
    ...define('defaultEndpointToHostAction', parseWord('Drop', 'Accept', 'Return'), 'Drop'),
    dieOnFail: true,
  },
  failsafeInboundHostPorts: { ...failsafePorts('failsafeInboundHostPorts', defaultFailsafePorts.inbound) },
  failsafeOutboundHostPorts: { ...failsafePorts('failsafeOutboundHostPorts', defaultFailsafePorts.outbound) },
  ipv6Support: flag('ipv6Support', true),
  filterAllowAction: {
    ...define('nftablesFilterAllowAction', parseWord('ACCEPT', 'RETURN'), 'ACCEPT'),
    dieOnFail: true,
    fallback: named('iptablesFilterAllowAction'),
  },
  mangleAllowAction: {
    ...define('nftablesMangleAllowAction', parseWord('ACCEPT', 'RETURN'), 'ACCEPT'),
    dieOnFail: true,
    fallback: named('iptablesMangleAllowAction'),
  },
  filterDenyAction: {
    ...define('nftablesFilterDenyAction', parseWord('DROP', 'REJECT'), 'DROP'),
    dieOnFail: true,
    fallback: named('iptablesFilterDenyAction'),
  },
  markMask: {
    ...define('nftablesMarkMask', parseMask, 0xffff0000),
    dieOnFail: true,
    fallback: named('iptablesMarkMask'),
  },
  /** Seconds. */
  refreshInterval: { ...seconds('nftablesRefreshInterval', 180), fallback: named('iptablesRefreshInterval') },
  nftablesMode: { ...define('nftablesMode', parseWord('Enabled', 'Disabled', 'Auto'), 'Auto'), name: 'NFTablesMode' },
  logPrefix: { ...define('logPrefix', parseLogPrefix, 'calico-packet'), none: { value: '' } },
  logActionRateLimit: {
    ...define<RateLimit | undefined>('logActionRateLimit', parseRateLimit, undefined),
    none: { value: undefined },
  },
  logActionRateLimitBurst: integer('logActionRateLimitBurst', 0, 9999, 5),
  disableConntrackInvalidCheck: flag('disableConntrackInvalidCheck', false),
  workloadSourceSpoofing: define('workloadSourceSpoofing', parseWord('Disabled', 'Any'), 'Disabled'),
  allowVXLANPacketsFromWorkloads: flag('allowVXLANPacketsFromWorkloads', false),
  allowIPIPPacketsFromWorkloads: flag('allowIPIPPacketsFromWorkloads', false),
  vxlanPort: integer('vxlanPort', 0, highestPort, 4789),
  serviceLoopPrevention: define('serviceLoopPrevention', parseWord('Drop', 'Reject', 'Disabled'), 'Drop'),
  floatingIPs: define('floatingIPs', parseWord('Enabled', 'Disabled'), 'Disabled'),
  ipForwarding: { ...define('ipForwarding', parseWord('Enabled', 'Disabled'), 'Enabled'), name: 'IPForwarding' },
  interfaceRefreshInterval: seconds('interfaceRefreshInterval', 90),
  endpointReportingEnabled: flag('endpointReportingEnabled', false),
  endpointReportingDelay: { ...seconds('endpointReportingDelay', 1), name: 'EndpointReportingDelaySecs' },
  endpointStatusPathPrefix: {
    ...define('endpointStatusPathPrefix', parseText, '/var/run/calico'),
    none: { value: '' },
  },
  reportingInterval: { ...seconds('reportingInterval', 30), name: 'ReportingIntervalSecs' },
  reportingTTL: { ...seconds('reportingTTL', 90), name: 'ReportingTTLSecs' },
  healthEnabled: flag('healthEnabled', false),
  healthHost: define('healthHost', parseText, 'localhost'),
  healthPort: integer('healthPort', 0, highestPort, 9099),
  healthTimeoutOverrides: {
    ...define<Readonly<Record<string, number>>>('healthTimeoutOverrides', parseNamedSeconds, {}),
    none: { value: {} },
  },
  prometheusMetricsEnabled: flag('prometheusMetricsEnabled', false),
  prometheusMetricsHost: { ...define('prometheusMetricsHost', parseText, ''), none: { value: '' } },
  prometheusMetricsPort: integer('prometheusMetricsPort', 0, highestPort, 9091),
  prometheusProcessMetricsEnabled: flag('prometheusProcessMetricsEnabled', true),
} as const satisfies Readonly<Record<string, ParameterDefinition<never> | ParameterDefinition<unknown>>>;

function define<Value>(field: Field, parse: ValueParser<Value>, builtIn: NoInfer<Value>): ParameterDefinition<Value> {
  return { ...named(field), parse, builtIn };
}

/** Parameters are called like the fields, with a capital. */
function named(field: Field): { readonly name: string; readonly field: Field } {
  return { name: field.charAt(0).toUpperCase() + field.slice(1), field };
}

function flag(field: Field, builtIn: boolean): ParameterDefinition<boolean> {
  return { ...define(field, parseBoolean, builtIn), none: { value: false } };
}

function integer(field: Field, low: number, high: number, builtIn: number): ParameterDefinition<number> {
  return { ...define(field, parseInteger(low, high), builtIn), none: { value: 0 } };
}

function seconds(field: Field, builtIn: number): ParameterDefinition<number> {
  return { ...define(field, parseSeconds, builtIn), none: { value: 0 } };
}

function failsafePorts(field: 'failsafeInboundHostPorts' | 'failsafeOutboundHostPorts', texts: readonly string[]) {
  const builtIn = parseFailsafePorts(texts.join(','))?.value ?? [];
  return { ...define(field, parseFailsafePorts, builtIn), none: { value: [] }, dieOnFail: true } as const;
}
