/**
 * Owns how the scripts run a program: in the checkout, with its output shown, its failure a sentence.
 * Never uses a shell, never retries.
 */
import { spawn, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of the checkout. */
export const TOP = fileURLToPath(new URL('..', import.meta.url));

/** A failure that is said as one sentence, without a stack. */
export class Failure extends Error {}

/**
 * Runs a program to its end; fails with a sentence unless it ends with 0. Standard input is shared only
 * on request; `cwd` is relative to the top.
 */
export async function run(argv, { cwd = '', env = {}, stdin = 'ignore' } = {}) {
  const status = await runForStatus(argv, { cwd, env, stdin });
  if (status !== 0) throw new Failure(`\`${argv.join(' ')}\` ended with ${status}`);
}

/** Runs a program to its end and gives its exit status, 128 + n for a signal as in a shell. */
export function runForStatus(argv, { cwd = '', env = {}, stdin = 'ignore' } = {}) {
  const [program, ...args] = onThisSystem(argv);
  const child = spawn(program, args, { cwd: resolve(TOP, cwd), env: { ...process.env, ...env }, stdio: [stdin, 'inherit', 'inherit'] });
  return new Promise((settle, reject) => {
    child.on('error', (error) => reject(new Failure(cannotStart(argv[0], error))));
    child.on('exit', (code, signal) => settle(code ?? 128 + (SIGNALS[signal] ?? 0)));
  });
}

/** What a program prints on standard output, trimmed, or null when it is not there or fails. */
export function output(argv, { env = {} } = {}) {
  const [program, ...args] = onThisSystem(argv);
  const ended = spawnSync(program, args, { cwd: TOP, env: { ...process.env, ...env }, encoding: 'utf8' });
  return ended.error || ended.status !== 0 ? null : ended.stdout.trim();
}

/** Runs `main`, and turns a Failure into a sentence and an exit status of 1. */
export async function saying(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** npm is a script on Windows and can't be started by name there; the npm that runs us says where it is. */
function onThisSystem(argv) {
  const npm = process.env.npm_execpath;
  return argv[0] === 'npm' && npm ? [process.execPath, npm, ...argv.slice(1)] : argv;
}

function cannotStart(program, error) {
  return error.code === 'ENOENT' ? `${program} is not installed, or not on the PATH` : `can't start ${program}: ${error.message}`;
}
