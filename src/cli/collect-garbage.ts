import { Session } from 'node:inspector';

/** A full garbage collection, of which memory goes back to the kernel. Can't be imported where Node.js has no inspector. */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  await new Promise<void>((done) => {
    session.post('HeapProfiler.collectGarbage', () => done());
  });
  session.disconnect();
}
