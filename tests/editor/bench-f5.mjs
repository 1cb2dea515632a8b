/**
 * Owns `npm run bench -- f5`: how long from the key to the first stop, warm, over loopback SSH, through
 * Remora and by hand, in the same editor and with the same debugger. Prints; never fails on a time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Debugging } from './debugging.mjs';
import { Editor, Window } from './editor.mjs';
import { Project } from './project.mjs';
import { Remote } from './remote.mjs';
import { target } from './story.mjs';
import { Workbench } from './workbench.mjs';

const RUNS = Number(process.env.RUNS ?? 15);
const PATIENCE_MS = 60_000;
/** Often enough not to matter in the figures, seldom enough to leave the processor to debugpy. */
const LOOK_AGAIN_MS = 5;

const APP = `price = 40
total = price + 2
print("total is", total)
`;
const BREAKPOINT = 2;

const logs = await mkdtemp(join(tmpdir(), 'remora-bench-'));
const remote = await Remote.start('--forwarding');
const editor = await Editor.start(process.env.REMORA_STORIES_VSIX);
const seats = [];
try {
  const ours = await seat('ours', () => ({ type: 'remora', request: 'launch', program: '${workspaceFolder}/app.py' }));
  await ours.bench.statusSays('box: in sync');
  await byRemora(ours);
  // The debugger that Remora has brought there by now serves both.
  const [port, remotePort] = [await freePort(), await freePort()];
  const hand = await seat('by hand', (project) => ({
    type: 'remora', request: 'attach', connect: { host: '127.0.0.1', port },
    pathMappings: [{ localRoot: '${workspaceFolder}', remoteRoot: project.there }],
  }));
  await hand.bench.statusSays('box: in sync');
  const debuggerThere = await findDebugger(remote.is.home);
  const typed = [
    '-F', remote.is.sshConfig, '-L', `127.0.0.1:${port}:127.0.0.1:${remotePort}`, remote.is.host,
    `cd ${hand.project.there} && PYTHONPATH=${debuggerThere} exec python3 -Xfrozen_modules=off -m debugpy --listen ${remotePort} --wait-for-client app.py`,
  ];
  await byHand(hand, typed, remotePort);
  const times = { ours: [], hand: [], attach: [] };
  for (let run = 0; run < RUNS; run += 1) {
    // In turns, so that what else the machine does meets both alike.
    times.ours.push(await byRemora(ours));
    const { all, attach } = await byHand(hand, typed, remotePort);
    times.hand.push(all);
    times.attach.push(attach);
  }
  print(times);
} finally {
  for (const { window, project } of seats) {
    await window.close();
    await project.remove();
  }
  await editor.stop();
  await remote.end();
  await rm(logs, { recursive: true, force: true });
}

/** A window with the program open, a breakpoint set, and one entry in launch.json. */
async function seat(name, entry) {
  const project = await Project.make({ 'app.py': APP });
  await project.settings({ 'remora.targets': [target({ project, remote })] });
  const configurations = [{ name, ...entry(project) }];
  await project.write('.vscode/launch.json', JSON.stringify({ version: '0.2.0', configurations }, null, 2));
  const window = await Window.open(editor.address, project.here, { patience: PATIENCE_MS, consoleLog: join(logs, `${name}.log`) });
  const bench = new Workbench(window.page);
  const debug = new Debugging(bench);
  seats.push({ window, project });
  await bench.open('app.py');
  await debug.breakAt(BREAKPOINT);
  return { project, page: window.page, bench, debug };
}

/** Milliseconds from the key to the stop. */
async function byRemora(seat) {
  const ms = await fromKeyToStop(seat);
  await finish(seat);
  return ms;
}

/** Milliseconds from the command in a terminal to the stop, the key pressed at once when debugpy listens. */
async function byHand(seat, typed, remotePort) {
  const start = performance.now();
  const ssh = spawn('ssh', typed, { stdio: ['ignore', 'ignore', 'ignore'] });
  const ended = once(ssh, 'exit');
  await listens(remotePort);
  const listening = performance.now() - start;
  const attach = await fromKeyToStop(seat);
  await finish(seat);
  await ended;
  return { all: listening + attach, attach };
}

/** Measured by the page itself: from the key's event to the mark of the line at which the program stands. */
async function fromKeyToStop({ page }) {
  await page.evaluate(() => {
    window.remoraStopped = new Promise((resolve) => {
      let pressed;
      window.addEventListener('keydown', ({ key }) => { if (key === 'F5') pressed ??= performance.now(); }, { capture: true });
      const seen = new MutationObserver(() => {
        if (!document.querySelector('.codicon-debug-stackframe')) return;
        seen.disconnect();
        resolve(performance.now() - pressed);
      });
      seen.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['class'] });
    });
  });
  await page.keyboard.press('F5');
  return page.evaluate(() => window.remoraStopped);
}

async function finish({ debug }) {
  await debug.stopped(BREAKPOINT);
  await debug.goOn();
  await debug.ended();
  await debug.page.locator('.codicon-debug-stackframe').first().waitFor({ state: 'detached' });
}

/**
 * debugpy does not say when it listens, and a connection only to see whether it does would be taken for the
 * client. The kernel's table tells; nobody at a terminal would notice it as soon.
 */
async function listens(port) {
  const address = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const isListening = (line) => line.trim().split(/\s+/)[1]?.endsWith(address) && line.trim().split(/\s+/)[3] === '0A';
  while (!(await readFile('/proc/net/tcp', 'utf8')).split('\n').some(isListening)) await pause(LOOK_AGAIN_MS);
}

async function findDebugger(home) {
  const cache = join(home, '.cache/remora');
  return join(cache, (await readdir(cache)).find((name) => name.startsWith('debugpy-')));
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function print({ ours, hand, attach }) {
  const row = (name, runs) => console.log(`${name.padEnd(52)} ${median(runs).toFixed(0).padStart(9)} ${ninth(runs).toFixed(0).padStart(9)}`);
  console.log(`\n${RUNS} starts each, in turns, over loopback SSH, everything warm\n`);
  console.log(`${''.padEnd(52)} ${'median ms'.padStart(9)} ${'p90 ms'.padStart(9)}`);
  row('F5 in the editor', ours);
  row('by hand: ssh -L with debugpy --listen, then attach', hand);
  row('  of which the attach in the editor', attach);
  console.log(`\nF5 takes ${(median(ours) / median(hand)).toFixed(2)} times as long as by hand.`);
}

function median(runs) {
  const sorted = runs.toSorted((one, other) => one - other);
  return (sorted[Math.floor((runs.length - 1) / 2)] + sorted[Math.ceil((runs.length - 1) / 2)]) / 2;
}

/** What nine in ten did not exceed. */
function ninth(runs) {
  return runs.toSorted((one, other) => one - other)[Math.ceil(runs.length * 0.9) - 1];
}
