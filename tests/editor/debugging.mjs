/** Owns what a person does and sees while debugging, as verbs and views. Knows no debugger. */
export class Debugging {
  constructor(bench) {
    this.bench = bench;
    this.page = bench.page;
    /** There as long as anything is debugged. */
    this.controls = this.page.locator('.codicon-debug-continue, .codicon-debug-pause').first();
  }

  /** Sets a breakpoint on a line of the open file by its key. */
  async breakAt(line) {
    await this.bench.goToLine(line);
    await this.bench.press('F9');
    await this.page.locator('.codicon-debug-breakpoint, .codicon-debug-breakpoint-unverified').first().waitFor();
  }

  /** Presses F5. */
  start = () => this.bench.press('F5');

  /** Waits until the program stands at a line of the file that the editor shows. */
  async stopped(line) {
    await this.controls.waitFor();
    await this.page.locator('.codicon-debug-stackframe').first().waitFor();
    await this.page.locator('[id="status.editor.selection"]', { hasText: `Ln ${line},` }).waitFor();
  }

  /** Opens the local variables and waits for one to have a value. */
  async variable(name, value) {
    const locals = this.#variables(/^Locals/);
    await locals.waitFor();
    // They are open by themselves only if the view was on screen before the first stop.
    if ((await locals.getAttribute('aria-expanded')) !== 'true') await locals.click();
    await this.#variables(new RegExp(`^${name}\\s*=\\s*${value}$`)).waitFor();
  }

  stepOver = () => this.bench.press('F10');
  goOn = () => this.bench.press('F5');

  /** A row of the call stack: a session, a thread or a frame. */
  inCallStack(text) {
    return this.page.locator('.debug-call-stack .monaco-list-row', { hasText: text });
  }

  /** Waits until nothing is debugged any more. */
  ended = () => this.controls.waitFor({ state: 'hidden' });

  /** Shows the Debug Console and waits for a line of it. */
  async consoleShows(text) {
    await this.bench.run('Debug Console: Focus on Debug Console View');
    await this.page.locator('.repl .monaco-list-row', { hasText: text }).first().waitFor();
  }

  #variables(text) {
    return this.page.locator('.debug-variables .monaco-list-row', { hasText: text }).first();
  }
}
