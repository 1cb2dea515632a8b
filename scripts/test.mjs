/**
 * Owns `npm test [-- --only STEP]…`: runs the steps in order, stops at the first that fails, and says
 * at the end what ran and how long it took. What the steps are is in steps.mjs.
 */
import { parseArgs } from 'node:util';

import { Failure, saying } from './command.mjs';
import { STEPS } from './steps.mjs';

await saying(async () => {
  const done = [];
  const failed = await runAll(chosen(process.argv.slice(2)), done);
  summarize(done);
  if (failed) throw failed;
});

function chosen(args) {
  let only;
  try {
    only = parseArgs({ args, options: { only: { type: 'string', multiple: true } } }).values.only;
  } catch (error) {
    throw new Failure(`${error.message}. Usage: npm test [-- --only STEP]…`);
  }
  if (only === undefined) return STEPS;
  const unknown = only.filter((name) => !STEPS.some((step) => step.name === name));
  if (unknown.length > 0) {
    const known = STEPS.map(({ name, does }) => `  ${name.padEnd(12)}${does}`).join('\n');
    throw new Failure(`there is no step ${unknown.join(', ')}. The steps are:\n${known}`);
  }
  return STEPS.filter((step) => only.includes(step.name));
}

async function runAll(steps, done) {
  for (const step of steps) {
    console.log(`\n== ${step.name}: ${step.does}`);
    const start = performance.now();
    let failed = null;
    try {
      await step.run();
    } catch (error) {
      failed = error instanceof Failure ? new Failure(`Step "${step.name}" failed: ${error.message}`) : error;
    }
    done.push({ name: step.name, seconds: (performance.now() - start) / 1000, failed: failed !== null });
    if (failed) return failed;
  }
  return null;
}

function summarize(done) {
  console.log('\nStep         seconds');
  for (const { name, seconds, failed } of done) {
    console.log(`${name.padEnd(12)} ${seconds.toFixed(1).padStart(7)}${failed ? '  FAILED' : ''}`);
  }
  const total = done.reduce((sum, { seconds }) => sum + seconds, 0);
  console.log(`${'total'.padEnd(12)} ${total.toFixed(1).padStart(7)}`);
}
