/** Owns the story of a sidecar that is killed while it works. */
import assert from 'node:assert/strict';
import { readdir, readlink } from 'node:fs/promises';

import { story } from '../story.mjs';

const FILES = { 'app.py': 'price = 40\ntotal = price + 2\n' };
const ADDED = '# Written after the end.\n';

/** The sidecar of a project works in its folder. */
async function sidecarOf({ here }) {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const at = (what) => readlink(`/proc/${pid}/${what}`).catch(() => '');
    if ((await at('cwd')) === here && (await at('exe')).endsWith('/bin/remora')) return Number(pid);
  }
  return undefined;
}

story('a sidecar that is killed comes back, and so does the mirror', { files: FILES }, async (stage) => {
  const { bench, debug, project } = stage;
  await bench.open('app.py');
  await debug.breakAt(2);
  await bench.statusSays('box: in sync');
  await debug.start();
  await debug.stopped(2);
  const killed = await sidecarOf(project);
  assert.ok(killed, 'the sidecar runs');
  process.kill(killed, 'SIGKILL');
  await debug.ended();
  await bench.statusSays('box: in sync');
  assert.notEqual(await sidecarOf(project), killed);

  await bench.insert(1, ADDED);
  await bench.save();
  await stage.untilThere('app.py', ADDED + FILES['app.py']);
  await stage.shot('killed');
});
