import { describe, expect, it } from "vitest";
import { type Bench, kindOf } from "./support.ts";

export function imagesKeepTheContract(bench: Bench): void {
  describe("images", () => {
    it("are found by reference and by id", async () => {
      const { images } = bench.runtime;
      const byName = await images.inspect(bench.setup.image);
      expect(byName.id).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect((await images.inspect(byName.id)).id).toBe(byName.id);
      expect((await images.inspect(byName.id.slice(7, 19))).id).toBe(byName.id);
      expect((await images.list()).some(({ id }) => id === byName.id)).toBe(true);
    });

    it("get further names, and lose one at a time", async () => {
      const { images } = bench.runtime;
      const name = `stowage-conformance/${bench.name("tag")}:1`;
      await images.tag(bench.setup.image, name);
      const { id, repoTags } = await images.inspect(name);
      expect(repoTags).toContain(name);
      expect(await images.remove(name)).toEqual([{ untagged: name }]);
      expect(await kindOf(images.inspect(name))).toBe("not-found");
      expect((await images.inspect(bench.setup.image)).id).toBe(id);
    });

    it("that are missing are not found", async () => {
      const { images } = bench.runtime;
      const missing = "stowage-conformance/no-such-image:1";
      expect(await kindOf(images.inspect(missing))).toBe("not-found");
      expect(await kindOf(images.remove(missing))).toBe("not-found");
      expect(await kindOf(images.tag(missing, "x:1"))).toBe("not-found");
    });

    it("are what a container says it was made from", async () => {
      const { images, containers } = bench.runtime;
      const id = await bench.create(["true"]);
      const info = await containers.inspect(id);
      expect(info.image).toBe(bench.setup.image);
      expect(info.imageId).toBe((await images.inspect(bench.setup.image)).id);
    });

    it("are made from a container, files included", async () => {
      const { containers, images } = bench.runtime;
      const { id } = await bench.output(["sh", "-c", "echo kept > /tmp/mark"]);
      const reference = `stowage-conformance/${bench.name("commit")}:1`;
      const { imageId } = await containers.commit(id, { reference });
      expect((await images.inspect(reference)).id).toBe(imageId);
      const { stdout, id: reader } = await bench.output(["cat", "/tmp/mark"], { image: reference });
      expect(stdout).toBe("kept\n");
      await containers.remove(reader);
      await images.remove(reference);
    });
  });
}
