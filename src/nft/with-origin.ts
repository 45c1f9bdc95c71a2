import { NftError } from './driver.js';
import type { Origin } from './objects.js';

/** Does the work; an error in it that doesn't say for whom the object was made says it then. */
export function withOrigin<T>({ origin }: { readonly origin?: Origin }, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NftError) || error.origin || !origin) throw error;
    throw new NftError(error.code, error.message, origin, error.line, { cause: error });
  }
}
