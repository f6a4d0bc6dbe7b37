/** What happened to the directory since the last scan, as far as its watch knows: something to these files, or anything. */
export class Touched {
  #files: Set<string> | null = new Set();

  /** By its real path. */
  file(realPath: string): void {
    this.#files?.add(realPath);
    if (this.#files !== null && this.#files.size > MAX_FILES) this.anything();
  }

  anything(): void {
    this.#files = null;
  }

  /** Null: anything may have happened. From here on it counts anew. */
  take(): ReadonlySet<string> | null {
    const files = this.#files;
    this.#files = new Set();
    return files === null || files.size === 0 ? null : files;
  }
}

/** Beyond these, looking at everything costs little more. */
const MAX_FILES = 64;
