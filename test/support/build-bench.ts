import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openEngine } from "../../src/runtime/engine/index.ts";
import {
  type BuildOptions,
  type BuildStep,
  type ContainerRuntime,
  RuntimeError,
} from "../../src/runtime/index.ts";
import { busyboxTar, stream, type TarItem, tarOf } from "./image-bench.ts";

export const APPLETS = [
  ...[
    "sh",
    "ls",
    "cat",
    "echo",
    "true",
    "false",
    "id",
    "stat",
    "env",
    "mkdir",
    "rm",
    "touch",
    "ln",
    "chmod",
    "chown",
  ],
  ...[
    "grep",
    "find",
    "test",
    "pwd",
    "cp",
    "mv",
    "date",
    "sleep",
    "wc",
    "sha256sum",
    "readlink",
    "mount",
    "sort",
    "head",
    "tr",
  ],
];

/** An engine of its own with `busybox` imported, and builds on it. */
export interface BuildBench {
  readonly folder: string;
  readonly runtime: ContainerRuntime;
  build(dockerfile: string, files?: readonly TarItem[], options?: Partial<BuildOptions>): Promise<Built>;
  /** What a command prints in a container of an image. */
  output(image: string, ...command: readonly string[]): Promise<string>;
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export interface Built {
  readonly id: string;
  readonly text: string;
  readonly steps: readonly BuildStep[];
}

export async function openBuildBench(name: string): Promise<BuildBench> {
  const folder = mkdtempSync(`/tmp/stowage-${name}-`);
  const dirs = { rootDir: join(folder, "root"), runDir: join(folder, "run") };
  let runtime = await openEngine(dirs);
  await runtime.images.import(stream(busyboxTar(APPLETS)), { reference: "busybox", changes: ['CMD ["sh"]'] });
  return {
    folder,
    get runtime() {
      return runtime;
    },
    build: async (dockerfile, files = [], options = {}) => {
      let text = "";
      const steps: BuildStep[] = [];
      const context = stream(tarOf([{ name: "Dockerfile", data: dockerfile }, ...files]));
      try {
        const { id } = await runtime.images.build({
          context,
          onOutput: (part) => {
            text += part;
          },
          onStep: (step) => steps.push(step),
          ...options,
        });
        return { id, text, steps };
      } catch (error) {
        if (error instanceof RuntimeError) Object.assign(error, { output: text });
        throw error;
      }
    },
    output: async (image, ...command) => {
      const { id } = await runtime.containers.create({ image, command, networkMode: "none" });
      await runtime.containers.start(id);
      await runtime.containers.wait(id);
      let text = "";
      for await (const entry of runtime.containers.logs(id, { stdout: true, stderr: true }))
        text += Buffer.from(entry.data).toString();
      await runtime.containers.remove(id);
      return text;
    },
    reopen: async () => {
      await runtime.close();
      runtime = await openEngine(dirs);
    },
    close: async () => {
      for (const { id } of await runtime.containers.list({ all: true }))
        await runtime.containers.remove(id, { force: true });
      await runtime.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
