export const firewalld: string
export function ensureFirewalld(): Promise<void>
