import {
  containerInfoToWire,
  EXTENSION,
  imageInfoToWire,
  networkInfoToWire,
  volumeInfoToWire,
} from "../docker-api/index.ts";
import type { ContainerRuntime } from "../index.ts";
import type { Connection, Query } from "./connection.ts";
import { at as containerPath } from "./containers.ts";
import { at as imagePath } from "./images.ts";

type Document = Readonly<Record<string, unknown>>;

/** What Docker's `inspect` answers for one object, field by field. */
export interface Documents {
  container(id: string, options?: { readonly size?: boolean }): Promise<Document>;
  image(reference: string): Promise<Document>;
  network(nameOrId: string): Promise<Document>;
  volume(name: string): Promise<Document>;
}

/** A port over a socket, which has the engine's own documents, too. */
export interface DockerRuntime extends ContainerRuntime {
  readonly documents: Documents;
}

/** The engine's own documents where it has a socket, with fields that the port does not know; else made of the port's. */
export function documentsOf(runtime: ContainerRuntime): Documents {
  return "documents" in runtime ? (runtime as DockerRuntime).documents : documentsFromPort(runtime);
}

export function documentsOver(connection: Connection): Documents {
  const read = async (path: string, query: Query = {}): Promise<Document> => {
    const answer = await connection.json("GET", path, { query });
    const { [EXTENSION]: _ours, ...document } = answer as Document;
    return document;
  };
  return {
    container: (id, { size = false } = {}) => read(`${containerPath(id)}/json`, { size }),
    image: (reference) => read(`${imagePath(reference)}/json`),
    network: (nameOrId) => read(`/networks/${encodeURIComponent(nameOrId)}`),
    volume: (name) => read(`/volumes/${encodeURIComponent(name)}`),
  };
}

function documentsFromPort(runtime: ContainerRuntime): Documents {
  return {
    async container(id, options) {
      const [found, facts] = await Promise.all([runtime.containers.inspect(id, options), runtime.info()]);
      return containerInfoToWire(found, { ...facts, isExtended: false });
    },
    image: async (reference) => imageInfoToWire(await runtime.images.inspect(reference)),
    network: async (nameOrId) => networkInfoToWire(await runtime.networks.inspect(nameOrId)),
    volume: async (name) => volumeInfoToWire(await runtime.volumes.inspect(name)),
  };
}
