#!/usr/bin/env node
import { runProgram } from './program.js';

/** `margay render | head` is no error; the command still ends with its own status. */
function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

const unread = new AbortController();
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  ignoreBrokenPipe(error);
  unread.abort();
});
process.stderr.on('error', ignoreBrokenPipe);

process.exitCode = await runProgram(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  get stdin() {
    return process.stdin;
  },
  signal: unread.signal,
  environment: process.env,
});
// What is left open by mistake must not make a service hang until it is killed.
setTimeout(() => process.exit(), 1000).unref();
