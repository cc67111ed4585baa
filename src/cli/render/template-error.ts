import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";

export function templateError(detail: string): CliError {
  return new CliError(`Invalid --format template: ${detail}`, { exitCode: EXIT.failed });
}
