/**
 * Owns `npm run package [-- --profile dev]`: the words of its command line. What a .vsix consists of is
 * vsix.mjs's business.
 */
import { parseArgs } from 'node:util';

import { Failure, saying } from './command.mjs';
import { needTools } from './machine.mjs';
import { makeVsix } from './vsix.mjs';

await saying(async () => {
  needTools('cargo', 'python3');
  await makeVsix(chosenProfile(process.argv.slice(2)));
});

function chosenProfile(args) {
  try {
    return parseArgs({ args, options: { profile: { type: 'string', default: 'release' } } }).values.profile;
  } catch (error) {
    throw new Failure(`${error.message}. Usage: npm run package [-- --profile dev]`);
  }
}
