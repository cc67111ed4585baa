/** The kind of artifact that `docker compose publish` makes (docker compose 2.40.3, internal/oci/push.go). */
export const COMPOSE_ARTIFACT = {
  artifactType: "application/vnd.docker.compose.project",
  configType: "application/vnd.docker.compose.config.empty.v1+json",
} as const;

/** Its layers' media types, and their annotations. */
export const COMPOSE_LAYER = {
  file: "application/vnd.docker.compose.file+yaml",
  envFile: "application/vnd.docker.compose.envfile",
  fileName: "com.docker.compose.file",
  envFileName: "com.docker.compose.envfile",
  isExtended: "com.docker.compose.extends",
  version: "com.docker.compose.version",
} as const;
