interface Definition {
  readonly type: 'gauge' | 'counter' | 'summary';
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/**
 * Every metric. `felix_*` are Felix's names with Felix's meanings (docs.tigera.io, Prometheus metrics), so that its dashboards
 * go on working; our table is of the family inet, therefore `ip_version="inet"` where Felix tells 4 from 6.
 */
export const metricsTable = {
  host: { type: 'gauge', name: 'felix_host', help: 'Which node this is: always 1.', labels: ['host'] },
  activeLocalEndpoints: {
    type: 'gauge',
    name: 'felix_active_local_endpoints',
    help: 'Host and workload endpoints of this node.',
  },
  activeLocalPolicies: {
    type: 'gauge',
    name: 'felix_active_local_policies',
    help: 'Policies that are active on this node.',
  },
  activeLocalSelectors: {
    type: 'gauge',
    name: 'felix_active_local_selectors',
    help: 'Selectors that are active on this node: its sets of addresses.',
  },
  clusterHostEndpoints: {
    type: 'gauge',
    name: 'felix_cluster_num_host_endpoints',
    help: 'Host endpoints in the cluster.',
  },
  clusterWorkloadEndpoints: {
    type: 'gauge',
    name: 'felix_cluster_num_workload_endpoints',
    help: 'Workload endpoints in the cluster.',
  },
  clusterTiers: { type: 'gauge', name: 'felix_cluster_num_tiers', help: 'Tiers in the cluster.' },
  clusterPolicies: { type: 'gauge', name: 'felix_cluster_num_policies', help: 'Policies in the cluster.' },
  clusterProfiles: { type: 'gauge', name: 'felix_cluster_num_profiles', help: 'Profiles in the cluster.' },
  resyncState: {
    type: 'gauge',
    name: 'felix_resync_state',
    help: 'Datastore: 1 waiting for it, 2 reading it for the first time, 3 in sync.',
  },
  calcGraphUpdatesProcessed: {
    type: 'counter',
    name: 'felix_calc_graph_updates_processed',
    help: 'Updates from the datastore, by kind.',
    labels: ['type'],
  },
  calcGraphUpdateTime: {
    type: 'summary',
    name: 'felix_calc_graph_update_time_seconds',
    help: 'Time to work out what a batch of updates means for this node.',
  },
  dataplaneFailures: {
    type: 'counter',
    name: 'felix_int_dataplane_failures',
    help: 'Transactions that failed and are tried again.',
  },
  dataplaneApplyTime: {
    type: 'summary',
    name: 'felix_int_dataplane_apply_time_seconds',
    help: 'Time to bring the kernel up to date.',
  },
  dataplaneInitialResyncTime: {
    type: 'gauge',
    name: 'felix_int_dataplane_initial_resync_time_seconds',
    help: 'Time from the start until the first ruleset was in force.',
  },
  nftCalls: { type: 'counter', name: 'felix_nft_calls', help: 'Transactions sent to the kernel.' },
  nftErrors: { type: 'counter', name: 'felix_nft_errors', help: 'Transactions that the kernel or nft refused.' },
  nftListCalls: { type: 'counter', name: 'felix_nft_list_calls', help: 'How often our table was read back.' },
  nftListErrors: { type: 'counter', name: 'felix_nft_list_errors', help: 'How often reading it back failed.' },
  nftChains: { type: 'gauge', name: 'felix_nft_chains', help: 'Chains in force.', labels: ['ip_version'] },
  nftRules: { type: 'gauge', name: 'felix_nft_rules', help: 'Rules in force.', labels: ['ip_version'] },
  nftSets: { type: 'gauge', name: 'felix_nft_sets', help: 'Sets in force, without maps.', labels: ['ip_version'] },
  nftMaps: { type: 'gauge', name: 'felix_nft_maps', help: 'Maps in force.' },
  buildInfo: {
    type: 'gauge',
    name: 'margay_build_info',
    help: 'Which version this is: always 1.',
    labels: ['version'],
  },
  ready: { type: 'gauge', name: 'margay_ready', help: '1 if ready, as `margay status` says.' },
  datastoreConnected: {
    type: 'gauge',
    name: 'margay_datastore_connected',
    help: '1 if the datastore can be followed; the last known state is enforced otherwise.',
  },
  inputGeneration: {
    type: 'gauge',
    name: 'margay_input_generation',
    help: 'Generation of the input that has been read.',
  },
  enforcedGeneration: {
    type: 'gauge',
    name: 'margay_enforced_generation',
    help: 'Generation of the input that is in force.',
  },
  lastApplyTimestamp: {
    type: 'gauge',
    name: 'margay_last_apply_timestamp_seconds',
    help: 'When the last transaction was committed (Unix time).',
  },
  quarantinedObjects: {
    type: 'gauge',
    name: 'margay_quarantined_objects',
    help: 'Objects that are not used as they are in the datastore.',
    labels: ['kind'],
  },
  policies: {
    type: 'gauge',
    name: 'margay_policies',
    help: 'Policies by what became of them here.',
    labels: ['state'],
  },
  driftRepairs: {
    type: 'counter',
    name: 'margay_drift_repairs_total',
    help: 'How often our table had been changed by somebody else and was restored.',
  },
} as const satisfies Record<string, Definition>;

export type MetricsTable = typeof metricsTable;
export type MetricId = keyof MetricsTable;
