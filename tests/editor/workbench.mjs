/**
 * Owns what a person does at the workbench, as verbs: run a command, open a file, type, save, answer.
 * Every verb ends when its effect can be seen. Debugging is debugging.mjs's.
 */

/** The status button: publisher, extension, and the item's own id. */
const STATUS = '[id="remora.remora.remora.status"]';

export class Workbench {
  constructor(page) {
    this.page = page;
    this.status = page.locator(STATUS);
    this.editor = page.locator('.editor-instance .monaco-editor').first();
  }

  press = (keys) => this.page.keyboard.press(keys);

  /** Runs a command by its title in the palette, such as `Remora: Connect`. */
  async run(title) {
    await this.press('F1');
    await this.#type(`>${title}`);
    await this.#choose(title);
  }

  async open(name) {
    await this.press('Control+KeyP');
    await this.#type(name);
    await this.#choose(name);
    await this.#active(name).waitFor();
    await this.editor.locator('.view-line').first().waitFor();
  }

  /**
   * Puts the caret at the start of a line of the open file, counted from 1. By keys: the box of Ctrl+G is
   * filled by and by, and what is typed next would go into it while it is not gone.
   */
  async goToLine(line) {
    await this.editor.locator('.view-line').first().click();
    await this.editor.and(this.page.locator('.focused')).waitFor();
    await this.press('Control+Home');
    for (let below = 1; below < line; below += 1) await this.press('ArrowDown');
    await this.page.locator('[id="status.editor.selection"]', { hasText: `Ln ${line},` }).waitFor();
  }

  /** Writes text in front of a line; the editor's own help with brackets and indents stays out of it. */
  async insert(line, text) {
    await this.goToLine(line);
    await this.page.keyboard.insertText(text);
    await this.changed();
  }

  /** Waits until the open file has changes that are not saved; with a name, that file. */
  changed = (name) => this.#active(name).and(this.page.locator('.dirty')).waitFor();

  /** Saves the open file, which has changes. */
  async save() {
    await this.press('Control+KeyS');
    await this.page.locator('.tab.active:not(.dirty)').waitFor();
  }

  /** Takes the last change of the open file back. */
  async undo() {
    await this.press('Control+KeyZ');
    await this.changed();
  }

  /** Waits until the open file shows a line with this text. */
  shows = (text) => this.editor.locator('.view-line', { hasText: text }).first().waitFor();

  /** Rests the mouse on a word of the open file. */
  pointAt = (word) => this.editor.locator('.view-line span span', { hasText: word }).last().hover();

  /** What the editor says of the word under the mouse. */
  hover = (text) => this.page.locator('.monaco-hover', { hasText: text }).first();

  /** Types into the terminal that is shown. */
  async typeIntoTerminal(text) {
    await this.page.locator('.xterm-screen').click();
    await this.page.keyboard.type(text);
  }

  /** Waits until the terminal that is shown has a line with this text. */
  terminalShows = (text) => this.page.locator('.terminal-wrapper.active .xterm-rows > div', { hasText: text }).first().waitFor();

  /** Waits until the status button says this. */
  statusSays = (text) => this.status.filter({ hasText: text }).waitFor();

  /** What the status button says when one points at it. */
  async statusDetail() {
    await this.status.hover();
    const hover = this.page.locator('.workbench-hover, .monaco-hover').filter({ hasText: /\S/ }).last();
    await hover.waitFor();
    return hover.innerText();
  }

  /** What a person would read at this moment: the open file, what asks or tells something, the status. */
  async inSight() {
    const shown = this.page.locator('.tab.active, .editor-instance .view-lines, .quick-input-widget, .notification-toast, .monaco-dialog-box').filter({ visible: true });
    return [...(await shown.allInnerTexts()), ...(await this.status.allInnerTexts())].join('\n');
  }

  /** A notification with this text; its buttons can be clicked by `answer`. */
  notification(text) {
    return this.page.locator('.notification-toast .notification-list-item', { hasText: text }).first();
  }

  async answer(notification, button) {
    await notification.waitFor();
    await notification.hover();
    await notification.getByRole('button', { name: button, exact: true }).click();
  }

  /** A dialog that has to be answered before anything else. */
  async answerDialog(text, button) {
    const dialog = this.page.locator('.monaco-dialog-box', { hasText: text });
    await dialog.waitFor();
    await dialog.getByRole('button', { name: button, exact: true }).click();
    await dialog.waitFor({ state: 'hidden' });
  }

  /** The list or box that asks something, once its title or text is this. */
  question(text) {
    return this.page.locator('.quick-input-widget:visible', { hasText: text });
  }

  /** Types into the box that asks this, and accepts. */
  async fillIn(text, value) {
    await this.question(text).waitFor();
    await this.#type(value);
    await this.press('Enter');
  }

  /** Waits until the list that asks this has a row with that label. */
  async offered(text, label) {
    await this.question(text).waitFor();
    await this.#row(label).waitFor();
  }

  /** Chooses from the list that asks this. */
  async pick(text, label) {
    await this.question(text).waitFor();
    await this.#choose(label);
  }

  async #type(text) {
    const box = this.page.locator('.quick-input-widget:visible input[type=text], .quick-input-widget:visible input[type=password]').first();
    await box.waitFor();
    await box.fill(text);
  }

  #choose = (label) => this.#row(label).click();

  /** The row with exactly this label; a list can hold others that only contain it. */
  #row(label) {
    const rows = this.page.locator('.quick-input-widget:visible .monaco-list-row');
    return rows.filter({ has: this.page.locator('.quick-input-list-label .label-name', { hasText: exactly(label) }) }).first();
  }

  #active(name) {
    return this.page.locator(name ? `.tab.active[data-resource-name="${name}"]` : '.tab.active');
  }
}

/** Matches a whole text. */
export function exactly(text) {
  return text instanceof RegExp ? text : new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*$`);
}
