/** Owns the story of a workspace of two folders, each with a target of its own. */
import { join } from 'node:path';

import { story, target } from '../story.mjs';

const FILES = { 'app.py': 'print(42)\n', '../lab/trial.py': 'print(43)\n' };
const opens = '../both.code-workspace';

const prepare = async (stage) => {
  const { project } = stage;
  const lab = { ...target(stage), name: 'bench', remoteRoot: join(project.top, 'lab-there') };
  await project.write('../lab/.vscode/settings.json', JSON.stringify({ 'remora.targets': [lab] }));
  await project.write(opens, JSON.stringify({ folders: [{ path: 'shop' }, { path: 'lab' }] }));
};

story('two folders go to two targets', { files: FILES, prepare, opens }, async (stage) => {
  const { bench } = stage;
  await bench.open('app.py');
  await bench.statusSays('box: in sync');
  await bench.open('trial.py');
  await bench.statusSays('bench: in sync');
  await bench.insert(1, '# Tried.\n');
  await bench.save();
  await stage.untilThere('../lab-there/trial.py', '# Tried.\nprint(43)\n');
  await stage.shot('two-folders');
  await bench.open('app.py');
  await bench.statusSays('box: in sync');
  await bench.insert(1, '# Sold.\n');
  await bench.save();
  await stage.untilThere('app.py', '# Sold.\nprint(42)\n');
});
