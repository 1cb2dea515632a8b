/**
 * Owns a remote: a real sshd of the testkit behind a cable, with a login of its own. Never the
 * machine's own server; all of it ends with this process.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const TOP = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = resolve(TOP, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/remora-remote');

/** A remote that is there. What is said about it (`host`, `user`, `password`, `sshConfig`, `home`…) is in `is`. */
export class Remote {
  #process;
  #lines;

  constructor(process, lines, is) {
    this.#process = process;
    this.#lines = lines;
    this.is = is;
  }

  /** `args` are those of `remora-remote`. */
  static async start(...args) {
    // In a group of its own, so that Ctrl-C reaches it as the end of its input and it can put things away.
    const child = spawn(PROGRAM, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return new Remote(child, lines, await next(lines));
  }

  /** Every connection is reset and new ones are refused, until `heal`. */
  cut = () => this.#order('cut');
  heal = () => this.#order('heal');

  /** How many connections there were since it started. */
  connections = async () => (await this.#order('connections')).count;

  /** The processes and folders of ours that are still over there after a while. */
  async left() {
    const { processes, folders } = await this.#order('left');
    return [...processes, ...folders];
  }

  async end() {
    const ended = once(this.#process, 'exit');
    this.#process.stdin.end();
    await ended;
  }

  async #order(word) {
    this.#process.stdin.write(`${word}\n`);
    const answer = await next(this.#lines);
    if (answer.done !== word) throw new Error(`the remote does not know "${word}"`);
    return answer;
  }
}

async function next(lines) {
  const { value, done } = await lines.next();
  if (done) throw new Error('the remote ended; `cargo build --bin remora-remote` builds it');
  return JSON.parse(value);
}
