/**
 * Owns how the scripts call cargo: every call alike, so that what one builds serves the next.
 */
import { availableParallelism } from 'node:os';

import { run } from './command.mjs';
import { pyenvRoot } from './machine.mjs';

/** Most of a test is waiting for an sshd or a debugger to start: two processors are busy with so many at a time. */
const TESTS_AT_ONCE = Math.max(4, availableParallelism());

/** Nothing incremental on a machine that builds once. The tests find their interpreters by PYENV_ROOT. */
export function cargo(args) {
  const root = pyenvRoot();
  return run(['cargo', ...args], {
    env: {
      ...(process.env.CI ? { CARGO_INCREMENTAL: '0' } : {}),
      ...(root ? { PYENV_ROOT: root } : {}),
      RUST_TEST_THREADS: process.env.RUST_TEST_THREADS ?? String(TESTS_AT_ONCE),
    },
  });
}
