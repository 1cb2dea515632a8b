/** Owns the commands of the palette and the menus: each asks the sidecar and shows what it answers. */
import * as path from 'node:path';

import * as vscode from 'vscode';

import type { Sidecar } from './client';
import { launch } from './debug';
import { compare, explain, resolve, restore, takeRemote } from './files';
import { targets, type Folders } from './folders';
import { writeLaunchJson } from './launchJson';
import { patiently } from './progress';
import * as protocol from './protocol';
import { addTarget, editTarget, selectTarget } from './target';
import type { Terminals } from './terminal';

type Command = (sidecar: Sidecar, uri: vscode.Uri | undefined, test: string | undefined, line: number | undefined) => unknown;

export function register(folders: Folders, terminals: Terminals, memory: vscode.Memento): vscode.Disposable {
  const commands: Record<string, Command> = {
    'remora.actions': offer,
    'remora.connect': (sidecar) => sidecar.request(protocol.connect, {}),
    'remora.debugFile': (sidecar, uri) => debugFile(sidecar, uri, {}),
    'remora.debugArguments': (sidecar, uri) => debugArguments(sidecar, uri, memory),
    // The editor knows the caret's line, and the sidecar the test around it.
    'remora.debugTest': (sidecar, uri, test) => launch(sidecar.folder, test ?? 'Test', { pytest: uri && test ? `${uri.fsPath}::${test}` : '${file}:${lineNumber}' }),
    'remora.debugModule': (sidecar) => debugModule(sidecar, memory),
    'remora.restart': async () => vscode.commands.executeCommand('workbench.action.debug.restart'),
    'remora.stop': stop,
    'remora.attach': attachToRunning,
    'remora.attachProcess': (sidecar) => launch(sidecar.folder, 'Remote process', { request: 'attach', processId: '${command:remora.pickProcess}' }),
    'remora.pickProcess': pickProcess,
    'remora.mirror': mirrorEverything,
    'remora.pause': (sidecar) => sidecar.request(protocol.pause, {}),
    'remora.resume': (sidecar) => sidecar.request(protocol.resume, {}),
    'remora.resolve': resolve,
    'remora.restore': restore,
    'remora.removeHeld': (sidecar) => sidecar.request(protocol.mirror, { word: 'remove' }),
    'remora.keepHeld': (sidecar) => sidecar.request(protocol.mirror, { word: 'keep' }),
    'remora.sendLarge': (sidecar) => sidecar.request(protocol.mirror, { word: 'send' }),
    'remora.leaveLarge': (sidecar) => sidecar.request(protocol.mirror, { word: 'leave' }),
    'remora.selectTarget': selectTarget,
    'remora.addTarget': addTarget,
    'remora.editTarget': editTarget,
    'remora.writeLaunchJson': writeLaunchJson,
    'remora.compare': (sidecar, uri) => withFile(uri, (file) => compare(sidecar, file)),
    'remora.takeRemote': (sidecar, uri) => withFile(uri, (file) => takeRemote(sidecar, file)),
    'remora.explain': (sidecar, uri) => withFile(uri, (file) => explain(sidecar, protocol.explain, { file: file.fsPath })),
    'remora.breakpoint': (sidecar, uri, _, line) => withFile(uri, (file, caret) => explain(sidecar, protocol.breakpoint, { file: file.fsPath, line: line ?? caret })),
    'remora.openTerminal': (sidecar) => terminals.open(sidecar),
    'remora.doctor': runDoctor,
    'remora.showLog': ({ around }) => { around.log.show(); },
  };
  const registered = Object.entries(commands).map(([name, run]) =>
    // The menu of line numbers names a line of a file, others a file or something else.
    vscode.commands.registerCommand(name, async (on?: vscode.Uri | { uri?: vscode.Uri; lineNumber?: number }, test?: string) => {
      const [file, line] = on instanceof vscode.Uri ? [on] : [on?.uri, on?.lineNumber];
      const sidecar = folders.of(file) ?? folders.of();
      if (sidecar) return run(sidecar, file, test, line);
      return vscode.window.showInformationMessage('Open a folder first: Remora mirrors folders, not single files.');
    }),
  );
  return vscode.Disposable.from(...registered);
}

