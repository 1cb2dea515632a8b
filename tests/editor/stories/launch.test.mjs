/** Owns the story of one key: from F5 with a hand-written launch.json to a breakpoint, and a step. */
import { story } from '../story.mjs';

const FILES = {
  'app.py': `from prices import discounted

print("pays", discounted(4000, 10))
`,
  'prices.py': `def discounted(cents, percent):
    saved = cents * percent // 100
    return cents - saved
`,
  '.vscode/launch.json': `{
  // By hand.
  "version": "0.2.0",
  "configurations": [{ "name": "There", "type": "remora", "request": "launch", "program": "\${workspaceFolder}/app.py" }]
}
`,
};

story('one key leads to a breakpoint over there', { files: FILES }, async (stage) => {
  const { bench, debug } = stage;
  await bench.open('prices.py');
  await debug.breakAt(2);
  await debug.start();
  await debug.stopped(2);
  await debug.variable('cents', 4000);
  await debug.variable('percent', 10);
  await debug.inCallStack('discounted').waitFor();
  await debug.inCallStack('app.py').waitFor();
  await bench.statusSays('debugging');
  await debug.stepOver();
  await debug.stopped(3);
  await debug.variable('saved', 400);
  await stage.shot('launch');
  await debug.goOn();
  await debug.ended();
  await debug.consoleShows('pays 3600');
  await bench.statusSays('box: in sync');
});
