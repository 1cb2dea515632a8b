/**
 * Owns `npm run install-extension`: packages the extension and gives it to the VS Code that is here.
 * Never installs an editor.
 */
import { Failure, output, run, saying } from './command.mjs';
import { needTools } from './machine.mjs';
import { makeVsix } from './vsix.mjs';

/** The command lines of VS Code and of what is built from it, in the order in which they are asked. */
const EDITORS = ['code', 'codium', 'code-insiders', 'cursor', 'code-server'];

await saying(async () => {
  needTools('cargo', 'python3');
  const vsix = await makeVsix('release');
  const editor = EDITORS.find((name) => output([name, '--version']) !== null);
  if (!editor) {
    throw new Failure(`No VS Code is on the PATH: in the editor, run "Extensions: Install from VSIX..." and choose ${vsix}.`);
  }
  await run([editor, '--install-extension', vsix, '--force']);
});
