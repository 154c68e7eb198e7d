// A stream that may break, in `head` or on a full disk: training is worth more than its log.

export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface Output {
  readonly stream: OutputStream;
  /** Whoever reads is gone, and nothing more is written. */
  readonly isBroken: boolean;
  write(text: string): void;
}

export function createOutput(stream: OutputStream): Output {
  let isBroken = false;
  // For good: writes on their way fail later, and an error that nobody hears ends the process.
  stream.on('error', () => {
    isBroken = true;
  });
  return {
    stream,
    get isBroken() {
      return isBroken;
    },
    write(text) {
      if (!isBroken) stream.write(text);
    },
  };
}
