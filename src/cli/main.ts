import { setMaxListeners } from "node:events";
import { restoreExtraCertificates } from "../lib/extra-certificates.ts";
import { EXIT } from "./exit-codes.ts";
import { main } from "./program.ts";

restoreExtraCertificates(process.env);
// One signal ends as many things as a stack has containers: their number says nothing of a leak.
setMaxListeners(0);

const outputs = [process.stdout, process.stderr];

// Whoever reads our output may stop at any time: `stowage logs | head`.
for (const stream of outputs) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

// Should nothing be left to wait for before the command has ended, that is no success.
process.exitCode = EXIT.failed;
void main(process.argv.slice(2)).then(async (code) => {
  await Promise.all(outputs.map(written));
  // Connections kept open must not hold the process.
  process.exit(code);
});

/** Resolves when a slow reader has taken all that was written: an exit would drop the rest. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => stream.write("", () => resolve()));
}
