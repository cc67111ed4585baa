import { describe, expect, it } from "vitest";
import { mergeOutput, outputsOf } from "../../../../src/runtime/engine/containers/merge-output.ts";
import { loadSpawn, spawnProgram } from "../../../../src/runtime/engine/host/index.ts";

describe("merged output", () => {
  it("that is to end is whole until then, however late it is read and whoever holds it open", async () => {
    await loadSpawn();
    const script = "echo begun; read go; sleep 1000 & echo aside >&2; echo $!; head -c 60000 /dev/zero";
    const child = spawnProgram("sh", ["-c", script], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] ?? "" },
    });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const end = new AbortController();
    const text = { stdout: "", stderr: "" };
    for await (const { stream, data } of mergeOutput(outputsOf(child), end.signal)) {
      text[stream] += Buffer.from(data).toString();
      if (text.stdout !== "begun\n") continue;
      child.stdin?.end("\n");
      await ended;
      end.abort();
    }
    const [begun, pid, zeros] = text.stdout.split("\n");
    process.kill(Number(pid), "SIGKILL");
    expect([begun, zeros?.length, text.stderr]).toEqual(["begun", 60_000, "aside\n"]);
    expect([child.stdout?.destroyed, child.stderr?.destroyed]).toEqual([true, true]);
  });
});
