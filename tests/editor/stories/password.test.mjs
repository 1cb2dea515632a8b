/** Owns the story of a password that is wrong at first, and then remembered. */
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { story } from '../story.mjs';

const FILES = { 'app.py': 'print(42)\n' };

story('a wrong password is asked for again, the right one is remembered', { files: FILES, remote: ['--password'] }, async (stage) => {
  const { bench, remote, project, page } = stage;
  await bench.fillIn(`Password of ${remote.is.user}`, 'not this one');
  await bench.question('That was not right; try 2 of 3.').waitFor();
  await stage.shot('password');
  await page.getByRole('button', { name: 'Remember it in the secret store' }).click();
  await bench.fillIn('That was not right; try 2 of 3.', remote.is.password);
  await bench.statusSays('box: in sync');
  await stage.untilThere('app.py', FILES['app.py']);

  await stage.reopen();
  await bench.statusSays('box: in sync');
  assert.deepEqual(await naming(remote.is.password, project.here, stage.profile), [], 'no file has the password in it');
});

/** The files below these folders in which a text stands. */
async function naming(text, ...folders) {
  const entries = await Promise.all(folders.map((folder) => readdir(folder, { recursive: true, withFileTypes: true })));
  const files = entries.flat().filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const named = [];
  // A file of the running editor may be gone by now; what is not there names nothing.
  for (const file of files) if ((await readFile(file).catch(() => Buffer.alloc(0))).includes(text)) named.push(file);
  return named;
}
