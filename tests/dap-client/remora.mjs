/**
 * Owns a running `remora … --json`: its events, one JSON object a line, and its end. Knows nothing of
 * debug adapters.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const TOP = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = resolve(TOP, process.env.CARGO_TARGET_DIR ?? 'target', 'debug', process.platform === 'win32' ? 'remora.exe' : 'remora');

/** A `remora` that runs. */
export class Remora {
  /** Everything that it said so far. */
  events = [];
  #waiting = [];
  #process;
  #stderr = '';
  #exit;
  #ended;

  /** `home` stands for the login's home, so that nothing of a test stays in the real one; `cwd` is where it is typed. */
  constructor(args, { cwd, home }) {
    this.#process = spawn(PROGRAM, args, { cwd, env: { ...process.env, HOME: home }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process.stderr.setEncoding('utf8').on('data', (text) => (this.#stderr += text));
    const lines = createInterface({ input: this.#process.stdout });
    const last = once(lines, 'close');
    this.#exit = once(this.#process, 'exit');
    this.#ended = Promise.all([this.#exit, last]).then(([[code, signal]]) => ({ code, signal }));
    lines.on('line', (line) => this.#take(JSON.parse(line)));
    lines.on('close', () => this.#giveUp());
  }

  /** The first event of that name, now or when it comes. */
  event(name) {
    const known = this.events.find((event) => event.event === name);
    if (known) return Promise.resolve(known);
    return new Promise((resolve, reject) => this.#waiting.push({ name, resolve, reject }));
  }

  /** What the program wrote on `stream`, so far. */
  output(stream) {
    const parts = this.events.filter((event) => event.event === 'output' && event.stream === stream);
    return parts.map((event) => event.data).join('');
  }

  /** How `remora` itself ended, after its last event: `{ code, signal }`. */
  ended() {
    return this.#ended;
  }

  /** Ends `remora` if it still runs. */
  async stop() {
    this.#process.kill('SIGTERM');
    await this.#exit;
    // Whoever inherited the pipes does not keep the test.
    this.#process.stdout.destroy();
    this.#process.stderr.destroy();
  }

  #take(event) {
    this.events.push(event);
    this.#settle((waiting) => waiting.name === event.event, (waiting) => waiting.resolve(event));
  }

  #giveUp() {
    const said = `${JSON.stringify(this.events, null, 1)}\n${this.#stderr}`;
    this.#settle(() => true, (waiting) => waiting.reject(new Error(`remora ended without "${waiting.name}":\n${said}`)));
  }

  #settle(matches, how) {
    const settled = this.#waiting.filter(matches);
    this.#waiting = this.#waiting.filter((waiting) => !matches(waiting));
    settled.forEach(how);
  }
}
