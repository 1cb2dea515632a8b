/** Owns the way to a target: where, which folder, which interpreter, and the first mirror. The remote is the sidecar's to ask. */
import * as vscode from 'vscode';

import type { Sidecar } from './client';
import { targets } from './folders';
import { patiently } from './progress';
import * as protocol from './protocol';

type Choice<T> = vscode.QuickPickItem & { value: T };

/** Each step may be left with Escape; nothing is written before the last one. */
export async function addTarget(sidecar: Sidecar): Promise<void> {
  const place = await choosePlace(sidecar);
  if (!place) return;
  let name: string;
  try {
    const opened = await patiently(sidecar, `Connecting to ${place.label}`, (token) => sidecar.request(protocol.open, { target: place.target }, token));
    const remoteRoot = opened && (await chooseFolder(sidecar, opened));
    if (remoteRoot === undefined) return;
    const python = await chooseInterpreter(sidecar, remoteRoot);
    if (python === undefined) return;
    name = await write(sidecar, { ...place.target, remoteRoot, ...(python === '' ? {} : { python }) });
  } finally {
    await sidecar.quietly(protocol.close, {});
  }
  await firstMirror(sidecar, name);
}

const ICONS: Record<string, string> = { ssh: 'remote', docker: 'package', kubernetes: 'layers', local: 'device-desktop' };

async function choosePlace(sidecar: Sidecar): Promise<Pick<protocol.Candidate, 'label' | 'target'> | undefined> {
  const found = sidecar.request(protocol.candidates, {}).then((result): Choice<protocol.Candidate | undefined>[] => [
    ...(result?.candidates ?? []).map((value) => ({ label: `$(${ICONS[value.kind] ?? 'server'}) ${value.label}`, description: value.detail, value })),
    { label: '$(edit) Another host…', description: 'user@host, or user@host:port', value: undefined },
  ]);
  const chosen = await vscode.window.showQuickPick(found, { title: 'Add Target (1 of 3): where do your programs run?', ignoreFocusOut: true, matchOnDescription: true });
  if (!chosen || chosen.value) return chosen?.value;
  const host = await vscode.window.showInputBox({ title: 'Add Target (1 of 3)', prompt: 'The host, as after `ssh`: user@host', ignoreFocusOut: true });
  return host ? { label: host, target: { name: host, host } } : undefined;
}

/** Goes up and down the remote's folders until one is chosen; a path may be typed as well. */
async function chooseFolder(sidecar: Sidecar, { home, remoteRoot }: protocol.SetupOpenResult): Promise<string | undefined> {
  const suggestion: Choice<string> = { label: '$(check) Use this folder', description: remoteRoot, detail: 'It is made if it is not there yet.', value: remoteRoot };
  let chosen = await pickFolder([suggestion, { label: '$(folder-opened) Browse…', value: '' }], remoteRoot);
  for (let path = home; chosen && !chosen.label.startsWith('$(check)'); path = chosen.value) {
    const shown = await sidecar.request(protocol.browse, { path: chosen.value || path });
    if (!shown) return undefined;
    const at = (name: string): string => `${shown.path.replace(/\/$/, '')}/${name}`;
    chosen = await pickFolder([
      { label: '$(check) Use this folder', description: shown.path, value: shown.path },
      { label: '$(arrow-up) ..', value: shown.path.replace(/\/[^/]*$/, '') || '/' },
      ...shown.folders.map((name) => ({ label: `$(folder) ${name}`, value: at(name) })),
    ], shown.path);
    if (!chosen) return undefined;
  }
  return chosen?.value;
}

function pickFolder(items: Choice<string>[], path: string): Thenable<Choice<string> | undefined> {
  return vscode.window.showQuickPick(items, { title: 'Add Target (2 of 3): the folder that mirrors this one', placeHolder: path, ignoreFocusOut: true });
}

/** Empty: the sidecar looks for one at each start. */
async function chooseInterpreter(sidecar: Sidecar, root: string): Promise<string | undefined> {
  const found = sidecar.request(protocol.interpreters, { root }).then((result): Choice<string>[] => [
    ...(result?.interpreters ?? []).map(({ path, label, version }) => ({ label: `$(symbol-misc) ${label} (${version})`, description: path, value: path })),
    { label: '$(search) Let Remora look for one at each start', value: '' },
  ]);
  const chosen = await vscode.window.showQuickPick(found, { title: 'Add Target (3 of 3): which Python runs them?', ignoreFocusOut: true, matchOnDescription: true });
  return chosen?.value;
}

async function write(sidecar: Sidecar, target: Record<string, unknown>): Promise<string> {
  const known = targets(sidecar.folder.uri);
  const names = new Set(known.map(({ name }) => name));
  let name = String(target['name']);
  for (let number = 2; names.has(name); number += 1) name = `${String(target['name'])} ${number}`;
  const settings = vscode.workspace.getConfiguration('remora', sidecar.folder.uri);
  await settings.update('targets', [...known, { ...target, name }], vscode.ConfigurationTarget.WorkspaceFolder);
  if (known.length > 0) await use(sidecar, name);
  return name;
}

async function use(sidecar: Sidecar, name: string): Promise<void> {
  await vscode.workspace.getConfiguration('remora', sidecar.folder.uri).update('target', name, vscode.ConfigurationTarget.WorkspaceFolder);
}

/** What the doctor finds wrong is said; then everything goes over, and one key is left to press. */
async function firstMirror(sidecar: Sidecar, target: string): Promise<void> {
  const examined = await patiently(sidecar, 'Looking the target over', (token) => sidecar.request(protocol.doctor, { target }, token));
  const ill = examined?.checks.find(({ ok }) => !ok);
  if (ill) void vscode.window.showWarningMessage(`${ill.name}: ${ill.detail} ${ill.hint ?? ''}`);
  const done = await patiently(sidecar, 'Mirroring', (token) => sidecar.request(protocol.mirror, { target }, token));
  if (!done) return;
  const debug = 'Debug This File';
  const told = `${target} is ready, with ${done.files} files. Open a Python file, set a breakpoint and press F5.`;
  if ((await vscode.window.showInformationMessage(told, debug)) === debug) await vscode.commands.executeCommand('remora.debugFile');
}

export async function selectTarget(sidecar: Sidecar): Promise<void> {
  const names = targets(sidecar.folder.uri).map(({ name }) => String(name));
  const name = await vscode.window.showQuickPick(names, { title: 'Which target?', placeHolder: sidecar.status?.target ?? '' });
  if (name === undefined) return;
  await use(sidecar, name);
  await sidecar.quietly(protocol.mirror, { target: name });
}

/** In the settings, where its entry stands. */
export async function editTarget({ folder }: Sidecar): Promise<void> {
  const where = vscode.workspace.getConfiguration('remora', folder.uri).inspect('targets');
  if (!where?.workspaceFolderValue) {
    await vscode.commands.executeCommand(`workbench.action.${where?.workspaceValue ? 'openWorkspaceSettingsFile' : 'openSettingsJson'}`, { revealSetting: { key: 'remora.targets' } });
    return;
  }
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, '.vscode', 'settings.json'));
  const at = document.positionAt(document.getText().indexOf('"remora.targets"'));
  await vscode.window.showTextDocument(document, { selection: new vscode.Range(at, at) });
}
