/**
 * Owns the lock that keeps two runs from installing the same thing at once. Held by a child process, so
 * that it is free again whenever the holder ends, also by force; nobody ever meets a stale one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { Failure } from './command.mjs';

/** Says a line as soon as the lock is its own, and keeps it until standard input closes. Node has no locks; Python is needed anyway. */
const HOLDER = `import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
`;

/** Runs `work` while this process alone holds the lock of that file. */
export async function alone(file, work) {
  const holder = spawn('python3', ['-c', HOLDER, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  const held = once(holder.stdout, 'data').then(() => true);
  if ((await Promise.race([held, ended])) !== true) throw new Failure(`can't lock ${file}`);
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
