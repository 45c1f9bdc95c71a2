import type { ApiClient } from './client/api-client.js';
import { ApiError, isTransient } from './client/api-error.js';
import { listIn, textIn } from './conversion/native.js';
import type { ApiGroup } from './conversion/stored-metadata.js';

/** In which of its two API groups a cluster keeps Calico's resources. */
export interface CalicoGroup {
  /** `fresh`: something is not where it should be, look again. */
  current(fresh: boolean): Promise<ApiGroup>;
}

/**
 * `configured` is CALICO_API_GROUP. Without it the newer group counts only where the older one does not exist: where both do,
 * Calico's API server makes the newer one of the older. `found` is told the names of all groups that the server has.
 */
export function calicoGroup(
  client: ApiClient,
  configured: string | undefined,
  found: (groups: readonly string[]) => void = () => undefined,
): CalicoGroup {
  if (configured) {
    const group = groupOf(configured.toLowerCase() === 'projectcalico.org/v3');
    return { current: async () => group };
  }
  let detected: Promise<ApiGroup> | undefined;
  return {
    current(fresh) {
      if (fresh) detected = undefined;
      detected ??= detect(client, found).catch((error: unknown) => {
        detected = undefined;
        throw error;
      });
      return detected;
    },
  };
}

async function detect(client: ApiClient, found: (groups: readonly string[]) => void): Promise<ApiGroup> {
  try {
    const groups = await client.request({ path: '/apis' });
    const names = listIn(groups, 'groups').flatMap((group) => textIn(group, 'name') ?? []);
    found(names);
    return groupOf(names.includes('projectcalico.org') && !names.includes('crd.projectcalico.org'));
  } catch (error) {
    // Who may not ask for the groups may still read what is in one.
    if (error instanceof ApiError && !isTransient(error)) return groupOf(false);
    throw error;
  }
}

function groupOf(isNewer: boolean): ApiGroup {
  return isNewer ? 'projectcalico.org/v3' : 'crd.projectcalico.org/v1';
}
