/** Owns the story of the walkthrough of somebody who has a folder and a target already. */
import { story } from '../story.mjs';

const FILES = { 'app.py': 'price = 40\n' };

story('the walkthrough knows what is done already, and what happens while one looks at it', { files: FILES }, async (stage) => {
  const { bench, page } = stage;
  const done = (title) => page.locator('.getting-started-step', { hasText: title }).locator('.codicon-getting-started-step-checked').waitFor();
  await bench.statusSays('box: in sync');
  await bench.run('Welcome: Open Walkthrough...');
  await page.locator('.quick-input-widget:visible .monaco-list-row', { hasText: 'Debug Python that runs elsewhere' }).click();
  await done('Open the folder of your program');
  await done('Add a target');
  await page.locator('.getting-started-step', { hasText: 'Edit, save, restart' }).click();
  await page.getByRole('button', { name: 'What Next?' }).click();
  await bench.offered('Remora', 'Run Doctor');
  await bench.press('Escape');
  await done('Edit, save, restart');
  await stage.shot('walkthrough');
});
