/** Owns the story of a person who has just installed the extension. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { story } from '../story.mjs';

const FILES = { 'app.py': 'price = 40\ntotal = price + 2\nprint(total)\n' };

const editor = async ({ remote }) => ({ sshConfig: await readFile(remote.is.sshConfig, 'utf8') });

story('from an installed extension to the first stop', { files: FILES, remote: ['--unknown'], settings: () => ({}), editor }, async (stage) => {
  const { bench, debug, project, remote } = stage;
  await bench.run('Remora: Add Target…');
  await bench.offered('where do your programs run?', 'box');
  await stage.shot('first-run-hosts');
  await bench.pick('where do your programs run?', 'box');
  await bench.answerDialog('is not known yet', 'Trust and Remember');
  await bench.offered('the folder that mirrors this one', 'Use this folder');
  await stage.shot('first-run-folder');
  await bench.pick('the folder that mirrors this one', 'Use this folder');
  await bench.offered('which Python runs them?', /./);
  await stage.shot('first-run-python');
  await bench.pick('which Python runs them?', /./);
  await bench.notification('is ready, with').waitFor();
  await bench.statusSays('box: in sync');
  await stage.shot('first-run-ready');
  const [target] = JSON.parse(await project.read('.vscode/settings.json'))['remora.targets'];
  assert.equal(target.host, 'box');
  assert.ok(target.remoteRoot.startsWith(remote.is.home), target.remoteRoot);

  await bench.open('app.py');
  await debug.breakAt(2);
  await debug.start();
  await debug.stopped(2);
  await debug.variable('price', 40);
  await stage.shot('first-run-stopped');
  await debug.goOn();
  await debug.ended();
});
