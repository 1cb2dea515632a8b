/**
 * Owns a running editor: a profile of its own in a temporary folder, the server with the packaged
 * extension, and browser windows onto it. Nothing of it reaches another machine, the user's home
 * or another profile. Knows nothing of what is done in a window.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, rmSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { chromium } from 'playwright-core';

import { editor } from '../../scripts/editor.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));

/** The window of every story, large enough for a screenshot that shows something. */
const VIEWPORT = { width: 1400, height: 900 };

/** How long the server keeps what belongs to a window that went without a word. */
const GRACE_SECONDS = '5';

/** What the browser must not do on its own account. */
const BROWSER_ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
];

/** A server, its profile, and how to stop both. */
export class Editor {
  #server;
  #ended;

  constructor(profile, port, server, ended) {
    this.profile = profile;
    this.port = port;
    this.#server = server;
    this.#ended = ended;
    process.once('exit', this.#abandon);
  }

  /**
   * Installs the extension into a new profile and starts the server on it. `trust` asks for trust in folders, as
   * a desktop does; `sshConfig` is the text of the user's own ssh_config; `beside` are further extensions.
   */
  static async start(vsix, { trust = false, sshConfig = '', beside = [] } = {}) {
    const profile = await makeProfile(trust);
    await becomeUserOfSsh(profile, sshConfig);
    for (const each of [vsix, ...beside]) {
      await promisify(execFile)(editor().node, [...program(profile), '--install-extension', each, '--force'], { env: environment(profile) });
    }
    const port = await freePort();
    const args = [
      '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-telemetry', '--disable-update-check', '--disable-getting-started-override',
      '--ignore-last-opened', '--reconnection-grace-time', GRACE_SECONDS, ...(trust ? [] : ['--disable-workspace-trust']),
    ];
    const server = spawn(editor().node, [...program(profile), ...args], { env: environment(profile), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const ended = once(server, 'exit');
    await listening(server, ended, join(profile, 'server.log'));
    return new Editor(profile, port, server, ended);
  }

  /** Ends the server and all that it started, and removes the profile. */
  async stop() {
    process.off('exit', this.#abandon);
    process.kill(-this.#server.pid, 'SIGTERM');
    await this.#ended;
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The same for a process that has no time left, such as after Ctrl-C. */
  #abandon = () => {
    process.kill(-this.#server.pid, 'SIGKILL');
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  };

  /** What somebody in another process needs to open windows. */
  get address() {
    return { port: this.port, profile: this.profile };
  }
}

/** A browser of its own, onto one folder or workspace of a server; `outside` lists what it asked of other machines. */
export class Window {
  outside = [];

  constructor(browser, page, url) {
    this.browser = browser;
    this.page = page;
    this.url = url;
  }

  /** `patience` is for each thing that is waited for, in milliseconds; what the page logs goes to a file. */
  static async open({ port, profile }, folder, { patience, consoleLog }) {
    const browser = await chromium.launch({ executablePath: find('chromium', 'chromium-browser', 'google-chrome'), headless: true, env: { ...process.env, HOME: profile }, args: BROWSER_ARGS });
    try {
      const context = await browser.newContext({ viewport: VIEWPORT });
      context.setDefaultTimeout(patience);
      const kind = folder.endsWith('.code-workspace') ? 'workspace' : 'folder';
      const window = new Window(browser, await context.newPage(), `http://127.0.0.1:${port}/?${kind}=${encodeURIComponent(folder)}`);
      window.#listen(consoleLog);
      await window.#load();
      return window;
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** Leaves it and opens it again; the browser keeps what it stored. */
  async reopen() {
    await this.page.goto('about:blank');
    await this.#load();
  }

  async #load() {
    await this.page.goto(this.url);
    // The editor's own mark; before it, no command, key or breakpoint of an extension is known.
    await this.page.waitForFunction((mark) => performance.getEntriesByName(mark).length > 0, 'code/didLoadExtensions');
  }

  /** Leaves the page as a person does who closes the tab, so that the server lets go of what belongs to it. */
  async close() {
    await this.page.goto('about:blank');
    await this.browser.close();
  }

  #listen(consoleLog) {
    const log = createWriteStream(consoleLog);
    this.page.on('console', (message) => log.write(`[${message.type()}] ${message.text()}\n`));
    this.page.on('pageerror', (error) => log.write(`[pageerror] ${error}\n`));
    this.page.on('request', (request) => this.#look(request.url()));
    this.page.on('websocket', (socket) => this.#look(socket.url()));
  }

  #look(url) {
    const { protocol, hostname } = new URL(url);
    if (/^(https?|wss?):$/.test(protocol) && hostname !== '127.0.0.1') this.outside.push(url);
  }
}

async function makeProfile(trust) {
  // A short name: paths of Unix sockets below it have little more than a hundred characters.
  const profile = await mkdtemp(join(tmpdir(), 'remora-ed-'));
  for (const folder of ['user/User', 'extensions', 'run', 'bin', '.ssh']) await mkdir(join(profile, folder), { recursive: true, mode: 0o700 });
  const settings = JSON.parse(await readFile(join(HERE, 'settings.json'), 'utf8'));
  // In a browser, this machine is what the editor calls the remote; the extension is one for the user's own side.
  const more = { 'security.workspace.trust.enabled': trust, 'remote.extensionKind': { 'remora.remora': ['workspace'] } };
  await writeFile(join(profile, 'user/User/settings.json'), JSON.stringify({ ...settings, ...more }, null, 2));
  await writeFile(join(profile, 'config.yaml'), 'auth: none\n');
  return profile;
}

function program(profile) {
  const { entry } = editor();
  return [entry, '--config', join(profile, 'config.yaml'), '--user-data-dir', join(profile, 'user'), '--extensions-dir', join(profile, 'extensions')];
}

/** OpenSSH asks the system for the home folder and not HOME, so this user's `ssh` is told where its configuration is. */
async function becomeUserOfSsh(profile, sshConfig) {
  const config = join(profile, '.ssh/config');
  await writeFile(config, sshConfig);
  await writeFile(join(profile, 'bin/ssh'), `#!/bin/sh\nexec ${find('ssh')} -F ${config} "$@"\n`, { mode: 0o755 });
}

/** A person of their own: what is theirs is below the profile. */
function environment(profile) {
  const folders = { HOME: '', XDG_CONFIG_HOME: 'config', XDG_DATA_HOME: 'data', XDG_CACHE_HOME: 'cache', XDG_STATE_HOME: 'state', XDG_RUNTIME_DIR: 'run' };
  const own = Object.fromEntries(Object.entries(folders).map(([name, folder]) => [name, join(profile, folder)]));
  const path = [join(profile, 'bin'), process.env.PATH].join(delimiter);
  // No marketplace at all, nobody's SSH agent, and no login shell that would set all of this anew.
  return { ...process.env, ...own, PATH: path, EXTENSIONS_GALLERY: '{}', SSH_AUTH_SOCK: undefined, VSCODE_CLI: '1' };
}

function freePort() {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Keeps the server's log, and waits for its own word that it listens. */
async function listening(server, ended, file) {
  const log = createWriteStream(file);
  server.stderr.pipe(log, { end: false });
  const ready = new Promise((resolve) => {
    createInterface({ input: server.stdout }).on('line', (line) => {
      log.write(`${line}\n`);
      if (/HTTP server listening on/.test(line)) resolve(true);
    });
  });
  if ((await Promise.race([ready, ended])) !== true) throw new Error(`the editor's server ended:\n${await readFile(file, 'utf8')}`);
}

/** The first of these programs on the PATH. */
function find(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const path = folders.flatMap((folder) => names.map((name) => join(folder, name))).find((each) => existsSync(each));
  if (!path) throw new Error(`there is no ${names[0]} on the PATH; \`npm test -- --only system\` installs it, or says how`);
  return path;
}

/** Keeps the logs of server and extensions before the profile goes. */
export async function keepLogs(profile, folder) {
  await mkdir(folder, { recursive: true });
  await cp(join(profile, 'server.log'), join(folder, 'server.log'));
  const logs = join(profile, 'user/logs');
  if (existsSync(logs)) await cp(logs, join(folder, 'logs'), { recursive: true });
}
