const GO: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64", armv7l: "arm" };

/** uname's word for a machine as Go's, which images and Docker's answers use; any other is taken for Go's already. */
export function goArchitecture(machine: string): string {
  return GO[machine] ?? machine;
}
