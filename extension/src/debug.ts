/**
 * Owns the debug type `remora`: what F5 means without a launch.json, where a session's adapter listens, child
 * sessions, and the way back after a cut. The adapter is the debugger over there; the sidecar starts the
 * program and brings its debugger to a local socket.
 */
import * as vscode from 'vscode';

import { sentence, type Sidecar } from './client';
import { targets, type Folders } from './folders';
import { patiently } from './progress';
import * as protocol from './protocol';
import type { Terminals } from './terminal';

const TYPE = 'remora';

export function register(folders: Folders, terminals: Terminals): vscode.Disposable {
  const sessions = new Sessions(folders, terminals);
  const { Initial, Dynamic } = vscode.DebugConfigurationProviderTriggerKind;
  return vscode.Disposable.from(
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, sessions),
    vscode.debug.registerDebugConfigurationProvider(TYPE, { provideDebugConfigurations: () => [usual()], resolveDebugConfiguration: complete }, Initial),
    vscode.debug.registerDebugConfigurationProvider(TYPE, { provideDebugConfigurations: onePerTarget }, Dynamic),
    vscode.debug.onDidReceiveDebugSessionCustomEvent(({ session, event, body }) => {
      // The debugger announces each child process this way; one that nobody attaches to hangs.
      if (session.type === TYPE && event === 'debugpyAttach') void attachChild(session, body as protocol.AttachConfiguration);
    }),
    folders.onSidecar((sidecar) => {
      sidecar.hear(protocol.exited, ({ session, lost }) => { void sessions.exited(sidecar, session, lost ?? false); });
      sidecar.onStopped(() => { sessions.forget(sidecar); });
    }),
  );
}

const usual = (): vscode.DebugConfiguration => ({ name: 'Remora: Debug the Current File', type: TYPE, request: 'launch', program: '${file}' });

function onePerTarget(folder: vscode.WorkspaceFolder | undefined): vscode.DebugConfiguration[] {
  const on = (target: string): vscode.DebugConfiguration =>
    ({ name: `Debug the Current File on ${target}`, type: TYPE, request: 'launch', program: '${file}', target });
  return (folder ? targets(folder.uri) : []).map(({ name }) => on(String(name)));
}

/** Fills in what was left out. Without a target there is nothing to start yet: leads to one instead. */
async function complete(
  folder: vscode.WorkspaceFolder | undefined,
  configuration: vscode.DebugConfiguration,
): Promise<vscode.DebugConfiguration | undefined> {
  // F5 without a launch.json comes with nothing at all.
  const whole = configuration.type ? configuration : { ...configuration, ...usual() };
  if (whole.request !== 'launch') return whole;
  const scope = folder ?? vscode.workspace.workspaceFolders?.[0];
  if (scope && targets(scope.uri).length === 0) {
    await vscode.commands.executeCommand('remora.addTarget');
    return undefined;
  }
  const file = ['program', 'module', 'pytest'].some((what) => what in whole) ? {} : { program: usual()['program'] as string };
  // The Debug Console would come to stand before the terminal in which the program asks.
  const aside = whole['console'] === 'integratedTerminal' ? { internalConsoleOptions: 'neverOpen' } : {};
  return { ...file, ...aside, ...whole };
}

/** Starts a program over there and attaches the editor; with `request: 'attach'`, to one that runs there. */
export function launch(folder: vscode.WorkspaceFolder, name: string, what: Record<string, unknown>): Thenable<boolean> {
  return vscode.debug.startDebugging(folder, { name, type: TYPE, request: 'launch', ...what });
}

function attachChild(parentSession: vscode.DebugSession, body: protocol.AttachConfiguration): Thenable<boolean> {
  const options = { parentSession, lifecycleManagedByParent: true };
  return vscode.debug.startDebugging(parentSession.workspaceFolder, { ...body, type: TYPE, request: 'attach' }, options);
}

/** A program over there, and what was asked for it. */
interface Started { sidecar: Sidecar; session: number; asked: vscode.DebugSession }

/** Which of the editor's sessions is which of the sidecar's. */
class Sessions implements vscode.DebugAdapterDescriptorFactory {
  /** Those whose end has not been told yet. What the editor's end of a session means for its program is the sidecar's to say. */
  readonly #unended = new Set<Started>();

  constructor(
    readonly folders: Folders,
    readonly terminals: Terminals,
  ) {}

  async createDebugAdapterDescriptor(session: vscode.DebugSession): Promise<vscode.DebugAdapterDescriptor> {
    const { configuration, workspaceFolder } = session;
    if (typeof configuration['socket'] === 'string') return new vscode.DebugAdapterNamedPipeServer(configuration['socket']);
    const connect = configuration['connect'] as { host?: string; port: number } | undefined;
    if (configuration.request === 'attach' && connect) return new vscode.DebugAdapterServer(connect.port, connect.host);
    const sidecar = this.folders.of(workspaceFolder?.uri);
    if (!sidecar) throw new Error('Open a folder first: Remora mirrors folders, not single files.');
    if (typeof configuration['session'] === 'number') {
      const { socket } = await told(sidecar.send(protocol.sessionSocket, { session: configuration['session'] }));
      return new vscode.DebugAdapterNamedPipeServer(socket);
    }
    return this.#start(sidecar, session);
  }

  async #start(sidecar: Sidecar, session: vscode.DebugSession): Promise<vscode.DebugAdapterDescriptor> {
    const { configuration } = session;
    const launched = await told(
      patiently(sidecar, `Starting ${session.name}`, (token) => sidecar.send(protocol.launch, { configuration }, token)),
    );
    const started = { sidecar, session: launched.session, asked: session };
    this.#unended.add(started);
    if (launched.terminal !== null) this.terminals.show(sidecar, launched.terminal, session.name);
    return launched.socket === null
      ? new vscode.DebugAdapterServer(launched.port, launched.host)
      : new vscode.DebugAdapterNamedPipeServer(launched.socket);
  }

  /** The numbers of a sidecar that is gone mean others in the next one. */
  forget(sidecar: Sidecar): void {
    for (const one of this.#unended) if (one.sidecar === sidecar) this.#unended.delete(one);
  }

  /** A program is over. If the connection was cut under it, one click starts it again, with the same breakpoints. */
  async exited(sidecar: Sidecar, session: number, lost: boolean): Promise<void> {
    const started = [...this.#unended].find((one) => one.sidecar === sidecar && one.session === session);
    if (!started) return;
    this.#unended.delete(started);
    if (!lost) return;
    const { name, workspaceFolder, configuration } = started.asked;
    const target = sidecar.status?.target ?? 'the remote';
    const again = 'Restart Here';
    const told = `The connection to ${target} was lost, and ${name} ended with it. Restart it there and stop at the same breakpoints?`;
    if ((await vscode.window.showWarningMessage(told, again)) === again) await vscode.debug.startDebugging(workspaceFolder, configuration);
  }
}

/** The editor shows what a start failed with, once; here it gets the user's sentence. */
async function told<T>(work: Thenable<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof vscode.CancellationError ? error : new Error(sentence(error));
  }
}
