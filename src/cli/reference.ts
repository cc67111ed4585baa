/** `registry:5000/a/b:1.0@sha256:...` as its parts; the tag is `latest` where neither tag nor digest is given. */
export function splitReference(reference: string): {
  readonly repository: string;
  readonly tag: string;
  readonly digest?: string;
} {
  const [named = "", digest] = reference.split("@");
  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  return {
    repository: hasTag ? named.slice(0, colon) : named,
    tag: hasTag ? named.slice(colon + 1) : digest === undefined ? "latest" : "<none>",
    ...(digest !== undefined && { digest }),
  };
}
