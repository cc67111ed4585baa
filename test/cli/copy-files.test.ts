import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { unpackInto } from "../../src/cli/copy-files.ts";

// A rejection that nobody handles ends the program with a stack trace; vitest fails on it, too.
it("an archive that breaks off is an error, said once", async () => {
  const dir = mkdtempSync(join(tmpdir(), "stowage-unpack-"));
  try {
    const broken = new Readable({
      read() {
        this.destroy(new Error("the engine has gone"));
      },
    });
    await expect(unpackInto(broken, dir)).rejects.toThrow("the engine has gone");
  } finally {
    rmSync(dir, { recursive: true });
  }
});
