/** Owns the story of a password that is wrong at first. */
import { story } from '../story.mjs';

const FILES = { 'app.py': 'print(42)\n' };

story('a wrong password is asked for again, the right one lets in', { files: FILES, remote: ['--password'] }, async (stage) => {
  const { bench, remote, project } = stage;
  await bench.fillIn(`Password of ${remote.is.user}`, 'not this one');
  await bench.question('That was not right; try 2 of 3.').waitFor();
  await stage.shot('password');
  await bench.fillIn('That was not right; try 2 of 3.', remote.is.password);
  await bench.statusSays('box: in sync');
  await stage.untilThere('app.py', FILES['app.py']);
  // Nothing of it is in a file of the workspace.
  if ((await project.read('.vscode/settings.json')).includes(remote.is.password)) throw new Error('the password is in the settings');
});
