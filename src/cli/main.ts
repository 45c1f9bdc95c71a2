#!/usr/bin/env node
import { runProgram } from './program.js';

/** `margay render | head` is no error; the command still ends with its own status. */
function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

process.stdout.on('error', ignoreBrokenPipe);
process.stderr.on('error', ignoreBrokenPipe);

process.exitCode = await runProgram(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
});
// What is left open by mistake must not make a service hang until it is killed.
setTimeout(() => process.exit(), 1000).unref();
