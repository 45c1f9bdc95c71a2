import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { fullCheck } from '../../src/agent/full-check.js';

/** Checks that last until they are let go. */
function held() {
  const running: (() => void)[] = [];
  let begun = 0;
  const whole = fullCheck({
    check: (signal) =>
      new Promise<void>((resolve) => {
        begun += 1;
        running.push(resolve);
        signal.addEventListener('abort', () => resolve());
      }),
  });
  const letGo = async (): Promise<void> => {
    running.shift()?.();
    await pause(1);
  };
  return { whole, letGo, begun: () => begun };
}

t.test('however often it is asked for while one runs, one comes after it', async (t) => {
  const { whole, letGo, begun } = held();
  whole.look();
  await pause(1);
  for (let times = 0; times < 3; times++) whole.look();
  await pause(1);
  t.equal(begun(), 1, 'one at a time');
  await letGo();
  t.equal(begun(), 2);
  await letGo();
  t.equal(begun(), 2);
  await whole.stop();
});

t.test('regularly, until it is stopped', async (t) => {
  let begun = 0;
  const check = async (): Promise<void> => {
    begun += 1;
  };
  const whole = fullCheck({ check });
  whole.every(0.005);
  while (begun < 3) {
    // Being told the same again must not put it off.
    whole.every(0.005);
    await pause(1);
  }
  whole.every(0);
  const before = begun;
  await pause(30);
  t.ok(begun - before <= 1, 'none is due any more');
  whole.every(0.005);
  await whole.stop();
  const last = begun;
  whole.look();
  await pause(30);
  t.equal(begun, last);
});

t.test('a stop ends the one that runs, and waits for it', async (t) => {
  const { whole, begun } = held();
  whole.look();
  await pause(1);
  await t.resolves(whole.stop());
  t.equal(begun(), 1);
});
