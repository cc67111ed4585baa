import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "vitest";
import { engineCall, expectRefusal } from "./checks.ts";
import { scenario } from "./scenario.ts";

scenario(
  "a service's image must be built as it declares, and what it starts from before it",
  { files: "test/e2e/builds", images: ["busybox"] },
  async (world, step) => {
    const inside = async (script: string) =>
      (await world.stowage(`exec -T app sh -c '${script}'`)).stdout.trim();
    await step("up of the one brings the other's image", () => world.stowage("up -d app"));
    await step("contexts, arguments, hosts, a stage; what is ignored is not there", async () => {
      expect(await inside("cat /base /copied /who; cut -f1 /hosts; ls /context; ls /tool")).toBe(
        "base\nfrom a folder\nsomebody lo\n192.0.2.1\nbase.Dockerfile\nkept\n/tool",
      );
    });
    await step("the secret was there for the step, and is nowhere now", async () => {
      expect(await inside("test -e /run/secrets/tok || echo gone")).toBe("gone");
      expect(JSON.stringify(await engineCall(world, "/images/builds-app:latest/history"))).not.toContain(
        "not very secret",
      );
    });
    await step("tags and labels", async () => {
      const image = await engineCall(world, "/images/builds-app:latest/json");
      expect(image).toMatchObject({
        RepoTags: expect.arrayContaining(["builds-app:latest", "builds/second:1"]) as unknown,
        Config: { Labels: { owner: "nobody", "com.docker.compose.service": "app" } },
      });
    });
    await step("a second up builds nothing", async () => {
      const { stderr } = await world.stowage("up -d app");
      expect(stderr).not.toMatch(/Building/);
      expect(stderr).toMatch(/nothing to do/i);
    });
    await step("an SSH agent of whoever asks is there for the step, and its lack is told", async () => {
      expectRefusal(await world.attempt("build with-agent"), 1, /SSH agent "default": SSH_AUTH_SOCK/);
      const agent = createServer().listen(join(world.stackDir, "agent"));
      await once(agent, "listening");
      await world.stowage("build with-agent", { env: { SSH_AUTH_SOCK: join(world.stackDir, "agent") } });
      agent.close();
      await world.stowage("up -d --no-build with-agent");
      expect((await world.stowage("exec -T with-agent cat /agent")).stdout).toMatch(/^\/run\/.*agent/);
    });
    await step("what no build has is refused at its place", async () =>
      expectRefusal(
        await world.attempt("up -d privileged"),
        1,
        /compose\.yaml:\d+:\d+: error: services\.privileged\.build\.privileged: cannot take effect/,
      ),
    );
    await step("down with its images", async () => {
      await world.stowage("--profile agent down --rmi local");
      expect((await world.stowage("image ls -q builds-app")).stdout).toBe("");
    });
  },
);
