import type { ContainerSpec, MountSpec } from "../runtime/index.ts";
import type { Network, Service } from "../spec/index.ts";
import { networkKeysOf } from "./container-networks.ts";
import type { Draft } from "./container-spec.ts";
import { diffSpecs } from "./diff-specs.ts";
import { completeSpec } from "./fingerprint.ts";
import { LABEL } from "./labels.ts";
import type { ObservedContainer } from "./observed.ts";
import type { FieldChange, Reason } from "./plan.ts";
import type { Planning } from "./planning.ts";

export interface Comparison {
  readonly draft: Draft;
  readonly service: Service;
  /** Undefined: it is not here (yet); the container's own is taken for it. */
  readonly imageId: string | undefined;
  readonly joinedIds: Readonly<Record<string, string>>;
  /** Nobody asks now: a newer image, or another way of ours to say the same, is no reason. */
  readonly isHold: boolean;
}

/** Why a container is not the one that would be made now; undefined when it is. */
export function divergence(container: ObservedContainer, comparison: Comparison): Reason | undefined {
  const { draft, isHold, joinedIds } = comparison;
  const imageId = isHold ? container.imageId : (comparison.imageId ?? container.imageId);
  const { spec, joins, filesDigest } = draft;
  const parts = {
    spec,
    ...(joins === undefined ? {} : { joins }),
    ...(filesDigest === undefined ? {} : { filesDigest }),
  };
  const expected = completeSpec(parts, { imageId, joinedIds });
  const { labels } = container;
  const hasOurMark = labels[LABEL.fingerprint] !== undefined;
  if (hasOurMark && labels[LABEL.fingerprint] === expected.labels?.[LABEL.fingerprint]) return undefined;
  const isSameDeclaration = labels[LABEL.configHash] === expected.labels?.[LABEL.configHash];
  const isSameImage = container.imageId === imageId;
  if (isSameDeclaration && isSameImage && (!hasOurMark || isHold)) return undefined;
  const changes = changesOf(container, { expected, imageId, isSameImage });
  const cause = isSameImage ? "changed" : isSameDeclaration ? "image changed" : "changed, image too";
  return changes.length === 0 ? { cause } : { cause, changes };
}

function changesOf(
  container: ObservedContainer,
  now: {
    readonly expected: ContainerSpec;
    readonly imageId: string;
    readonly isSameImage: boolean;
  },
): readonly FieldChange[] {
  const image: readonly FieldChange[] = now.isSameImage
    ? []
    : [{ field: "image id", from: short(container.imageId), to: short(now.imageId) }];
  if (container.spec === undefined) return image;
  return [...image, ...diffSpecs(withoutInherited(container, now.expected), now.expected)];
}

function short(imageId: string): string {
  return imageId.replace(/^sha256:/, "").slice(0, 12);
}

/** Volumes that were handed over from an earlier container are anonymous ones of the declaration, or the image's. */
function withoutInherited(container: ObservedContainer, expected: ContainerSpec): ContainerSpec {
  const { spec = { image: container.image } } = container;
  if (spec.mounts === undefined) return spec;
  const places = new Set((expected.mounts ?? []).map(({ target }) => target));
  const mounts = spec.mounts.flatMap((mount): readonly MountSpec[] => {
    const isInherited =
      mount.type === "volume" && mount.source !== undefined && /^[0-9a-f]{64}$/.test(mount.source);
    if (!isInherited) return [mount];
    const { source: _source, ...rest } = mount;
    return places.has(mount.target) ? [rest] : [];
  });
  const { mounts: _all, ...rest } = spec;
  return mounts.length === 0 ? rest : { ...rest, mounts };
}

/** Networks that a container should be on and is not, and those that were made anew under it. */
export function networkDrift(
  planning: Planning,
  container: ObservedContainer,
  service: Service,
): { readonly missing: readonly string[]; readonly renewed: readonly string[] } {
  const missing: string[] = [];
  const renewed: string[] = [];
  for (const key of networkKeysOf(service)) {
    const declared: Network | undefined = planning.stack.networks[key];
    const name = declared?.name ?? key;
    const known = planning.observed.networks.find((network) => network.name === name);
    const attachedId = container.networks[name];
    if (known === undefined) renewed.push(name);
    else if (attachedId === undefined) missing.push(name);
    // An engine may fill the id only while the container runs.
    else if (attachedId !== "" && attachedId !== known.id) renewed.push(name);
  }
  return { missing, renewed };
}
