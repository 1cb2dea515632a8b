/** Owns the questions that a connection has for the user. Shows and answers; keeps no secret. */
import * as vscode from 'vscode';

import type { Answer, AskParams, HostKey } from './protocol';
import { wording } from './wording';

export async function answer(question: AskParams): Promise<Answer> {
  if (question.kind === 'hostKey') return trust(question);
  const secret = await vscode.window.showInputBox({ ...wording(question), ignoreFocusOut: true });
  return secret === undefined ? null : { secret };
}

async function trust(question: HostKey): Promise<Answer> {
  const { title, prompt } = wording(question);
  const [always, once] = ['Trust and Remember', 'Trust Once'];
  const chosen = await vscode.window.showWarningMessage(title, { modal: true, detail: prompt }, always, once);
  return chosen === undefined ? null : { trust: true, remember: chosen === always };
}
