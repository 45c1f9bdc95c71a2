import * as z from 'zod';
import { anyDurationProblem, durationProblem } from './duration.js';
import { type FelixFailsafePort, failsafePort } from './failsafe-port.js';
import { ignoredFelixFields } from './felix-ignored-fields.js';
import { alwaysPrinted, emptyIsAbsent, emptyIsPrinted, fieldRoles, oneOf, report, text, within } from './field.js';
import { clusterMetadata } from './metadata.js';
import { resourceNameProblem } from './name.js';
import { cidrOf } from './net-fields.js';
import { isNamedPort } from './port.js';
import { resource } from './resource-schema.js';
import { port } from './rule.js';

export type { FelixFailsafePort };

const highestMark = 0xffffffff;

const bool = z.boolean().optional();
const integer = z.int().optional();
const string = emptyIsAbsent(z.string());
const pointer = z.string().optional();
const duration = text('V-FC-2', durationProblem).register(fieldRoles, { role: 'duration' }).optional();
const freeDuration = text('V-FC-2', anyDurationProblem).register(fieldRoles, { role: 'duration' }).optional();
const severity = word('Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal');
const mark = z.int().superRefine((value, context) => {
  if (value < 0 || value > highestMark)
    report(context, 'V-FC-MARK', [], `must be from 0 to ${highestMark}, not ${value}`);
});

const healthTimeoutOverride = z.object({
  name: text('V-FC-HEALTH', (name) =>
    /^[a-zA-Z0-9_ -]+$/.test(name) ? undefined : `'${name}' must consist of letters, digits, '_', '-' and blanks`,
  ),
  timeout: text(
    'V-FC-2',
    (value) => anyDurationProblem(value) ?? (value.startsWith('-') ? 'must not be negative' : undefined),
  ).register(fieldRoles, { role: 'duration', absent: '0s' }),
});

const nodePortRanges = z.array(port).superRefine((ranges, context) => {
  if (ranges.length > 7) report(context, 'V-FC-3', [], `has ${ranges.length} ranges, at most 7 are allowed`);
  ranges.forEach((range, index) => {
    if (isNamedPort(range)) report(context, 'V-FC-3', [index], 'node port ranges must not be names of ports');
  });
});

