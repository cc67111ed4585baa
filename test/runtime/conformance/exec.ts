import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { type Bench, kindOf, OBEDIENT, until } from "./support.ts";

export function execKeepsTheContract(bench: Bench): void {
  describe("a command in a running container", () => {
    it("has its own output and exit code", async () => {
      const id = await bench.run(OBEDIENT);
      const result = await bench.exec(id, ["sh", "-c", "echo out; echo err >&2; exit 4"]);
      expect(result).toEqual({ stdout: "out\n", stderr: "err\n", exitCode: 4 });
    });

    it("reads its stdin to the end", async () => {
      const id = await bench.run(OBEDIENT);
      const result = await bench.exec(id, ["cat"], { input: "fish\n" });
      expect(result).toMatchObject({ stdout: "fish\n", exitCode: 0 });
    });

    it("sees the container's environment and its own", async () => {
      const id = await bench.run(OBEDIENT, { env: ["A=1"] });
      const { stdout } = await bench.exec(id, ["sh", "-c", "echo $A $B"], { env: ["B=2"] });
      expect(stdout).toBe("1 2\n");
    });

    it("that does not exist ends with 127, without a rejection", async () => {
      const id = await bench.run(OBEDIENT);
      expect((await bench.exec(id, ["no-such-command"])).exitCode).toBe(127);
    });

    it("has its exit code as soon as its output has ended", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(OBEDIENT);
      const codes: (number | undefined)[] = [];
      for (let round = 0; round < 10; round++) {
        const command = ["sh", "-c", "exit 5"];
        const execId = await containers.createExec(id, { command, attachStdout: true });
        for await (const _ of (await containers.startExec(execId))?.output ?? []);
        codes.push((await containers.inspectExec(execId)).exitCode);
      }
      expect(codes).toEqual(Array(10).fill(5));
    });

    it("goes on when its session is closed, whose output ends", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(OBEDIENT);
      const execId = await containers.createExec(id, { command: ["sleep", "1000"], attachStdout: true });
      const session = await containers.startExec(execId);
      session?.close();
      for await (const _ of session?.output ?? []);
      // dockerd answers before it has started the command: not running yet is no failure, ended is.
      await until(async () => {
        const exec = await containers.inspectExec(execId);
        expect(exec.exitCode ?? 0, "the command has ended with its session").toBe(0);
        return exec.isRunning;
      });
    });

    it("needs a running container, and starts once", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(OBEDIENT);
      const execId = await containers.createExec(id, { command: ["true"] });
      expect(await containers.startExec(execId, { detach: true })).toBeUndefined();
      await until(async () => (await containers.inspectExec(execId)).exitCode === 0);
      expect(await kindOf(containers.startExec(execId))).toBe("conflict");
      expect(await kindOf(containers.inspectExec("no-such-exec"))).toBe("not-found");
      await containers.stop(id);
      expect(await kindOf(containers.createExec(id, { command: ["true"] }))).toBe("conflict");
    });
  });

  describe("files of a container", () => {
    it("come in and out as tar archives, before the first start too", async () => {
      const { containers } = bench.runtime;
      const id = await bench.create(["cat", "/tmp/letter"]);
      const archive = pack();
      archive.entry({ name: "letter", mode: 0o444 }, "dear all\n");
      archive.finalize();
      await containers.writeArchive(id, "/tmp", Readable.from(archive));
      expect(await containers.statPath(id, "/tmp/letter")).toMatchObject({ name: "letter", sizeBytes: 9 });
      await containers.start(id);
      await containers.wait(id);
      expect((await bench.logged(id)).stdout).toBe("dear all\n");
      const { archive: out } = await containers.readArchive(id, "/tmp/letter");
      const parts: Buffer[] = [];
      for await (const part of out) parts.push(part as Buffer);
      expect(Buffer.concat(parts).toString("latin1")).toContain("dear all\n");
    });

    it("that are missing are not found", async () => {
      const id = await bench.create(["true"]);
      expect(await kindOf(bench.runtime.containers.statPath(id, "/no/such/file"))).toBe("not-found");
    });
  });
}
