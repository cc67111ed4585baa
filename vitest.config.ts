import { defineConfig } from "vitest/config";
import { ClosingLine } from "./test/setup/closing-line.ts";

// Three projects, one after the other: `unit` needs nothing but Node; `engine` needs root and the Debian packages
// that `stowage doctor` lists; `e2e` also needs the built bundle and the images made by scripts/images.
export default defineConfig({
  test: {
    globalSetup: "test/setup/build-programs.ts",
    reporters: ["default", new ClosingLine()],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/engine/**", "test/e2e/**"],
          // Of a test that hangs. What takes long on a busy machine is no fault.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 60_000 } },
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          expect: { poll: { timeout: 60_000 } },
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.e2e.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
