/** Owns how waiting looks: a notification that counts and can be cancelled, once it has taken a moment. */
import * as vscode from 'vscode';

import type { Sidecar } from './client';

/** What is over sooner would only flicker. */
const PATIENCE_MS = 700;

/** Does `work`; what the status says meanwhile is shown, and Cancel cancels the token. */
export async function patiently<T>(sidecar: Sidecar, title: string, work: (token: vscode.CancellationToken) => Promise<T>): Promise<T> {
  const cancel = new vscode.CancellationTokenSource();
  const result = work(cancel.token);
  const showing = setTimeout(() => { show(sidecar, title, result, cancel); }, PATIENCE_MS);
  try {
    return await result;
  } catch (error) {
    throw cancel.token.isCancellationRequested ? new vscode.CancellationError() : error;
  } finally {
    clearTimeout(showing);
    cancel.dispose();
  }
}

function show(sidecar: Sidecar, title: string, result: Promise<unknown>, cancel: vscode.CancellationTokenSource): void {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  void vscode.window.withProgress(options, async (progress, token) => {
    const report = (): void => { progress.report({ message: sidecar.status?.panel.doing ?? '' }); };
    const listening = [sidecar.onStatus(report), token.onCancellationRequested(() => { cancel.cancel(); })];
    report();
    await result.catch(() => undefined);
    for (const one of listening) one.dispose();
  });
}
