/** Owns the story of a breakpoint that is not hit: asked by a command, and when one points at its line, it says why. */
import { story } from '../story.mjs';

const FILES = {
  'app.py': `import time

for turn in range(3000):
    time.sleep(0.01)
`,
  'late.py': `def late():
    return 1
`,
};

story('a breakpoint that is not hit says why', { files: FILES }, async (stage) => {
  const { bench, debug } = stage;
  await bench.open('late.py');
  await debug.breakAt(2);
  await bench.open('app.py');
  await debug.breakAt(4);
  await debug.start();
  await debug.stopped(4);
  await bench.open('late.py');
  await bench.goToLine(2);
  await bench.run('Remora: Why Is This Breakpoint Not Hit?');
  await bench.notification('late.py:2: the program has not imported this file yet.').waitFor();
  await stage.shot('breakpoint');
  await bench.pointAt('return');
  await bench.hover('late.py:2: the program has not imported this file yet.').waitFor();
});
