/**
 * Owns `npm run bench -- activation`: how long the editor says that activating the extension took, in window after
 * window of a project with one target, beside an extension that does nothing. Prints; never fails on a time.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Editor, Window } from './editor.mjs';
import { Project } from './project.mjs';
import { Workbench } from './workbench.mjs';

const RUNS = Number(process.env.RUNS ?? 9);
const PATIENCE_MS = 60_000;
/** What was asked for: nobody notices less. */
const GOAL_MS = 50;
/** It does nothing, and is activated at the same moment. */
const IDLE = { name: 'idle', displayName: 'Idle', publisher: 'bench', version: '1.0.0', engines: { vscode: '^1.60.0' }, main: './extension.js', activationEvents: ['onStartupFinished'] };

const logs = await mkdtemp(join(tmpdir(), 'remora-bench-'));
const editor = await Editor.start(process.env.REMORA_STORIES_VSIX, { beside: [await idleExtension()] });
const project = await Project.make({ 'app.py': 'print(1)\n' });
// Named by a host that is nowhere: activating is measured, not connecting.
await project.settings({ 'remora.targets': [{ name: 'box', host: 'nowhere.invalid', remoteRoot: '/tmp/nowhere' }] });
try {
  const times = { Remora: [], Idle: [] };
  for (let run = 0; run < RUNS; run += 1) {
    const told = await activations(join(logs, `${run}.log`), Object.keys(times));
    for (const [name, time] of Object.entries(told)) times[name].push(time);
  }
  const more = times.Remora.map((time, run) => time - times.Idle[run]);
  console.log(`activation of Remora, ms: ${figures(times.Remora)} (n = ${RUNS}; goal ${GOAL_MS})`);
  console.log(`of an extension that does nothing: ${figures(times.Idle)}; Remora's more than that in the same window: ${figures(more)}`);
} finally {
  await project.remove();
  await editor.stop();
  await rm(logs, { recursive: true, force: true });
}

function figures(times) {
  const sorted = times.toSorted((one, other) => one - other);
  return `least ${sorted[0]}, median ${sorted[Math.floor(sorted.length / 2)]}, most ${sorted.at(-1)}`;
}

/** A .vsix is an archive with a folder in it. */
async function idleExtension() {
  const folder = join(logs, 'extension');
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), JSON.stringify(IDLE));
  await writeFile(join(folder, 'extension.js'), 'exports.activate = () => undefined;\n');
  await promisify(execFile)('python3', ['-m', 'zipfile', '-c', 'idle.vsix', 'extension/'], { cwd: logs });
  return join(logs, 'idle.vsix');
}

/** Milliseconds, as *Show Running Extensions* has them. */
async function activations(consoleLog, names) {
  const window = await Window.open(editor.address, project.here, { patience: PATIENCE_MS, consoleLog });
  try {
    // The list draws only the rows that are in view, the slowest extension first.
    await window.page.setViewportSize({ width: 1200, height: 4000 });
    await new Workbench(window.page).run('Developer: Show Running Extensions');
    const times = {};
    for (const name of names) {
      const row = window.page.locator('.runtime-extensions-editor .monaco-list-row', { hasText: name });
      const told = row.getByText(/Activation: \d+ms/);
      times[name] = Number(/Activation: (\d+)ms/.exec(await told.first().innerText())[1]);
    }
    return times;
  } finally {
    await window.close();
  }
}
