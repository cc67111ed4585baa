/** `docker.io/library/nginx` of `nginx`. */
export function fullRepository(name: string): string {
  const [first = "", ...rest] = name.split("/");
  if (rest.length === 0) return `docker.io/library/${name}`;
  return /[.:]/.test(first) || first === "localhost" ? name : `docker.io/${name}`;
}

export function withTag(reference: string): string {
  return reference.includes(":", reference.lastIndexOf("/") + 1) ? reference : `${reference}:latest`;
}
