/**
 * Owns what `npm test` consists of: the steps, in order, as data. How they are run and reported is
 * test.mjs's business.
 */
import { cargo } from './cargo.mjs';
import { Failure, run } from './command.mjs';
import { installEditor } from './editor.mjs';
import { isDebian, isRoot, missingTestPackages, needTools, pythons } from './machine.mjs';
import { makeVsix } from './vsix.mjs';

/** Folders with an npm lockfile. */
const NODE_PACKAGES = ['extension', 'packaging', 'tests/dap-client', 'tests/editor'];

export const STEPS = [
  { name: 'tools', does: 'cargo and python3 are here', run: () => needTools('cargo', 'python3') },
  { name: 'system', does: 'sshd, other shells, a browser and a compiler are here', run: systemPackages },
  { name: 'pythons', does: 'the Python interpreters that are here', run: namePythons },
  { name: 'packages', does: 'npm ci where there is a lockfile', run: nodePackages },
  { name: 'rustfmt', does: 'Rust is formatted', run: () => run(['cargo', 'fmt', '--all', '--check']) },
  { name: 'typescript', does: 'TypeScript has no errors', run: () => inExtension('typecheck') },
  { name: 'eslint', does: 'TypeScript keeps the rules', run: () => inExtension('lint') },
  { name: 'extension', does: 'the extension bundles, and its unit tests', run: extension },
  { name: 'scripts', does: 'unit tests of what the scripts decide', run: scripts },
  { name: 'clippy', does: 'Rust has no warnings', run: () => cargo(['clippy', '--workspace', '--all-targets', '--', '-D', 'warnings']) },
  { name: 'rust', does: 'all Rust tests', run: () => cargo(['test', '--workspace', '--no-fail-fast']) },
  { name: 'build', does: 'the remora program', run: () => cargo(['build', '--bin', 'remora']) },
  { name: 'dap-client', does: 'a debug adapter client that is not ours', run: () => run(['npm', 'test'], { cwd: 'tests/dap-client' }) },
  { name: 'editor', does: 'a real VS Code, in the user\'s cache', run: installEditor },
  { name: 'stories', does: 'the packaged extension in that VS Code, with a real sshd', run: stories },
];

async function systemPackages() {
  const missing = missingTestPackages();
  if (missing.length === 0) return;
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  if (!isDebian()) throw new Failure(`the tests need these programs' packages (named as in Debian): ${missing.join(', ')}. Install them.`);
  if (!isRoot()) throw new Failure(`the tests need ${missing.join(', ')}. Install with:\n  sudo apt-get update && sudo ${install.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run(['apt-get', 'update'], { env });
  await run(install, { env });
}

function namePythons() {
  const all = pythons();
  for (const { version, path } of all) console.log(`  Python ${version.padEnd(4)}  ${path ?? 'MISSING: its tests are left out'}`);
  const missing = all.filter(({ path }) => path === null).map(({ version }) => version);
  if (missing.length > 0) console.log(`  missing interpreters: ${missing.join(', ')} (pyenv install VERSION adds one)`);
  if (missing.length === all.length) throw new Failure('no Python from 2.7 to 3.13 is here; the tests need one at least');
}

async function nodePackages() {
  for (const cwd of NODE_PACKAGES) await run(['npm', 'ci', '--no-audit', '--no-fund'], { cwd });
}

async function extension() {
  await inExtension('bundle');
  await inExtension('test');
}

async function scripts() {
  await run([process.execPath, '--test', '--test-reporter=spec', 'scripts/bench.test.mjs', 'scripts/lock.test.mjs', 'scripts/vsix.test.mjs']);
}

async function stories() {
  const vsix = await makeVsix('dev');
  await cargo(['build', '--bin', 'remora-remote']);
  await run(['npm', 'test'], { cwd: 'tests/editor', env: { REMORA_STORIES_VSIX: vsix } });
}

const inExtension = (script) => run(['npm', 'run', '--silent', script], { cwd: 'extension' });
