/** Owns the story of the remote folder: one can look around for it over there, or type it. */
import { story } from '../story.mjs';

const FILES = { 'app.py': 'price = 40\n' };
const WHERE = 'where do your programs run?';
const WHICH = 'the folder that mirrors this one';

story('the remote folder is looked for over there, or typed', { files: FILES, settings: () => ({}) }, async (stage) => {
  const { bench, project } = stage;
  await bench.run('Remora: Add Target…');
  await bench.pick(WHERE, 'This machine');
  await bench.pick(WHICH, 'Browse…');
  await bench.pick(WHICH, '..');
  await bench.offered(WHICH, '..');
  await stage.shot('folder');
  await bench.press('Escape');

  await bench.run('Remora: Add Target…');
  await bench.pick(WHERE, 'This machine');
  await bench.pick(WHICH, 'Type a path…');
  await bench.fillIn(WHICH, 'shop');
  await bench.question('Write it as /path/to/folder or ~/folder.').waitFor();
  await bench.fillIn(WHICH, project.there);
  await bench.pick('which Python runs them?', /./);
  await bench.notification('is ready, with').waitFor();
  await stage.untilThere('app.py', FILES['app.py']);
});
