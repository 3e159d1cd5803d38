/** Where etcd 3.5 is, once it has been downloaded. */
export const etcd35: string

/** Downloads etcd 3.5 unless it is there. */
export function ensureEtcd35(): Promise<void>
