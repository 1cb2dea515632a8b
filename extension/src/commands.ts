/** Owns the commands of the palette: each asks the sidecar and shows what it answers. */
import * as vscode from 'vscode';

import type { Sidecar } from './client';
import { attach } from './debug';
import * as protocol from './protocol';

export function register(sidecar: Sidecar): vscode.Disposable {
  const sessions = new Sessions();
  const commands: Record<string, () => Promise<void> | void> = {
    'remora.connect': async () => {
      await sidecar.request(protocol.connect, {});
    },
    'remora.mirror': () => mirrorEverything(sidecar),
    'remora.debugFile': () => debugFile(sidecar, sessions),
    'remora.stop': () => stop(sidecar, sessions),
    'remora.writeLaunchJson': () => writeLaunchJson(sidecar),
    'remora.showLog': () => {
      sidecar.log.show();
    },
  };
  const registered = Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, run));
  return vscode.Disposable.from(...registered);
}

/** The debug sessions that the sidecar started and was not told to stop. */
class Sessions {
  readonly started: number[] = [];
}

async function mirrorEverything(sidecar: Sidecar): Promise<void> {
  const done = await sidecar.request(protocol.mirror, {});
  if (done) vscode.window.setStatusBarMessage(`Remora mirrored ${done.files} files in ${done.ms} ms`, SHOWN_MS);
}

/** Long enough to be read, short enough not to look like a state. */
const SHOWN_MS = 5000;

async function debugFile(sidecar: Sidecar, sessions: Sessions): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.uri.scheme !== 'file') {
    void vscode.window.showInformationMessage('Open the Python file to debug first.');
    return;
  }
  await document.save();
  const started = await sidecar.request(protocol.debugStart, { file: document.uri.fsPath });
  if (!started) return;
  sessions.started.push(started.session);
  await attach(vscode.workspace.getWorkspaceFolder(document.uri), started.configuration);
}

async function stop(sidecar: Sidecar, sessions: Sessions): Promise<void> {
  for (const session of sessions.started.splice(0)) await sidecar.request(protocol.debugStop, { session });
}

/** Through an edit in the editor, so that undo works and what is not saved yet is kept. */
async function writeLaunchJson(sidecar: Sidecar): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (!folder) {
    void vscode.window.showInformationMessage('Open a folder first: launch.json belongs to one.');
    return;
  }
  const uri = vscode.Uri.joinPath(folder.uri, '.vscode', 'launch.json');
  const before = await textOf(uri);
  const edited = await sidecar.request(protocol.launchJson, { text: before?.getText() ?? '' });
  if (!edited) return;
  const edit = new vscode.WorkspaceEdit();
  if (before) edit.replace(uri, whole(before), edited.text);
  else edit.createFile(uri, { contents: Buffer.from(edited.text) });
  await vscode.workspace.applyEdit(edit);
  await vscode.window.showTextDocument(uri);
}

async function textOf(uri: vscode.Uri): Promise<vscode.TextDocument | undefined> {
  const there = await vscode.workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );
  return there ? vscode.workspace.openTextDocument(uri) : undefined;
}

function whole(document: vscode.TextDocument): vscode.Range {
  return new vscode.Range(document.positionAt(0), document.positionAt(document.getText().length));
}
