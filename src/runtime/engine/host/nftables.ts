import { openFirst } from "./libc.ts";

/** Runs one batch of nft commands, all or nothing, and returns what it printed. */
type RunNft = (commands: string) => string;

/** A context talks to the namespace of the thread at its making: `openNft` again after a change of namespace. */
export interface NftLibrary {
  open(): { readonly run: RunNft; readonly close: () => void };
}

/** Undefined where koffi or libnftables is missing. */
export async function loadNftLibrary(): Promise<NftLibrary | undefined> {
  try {
    return bindLibrary((await import("koffi")).default);
  } catch {
    return undefined;
  }
}

function bindLibrary(koffi: typeof import("koffi")["default"]): NftLibrary {
  const library = openFirst(koffi, ["libnftables.so.1"]);
  const newContext = library.func("void* nft_ctx_new(uint32_t)");
  const freeContext = library.func("void nft_ctx_free(void*)");
  const bufferOutput = library.func("int nft_ctx_buffer_output(void*)");
  const bufferErrors = library.func("int nft_ctx_buffer_error(void*)");
  const runBuffer = library.func("int nft_run_cmd_from_buffer(void*, const char*)");
  const output = library.func("const char* nft_ctx_get_output_buffer(void*)");
  const errors = library.func("const char* nft_ctx_get_error_buffer(void*)");
  return {
    open: () => {
      const context: unknown = newContext(0);
      bufferOutput(context);
      bufferErrors(context);
      return {
        run: (commands) => {
          if (runBuffer(context, commands) !== 0) throw new Error(`nft: ${String(errors(context)).trim()}`);
          return String(output(context));
        },
        close: () => freeContext(context),
      };
    },
  };
}
