/** Owns the story of a program that starts another one. */
import { story } from '../story.mjs';

const FILES = {
  'app.py': `import subprocess
import sys

print("child ended with", subprocess.run([sys.executable, "worker.py", "21"]).returncode)
`,
  'worker.py': `import sys

number = int(sys.argv[1])
print("twice is", 2 * number)
`,
  '.vscode/launch.json': `{
  "version": "0.2.0",
  "configurations": [
    { "name": "Parent", "type": "remora", "request": "launch", "program": "\${workspaceFolder}/app.py", "cwd": "\${workspaceFolder}" },
  ],
}
`,
};

story('a child process is a session of its own, and its breakpoint is hit', { files: FILES }, async (stage) => {
  const { bench, debug } = stage;
  await bench.open('worker.py');
  await debug.breakAt(4);
  await debug.start();
  await debug.stopped(4);
  await debug.variable('number', 21);
  await debug.inCallStack('Parent').first().waitFor();
  await debug.inCallStack(/Subprocess/).first().waitFor();
  await debug.inCallStack('worker.py').first().waitFor();
  await stage.shot('child');
  await debug.goOn();
  await debug.ended();
  await debug.consoleShows('child ended with 0');
});