/** What one can do now, from the status button. */
async function offer({ status }: Sidecar): Promise<void> {
  const chosen = await vscode.window.showQuickPick(status?.panel.actions ?? [], { title: 'Remora', placeHolder: status?.message ?? 'What next?' });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}

async function withFile(uri: vscode.Uri | undefined, act: (file: vscode.Uri, caret: number) => Promise<unknown>): Promise<void> {
  const { document, selection } = vscode.window.activeTextEditor ?? {};
  const file = uri ?? document?.uri;
  await (file?.scheme === 'file' ? act(file, (selection?.active.line ?? 0) + 1) : vscode.window.showInformationMessage('Open the file first.'));
}

function debugFile(sidecar: Sidecar, uri: vscode.Uri | undefined, more: Record<string, unknown>): Promise<void> {
  return withFile(uri, async ({ fsPath }) => { await launch(sidecar.folder, path.basename(fsPath), { program: fsPath, ...more }); });
}

function debugArguments(sidecar: Sidecar, uri: vscode.Uri | undefined, memory: vscode.Memento): Promise<void> {
  return withFile(uri, async (file) => {
    const key = `arguments of ${file.toString()}`;
    const args = await remembered(memory, key, { title: `Arguments of ${path.basename(file.fsPath)}`, prompt: 'As in a shell; quotes keep spaces together.' });
    if (args !== undefined) await debugFile(sidecar, file, { args });
  });
}

async function debugModule(sidecar: Sidecar, memory: vscode.Memento): Promise<void> {
  const module = await remembered(memory, 'module', { title: 'Debug a module', prompt: 'Its name, as after `python -m`.' });
  if (module) await launch(sidecar.folder, module, { module });
}

/** Asks for a text and offers the last answer. */
async function remembered(memory: vscode.Memento, key: string, box: vscode.InputBoxOptions): Promise<string | undefined> {
  const typed = await vscode.window.showInputBox({ ...box, value: memory.get(key, '') });
  if (typed !== undefined) await memory.update(key, typed);
  return typed;
}

async function stop(sidecar: Sidecar): Promise<void> {
  const shown = vscode.debug.activeDebugSession;
  const attached = shown?.configuration['session'] as number | undefined;
  if (shown?.type === 'remora' && attached === undefined) return vscode.debug.stopDebugging(shown);
  // What the editor has only attached to would go on.
  const sessions = attached === undefined ? (sidecar.status?.sessions ?? []) : [{ session: attached }];
  for (const { session } of sessions) await sidecar.request(protocol.debugStop, { session });
}

async function attachToRunning(sidecar: Sidecar): Promise<void> {
  const waiting = (sidecar.status?.sessions ?? []).filter(({ attached }) => !attached).map(({ name, session }) => ({ label: name, session }));
  const chosen = await vscode.window.showQuickPick(waiting, { title: 'Attach to a running program' });
  if (chosen) await launch(sidecar.folder, chosen.label, { request: 'attach', session: chosen.session });
}

/** Its number as a text, as a variable of launch.json has to be. */
async function pickProcess(sidecar: Sidecar): Promise<string | undefined> {
  const found = sidecar.request(protocol.processes, {}).then((result) => result?.processes ?? []);
  return (await vscode.window.showQuickPick(found, { title: 'Attach to which process?', matchOnDescription: true, matchOnDetail: true }))?.pid.toString();
}

async function mirrorEverything(sidecar: Sidecar): Promise<void> {
  const shownMs = 5000; // Long enough to be read, short enough not to look like a state.
  const done = await patiently(sidecar, 'Mirroring', (token) => sidecar.request(protocol.mirror, {}, token));
  if (done) vscode.window.setStatusBarMessage(`Remora mirrored ${done.files} files in ${Math.round(done.ms)} ms`, shownMs);
}

async function runDoctor(sidecar: Sidecar): Promise<void> {
  const name = sidecar.status?.target ?? targets(sidecar.folder.uri)[0]?.['name'] as string;
  const result = await patiently(sidecar, `Examining ${name}`, (token) => sidecar.request(protocol.doctor, {}, token));
  const line = ({ name, ok, detail, hint }: protocol.Check): vscode.QuickPickItem => ({ label: `$(${ok ? 'pass' : 'error'}) ${name}`, description: detail, detail: hint ?? '' });
  if (result) await vscode.window.showQuickPick(result.checks.map(line), { title: `How ${name} is`, placeHolder: 'Enter closes the list' });
}
