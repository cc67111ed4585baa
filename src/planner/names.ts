import type { Service, Stack } from "../spec/index.ts";

export function containerName(stack: Stack, serviceName: string, service: Service, number: number): string {
  return service.container_name ?? joined(stack, serviceName, String(number));
}

/** The container of a `run`. */
export function oneOffName(stack: Stack, serviceName: string, slug: string): string {
  return joined(stack, serviceName, "run", slug.slice(0, 12));
}

function joined({ name, nameSeparator }: Stack, ...parts: readonly string[]): string {
  return [name, ...parts].join(nameSeparator ?? "-");
}

/** Under which a container waits until the one it replaces is gone. */
export function temporaryName(replacedId: string, name: string): string {
  return `${replacedId.slice(0, 12)}_${name}`;
}

/** The final name behind a temporary one; undefined when it is none. */
export function finalName(name: string): string | undefined {
  return /^[0-9a-f]{12}_(.+)$/.exec(name)?.[1];
}

/** The image that a service runs: its own, or the one its build makes. */
export function imageOf(stack: Stack, serviceName: string, service: Service): string {
  return service.image ?? joined(stack, serviceName);
}
