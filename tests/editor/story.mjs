/**
 * Owns the stage of a story: a project, a remote, a window onto the project, and what has to be true
 * after every story. A story that fails leaves a picture and the logs in out/. Knows no story.
 */
import assert from 'node:assert/strict';
import { on } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Debugging } from './debugging.mjs';
import { Editor, Window, keepLogs } from './editor.mjs';
import { Project } from './project.mjs';
import { Remote } from './remote.mjs';
import { Workbench } from './workbench.mjs';

const OUT = join(dirname(fileURLToPath(import.meta.url)), 'out');

/** A story takes a quarter of a minute; a machine under load is given the rest. */
const PATIENCE = { timeout: 180_000 };

/** For one thing to be seen in the window. Connecting, or a debugger's start, is the longest of them. */
const ONE_THING_MS = 60_000;

/**
 * Tells one story. `files` make the project; `remote` are the arguments of the remote; `settings` gets the
 * stage and gives the workspace's settings, by default one target `box`; `prepare` comes before the window;
 * `opens` is a file beside the project to open in its place, a .code-workspace; `editor` are options for an editor of its own, for a story that the shared one would not do for.
 */
export function story(name, { files, remote = [], settings = usualSettings, prepare, opens = '', editor }, tell) {
  test(name, PATIENCE, async (t) => {
    const stage = new Stage(slug(name));
    t.after(() => stage.clear());
    try {
      await stage.set({ files, remote, settings, prepare, opens, editor });
      await tell(stage);
    } catch (error) {
      // What the story failed of is worth more than what it left.
      await stage.keepEvidence(error).catch((lost) => console.error(`nothing to look at is left: ${lost.message}`));
      throw error;
    }
    await stage.leave();
  });
}

/** One target over SSH, and the project's folder over there. */
export function usualSettings({ project, remote }) {
  return { 'remora.targets': [target({ project, remote })] };
}

export function target({ project, remote }) {
  return { name: 'box', host: remote.is.host, sshConfig: remote.is.sshConfig, remoteRoot: project.there };
}

/** The editor that run.mjs started for all stories. */
function shared() {
  return JSON.parse(given('REMORA_STORIES_EDITOR'));
}

function given(name) {
  assert.ok(process.env[name], 'start the stories with `npm test`, which starts an editor for them');
  return process.env[name];
}

class Stage {
  #name;
  /** Of this story alone, or none. */
  #ownEditor;
  /** Where the story takes place. */
  #address;
  #window;

  constructor(name) {
    this.#name = name;
  }

  async set({ files, remote, settings, prepare, opens, editor }) {
    await mkdir(this.#own(), { recursive: true });
    this.project = await Project.make(files);
    this.remote = await Remote.start(...remote);
    await this.project.settings(settings(this));
    await prepare?.(this);
    if (editor) this.#ownEditor = await Editor.start(given('REMORA_STORIES_VSIX'), typeof editor === 'function' ? await editor(this) : editor);
    this.#address = this.#ownEditor?.address ?? shared();
    this.#window = await Window.open(this.#address, join(this.project.here, opens), { patience: ONE_THING_MS, consoleLog: join(this.#own(), 'console.log') });
    this.page = this.#window.page;
    this.bench = new Workbench(this.page);
    this.debug = new Debugging(this.bench);
  }

  /** The user's own side of the editor: settings, logs, what extensions store. */
  get profile() {
    return this.#address.profile;
  }

  /** Closes the window and opens it again, with the same browser. */
  reopen = () => this.#window.reopen();

  /** A picture for the README and for whoever looks at a run. */
  shot(name) {
    return this.page.screenshot({ path: join(OUT, 'shots', `${name}.png`) });
  }

  /** Waits until the remote copy of a file is as told. */
  async untilThere(name, expected) {
    const look = async () => (await this.project.readThere(name)) === expected;
    // The watch begins before the first look, so that nothing falls between them. (The watch of
    // node:fs/promises begins only when it is first asked for a change, which is after that look.)
    const watcher = watch(dirname(join(this.project.there, name)));
    const changes = on(watcher, 'change', { signal: AbortSignal.timeout(ONE_THING_MS) });
    try {
      if (await look()) return;
      for await (const _ of changes) if (await look()) return;
    } catch (error) {
      throw new Error(`${name} is not as expected over there:\n${await this.project.readThere(name)}`, { cause: error });
    } finally {
      watcher.close();
    }
  }

  /** The end of a good story: the window goes, and nothing of ours stays over there or went elsewhere. */
  async leave() {
    await this.#window.close();
    assert.deepEqual(await this.remote.left(), [], 'nothing is left on the remote');
    assert.deepEqual(this.#window.outside, [], 'nothing was asked of another machine');
  }

  async keepEvidence(error) {
    await writeFile(join(this.#own(), 'error.txt'), String(error.stack));
    if (this.#address) await keepLogs(this.#address.profile, this.#own());
    await this.page?.screenshot({ path: join(this.#own(), 'failed.png') });
    // Where only the output of a run is kept, this is all there is to look at.
    if (this.bench) console.error(`"${this.#name}" failed with in the window:\n${await this.bench.inSight()}`);
  }

  async clear() {
    await this.#window?.browser.close();
    await this.#ownEditor?.stop();
    await this.remote?.end();
    await this.project?.remove();
  }

  #own = () => join(OUT, this.#name);
}

const slug = (name) => name.replace(/\W+/g, '-').toLowerCase();
