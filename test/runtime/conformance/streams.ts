import { describe, expect, it } from "vitest";
import { type Bench, kindOf, OBEDIENT, until } from "./support.ts";

export function streamsKeepTheContract(bench: Bench): void {
  describe("logs", () => {
    it("keep the streams apart and the bytes as written", async () => {
      const { stdout, stderr } = await bench.output(["sh", "-c", "echo one; echo two >&2; echo three"]);
      expect(stdout).toBe("one\nthree\n");
      expect(stderr).toBe("two\n");
    });

    it("end after the last lines when a number is asked for", async () => {
      const { id } = await bench.output(["sh", "-c", "echo 1; echo 2; echo 3"]);
      let text = "";
      for await (const { data } of bench.runtime.containers.logs(id, { tail: 2 }))
        text += Buffer.from(data).toString();
      expect(text).toBe("2\n3\n");
    });

    it("give each line its time, and nothing from before an instant", async () => {
      const id = await bench.create(["cat"], { openStdin: true, stdinOnce: true });
      const session = await bench.runtime.containers.attach(id, { stdin: true });
      await bench.runtime.containers.start(id);
      await session.write(Buffer.from("1\n"));
      await until(async () => (await bench.logged(id)).stdout === "1\n");
      await session.write(Buffer.from("2\n"));
      await session.end();
      await bench.runtime.containers.wait(id);
      const times: bigint[] = [];
      for await (const { timesNs = [] } of bench.runtime.containers.logs(id, { timestamps: true }))
        times.push(...timesNs);
      expect(times).toHaveLength(2);
      const [first, second] = times;
      if (first === undefined || second === undefined) throw new Error("two lines expected");
      expect(second > first).toBe(true);
      let text = "";
      for await (const { data } of bench.runtime.containers.logs(id, { sinceNs: second }))
        text += Buffer.from(data).toString();
      expect(text).toBe("2\n");
    });

    it("follow until the container has stopped", async () => {
      const id = await bench.run(["sh", "-c", "echo 1; sleep 0.3; echo 2"]);
      let text = "";
      for await (const { data } of bench.runtime.containers.logs(id, { follow: true }))
        text += Buffer.from(data).toString();
      expect(text).toBe("1\n2\n");
    });

    it("of a missing container are not found", async () => {
      const reading = (async () => {
        for await (const _ of bench.runtime.containers.logs("no-such-container")) break;
      })();
      expect(await kindOf(reading)).toBe("not-found");
    });

    it("survive a restart", async () => {
      const { id } = await bench.output(["echo", "again"]);
      await bench.runtime.containers.start(id);
      await bench.runtime.containers.wait(id);
      await until(async () => (await bench.logged(id)).stdout === "again\nagain\n");
    });
  });

  describe("an attached client", () => {
    it("sees all output when it attaches before the start", async () => {
      const id = await bench.create(["sh", "-c", "echo hello; echo oops >&2"]);
      const session = await bench.runtime.containers.attach(id, { stdout: true, stderr: true });
      await bench.runtime.containers.start(id);
      const text = { stdout: "", stderr: "" };
      for await (const { stream, data } of session.output) text[stream] += Buffer.from(data).toString();
      expect(text).toEqual({ stdout: "hello\n", stderr: "oops\n" });
    });

    it("writes to stdin, and ends it", async () => {
      const id = await bench.create(["cat"], { openStdin: true, stdinOnce: true });
      const session = await bench.runtime.containers.attach(id, { stdin: true });
      await bench.runtime.containers.start(id);
      await session.write(Buffer.from("ahoy\n"));
      await session.end();
      let text = "";
      for await (const { data } of session.output) text += Buffer.from(data).toString();
      expect(text).toBe("ahoy\n");
      expect((await bench.runtime.containers.wait(id)).exitCode).toBe(0);
    });

    it("may write everything, and end it, before the start", async () => {
      const id = await bench.create(["cat"], { openStdin: true, stdinOnce: true });
      const session = await bench.runtime.containers.attach(id, { stdin: true });
      await session.write(Buffer.from("ahoy\n"));
      await session.end();
      await bench.runtime.containers.start(id);
      let text = "";
      for await (const { data } of session.output) text += Buffer.from(data).toString();
      expect(text).toBe("ahoy\n");
      expect((await bench.runtime.containers.wait(id)).exitCode).toBe(0);
    });

    it("lets go without ending the process", async () => {
      const id = await bench.run(OBEDIENT);
      const session = await bench.runtime.containers.attach(id, {});
      session.close();
      for await (const _ of session.output) break;
      expect((await bench.status(id)).status).toBe("running");
    });
  });
}
