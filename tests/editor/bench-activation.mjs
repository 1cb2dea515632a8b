/**
 * Owns `npm run bench -- activation`: how long the editor says that activating the extension took, in window after
 * window of a project with one target. Prints; never fails on a time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Editor, Window } from './editor.mjs';
import { Project } from './project.mjs';
import { Workbench } from './workbench.mjs';

const RUNS = Number(process.env.RUNS ?? 9);
const PATIENCE_MS = 60_000;
/** What was asked for: nobody notices less. */
const GOAL_MS = 50;

const logs = await mkdtemp(join(tmpdir(), 'remora-bench-'));
const editor = await Editor.start(process.env.REMORA_STORIES_VSIX);
const project = await Project.make({ 'app.py': 'print(1)\n' });
// Named by a host that is nowhere: activating is measured, not connecting.
await project.settings({ 'remora.targets': [{ name: 'box', host: 'nowhere.invalid', remoteRoot: '/tmp/nowhere' }] });
try {
  const times = [];
  for (let run = 0; run < RUNS; run += 1) times.push(await activation(join(logs, `${run}.log`)));
  times.sort((one, other) => one - other);
  console.log(`activation, ms: least ${times[0]}, median ${times[Math.floor(times.length / 2)]}, most ${times.at(-1)} (n = ${RUNS}; goal ${GOAL_MS})`);
} finally {
  await project.remove();
  await editor.stop();
  await rm(logs, { recursive: true, force: true });
}

/** Milliseconds, as *Show Running Extensions* has them. */
async function activation(consoleLog) {
  const window = await Window.open(editor.address, project.here, { patience: PATIENCE_MS, consoleLog });
  try {
    await new Workbench(window.page).run('Developer: Show Running Extensions');
    const row = window.page.locator('.runtime-extensions-editor .monaco-list-row', { hasText: 'Remora' });
    const told = row.getByText(/Activation: \d+ms/);
    return Number(/Activation: (\d+)ms/.exec(await told.first().innerText())[1]);
  } finally {
    await window.close();
  }
}
