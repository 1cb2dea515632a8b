/**
 * Owns one sidecar, that of one workspace folder: starts it, asks it, keeps its last status and shows its
 * faults. Decides nothing about files, hosts or programs.
 */
import * as path from 'node:path';

import * as vscode from 'vscode';
import type { LanguageClient, NotificationHandler } from 'vscode-languageclient/node';

import type { Prompter } from './prompt';
import * as protocol from './protocol';

/** What every sidecar of a window shares. */
export interface Surroundings {
  executable: string;
  log: vscode.LogOutputChannel;
  prompter: Prompter;
}

export class Sidecar implements vscode.Disposable {
  /** The last whole status; nothing until the first one comes. */
  status: protocol.StatusParams | undefined;
  readonly #changed = new vscode.EventEmitter<protocol.StatusParams>();
  readonly onStatus = this.#changed.event;
  readonly #stopped = new vscode.EventEmitter<void>();
  /** The process is gone, and what it knew by number with it; another may follow. */
  readonly onStopped = this.#stopped.event;
  readonly #ears = new Map<string, NotificationHandler<never>>();
  #client: LanguageClient | undefined;
  /** Nothing until something was asked of it. */
  started: Promise<LanguageClient> | undefined;

  constructor(
    readonly folder: vscode.WorkspaceFolder,
    readonly around: Surroundings,
  ) {
    this.hear(protocol.status, (status) => {
      this.status = status;
      this.#changed.fire(status);
    });
    this.hear(protocol.mirrored, ({ files, bytes, ms }) => { around.log.debug(`mirrored ${files} files, ${bytes} bytes in ${ms} ms`); });
  }

  /** Who speaks the protocol takes longer to load than all the rest; a window without a target does without. */
  async #begin(): Promise<LanguageClient> {
    const [{ LanguageClient, State }, { createInterface }] = await Promise.all([import('vscode-languageclient/node'), import('node:readline')]);
    const { folder, around: { executable, log, prompter } } = this;
    const server = { command: executable, args: ['lsp'], options: { env: { RUST_LOG: level(log), ...process.env } } };
    const client = new LanguageClient('remora', 'Remora', server, {
      documentSelector: [{ scheme: 'file', pattern: `${folder.uri.fsPath.replaceAll('\\', '/')}/**/*` }],
      workspaceFolder: folder,
      outputChannel: log,
      stdioOptions: { stdout: () => undefined, stderr: (lines) => { createInterface(lines).on('line', (line) => { keep(log, line); }); } },
    });
    client.onRequest(protocol.ask.method, (question: protocol.AskParams) => prompter.answer(question));
    for (const [method, handler] of this.#ears) client.onNotification(method, handler as NotificationHandler<unknown>);
    // One that was killed is started again by the client, and then knows of no target yet.
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Running && this.status) void this.quietly(protocol.mirror, {});
      if (newState === State.Stopped) this.#stopped.fire();
    });
    this.#client = client;
    await client.start();
    return client;
  }

  /** Calls `handler` with each notification of this type. To be said before the sidecar starts. */
  hear<P>(type: protocol.NotificationType<P>, handler: (params: P) => void): void {
    this.#ears.set(type.method, handler);
  }

  /** Says something that has no answer. A sidecar that does not run has nothing to hear. */
  tell<P>(type: protocol.NotificationType<P>, params: P): void {
    if (this.#client?.isRunning()) void this.#client.sendNotification(type.method, params);
  }

  /** Starts the sidecar, once; after a failure the next call tries again. */
  async start(): Promise<LanguageClient> {
    try {
      return await (this.started ??= this.#begin());
    } catch (error) {
      this.started = undefined;
      throw error;
    }
  }

  /** Asks; rejects with an error whose data is a Fault. */
  async send<P, R>(type: protocol.RequestType<P, R, protocol.Fault>, params: P, token?: vscode.CancellationToken): Promise<R> {
    const client = await this.start();
    // An absent token would be taken for a second parameter.
    return token ? client.sendRequest<R>(type.method, params, token) : client.sendRequest<R>(type.method, params);
  }

  /** Asks for the user, who sees the fault when there is one; then there is no answer. */
  async request<P, R>(type: protocol.RequestType<P, R, protocol.Fault>, params: P, token?: vscode.CancellationToken): Promise<R | undefined> {
    try {
      return await this.send(type, params, token);
    } catch (error) {
      // Whoever waits does not wait until the message is read.
      if (!token?.isCancellationRequested) void this.show(error);
      return undefined;
    }
  }

  /** Asks in the background: a fault goes to the log, and the status tells of it. */
  async quietly<P, R>(type: protocol.RequestType<P, R, protocol.Fault>, params: P): Promise<void> {
    await this.send(type, params).catch((error: unknown) => { this.around.log.warn(sentence(error)); });
  }

  /** A message with the button that helps most. */
  async show(error: unknown): Promise<void> {
    const text = sentence(error);
    this.around.log.error(text);
    const [label, command] = faultOf(error)?.kind === 'no_target' ? ['Add Target…', 'remora.addTarget'] : ['Show Log', 'remora.showLog'];
    if ((await vscode.window.showErrorMessage(text, label)) === label) await vscode.commands.executeCommand(command);
  }

  dispose(): void {
    this.#stopped.fire();
    for (const each of [this.#changed, this.#stopped]) each.dispose();
    // Stopping ends the sidecar, and the sidecar ends what it started.
    void this.#client?.dispose();
  }
}

/** What went wrong, as the user reads it. */
export function sentence(error: unknown): string {
  const fault = faultOf(error);
  if (fault) return `${fault.message} ${fault.hint}`;
  return error instanceof Error ? error.message : String(error);
}

function faultOf(error: unknown): protocol.Fault | undefined {
  const data = error instanceof Error ? (error as { data?: Partial<protocol.Fault> }).data : undefined;
  return data?.hint === undefined ? undefined : (data as protocol.Fault);
}

/** What the sidecar writes into its log comes with a time and a level; the channel has its own time. */
function keep(log: vscode.LogOutputChannel, line: string): void {
  const [, level = 'ERROR', text = line] = /^\S+ +(ERROR|WARN|INFO|DEBUG|TRACE) (.*)/.exec(line) ?? [];
  log[level.toLowerCase() as 'error' | 'warn' | 'info' | 'debug' | 'trace'](text);
}

/** The level that the user chose for the log, in the words of the sidecar's filter. */
function level({ logLevel }: vscode.LogOutputChannel): string {
  return ['off', 'trace', 'debug', 'info', 'warn', 'error'][logLevel] ?? 'info';
}

/** The binary inside the extension; in development, the one that cargo built. */
export function executable(context: vscode.ExtensionContext): string {
  const name = process.platform === 'win32' ? 'remora.exe' : 'remora';
  const folder = context.extensionMode === vscode.ExtensionMode.Production ? 'bin' : path.join('..', 'target', 'debug');
  return context.asAbsolutePath(path.join(folder, name));
}
