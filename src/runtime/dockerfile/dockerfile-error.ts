import { RuntimeError } from "../index.ts";

/** Of an instruction, from 1. */
export interface Lines {
  readonly line: number;
  readonly endLine: number;
}

/** An error that knows its instruction's lines: in the message for a mistake in the text, else for whoever prints it. */
export class DockerfileError extends RuntimeError {
  readonly lines: Lines;

  constructor(error: RuntimeError, { line, endLine }: Lines) {
    super(error.kind, error.message, {
      ...(error.cause === undefined ? {} : { cause: error.cause }),
      ...(error.exitCode === undefined ? {} : { exitCode: error.exitCode }),
    });
    this.lines = { line, endLine };
  }
}

export function parseError(line: number, message: string, endLine = line): DockerfileError {
  const error = new RuntimeError("invalid", `dockerfile parse error on line ${line}: ${message}`);
  return new DockerfileError(error, { line, endLine });
}
