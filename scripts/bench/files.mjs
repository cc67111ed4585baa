// Reading Compose files: `config` of 10 and of 1000 services, start-up included.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { interleave, run } from "./run.mjs";
import { pick } from "./stacks.mjs";

const SIZES = [10, 1000];

export async function measureFiles(sides, { rounds, scratch }) {
  const rows = [];
  for (const size of SIZES) {
    const dir = projectFolder(scratch, size);
    const times = await interleave(
      sides.map(({ name }) => name),
      rounds * (size < 100 ? 3 : 1),
      async (name) => {
        const { command, env } = sides.find((side) => side.name === name);
        const [program, ...first] = command;
        return { config: (await run(program, [...first, "config"], { cwd: dir, env })).ms };
      },
    );
    rows.push({ what: `config, ${size} services`, times: pick(times, "config") });
  }
  return { title: "Compose files", unit: "ms", rows };
}

/** Services as people write them: a dozen attributes each, with short forms and a variable. */
function projectFolder(scratch, size) {
  const dir = join(scratch, `files${size}`);
  mkdirSync(dir, { recursive: true });
  const services = Array.from({ length: size }, (_, index) => service(index, size));
  const rest = "volumes:\n  data:\nnetworks:\n  front:\n  back:\n";
  writeFileSync(join(dir, "compose.yaml"), `name: files${size}\nservices:\n${services.join("")}${rest}`);
  return dir;
}

function service(index, size) {
  return `  s${index}:
    image: registry.example.com/team/service-${index}:1.${index % 10}
    command: [serve, --port, "80"]
    environment:
      NAME: service-${index}
      LEVEL: \${LEVEL:-info}
      NEXT: http://s${(index + 1) % size}:80/
    ports:
      - "${20_000 + index}:80"
    volumes:
      - data:/data
      - ./conf/${index}:/etc/service:ro
    networks: [front, back]
${index === 0 ? "" : "    depends_on: [s0]\n"}    healthcheck:
      test: [CMD, check, --fast]
      interval: 10s
      retries: 3
    labels:
      team: team-${index % 7}
    restart: unless-stopped
`;
}
