/** Owns the story of a connection that is cut while a program waits at a breakpoint. */
import { story } from '../story.mjs';

const FILES = {
  'app.py': `price = 40
total = price + 2
print("total is", total)
`,
  '.vscode/launch.json': `{
  "version": "0.2.0",
  "configurations": [{ "name": "There", "type": "remora", "request": "launch", "program": "\${workspaceFolder}/app.py" }]
}
`,
};

story('after a cut one click leads back to the breakpoint', { files: FILES }, async (stage) => {
  const { bench, debug, remote } = stage;
  await bench.open('app.py');
  await debug.breakAt(2);
  await debug.start();
  await debug.stopped(2);
  await remote.cut();
  const told = bench.notification('The connection to box was lost');
  await told.waitFor();
  await stage.shot('cut');
  await debug.ended();
  await remote.heal();
  await bench.answer(told, 'Restart Here');
  await debug.stopped(2);
  await debug.variable('price', 40);
  await stage.shot('cut-healed');
  await debug.goOn();
  await debug.ended();
  await bench.statusSays('box: in sync');
});
