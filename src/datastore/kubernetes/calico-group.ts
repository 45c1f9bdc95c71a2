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
 * Calico's API server makes the newer one of the older.
 */
export function calicoGroup(client: ApiClient, configured: string | undefined): CalicoGroup {
  if (configured) {
    const group = groupOf(configured.toLowerCase() === 'projectcalico.org/v3');
    return { current: async () => group };
  }
  let found: Promise<ApiGroup> | undefined;
  return {
    current(fresh) {
      if (fresh) found = undefined;
      found ??= detect(client).catch((error: unknown) => {
        found = undefined;
        throw error;
      });
      return found;
    },
  };
}

async function detect(client: ApiClient): Promise<ApiGroup> {
  try {
    const groups = await client.request({ path: '/apis' });
    const names = listIn(groups, 'groups').map((group) => textIn(group, 'name'));
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
