export interface Changeset {
  readonly releases: readonly { readonly name: string; readonly kind: string }[]
  readonly text: string
}
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}
export function parseChangeset(text: string, known: readonly string[]): Changeset
export function nextVersion(version: string, changesets: readonly Changeset[]): string
export function releaseEntry(version: string, date: string, changesets: readonly Changeset[]): string
export function withEntry(changelog: string, entry: string): string
export function withVersion(manifest: Manifest, version: string): Manifest
