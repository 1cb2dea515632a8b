/** Owns the story of a shell over there, in a terminal of the editor. */
import { story } from '../story.mjs';

const FILES = { 'app.py': 'print(42)\n' };

story('a terminal of the editor is a shell over there', { files: FILES }, async (stage) => {
  const { bench, page, project } = stage;
  await bench.statusSays('box: in sync');
  await bench.run('Remora: Open Remote Terminal');
  await bench.typeIntoTerminal('pwd > where; echo ready > there\n');
  await stage.untilThere('where', `${project.there}\n`);
  await stage.untilThere('there', 'ready\n');
  await stage.shot('terminal');
  await bench.typeIntoTerminal('exit\n');
  await page.locator('.xterm').waitFor({ state: 'detached' });
});
