/**
 * Owns the questions that a connection has for the user. A secret is kept in the editor's secret store and
 * nowhere else, and only if the user says so.
 */
import * as vscode from 'vscode';

import type { Answer, AskParams } from './protocol';

export class Prompter {
  constructor(readonly secrets: vscode.SecretStorage) {}

  async answer(question: AskParams): Promise<Answer> {
    if (question.kind === 'hostKey') return trust(question);
    const { keep, attempt } = question;
    const kept = keep === null ? undefined : await this.secrets.get(keep);
    if (kept !== undefined && attempt === 1) return { secret: kept };
    const typed = await ask(question);
    if (keep !== null && typed?.remember) await this.secrets.store(keep, typed.secret);
    // What was kept was tried and refused.
    else if (keep !== null && kept !== undefined) await this.secrets.delete(keep);
    return typed ? { secret: typed.secret } : null;
  }
}

async function trust({ title, prompt }: AskParams): Promise<Answer> {
  const [always, once] = ['Trust and Remember', 'Trust Once'];
  const chosen = await vscode.window.showWarningMessage(title, { modal: true, detail: prompt }, always, once);
  return chosen === undefined ? null : { trust: true, remember: chosen === always };
}

const REMEMBER = { iconPath: new vscode.ThemeIcon('save'), tooltip: 'Remember it in the secret store of the editor' };
const FORGET = { iconPath: new vscode.ThemeIcon('save-all'), tooltip: 'It will be remembered; click to undo' };

/** One input box; its button says whether the answer is remembered. */
function ask({ title, prompt, hidden, keep }: AskParams): Promise<{ secret: string; remember: boolean } | undefined> {
  const box = vscode.window.createInputBox();
  Object.assign(box, { title, prompt, password: hidden, ignoreFocusOut: true, buttons: keep === null ? [] : [REMEMBER] });
  return new Promise((resolve) => {
    let remember = false;
    box.onDidTriggerButton(() => {
      remember = !remember;
      box.buttons = [remember ? FORGET : REMEMBER];
    });
    box.onDidAccept(() => {
      resolve({ secret: box.value, remember });
      box.hide();
    });
    box.onDidHide(() => {
      resolve(undefined);
      box.dispose();
    });
    box.show();
  });
}
