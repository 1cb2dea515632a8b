/**
 * Owns a project folder here and the folder that mirrors it over there, both temporary. Knows neither
 * editor nor connection.
 */
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export class Project {
  constructor(top) {
    this.top = top;
    this.here = join(top, 'shop');
    this.there = join(top, 'there');
  }

  /** A project of these files: `{ 'app.py': text }`. */
  static async make(files) {
    const project = new Project(await realpath(await mkdtemp(join(tmpdir(), 'remora-story-'))));
    await mkdir(project.here);
    // The login over there may be another account.
    await chmod(project.top, 0o777);
    for (const [name, text] of Object.entries(files)) await project.write(name, text);
    return project;
  }

  async write(name, text) {
    const path = join(this.here, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  /** The settings of the workspace. */
  settings(settings) {
    return this.write('.vscode/settings.json', `${JSON.stringify(settings, null, 2)}\n`);
  }

  read = (name) => readFile(join(this.here, name), 'utf8');

  /** The text over there, or null. */
  readThere = (name) => readFile(join(this.there, name), 'utf8').catch(() => null);

  remove = () => rm(this.top, { recursive: true, force: true });
}
