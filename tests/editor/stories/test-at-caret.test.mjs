/** Owns the story of a test that is debugged by itself: at the caret, and from the lens over it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { join } from 'node:path';

import { story, target } from '../story.mjs';

const FILES = {
  'test_cart.py': `class TestCart:
    def test_empty(self):
        items = 0
        assert items == 0

    def test_full(self):
        items = 3
        assert items == 3
`,
};

const packages = (project) => join(project.top, 'packages');

/** The pytest of whoever's Python it is over there. */
const settings = ({ project, remote }) => ({ 'remora.targets': [{ ...target({ project, remote }), env: { PYTHONPATH: packages(project) } }] });
const prepare = ({ project }) => promisify(execFile)('python3', ['-m', 'pip', 'install', '--quiet', '--target', packages(project), 'pytest==8.3.5']);

story('the test at the caret stops at its breakpoint, and so does the one under its lens', { files: FILES, settings, prepare }, async ({ bench, debug, page }) => {
  await bench.open('test_cart.py');
  await bench.statusSays('box: in sync');
  await debug.breakAt(4);
  await debug.breakAt(8);
  await bench.run('Remora: Debug Test');
  await debug.stopped(8);
  await debug.variable('items', 3);
  await debug.goOn();
  await debug.consoleShows('1 passed');
  await debug.ended();

  await page.locator('.codelens-decoration a', { hasText: 'Debug on box' }).nth(1).click();
  await debug.stopped(4);
  await debug.variable('items', 0);
  await bench.run('Remora: Stop');
  await debug.ended();
});
