/** The paths of the programs, or undefined if they have not been built. */
export function findKubernetes():
  | { readonly apiserver: string; readonly controllerManager: string; readonly kubectl: string }
  | undefined

/** Builds the programs unless they are there. */
export function ensureKubernetes(): Promise<void>

/** What to run on a machine that lacks the programs. */
export const remedy: string
