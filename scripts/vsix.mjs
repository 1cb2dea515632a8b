/**
 * Owns the making of a .vsix: which files are in it, for which platform, and how large it may be. The
 * files are copied together first, so that what is not named here can't get in. Never publishes.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { cargo } from './cargo.mjs';
import { Failure, TOP, output, run } from './command.mjs';

/** The extension, and what it loads when its first sidecar starts. */
const BUNDLES = ['dist/extension.js', 'dist/languageclient.js'];

/** What issue and marketplace allow: the .vsix of a release in bytes, and the bundles in it together. */
const MOST = { vsix: 15_000_000, bundle: 400_000 };

const PROFILES = {
  release: { cargo: ['--release'], folder: 'release', mark: '' },
  /** The one that `npm test` builds anyway. */
  dev: { cargo: [], folder: 'debug', mark: '-dev' },
};

const EXE = process.platform === 'win32' ? '.exe' : '';

/** Builds everything and gives the path of the .vsix. */
export async function makeVsix(profile) {
  if (!Object.hasOwn(PROFILES, profile)) {
    throw new Failure(`there is no profile ${profile}; the profiles are ${Object.keys(PROFILES).join(' and ')}`);
  }
  await cargo(['build', ...PROFILES[profile].cargo, '--bin', 'remora']);
  for (const cwd of ['extension', 'packaging']) await installPackages(cwd);
  await run(['npm', 'run', '--silent', 'bundle'], { cwd: 'extension' });
  const folder = stage(PROFILES[profile]);
  const vsix = await pack(folder, PROFILES[profile].mark);
  const sizes = { vsix: statSync(vsix).size, bundle: BUNDLES.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0) };
  console.log(`${vsix}\n  ${megabytes(sizes.vsix)}, of which the extension's own bundles ${kilobytes(sizes.bundle)} before compression`);
  // What the development build lacks in speed it has in size.
  keepWithin(profile === 'release' ? sizes : { bundle: sizes.bundle });
  return vsix;
}

/** The npm packages of a folder, unless they are there; `npm test` has a step of its own for all. */
export async function installPackages(cwd) {
  if (!existsSync(join(TOP, cwd, 'node_modules'))) await run(['npm', 'ci', '--no-audit', '--no-fund'], { cwd });
}

/** Copies what belongs into the .vsix into a folder of its own. */
function stage({ folder: built, mark }) {
  const target = resolve(TOP, process.env.CARGO_TARGET_DIR ?? 'target');
  const folder = join(target, `vsix${mark}`);
  rmSync(folder, { recursive: true, force: true });
  const put = (from, to) => {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    cpSync(from, join(folder, to), { recursive: true });
  };
  for (const name of ['README.md', 'docs', 'CHANGELOG.md', 'LICENSE']) put(join(TOP, name), name);
  put(join(TOP, 'extension/media'), 'media');
  for (const name of BUNDLES) put(join(TOP, 'extension', name), name);
  putProgram(join(target, built, `remora${EXE}`), join(folder, 'bin', `remora${EXE}`));
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest(), null, 2));
  // Says that nothing of this folder is to stay out, which is what it is for.
  writeFileSync(join(folder, '.vscodeignore'), '');
  return folder;
}

/** Without what only a development build has in it: symbols make it three times as large. */
function putProgram(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  if (output(['strip', '-o', to, from]) === null) copyFileSync(from, to);
}

/** The manifest as the editor needs it: nothing of how it was built. */
function manifest() {
  const { scripts: _scripts, dependencies: _bundled, devDependencies: _tools, private: _private, ...rest } = readManifest();
  return rest;
}

const readManifest = () => JSON.parse(readFileSync(join(TOP, 'extension/package.json'), 'utf8'));

async function pack(folder, mark) {
  const { name, version } = readManifest();
  const vsix = join(TOP, 'dist', `${name}-${version}-${platform()}${mark}.vsix`);
  mkdirSync(dirname(vsix), { recursive: true });
  const vsce = join(TOP, 'packaging/node_modules/@vscode/vsce/vsce');
  const args = ['package', '--target', platform(), '--out', vsix, '--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links'];
  await run([process.execPath, vsce, ...args], { cwd: folder });
  return vsix;
}

/** As the editor calls a machine; this one, unless told otherwise. */
export function platform({ platform, arch } = process) {
  return `${platform}-${arch === 'arm' ? 'armhf' : arch}`;
}

/** Fails with a sentence for everything that is larger than it may be. */
export function keepWithin(sizes) {
  const over = Object.keys(sizes).filter((what) => sizes[what] > MOST[what]);
  if (over.length > 0) throw new Failure(over.map((what) => `The ${what} has ${sizes[what]} bytes; ${MOST[what]} is the most.`).join('\n'));
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const kilobytes = (bytes) => `${Math.round(bytes / 1e3)} kB`;
