import type { Service, Stack } from "../spec/index.ts";

/** The label keys by which a stack knows its own; Compose's words, so that other tools know them too. */
export const LABEL = {
  project: "com.docker.compose.project",
  service: "com.docker.compose.service",
  number: "com.docker.compose.container-number",
  oneoff: "com.docker.compose.oneoff",
  slug: "com.docker.compose.slug",
  version: "com.docker.compose.version",
  configHash: "com.docker.compose.config-hash",
  image: "com.docker.compose.image",
  dependsOn: "com.docker.compose.depends_on",
  workingDir: "com.docker.compose.project.working_dir",
  configFiles: "com.docker.compose.project.config_files",
  environmentFile: "com.docker.compose.project.environment_file",
  replace: "com.docker.compose.replace",
  network: "com.docker.compose.network",
  volume: "com.docker.compose.volume",
  /** Ours: the hash of what `create` received. */
  fingerprint: "stowage.fingerprint",
} as const;

/** The release of Compose whose labels and hashes these are. */
export const COMPOSE_VERSION = "2.40.3";

/** Written for other tools to read; no container behaves differently for them. */
const BOOKKEEPING: ReadonlySet<string> = new Set([
  LABEL.version,
  LABEL.configHash,
  LABEL.image,
  LABEL.dependsOn,
  LABEL.workingDir,
  LABEL.configFiles,
  LABEL.environmentFile,
  LABEL.replace,
  LABEL.fingerprint,
]);

export function isBookkeeping(label: string): boolean {
  return BOOKKEEPING.has(label);
}

export function containerLabels(
  stack: Stack,
  options: { readonly serviceName: string; readonly service: Service; readonly number: number },
): Readonly<Record<string, string>> {
  const { serviceName, service, number } = options;
  return {
    ...service.labels,
    [LABEL.project]: stack.name,
    [LABEL.service]: serviceName,
    [LABEL.number]: String(number),
    [LABEL.oneoff]: "False",
    [LABEL.version]: COMPOSE_VERSION,
    [LABEL.dependsOn]: dependsOnText(service),
    [LABEL.workingDir]: stack.workingDir,
    [LABEL.configFiles]: stack.configFiles.join(","),
    ...(stack.envFiles.length === 0 ? {} : { [LABEL.environmentFile]: stack.envFiles.join(",") }),
  };
}

/** `db:service_healthy:true,init:service_completed_successfully:false`; the last word is `restart`. */
function dependsOnText(service: Service): string {
  return Object.entries(service.depends_on ?? {})
    .map(([name, { condition, restart }]) => `${name}:${condition}:${restart === true}`)
    .sort()
    .join(",");
}
