/** Owns the story of a program that asks, and of the person who answers in its terminal. */
import { story } from '../story.mjs';

const FILES = {
  'app.py': `name = input("Your name? ")
print("Good day,", name.upper())
`,
  '.vscode/launch.json': `{
  "version": "0.2.0",
  "configurations": [
    { "name": "Asks", "type": "remora", "request": "launch", "program": "\${workspaceFolder}/app.py", "console": "integratedTerminal" }
  ]
}
`,
};

story('a program that asks is answered in its terminal', { files: FILES }, async (stage) => {
  const { bench, debug } = stage;
  await bench.open('app.py');
  await debug.breakAt(2);
  await debug.start();
  await bench.terminalShows('Your name?');
  await bench.typeIntoTerminal('remora\n');
  await debug.stopped(2);
  await debug.variable('name', "'remora'");
  await debug.goOn();
  await debug.ended();
  await bench.terminalShows('Good day, REMORA');
  await bench.terminalShows('The program ended with 0. Press a key to close.');
  await stage.shot('input');
});
