import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { anyProfile, type Profile } from './profile.js';

const failsafeLists = z.object({ inbound: z.array(z.string()), outbound: z.array(z.string()) });

/** The profile that allows everything, which exists without being stored (docs.tigera.io, Profile). */
export const defaultAllowProfile: Profile = anyProfile.parse(readJson('projectcalico-default-allow.json'));

/** Calico's failsafe ports, as FELIX_FAILSAFE... writes them. */
export const defaultFailsafePorts = failsafeLists.parse(readJson('failsafe-ports.json'));

/** A file of the package's `rules/`, which is as far from here in `src` as in `dist`. */
function readJson(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../rules/${name}`, import.meta.url), 'utf8'));
}
