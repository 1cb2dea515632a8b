/**
 * Owns `npm run bench -- NAME`: builds a bench optimised and runs it. Benches measure and print; none
 * of them fails on a time.
 */
import { Failure, run, saying } from './command.mjs';
import { needTools } from './machine.mjs';

const BENCHES = {
  save: { bin: 'bench-save', shows: 'a saved 4 kB file until it is confirmed, beside scp, rsync and ssh cat' },
};

await saying(async () => {
  const [name, ...args] = process.argv.slice(2);
  const bench = Object.hasOwn(BENCHES, name ?? '') ? BENCHES[name] : null;
  if (bench === null) {
    const known = Object.entries(BENCHES).map(([each, { shows }]) => `  ${each.padEnd(8)}${shows}`);
    throw new Failure(`Usage: npm run bench -- NAME\n${known.join('\n')}`);
  }
  needTools('cargo', 'python3');
  // The bench starts the program that stands beside it, so both are built the same way.
  await run(['cargo', 'build', '--release', '--bin', 'remora', '--bin', bench.bin]);
  await run(['cargo', 'run', '--release', '--quiet', '--bin', bench.bin, '--', ...args]);
});
