/**
 * Owns what the sidecar and the extension say to each other beyond LSP: names and shapes, as
 * `crates/remora/src/protocol.rs` has them. `tests/tests/protocol_guard.rs` compares
 * the two, type by type under the same name. Decides nothing.
 */
/** A method, and what goes with it. The types of this name in vscode-languageclient would load all of it. */
export class NotificationType<P> { declare params: P; constructor(readonly method: string) {} }
export class RequestType<P, R, E> { declare params: P; declare result: R; declare error: E; constructor(readonly method: string) {} }

/** Everything that the status bar and the decorations show; always whole. Paths are relative to the folder. */
export interface Status {
  target: string | null;
  remoteRoot: string | null;
  phase: string;
  pending: number;
  waiting: string[];
  diverged: string[];
  failed: FailedFile[];
  sessions: SessionStatus[];
  progress: UploadProgress | null;
  message: string | null;
}

export type StatusParams = Status & { panel: Panel };

/** How the status reads. */
export interface Panel { icon: string; text: string; tooltip: string; warning: boolean; doing: string; conditions: Record<string, boolean>; actions: Action[] }
export interface Action { command: string; label: string }
export interface FailedFile { path: string; reason: string }
/** `stale` names the files that were changed since the program has loaded another text of them. */
export interface SessionStatus { session: number; name: string; attached: boolean; stale: string[] }
export interface UploadProgress { filesDone: number; filesTotal: number; bytesDone: number; bytesTotal: number }
export interface ConnectParams { target?: string }
/** With `paths`, `overwrite` means these alone; `word` decides about what waits for one. */
export interface MirrorParams { target?: string; overwrite?: boolean; paths?: string[]; word?: 'remove' | 'keep' | 'send' | 'leave' }
/** What one batch of the mirror did. */
export interface MirroredParams { files: number; bytes: number; ms: number }
/** Names a file of this machine. */
export interface FileParams { file: string }
/** base64; null when nothing is there. */
export interface RemoteFileResult { content: string | null }
export interface ExplainResult { mirrored: boolean; sentence: string }
export interface BreakpointParams { file: string; line: number }
export interface BreakpointResult { cause: string; sentence: string }
/** What was replaced or removed over there, the latest first; `time` says exactly when. */
export interface TrashResult { kept: KeptFile[] }
export interface KeptFile { path: string; time: string; size: string }
export interface RestoreParams { path: string; time: string; overwrite?: boolean }
/** What could become a target, of kind ssh, docker, kubernetes or local: an entry of `remora.targets` without a folder and an interpreter. */
export interface Candidate { kind: string; label: string; detail: string; target: Record<string, unknown> }
export interface SetupCandidatesResult { candidates: Candidate[] }
export interface SetupOpenParams { target: Record<string, unknown> }
export interface SetupOpenResult { home: string; remoteRoot: string }
export interface SetupBrowseParams { path: string }
export interface SetupBrowseResult { path: string; folders: string[] }
export interface SetupInterpretersParams { root: string }
export interface Interpreter { path: string; version: string; kind: string; label: string }
export interface SetupInterpretersResult { interpreters: Interpreter[] }
export interface DoctorParams { target?: string }
export interface Check { name: string; ok: boolean; detail: string; hint: string | null }
export interface DoctorResult { checks: Check[] }
/** What of a file's text can be started by itself: the file, or a test by pytest's name. */
export interface StartsParams { file: string; text: string }
export interface Start { line: number; test: string | null }
export interface StartsResult { starts: Start[] }
/** A configuration of type `remora`, as the editor resolved it. */
export interface LaunchParams { configuration: Record<string, unknown> }
export interface LaunchResult { session: number; socket: string | null; terminal: number | null; host: string; port: number }
export interface SessionSocketResult { socket: string }
export interface ShownProcess { pid: number; label: string; description: string; detail: string }
export interface ProcessesResult { processes: ShownProcess[] }
/** An entry of `launch.json`. */
export interface AttachConfiguration { name: string; type: string; request: string; [key: string]: unknown }
export interface SessionParams { session: number }
export interface LaunchJsonParams { target?: string; name?: string; port?: number; extensions?: Record<string, string>; text: string }
export interface LaunchJsonResult { text: string }
export interface TerminalOpenParams { cols: number; rows: number; cwd?: string }
export interface TerminalParams { terminal: number }
/** What was typed, or what the program wrote. */
export interface TerminalDataParams { terminal: number; data: string }
export interface TerminalResizeParams { terminal: number; cols: number; rows: number }
/** One of `code`, `signal` and `lost`. */
export interface TerminalEndedParams { terminal: number; code?: number; signal?: number; lost?: boolean }
export interface OutputParams { session: number; stream: 'stdout' | 'stderr'; data: string }
/** One of `code`, `signal` and `lost`. */
export interface ExitedParams { session: number; code?: number; signal?: number; lost?: boolean }
/** What failed, on what, and what to do; also the `data` of an error reply. */
export interface Fault { kind: string; message: string; hint: string }
/** A question, ready to be shown; an answer may be kept under `keep`, in the store for secrets only. */
export interface AskParams { kind: string; title: string; prompt: string; hidden: boolean; attempt: number; keep: string | null }
/** `trust` and `remember` answer a host key, `secret` anything else. */
export interface AskResult { trust?: boolean; remember?: boolean; secret?: string }

