/** A user of etcd. */
export interface Credentials {
  readonly username: string
  readonly password: string
}
