/** Owns the story of a save. */
import assert from 'node:assert/strict';

import { story } from '../story.mjs';

const FILES = { 'app.py': 'price = 40\nprint(price + 2)\n' };
const ADDED = '# Two more than the price.\n';

story('a save is on the remote and seen in the status bar', { files: FILES }, async (stage) => {
  const { project, bench } = stage;
  await bench.open('app.py');
  await bench.statusSays('box: in sync');
  assert.equal(await project.readThere('app.py'), FILES['app.py']);

  await bench.insert(1, ADDED);
  await bench.save();
  await stage.untilThere('app.py', ADDED + FILES['app.py']);
  await bench.statusSays('box: in sync');
  await bench.statusDetail();
  await stage.shot('save');
});
