import { expect } from "vitest";
import { containerOf, expectNothingToDo, statesOf } from "./checks.ts";
import { scenario } from "./scenario.ts";

const FILES = { files: "test/e2e/change", images: ["busybox"] } as const;

scenario("a changed file must change only what differs, and say why", FILES, async (world, step) => {
  await step("up", () => world.stowage("up -d"));
  const web = await containerOf(world, "web");
  const sleeper = await containerOf(world, "sleeper");

  await step("another value of one variable is one service's difference", async () => {
    world.edit("compose.yaml", "COLOUR: blue", "COLOUR: green");
    const plan = await world.attempt("plan --detailed-exitcode");
    expect(plan.code).toBe(2);
    expect(plan.stdout).toMatch(/COLOUR.*blue.*green/);
    expect(plan.stdout).not.toContain("sleeper");
  });
  await step("asking for the plan has changed nothing", async () =>
    expect((await containerOf(world, "web")).ID).toBe(web.ID),
  );
  await step("up replaces that container and no other", async () => {
    await world.stowage("up -d");
    expect((await containerOf(world, "web")).ID).not.toBe(web.ID);
    expect((await containerOf(world, "sleeper")).ID).toBe(sleeper.ID);
    expect((await world.stowage("exec -T web sh -c 'echo $COLOUR'")).stdout).toBe("green\n");
  });
  await step("a comment is no difference", async () => {
    world.edit("compose.yaml", "name: change", "# A comment.\nname: change");
    await expectNothingToDo(world);
  });
  await step("a new service is added beside the others", async () => {
    world.edit(
      "compose.yaml",
      "services:\n",
      "services:\n  extra:\n    image: stowage/busybox:bookworm\n    command: ['sleep', '1000000']\n    init: true\n",
    );
    await world.stowage("up -d");
    expect(await statesOf(world)).toEqual([
      "change-extra-1 running",
      "change-sleeper-1 running",
      "change-web-1 running",
    ]);
    expect((await containerOf(world, "sleeper")).ID).toBe(sleeper.ID);
  });
  await step("a service that is gone from the file is named, and removed when asked for", async () => {
    world.edit("compose.yaml", /services:\n {2}extra:[\s\S]*?init: true\n/, "services:\n");
    const up = await world.stowage("up -d");
    expect(up.stderr).toContain("change-extra-1");
    await world.stowage("up -d --remove-orphans");
    expect(await statesOf(world)).toEqual(["change-sleeper-1 running", "change-web-1 running"]);
  });
  await step("--force-recreate replaces what is asked for", async () => {
    await world.stowage("up -d --force-recreate --no-deps sleeper");
    expect((await containerOf(world, "sleeper")).ID).not.toBe(sleeper.ID);
  });
  await step("down", () => world.stowage("down -v"));
});

scenario("--dry-run and plan must change nothing", FILES, async (world, step) => {
  await step("plan of a stack that is not there lists all of it", async () => {
    const plan = await world.attempt("plan --detailed-exitcode");
    expect(plan.code).toBe(2);
    for (const name of ["change_front", "change_back", "change-web-1", "change-sleeper-1"]) {
      expect(plan.stdout).toContain(name);
    }
  });
  await step("--json is the same as data", async () => {
    const plan = JSON.parse((await world.stowage("plan --json")).stdout) as { steps: { do: string }[] };
    expect(plan.steps.map((step) => step.do)).toEqual(
      expect.arrayContaining(["create-network", "create-container", "start"]),
    );
  });
  await step("up --dry-run says so too", async () => {
    await world.stowage("up -d --dry-run");
    expect(await statesOf(world)).toEqual([]);
  });
});
