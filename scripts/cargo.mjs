/**
 * Owns how the scripts call cargo: every call alike, so that what one builds serves the next.
 */
import { run } from './command.mjs';
import { pyenvRoot } from './machine.mjs';

/** Nothing incremental on a machine that builds once. The tests find their interpreters by PYENV_ROOT. */
export function cargo(args) {
  const root = pyenvRoot();
  return run(['cargo', ...args], {
    env: { ...(process.env.CI ? { CARGO_INCREMENTAL: '0' } : {}), ...(root ? { PYENV_ROOT: root } : {}) },
  });
}
