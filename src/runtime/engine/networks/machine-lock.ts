import { connect, createServer, type Server } from "node:net";

/**
 * Alone on this machine while `work` runs, whatever other daemons there are: an abstract socket has one owner, and
 * the kernel takes it from a process that dies.
 */
export async function withMachineLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const path = `\0stowage-${name}`;
  let server = await tryOwn(path);
  while (server === undefined) {
    await released(path);
    server = await tryOwn(path);
  }
  const owner = server;
  try {
    return await work();
  } finally {
    await new Promise<void>((resolve) => owner.close(() => resolve()));
  }
}

function tryOwn(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const waiters = new Set<{ destroy(): void }>();
    const server = createServer((waiter) => {
      waiters.add(waiter);
      waiter.on("error", () => waiter.destroy());
    });
    server.on("error", (error) => {
      if ("code" in error && error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => {
      const close = server.close.bind(server);
      server.close = (done) => {
        close(done);
        for (const waiter of waiters) waiter.destroy();
        return server;
      };
      resolve(server);
    });
  });
}

function released(path: string): Promise<void> {
  return new Promise((resolve) => {
    const waiter = connect(path);
    waiter.on("error", () => waiter.destroy());
    waiter.on("close", () => resolve());
  });
}
