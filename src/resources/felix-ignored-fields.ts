import * as z from 'zod';

/**
 * Fields of a FelixConfiguration that have no meaning for Margay: eBPF, WireGuard, routes, Windows and so on. They are known so
 * that a misspelt field can be told from them; their values are not looked at.
 */
const names = `
  featureDetectOverride featureGates iptablesBackend iptablesLockFilePath iptablesLockTimeout metadataAddr metadataPort
  openstackRegion ipipMTU vxlanMTU vxlanMTUV6 natPortRange natOutgoingAddress natOutgoingExclusions deviceRouteSourceAddress
  deviceRouteSourceAddressIPv6 deviceRouteProtocol removeExternalRoutes programClusterRoutes debugMemoryProfilePath
  debugDisableLogDropping debugHost debugPort iptablesNATOutgoingInterfaceFilter sidecarAccelerationEnabled
  nftablesFlowTableOffload nftablesFlowTableDataIfacePattern bpfEnabled bpfOverlayHostSourceIP bpfDisableUnprivileged
  bpfJITHardening bpfConntrackLogLevel bpfConntrackMode bpfConntrackTimeouts bpfLogFilters bpfCTLBLogFilter
  bpfDataIfacePattern bpfL3IfacePattern bpfConnectTimeLoadBalancingEnabled bpfConnectTimeLoadBalancing
  bpfHostNetworkedNATWithoutCTLB bpfExternalServiceMode bpfDSROptoutCIDRs bpfExtToServiceConnmark
  bpfKubeProxyIptablesCleanupEnabled bpfKubeProxyHealthzPort bpfKubeProxyEndpointSlicesEnabled bpfPSNATPorts
  bpfMapSizeNATFrontend bpfMapSizeNATBackend bpfMapSizeNATAffinity bpfMapSizeRoute bpfMapSizeConntrack
  bpfMapSizePerCpuConntrack bpfMapSizeConntrackScaling bpfMapSizeConntrackCleanupQueue bpfMapSizeIPSets bpfMapSizeIfState
  bpfHostConntrackBypass bpfIPFragmentReassemblyEnabled bpfEnforceRPF bpfPolicyDebugEnabled bpfForceTrackPacketsFromIfaces
  bpfDisableGROForIfaces bpfExcludeCIDRsFromNAT bpfExportBufferSizeMB bpfRedirectToPeer bpfAttachType bpfProfiling
  bpfMaglevMaxEndpointsPerService bpfMaglevMaxServices istioAmbientMode istioDSCPMark cgroupV2Path
  flowLogsPolicyEvaluationMode flowLogsCollectorDebugTrace flowLogsGoldmaneServer flowLogsLocalReporter routeSource
  routeTableRanges routeTableRange routeSyncDisabled ipv4NormalRoutePriority ipv4ElevatedRoutePriority
  ipv6NormalRoutePriority ipv6ElevatedRoutePriority wireguardEnabled wireguardEnabledV6 wireguardThreadingEnabled
  wireguardListeningPort wireguardListeningPortV6 wireguardRoutingRulePriority wireguardInterfaceName
  wireguardInterfaceNameV6 wireguardMTU wireguardMTUV6 wireguardHostEncryptionEnabled awsSrcDstCheck mtuIfacePattern
  localSubnetL2Reachability windowsManageFirewallRules goGCThreshold goMemoryLimitMB goMaxProcs requireMTUFile`;

/** A schema for each ignored field; the types of resources do not show them. */
export function ignoredFelixFields(): Record<never, z.ZodType> {
  const fields = names
    .trim()
    .split(/\s+/)
    .map((name) => [name, z.unknown().optional()] as const);
  return Object.fromEntries(fields) as Record<never, z.ZodType>;
}
