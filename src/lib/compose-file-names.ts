/** What a Compose file is called when nobody names it, the preferred name first (Compose Specification, "The Compose file"). */
export const COMPOSE_FILE_NAMES = [
  "compose.yaml",
  "compose.yml",
  "docker-compose.yml",
  "docker-compose.yaml",
] as const;
