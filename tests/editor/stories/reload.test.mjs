/** Owns the story of a function that gets a new text while its program runs. */
import { story } from '../story.mjs';

const FILES = {
  'app.py': `import time

import prices

prices.discounted(4000)
print('selling')
while True:
    prices.discounted(4000)
    time.sleep(0.01)
`,
  'prices.py': `def discounted(cents):
    pays = cents - 400
    return pays
`,
};
const RETURN = 3;

// Nothing stands at a breakpoint while there is typing: the editor brings the caret back to that line when its frame is marked.
story('a function is reloaded while its program runs, and again after what could not be', { files: FILES }, async (stage) => {
  const { bench, debug } = stage;
  await bench.open('app.py');
  await bench.statusSays('box: in sync');
  await bench.run('Remora: Debug This File');
  await debug.consoleShows('selling');
  await bench.open('prices.py');

  // What runs only once can't be reloaded.
  await bench.insert(1, 'RATE = 2\n');
  await bench.save();
  await bench.answer(bench.notification('runs another text of prices.py than what is here.'), 'Reload');
  await bench.notification("and can't be reloaded").waitFor();
  await bench.statusSays('box: debugging, stale');

  // It is tried again when it was saved, without another word.
  await bench.goToLine(1);
  await bench.press('Control+Shift+KeyK');
  await bench.changed();
  await bench.insert(2, '    cents = 2 * cents;');
  await bench.insert(1, '# Two of them.\n');
  await bench.save();
  await bench.statusSays(/debugging\s*$/);
  await debug.breakAt(RETURN + 1);
  await debug.stopped(RETURN + 1);
  await debug.variable('pays', 7600);
  await bench.run('Remora: Stop');
  await debug.ended();
  await bench.statusSays('box: in sync');
});
