import type { ReportSettings, StatusReporter } from '../datastore/etcd/etcd-reporter.js';
import type { Calculation } from '../policy/calculator.js';
import type { FelixParameters } from '../resources/felix-parameters.js';

/** Tells the reporter what is in force, and anew how to report when FelixConfiguration changes that. */
export function statusReports(reporter: StatusReporter): (calculation: Calculation) => void {
  let told = '';
  return ({ hostPolicy, parameters }) => {
    const settings = reportSettings(parameters);
    const text = JSON.stringify(settings);
    if (text !== told) reporter.configure(settings);
    told = text;
    const { hostEndpoints, workloadEndpoints } = hostPolicy;
    reporter.endpoints([
      ...hostEndpoints.map(({ name, state }) => ({ kind: 'HostEndpoint', name, state }) as const),
      ...workloadEndpoints.map(
        ({ namespace, name, state }) => ({ kind: 'WorkloadEndpoint', namespace, name, state }) as const,
      ),
    ]);
  };
}

function reportSettings(parameters: FelixParameters): ReportSettings {
  return {
    endpoints: parameters.endpointReportingEnabled,
    endpointDelayMs: parameters.endpointReportingDelay * 1000,
    intervalMs: parameters.reportingInterval * 1000,
    ttlSeconds: parameters.reportingTTL,
    region: '',
  };
}
