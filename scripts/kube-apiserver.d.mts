/** Where the programs are, or undefined where they have not been built. */
export function findKubernetes():
  | { readonly apiserver: string; readonly controllerManager: string; readonly kubectl: string }
  | undefined

/** Builds the programs unless they are there. */
export function ensureKubernetes(): Promise<void>

/** What one line tells a reader whose machine lacks the programs. */
export const remedy: string
