/**
 * Owns `npm run demo [-- --json]`: builds the program, then runs its own demo. What the demo shows is
 * the program's business. Installs nothing outside the checkout.
 */
import { dirname, resolve } from 'node:path';

import { Failure, TOP, run, runForStatus, saying } from './command.mjs';
import { needTools } from './machine.mjs';

await saying(async () => {
  needTools('cargo', 'python3');
  // A development build: it is the sooner one on a fresh clone, and `npm test` uses it too.
  await run(['cargo', 'build', '--bin', 'remora']);
  const program = resolve(TOP, process.env.CARGO_TARGET_DIR ?? 'target', 'debug', process.platform === 'win32' ? 'remora.exe' : 'remora');
  // The scratch "remote" keeps its debugger where the build is, not in the user's own cache.
  const env = { XDG_CACHE_HOME: resolve(dirname(program), 'demo-cache') };
  const status = await runForStatus([program, 'demo', ...process.argv.slice(2)], { stdin: 'inherit', env });
  if (status !== 0) throw new Failure(`the demo ended with ${status}`);
});
