/** Owns the story of a save that can't be stored over there. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { story } from '../story.mjs';

const FILES = { 'app.py': 'print(42)\n' };
const ADDED = '# Not there yet.\n';

story('an upload that fails is shown, and goes through once it can', { files: FILES }, async (stage) => {
  const { bench, project } = stage;
  await bench.open('app.py');
  await bench.statusSays('box: in sync');
  const there = join(project.there, 'app.py');
  await rm(there);
  await mkdir(there);
  await writeFile(join(there, 'keep'), 'somebody put it there');

  await bench.insert(1, ADDED);
  await bench.save();
  await bench.statusSays('1 not stored');
  await bench.statusDetail();
  await stage.shot('failing-upload');

  // What failed is kept, and tried again without being asked for.
  await rm(there, { recursive: true });
  await stage.untilThere('app.py', ADDED + FILES['app.py']);
  await bench.statusSays('box: in sync');
});
