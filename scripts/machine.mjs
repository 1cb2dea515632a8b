/**
 * Owns what the scripts need of the machine: which tools are there, which Python interpreters, which
 * Debian packages are missing. Installs nothing by itself.
 */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

import { Failure, output } from './command.mjs';

/** The interpreters that the product is tried with. */
export const PYTHON_VERSIONS = ['2.7', '3.6', '3.7', '3.8', '3.9', '3.10', '3.11', '3.12', '3.13'];

/** The programs and files that the tests use, and the Debian package that has each. */
const NEEDED = [
  { program: 'sshd', package: 'openssh-server' },
  { program: 'ssh', package: 'openssh-client' },
  { program: 'rsync', package: 'rsync' },
  { program: 'sudo', package: 'sudo' },
  // `module load`.
  { file: '/etc/profile.d/modules.sh', package: 'environment-modules' },
  { program: 'tcsh', package: 'tcsh' },
  { program: 'fish', package: 'fish' },
  { program: 'zsh', package: 'zsh' },
  // The browser of the stories, and something to write in it with.
  { program: 'chromium', package: 'chromium' },
  { file: '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf', package: 'fonts-dejavu-core' },
  // What the native modules of the stories' editor are compiled with.
  { program: 'g++', package: 'g++' },
  { program: 'make', package: 'make' },
  { program: 'pkg-config', package: 'pkg-config' },
  { program: 'krb5-config', package: 'libkrb5-dev' },
];

const TOOLS = {
  cargo: { ask: ['cargo', '--version'], advice: 'install Rust 1.88 or later from https://rustup.rs' },
  python3: { ask: ['python3', '--version'], advice: 'install Python 3.6 or later (Debian: apt-get install python3)' },
};

/** Fails with one sentence for everything that is missing. */
export function needTools(...names) {
  const missing = names.filter((name) => output(TOOLS[name].ask) === null);
  if (missing.length > 0) {
    throw new Failure(missing.map((name) => `${name} does not run here: ${TOOLS[name].advice}.`).join('\n'));
  }
}

/** The Debian packages that have what is not here; elsewhere than on Debian, a file may be at another place. */
export function missingTestPackages() {
  const isHere = ({ program, file }) => (program ? find(program) !== null : existsSync(file) || !isDebian());
  return NEEDED.filter((entry) => !isHere(entry)).map((entry) => entry.package);
}

export const isDebian = () => existsSync('/etc/debian_version') && find('apt-get') !== null;
export const isRoot = () => process.getuid?.() === 0;

/** Where each of PYTHON_VERSIONS is: `[{ version, path }]`, path null when there is none. */
export function pythons() {
  const root = pyenvRoot();
  const installed = root === null ? [] : readdirSync(join(root, 'versions'));
  return PYTHON_VERSIONS.map((version) => {
    const ofPyenv = installed.find((name) => name.startsWith(`${version}.`));
    return { version, path: ofPyenv ? join(root, 'versions', ofPyenv, 'bin', 'python') : working(version) };
  });
}

/** The folder with pyenv's `versions`, or null; pyenv itself knows, also when HOME is another one. */
export function pyenvRoot() {
  const roots = [process.env.PYENV_ROOT, output(['pyenv', 'root']), join(homedir(), '.pyenv')];
  return roots.find((root) => root && existsSync(join(root, 'versions'))) ?? null;
}

/** pyenv puts a shim on the PATH for versions that are not in use, so being there is not enough. */
function working(version) {
  const name = `python${version}`;
  return output([name, '-c', 'import sys; sys.stdout.write(sys.executable)']) || null;
}

/** A program on the PATH, or where Debian keeps what only root's PATH has. */
function find(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}