/** null means that the user declined. */
export type Answer = AskResult | null;

export const connect = new RequestType<ConnectParams, StatusParams, Fault>('remora/connect');
export const mirror = new RequestType<MirrorParams, MirroredParams, Fault>('remora/mirror');
export const pause = new RequestType<object, null, Fault>('remora/pause');
export const resume = new RequestType<object, null, Fault>('remora/resume');
export const remoteFile = new RequestType<FileParams, RemoteFileResult, Fault>('remora/remoteFile');
export const takeRemote = new RequestType<FileParams, null, Fault>('remora/takeRemote');
export const explain = new RequestType<FileParams, ExplainResult, Fault>('remora/explain');
export const breakpoint = new RequestType<BreakpointParams, BreakpointResult, Fault>('remora/breakpoint');
export const trash = new RequestType<object, TrashResult, Fault>('remora/trash');
export const restore = new RequestType<RestoreParams, null, Fault>('remora/restore');
export const candidates = new RequestType<object, SetupCandidatesResult, Fault>('remora/setup/candidates');
export const open = new RequestType<SetupOpenParams, SetupOpenResult, Fault>('remora/setup/open');
export const browse = new RequestType<SetupBrowseParams, SetupBrowseResult, Fault>('remora/setup/browse');
export const interpreters = new RequestType<SetupInterpretersParams, SetupInterpretersResult, Fault>('remora/setup/interpreters');
export const close = new RequestType<object, null, Fault>('remora/setup/close');
export const doctor = new RequestType<DoctorParams, DoctorResult, Fault>('remora/doctor');
export const launch = new RequestType<LaunchParams, LaunchResult, Fault>('remora/debug/launch');
export const starts = new RequestType<StartsParams, StartsResult, Fault>('remora/debug/starts');
export const processes = new RequestType<object, ProcessesResult, Fault>('remora/debug/processes');
export const sessionSocket = new RequestType<SessionParams, SessionSocketResult, Fault>('remora/debug/sessionSocket');
export const debugStop = new RequestType<SessionParams, null, Fault>('remora/debug/stop');
export const launchJson = new RequestType<LaunchJsonParams, LaunchJsonResult, Fault>('remora/launchJson');
export const terminalOpen = new RequestType<TerminalOpenParams, TerminalParams, Fault>('remora/terminal/open');
export const ask = new RequestType<AskParams, Answer, undefined>('remora/ask');

export const terminalWrite = new NotificationType<TerminalDataParams>('remora/terminal/write');
export const terminalResize = new NotificationType<TerminalResizeParams>('remora/terminal/resize');
export const terminalClose = new NotificationType<TerminalParams>('remora/terminal/close');
export const terminalOutput = new NotificationType<TerminalDataParams>('remora/terminal/output');
export const terminalEnded = new NotificationType<TerminalEndedParams>('remora/terminal/ended');
export const status = new NotificationType<StatusParams>('remora/status');
export const mirrored = new NotificationType<MirroredParams>('remora/mirrored');
export const output = new NotificationType<OutputParams>('remora/output');
export const exited = new NotificationType<ExitedParams>('remora/exited');
export const fault = new NotificationType<Fault>('remora/fault');
