import { styleText } from 'node:util';
import type { Io } from './io.js';

export type Color = 'green' | 'yellow' | 'red' | 'gray' | 'bold';
export type Paint = (color: Color, text: string) => string;

/** Colours for standard output where it is a terminal that has them and nobody objects (no-color.org). */
export function createPaint({ stdout, environment }: Pick<Io, 'stdout' | 'environment'>): Paint {
  const colors = stdout.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb';
  // styleText would look at the process's own streams and environment.
  return colors ? (color, text) => styleText(color, text, { validateStream: false }) : (_color, text) => text;
}
