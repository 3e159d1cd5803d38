export const debian12: string
export function ensureDebian12(): Promise<void>
