/** Owns the story of a file that somebody else has changed over there. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { story } from '../story.mjs';

const FILES = { 'app.py': 'print(42)\n' };
const RESOLVE = 'Remora: Resolve What Diverged or Failed…';

story('what somebody else changed is left alone until one has chosen', { files: FILES }, async (stage) => {
  const { bench, page, project } = stage;
  const there = join(project.there, 'app.py');
  await bench.open('app.py');
  await bench.statusSays('box: in sync');
  await writeFile(there, '# Theirs.\n');
  await bench.insert(1, '# Mine.\n');
  await bench.save();
  await bench.statusSays('box: 1 diverged');
  await page.locator('.explorer-folders-view [aria-label$="Changed on the remote by somebody else"]', { hasText: 'app.py' }).waitFor();
  assert.equal(await project.readThere('app.py'), '# Theirs.\n');

  await bench.run(RESOLVE);
  await bench.pick('Which file?', 'app.py');
  await bench.pick('Keep Mine', 'Compare');
  await page.locator('.diff-editor, .monaco-diff-editor').locator('.editor.original .view-line', { hasText: '# Theirs.' }).waitFor();
  await page.locator('.monaco-diff-editor .editor.modified .view-line', { hasText: '# Mine.' }).waitFor();
  await stage.shot('diverged');

  await bench.run(RESOLVE);
  await bench.pick('Which file?', 'app.py');
  await bench.pick('Keep Mine', 'Keep Mine');
  await stage.untilThere('app.py', '# Mine.\nprint(42)\n');
  await bench.statusSays('box: in sync');

  await writeFile(there, '# Theirs again.\n');
  await bench.open('app.py');
  await bench.insert(1, '# More.\n');
  await bench.save();
  await bench.statusSays('box: 1 diverged');
  await bench.run('Remora: Take the Remote Copy');
  await bench.answerDialog('Replace app.py here', 'Take the Remote Copy');
  await bench.shows('# Theirs again.');
  await bench.statusSays('box: in sync');
  await bench.undo();
  await bench.shows('# More.');
  await bench.save();
  await stage.untilThere('app.py', '# More.\n# Mine.\nprint(42)\n');

  // What was overwritten when the user chose "Keep Mine" is not lost.
  await bench.run('Remora: Restore From the Trash…');
  await bench.pick('Restore which file?', 'app.py');
  await bench.answerDialog('Restore app.py here', 'Restore');
  await bench.shows('# Theirs.');
  await stage.untilThere('app.py', '# Theirs.\n');
});
