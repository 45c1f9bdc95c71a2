import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './checkout.js';

/** The environment that the unit gives to the daemon. */
export function unitEnvironment(): Record<string, string> {
  const unit = readFileSync(join(checkout, 'systemd/margay.service'), 'utf8');
  const words = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, assignments = '']) => assignments.split(' '));
  return Object.fromEntries(words.map((word) => word.split('=', 2)));
}
