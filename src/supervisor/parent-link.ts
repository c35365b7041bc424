/** What a parent that started this process over IPC says, and what it is told. */
export interface ParentLink {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
}
