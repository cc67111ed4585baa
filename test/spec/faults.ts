/**
 * Faulty parts of Compose files. `«` stands before each fault, with its rule; a part is sound but for those. `SVC` is
 * the service's name.
 */
export const SERVICE_FAULTS: readonly string[] = [
  `SVC:
    image: app
    «schema/unknown-key»comand: run`,
  `SVC:
    image: «schema/type»5`,
  `SVC:
    image: app
    ports:
      - "80:80"
      - «value/form»"99999:80"`,
  `SVC:
    image: app
    volumes:
      - «check/undefined-volume»nowhere:/data`,
  `SVC:
    image: app
    volumes: [{type: «schema/choice»bnd, source: /a, target: /b}]`,
  `SVC:
    image: app
    depends_on:
      «check/undefined-dependency»ghost:
        condition: service_started`,
  `SVC:
    image: app
    depends_on: [sound, «check/undefined-dependency»phantom]`,
  `SVC:
    image: app
    depends_on:
      sound: {condition: «schema/choice»healthy}`,
  `SVC:
    image: app
    healthcheck:
      test: «check/health-test»[curl, localhost]`,
  `SVC:
    image: app
    healthcheck:
      test: [CMD, "true"]
      interval: «value/form»10x
      retries: «value/type»many`,
  `SVC:
    image: app
    networks:
      «check/undefined-network»lost:
      default: {«schema/unknown-key»ipv4_adress: 10.0.0.1}`,
  `SVC:
    image: app
    deploy:
      replicas: «value/type»lots
      resources:
        limits:
          «schema/unknown-key»cpu: "1"
          memory: «value/type»5q`,
  `SVC:
    image: app
    environment:
      A: «schema/type»{b: c}
      B: "ok"`,
  `SVC:
    image: app
    command: «value/form»echo 'open`,
  `SVC:
    image: app:«variable/format»\${A B}`,
  `SVC:
    image: app
    environment:
      - KEY=text «variable/required»\${MUST:?say it}`,
  `SVC:
    image: app
    env_file: «file/unreadable»missing.env`,
  `«check/no-image»SVC:
    environment: {A: "1"}`,
  `SVC:
    image: app
    «yaml/duplicate-key»image: twice`,
  `SVC:
    image: app
    privileged: «value/type»maybe
    scale: «value/type»"two"`,
  `SVC:
    image: app
    secrets:
      - source: «check/undefined-secret»token
        «schema/unknown-key»mod: 0400`,
  `SVC:
    image: app
    configs: [«check/undefined-config»settings]`,
  `SVC:
    image: app
    network_mode: host
    «check/network-mode»networks: [default]`,
  `SVC:
    image: app
    container_name: «check/container-name»only
    scale: 2`,
  `SVC:
    build:
      context: .
      dockerfile: a
      dockerfile_inline: «check/one-dockerfile»FROM b`,
  `SVC:
    extends: «extends/no-service»nobody`,
  `SVC:
    image: app
    volumes:
      - «check/mount-target»/a:/x
    tmpfs: [/x]`,
  `SVC:
    image: app
    ulimits:
      nofile: {soft: 1, «schema/unknown-key»hrd: 2, hard: 3}`,
  `SVC:
    image: app
    mem_limit: «value/type»12zz
    stop_grace_period: «schema/type»5`,
  `SVC:
    image: app
    develop:
      watch:
        - «check/watch-target»action: sync
          path: .`,
  `SVC:
    image: app
    restart: «schema/type»true
    labels: [«schema/type»{a: b}]`,
];

/** Faults of YAML itself: one of these is in a file beside others. */
export const SYNTAX_FAULTS: readonly string[] = [
  `SVC:
    image: app
«yaml/tab»\tcommand: run`,
  `SVC:
    image: app
    command: «yaml/colon»echo: hi`,
  `SVC:
    image: app
      «yaml/indent»command: run`,
  `SVC:
    image: app
   «yaml/indent»command: run`,
  `SVC:
    image: app
    ports: «yaml/bracket»["80:80", "90:90"
    restart: always`,
  `SVC:
    «yaml/colon»image nginx
    restart: always`,
  `SVC:
    image«yaml/colon»:nginx
    restart: always`,
  `SVC:
    image: «yaml/reserved-character»@app`,
  `SVC:
    image: 'it'«yaml/syntax»s'`,
  `SVC:
    image: app
    environment: {A: «yaml/unknown-alias»*gone}`,
];

/** Faults of a file's top level. */
export const TOP_FAULTS: readonly string[] = [
  "«schema/unknown-key»volums: {}",
  "networks:\n  SVCfront:\n    ipam:\n      config: «schema/type»{subnet: 10.0.0.0/8}",
  "secrets:\n  SVCboth: {file: a, «value/one-source»environment: B}",
  "configs:\n  SVCempty: «value/one-source»{}",
  "volumes:\n  SVCouter: {external: true, «value/external»driver: local}",
  "models:\n  «schema/missing-key»SVCllm: {context_size: 5}",
];
