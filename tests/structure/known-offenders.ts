/**
 * What the checks find and is known. Each entry excuses the findings that contain it, and fails its check once there is
 * none, so that this list only shrinks.
 */
export const KNOWN_OFFENDERS = {
  circles: [],
  wrongArrows: [],
  undeclaredImports: [],
  processUse: [],
  unimportableTypes: [],
  undocumented: [],
} as const satisfies Readonly<Record<string, readonly string[]>>
