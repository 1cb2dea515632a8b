/**
 * Owns a run of the stories: one editor for all of them, two stories at a time, and what is left of it
 * in out/. `npm test -- NAME…` tells only the stories of those files.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Editor, keepLogs } from './editor.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = join(HERE, 'out');
const DIST = join(HERE, '../../dist');

/** Each has a browser of its own, which keeps a processor busy while it loads. */
const AT_A_TIME = 2;

await rm(OUT, { recursive: true, force: true });
await mkdir(join(OUT, 'shots'), { recursive: true });
const vsix = process.env.REMORA_STORIES_VSIX ?? (await builtBefore());
const editor = await Editor.start(vsix);
try {
  process.exitCode = await tell(await chosen(process.argv.slice(2)), { REMORA_STORIES_EDITOR: JSON.stringify(editor.address), REMORA_STORIES_VSIX: vsix });
  if (process.exitCode !== 0) await keepLogs(editor.profile, join(OUT, 'editor'));
} finally {
  await editor.stop();
}

async function tell(stories, env) {
  // A story whose time is over may still wait for something; it must not keep the run.
  const args = ['--test', '--test-reporter=spec', '--test-force-exit', `--test-concurrency=${AT_A_TIME}`, ...stories];
  const told = spawn(process.execPath, args, { cwd: HERE, env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'] });
  // Whoever ends the run ends the stories; the editor is put away as after any run.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => told.kill());
  const [code] = await once(told, 'exit');
  return code ?? 1;
}

async function chosen(names) {
  const all = (await readdir(join(HERE, 'stories'))).filter((name) => name.endsWith('.test.mjs'));
  const files = names.length === 0 ? all : all.filter((file) => names.some((name) => file.startsWith(name)));
  if (files.length === 0) throw new Error(`there are no stories ${names.join(', ')}; there are ${all.join(', ')}`);
  return files.map((file) => join('stories', file));
}

/** Outside of `npm test` at the top, the last .vsix of the dev profile. */
async function builtBefore() {
  const found = (await readdir(DIST).catch(() => [])).find((name) => name.endsWith('-dev.vsix'));
  if (!found) throw new Error('there is no .vsix yet: `npm run package -- --profile dev` at the top makes one');
  return join(DIST, found);
}
