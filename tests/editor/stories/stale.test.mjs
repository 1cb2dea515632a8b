/** Owns the story of a save under a program that stands at a breakpoint. */
import { story } from '../story.mjs';

const FILES = {
  'app.py': `import time

import prices

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

story('a save under a stopped program leads to the same breakpoint on the new text', { files: FILES }, async (stage) => {
  const { bench, debug } = stage;
  await bench.open('prices.py');
  await bench.statusSays('box: in sync');
  await debug.breakAt(RETURN);
  await bench.open('app.py');
  await bench.run('Remora: Debug This File');
  await debug.stopped(RETURN);
  await debug.variable('pays', 3600);

  await bench.insert(2, '    cents = 2 * cents;');
  await bench.insert(1, '# Two of them.\n');
  await bench.save();
  await bench.statusSays('box: debugging, stale');
  const question = bench.notification('runs another text of prices.py than what is here');
  await question.waitFor();
  await stage.shot('stale');
  await bench.answer(question, 'Restart');
  await debug.stopped(RETURN + 1);
  await debug.variable('pays', 7600);
  await bench.statusSays('debugging');
  await bench.run('Remora: Stop');
  await debug.ended();
  await bench.statusSays('box: in sync');
});