/** The fields with a meaning for Margay, and those that Calico validates. */
const spec = z.object({
  ...ignoredFelixFields(),
  bpfLogLevel: alwaysPrinted(z.unknown(), ''),
  nodeSelector: text('V-FC-1', within(1024)).optional(),
  ipv6Support: bool,
  interfacePrefix: string,
  interfaceExclude: string,
  defaultEndpointToHostAction: word('Drop', 'Accept', 'Return'),
  failsafeInboundHostPorts: emptyIsPrinted(z.array(failsafePort)),
  failsafeOutboundHostPorts: emptyIsPrinted(z.array(failsafePort)),
  nftablesMode: oneOf('V-FC-6', 'Disabled', 'Enabled', 'Auto').optional(),
  nftablesFilterAllowAction: word('Accept', 'Return'),
  nftablesMangleAllowAction: word('Accept', 'Return'),
  nftablesFilterDenyAction: word('Drop', 'Reject'),
  nftablesMarkMask: mark.optional(),
  nftablesRefreshInterval: freeDuration,
  iptablesFilterAllowAction: word('Accept', 'Return'),
  iptablesMangleAllowAction: word('Accept', 'Return'),
  iptablesFilterDenyAction: word('Drop', 'Reject'),
  iptablesMarkMask: mark.optional(),
  iptablesRefreshInterval: duration,
  iptablesPostWriteCheckInterval: duration,
  iptablesLockProbeInterval: duration,
  chainInsertMode: word('Insert', 'Append'),
  logPrefix: emptyIsAbsent(
    text('V-FC-LOG', (value) =>
      /^[a-zA-Z0-9%: /_-]*$/.test(value)
        ? undefined
        : `'${value}' may have letters, digits, '%', ':', '/', '_', '-' and blanks only`,
    ),
  ),
  logActionRateLimit: text('V-FC-5', (value) =>
    /^[1-9]\d{0,3}\/(?:second|minute|hour|day)$/.test(value)
      ? undefined
      : `'${value}' is no rate; write it like 100/second (second, minute, hour, day; at most 9999)`,
  ).optional(),
  logActionRateLimitBurst: z
    .int()
    .superRefine((value, context) => {
      if (value < 0 || value > 9999) report(context, 'V-FC-5', [], `must be from 0 to 9999, not ${value}`);
    })
    .optional(),
  disableConntrackInvalidCheck: bool,
  workloadSourceSpoofing: emptyIsAbsent(oneOf('V-FC-6', 'Disabled', 'Any')),
  allowVXLANPacketsFromWorkloads: bool,
  allowIPIPPacketsFromWorkloads: bool,
  vxlanEnabled: bool,
  vxlanPort: integer,
  vxlanVNI: integer,
  ipipEnabled: bool,
  serviceLoopPrevention: emptyIsAbsent(oneOf('V-FC-6', 'Drop', 'Reject', 'Disabled')),
  floatingIPs: oneOf('V-FC-6', 'Enabled', 'Disabled').optional(),
  ipForwarding: emptyIsAbsent(oneOf('V-FC-6', 'Enabled', 'Disabled')),
  kubeNodePortRanges: emptyIsPrinted(nodePortRanges),
  externalNodesList: emptyIsPrinted(z.array(cidrOf(4, 'V-FC-NODES'))),
  xdpEnabled: bool,
  genericXDPEnabled: bool,
  maxIpsetSize: integer,
  xdpRefreshInterval: duration,
  routeRefreshInterval: duration,
  interfaceRefreshInterval: duration,
  ipsetsRefreshInterval: duration,
  netlinkTimeout: duration,
  policySyncPathPrefix: string,
  endpointReportingEnabled: bool,
  endpointReportingDelay: duration,
  endpointStatusPathPrefix: string,
  reportingInterval: duration,
  reportingTTL: duration,
  healthEnabled: bool,
  healthHost: pointer,
  healthPort: integer,
  healthTimeoutOverrides: emptyIsAbsent(z.array(healthTimeoutOverride)),
  prometheusMetricsEnabled: bool,
  prometheusMetricsHost: emptyIsAbsent(
    text('V-FC-HOST', (value) =>
      /^[a-zA-Z0-9:._+-]{1,64}$/.test(value) ? undefined : `'${value}' is no host name or address`,
    ),
  ),
  prometheusMetricsPort: integer,
  prometheusGoMetricsEnabled: bool,
  prometheusProcessMetricsEnabled: bool,
  prometheusWireGuardMetricsEnabled: bool,
  prometheusMetricsCAFile: pointer,
  prometheusMetricsCertFile: pointer,
  prometheusMetricsKeyFile: pointer,
  prometheusMetricsClientAuth: oneOf(
    'V-FC-6',
    'RequireAndVerifyClientCert',
    'RequireAnyClientCert',
    'VerifyClientCertIfGiven',
    'NoClientCert',
  ).optional(),
  logFilePath: string,
  logSeverityFile: severity,
  logSeverityScreen: severity,
  logSeveritySys: severity,
  logDebugFilenameRegex: emptyIsAbsent(text('V-FC-REGEX', regexProblem)),
  dataplaneWatchdogTimeout: freeDuration,
  useInternalDataplaneDriver: bool,
  dataplaneDriver: string,
  usageReportingEnabled: bool,
  usageReportingInitialDelay: duration,
  usageReportingInterval: duration,
  debugSimulateCalcGraphHangAfter: duration,
  debugSimulateDataplaneHangAfter: duration,
  debugSimulateDataplaneApplyDelay: duration,
  bpfIPFragTimeout: duration,
  bpfKubeProxyMinSyncPeriod: duration,
  flowLogsFlushInterval: duration,
  wireguardKeepAlive: duration,
  liveMigrationRouteConvergenceTime: duration,
  localSubnetL2ReachabilityRefreshInterval: freeDuration,
});

/** A FelixConfiguration: each field is checked, fields that Margay does not obey too. */
export const felixConfiguration = resource(
  'FelixConfiguration',
  clusterMetadata('V-NAME', resourceNameProblem),
  spec,
).superRefine(({ metadata, spec }, context) => {
  if (spec.nodeSelector !== undefined && (metadata.name === 'default' || metadata.name.startsWith('node.')))
    report(
      context,
      'V-FC-1',
      ['spec', 'nodeSelector'],
      `nodeSelector must not be set on the FelixConfiguration ${metadata.name}`,
    );
});

export type FelixConfiguration = z.infer<typeof felixConfiguration>;
export type FelixConfigurationSpec = FelixConfiguration['spec'];

/** One of the words in any letter case (V-FC-6); empty means not set. */
function word(...words: readonly string[]) {
  const lower = words.map((each) => each.toLowerCase());
  return emptyIsAbsent(
    text('V-FC-6', (value) =>
      lower.includes(value.toLowerCase()) ? undefined : `'${value}' is none of ${words.join(', ')}`,
    ),
  );
}

/** Go's syntax has named groups and leading flags that JavaScript writes otherwise or lacks. */
function regexProblem(value: string): string | undefined {
  try {
    new RegExp(
      value
        .replaceAll('(?P<', '(?<')
        .replaceAll(/\(\?[imsU]+\)/g, '')
        .replaceAll(/\(\?[imsU]+:/g, '(?:'),
    );
    return undefined;
  } catch {
    return `'${value}' is no regular expression`;
  }
}
