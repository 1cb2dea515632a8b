/** Owns the story of one program from its arguments to its end: started anew, left alone, come back to. */
import { story } from '../story.mjs';

const FILES = {
  'app.py': `import sys
import time

total = len(sys.argv)

if __name__ == "__main__":
    while True:
        total += 1
        time.sleep(0.01)
`,
};
const LOOP = 8;

story('a program gets its arguments, starts anew, and can be left and come back to', { files: FILES }, async (stage) => {
  const { bench, debug, page } = stage;
  await bench.open('app.py');
  await bench.statusSays('box: in sync');
  await debug.breakAt(LOOP);
  await bench.run('Remora: Debug with Arguments…');
  await bench.fillIn('Arguments of app.py', 'one "two three"');
  await debug.stopped(LOOP);
  await debug.variable('total', 3);
  await debug.goOn();
  await debug.variable('total', 4);
  await bench.run('Remora: Restart');
  await debug.variable('total', 3);

  await bench.run('Debug: Disconnect');
  await debug.ended();
  await bench.statusSays('debugging');
  await bench.run('Remora: Attach to Running Session…');
  await bench.pick('Attach to a running program', 'app.py');
  await debug.stopped(LOOP);
  await stage.shot('session');
  await bench.run('Remora: Stop');
  await debug.ended();
  await bench.statusSays('box: in sync');

  await page.locator('.codelens-decoration a', { hasText: 'Debug on box' }).click();
  await debug.variable('total', 1);
  await bench.run('Remora: Stop');
  await debug.ended();
  await bench.statusSays('box: in sync');
});
