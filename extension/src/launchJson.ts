/** Owns the way of an attach configuration into launch.json. Its text is the sidecar's. */
import * as vscode from 'vscode';

import type { Sidecar } from './client';
import * as protocol from './protocol';

/** Other extensions that bring a debug type for Python; the sidecar chooses by their versions. */
const PYTHON_DEBUGGERS = ['ms-python.debugpy', 'ms-python.python'];

/** Through an edit in the editor, so that undo works and what is not saved yet is kept. */
export async function writeLaunchJson(sidecar: Sidecar): Promise<void> {
  const uri = vscode.Uri.joinPath(sidecar.folder.uri, '.vscode', 'launch.json');
  const before = await vscode.workspace.openTextDocument(uri).then((document) => document, () => undefined);
  const edited = await sidecar.request(protocol.launchJson, { text: before?.getText() ?? '', extensions: installed() });
  if (!edited) return;
  const edit = new vscode.WorkspaceEdit();
  // Ends after the last line, wherever that is.
  if (before) edit.replace(uri, new vscode.Range(0, 0, before.lineCount, 0), edited.text);
  else edit.createFile(uri, { contents: Buffer.from(edited.text) });
  await vscode.workspace.applyEdit(edit);
  await vscode.window.showTextDocument(uri);
}

function installed(): Record<string, string> {
  const found = PYTHON_DEBUGGERS.map((id) => [id, vscode.extensions.getExtension<unknown>(id)?.packageJSON as { version: string } | undefined] as const);
  return Object.fromEntries(found.flatMap(([id, manifest]) => (manifest ? [[id, manifest.version]] : [])));
}
