import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with one plain line that any program can read: `tests: 12 passed, 0 failed, 1 skipped`. */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state]++;
      if (module.state() === "failed" && [...module.children.allTests("failed")].length === 0) count.failed++;
    }
    const skipped = count.skipped + count.pending;
    process.stdout.write(
      `\ntests: ${count.passed} passed, ${count.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`,
    );
  }
}
