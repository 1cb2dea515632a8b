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

/** A row of the list of folders: one that is chosen with it, one to look into, or the way to type one. */
type Row = vscode.QuickPickItem & ({ chosen: string } | { inside: string } | { typed: true });

/** Goes up and down the remote's folders until one is chosen or typed. */
async function chooseFolder(sidecar: Sidecar, { home, remoteRoot }: protocol.SetupOpenResult): Promise<string | undefined> {
  const options = { title: 'Add Target (2 of 3): the folder that mirrors this one', ignoreFocusOut: true };
  const choose = (path: string): Row => ({ label: '$(check) Use this folder', description: path, chosen: path });
  let present = remoteRoot;
  let rows: Row[] = [
    { ...choose(remoteRoot), detail: 'It is made if it is not there yet.' },
    { label: '$(folder-opened) Browse…', inside: home },
    { label: '$(edit) Type a path…', typed: true },
  ];
  for (;;) {
    const row = await vscode.window.showQuickPick(rows, { ...options, placeHolder: present });
    if (!row) return undefined;
    if ('chosen' in row) return row.chosen;
    const validateInput = (path: string): string | undefined => (/^[/~]/.test(path) ? undefined : 'Write it as /path/to/folder or ~/folder.');
    const typed = 'typed' in row ? await vscode.window.showInputBox({ ...options, value: present, validateInput }) : undefined;
    if (typed) return typed;
    const shown = 'inside' in row ? await sidecar.request(protocol.browse, { path: row.inside }) : undefined;
    // A folder that can't be looked into has been told of; the list is still there to choose from.
    if (shown) [present, rows] = [shown.path, [choose(shown.path), ...around(shown)]];
  }
}

function around({ path, folders }: protocol.SetupBrowseResult): Row[] {
  const top = path.replace(/\/$/, '');
  const inner = folders.map((name) => ({ label: `$(folder) ${name}`, inside: `${top}/${name}` }));
  return [{ label: '$(arrow-up) ..', inside: top.replace(/\/[^/]*$/, '') || '/' }, ...inner];
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
export async function editTarget({ folder }: Sidecar): Promise<unknown> {
  const where = vscode.workspace.getConfiguration('remora', folder.uri).inspect('targets');
  if (!where?.workspaceFolderValue) return vscode.commands.executeCommand(`workbench.action.${where?.workspaceValue ? 'openWorkspaceSettingsFile' : 'openSettingsJson'}`, { revealSetting: { key: 'remora.targets' } });
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, '.vscode', 'settings.json'));
  const at = document.positionAt(document.getText().indexOf('"remora.targets"'));
  return vscode.window.showTextDocument(document, { selection: new vscode.Range(at, at) });
}
