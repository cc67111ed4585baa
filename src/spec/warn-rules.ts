import type { CheckRun } from "./check-rules.ts";
import type { Origin, Path } from "./source-tree.ts";
import type { Port } from "./stack.ts";

/** What Compose takes without a word, and what people look for long afterwards. */
export function warnOfTraps(run: CheckRun): void {
  portsTwice(run);
  portsAppended(run);
  unsetSources(run);
  unpinnedImages(run);
}

const OVERRIDE_HINT = "ports of several files add up: put !override before the later list";

/** One port of the host for two: the second container cannot be started. */
function portsTwice(run: CheckRun): void {
  const seen = new Map<string, { readonly name: string; readonly path: Path }>();
  for (const [name, service] of run.services) {
    service.ports?.forEach((port, index) => {
      const key = hostPort(port);
      if (key === undefined) return;
      const path = ["services", name, "ports", index];
      const first = seen.get(key);
      if (first === undefined) {
        seen.set(key, { name, path });
        return;
      }
      const related = run.placeOf(first.path);
      run.problems.warning(
        "check/port-twice",
        first.name === name
          ? `"${name}" publishes the port ${key} twice`
          : `"${name}" publishes the port ${key}, and so does "${first.name}"`,
        {
          at: run.placeOf(path),
          path,
          hint: first.name === name ? OVERRIDE_HINT : undefined,
          related: related === undefined ? [] : [{ at: related, message: "the other" }],
        },
      );
    });
  }
}

function hostPort({ published, host_ip: address = "", protocol = "tcp" }: Port): string | undefined {
  if (published === undefined || published === "0") return undefined;
  const host = address === "" || address === "0.0.0.0" ? "" : `${address}:`;
  return `${host}${published}/${protocol}`;
}

/** A second file's ports are added to the first's, so a port that was meant to move is published at both places. */
function portsAppended(run: CheckRun): void {
  for (const [name, service] of run.services) {
    const seen = new Map<string, { readonly published: string; readonly at: Origin }>();
    const warned = new Set<string>();
    service.ports?.forEach((port, index) => {
      const path = ["services", name, "ports", index];
      const at = run.placeOf(path);
      if (hostPort(port) === undefined || at === undefined) return;
      const { published = "", target, host_ip: address, protocol } = port;
      const key = `${address ?? ""} ${target}/${protocol}`;
      const first = seen.get(key);
      if (first === undefined) seen.set(key, { published, at });
      // A range is one entry of the file.
      if (first === undefined || first.published === published || first.at.source === at.source) return;
      const entry = `${at.source.name}:${at.start}`;
      if (warned.has(entry)) return;
      warned.add(entry);
      run.problems.warning(
        "check/port-appended",
        `"${name}" publishes its port ${target} as ${published}, and still as ${first.published}`,
        { at, path, hint: OVERRIDE_HINT, related: [{ at: first.at, message: "the other" }] },
      );
    });
  }
}

/** Where one image is pinned by digest, one that follows a tag that moves is a hole in the lock. */
function unpinnedImages(run: CheckRun): void {
  const images = [...run.services].flatMap(([name, { image, build }]) =>
    image === undefined || build !== undefined ? [] : [{ name, image }],
  );
  const pinned = images.find(({ image }) => image.includes("@"));
  if (pinned === undefined) return;
  const pinnedAt = run.placeOf(["services", pinned.name, "image"]);
  for (const { name, image } of images.filter((one) => followsLatest(one.image))) {
    const path = ["services", name, "image"];
    run.problems.warning(
      "check/unpinned-image",
      `"${name}" follows the tag latest of ${image}, while "${pinned.name}" is pinned by its digest`,
      {
        at: run.placeOf(path),
        path,
        hint: "pin it too: config --lock-image-digests prints the digests of all",
        related: pinnedAt === undefined ? [] : [{ at: pinnedAt, message: "pinned" }],
      },
    );
  }
}

function followsLatest(image: string): boolean {
  if (image.includes("@")) return false;
  const tag = /:([^/]*)$/.exec(image)?.[1];
  return tag === undefined || tag === "latest";
}

function unsetSources(run: CheckRun): void {
  for (const section of ["secrets", "configs"] as const) {
    for (const [name, { environment, content }] of Object.entries(run.stack[section])) {
      if (environment === undefined || content !== undefined) continue;
      const path = [section, name, "environment"];
      run.problems.warning(
        "variable/unset",
        `The variable "${environment}", which ${section}.${name} is made of, is not set`,
        {
          at: run.placeOf(path),
          path,
        },
      );
    }
  }
}
