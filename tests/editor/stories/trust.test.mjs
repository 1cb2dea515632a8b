/** Owns the story of a folder whose authors are not trusted. */
import assert from 'node:assert/strict';

import { story } from '../story.mjs';

const FILES = { 'app.py': 'print(42)\n' };

story('nothing is contacted until the folder is trusted', { files: FILES, editor: { trust: true } }, async (stage) => {
  const { bench, remote } = stage;
  await stage.page.locator('[id="status.workspaceTrust"]').waitFor();
  await bench.open('app.py');
  assert.equal(await bench.status.count(), 0);
  assert.equal(await remote.connections(), 0);
  await stage.shot('untrusted');

  await bench.run('Workspaces: Manage Workspace Trust');
  await stage.page.getByRole('button', { name: 'Trust', exact: true }).first().click();
  await bench.statusSays('box: in sync');
  assert.ok((await remote.connections()) > 0);
});
