/** Owns the story of an attach configuration in a launch.json that somebody cares for. */
import assert from 'node:assert/strict';

import { story } from '../story.mjs';

const FILES = { 'app.py': 'print(42)\n' };
const FILE = '.vscode/launch.json';

/** Comments of both kinds, tabs, trailing commas, spaces at the end of a line, no newline at the end of the file. */
const TENDED = `// The team's own. Ask before you change it.
{
\t"version": "0.2.0", // what VS Code says
\t/* The order is that of the menu. */
\t"configurations": [
\t\t{
\t\t\t"name": "Web", "type": "node", "request": "launch",   
\t\t\t"program": "\${workspaceFolder}/web.js", // not ours
\t\t},

\t\t// The next one goes below.
\t],
\t"compounds": [],
}`;

const prepare = ({ project }) => project.write(FILE, TENDED);

story('an attach configuration is written into a tended launch.json and taken back', { files: FILES, prepare }, async (stage) => {
  const { project, bench } = stage;
  await bench.statusSays('box: in sync');
  await bench.run('Remora: Write Attach Configuration');
  await bench.changed('launch.json');
  await stage.shot('launch-json');
  await bench.save();
  const written = await project.read(FILE);
  assert.ok(written.includes(`"remoteRoot": "${project.there}"`), written);
  for (const line of TENDED.split('\n')) assert.ok(written.includes(line.trimEnd()), `kept: ${line}`);

  await bench.undo();
  await bench.save();
  assert.equal(await project.read(FILE), TENDED);
});
