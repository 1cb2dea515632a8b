/** Owns what one does with a file that differs over there: see it, compare, take it, keep one's own, ask why. */
import * as path from 'node:path';

import * as vscode from 'vscode';

import type { Sidecar } from './client';
import type { Folders } from './folders';
import * as protocol from './protocol';

const SCHEME = 'remora';

/** Documents `remora:/path` show what the remote holds under that local path. */
export function register(folders: Folders): vscode.Disposable {
  const provideTextDocumentContent = async (uri: vscode.Uri): Promise<string> => {
    const file = vscode.Uri.file(uri.path);
    const remote = await folders.of(file)?.request(protocol.remoteFile, { file: file.fsPath });
    return Buffer.from(remote?.content ?? '', 'base64').toString();
  };
  return vscode.workspace.registerTextDocumentContentProvider(SCHEME, { provideTextDocumentContent });
}

export async function compare(sidecar: Sidecar, file: vscode.Uri): Promise<void> {
  // A document is asked for once; what is there now is another one.
  const remote = file.with({ scheme: SCHEME, query: String(Date.now()) });
  const title = `${path.basename(file.fsPath)} (${sidecar.status?.target ?? 'remote'} ↔ here)`;
  await vscode.commands.executeCommand('vscode.diff', remote, file, title);
}

/** Whether the user lets a file here be replaced. The editor shows it first, so that its undo brings the present text back. */
async function mayReplace(file: vscode.Uri, asked: string, yes: string): Promise<boolean> {
  if ((await vscode.window.showWarningMessage(asked, { modal: true, detail: 'Undo in its editor brings your text back.' }, yes)) !== yes) return false;
  const document = await vscode.workspace.openTextDocument(file).then((text) => text, () => undefined);
  if (document) {
    await vscode.window.showTextDocument(document);
    if (document.isDirty) await document.save();
  }
  return true;
}

export async function takeRemote(sidecar: Sidecar, file: vscode.Uri): Promise<void> {
  const asked = `Replace ${path.basename(file.fsPath)} here by the copy on ${sidecar.status?.target ?? 'the remote'}?`;
  if (await mayReplace(file, asked, 'Take the Remote Copy')) await sidecar.request(protocol.takeRemote, { file: file.fsPath });
}

/** Brings back what was replaced or removed over there; the mirror takes it there again. */
export async function restore(sidecar: Sidecar): Promise<void> {
  const kept = sidecar.request(protocol.trash, {}).then((result) => result?.kept.map((one) => ({ label: one.path, description: `${new Date(one.time).toLocaleString()}, ${one.size}`, one })) ?? []);
  const chosen = await vscode.window.showQuickPick(kept, { title: 'Restore which file?', placeHolder: 'As it was before it was replaced or removed over there' });
  if (!chosen) return;
  const { one: { path: name, time }, description } = chosen;
  const file = vscode.Uri.joinPath(sidecar.folder.uri, name);
  if (await mayReplace(file, `Restore ${name} here as it was until ${description}?`, 'Restore')) await sidecar.request(protocol.restore, { path: name, time, overwrite: true });
}

/** Asks why; the answer is a sentence. */
export async function explain<P>(sidecar: Sidecar, why: protocol.RequestType<P, { sentence: string }, protocol.Fault>, about: P): Promise<void> {
  const answer = await sidecar.request(why, about);
  if (answer) void vscode.window.showInformationMessage(answer.sentence);
}

/** Leads through the files that diverged or failed. */
export async function resolve(sidecar: Sidecar): Promise<unknown> {
  const { diverged = [], failed = [] } = sidecar.status ?? {};
  const items = [
    ...diverged.map((file) => ({ label: file, description: 'changed over there by somebody else', file, diverged: true })),
    ...failed.map(({ path: file, reason }) => ({ label: file, description: reason, file, diverged: false })),
  ];
  const chosen = await vscode.window.showQuickPick(items, { title: 'Which file?', placeHolder: 'Files that are not on the remote as they are here' });
  if (!chosen) return undefined;
  if (!chosen.diverged) return sidecar.request(protocol.mirror, {});
  const local = vscode.Uri.joinPath(sidecar.folder.uri, chosen.file);
  const ways = [
    { label: '$(diff) Compare', act: () => compare(sidecar, local) },
    { label: '$(cloud-upload) Keep Mine', detail: 'The remote copy is overwritten.', act: () => sidecar.request(protocol.mirror, { overwrite: true, paths: [chosen.file] }) },
    { label: '$(cloud-download) Take the Remote Copy', detail: 'The file here is replaced.', act: () => takeRemote(sidecar, local) },
  ];
  return (await vscode.window.showQuickPick(ways, { title: chosen.file }))?.act();
}
