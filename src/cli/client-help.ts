/** Written out here, because the kinds themselves take long to load; a test compares. */
const kindLines = `
  HostEndpoint                   hep, heps
  WorkloadEndpoint               wep, weps
  Profile                        pro, pros
  GlobalNetworkPolicy            gnp, gnps, cgnp
  NetworkPolicy                  np, nps, cnp, policy, policies, pol, pols
  StagedNetworkPolicy            snp, snps, scnp, stagedpolicy, stagedpolicies, spol, spols
  StagedGlobalNetworkPolicy      sgnp, sgnps
  StagedKubernetesNetworkPolicy  sknp, sknps, stagedkubernetespolicy, stagedkubernetespolicies, skpol, skpols
  Tier
  NetworkSet                     ns, netset, netsets
  GlobalNetworkSet               gns, gnetsets, globalnetset, globalnetsets
  FelixConfiguration             felixconfig, felixconfigs, fc
  Node                           no, nos
  ClusterInformation             clusterinfo, clusterinfos`;

/** What `margay help get` says after the options. */
export const getHelp = `
Examples:
  margay get gnp                          all global network policies
  margay get hep -o wide                  host endpoints with interfaces, addresses and profiles
  margay get gnp web -o yaml              one object, as it could be applied again
  margay get hep,gnp,tier                 several kinds
  margay get np -A                        network policies of all namespaces
  margay get np -n prod -o name           names only: networkpolicy/web
  margay get -f policies/ -o json         what the datastore has of the objects in these files
  margay get wep -A --watch -o json       each change of a workload endpoint, a JSON line each
  margay get hep -o name | xargs margay delete

Kinds, in any letter case, as singular or plural, or by a short name:${kindLines}`;

/** What the help of a command that writes files says after the options. */
export function writeHelp(verb: 'apply' | 'create' | 'replace'): string {
  return `
Examples:
  margay ${verb} -f web.yaml
  margay ${verb} -f policies/ -R --dry-run
  generate-policies | margay ${verb} -f -`;
}

/** What `margay help patch` says after the options. */
export const patchHelp = `
Maps are merged, lists are replaced, null removes a field. --type json takes a list of operations (RFC 6902).

Examples:
  margay patch hep web1-eth0 -p '{"metadata":{"labels":{"role":"web"}}}'
  margay patch gnp web -p 'spec: {order: 10}'
  margay patch clusterinformation default -p '{"spec":{"datastoreReady":false}}'
  margay patch np web -n prod -t json -p '[{"op":"remove","path":"/spec/ingress/0"}]'`;
