import { createServer } from "node:net";
import { expect } from "vitest";
import { containersOf, expectNothingToDo, expectRefusal, statesOf } from "./checks.ts";
import { scenario } from "./scenario.ts";
import type { World } from "./world.ts";

/** Wrong files: what each must say, at which place. All are found before anything is touched. */
const WRONG_FILES: readonly (readonly [folder: string, says: readonly (string | RegExp)[]])[] = [
  ["broken-yaml", [/compose\.yaml:\d+:\d+: /]],
  ["wrong-types", ["compose.yaml:4:18: ", "compose.yaml:5:14: ", "compose.yaml:8:12: "]],
  [
    "unknown-key",
    ["compose.yaml:4:5: ", /did you mean "?command/i, "compose.yaml:5:5: ", /did you mean "?environment/i],
  ],
  ["cycle", [/compose\.yaml:\d+:\d+: .*first.*second.*third/]],
  ["undefined-volume", [/compose\.yaml:5:\d+: .*data/, /compose\.yaml:7:\d+: .*nowhere/]],
  ["required-variable", [/compose\.yaml:5:\d+: .*SHOP_PASSWORD/, "choose a password first"]],
];

for (const [folder, says] of WRONG_FILES) {
  scenario(
    `${folder}: a wrong file must be refused at its place`,
    { files: `test/e2e/faults/${folder}` },
    async (world, step) => {
      for (const command of ["config -q", "plan", "up -d"]) {
        await step(command, async () => expectRefusal(await world.attempt(command), 15, ...says));
      }
    },
  );
}

scenario(
  "a missing image must be named before anything is made",
  { files: "test/e2e/faults/missing-image", images: ["busybox"] },
  async (world, step) => {
    await step("up", async () =>
      expectRefusal(await world.attempt("up -d"), 1, "localhost:1/nobody/has-this:1"),
    );
    await nothingWasMade(world, step);
  },
);

scenario(
  "a taken port must be said before the first change",
  { files: "test/e2e/faults/taken-port", images: ["busybox"] },
  async (world, step) => {
    const port = await world.givePort("WEB_PORT");
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await step("up", async () =>
        expectRefusal(await world.attempt("up -d"), 1, new RegExp(`port ${port}\\b`), /taken/),
      );
      await nothingWasMade(world, step);
    } finally {
      server.close();
    }
    await step("once it is free, up works", async () => {
      await world.stowage("up -d");
      await world.stowage("down -t 1");
    });
  },
);

for (const [folder, code] of [
  ["not-found", 127],
  ["not-executable", 126],
] as const) {
  scenario(
    `${folder}: a command that cannot run must be said, with exit code ${code}`,
    { files: `test/e2e/faults/${folder}`, images: ["busybox"] },
    async (world, step) => {
      await step("up fails and names the service's container", async () =>
        expectRefusal(
          await world.attempt("up -d"),
          1,
          "stack-web-1",
          folder === "not-found" ? "/no/such/program" : "/etc/passwd",
        ),
      );
      await step("the container shows the code and is not tried for ever", async () => {
        const [container] = await containersOf(world);
        expect(container).toMatchObject({ ExitCode: code });
        expect(container?.State).toMatch(/created|exited/);
      });
      await step("run ends with the code", async () =>
        expectRefusal(await world.attempt("run --rm -T web"), code),
      );
      await step("down takes it away", () => world.stowage("down"));
    },
  );
}

scenario(
  "two ups of one stack at once must both end well, and make it once",
  { files: "test/e2e/faults/two-services", images: ["busybox"] },
  async (world, step) => {
    await step("five at once", async () => {
      const ups = await Promise.all([1, 2, 3, 4, 5].map(() => world.attempt("up -d")));
      expect(ups.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    });
    await step("each service has one container", async () => {
      expect(await statesOf(world)).toEqual(["stack-first-1 running", "stack-second-1 running"]);
      await expectNothingToDo(world);
    });
    await step("up and down at once leave it whole or gone", async () => {
      const [up, down] = await Promise.all([
        world.attempt("up -d --force-recreate"),
        world.attempt("down -t 1"),
      ]);
      expect([up.code, down.code]).toEqual([0, 0]);
      expect([0, 2]).toContain((await containersOf(world)).length);
    });
    await step("down", () => world.stowage("down -v -t 1"));
  },
);

type StepFunction = Parameters<Parameters<typeof scenario>[2]>[1];

async function nothingWasMade(world: World, step: StepFunction): Promise<void> {
  await step("nothing was made", async () => {
    expect(await containersOf(world)).toEqual([]);
    expect(world.leftovers()).toEqual([]);
  });
}
