/**
 * Owns `npm run bench -- NAME`: builds a bench optimised and runs it. Benches measure and print; none
 * of them fails on a time.
 */
import { cargo } from './cargo.mjs';
import { Failure, run, saying } from './command.mjs';
import { installEditor } from './editor.mjs';
import { needTools } from './machine.mjs';
import { installPackages, makeVsix } from './vsix.mjs';

const BENCHES = {
  save: { run: beside('bench-save'), shows: 'a saved 4 kB file until it is confirmed, beside scp, rsync and ssh cat' },
  mirror: { run: beside('bench-mirror'), shows: 'a tree kept equal at 0, 20 and 100 ms round trip, beside rsync, tar, scp and ssh cat' },
  step: { run: beside('bench-step'), shows: 'a step until its variables are on screen at 0, 50 and 150 ms round trip, beside ssh -L and debugpy' },
  start: { run: beside('bench-start'), shows: 'F5 until the first stop at 0 and 50 ms round trip, with a debugger to be brought there and with one that is there, beside ssh -L and debugpy' },
  f5: { run: inEditor('bench-f5.mjs'), shows: 'F5 until the first stop in a real VS Code, beside ssh -L and debugpy started by hand' },
  activation: { run: inEditor('bench-activation.mjs'), shows: 'what the editor says that activating the extension takes' },
};

await saying(async () => {
  const [name, ...args] = process.argv.slice(2);
  const bench = Object.hasOwn(BENCHES, name ?? '') ? BENCHES[name] : null;
  if (bench === null) {
    const known = Object.entries(BENCHES).map(([each, { shows }]) => `  ${each.padEnd(12)}${shows}`);
    throw new Failure(`Usage: npm run bench -- NAME\n${known.join('\n')}`);
  }
  needTools('cargo', 'python3');
  await bench.run(args);
});

/** A bench that starts the program that stands beside it, so both are built the same way. */
function beside(bench) {
  return async (args) => {
    await run(['cargo', 'build', '--release', '--bin', 'remora', '--bin', bench]);
    await run(['cargo', 'run', '--release', '--quiet', '--bin', bench, '--', ...args]);
  };
}

/** A bench in a real VS Code. `--profile dev` tries the bench itself sooner; its figures are nobody's. */
function inEditor(bench) {
  return async (args) => {
    const vsix = await makeVsix(args[0] === '--profile' ? args[1] : 'release');
    await cargo(['build', '--bin', 'remora-remote']);
    await installPackages('tests/editor');
    await installEditor();
    await run([process.execPath, bench], { cwd: 'tests/editor', env: { REMORA_STORIES_VSIX: vsix } });
  };
}
