// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are Compose's.
import { expect, it } from "vitest";
import { loadPlainModel } from "../../src/spec/index.ts";
import { memoryDisk } from "./memory-disk.ts";

const FILE = `
name: "My-\${X}"
services:
  web:
    image: app:\${X}
    environment: [TOKEN, A=1]
    build: {context: ., args: [TOKEN]}
  db:
    image: db
    environment: {TOKEN: , A: "1"}
    secrets: [token]
secrets: {token: {environment: TOKEN}}
`;

it("a model whose variables are left in has no variable's value anywhere, and the name that the file gives", async () => {
  const { model } = await loadPlainModel({
    startDirectory: "/app",
    environment: { X: "one", TOKEN: "nobody-else-sees" },
    disk: memoryDisk({ "/app/compose.yaml": FILE }),
    skip: { interpolation: true },
  });
  expect(model).toMatchObject({
    name: "my-x",
    services: {
      web: { image: "app:${X}", environment: ["TOKEN", "A=1"], build: { args: ["TOKEN"] } },
      db: { environment: { TOKEN: null, A: "1" } },
    },
    secrets: { token: { name: "my-x_token", environment: "TOKEN" } },
  });
  expect(JSON.stringify(model)).not.toContain("nobody-else-sees");
});
